"""Stopping cancelled jobs on servers that can only be told to stop all of a session's jobs of a function."""

from __future__ import annotations

import threading
from typing import Callable, ContextManager, Dict, Iterable, List, Tuple

from .base import Call

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
