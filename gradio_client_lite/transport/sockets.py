"""Sockets as connections use them: read under limits, waited for, shut down."""

from __future__ import annotations

import io
import select
import socket
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Optional, Protocol, Tuple

from .timeout import Deadline, Silence, Timeout

if TYPE_CHECKING:
    from .liveness import Liveness

# A wait may take this much longer than it should, rather than be set anew at every read.
_SLACK = 1.01


class SocketLike(Protocol):
    """What a connection needs of a socket; tests may script it."""

    def send(self, data: Any, /) -> int: ...
    def recv_into(self, buffer: Any, /) -> int: ...
    def settimeout(self, seconds: Optional[float], /) -> None: ...
    def shutdown(self, how: int, /) -> None: ...
    def fileno(self) -> int: ...
    def close(self) -> None: ...


class SocketReader(io.RawIOBase):
    """The raw stream under a connection's buffer; every single read obeys the limits.

    Silence is what passes in one wait for something of use, however many reads that takes. The first of them
    gives the socket the whole limit, as the read before it did, so that most waits change no setting of it.

    Attributes:
        limit: the longest silence in seconds; None for ever.
        deadline: of the request under way; brought forward when an answer begins that took patience.
        received: whether any byte has arrived since it was last set to False.
        eof: whether the peer has closed.
        wait: whether reads wait. False: they return None instead, and `io` what it has, maybe nothing. None:
            nothing is read, as only what is buffered is wanted.
        silence: is asked whether to wait on when `limit` has passed in silence; None asks `liveness`.
        liveness: of the server; None where silence for so long ends the wait.
    """

    def __init__(self, sock: SocketLike, deadline: Deadline) -> None:
        self.sock = sock
        self.limit: Optional[float] = None
        self.deadline = deadline
        self.received = False
        self.eof = False
        self.wait: Optional[bool] = True
        self._set: Optional[float] = -1.0
        # When the wait for something of use began to read; None before.
        self._since: Optional[float] = None
        # When it ends, unless it is found that it may go on; when its last read began.
        self._until = self._began = 0.0
        self.silence: Optional[Silence] = None
        self.liveness: Optional[Liveness] = None
        self._watch: Optional[Silence] = None
        # The limits of an answer whose first byte is waited for without any; None once it is there.
        self._patience: Optional[Timeout] = None

    def readable(self) -> bool:
        return True

    def set_timeout(self) -> None:
        """Give the socket the time one step may take.

        Raises:
            socket.timeout: the deadline has passed.
        """
        self._apply(self.deadline.left(self.limit))

    def watch(self) -> Optional[Silence]:
        """Begin to watch over a peer that takes nothing; None where it does so no longer than `limit`."""
        return None if self.liveness is None or self.limit is None else self.liveness.watch(self.limit)

    def bear(self, watch: Optional[Silence]) -> Optional[float]:
        """How many seconds more to bear with a peer that took nothing in time.

        Raises:
            socket.timeout: none.
        """
        more = None if watch is None or self.deadline.passed() else watch()
        if more is None:
            raise socket.timeout("nothing was taken")
        return self.deadline.left(more)

    def renew(self) -> None:
        """Begin another wait for something of use: the one before has got it."""
        self._since = None

    def be_patient(self, limits: Timeout) -> None:
        """Wait for the first byte of an answer as long as the deadline lets it."""
        self._since = None
        self._patience = limits

    def begin_answer(self) -> None:
        """Know that the first byte is there: silence is a stall from here on."""
        if self._patience is not None:
            limits, self._patience = self._patience, None
            self.deadline = self.deadline.sooner(limits.answer, limits.name)

    def _allowed(self, again: bool) -> Optional[float]:
        """The seconds that the next read may take; `again` where it goes on with one that was silent."""
        if self.limit is None or self._patience is not None:
            return self.deadline.left()
        now = time.monotonic()
        if not again:
            self._began = now
        if self._since is None:
            self._since, self._until = now, now + self.limit
            self._watch = None
            return self.deadline.left(self.limit)
        left = self._until - now
        if left <= 0:
            raise socket.timeout("nothing of use came")
        return self.deadline.left(left)

    def _wait_on(self) -> bool:
        """Whether a wait whose time has passed goes on; not so where bytes came that were of no use."""
        now, limit = time.monotonic(), self.limit
        if limit is None or now - self._began < limit / 2 or self.deadline.passed():
            return False
        watch = self.silence or self._watch
        if watch is None:
            if self.liveness is None:
                return False
            watch = self._watch = self.liveness.watch(limit)
        more = watch()
        if more is None:
            return False
        self._until = now + more
        return True

    def _apply(self, seconds: Optional[float]) -> None:
        before = self._set
        if seconds == before or (seconds and before and seconds < before < seconds * _SLACK):
            return
        self._set = seconds
        self.sock.settimeout(seconds)

    def send_now(self, data: Any) -> int:
        """Send as much as can go without waiting; return how many bytes.

        Raises:
            BlockingIOError: that is nothing.
        """
        self._apply(0.0)
        try:
            return self.sock.send(data)
        except OSError as error:
            if _would_block(error):
                raise BlockingIOError("nothing can be sent") from error
            raise

    def readinto(self, buffer: Any, /) -> Optional[int]:
        if self.wait is None:
            return None
        again = False
        while True:
            try:
                self._apply(self._allowed(again) if self.wait else 0.0)
                count = self.sock.recv_into(buffer)
                break
            except OSError as error:
                if not self.wait and _would_block(error):
                    return None
                again = isinstance(error, socket.timeout) and error.errno is None and self._wait_on()
                if not again:
                    raise
        if count:
            self.received = True
            self.begin_answer()
        else:
            self.eof = True
        return count


def _would_block(error: OSError) -> bool:
    if isinstance(error, BlockingIOError):
        return True
    ssl = sys.modules.get("ssl")
    return ssl is not None and isinstance(error, (ssl.SSLWantReadError, ssl.SSLWantWriteError))


def ready(sock: SocketLike, *, write: bool, timeout: Optional[float]) -> Tuple[bool, bool]:
    """Wait until a socket is readable (or, with `write`, writable).

    Args:
        sock: the socket.
        write: whether becoming writable ends the wait too.
        timeout: seconds, 0 to look only; None waits for ever.

    Returns:
        Whether it is readable (or broken), and whether it is writable.
    """
    if hasattr(select, "poll"):
        poller = select.poll()
        poller.register(sock.fileno(), select.POLLIN | select.POLLPRI | (select.POLLOUT if write else 0))
        events = poller.poll(None if timeout is None else timeout * 1000)
        mask = events[0][1] if events else 0
        return bool(mask & ~select.POLLOUT), bool(mask & select.POLLOUT)
    number = sock.fileno()
    readable, writable, broken = select.select([number], [number] if write else [], [number], timeout)
    return bool(readable or broken), bool(writable)


def tune(sock: socket.socket) -> None:
    """Send without delay, and have the system break a connection whose other end is gone.

    It probes a silent one after half a minute, where one may say so: a function that runs for an hour sends
    nothing until it is done, and nothing else would tell that from a network that has vanished.
    """
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for names, seconds in ((("TCP_KEEPIDLE", "TCP_KEEPALIVE"), 30), (("TCP_KEEPINTVL",), 10)):
        option = next((getattr(socket, name) for name in names if hasattr(socket, name)), None)
        if option is not None:
            with suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, option, seconds)


def shutdown(sock: SocketLike) -> None:
    """Shut a socket down in both directions, whatever state it is in."""
    try:
        if isinstance(sock, socket.socket):
            # Not SSLSocket.shutdown: it would let a concurrent read see ciphertext.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
        else:
            sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
