"""Job: one call under way, as a `concurrent.futures.Future` that also streams.

Every wait blocks on the job's Condition until the driver's thread brings something new; a job that is waited
for has no thread of its own. Readers of updates share nothing: each goes through the list of steps, which
only ever grows, at its own pace, and makes its own copy of each value.
"""

from __future__ import annotations

import concurrent.futures
import logging
import threading
import time
from functools import partial
from typing import (
    TYPE_CHECKING,
    Any,
    AsyncIterator,
    Awaitable,
    Callable,
    Dict,
    Generator,
    Iterator,
    List,
    Optional,
    Tuple,
    Union,
)

from ..app.options import check_seconds
from ..errors import ArgumentError, DeadlineExceeded
from ..secrecy import MARK, Hidden
from ..threads import hand_over
from ..updates import LogUpdate, OutputUpdate, Status, StatusUpdate, Update
from ..wire.copies import Taken
from ..wire.lifecycle import NewOutput
from .communicator import OfficialAttributes
from .future import CallFuture

if TYPE_CHECKING:
    from ..wire.filedata import Outputs
    from ..wire.lifecycle import Cursor, OutputLog
    from .future import Callback, Step

_log = logging.getLogger(__name__)


class Job(OfficialAttributes, CallFuture):
    """A call that was submitted; made by `Client.submit`.

    It is a Future: `result`, `exception`, `done`, `add_done_callback`, `concurrent.futures.wait` and
    `as_completed` and `asyncio.wrap_future` all work. Iterating it yields the values of a generator
    as they arrive; `async for` yields every update; `await job` gives the result. Cancelling a task that
    waits in one of the last two cancels the job, as `asyncio.wait_for` does; `asyncio.shield(job)` keeps it.

    Example:
        >>> job = client.submit(3, api_name="/count")      # doctest: +SKIP
        >>> for value in job:                               # doctest: +SKIP
        ...     print(value)
    """

    # The pass of `__next__`, which all who iterate share; made when it is first called.
    _iteration: Optional[_Pass] = None
    _final_taken = False

    def result(self, timeout: Optional[float] = None) -> Any:
        """The result, waited for; of a generator its last value.

        Args:
            timeout: seconds to wait; None waits for as long as the job takes.

        Raises:
            concurrent.futures.TimeoutError: it has not ended in time; it goes on.
            concurrent.futures.CancelledError: it was cancelled.
            GradioClientError: what went wrong; AppError when the app's function raised.
        """
        return super().result(timeout)

    def outputs(self) -> List[Any]:
        """The values received so far; all of them once the job has ended.

        A function that is no generator has one, its result. The list is the caller's own; each call makes
        all values anew, whereas `for value in job` makes one at a time. Where values have files that were not
        fetched yet, it waits for them.
        """
        with self._changed:
            final = list(self._final)
        reading = _Pass(self._lifecycle.outputs)
        count = len(self._lifecycle.outputs)
        return [self._shaped(self._take(reading), reading) for _ in range(count)] or final

    def status(self) -> StatusUpdate:
        """The latest status, without waiting."""
        status = self._status
        self._host.on_status(status)
        return status

    def logs(self) -> List[LogUpdate]:
        """Every message that the app sent with `gr.Info`, `gr.Warning` or `gr.Success`, in order."""
        with self._changed:
            return [step for step in self._steps if isinstance(step, LogUpdate)]

    def updates(self, timeout: Optional[float] = None, *, total: Optional[float] = None) -> Iterator[Update]:
        """Every update from the first on, in the order of arrival, the final output last.

        It ends when the job has; `result()` then tells of a failure. Of progress the latest updates are kept,
        as many as `Limits(progress_updates=…)` says: who comes later, or is further behind, gets those.

        Args:
            timeout: seconds to wait for each update; None waits for as long as it takes.
            total: seconds to wait for all of them, from the first one asked for on; None as above.

        Raises:
            DeadlineExceeded: no update came in time; the job goes on.
        """
        ends = None if total is None else time.monotonic() + total
        place, ended, reading = 0, False, _Pass(self._lifecycle.outputs)
        while not ended:
            wait = timeout
            if ends is not None:
                left = max(ends - time.monotonic(), 0.0)
                wait = left if timeout is None else min(timeout, left)
            steps, ended = self._steps_after(place, wait)
            place += len(steps)
            for step in steps:
                if isinstance(step, NewOutput):
                    yield OutputUpdate(self._shaped(self._take(reading), reading), success=step.success)
                    step = step.status
                if step is not None:
                    yield step

    def cancel(self, wait: Optional[float] = None) -> bool:
        """Cancel the job, here at once, and have the server told in the background.

        Telling it takes 10 seconds at most; what it could not be told is logged. Some servers can be told of
        a job only once no other of its function is under way, and of a direct call not at all.

        Args:
            wait: seconds to wait for the server to have been told; None waits for nothing.

        Returns:
            True when it is cancelled; False when it had already ended. With `wait`, True only when the server
            knows of it besides: it has taken the word, or had not got the job, or had ended it.

        Raises:
            ArgumentError: `wait` is not a number above 0.

        Example:
            >>> job.cancel(), job.cancel(wait=2.0)              # doctest: +SKIP
            (True, True)
        """
        if wait is not None:
            check_seconds("wait", wait)
        if self._settle_cancelled():
            self._tell(warn=True)
        elif self._status.code is not Status.CANCELLED:
            return False
        return wait is None or self.wait_told(wait)

    def running(self) -> bool:
        """Whether it has not ended yet."""
        return not self.done()

    def __iter__(self) -> Job:
        return self

    def __next__(self) -> Any:
        with self._changed:
            reading = self._iteration
            if reading is None:
                reading = self._iteration = _Pass(self._lifecycle.outputs)
            while reading.values.position >= len(self._lifecycle.outputs):
                if self._ended:
                    return self._next_final()
                self._changed.wait()
            outputs = self._take(reading)
        return self._shaped(outputs, reading)

    def _next_final(self) -> Any:
        # Where nothing was generated the result is the one value.
        if self._final and not self._final_taken and not len(self._lifecycle.outputs):
            self._final_taken = True
            return self._final[0]
        raise StopIteration

    async def __aiter__(self) -> AsyncIterator[Update]:
        import asyncio

        loop = asyncio.get_running_loop()
        arrived = asyncio.Event()

        def wake() -> None:
            try:
                loop.call_soon_threadsafe(arrived.set)
            except RuntimeError:  # the loop has been closed under the iteration
                _log.debug("an event loop was closed while it waited for a job")

        place, reading = 0, _Pass(self._lifecycle.outputs)
        # Single operations, without the lock: a forgotten iteration ends where the garbage collector runs, on
        # a thread that may hold any lock.
        self.watch(wake)
        try:
            while True:
                arrived.clear()
                with self._changed:
                    steps, ended = self._steps[place:], self._ended
                place += len(steps)
                for step in steps:
                    if not isinstance(step, NewOutput):
                        if step is not None:
                            yield step
                        continue
                    outputs = self._take(reading)
                    if outputs.files:
                        # They are fetched by a worker, not on the event loop.
                        fetched: concurrent.futures.Future[Any] = concurrent.futures.Future()
                        self._host.run_work(self._fetch, fetched, outputs, reading)
                        value = await self._awaited(asyncio.wrap_future(fetched))
                    else:
                        value = self._shaped(outputs, reading)
                    yield OutputUpdate(value, success=step.success)
                    if step.status is not None:
                        yield step.status
                if ended:
                    return
                await self._awaited(arrived.wait())
        finally:
            self._listeners.remove(wake)

    async def _awaited(self, awaitable: Awaitable[Any]) -> Any:
        """Await something for the job's reader; whoever cancels that cancels the job."""
        from asyncio import CancelledError

        try:
            return await awaitable
        except CancelledError:
            if not self._ended:
                self.abandon()
            raise

    def __await__(self) -> Generator[Any, None, Any]:
        import asyncio

        return asyncio.wrap_future(self).__await__()

    def __dir__(self) -> List[str]:
        return [*dir(type(self)), "event_id", "fn_index", "label", "session_hash"]

    def __repr__(self) -> str:
        event_id = self.event_id
        if isinstance(event_id, Hidden):  # of Gradio 3.x, where the session hash is a part of it
            event_id = MARK
        return f"<Job {self.label} {self._status.code.value} event_id={event_id}>"

    # -- reading

    def _steps_after(self, place: int, timeout: Optional[float]) -> Tuple[List[Optional[Step]], bool]:
        """Wait for steps from a place on; return them, and whether no more will come.

        Raises:
            DeadlineExceeded: none came within the seconds of `timeout`; None waits for as long as it takes.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            while len(self._steps) <= place and not self._ended:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise DeadlineExceeded(f"No update of {self.label} came within {timeout:g} seconds.")
                self._changed.wait(None if left is None else min(left, threading.TIMEOUT_MAX))
            return self._steps[place:], self._ended

    def _take(self, reading: _Pass) -> Union[Outputs, Taken]:
        """The next values of a pass, searched for files unless no message so far mentions one."""
        values, files, first = reading.values, self._host.files, self._files_from
        if first is None or values.position < first:
            return values.take()
        return files.look(next(values)) if files.decode else values.take(files.is_file, files.holders)

    def _shaped(self, outputs: Union[Outputs, Taken], reading: _Pass) -> Any:
        """What the caller gets of output values that a pass has taken; their files are fetched."""
        host = self._host
        with host.secrets:
            data = outputs.data
            if outputs.files:
                data = host.read(self._fetched, outputs, reading.chunks)
                if isinstance(outputs, Taken):
                    reading.values.copies.keep(outputs)
            return host.shape(data)

    def _fetch(
        self, future: concurrent.futures.Future[Any], outputs: Union[Outputs, Taken], reading: _Pass
    ) -> None:
        """Resolve a future with what the caller gets of output values that have files; on a worker."""
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(self._shaped(outputs, reading))
        except BaseException as exc:
            future.set_exception(exc)


class _Pass:
    """One reader's pass over the values of a job.

    Attributes:
        values: gives the next one.
        chunks: how far streamed files were read in this pass; see `JobFiles.fetch`.
    """

    __slots__ = ("chunks", "values")

    def __init__(self, outputs: OutputLog) -> None:
        self.values: Cursor = outputs.cursor()
        self.chunks: Dict[str, int] = {}


class Following:
    """Every update of a job, by `for` or `async for`, then its error; leaving early cancels the job."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._updates = _following(job)
        next(self._updates)  # the `finally` of a generator that was never entered would not be run

    def __iter__(self) -> Following:
        return self

    def __next__(self) -> Update:
        return next(self._updates)

    def close(self) -> None:
        """Cancel the job, unless it has ended."""
        self._updates.close()

    async def __aiter__(self) -> AsyncIterator[Update]:
        try:
            async for update in self._job:
                if not _is_failure(update):
                    yield update
            _raise_failure(self._job)
        finally:
            self.close()


def _following(job: Job) -> Generator[Update, None, None]:
    """The updates, after one that only begins the generator."""
    try:
        yield StatusUpdate(Status.STARTING)
        for update in job.updates():
            if not _is_failure(update):
                yield update
        _raise_failure(job)
    finally:
        # The garbage collector may leave it too, on a thread that may hold any lock.
        if not job.has_ended:
            hand_over(job.abandon)


def _is_failure(update: Update) -> bool:
    """Whether it is the last one of a failed call, its error, which is raised instead."""
    return isinstance(update, OutputUpdate) and update.final and not update.success


def _raise_failure(job: Job) -> None:
    error = None if job.cancelled() else job.exception()
    if error is not None:
        raise error


def done_callbacks(
    callbacks: Union[Callable[..., object], List[Callable[..., object]], None],
) -> List[Callback]:
    """Done-callbacks that call functions with the result, a tuple's parts apart; not after a failure.

    Raises:
        ArgumentError: they are neither a function nor a list of functions.
    """
    given = [] if callbacks is None else callbacks
    listed = list(given) if isinstance(given, (list, tuple)) else [given]
    if not all(callable(callback) for callback in listed):
        raise ArgumentError("result_callbacks must be a function or a list of functions.")
    return [partial(_call_with_result, callback) for callback in listed]


def _call_with_result(callback: Callable[..., object], job: concurrent.futures.Future[Any]) -> None:
    if job.cancelled() or job.exception() is not None:
        return
    result = job.result()
    if isinstance(result, tuple):
        callback(*result)
    else:
        callback(result)
