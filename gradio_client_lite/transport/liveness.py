"""Telling what comes slowly from what only pretends to come.

Telling a server that is busy from one that has lost a connection: it is asked something else meanwhile.

While its event loop is blocked, as by model code in an `async def`, a server sends nothing at all, and then
goes on as if nothing had been. So silence alone ends no wait. It ends when the server answers beside it but
says nothing here, when it refuses connections, or when the system finds the peer gone (see `sockets.tune`).
"""

from __future__ import annotations

import logging
import threading
import time
from enum import Enum
from typing import Callable, Optional, Tuple

from ..errors import ClientClosed, ConnectFailed, DeadlineExceeded, GradioClientError
from ..threads import Threads
from ..workers import call_after_fork

#: Bytes that an event which is not whole yet must gain within the idle timeout. It is what the slowest links
#: carry in a second or two, so that a large event arrives over any of them.
LEAST_GAIN = 4096


class Gain:
    """How long nothing that counts has come over a stream.

    What counts: an event, a heartbeat or a comment that is whole, the first byte of one, and after that each
    `LEAST_GAIN` bytes of it.

    Args:
        seconds: the idle timeout.

    Attributes:
        since: when the last of it came, on the clock of `time.monotonic`.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._bytes = 0
        self._unfinished = False
        self.since = time.monotonic()
        self._until = self.since + seconds
        self._last = 0.0  # when bytes came that did not count

    def arrived(self, size: int, *, whole: bool, unfinished: bool) -> bool:
        """Bytes have come; return whether they count.

        Args:
            size: how many.
            whole: whether they completed something.
            unfinished: whether something was begun with them, or before, and is not whole.
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
        """Let nothing come for so long from now on."""
        self._until = time.monotonic() + seconds

    def trickles(self) -> bool:
        """Whether bytes have come lately, but too few of them; otherwise nothing comes at all."""
        return self._unfinished and time.monotonic() - self._last < self._seconds / 2

    def left(self) -> float:
        """Seconds until the idle timeout; none or fewer when it has passed."""
        return self._until - time.monotonic()

    def __str__(self) -> str:
        return f"less than {LEAST_GAIN} bytes of an event came in {self._seconds:g} seconds"


_log = logging.getLogger(__name__)

#: Seconds that a server which answers gets, to say something where it was silent; twice.
_MOMENT = 5.0
#: Statuses of what stands before an app that gives no answer, or lets nobody through; nothing is known then.
_NOT_OF_THE_APP = frozenset((429, 503, 504))

#: Makes a request that a server answers at once, and returns the status; raises what went wrong.
Ask = Callable[[], int]


class Sign(Enum):
    """What came of a probe."""

    ANSWERED = 1
    #: No answer in time, or none of the app itself: it may be busy.
    UNKNOWN = 2
    #: Nobody listens where it was.
    GONE = 3


class Probe:
    """One request for a sign of life.

    Attributes:
        begun: when, on the clock of `time.monotonic`.
        sign: what came of it; None while it is under way.
    """

    __slots__ = ("begun", "sign")

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.sign: Optional[Sign] = None


class Liveness:
    """Asks one server for signs of life, with one request at a time for all that wait for it.

    Args:
        origin: the server's scheme, host and port.
        ask: makes the request, within a deadline of its own.
        threads: which the request's thread belongs to.
    """

    def __init__(self, origin: Tuple[str, str, int], ask: Ask, threads: Threads) -> None:
        self.origin = origin
        self._ask = ask
        self._threads = threads
        self.after_fork()
        call_after_fork(self)

    def after_fork(self) -> None:
        """In a child: a probe under way is the parent's."""
        # Guards the reference alone. Reentrant, as a finaliser of the program may use a client meanwhile.
        self._lock = threading.RLock()
        self._probe: Optional[Probe] = None

    def watch(self, idle: float, beat: Optional[float] = 0.0) -> Watch:
        """Begin to watch over a wait that has been silent for `idle` seconds; see `Watch`."""
        return Watch(self, idle, beat)

    def probe(self) -> Probe:
        """The probe that is under way, or was begun a moment ago, or else a new one; returns at once."""
        with self._lock:
            probe = self._probe
            if probe is not None and (probe.sign is None or time.monotonic() - probe.begun < _MOMENT / 2):
                return probe
            probe = self._probe = Probe()
        try:
            # What it waits for is ended by the end of the connections.
            self._threads.start("gradio-probe", _nothing, self._run, probe)
        except BaseException as exc:
            probe.sign = Sign.UNKNOWN
            if not isinstance(exc, RuntimeError):
                raise
        return probe

    def _run(self, probe: Probe) -> None:
        sign = Sign.UNKNOWN
        try:
            if self._ask() not in _NOT_OF_THE_APP:
                sign = Sign.ANSWERED
        except (DeadlineExceeded, ClientClosed):
            pass
        except GradioClientError as exc:
            if not isinstance(exc, ConnectFailed):
                sign = Sign.ANSWERED  # if not well
            elif isinstance(exc.__cause__, ConnectionError):  # no route or name: of this machine's network
                sign = Sign.GONE
        finally:
            probe.sign = sign
        _log.debug("a silent server was asked for a sign of life: %s", sign.name)


class Watch:
    """One silent wait: whether to go on with it.

    Args:
        liveness: of the server.
        idle: for how many seconds it has been silent; the server is asked again as often.
        beat: seconds for which a wait may be silent while the server is well; None for ever.
    """

    def __init__(self, liveness: Liveness, idle: float, beat: Optional[float]) -> None:
        self._liveness = liveness
        self._idle = idle
        self._beat = beat
        self._since = time.monotonic() - idle
        self._probe: Optional[Probe] = None
        self._answers = 0

    def __call__(self) -> Optional[float]:
        """Seconds to wait on; None when that has no use any more. To be called when they have passed."""
        probe = self._probe
        if probe is None:
            return self._asking()
        if probe.sign is None:
            return self._idle
        self._probe = None
        if probe.sign is Sign.GONE:
            return None
        if probe.sign is Sign.UNKNOWN or self._beat is None:
            self._answers = 0
            return self._idle
        self._answers += 1
        # One answer is not enough: the server may have gone on just now, and be blocked again.
        if self._answers > 1 and time.monotonic() >= self._since + self._beat + _MOMENT:
            return None
        return self._asking()

    def _asking(self) -> float:
        self._probe = self._liveness.probe()
        return _MOMENT


def _nothing() -> None:
    pass
