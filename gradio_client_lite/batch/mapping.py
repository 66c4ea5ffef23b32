"""Many inputs for one endpoint: a bounded number under way at once, and a row for each.

::

    inputs ──► Call ──► a lane, where it runs ──► Row, which waits for its turn ──► given
                 ▲              │
                 └── again ◄────┘  where its error may pass and attempts are left

Nothing runs between two rows: whoever asks for the next one takes inputs, begins calls and tells of progress,
on its own thread, and waits only when there is nothing else to do. Other threads do nothing but put a call
whose job has ended into a queue. So there is no lock, and what the user's functions raise ends the batch.

An input is held from when it is taken until its row is given. There are at most `max_in_flight` of them, so
that a slow reader holds the calls up; in order there may be more, as one slow call would hold all others up.
"""

from __future__ import annotations

import queue
import threading
import time
from concurrent.futures import CancelledError
from functools import partial
from heapq import heappop, heappush
from typing import (
    TYPE_CHECKING,
    Any,
    AsyncGenerator,
    Callable,
    Dict,
    Generator,
    Iterable,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

from ..app.endpoint import find_endpoint
from ..app.options import check_headers, check_seconds
from ..errors import ArgumentError, DeadlineExceeded, GradioClientError, shown
from ..threads import at_the_end, hand_over
from ..workers import call_after_fork
from .lane import NEVER, Call, Caller, Lane, Target

if TYPE_CHECKING:
    from ..jobs.job import Job

#: How many times `max_in_flight` rows may be held where they are given in order.
_AHEAD = 4

#: Called with how many rows have ended, how many of these failed, and how many there are, None if not known.
OnProgress = Callable[[int, int, Optional[int]], object]


class Row(NamedTuple):
    """What became of one input.

    Args:
        number: its place among the inputs, from 0.
        inputs: as given.
        result: what `Client.predict` would have returned; None after a failure.
        error: what it would have raised; None after a success.
        attempts: how often the call was begun; 0 where its arguments were refused before.
    """

    number: int
    inputs: Any
    result: Any
    error: Optional[BaseException]
    attempts: int


def run(
    clients: Sequence[Caller],
    inputs: Iterable[Any],
    *,
    api_name: Optional[str] = None,
    fn_index: Optional[int] = None,
    headers: Optional[Mapping[str, str]] = None,
    max_in_flight: int = 10,
    ordered: bool = True,
    retries: int = 0,
    max_pause: float = 600.0,
    on_progress: Optional[OnProgress] = None,
) -> Generator[Row, None, None]:
    """Give a row for each input. See `Client.map`; what is wrong with the arguments is raised at once."""
    return Batch(
        clients,
        inputs,
        Target(api_name, fn_index, headers),
        max_in_flight=max_in_flight,
        ordered=ordered,
        retries=retries,
        max_pause=max_pause,
        on_progress=on_progress,
    ).rows()


class Batch:
    """The calls for some inputs; used once, by `rows` or `arows`. See `Client.map` for the arguments.

    Raises:
        ArgumentError, UnknownEndpointError: one of them is wrong; nothing was sent.
    """

    def __init__(
        self,
        clients: Sequence[Caller],
        inputs: Iterable[Any],
        target: Target,
        *,
        max_in_flight: int,
        ordered: bool,
        retries: int,
        max_pause: float,
        on_progress: Optional[OnProgress],
    ) -> None:
        check_number("max_in_flight", max_in_flight, 1)
        check_number("retries", retries, 0)
        check_seconds("max_pause", max_pause)
        check_headers("headers", target.headers)
        for client in clients:
            find_endpoint(client.endpoints, target.api_name, target.fn_index)
        self._target = target
        self._most = max_in_flight
        self._window = max_in_flight * _AHEAD if ordered else max_in_flight
        self._ordered = ordered
        self._retries = retries
        self._max_pause = max_pause
        self._on_progress = on_progress
        self._total, self._inputs = counted(inputs)
        self._lanes = [Lane(client, max_in_flight) for client in clients]
        self._ended: queue.SimpleQueue[Call] = queue.SimpleQueue()
        self._again: List[Call] = []  # a heap
        self._rows: Dict[int, Row] = {}  # not given yet, by number; in the order in which they ended
        self._failure: Optional[Exception] = None  # of the inputs
        self._taken = self._given = self._done = self._failed = 0
        self._exhausted = False
        self._wake: Optional[Callable[[], object]] = None
        call_after_fork(self)

    # -- giving rows

    def rows(self) -> Generator[Row, None, None]:
        """The rows; closing it, or forgetting it, cancels what is under way."""
        try:
            while not self._at_end():
                row = self._advance()
                if row is None:
                    self._wait()
                else:
                    yield row
        finally:
            self._leave()

    async def arows(self) -> AsyncGenerator[Row, None]:
        """The same without holding the event loop."""
        import asyncio

        loop, arrived = asyncio.get_running_loop(), asyncio.Event()
        self._wake = partial(wake, loop, arrived.set)
        try:
            while not self._at_end():
                arrived.clear()
                row = self._advance()
                if row is not None:
                    yield row
                    continue
                left = self._left()
                alarm = None if left is None else loop.call_later(left, arrived.set)
                try:
                    await arrived.wait()
                finally:
                    if alarm is not None:
                        alarm.cancel()
        finally:
            self._wake = None
            self._leave()

    def _at_end(self) -> bool:
        """Whether all rows were given; raises what has ended the inputs."""
        if not self._exhausted or self._given < self._taken:
            return False
        if self._failure is not None:
            raise self._failure
        return True

    def _leave(self) -> None:
        # The garbage collector may do it too, on a thread that may hold any lock.
        jobs = [call.job for lane in self._lanes for call in lane.running if call.job is not None]
        if jobs:
            hand_over(partial(abandon, jobs))

    # -- what is done between two waits

    def _advance(self) -> Optional[Row]:
        """Take note of what has ended, begin what may begin, and return the next row if it is there."""
        while True:
            try:
                call = self._ended.get_nowait()
            except queue.Empty:
                break
            self._hear(call)
        now = time.monotonic()
        for lane in self._lanes:
            while lane.running:
                call = next(iter(lane.running))
                if call.due > now:
                    break  # later ones have more time
                self._expire(lane, call)
        self._begin_calls(now)
        number = self._next_number()
        if number is None:
            return None
        self._given += 1
        return self._rows.pop(number)

    def _next_number(self) -> Optional[int]:
        """Which row is the next to be given; None when there is none yet."""
        if self._ordered:
            return self._given if self._given in self._rows else None
        return next(iter(self._rows), None)

    def _begin_calls(self, now: float) -> None:
        while sum(len(lane.running) for lane in self._lanes) < self._most:
            open_lanes = [lane for lane in self._lanes if not lane.closed]
            # Where all are closed, the calls' errors say so.
            lanes = [lane for lane in open_lanes or self._lanes if lane.has_room(now)]
            call = self._next_call() if lanes else None
            if call is None:
                return
            lane = min(lanes, key=Lane.busy)
            try:
                lane.begin(call, self._target, now)
            except GradioClientError as exc:
                self._end(lane, call, None, exc)

    def _next_call(self) -> Optional[Call]:
        """The next call to begin; None when there is none."""
        if self._again:
            return heappop(self._again)
        # A row that is about to be given makes room for an input.
        given = self._given if self._next_number() is None else self._given + 1
        if self._exhausted or self._taken - given >= self._window:
            return None
        try:
            value = next(self._inputs)
        except Exception as exc:
            # Rows of the inputs before are given first.
            self._exhausted = True
            if not isinstance(exc, StopIteration):
                self._failure = exc
            return None
        self._taken += 1
        return Call(self._taken - 1, value, self._note)

    # -- ends

    def _note(self, call: Call) -> None:
        """Have it heard of that a call's job has ended; on any thread."""
        self._ended.put(call)
        tell = self._wake
        if tell is not None:
            tell()

    def _hear(self, call: Call) -> None:
        job = call.job
        if job is None or not job.has_ended:  # it was heard of before
            return
        lane = next(lane for lane in self._lanes if call in lane.running)
        error = CancelledError(f"The app cancelled {job.label}.") if job.cancelled() else job.exception()
        self._end(lane, call, job.result() if error is None else None, error)

    def _expire(self, lane: Lane, call: Call) -> None:
        job = call.job
        assert job is not None  # noqa: S101 - it runs
        if job.has_ended:
            self._hear(call)
            return
        job.abandon()
        text = (
            f"{job.label} gave no result within {lane.timeout} seconds; it was cancelled. "
            "Make the client with a larger timeout."
        )
        self._end(lane, call, None, DeadlineExceeded(text))

    def _end(self, lane: Lane, call: Call, result: Any, error: Optional[BaseException]) -> None:
        """An attempt has ended: make another, or make the row."""
        lane.running.pop(call, None)
        call.job = None
        if error is None:
            lane.succeeded()
        elif getattr(error, "retryable", False):
            left = call.attempts <= self._retries
            several = len(self._lanes) > 1
            pause = lane.failed(error, time.monotonic(), pause=left or several, longest=self._max_pause)
            if left and (several or pause <= self._max_pause):
                heappush(self._again, call)
                return
        self._rows[call.number] = Row(call.number, call.inputs, result, error, call.attempts)
        self._done += 1
        self._failed += error is not None
        if self._on_progress is not None:
            self._on_progress(self._done, self._failed, self._total)

    # -- waiting

    def _left(self) -> Optional[float]:
        """Seconds until something is to be done, whatever ends before; None for no such time."""
        now = time.monotonic()
        dues = [next(iter(lane.running)).due for lane in self._lanes if lane.running]
        dues += [lane.rests_until for lane in self._lanes if lane.rests_until > now]
        due = min(dues, default=NEVER)
        return None if due == NEVER else min(max(0.0, due - now), threading.TIMEOUT_MAX)

    def _wait(self) -> None:
        if at_the_end():  # when jobs end without telling anybody
            self._note_all()
        try:
            call = self._ended.get(timeout=self._left())
        except queue.Empty:
            return
        self._hear(call)

    def _note_all(self) -> None:
        for lane in self._lanes:
            for call in lane.running:
                self._ended.put(call)

    def after_fork(self) -> None:
        """In a child: its copies of the jobs have ended, and told nobody."""
        self._ended = queue.SimpleQueue()
        self._note_all()


def abandon(jobs: List[Job]) -> None:
    """Cancel jobs for whose rows nobody waits."""
    for job in jobs:
        job.abandon()


def wake(loop: Any, function: Callable[[], object]) -> None:
    """Call a function on an event loop, if it still runs."""
    try:
        loop.call_soon_threadsafe(function)
    except RuntimeError:  # it was closed under the iteration
        return


def counted(inputs: Any) -> Tuple[Optional[int], Iterator[Any]]:
    """How many inputs there are, None where that is not known, and an iterator over them.

    Raises:
        ArgumentError: they are no iterable, or a single text or dict.
    """
    try:
        if isinstance(inputs, (str, bytes, dict)):
            raise TypeError  # which would be taken for its parts
        iterator = iter(inputs)
    except TypeError as exc:
        raise ArgumentError(
            "inputs must be an iterable with the arguments of one call in each item: a value, a tuple of "
            f"values or a dict of names; it is {shown(inputs)}."
        ) from exc
    return len(inputs) if hasattr(inputs, "__len__") else None, iterator


def check_number(name: str, value: Any, least: int) -> None:
    """Refuse what is no whole number, or too small a one.

    Raises:
        ArgumentError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ArgumentError(f"{name} must be a whole number, {least} or above; it is {shown(value)}.")
