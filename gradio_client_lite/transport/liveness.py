"""Telling a server that is busy from one that has lost a connection, by asking it something else meanwhile.

While its event loop is blocked, as by model code in an `async def`, a server sends nothing at all, and then
goes on as if nothing had been. So silence alone ends no wait. It ends when the server answers a probe but
stays silent here, when it refuses connections, or when the system finds the peer gone (see `sockets.tune`).

A wait was silent for `idle` seconds, and is watched from then on:

               no answer yet, or none of the app: `idle` seconds more
                 +-----+
                 v     |                    nobody listens
    silent --> PROBE ---------------------------------------------> give up
                ^  |                                                  ^
                |  | answered: `moment` seconds more                  |
                +--+--------------- answered twice, and `beat` passed +
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

_log = logging.getLogger(__name__)

#: Seconds that a server which answers a probe gets to end its silence; twice.
_MOMENT = 5.0
#: A proxy answers so for an app that does not, or lets no request through: nothing is known of the app then.
_NOT_OF_THE_APP = frozenset((429, 503, 504))

#: Makes a request that a server answers at once, and returns the status; raises what went wrong.
Ask = Callable[[], int]


class Sign(Enum):
    """The result of a probe."""

    ANSWERED = 1
    #: No answer in time, or a proxy's: the app may be busy.
    UNKNOWN = 2
    #: The address refuses connections.
    GONE = 3


class Probe:
    """One request for a sign of life.

    Attributes:
        begun: when, on the clock of its `Liveness`.
        sign: its result; None while it is under way.
    """

    __slots__ = ("begun", "sign")

    def __init__(self, begun: float) -> None:
        self.begun = begun
        self.sign: Optional[Sign] = None


class Liveness:
    """Asks one server for signs of life, with one request at a time for all that wait for it.

    Args:
        origin: the server's scheme, host and port.
        ask: makes the request, within a deadline of its own.
        moment: seconds that the server gets to end a silence once it has answered.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        origin: Tuple[str, str, int],
        ask: Ask,
        threads: Threads,
        *,
        moment: Optional[float] = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.origin = origin
        self.moment = _MOMENT if moment is None else moment
        self.clock = clock
        self._ask = ask
        self._threads = threads
        self.after_fork()
        call_after_fork(self)

    def after_fork(self) -> None:
        """In a child: a probe under way is the parent's."""
        # Guards the reference below. Reentrant, as a finaliser of the program may use a client meanwhile.
        self._lock = threading.RLock()
        self._probe: Optional[Probe] = None

    def watch(self, idle: float, beat: Optional[float] = 0.0) -> Watch:
        """Begin to watch over a wait that has been silent for `idle` seconds; see `Watch`."""
        return Watch(self, idle, beat)

    def probe(self) -> Probe:
        """Return the probe that is under way, or was begun a moment ago, or else a new one; never waits."""
        with self._lock:
            now, probe = self.clock(), self._probe
            if probe is not None and (probe.sign is None or now - probe.begun < self.moment / 2):
                return probe
            probe = self._probe = Probe(now)
        try:
            # Closing the connections ends its request, so nothing else has to.
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
                sign = Sign.ANSWERED  # if badly
            elif isinstance(exc.__cause__, ConnectionError):  # no route or name: of this machine's network
                sign = Sign.GONE
        finally:
            probe.sign = sign
        _log.debug("a silent server was asked for a sign of life: %s", sign.name)


class Watch:
    """Decides whether one silent wait goes on.

    Args:
        liveness: of the server.
        idle: for how many seconds the wait has been silent, and after how many a busy server is asked again.
        beat: seconds for which a wait may be silent while the server is well; None for ever.
    """

    def __init__(self, liveness: Liveness, idle: float, beat: Optional[float]) -> None:
        self._liveness = liveness
        self._idle = idle
        self._beat = beat
        self._since = liveness.clock() - idle
        self._probe: Optional[Probe] = None
        self._answers = 0

    def __call__(self) -> Optional[float]:
        """Return the seconds to wait on, or None to give up. To be called again when they have passed."""
        probe, liveness = self._probe, self._liveness
        if probe is None:
            return self._ask()
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
        if self._answers > 1 and liveness.clock() >= self._since + self._beat + liveness.moment:
            return None
        return self._ask()

    def _ask(self) -> float:
        self._probe = self._liveness.probe()
        return self._liveness.moment


def _nothing() -> None:
    pass
