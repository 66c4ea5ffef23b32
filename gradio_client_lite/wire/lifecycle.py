"""The life of one job as its messages tell it: messages in, updates out, and the values it has streamed.

    STARTING ─► JOINING_QUEUE ─► IN_QUEUE ─► SENDING_DATA ─► PROCESSING ◄─► PROGRESS, LOG, ITERATING
                    (3.x)           │         (3.x – 4.8)         │                  │
                                    ▼                             ▼                  │
                              QUEUE_FULL (end)              FINISHED (end) ◄─────────┘

Each message has one status, whatever came before, as releases leave stages out; `_HANDLERS` is the table. The
machine has no clock: the caller says when a message came. Ends are final; what comes after them is ignored.

A stream sends one full list of output values, then what changed. Keeping every value in full would need
memory that grows with the square of a growing text, so `OutputLog` keeps what was received, and each `Cursor`
builds the values as it comes to them.

Threads: one thread feeds a job, any number read its values. Entries are only ever added to the end of a list
and never changed, so readers need no lock; a cursor belongs to one thread at a time.

What a cut of the stream does to edits: messages between the cut and the new stream are lost, so edits that
come later apply to a value that may never have come. After a cut (`StreamCut`) only edits that replace a
value as a whole are taken. If the last value was left out for that, the result, which is whole, is added
instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Callable, Container, Dict, List, Optional, Tuple, Type, Union

from ..errors import AppError, GradioClientError, ProtocolError, QueueError
from ..light import NamedTuple
from ..updates import LogUpdate, ProgressUpdate, Status, StatusUpdate
from .copies import Copies, IsFile, Taken, copy_json
from .diff import apply_diff, are_edits, changes, check_edits, is_whole, json_size, replacements
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

#: What one message brought: a list of the values, a tuple of edit lists, or, the commonest, a text that was
#: appended to the only value.
_Entry = Union[List[Any], Tuple[Any, ...], str]


class OutputLog:
    """Every output a job has streamed so far, in order; each a list with one value per output component.

    Attributes:
        shared: about how many bytes the latest entry takes as JSON, if it came whole and is kept as changes.
    """

    shared: Optional[float] = None
    _latest: Tuple[Any, ...] = ()  # the action and path of the latest edit
    _size = _width = 0
    _kept = True

    def __init__(self) -> None:
        self._entries: List[_Entry] = []
        self._whole: Dict[int, Any] = {}  # the latest values by their place, of those that came whole

    def append(self, values: Any, *, diff: bool) -> None:
        """Add what one message brought; the caller must not change `values` afterwards.

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
                self._share_paths(edits)
        if self._kept:
            self._entries.append(self._compact(values, diff))
        self._size += 1

    def _share_paths(self, edits: List[List[Any]]) -> None:
        """Have edits of the same place, such as a text that grows in a chat, take one path and action."""
        for edit in edits:
            action, path, _ = edit
            if (action, path) == self._latest:
                edit[:2] = self._latest
            else:
                self._latest = action, path

    def forget(self) -> None:
        """From now on only count, as nobody will read them."""
        self._kept = False

    def _compact(self, values: List[Any], diff: bool) -> _Entry:
        """The entry of a message; of values that are sent whole each time it has what changed in them."""
        whole, entry, shared = self._whole, [], diff
        self.shared = None
        if not diff and len(values) != self._width:
            whole.clear()
        self._width = max(len(values), self._width if diff else 0)
        for place, given in enumerate(values):
            edits = given if diff else [["replace", [], given]]
            if is_whole(edits):
                value = edits[0][2]
                found = changes(whole[place], value) if place in whole else None
                whole[place] = value
                if found is not None:
                    edits, shared = found, True
                    self.shared = (self.shared or 0) + json_size(found)
            elif edits:
                whole.pop(place, None)
            entry.append(edits)
        if not shared:
            return values
        if len(entry) == 1 and len(entry[0]) == 1 and entry[0][0][:2] == ["append", []]:
            added = entry[0][0][2]
            if isinstance(added, str):
                return added
        return tuple(entry)

    def __len__(self) -> int:
        return self._size

    def values(self) -> List[List[Any]]:
        """All entries so far, as a cursor returns them."""
        return list(Cursor(self._entries))

    def cursor(self) -> Cursor:
        """An iterator over the entries from the first on."""
        return Cursor(self._entries)


class Cursor(Iterator[List[Any]]):
    """Builds the entries of a log one by one, as values of the caller's own.

    `next` raises StopIteration when nothing more has been received yet, and may be called again later; it
    raises ProtocolError when an edit does not apply, each time.

    Attributes:
        position: of the entry that is next.
        copies: makes them.
    """

    def __init__(self, entries: List[_Entry]) -> None:
        self._entries = entries
        self.position = 0
        self._values: List[Any] = []  # the entry before that position, shared with the log
        self.copies = Copies()

    def __next__(self) -> List[Any]:
        return self.take().data

    def take(self, is_file: Optional[IsFile] = None, among: Optional[Container[int]] = None) -> Taken:
        """The next entry, searched for files; see `Copies.of`. Raises as `next` does."""
        if self.position >= len(self._entries):
            raise StopIteration
        entry = self._entries[self.position]
        if isinstance(entry, list):
            values = entry
        else:
            if isinstance(entry, str):
                entry = ([["append", [], entry]],)
            values = self._values + [None] * (len(entry) - len(self._values))
            for index, edits in enumerate(entry):
                if edits:
                    values[index] = apply_diff(values[index], edits)
        self._values = values
        self.position += 1
        return self.copies.of(values, is_file, among)


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
    """A value was added to the output log.

    Args:
        place: its index there.
        success: whether the function succeeded.
        time: when it came, if its status is no step of its own, which would take ten times the memory.
    """

    place: int
    success: bool
    time: Optional[datetime] = None

    @property
    def status(self) -> Optional[StatusUpdate]:
        """Its status, unless that is a step of its own."""
        if self.time is None:
            return None
        return StatusUpdate(Status.ITERATING, time=self.time, success=self.success)


Step = Union[StatusUpdate, NewOutput]


class Lifecycle:
    """The state of one job.

    Args:
        diffs: whether the protocol sends edits after a generator's first value (sse_v2 on).

    Attributes:
        status: the latest StatusUpdate.
        outputs: the values received so far.
        outcome: how the job ended; None while it has not.
        held: whether the server goes on waiting for more chunks of its stream after the outcome.
    """

    def __init__(self, *, diffs: bool, now: datetime) -> None:
        self.status = StatusUpdate(Status.STARTING, time=now)
        self.outputs = OutputLog()
        self.outcome: Optional[Outcome] = None
        self.held = False
        self._diffs = diffs
        self._cut = False
        self._left_out = False  # whether the latest value could not be built from its edits

    def feed(self, message: Message, now: datetime) -> Tuple[Step, ...]:
        """Take one message; return what it adds, in the order a user should see it.

        Raises:
            ProtocolError: an edit list is malformed; the caller should fail the job.
        """
        if self.outcome is not None:
            return ()
        handler = _HANDLERS.get(type(message))
        return handler(self, message, now) if handler else ()

    def _joining(self, _: SendHash, now: datetime) -> Tuple[Step, ...]:
        self.status = status = StatusUpdate(Status.JOINING_QUEUE, time=now)
        return (status,)

    def _sending(self, _: SendData, now: datetime) -> Tuple[Step, ...]:
        self.status = status = StatusUpdate(Status.SENDING_DATA, time=now)
        return (status,)

    def _estimation(self, message: Estimation, now: datetime) -> Tuple[Step, ...]:
        rank, queue_size, eta = message
        self.status = status = StatusUpdate(Status.IN_QUEUE, rank, queue_size, eta, time=now)
        return (status,)

    def _starts(self, message: ProcessStarts, now: datetime) -> Tuple[Step, ...]:
        self.status = status = StatusUpdate(Status.PROCESSING, time=now, eta=message.eta)
        return (status,)

    def _progress(self, message: Progress, now: datetime) -> Tuple[Step, ...]:
        self.status = status = ProgressUpdate(Status.PROGRESS, time=now, progress_data=list(message.units))
        return (status,)

    def _log(self, message: Log, now: datetime) -> Tuple[Step, ...]:
        text, level, title, duration, visible = message
        self.status = status = LogUpdate(
            Status.LOG, time=now, log=(text, level), title=title, duration=duration, visible=visible
        )
        return (status,)

    def _generating(self, message: Generating, now: datetime) -> Tuple[Step, ...]:
        if message.streaming:  # a call is one chunk of a stream, and this its result
            self.held = True
            return self._completed(Completed({"data": message.data}, message.success), now)
        self.status = status = StatusUpdate(Status.ITERATING, time=now, success=message.success)
        if not message.data:
            return (status,)
        index = len(self.outputs)
        values: Optional[List[Any]] = message.data
        diff = self._diffs and (index > 0 or are_edits(message.data))
        if diff and (self._cut or not index):
            # Edits of a value that may never have come; or, before 6.31, of what another generator of the
            # session had yielded when it failed: `run` in gradio/blocks.py is a number that is used again.
            values, diff = replacements(message.data), False
        self._left_out = values is None
        if values is None:
            return (status,)
        self.outputs.append(values, diff=diff)
        return (NewOutput(index, message.success), status)

    def _stream_cut(self, _: StreamCut, __: datetime) -> Tuple[Step, ...]:
        self._cut = True
        return ()

    def _queue_full(self, _: QueueFull, now: datetime) -> Tuple[Step, ...]:
        self.outcome = Failed(QueueError("Queue is full! Please try again."))
        self.status = status = StatusUpdate(Status.QUEUE_FULL, time=now, success=False)
        return (status,)

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
