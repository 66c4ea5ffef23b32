"""Job: one call under way, as a `concurrent.futures.Future` that also streams.

Every wait blocks on a Condition until the thread that reads the stream has something new; a waiting
job has no thread of its own. Callbacks run on the client's callback threads, never on the reader.
"""

from __future__ import annotations

import concurrent.futures
import logging
import warnings
from datetime import datetime
from typing import (
    TYPE_CHECKING,
    Any,
    AsyncIterator,
    Callable,
    Dict,
    Generator,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
)

from .errors import AppError, GradioClientError
from .feed import Record, Step, UpdateFeed
from .updates import LogUpdate, OutputUpdate, Status, StatusUpdate, Update
from .wire.lifecycle import CancelledByServer, Failed, Lifecycle, NewOutput, Outcome, Succeeded

if TYPE_CHECKING:
    from .wire.messages import Message

_log = logging.getLogger(__name__)

Callback = Callable[["concurrent.futures.Future[Any]"], object]


class JobHost(NamedTuple):
    """What a job needs from the client that made it.

    Args:
        new_shape: makes a function that turns lists of output values into what the caller gets, given each
            of them in order; it may download files.
        finish: does the same for the values of the result.
        blocks: whether shaping these values makes requests.
        run_work: runs a function that makes requests, on a worker.
        run_callback: runs a function of the user's, on a thread that may be kept.
        cancel: tells the server that the job is cancelled, with a warning to the caller if that is True.
        forget: tells the driver that nobody waits for a job the server has given no id yet.
        note: is told each status that is asked for, to tell the user of long queues.
        owner: what must stay alive for as long as the job does: the client.
    """

    new_shape: Callable[[], Callable[[List[Any]], Any]]
    finish: Callable[[List[Any]], Any]
    blocks: Callable[[List[Any]], bool]
    run_work: Callable[..., None]
    run_callback: Callable[..., None]
    cancel: Callable[[Job, bool], None]
    forget: Callable[[Job], None]
    note: Callable[[StatusUpdate], None]
    owner: object


class Job(concurrent.futures.Future[Any]):
    """A call that was submitted; made by `Client.submit`.

    It is a Future: `result`, `exception`, `done`, `add_done_callback`, `concurrent.futures.wait` and
    `as_completed` and `asyncio.wrap_future` all work. Iterating it yields the values of a generator
    as they arrive; `async for` yields every update; `await job` gives the result.

    Example:
        >>> job = client.submit(3, api_name="/count")      # doctest: +SKIP
        >>> for value in job:                               # doctest: +SKIP
        ...     print(value)
    """

    def __init__(
        self,
        host: JobHost,
        *,
        fn_index: int,
        label: str,
        diffs: bool,
        headers: Mapping[str, str],
        session_hash: str,
        body: Callable[[], bytes],
    ) -> None:
        super().__init__()
        self.event_id: Optional[str] = None
        self.fn_index = fn_index
        self.label = label
        self.headers = headers
        self.session_hash = session_hash
        self._body = body
        self._host = host
        self._lifecycle = Lifecycle(diffs=diffs, now=datetime.now())
        self._status = self._lifecycle.status
        # Its lock guards the fields below too; only our own code runs while it is held.
        self._record = Record(self._lifecycle.outputs)
        self._changed = self._record.changed
        self._joined_at_end = False
        self._final: List[Any] = []
        self._callbacks: List[Callback] = []
        self._listeners: List[Callable[[], None]] = []
        self._final_taken = False
        self._values = self._lifecycle.outputs.cursor()
        self._shape = host.new_shape()

    # -- for the caller

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

        A function that is no generator has one, its result. The list is the caller's own.
        """
        with self._changed:
            final = list(self._final)
        values = self._lifecycle.outputs.values()
        shape = self._host.new_shape()
        return [shape(value) for value in values] if values else final

    def status(self) -> StatusUpdate:
        """The latest status, without waiting."""
        status = self._status
        self._host.note(status)
        return status

    def logs(self) -> List[LogUpdate]:
        """Every message that the app sent with `gr.Info`, `gr.Warning` or `gr.Success`, in order."""
        with self._changed:
            return [step for step in self._record.steps if isinstance(step, LogUpdate)]

    def updates(self, timeout: Optional[float] = None) -> Iterator[Update]:
        """Every update from the first on, in the order of arrival, the final output last.

        It ends when the job has; `result()` then tells of a failure.

        Args:
            timeout: seconds to wait for each update; None waits for as long as it takes.

        Raises:
            DeadlineExceeded: no update came in time; the job goes on.
        """
        feed = self._new_feed()
        while True:
            steps, ended = feed.wait(timeout)
            yield from feed.updates(steps)
            if ended:
                return

    def _new_feed(self) -> UpdateFeed:
        return UpdateFeed(self._record, self._host.new_shape(), self.label)

    def cancel(self) -> bool:
        """Cancel the job, here at once and on the server as well as it can be.

        Returns:
            True when it is cancelled; False when it had already ended.
        """
        return self._cancel(warn=True)

    def running(self) -> bool:
        """Whether it has not ended yet."""
        return not self.done()

    def add_done_callback(self, fn: Callback) -> None:
        """Have `fn(job)` called when the job ends, on a thread of the client's; at once if it has ended."""
        with self._changed:
            if not self._record.ended:
                self._callbacks.append(fn)
                return
        _call_back(fn, self)

    def __iter__(self) -> Job:
        return self

    def __next__(self) -> Any:
        with self._changed:
            while True:
                values = next(self._values, None)
                if values is not None:
                    break
                if self._record.ended:
                    return self._next_final()
                self._changed.wait()
        return self._shape(values)

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

        feed = self._new_feed()
        with self._changed:
            self._listeners.append(wake)
        try:
            while True:
                arrived.clear()
                steps, ended = feed.take()
                for step in steps:
                    yield await self._update(step, feed)
                if ended:
                    return
                await arrived.wait()
        finally:
            with self._changed:
                self._listeners.remove(wake)

    async def _update(self, step: Step, feed: UpdateFeed) -> Update:
        """The update that a step stands for; files are fetched on a worker, not on the event loop."""
        if not isinstance(step, NewOutput):
            return step
        values = feed.value()
        if not self._host.blocks(values):
            return OutputUpdate(feed.shape(values), success=step.success)
        import asyncio

        shaped: concurrent.futures.Future[Any] = concurrent.futures.Future()
        self._host.run_work(_resolve, shaped, feed.shape, values)
        return OutputUpdate(await asyncio.wrap_future(shaped), success=step.success)

    def __await__(self) -> Generator[Any, None, Any]:
        import asyncio

        return asyncio.wrap_future(self).__await__()

    def __repr__(self) -> str:
        return f"<Job {self.label} {self._status.code.value} event_id={self.event_id}>"

    # -- for the queue driver

    def request_body(self) -> bytes:
        """The JSON to send; blocks while the files among the arguments are uploaded."""
        return self._body()

    @property
    def in_queue(self) -> bool:
        """Whether the server had not begun to run it, as far as it has said; a cancelled job's last news."""
        return self._lifecycle.status.code < Status.PROCESSING

    def joined(self, event_id: str) -> None:
        """The server's id is known; a job that was cancelled meanwhile is cancelled there too."""
        with self._changed:
            self.event_id = event_id
            cancelled = self._status.code is Status.CANCELLED
        if cancelled:
            self._host.cancel(self, False)

    def feed(self, message: Message) -> None:
        """Take one message of the server."""
        try:
            with self._changed:
                if self._record.ended:
                    return
                steps = self._lifecycle.feed(message, datetime.now())
                outcome = self._lifecycle.outcome
                self._record.steps.extend(steps)
                if steps and outcome is None:
                    status = steps[-1]
                    if isinstance(status, StatusUpdate):
                        self._status = status
                self._changed.notify_all()
                listeners = tuple(self._listeners)
        except GradioClientError as exc:
            self.fail(exc)
            return
        for listener in listeners:
            listener()
        if outcome is not None:
            self._conclude(outcome)

    def fail(self, error: BaseException) -> None:
        """End the job with `error`; without effect once it has ended."""
        output = _error_fields(error)
        self._end(OutputUpdate(output, success=False, final=True), error=error)

    # -- ends

    def _conclude(self, outcome: Outcome) -> None:
        if isinstance(outcome, Failed):
            self.fail(outcome.error)
        elif isinstance(outcome, CancelledByServer):
            self._cancel(warn=False, tell=False)
        elif self._host.blocks(outcome.data):
            self._host.run_work(self._succeed, outcome)
        else:
            self._succeed(outcome)

    def _succeed(self, outcome: Succeeded) -> None:
        try:
            value = self._host.finish(outcome.data)
        except Exception as exc:
            self.fail(exc)
            return
        self._end(OutputUpdate(value, success=True, final=True))

    def _end(self, last: OutputUpdate, error: Optional[BaseException] = None) -> None:
        def resolve() -> None:
            if error is None:
                self.set_result(last.outputs)
            else:
                self.set_exception(error)

        self._settle(_final_status(Status.FINISHED, error is None), last, resolve)

    def _cancel(self, *, warn: bool, tell: bool = True) -> bool:
        def resolve() -> None:
            super(Job, self).cancel()
            self.set_running_or_notify_cancel()

        if not self._settle(_final_status(Status.CANCELLED, False), None, resolve):
            return self._status.code is Status.CANCELLED
        if tell and self._joined_at_end:
            self._host.cancel(self, warn)
        elif tell:  # a join that is still under way learns of it in `joined`
            self._host.forget(self)
        return True

    def _settle(
        self, status: StatusUpdate, last: Optional[OutputUpdate], resolve: Callable[[], None]
    ) -> bool:
        """End the job, unless it has ended; return whether this was its end."""
        with self._changed:
            if self._record.ended:
                return False
            self._record.ended = True
            self._joined_at_end = self.event_id is not None
            self._status = status
            self._record.steps.append(status)
            if last is not None:
                self._record.steps.append(last)
                if last.success:
                    self._final.append(last.outputs)
            callbacks, self._callbacks = self._callbacks, []
            listeners = tuple(self._listeners)
            # While the lock is held, so that who sees the end here sees it in the Future too.
            resolve()
            self._changed.notify_all()
        for listener in listeners:
            listener()
        if callbacks:
            self._host.run_callback(_call_back_all, callbacks, self)
        return True


def splat(callback: Callable[..., object]) -> Callback:
    """`callback` as a done-callback: called with the result, a tuple's parts apart; not after a failure."""

    def done(job: concurrent.futures.Future[Any]) -> None:
        if job.cancelled() or job.exception() is not None:
            return
        result = job.result()
        if isinstance(result, tuple):
            callback(*result)
        else:
            callback(result)

    return done


def _call_back(callback: Callback, job: concurrent.futures.Future[Any]) -> None:
    try:
        callback(job)
    except Exception:
        _log.exception("a callback of %r failed", job)


def _call_back_all(callbacks: List[Callback], job: concurrent.futures.Future[Any]) -> None:
    # One after the other on one thread: that is what keeps their order.
    for callback in callbacks:
        _call_back(callback, job)


def _resolve(
    future: concurrent.futures.Future[Any], function: Callable[[List[Any]], Any], values: List[Any]
) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(function(values))
    except BaseException as exc:
        future.set_exception(exc)


def _final_status(code: Status, success: bool) -> StatusUpdate:
    return StatusUpdate(code, rank=0, success=success, time=datetime.now())


def _error_fields(error: BaseException) -> Dict[str, Any]:
    fields: Dict[str, Any] = {"error": str(error)}
    if isinstance(error, AppError):
        fields.update(title=error.title, duration=error.duration, visible=error.visible)
    return fields


def follow(job: Job) -> Iterator[Update]:
    """Yield every update of `job`, then raise what it failed with; leaving early cancels it."""
    try:
        for update in job.updates():
            # The last update of a failed call is its error, which is raised instead.
            if not (isinstance(update, OutputUpdate) and update.final and not update.success):
                yield update
        error = None if job.cancelled() else job.exception()
        if error is not None:
            raise error
    finally:
        if not job.done():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                job.cancel()
