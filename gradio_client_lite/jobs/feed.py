"""Reading what has happened to a job: the record, and one reader's place in it."""

from __future__ import annotations

import concurrent.futures
import logging
import threading
import time
from typing import TYPE_CHECKING, Any, AsyncIterator, Callable, Iterator, List, Optional, Tuple, Union

from ..errors import DeadlineExceeded
from ..threads import hand_over
from ..updates import OutputUpdate, Status, StatusUpdate, Update
from ..wire.lifecycle import NewOutput, OutputLog

if TYPE_CHECKING:
    from ..wire.filedata import Outputs
    from .job import Job

_log = logging.getLogger(__name__)

Step = Union[StatusUpdate, NewOutput, OutputUpdate]


def new_condition() -> threading.Condition:
    """One that is reentrant, as the garbage collector may end a reader on a thread that holds it."""
    return threading.Condition(threading.RLock())


class Record:
    """What has happened to a job so far.

    Args:
        outputs: the values received.

    Attributes:
        changed: guards the fields below it, and is notified of every change.
        steps: in the order of arrival; a NewOutput stands for the next value of `outputs`.
        ended: whether that is all.
        listeners: called after every change, on the thread that made it, without the lock; added and removed
            without it too.
    """

    def __init__(self, outputs: OutputLog) -> None:
        self.outputs = outputs
        self.changed = new_condition()
        self.steps: List[Step] = []
        self.ended = False
        self.listeners: List[Callable[[], None]] = []


class UpdateFeed:
    """Reads a record from its beginning.

    Args:
        record: of the job.
        shape: turns output values, looked at or not, into what the caller gets; is given all, in order.
        label: what texts call the job.
    """

    def __init__(self, record: Record, shape: Callable[[Union[Outputs, List[Any]]], Any], label: str) -> None:
        self._record = record
        self.shape = shape
        self._label = label
        self._next = 0
        self._values = record.outputs.cursor()

    def take(self) -> Tuple[List[Step], bool]:
        """What is new, and whether that is all there will be; never waits."""
        with self._record.changed:
            return self._advance()

    def wait(self, timeout: Optional[float]) -> Tuple[List[Step], bool]:
        """Like `take`, but waits until there is something.

        Args:
            timeout: seconds; None waits for as long as it takes.

        Raises:
            DeadlineExceeded: nothing came in time.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        record = self._record
        with record.changed:
            while len(record.steps) <= self._next and not record.ended:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise DeadlineExceeded(f"No update of {self._label} came within {timeout} seconds.")
                record.changed.wait(None if left is None else min(left, threading.TIMEOUT_MAX))
            return self._advance()

    def _advance(self) -> Tuple[List[Step], bool]:
        steps = self._record.steps[self._next :]
        self._next += len(steps)
        return steps, self._record.ended

    def value(self) -> List[Any]:
        """The output values that the next NewOutput stands for."""
        return next(self._values)

    def updates(self, steps: List[Step]) -> Iterator[Update]:
        """The updates that steps stand for, each value made when it is asked for."""
        for step in steps:
            if isinstance(step, NewOutput):
                yield OutputUpdate(self.shape(self.value()), success=step.success)
            else:
                yield step

    async def arriving(
        self, look: Callable[[List[Any]], Outputs], run_work: Callable[..., None]
    ) -> AsyncIterator[Update]:
        """Every update as it comes, until the job has ended.

        Args:
            look: looks for files in output values.
            run_work: runs a function that makes requests, on another thread.
        """
        import asyncio

        loop = asyncio.get_running_loop()
        arrived = asyncio.Event()

        def wake() -> None:
            try:
                loop.call_soon_threadsafe(arrived.set)
            except RuntimeError:  # the loop has been closed under the iteration
                _log.debug("an event loop was closed while it waited for a job")

        # Single operations, without the lock: a forgotten iteration ends where the garbage collector runs, on
        # a thread that may hold any lock.
        self._record.listeners.append(wake)
        try:
            while True:
                arrived.clear()
                steps, ended = self.take()
                for step in steps:
                    yield await self._update(step, look, run_work)
                if ended:
                    return
                await arrived.wait()
        finally:
            self._record.listeners.remove(wake)

    async def _update(
        self, step: Step, look: Callable[[List[Any]], Outputs], run_work: Callable[..., None]
    ) -> Update:
        """The update that a step stands for; files are fetched on a worker, not on the event loop."""
        if not isinstance(step, NewOutput):
            return step
        outputs = look(self.value())
        if not outputs.files:
            return OutputUpdate(self.shape(outputs), success=step.success)
        import asyncio

        shaped: concurrent.futures.Future[Any] = concurrent.futures.Future()
        run_work(_resolve, shaped, self.shape, outputs)
        return OutputUpdate(await asyncio.wrap_future(shaped), success=step.success)


def _resolve(
    future: concurrent.futures.Future[Any], function: Callable[[Outputs], Any], outputs: Outputs
) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(function(outputs))
    except BaseException as exc:
        future.set_exception(exc)


def follow(job: Job) -> Iterator[Update]:
    """Yield every update of `job`, then raise what it failed with; leaving early has it cancelled."""
    updates = _following(job)
    next(updates)  # one that was never entered would be left without a word
    return updates


def _following(job: Job) -> Iterator[Update]:
    """The updates, after one that begins."""
    try:
        yield StatusUpdate(Status.STARTING)
        for update in job.updates():
            # The last update of a failed call is its error, which is raised instead.
            if not (isinstance(update, OutputUpdate) and update.final and not update.success):
                yield update
        error = None if job.cancelled() else job.exception()
        if error is not None:
            raise error
    finally:
        # The garbage collector leaves it too, on a thread that may hold any lock.
        if not job.has_ended:
            hand_over(job.abandon)
