"""The messages of Gradio's queue: the data of one event in, a frozen typed message out.

Source: gradio/server_messages.py (4.31 on) and the queue of earlier releases, which send the same
objects as plain dictionaries. Fields and kinds that are not known here are ignored, so that a newer
server does no harm. A new kind is a class, a place in `Message`, a reader in `_READERS`, and its handler in
`lifecycle.py`.

Messages are named tuples because these classes are made whenever a program starts, and as dataclasses would
take six times as long.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple, Union

from ..errors import EventTooLarge, ProtocolError
from ..light import NamedTuple
from ..updates import ProgressUnit
from .decoding import MAX_VALUES, read_json
from .texts import quoted, show, text_of


class SendHash(NamedTuple):
    """The server asks for session and function (3.7 – 3.50)."""


class SendData(NamedTuple):
    """The server asks for the arguments (3.x – 4.8); from 4.0 on the event id comes with it."""


class Estimation(NamedTuple):
    """The job waits in the queue. `eta` is in seconds."""

    rank: Optional[int]
    queue_size: Optional[int]
    eta: Optional[float]


class ProcessStarts(NamedTuple):
    """A worker has taken the job. `eta` is in seconds."""

    eta: Optional[float]


class Progress(NamedTuple):
    """The bars of the function's `gr.Progress()`."""

    units: Tuple[ProgressUnit, ...]


class Generating(NamedTuple):
    """A generator has yielded. The first one holds the values, later ones edits from sse_v2 on.

    `streaming` marks `process_streaming`: the result for one chunk of a stream of inputs, after which the
    server waits for the next chunk.
    """

    data: List[Any]
    success: bool
    streaming: bool = False


class Log(NamedTuple):
    """`gr.Info`, `gr.Warning` or `gr.Success` was called. `duration` is in seconds."""

    message: str
    level: str
    title: Optional[str]
    duration: Optional[float]
    visible: bool


class Heartbeat(NamedTuple):
    """The connection is alive; nothing else."""


class CloseStream(NamedTuple):
    """The server sees no pending event in this session and ends the stream."""


class QueueFull(NamedTuple):
    """The queue took no more jobs."""


class UnexpectedError(NamedTuple):
    """The stream itself failed on the server; every job on it is concerned."""

    message: str
    session_not_found: bool

    def is_stumble(self, event_id: Optional[str]) -> bool:
        """Whether this is the KeyError of a job, that of the message before, after which the session goes on.

        Up to 5.45 a stream broke when the server ended a job a second time: once because it was cancelled,
        and once because it then ran to its end all the same (gradio/routes.py, `sse_stream`).
        """
        return event_id is not None and self.message == repr(event_id)


class StopMessage(NamedTuple):
    """The server is going down."""


class StreamCut(NamedTuple):
    """Sent by the driver, not the server: the stream broke here, so messages may be missing."""


class Completed(NamedTuple):
    """The job has ended. `output` holds `data`, or `error` and what goes with it."""

    output: Dict[str, Any]
    success: bool


class Malformed(NamedTuple):
    """A message for this job which no Gradio server sends, so nothing that follows it can be trusted."""

    error: ProtocolError


Message = Union[
    SendHash,
    SendData,
    Estimation,
    ProcessStarts,
    Progress,
    Generating,
    Log,
    Heartbeat,
    CloseStream,
    QueueFull,
    UnexpectedError,
    StopMessage,
    StreamCut,
    Completed,
    Malformed,
]


class Envelope(NamedTuple):
    """A message and the event id it is for; None when it concerns the whole stream."""

    event_id: Optional[str]
    message: Message


#: Characters, or bytes, of a message that takes long to read: some milliseconds, and up to a second.
LARGE = 1 << 17

# Estimates of memory, in bytes: what an update takes besides its texts and values, one that is a log, and a
# bar of progress;
_BYTES_OF_MESSAGE = 512
_BYTES_OF_LOG = 800
_BYTES_OF_UNIT = 500
# and what values take besides their text: each object, list, half of a text, and any value.
_BYTES_OF_OBJECT = 200
_BYTES_OF_LIST = 80
_BYTES_OF_QUOTE = 24
_BYTES_OF_VALUE = 32
#: What a message costs in which there is next to nothing; see `cost_of`.
LEAST_COST = _BYTES_OF_VALUE + _BYTES_OF_MESSAGE


def text_bytes(text: str) -> int:
    """How many bytes a text takes in memory, at most; not every Python can tell itself."""
    return _BYTES_OF_VALUE + len(text) * (1 if text.isascii() else 4)


def cost_of(message: Message, data: str) -> int:
    """About how many bytes a job takes to keep a message that was decoded from `data`; hardly ever fewer."""
    size = _BYTES_OF_VALUE + len(data) * (1 if data.isascii() else 4)
    if "\\u" in data:  # each character of a text takes as much as its widest does
        size *= 4 if "\\ud" in data or "\\uD" in data else 2
    size += _BYTES_OF_LOG if isinstance(message, Log) else _BYTES_OF_MESSAGE
    if isinstance(message, Progress):
        size += _BYTES_OF_UNIT * len(message.units)
    elif isinstance(message, (Generating, Completed)):
        size += _BYTES_OF_OBJECT * data.count("{") + _BYTES_OF_LIST * data.count("[")
        size += _BYTES_OF_QUOTE * data.count('"') + _BYTES_OF_VALUE * data.count(",")
    return size


def decode(data: str, max_values: Optional[int] = MAX_VALUES) -> Optional[Envelope]:
    """Read the message in one event's data; None for a kind that is not known here.

    Raises:
        EventTooLarge: there are more than `max_values`, see `read_json`.
        ProtocolError: it is not a JSON object with a `msg`, or it is malformed and names no job. Where it
            names one the message is a `Malformed`.
    """
    try:
        raw = read_json(data, "An event of the server", max_values, "json_values", EventTooLarge)
    except EventTooLarge:
        raise
    except ProtocolError as exc:
        raise ProtocolError(f"{exc} It begins: {quoted(data)}") from exc
    if not isinstance(raw, dict) or not isinstance(raw.get("msg"), str):
        raise ProtocolError(f"The server streamed an event without a `msg`: {show(raw)}")
    reader = _READERS.get(raw["msg"])
    if reader is None:
        return None
    event_id = raw.get("event_id")
    if event_id is not None and not isinstance(event_id, str):
        raise ProtocolError(f"The server streamed an event whose id is no text: {show(raw)}")
    try:
        return Envelope(event_id, reader(raw))
    except ProtocolError as exc:
        if event_id is None:
            raise
        return Envelope(event_id, Malformed(exc))


def _estimation(raw: Dict[str, Any]) -> Message:
    return Estimation(_number(raw, "rank"), _number(raw, "queue_size"), _number(raw, "rank_eta"))


def _process_starts(raw: Dict[str, Any]) -> Message:
    return ProcessStarts(_number(raw, "eta"))


def _progress(raw: Dict[str, Any]) -> Message:
    units = raw.get("progress_data")
    listed = units if isinstance(units, list) else ()
    return Progress(tuple([_unit(unit) for unit in listed if isinstance(unit, dict)]))


def _unit(raw: Dict[str, Any]) -> ProgressUnit:
    return ProgressUnit(
        _number(raw, "index"),
        _number(raw, "length"),
        _text(raw, "unit"),
        _number(raw, "progress"),
        _text(raw, "desc"),
    )


def _generating(raw: Dict[str, Any]) -> Message:
    data = _output(raw).get("data")
    if data is None:
        data = []
    elif not isinstance(data, list):
        raise ProtocolError(f"The server streamed an output whose data is no list: {show(data)}")
    return Generating(data, _success(raw), raw["msg"] == "process_streaming")


def _log(raw: Dict[str, Any]) -> Message:
    return Log(
        _text(raw, "log") or "",
        _text(raw, "level") or "",
        _text(raw, "title"),
        _number(raw, "duration"),
        raw.get("visible") is not False,
    )


def _unexpected_error(raw: Dict[str, Any]) -> Message:
    text = quoted(_text(raw, "message") or "")
    if text == "Server stopped unexpectedly.":
        return StopMessage()
    # Releases before 4.31 have no flag and send the text of their HTTP error alone.
    lost = raw.get("session_not_found") is True or "Session not found" in text or text.startswith("404")
    return UnexpectedError(text, lost)


def _completed(raw: Dict[str, Any]) -> Message:
    output = _output(raw)
    # An empty output means that the job was cancelled; only a server that says so has done it.
    return Completed(output, _success(raw) and (bool(output) or "success" in raw))


def _output(raw: Dict[str, Any]) -> Dict[str, Any]:
    output = raw.get("output")
    if not isinstance(output, dict):
        raise ProtocolError(f"The server sent a `{raw['msg']}` without an output: {show(raw)}")
    return output


def _success(raw: Dict[str, Any]) -> bool:
    success = raw.get("success", True)
    if success is not None and not isinstance(success, bool):
        raise ProtocolError(f"The server sent a `{raw['msg']}` whose success is {show(success)}.")
    return bool(success)


def _text(raw: Dict[str, Any], key: str) -> Optional[str]:
    value = raw.get(key)
    return value if isinstance(value, str) else text_of(value)


def _number(raw: Dict[str, Any], key: str) -> Any:
    value = raw.get(key)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


_READERS: Dict[str, Callable[[Dict[str, Any]], Message]] = {
    "send_hash": lambda _: SendHash(),
    "send_data": lambda _: SendData(),
    "estimation": _estimation,
    "process_starts": _process_starts,
    "progress": _progress,
    "process_generating": _generating,
    # A function fed by a stream of inputs (gr.Audio(streaming=True), 5.0 on) answers with these.
    "process_streaming": _generating,
    "log": _log,
    "heartbeat": lambda _: Heartbeat(),
    "close_stream": lambda _: CloseStream(),
    "queue_full": lambda _: QueueFull(),
    "unexpected_error": _unexpected_error,
    "Server stopped unexpectedly.": lambda _: StopMessage(),
    "process_completed": _completed,
}
