"""UpdateFeed: one reader's place among a job's updates."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, Iterator, List, Optional, Tuple, Union

from .errors import DeadlineExceeded
from .updates import OutputUpdate, StatusUpdate, Update
from .wire.lifecycle import NewOutput
from .wire.outputs import OutputLog

Step = Union[StatusUpdate, NewOutput, OutputUpdate]


class Record:
    """What has happened to a job so far.

    Args:
        outputs: the values received.

    Attributes:
        changed: guards the fields below it, and is notified of every change.
        steps: in the order of arrival; a NewOutput stands for the next value of `outputs`.
        ended: whether that is all.
    """

    def __init__(self, outputs: OutputLog) -> None:
        self.outputs = outputs
        self.changed = threading.Condition(threading.Lock())
        self.steps: List[Step] = []
        self.ended = False


class UpdateFeed:
    """Reads a record from its beginning.

    Args:
        record: of the job.
        shape: turns a list of output values into what the caller gets; is given every one, in order.
        label: what texts call the job.
    """

    def __init__(self, record: Record, shape: Callable[[List[Any]], Any], label: str) -> None:
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
                record.changed.wait(left)
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
