"""Sockets as connections use them: how long to wait, and for what.

`Timeout` holds the caller's limits, `Deadline` is the moment that some of them end at, and `SocketReader`
waits under both. A connected socket never blocks: it gives and takes what it can at once, and where that is
nothing, `ready` waits for it with the time that is left. So no limit is ever set on the socket itself.

One answer is waited for like this:

                    prepare()
                        |
          +--patient----+----else----+
          v                          v
       PATIENT                    SILENT <-------+
       only the deadline          `limit` runs   | renew(): bytes of use came
       ends it                       |  |        |
          |                          |  +--------+
          | first byte of the answer |
          +------------------------->| `limit` has passed
                                     v
                          only useless bytes came: socket.timeout
                          nothing came: `silence`, or else a watch of `liveness`, grants more time, or none

Bytes are of use when they complete the head of an answer or give bytes of its body. A server that trickles
others (headers without end, empty gzip members) is as silent as one that sends nothing.
"""

from __future__ import annotations

import io
import select
import socket
import sys
import time
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, Any, Callable, Optional, Protocol, Tuple

from ..errors import ArgumentError
from ..limits import Bound

if TYPE_CHECKING:
    from .liveness import Liveness

Clock = Callable[[], float]
#: Called when a wait was silent for its whole limit; returns the seconds to wait on, None to give up.
Silence = Callable[[], Optional[float]]
# Waits may end this much early, in seconds: system timers are rounded.
_GRAIN = 0.002
LONGEST_WAIT = 2_000_000.0
"""Longest wait in seconds (23 days): poll() takes at most 2**31 ms, 24.8 days."""


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
            runs meanwhile. Only an answer that has begun falls under `read` and `answer`.
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
            socket.timeout: the moment has passed.
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


#: Bytes that an event which is not whole yet must gain within the idle timeout. It is what the slowest links
#: carry in a second or two, so that a large event arrives over any of them.
LEAST_GAIN = 4096


class Gain:
    """Measures for how long a stream of events has brought nothing that counts.

    What counts: an event, a heartbeat or a comment that is whole, the first byte of one, and after that each
    `LEAST_GAIN` bytes of it.

    Args:
        seconds: the idle timeout.

    Attributes:
        since: when the last bytes that count came, on the clock of `time.monotonic`.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._bytes = 0
        self._unfinished = False
        self.since = time.monotonic()
        self._until = self.since + seconds
        self._last = 0.0  # when bytes came that did not count

    def arrived(self, size: int, *, whole: bool, unfinished: bool) -> bool:
        """Record that `size` bytes came; return whether they count.

        Args:
            whole: whether they completed an event or a comment.
            unfinished: whether one is begun and not whole after them.
        """
        self._bytes += size
        counts = whole or not unfinished or not self._unfinished or self._bytes >= LEAST_GAIN
        self._unfinished = unfinished
        if counts:
            self._bytes = 0
            self.since = time.monotonic()
            self._until = self.since + self._seconds
        else:
            self._last = time.monotonic()
        return counts

    def bear(self, seconds: float) -> None:
        """Let the idle timeout pass so many seconds from now, whatever came before."""
        self._until = time.monotonic() + seconds

    def trickles(self) -> bool:
        """Whether bytes have come lately, but too few of them; otherwise nothing comes at all."""
        return self._unfinished and time.monotonic() - self._last < self._seconds / 2

    def left(self) -> float:
        """Seconds until the idle timeout; zero or less when it has passed."""
        return self._until - time.monotonic()

    def __str__(self) -> str:
        return f"less than {LEAST_GAIN} bytes of an event came in {self._seconds:g} seconds"


class SocketLike(Protocol):
    """What a connection needs of a socket; tests may script it."""

    def send(self, data: Any, /) -> int: ...
    def recv_into(self, buffer: Any, /) -> int: ...
    def settimeout(self, seconds: Optional[float], /) -> None: ...
    def shutdown(self, how: int, /) -> None: ...
    def fileno(self) -> int: ...
    def close(self) -> None: ...


class Reading(Enum):
    """What a read from a connection's buffer does when the buffer is empty."""

    BLOCK = 1  # waits for bytes, within the limits
    POLL = 2  # takes what has arrived; `io` then returns what it has, maybe nothing
    BUFFER_ONLY = 3  # does not touch the socket


# As globals, since reads compare with them and members of an Enum are slow to look up before Python 3.12.
BLOCK, POLL, BUFFER_ONLY = Reading.BLOCK, Reading.POLL, Reading.BUFFER_ONLY


class SocketReader(io.RawIOBase):
    """The raw stream under a connection's buffer; every single read obeys the limits.

    Attributes:
        limit: the longest silence in seconds; None for ever.
        deadline: of the request under way; brought forward when an answer begins that took patience.
        received: whether any byte of the answer has arrived.
        eof: whether the peer has closed.
        silence, liveness: who is asked whether to wait on when `limit` has passed, the first if it is there.
    """

    def __init__(self, sock: SocketLike, deadline: Deadline) -> None:
        self.sock = sock
        self.limit: Optional[float] = None
        self.deadline = deadline
        self.received = False
        self.eof = False
        self.mode = BLOCK
        self.silence: Optional[Silence] = None
        self.liveness: Optional[Liveness] = None
        # When the silence under way has lasted too long; None before the first read of it.
        self._until: Optional[float] = None
        self._watch: Optional[Silence] = None
        # The limits of an answer whose first byte is waited for without any; None once it is there.
        self._patience: Optional[Timeout] = None
        # Only TLS holds back bytes that `ready` does not see. With others, a read is not tried in vain first.
        self._plain = type(sock) is socket.socket
        sock.settimeout(0.0)

    def readable(self) -> bool:
        return True

    def renew(self) -> None:
        """Begin another wait for something of use: the one before has got it."""
        self._until = None

    def be_patient(self, limits: Timeout) -> None:
        """Wait for the first byte of an answer as long as the deadline lets it."""
        self._until = None
        self._patience = limits

    def begin_answer(self, limits: Timeout) -> None:
        """End patience, as the first byte is there: silence is a stall from here on."""
        self._patience = None
        self.deadline = self.deadline.sooner(limits.answer, limits.name)

    def readinto(self, buffer: Any, /) -> Optional[int]:
        if self.mode is BUFFER_ONLY:
            return None
        began: Optional[float] = None  # the wait, which half a TLS record does not end
        if self.mode is BLOCK:
            if self._plain:
                self._await_bytes(time.monotonic())
            else:
                self.deadline.left()  # as a server that always has more for us is never waited for
        while True:
            try:
                count = self.sock.recv_into(buffer)
                break
            except OSError as error:
                if not would_block(error):
                    raise
                if self.mode is POLL:
                    return None
                write = type(error).__name__ == "SSLWantWriteError"
            began = began or time.monotonic()
            self._await_bytes(began, write=write)
        if count:
            self.received = True
            if self._patience is not None:
                self.begin_answer(self._patience)
        else:
            self.eof = True
        return count

    def _await_bytes(self, began: float, *, write: bool = False) -> None:
        """Wait, as drawn above, until the socket is readable, or with `write`, as TLS may want, writable.

        Args:
            began: when nothing was there first, on the clock of `time.monotonic`.
        """
        limit = None if self._patience is not None else self.limit
        until: Optional[float] = None
        if limit is not None:
            now = time.monotonic()
            if self._until is None:
                self._until, self._watch = now + limit, None
            until = self._until
            if until <= now:
                raise socket.timeout("nothing of use came")
        while True:
            # Granted time in which this thread did not run is not the server's silence: look once more.
            left = None if until is None else max(0.0, until - time.monotonic())
            if any(ready(self.sock, write=write, timeout=self.deadline.left(left))):
                return
            if limit is not None:
                if time.monotonic() - began < limit / 2:
                    raise socket.timeout("what came lately was of no use")
                self._watch = self._watch or self.silence or self.watch()
                until = self._until = time.monotonic() + self.grant(self._watch)

    def watch(self) -> Optional[Silence]:
        """Begin to watch over a silent peer; None where it may not be silent for longer than `limit`."""
        return None if self.liveness is None or self.limit is None else self.liveness.watch(self.limit)

    def grant(self, watch: Optional[Silence]) -> float:
        """Return for how many seconds more a silent peer is waited for; raise socket.timeout for none."""
        more = None if watch is None or self.deadline.passed() else watch()
        if more is None:
            raise socket.timeout("nothing came in time")
        return more


def would_block(error: OSError) -> bool:
    """Whether a socket raised this because it has nothing to give, or takes nothing, at the moment."""
    if isinstance(error, BlockingIOError):
        return True
    ssl = sys.modules.get("ssl")
    return ssl is not None and isinstance(error, (ssl.SSLWantReadError, ssl.SSLWantWriteError))


def ready(sock: SocketLike, *, read: bool = True, write: bool, timeout: Optional[float]) -> Tuple[bool, bool]:
    """Wait until a socket is readable (with `read`), writable (with `write`) or broken.

    Args:
        timeout: seconds, 0 to look only; None waits for ever. No wait is longer than `LONGEST_WAIT`.

    Returns:
        Whether it is readable or broken, and whether it is writable.
    """
    number = sock.fileno()
    if number < 0:  # closed, which its next use will tell
        return True, True
    if hasattr(select, "poll"):
        poller = select.poll()
        poller.register(number, (_READ if read else 0) | (select.POLLOUT if write else 0))
        events = poller.poll(None if timeout is None else min(timeout, LONGEST_WAIT) * 1000)
        mask = events[0][1] if events else 0
        return bool(mask & ~select.POLLOUT), bool(mask & select.POLLOUT)
    wanted = [number] if read else []
    readable, writable, broken = select.select(wanted, [number] if write else [], [number], timeout)
    return bool(readable or broken), bool(writable)


_READ = select.POLLIN | select.POLLPRI if hasattr(select, "poll") else 0


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
