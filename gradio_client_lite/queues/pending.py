"""What waits in a session: early messages for a join, jobs for the end of a grace, cancels for other jobs.

A `SessionQueue` has one of each. Its lock is held in all calls, but where the docstring says "without the
lock"; and it calls none while there is nothing in them.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import AbstractContextManager
from typing import (
    Callable,
    Collection,
    Dict,
    Iterable,
    Iterator,
    List,
    Optional,
    Set,
    Tuple,
    Union,
)

from ..errors import EventTooLarge
from ..limits import Limits
from ..threads import Alarm, InterpreterEnding, Threads
from ..wire.messages import Malformed, Message, StreamCut, decode, text_bytes
from .base import Call

_log = logging.getLogger(__name__)

#: A message as the server sent it, as decoded some would take fifty times the memory; None for spilled ones.
Kept = Union[str, StreamCut, None]


class _OfOneId:
    """The early messages for one event id, None once they were spilled, and what they take.

    `newest_join` is the number of the join that was begun last when the first of them came.
    """

    __slots__ = ("bytes", "messages", "newest_join")

    def __init__(self, newest_join: int) -> None:
        self.newest_join = newest_join
        self.messages: Optional[List[Kept]] = []
        self.bytes = 0


class EarlyMessages:
    """Messages that came before the answer to the join of their job, or while it catches up.

    Args:
        limits: `early_bytes` is what they may take together; a single one may take more.
        most_ids: how many event ids they may be for; Gradio has those of joins under way, and of other
            clients of the session.
    """

    def __init__(self, limits: Limits, most_ids: int = 10_000) -> None:
        self._limits = limits
        self._limit = limits.early_bytes
        self._most_ids = most_ids
        self._bytes = 0
        self.ids: Dict[str, _OfOneId] = {}

    def keep(self, event_id: str, text: str, newest_join: int, protected: Collection[str]) -> bool:
        """Keep a message; where there is no room, at the cost of the id that has most bytes.

        That id is most likely another client's. If a join gets it all the same, its job fails.

        Args:
            newest_join: the number of the join that was begun last when the message came.
            protected: ids that lose nothing, as they have jobs.

        Returns:
            False where nothing else can be spilled, or there are too many ids.
        """
        if event_id not in self.ids and len(self.ids) >= self._most_ids:
            return False
        size = text_bytes(text)
        while self._limit is not None and self._bytes and self._bytes + size > self._limit:
            largest = max(
                (each for key, each in self.ids.items() if key not in protected),
                key=lambda each: each.bytes,
                default=None,
            )
            if largest is None or not largest.bytes:
                return False
            self._bytes -= largest.bytes
            largest.messages, largest.bytes = None, 0
        found = self.ids.get(event_id)
        if found is None:
            found = self.ids[event_id] = _OfOneId(newest_join)
        if found.messages is not None:
            found.messages.append(text)
            found.bytes += size
            self._bytes += size
        return True

    def keep_cut(self, event_id: str, *, first: bool = False) -> None:
        """Keep that the stream was cut: now, or before all messages of the job."""
        found = self.ids.setdefault(event_id, _OfOneId(0))
        messages = found.messages
        if messages is None or (messages and isinstance(messages[0 if first else -1], StreamCut)):
            return
        messages.insert(0 if first else len(messages), StreamCut())

    def take(self, event_id: str) -> List[Kept]:
        """Remove the messages for an id, and return them in order."""
        found = self.ids.pop(event_id, None)
        if found is None:
            return []
        self._bytes -= found.bytes
        return [None] if found.messages is None else found.messages

    def decoded(self, kept: List[Kept], label: str) -> Iterator[Tuple[Message, str]]:
        """What `take` returned, and the text of each; without the lock."""
        for message in kept:
            if isinstance(message, StreamCut):
                yield message, ""
            elif message is None:
                most = self._limits.bound("early_bytes").name
                error = EventTooLarge(
                    f"More than {most} of messages came before the answer to the call of {label}; make the "
                    "client with a larger one."
                )
                yield Malformed(error), ""
            else:
                envelope = decode(message, self._limits.json_values)
                assert envelope is not None  # noqa: S101 - it was one when it came
                yield envelope.message, message

    def older_than(self, join: Optional[int]) -> List[str]:
        """The ids whose first message came before the join of this number was begun; all for None."""
        return [key for key, each in self.ids.items() if join is None or each.newest_join < join]


class Graces:
    """The time that jobs get after their stream was cut, before they are lost.

    The server drops the session's jobs as soon as it notices a cut, but may have sent more before that. A job
    that joins between the cut and that moment may be dropped too, so it gets a grace that begins once the
    server must have noticed; one alarm serves all of those. A join that is answered only after the server has
    noticed may have come before: its job gets a grace, unless a message shows that it is alive.

    Where a stream that was opened ahead is told that there is no such session, a job that joins meanwhile has
    mostly made it anew; but the server may have dropped it with the job. Whatever it has for a job comes
    before its next heartbeat, so a job that two of them came before is lost.

    Args:
        seconds: of a grace.
        unnoticed: seconds until the server has noticed a cut.
        expire: called without the lock, with the ids whose grace is over, which are to be read under it, and
            what cut the stream.

    Attributes:
        active: whether there may be an alarm to cancel.
        cut_by: what cut the stream last; None where no cut matters any more.
        dropped_by: what it was when the server dropped the session; None where it has not done that.
        suspects: jobs that it may have dropped then, each with what its alarm ends.
        unheard: jobs that it may not know, each with the heartbeats that came since.
        failed: why a grace has no end, until `log_failed`, which takes no lock, says so.
    """

    def __init__(
        self,
        seconds: float,
        unnoticed: float,
        expire: Callable[[Set[str], BaseException], None],
        threads: Threads,
    ) -> None:
        self._seconds = seconds
        self._unnoticed = unnoticed
        self._expire = expire
        self._threads = threads
        self._alarms: List[Alarm] = []
        self._cut_at = 0.0
        self._doomed: Set[str] = set()  # jobs whose stream was cut
        self._doubtful: Optional[Set[str]] = None  # those that joined after the last cut
        self.active = False
        self.cut_by: Optional[BaseException] = None
        self.dropped_by: Optional[BaseException] = None
        self.suspects: Dict[str, Set[str]] = {}
        self.unheard: Dict[str, int] = {}
        self.failed: Optional[RuntimeError] = None

    def cut(self, event_ids: Set[str], cause: BaseException) -> None:
        """The stream was cut under these jobs; a second cut does not lengthen their grace."""
        self._cut_at, self.cut_by, self._doubtful = time.monotonic(), cause, None
        ids = event_ids - self._doomed
        self._doomed |= ids
        if ids:
            self._start(self._seconds, ids, cause)

    def joined(self, event_id: str) -> bool:
        """A job has joined; return whether so soon after a cut that its messages may be missing."""
        unnoticed = self._cut_at + self._unnoticed - time.monotonic()
        if unnoticed <= 0 or self.cut_by is None:
            return False
        if self._doubtful is None:
            self._doubtful = set()
            self._start(unnoticed + self._seconds, self._doubtful, self.cut_by)
        self._doubtful.add(event_id)
        return True

    def noticed(self, event_ids: Set[str], said: BaseException) -> bool:
        """The server has dropped the session, so jobs that join now are safe.

        Args:
            said: what it has said; a cut before explains more.

        Returns:
            Whether a cut explains that: one of these jobs was on a stream that was cut, or joined soon after.
        """
        self.dropped_by, self.cut_by = self.cut_by or self.dropped_by or said, None
        return bool(event_ids & (self._doomed | (self._doubtful or set())))

    def suspect(self, event_id: str, cause: BaseException) -> None:
        """A join that was under way when the server dropped the session has been answered."""
        ids = self.suspects[event_id] = {event_id}
        self._start(self._seconds, ids, cause)

    def acquit(self, event_id: str) -> None:
        """A message has come for a job."""
        self.suspects.pop(event_id, set()).clear()
        self.unheard.pop(event_id, None)

    def doubt(self, event_ids: Iterable[str]) -> None:
        """The server may not know these jobs."""
        self.unheard.update((event_id, 0) for event_id in event_ids)

    def beat(self) -> Set[str]:
        """A heartbeat has come; return the jobs that are lost."""
        lost = {event_id for event_id, beats in self.unheard.items() if beats}
        self.unheard = {event_id: 1 for event_id in self.unheard if event_id not in lost}
        return lost

    def _start(self, seconds: float, ids: Set[str], cause: BaseException) -> None:
        self.active = True
        try:
            alarm = Alarm(self._threads, "gradio-grace", seconds, lambda: self._expire(ids, cause))
        except RuntimeError as exc:
            self.failed = exc
        else:
            self._alarms.append(alarm)

    def log_failed(self) -> None:
        """Say that a grace has no end; without the lock, as the program's log handlers run here."""
        failed, self.failed = self.failed, None
        if isinstance(failed, InterpreterEnding):
            _log.debug("a grace is not ended: %s", failed)
        elif failed is not None:  # the system's limit
            _log.warning("no thread could be started to end a grace: %s", failed)

    def end(self) -> None:
        """Cancel all of them: no job waits any more."""
        alarms, self._alarms = self._alarms, []
        self._doomed.clear()
        self._doubtful = None
        self.suspects = {}
        self.unheard = {}
        self.active = False
        for alarm in alarms:
            alarm.cancel()


#: Seconds that a join waits for a cancel under way, which has a deadline of its own.
_LONGEST_CANCEL = 10.0


class DeferredCancels:
    """Delays the cancel of a job by session and function until the session has no other job of the function.

    The server would end those too (gradio/routes.py 4.31 - 6.31, `cancel_event`). Joins wait while a cancel
    is under way, else it could hit a job that has just joined. Whoever ends a job looks afterwards whether a
    deferred cancel is due. That misses none: jobs are looked at and a cancel is deferred in one critical
    section, so the end of a job that was seen there comes after it.

    Args:
        changed: the session's condition; its lock is the lock.
        calls: gives the session's jobs, joining ones too; called under the lock.

    Attributes:
        running: how many cancels are under way.
        deferred: the jobs to cancel later, by event id, and what does so.
    """

    def __init__(self, changed: threading.Condition, calls: Callable[[], Iterable[Call]]) -> None:
        self._changed = changed
        self._calls = calls
        self.running = 0
        self.deferred: Dict[str, Tuple[Call, Callable[[], None]]] = {}

    def exclusive(self, call: Call, later: Callable[[], None]) -> AbstractContextManager[bool]:
        """See `SessionDriver.exclusive`; without the lock."""
        return _Exclusive(self, call, later)

    def begin(self, call: Call, later: Callable[[], None]) -> bool:
        """Begin the cancel of a job, or defer it; without the lock."""
        with self._changed:
            exclusive = not any(
                other is not call and other.fn_index == call.fn_index for other in self._calls()
            )
            if exclusive:
                self.running += 1
            else:
                self.deferred[str(call.event_id)] = (call, later)
        return exclusive

    def end(self) -> None:
        """End a cancel; without the lock."""
        with self._changed:
            self.running -= 1
            self._changed.notify_all()

    def hold_join(self) -> None:
        """Wait until no cancel is under way."""
        self._changed.wait_for(lambda: not self.running, _LONGEST_CANCEL)

    def server_ended(self, event_id: str) -> None:
        """The server has ended a job by itself, so it needs no cancel; without the lock."""
        with self._changed:
            deferred = self.deferred.pop(event_id, None)
        if deferred is not None:
            deferred[0].told(True)

    def run_due(self) -> None:
        """Begin the cancels whose function has no other job any more; without the lock."""
        with self._changed:
            busy = {call.fn_index for call in self._calls()}
            due = [
                self.deferred.pop(key, None)
                for key, (call, _) in list(self.deferred.items())
                if call.fn_index not in busy
            ]
        for _, later in filter(None, due):  # a signal handler may have taken one
            later()

    def clear(self) -> List[Call]:
        """Give up those that were deferred, and return their jobs."""
        calls = [call for call, _ in list(self.deferred.values())]
        self.deferred.clear()
        return calls


class _Exclusive(AbstractContextManager[bool]):
    """The block of `exclusive`; no generator: the child of a fork would close it, and take a lock there."""

    def __init__(self, cancels: DeferredCancels, call: Call, later: Callable[[], None]) -> None:
        self._cancels = cancels
        self._call = call
        self._later = later
        self._begun = False

    def __enter__(self) -> bool:
        self._begun = self._cancels.begin(self._call, self._later)
        return self._begun

    def __exit__(self, *exc: object) -> None:
        if self._begun:
            self._cancels.end()
