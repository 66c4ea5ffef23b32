"""How long to wait: the caller's limits, and the deadline made of them.

Sockets as connections use them: read under limits, waited for, shut down.
"""

from __future__ import annotations

import io
import select
import socket
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable, Optional, Protocol, Tuple

from ..errors import ArgumentError
from ..limits import Bound

if TYPE_CHECKING:
    from .liveness import Liveness

Clock = Callable[[], float]
#: Told that a wait was silent for its whole limit; gives the seconds to wait on, None for none.
Silence = Callable[[], Optional[float]]
# Waits may end this much early, in seconds: system timers are rounded.
_GRAIN = 0.002
LONGEST_WAIT = 2_000_000.0
"""Seconds; systems take up to 24 days, in milliseconds of 31 bits, and these are 23."""
# Clocks read one after the other may differ this much, in seconds, without the machine having slept.
_DRIFT = 0.5


class Timeout:
    """The limits of one request, in seconds; None means no limit, and so does more than 23 days.

    Args:
        connect: until the connection stands: TCP, proxy tunnel and TLS handshake together. Looking up
            a host name is left to the operating system and cannot be cut short.
        read: the longest silence. While sending, it counts from the last byte that left; then until the head
            of the answer is whole; then from one piece of its body, decompressed, to the next. Bytes that add
            nothing to these do not count.
        total: the whole request, redirects, retries and the body included. For a stream this is its
            whole life, so leave it None there unless that is wanted.
        head: until the head of the answer is whole, redirects and retries included.
        answer: from the first byte of the answer to its last.
        patient: whether the first byte of the answer is waited for as long as that takes, because a function
            runs meanwhile. An answer that has begun falls under `read` and `answer`.
        name: what error texts call `total`, `head` and `answer`; "" for what they are called here.
        asks: whether a server that is silent for as long as `read` is asked for a sign of life beside it, and
            waited for while it gives none; see `liveness`.
        silence: is asked instead whether to wait on, on the thread that waits.

    Raises:
        ArgumentError: a limit is not a positive number.

    Example:
        >>> Timeout(connect=5.0, read=30.0)
        Timeout(connect=5.0, read=30.0, total=None)
    """

    __slots__ = ("answer", "asks", "connect", "head", "name", "patient", "read", "silence", "total")

    def __init__(
        self,
        connect: Optional[float] = 10.0,
        read: Optional[float] = 60.0,
        total: Optional[float] = None,
        *,
        head: Optional[float] = None,
        answer: Optional[float] = None,
        patient: bool = False,
        name: str = "",
        asks: bool = False,
        silence: Optional[Silence] = None,
    ) -> None:
        self.connect = _limit("connect", connect)
        self.read = _limit("read", read)
        self.total = _limit("total", total)
        self.head = _limit("head", head)
        self.answer = _limit("answer", answer)
        self.patient = patient
        self.name = name
        self.asks = asks
        self.silence = silence

    def whole(self, bound: Bound) -> Timeout:
        """The same limits for a request that may take so many seconds in all."""
        return Timeout(self.connect, self.read, bound.value, name=bound.name, asks=self.asks)

    def opening(self, bound: Bound) -> Timeout:
        """The same limits for a stream that has to begin within so many seconds."""
        return Timeout(self.connect, self.read, head=bound.value, name=bound.name, asks=self.asks)

    def running(self, bound: Bound) -> Timeout:
        """The same limits for what runs a function first, and then may answer for so many seconds."""
        return Timeout(
            self.connect, self.read, answer=bound.value, patient=True, name=bound.name, asks=self.asks
        )

    def _fields(self) -> Tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timeout) and other._fields() == self._fields()

    def __hash__(self) -> int:
        return hash(self._fields())

    def __repr__(self) -> str:
        names = ("head", "answer", "patient", "name", "asks", "silence")
        more = "".join(f", {name}={getattr(self, name)!r}" for name in names if getattr(self, name))
        return f"Timeout(connect={self.connect}, read={self.read}, total={self.total}{more})"


def _limit(name: str, value: Optional[float]) -> Optional[float]:
    if value is not None and not (isinstance(value, (int, float)) and value > 0):
        raise ArgumentError(f"The {name} timeout must be a positive number of seconds, or None.")
    return None if value is None or value > LONGEST_WAIT else value


class Deadline:
    """A moment on a monotonic clock, asked for the time left at each step.

    Args:
        seconds: from now; None means never.
        clock: a monotonic clock in seconds.
        name: what error texts call the limit that it comes from; "" for the total timeout.
    """

    __slots__ = ("_at", "_clock", "name")

    def __init__(self, seconds: Optional[float], clock: Clock = time.monotonic, name: str = "") -> None:
        self._clock = clock
        self.name = name
        self._at = None if seconds is None else clock() + seconds

    def left(self, limit: Optional[float] = None) -> Optional[float]:
        """Return the seconds one step may take: the time left, but at most `limit`.

        Raises:
            socket.timeout: the moment has passed. It is what a socket raises too, so one handler
                serves both.
        """
        if self._at is None:
            return limit
        left = self._at - self._clock()
        if left <= 0:
            raise socket.timeout("deadline passed")
        return left if limit is None or left < limit else limit

    def passed(self) -> bool:
        """Whether the moment has come."""
        return self._at is not None and self._clock() >= self._at - _GRAIN

    def sooner(self, seconds: Optional[float], name: str = "") -> Deadline:
        """Return a deadline `seconds` from now, of that name, or this one where it comes first."""
        if seconds is None:
            return self
        other = Deadline(seconds, self._clock, name)
        if self._at is not None and other._at is not None and self._at < other._at:
            return self
        return other


class IdleClock:
    """Seconds as servers count them: with the time for which this machine, or its Lambda, was suspended.

    Monotonic clocks stand still then (Linux, macOS). The calendar does not, but is set now and then, so of
    each span between two calls the longer reading counts: too much costs a connection, too little a request.

    One thread at a time.

    Args:
        clock: monotonic.
        calendar: seconds since the epoch.
    """

    def __init__(self, clock: Clock, calendar: Clock) -> None:
        self._clock = clock
        self._calendar = calendar
        self._ahead = calendar() - clock()
        self._slept = 0.0

    def __call__(self) -> float:
        now = self._clock()
        ahead = self._calendar() - now
        if ahead - self._ahead > _DRIFT:
            self._slept += ahead - self._ahead
        self._ahead = ahead
        return now + self._slept


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
