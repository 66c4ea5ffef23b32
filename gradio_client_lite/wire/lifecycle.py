"""The life of one job as its messages tell it: messages in, updates out, one state at a time.

A table holds which status each message gives. The machine has no clock: the caller says when a
message came. Ends are final; whatever comes after the end is ignored.

    STARTING ──► IN_QUEUE ──► PROCESSING ──► ITERATING / PROGRESS / LOG ──► FINISHED
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple, Type, Union

from ..errors import AppError, GradioClientError, ProtocolError, QueueError
from ..updates import LogUpdate, ProgressUpdate, Status, StatusUpdate
from .diff import are_edits, replacements
from .excerpts import show
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
from .outputs import OutputLog, copy_json
from .texts import text_of

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
