"""Job: one call under way, as a `concurrent.futures.Future` that also streams.

Every wait blocks on a Condition until the thread that reads the stream has something new; a waiting
job has no thread of its own. Callbacks run on the client's callback threads, never on the reader.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, AsyncIterator, Callable, Generator, Iterator, List, Optional

from ..app.options import check_seconds
from ..secrecy import MARK, Hidden
from ..updates import LogUpdate, Status, StatusUpdate, Update
from .feed import UpdateFeed
from .future import CallFuture

if TYPE_CHECKING:
    import concurrent.futures

    from .future import Callback


class Job(CallFuture):
    """A call that was submitted; made by `Client.submit`.

    It is a Future: `result`, `exception`, `done`, `add_done_callback`, `concurrent.futures.wait` and
    `as_completed` and `asyncio.wrap_future` all work. Iterating it yields the values of a generator
    as they arrive; `async for` yields every update; `await job` gives the result.

    Example:
        >>> job = client.submit(3, api_name="/count")      # doctest: +SKIP
        >>> for value in job:                               # doctest: +SKIP
        ...     print(value)
    """

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

        A function that is no generator has one, its result. The list is the caller's own. Where values have
        files that were not fetched yet, it waits for them.
        """
        with self._record.changed:
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
        with self._record.changed:
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
            self._tell(True)
        elif self._status.code is not Status.CANCELLED:
            return False
        return wait is None or self.wait_told(wait)

    def running(self) -> bool:
        """Whether it has not ended yet."""
        return not self.done()

    def __iter__(self) -> Job:
        return self

    def __next__(self) -> Any:
        with self._record.changed:
            while True:
                values = next(self._values, None)
                if values is not None:
                    break
                if self._record.ended:
                    return self._next_final()
                self._record.changed.wait()
        return self._shape(values)

    def _next_final(self) -> Any:
        # Where nothing was generated the result is the one value.
        if self._final and not self._final_taken and not len(self._lifecycle.outputs):
            self._final_taken = True
            return self._final[0]
        raise StopIteration

    def __aiter__(self) -> AsyncIterator[Update]:
        return self._new_feed().arriving(self._host.look, self._host.run_work)

    def __await__(self) -> Generator[Any, None, Any]:
        import asyncio

        return asyncio.wrap_future(self).__await__()

    def __repr__(self) -> str:
        event_id = self.event_id
        if isinstance(event_id, Hidden):  # of Gradio 3.x, where the session hash is a part of it
            event_id = MARK
        return f"<Job {self.label} {self._status.code.value} event_id={event_id}>"


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
