"""How long to wait: the caller's limits, and the deadline made of them."""

from __future__ import annotations

import socket
import time
from typing import Any, Callable, Optional, Tuple

from ..errors import ArgumentError
from ..limits import Bound

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
