"""How long the jobs of a session whose stream was cut are still waited for."""

from __future__ import annotations

import logging
import time
from typing import Callable, List, Optional, Set

from ..threads import Alarm, InterpreterEnding, Threads

_log = logging.getLogger(__name__)

#: Seconds until a server behind a proxy has noticed that a stream was cut; about 10 were observed. Until then
#: its reader takes messages into the void, and then it may drop all jobs of the session without a word.
_UNNOTICED = 15.0

Expire = Callable[[Set[str], BaseException], None]


class Graces:
    """Timers for event ids; the owner's lock is held when a method is called.

    Args:
        seconds: that jobs get after a cut.
        expire: called on a thread of its own with the ids whose time is up, which are to be looked at under
            the lock, and what cut the stream.
        threads: which that thread belongs to.
    """

    def __init__(self, seconds: float, expire: Expire, threads: Threads) -> None:
        self._seconds = seconds
        self._expire = expire
        self._threads = threads
        self._running: List[Alarm] = []
        self._doomed: Set[str] = set()
        self._cut_at = -_UNNOTICED
        self._cut_by: Optional[BaseException] = None
        # Those that joined after the last cut; one timer serves all of them.
        self._doubted: Optional[Set[str]] = None

    def cut(self, event_ids: Set[str], cause: BaseException) -> None:
        """The stream was cut under these jobs; a second cut does not lengthen their time."""
        self._cut_at, self._cut_by, self._doubted = time.monotonic(), cause, None
        ids = event_ids - self._doomed
        self._doomed |= ids
        if ids:
            self._start(self._seconds, ids, cause)

    def joined(self, event_id: str) -> bool:
        """A job joined; soon after a cut it gets a grace too, as the server may drop it when it notices.

        Returns:
            True when that is so: messages for it may be missing as well.
        """
        rest = self._cut_at + _UNNOTICED - time.monotonic()
        if rest <= 0 or self._cut_by is None:
            return False
        if self._doubted is None:
            self._doubted = set()
            self._start(rest + self._seconds, self._doubted, self._cut_by)
        self._doubted.add(event_id)
        return True

    def noticed(self, event_ids: Set[str]) -> bool:
        """The server has dropped the session, so jobs that join from now on are safe.

        Returns:
            Whether a cut was the reason: of the stream that one of these jobs was on, or shortly before.
        """
        self._cut_by = None
        return bool(event_ids & (self._doomed | (self._doubted or set())))

    def _start(self, seconds: float, ids: Set[str], cause: BaseException) -> None:
        def expire() -> None:
            self._expire(ids, cause)

        try:
            self._running.append(Alarm(self._threads, "gradio-grace", seconds, expire))
        except InterpreterEnding as exc:
            _log.debug("a grace is not ended: %s", exc)
        except RuntimeError as exc:  # of the system's limit
            _log.warning("no thread could be started to end a grace: %s", exc)

    def end(self) -> None:
        """Nobody waits for any of them any more."""
        running, self._running = self._running, []
        self._doomed.clear()
        self._doubted = None
        for alarm in running:
            alarm.cancel()
