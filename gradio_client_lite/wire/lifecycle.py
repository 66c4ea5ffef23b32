"""The streamed values of one job, kept as they were received and materialised on demand.

A stream sends one full list of output values, then what changed. Keeping every value in full would need
memory that grows with the square of a growing text, so the log keeps what was received and rebuilds values
when asked.

Threads: one thread appends, any number read. Entries are only ever added to the end of a list, and the
checkpoint is one tuple that is replaced whole, so readers need no lock; a cursor belongs to one thread at a
time.

The life of one job as its messages tell it: messages in, updates out, one state at a time.

A table holds which status each message gives. The machine has no clock: the caller says when a
message came. Ends are final; whatever comes after the end is ignored.

    STARTING ──► IN_QUEUE ──► PROCESSING ──► ITERATING / PROGRESS / LOG ──► FINISHED
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple, Type, Union

from ..errors import AppError, GradioClientError, ProtocolError, QueueError
from ..updates import LogUpdate, ProgressUpdate, Status, StatusUpdate
from .diff import Patch, are_edits, check_edits, replacements
from .messages import (
    Completed,
    Estimation,
    Generating,
    Log,
    Malformed,
    Message,
    ProcessStarts,
    Progress,
    QueueFull,
    SendData,
    SendHash,
    StreamCut,
)
from .texts import show, text_of


class _Entry(NamedTuple):
    items: List[Any]  # output values, or one edit list for each output
    diff: bool


class OutputLog:
    """Every output a job has streamed so far, in order.

    Each entry is a list with one value per output component.

    Example:
        >>> log = OutputLog()
        >>> log.append(["a"], diff=False)
        >>> log.append([[["append", [], "b"]]], diff=True)
        >>> log.values()
        [['a'], ['ab']]
    """

    def __init__(self) -> None:
        self._entries: List[_Entry] = []
        self._checkpoint: Tuple[int, List[Any]] = (-1, [])  # an entry's position and its values

    def append(self, values: Any, *, diff: bool) -> None:
        """Add what one message brought. The log keeps `values`; the caller must not change them afterwards.

        Args:
            values: one value per output component; with `diff`, one edit list per component, which applies to
                the component's previous value (None if it had none). Components left out stay as they were.
            diff: whether `values` are edit lists.

        Raises:
            ProtocolError: `values` has not that shape. Whether edits fit shows only when they are applied.
        """
        if not isinstance(values, list):
            raise ProtocolError(f"The server sent outputs as {type(values).__name__}; they must be a list.")
        if diff:
            for edits in values:
                check_edits(edits)
        self._entries.append(_Entry(values, diff))

    def __len__(self) -> int:
        return len(self._entries)

    def values(self, start: int = 0, stop: Optional[int] = None) -> List[List[Any]]:
        """The entries from `start` (not negative) up to `stop`; None means all received so far.

        The caller owns the result and may change it.

        Raises:
            ProtocolError: an edit in these entries, or in one they build on, does not apply.
        """
        cursor = self.cursor(start)
        count = (len(self) if stop is None else min(stop, len(self))) - start
        return [next(cursor) for _ in range(count)]

    def last(self) -> List[Any]:
        """The newest entry. Costs as much as what was received since the last call of it; the caller owns it.

        Raises:
            IndexError: nothing has been received yet.
            ProtocolError: an edit that leads to it does not apply.
        """
        position = len(self) - 1
        if position < 0:
            raise IndexError("the job has no output yet")
        state = self._state(position)
        self._checkpoint = (position, state)
        return copy_json(state)  # type: ignore[no-any-return]

    def cursor(self, start: int = 0) -> Cursor:
        """An iterator over the entries from `start` (not negative) on."""
        return Cursor(self, start)

    def _state(self, position: int) -> List[Any]:
        """The values of an entry, to be read only; [] for the one before the first.

        Starts from the nearest full entry, or the checkpoint, and applies all edits after it in one go.
        """
        done, state = self._checkpoint
        if done > position:
            done, state = -1, []
        first = position
        while first > done:
            items, diff = self._entries[first]
            if not diff:
                state = items
                break
            first -= 1
        return _apply_entries(state, self._entries[first + 1 : position + 1])


class Cursor(Iterator[List[Any]]):
    """Materialises the entries of a log one by one.

    `next` raises StopIteration when nothing more has been received yet; it may be called again later. It
    raises ProtocolError when an edit does not apply, and again each time after that. What it returns is the
    caller's own.
    """

    def __init__(self, log: OutputLog, start: int = 0) -> None:
        self._log = log
        self._position = start
        self._state: Optional[List[Any]] = None

    def __next__(self) -> List[Any]:
        if self._position >= len(self._log):
            raise StopIteration
        entry = self._log._entries[self._position]
        if not entry.diff:
            self._state = entry.items
        elif self._state is None:
            self._state = self._log._state(self._position)
        else:
            self._state = _apply_entries(self._state, [entry])
        self._position += 1
        return copy_json(self._state)  # type: ignore[no-any-return]


def _apply_entries(state: List[Any], entries: List[_Entry]) -> List[Any]:
    """Apply entries of edit lists to a list of output values, which is not changed."""
    result = list(state)
    patches: List[Optional[Patch]] = []
    for items, _ in entries:
        patches.extend([None] * (len(items) - len(patches)))
        for output, edits in enumerate(items):
            patch = patches[output]
            if patch is None:
                before = result[output] if output < len(result) else None
                patch = patches[output] = Patch(before)
            patch.apply_all(edits)
    result.extend([None] * (len(patches) - len(result)))
    for output, patch in enumerate(patches):
        if patch is not None:
            result[output] = patch.result()
    return result


def copy_json(value: Any) -> Any:
    """A copy of a JSON value with containers of its own; strings and numbers cannot change and are shared.

    Much faster than `copy.deepcopy`, and as deep as memory allows.
    """
    root = [value]
    todo: List[Any] = [root]
    while todo:
        container = todo.pop()
        pairs = enumerate(container) if isinstance(container, list) else container.items()
        for key, item in pairs:
            if isinstance(item, (list, dict)):
                copied = item.copy()
                container[key] = copied
                todo.append(copied)
    return root[0]


HIDDEN_ERROR = (
    "The upstream Gradio app has raised an exception but has not enabled "
    "verbose error reporting. To enable, set show_error=True in launch()."
)


class Succeeded(NamedTuple):
    """The job ended well with these output values, one for each output component."""

    data: List[Any]


class Failed(NamedTuple):
    """The job ended with an error."""

    error: GradioClientError


class CancelledByServer(NamedTuple):
    """The server ended the job because somebody cancelled it."""


Outcome = Union[Succeeded, Failed, CancelledByServer]


class NewOutput(NamedTuple):
    """A value was added to the output log, at this place, counted from 0."""

    place: int
    success: bool


Step = Union[StatusUpdate, NewOutput]


class Lifecycle:
    """What is known of one job.

    Args:
        diffs: whether the protocol sends edits after a generator's first value (sse_v2 on).

    Attributes:
        status: the latest StatusUpdate.
        outputs: the values received so far.
        outcome: how the job ended; None while it has not.
        held: whether the server holds it open all the same, for more chunks of a stream.
    """

    def __init__(self, *, diffs: bool, now: datetime) -> None:
        self.status = StatusUpdate(Status.STARTING, time=now)
        self.outputs = OutputLog()
        self.outcome: Optional[Outcome] = None
        self.held = False
        self._diffs = diffs
        self._cut = False
        self._left_out = False  # the latest value, which could not be made from its edits

    def feed(self, message: Message, now: datetime) -> Tuple[Step, ...]:
        """Take one message; return what it adds, in the order a user should see it.

        Raises:
            ProtocolError: an edit list is malformed; the caller should fail the job.
        """
        if self.outcome is not None:
            return ()
        handler = _HANDLERS.get(type(message))
        return handler(self, message, now) if handler else ()

    def _enter(self, status: StatusUpdate) -> Tuple[Step, ...]:
        self.status = status
        return (status,)

    def _joining(self, _: SendHash, now: datetime) -> Tuple[Step, ...]:
        return self._enter(StatusUpdate(Status.JOINING_QUEUE, time=now))

    def _sending(self, _: SendData, now: datetime) -> Tuple[Step, ...]:
        return self._enter(StatusUpdate(Status.SENDING_DATA, time=now))

    def _estimation(self, message: Estimation, now: datetime) -> Tuple[Step, ...]:
        return self._enter(
            StatusUpdate(Status.IN_QUEUE, message.rank, message.queue_size, message.eta, time=now)
        )

    def _starts(self, message: ProcessStarts, now: datetime) -> Tuple[Step, ...]:
        return self._enter(StatusUpdate(Status.PROCESSING, time=now, eta=message.eta))

    def _progress(self, message: Progress, now: datetime) -> Tuple[Step, ...]:
        return self._enter(ProgressUpdate(Status.PROGRESS, time=now, progress_data=list(message.units)))

    def _log(self, message: Log, now: datetime) -> Tuple[Step, ...]:
        return self._enter(
            LogUpdate(
                Status.LOG,
                time=now,
                log=(message.message, message.level),
                title=message.title,
                duration=message.duration,
                visible=message.visible,
            )
        )

    def _generating(self, message: Generating, now: datetime) -> Tuple[Step, ...]:
        if message.streaming:  # what comes of the one chunk that a call is
            self.held = True
            return self._completed(Completed({"data": message.data}, message.success), now)
        status = self._enter(StatusUpdate(Status.ITERATING, time=now, success=message.success))
        if not message.data:
            return status
        index = len(self.outputs)
        values: Optional[List[Any]] = message.data
        diff = self._diffs and (index > 0 or are_edits(message.data))
        if diff and (self._cut or not index):
            # Edits of a value that may never have come; or, before 6.31, of what another generator of the
            # session had yielded when it failed: `run` in gradio/blocks.py is a number that is used again.
            values, diff = replacements(message.data), False
        self._left_out = values is None
        if values is None:
            return status
        self.outputs.append(values, diff=diff)
        return (NewOutput(index, message.success), *status)

    def _stream_cut(self, _: StreamCut, __: datetime) -> Tuple[Step, ...]:
        self._cut = True
        return ()

    def _queue_full(self, _: QueueFull, now: datetime) -> Tuple[Step, ...]:
        self.outcome = Failed(QueueError("Queue is full! Please try again."))
        return self._enter(StatusUpdate(Status.QUEUE_FULL, time=now, success=False))

    def _malformed(self, message: Malformed, now: datetime) -> Tuple[Step, ...]:
        self.outcome = Failed(message.error)
        self.status = StatusUpdate(Status.FINISHED, rank=0, time=now, success=False)
        return ()

    def _completed(self, message: Completed, now: datetime) -> Tuple[Step, ...]:
        # No step: the job says that it has finished once its result can be had.
        self.outcome = _outcome(message)
        success = isinstance(self.outcome, Succeeded)
        self.status = StatusUpdate(Status.FINISHED, rank=0, time=now, success=success)
        if self._left_out and isinstance(self.outcome, Succeeded):
            # The last value is known again; a copy, because the result belongs to the caller.
            self.outputs.append(copy_json(self.outcome.data), diff=False)
            return (NewOutput(len(self.outputs) - 1, success),)
        return ()


_HANDLERS: Dict[Type[Any], Callable[[Lifecycle, Any, datetime], Tuple[Step, ...]]] = {
    SendHash: Lifecycle._joining,
    SendData: Lifecycle._sending,
    Estimation: Lifecycle._estimation,
    ProcessStarts: Lifecycle._starts,
    Progress: Lifecycle._progress,
    Log: Lifecycle._log,
    Generating: Lifecycle._generating,
    QueueFull: Lifecycle._queue_full,
    StreamCut: Lifecycle._stream_cut,
    Completed: Lifecycle._completed,
    Malformed: Lifecycle._malformed,
}


def _outcome(message: Completed) -> Outcome:
    output = message.output
    if "error" in output:
        return Failed(app_error(output))
    data = output.get("data")
    if isinstance(data, list) and message.success:
        return Succeeded(data)
    # The `cancel` route completes the job so, whoever asked for it (gradio/routes.py 4.31 - 6.31,
    # `cancel_event`); nothing else that a server says is a cancellation.
    if not output and message.success:
        return CancelledByServer()
    if isinstance(data, list):
        return Failed(ProtocolError("The server sent the data of a job that it says has failed."))
    return Failed(ProtocolError(f"The server completed the job without its data; it sent {show(output)}."))


#: What an AppError takes by name, and what it must be; anything else would be shown to users as it is.
_ERROR_FIELDS: Dict[str, Tuple[type, ...]] = {
    "title": (str,),
    "duration": (int, float, type(None)),
    "visible": (bool,),
    "print_exception": (bool,),
}


def app_error(output: Dict[str, Any]) -> AppError:
    """The AppError that an `{"error": text, "title": …, "duration": …}` object stands for."""
    fields: Dict[str, Any] = {
        key: value
        for key, value in output.items()
        if isinstance(key, str) and isinstance(value, _ERROR_FIELDS.get(key, object))
    }
    text = output["error"]
    # Positional parameters of BaseException itself cannot be given by name.
    for key in ("error", "self", "message"):
        fields.pop(key, None)
    if output.get("title") is not None:
        fields["title"] = text_of(output["title"])
    return AppError(HIDDEN_ERROR if text is None else text_of(text) or "", **fields)
