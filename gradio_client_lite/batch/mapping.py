"""Batch: one endpoint called with many inputs, a bounded number at once.

::

    inputs ──► Call ──► a lane, where it runs ──► Row, which waits for its turn ──► given
                 ▲              │
                 └── again ◄────┘  where its error may pass and attempts are left

Whoever asks for a row does the work on its own thread. Others only put calls that have ended into a queue
(`Ended`), which does not know the batch: one that is forgotten is collected, and cancels its calls.

An input is held from when it is taken until its row is given. No more than `max_in_flight` are, so that a
slow reader slows the calls down; in order some times more, as one slow call would hold all others up.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import CancelledError
from contextlib import suppress
from functools import partial
from heapq import heappop, heappush
from queue import Empty
from typing import TYPE_CHECKING, Any, Callable, Dict, Generator, Iterable, List, NamedTuple, Optional, Sized

from ..app.endpoint import find_endpoint
from ..app.options import check_headers, check_seconds
from ..errors import ArgumentError, DeadlineExceeded, GradioClientError, shown
from ..threads import at_the_end, hand_over
from ..workers import call_after_fork
from .lane import NEVER, Call, Ended, Lane

if TYPE_CHECKING:
    from ..jobs.job import Job

#: How many times `max_in_flight` inputs may be held where rows are given in order.
_HELD = 4
_HINT = "(A dict holds arguments by name; for a dict that is itself an argument, pass a tuple with it.)"
#: What inputs may give instead of blocking while the next has not come; `Batch.wake` tells that it has.
NOT_YET = object()


class Row(NamedTuple):
    """What became of an input.

    Args:
        number: its place among the inputs, from 0.
        inputs: as given.
        result: of the call; None after a failure.
        error: what went wrong; None after a success.
        attempts: how often it was called.
    """

    number: int
    inputs: Any
    result: Any
    error: Optional[BaseException]
    attempts: int


class Batch(Generator[Any, None, None]):
    """The results of the calls, by `for` or `async for`. See `Client.map` for the arguments."""

    _lanes: List[Lane] = []  # noqa: RUF012 - of one whose arguments are wrong

    def __init__(
        self,
        clients: Iterable[Any],
        inputs: Iterable[Any],
        *,
        api_name: Optional[str] = None,
        fn_index: Optional[int] = None,
        headers: Optional[Dict[str, str]] = None,
        max_in_flight: int = 10,
        ordered: bool = True,
        retries: int = 0,
        max_pause: float = 600.0,
        on_error: str = "raise",
        on_progress: Optional[Callable[[int, int, Optional[int]], object]] = None,
        rows: bool = False,
    ) -> None:
        for name, number, least in (("max_in_flight", max_in_flight, 1), ("retries", retries, 0)):
            if isinstance(number, bool) or not isinstance(number, int) or number < least:
                raise ArgumentError(f"{name} must be a whole number from {least} on; it is {shown(number)}.")
        check_seconds("max_pause", max_pause)
        if on_error not in ("raise", "return"):
            raise ArgumentError(f'on_error must be "raise" or "return"; it is {shown(on_error)}.')
        if not (on_progress is None or callable(on_progress)):
            raise ArgumentError(f"on_progress must be a function; it is {shown(on_progress)}.")
        if isinstance(inputs, (str, bytes, dict)) or not isinstance(inputs, Iterable):
            raise ArgumentError(
                "inputs must be an iterable of the arguments of calls: values, tuples of values or dicts of "
                f"names. It is {shown(inputs)}."
            )
        check_headers("headers", headers)
        self._most = max_in_flight
        self._ordered = ordered
        self._retries = retries
        self._max_pause = max_pause
        self._raises = on_error == "raise"
        self._on_progress = on_progress
        self._whole = rows
        target = (api_name, fn_index, headers)
        lanes = []
        for client in clients:
            find_endpoint(client.endpoints, api_name, fn_index)
            lanes.append(Lane(client, target, max_in_flight))
        self._inputs = iter(inputs)
        self._total = len(inputs) if isinstance(inputs, Sized) else None
        self._ended = Ended()
        self._again: List[Any] = []  # a heap of numbers and their calls
        self._rows: Dict[int, Row] = {}  # to be given, by number; in the order in which they ended
        self._failure: Optional[Exception] = None  # of the inputs
        self._exhausted = False
        self._taken = self._given = self._done = self._failed = 0
        self._lanes = lanes
        self._asked = threading.Lock()
        call_after_fork(self)

    # -- giving

    def send(self, value: None = None) -> Any:  # noqa: ARG002 - of the protocol of generators
        """The next result, waited for."""
        self._ask()
        try:
            while True:
                row = self._next_row()
                if row is not None:
                    return self._result(row)
                self._wait()
        except BaseException:
            self.close()
            raise
        finally:
            self._asked.release()

    async def __anext__(self) -> Any:
        import asyncio

        loop, arrived = asyncio.get_running_loop(), asyncio.Event()

        def tell() -> None:
            with suppress(RuntimeError):  # the loop was closed under the iteration
                loop.call_soon_threadsafe(arrived.set)

        self._ask()
        self._ended.tell = tell
        try:
            while True:
                await asyncio.sleep(0)  # others have their turn before each row, and each call that is begun
                self._hear_ended()
                while self._begin_one():
                    await asyncio.sleep(0)
                row = self._next_row()
                if row is not None:
                    return self._result(row)
                left = self._left()
                alarm = None if left is None else loop.call_later(left, arrived.set)
                await arrived.wait()
                arrived.clear()
                if alarm is not None:
                    alarm.cancel()
        except StopIteration:
            raise StopAsyncIteration from None
        except BaseException:
            self.close()
            raise
        finally:
            self._asked.release()

    def _ask(self) -> None:
        """Refuse, as generators do, whoever asks meanwhile: each would have the other's results, or hang."""
        if not self._asked.acquire(blocking=False):
            raise ValueError("map() is being asked for a result already, here or on another thread.")

    def __aiter__(self) -> Batch:
        return self

    def throw(self, kind: Any, value: Any = None, trace: Any = None, /) -> Any:  # noqa: ARG002
        """Close it, and raise."""
        self.close()
        raise kind if value is None else value

    def close(self, wait: float = 0.0) -> None:
        """Cancel what is under way, for `wait` seconds at most until the server knows. Idempotent."""
        self._exhausted, self._failure, self._taken = True, None, self._given
        jobs = self._jobs()
        self._again.clear()
        self._rows.clear()
        for lane in self._lanes:
            lane.running.clear()
        abandon(jobs)
        self.wake()  # whoever waits for the end of a rest
        ends = time.monotonic() + wait
        for job in jobs if wait else ():
            job.wait_told(max(0.0, ends - time.monotonic()))

    async def aclose(self) -> None:
        """The same, for `contextlib.aclosing`."""
        self.close()

    def __del__(self) -> None:
        # On a thread that may hold any lock.
        jobs = self._jobs()
        if jobs:
            hand_over(partial(abandon, jobs))

    def wake(self) -> None:
        """Have whoever waits look again, as at inputs after NOT_YET; on any thread."""
        self._ended.put(Call(-1, None, self._ended))

    def _jobs(self) -> List[Job]:
        return [call.job for lane in self._lanes for call in lane.running if call.job is not None]

    def _result(self, row: Row) -> Any:
        if row.error is not None and self._raises:
            raise row.error
        return row if self._whole else row.result if row.error is None else row.error

    # -- what is done between two waits

    def _next_row(self) -> Optional[Row]:
        """The next row, None while it is not there; raises StopIteration when all were given."""
        self._hear_ended()
        now = time.monotonic()
        for lane in self._lanes:
            for call in list(lane.running):
                if call.due > now:
                    break  # the others were begun later
                self._expire(lane, call)
        while self._begin_one():
            pass
        row = self._rows.pop(self._turn(), None)
        if row is not None:
            self._given += 1
        elif self._exhausted and self._given == self._taken:
            failure, self._failure = self._failure, None
            raise failure or StopIteration
        return row

    def _turn(self) -> int:
        """The number of the row to be given next."""
        return self._given if self._ordered else next(iter(self._rows), -1)

    def _begin_one(self) -> bool:
        """Begin a call where one may begin; return whether one did."""
        if sum(len(lane.running) for lane in self._lanes) >= self._most:
            return False
        now = time.monotonic()
        # Where all clients are closed, the errors say so.
        lanes = list(filter(Lane.open, self._lanes)) or self._lanes
        lanes = [lane for lane in lanes if lane.has_room(now)]
        call = self._next_call() if lanes else None
        if call is None:
            return False
        lane = min(lanes, key=Lane.busy)
        try:
            lane.begin(call, now)
        except GradioClientError as exc:
            self._end(lane, call, None, exc)
        return True

    def _next_call(self) -> Optional[Call]:
        if self._again:
            call: Call = heappop(self._again)[1]
            return call
        # The row that is given now makes room.
        held = self._taken - self._given - (self._turn() in self._rows)
        if self._exhausted or held >= self._most * (_HELD if self._ordered else 1):
            return None
        try:
            value = next(self._inputs)
        except Exception as exc:  # comes after the rows of the inputs before
            self._exhausted = True
            self._failure = None if isinstance(exc, StopIteration) else exc
            return None
        if value is NOT_YET:
            return None
        self._taken += 1
        return Call(self._taken - 1, value, self._ended)

    # -- ends

    def _hear_ended(self) -> None:
        with suppress(Empty):
            while True:
                self._hear(self._ended.calls.get_nowait())

    def _hear(self, call: Call) -> None:
        job = call.job
        lane = next((lane for lane in self._lanes if call in lane.running), None)
        if lane is None or job is None or not job.has_ended:  # of an attempt heard of before
            return
        error = CancelledError(f"The app cancelled {job.label}.") if job.cancelled() else job.exception()
        self._end(lane, call, job.result() if error is None else None, error)

    def _expire(self, lane: Lane, call: Call) -> None:
        job = call.job
        if job is None or job.has_ended:
            self._hear(call)
            return
        job.abandon()
        text = f"{job.label} gave no result within {lane.timeout} seconds; it was cancelled. "
        self._end(lane, call, None, DeadlineExceeded(text + "Make the client with a larger timeout."))

    def _end(self, lane: Lane, call: Call, result: Any, error: Optional[BaseException]) -> None:
        """End an attempt: call again, or make the row."""
        lane.running.pop(call, None)
        call.job = None
        if error is None:
            lane.succeeded()
        elif getattr(error, "retryable", False):
            left, others = call.attempts <= self._retries, len(self._lanes) > 1
            seconds = lane.failed(error, time.monotonic(), self._max_pause, pause=left or others)
            if left and (others or seconds <= self._max_pause):
                heappush(self._again, (call.number, call))
                return
        elif isinstance(error, ArgumentError) and isinstance(call.inputs, dict):
            error.args = (f"{error} {_HINT}",)
        self._rows[call.number] = Row(call.number, call.inputs, result, error, call.attempts)
        self._done += 1
        self._failed += error is not None
        if self._on_progress is not None:
            self._on_progress(self._done, self._failed, self._total)

    # -- waiting

    def _left(self) -> Optional[float]:
        """Seconds until there is something to do though no call ends; None for no such time."""
        now = time.monotonic()
        dues = [next(iter(lane.running)).due for lane in self._lanes if lane.running]
        due = min(dues + [lane.rests_until for lane in self._lanes if lane.rests_until > now], default=NEVER)
        return None if due == NEVER else min(max(0.0, due - now), threading.TIMEOUT_MAX)

    def _wait(self) -> None:
        if at_the_end():  # jobs end without a word then
            self._hear_all()
        with suppress(Empty):
            self._hear(self._ended.calls.get(timeout=self._left()))

    def _hear_all(self) -> None:
        for lane in self._lanes:
            for call in lane.running:
                self._ended.calls.put(call)

    def after_fork(self) -> None:
        """In a child: its copies of the jobs have ended, without a word."""
        self._ended.calls = type(self._ended.calls)()
        self._hear_all()


def abandon(jobs: List[Job]) -> None:
    """Cancel jobs whose results nobody waits for."""
    for job in jobs:
        job.abandon()
