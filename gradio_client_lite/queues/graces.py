"""How long the jobs of a session whose stream was cut are still waited for.

Stopping cancelled jobs on servers that can only be told to stop all of a session's jobs of a function.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Callable, ContextManager, Dict, Iterable, List, Optional, Set, Tuple

from ..threads import Alarm, InterpreterEnding, Threads
from .base import Call

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


#: Seconds that a join waits for a stop under way, which has a deadline of its own.
_LONGEST_STOP = 10.0


class Stops:
    """Lets nobody be stopped along with a cancelled job: it is stopped when it is alone, at once or later.

    Args:
        changed: guards the fields here and the owner's; notified when a stop ends.
        calls: gives the jobs that others wait for, joining ones too; called while the lock is held.
    """

    def __init__(self, changed: threading.Condition, calls: Callable[[], Iterable[Call]]) -> None:
        self._changed = changed
        self._calls = calls
        self._under_way = 0
        # What the server still runs although nobody waits for it, and how to have it stopped.
        self._left: Dict[str, Tuple[Call, Callable[[], None]]] = {}

    def alone(self, call: Call, later: Callable[[], None]) -> ContextManager[bool]:
        """See `SessionDriver.alone`."""
        return _Alone(self, call, later)

    def enter(self, call: Call, later: Callable[[], None]) -> bool:
        """Begin stopping a job that is alone, or remember it until it is."""
        with self._changed:
            alone = not any(other is not call and other.fn_index == call.fn_index for other in self._calls())
            if alone:
                self.begin()
            elif call.event_id is not None:
                self._left[call.event_id] = (call, later)
        return alone

    def begin(self) -> None:
        """Let no job join until `end`; the lock is held."""
        self._under_way += 1

    def end(self) -> None:
        """Let them join again."""
        with self._changed:
            self._under_way -= 1
            self._changed.notify_all()

    def hold_join(self) -> None:
        """Wait until nothing is being stopped or left, as a job that joined now might go with it; the lock is
        held.
        """
        if self._under_way:
            self._changed.wait_for(lambda: not self._under_way, _LONGEST_STOP)

    def ended(self, event_id: str) -> None:
        """The server has ended a job by itself."""
        if self._left:
            with self._changed:
                left = self._left.pop(event_id, None)
            if left is not None:
                left[0].told(True)

    def catch_up(self) -> None:
        """Have those stopped that are alone by now."""
        if not self._left:
            return
        with self._changed:
            busy = {call.fn_index for call in self._calls()}
            alone = [key for key, (call, _) in list(self._left.items()) if call.fn_index not in busy]
            left = [self._left.pop(event_id, None) for event_id in alone]
            stops = [each[1] for each in left if each is not None]
        for stop in stops:
            stop()

    def clear(self) -> List[Call]:
        """Stop none of them any more, and return those that were left; the lock is held."""
        left = [call for call, _ in list(self._left.values())]
        self._left.clear()
        return left


class _Alone(ContextManager[bool]):
    """A block of `Stops.alone`; no generator, which would take a lock where a fork's child forgets it."""

    def __init__(self, stops: Stops, call: Call, later: Callable[[], None]) -> None:
        self._stops = stops
        self._call = call
        self._later = later
        self._alone = False

    def __enter__(self) -> bool:
        self._alone = self._stops.enter(self._call, self._later)
        return self._alone

    def __exit__(self, *exc: object) -> None:
        if self._alone:
            self._stops.end()
