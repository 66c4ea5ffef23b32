"""Server-Sent Events: bytes in, events out.

Every call of `SSEDecoder.feed` has one of three outcomes: it returns the events that these bytes completed,
it returns an empty list (more bytes are needed), or it raises `EventTooLarge`.

The rules are those of https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream.
Lines are split as bytes: only CR, LF and CRLF end one. (`str.splitlines` would also split at U+2028, U+0085
and others, which are ordinary data.) No byte of a multi-byte character equals CR or LF, so decoding a line at
a time gives what decoding the whole stream would.

The cost is linear in the number of bytes, however they are cut into chunks: a chunk is searched when it comes
and never again, and the unfinished line is only appended to until its end is there.
"""

from __future__ import annotations

import sys
from typing import List, NamedTuple, Optional, Union

from ..errors import EventTooLarge

MAX_EVENT_BYTES = 64 * 1024 * 1024
"""The default limit of one event, in bytes.

Gradio sends files as URLs, so an event carries text, numbers and JSON; long data frames, plots and inlined
images can make it some ten megabytes. Decoding one takes two to three times its size for a moment, and
parsing it more, so a much larger default would be no protection on a small machine. The official client
sets 1 GiB for the WebSocket messages of Gradio 3.x (gradio_client 1.12.0, compatibility.py) and no limit
for events.
"""

_BOM = b"\xef\xbb\xbf"
_MAX_RETRY_DIGITS = 18
_Line = Union[bytes, bytearray]


class Event(NamedTuple):
    """One dispatched event.

    Args:
        data: its `data` lines, joined by a line feed.
        event: its type; "message" if the server named none.
        id: the last event id the server has set, in this event or before; "" if none.
    """

    data: str
    event: str = "message"
    id: str = ""


class SSEDecoder:
    """Decodes an event stream that arrives in chunks cut anywhere.

    An event that the server has not ended with a blank line is never returned.

    Args:
        max_event_bytes: the most bytes that the `data` lines of one event may have together, and that any
            other line may have; None for any number. A chunk may be larger and hold many events.

    Attributes:
        last_event_id: the id to send as `Last-Event-ID` when connecting again; "" if the server set none.
        retry: how long the server wants clients to wait before they connect again, in milliseconds; None if
            it has not said. (More than 18 digits are ignored.)

    Example:
        >>> decoder = SSEDecoder()
        >>> decoder.feed(b"data: one\\n\\ndata: tw")
        [Event(data='one', event='message', id='')]
        >>> decoder.feed(b"o\\r\\n\\r\\n")
        [Event(data='two', event='message', id='')]
    """

    def __init__(self, max_event_bytes: Optional[int] = MAX_EVENT_BYTES) -> None:
        self.last_event_id = ""
        self.retry: Optional[int] = None
        self._max = sys.maxsize if max_event_bytes is None else max_event_bytes
        self._failed = False
        self._at_start = True  # of the stream: a byte order mark may come
        self._after_cr = False  # the last byte was a CR, which ended its line; an LF now is part of that end
        self._line = bytearray()  # the unfinished line
        self._idle = False  # nothing of an event, nor half a line end, is held: the fast path may run
        # The `data` lines so far. As one, since a list of short ones takes a hundred times their size.
        self._data: Optional[_Line] = None
        self._data_bytes = 0
        self._type = ""
        self._id: Optional[str] = None

    @property
    def unfinished(self) -> bool:
        """Whether a part of an event, or of a line, is held that needs more bytes."""
        return bool(self._line or self._data is not None or self._type or self._id is not None)

    def feed(self, chunk: bytes) -> List[Event]:
        """Take the next bytes of the stream.

        Args:
            chunk: any number of bytes.

        Returns:
            The events that are complete now, in order. If an event that is too large follows them, they are
            returned first and the next call raises.

        Raises:
            EventTooLarge: an event is over the limit. The decoder is of no use after that: every later call
                raises again.
        """
        if self._idle and chunk.startswith(b"data: ") and len(chunk) - 2 <= self._max:
            # What Gradio sends, one event to a chunk. If the first LF is the last but one byte and no CR
            # is present, the chunk is one line and the blank line after it.
            end = len(chunk) - 2
            if chunk.find(b"\n") == end and chunk[end + 1 :] == b"\n" and b"\r" not in chunk:
                return [Event(chunk[6:end].decode("utf-8", "replace"), "message", self.last_event_id)]
        return self._feed_lines(chunk)

    def _feed_lines(self, chunk: bytes) -> List[Event]:
        if self._failed:
            self._fail()
        if self._after_cr and chunk:
            self._after_cr = False
            if chunk.startswith(b"\n"):
                chunk = chunk[1:]
        if b"\r" in chunk:
            # A CR at the end of the chunk ends its line now; waiting for an LF could delay an event for ever.
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        events: List[Event] = []
        lines: List[bytes] = chunk.split(b"\n")
        rest = lines.pop()
        for line in lines:
            if not self._end_line(line, events):
                return self._fail(events)
        if len(self._line) + len(rest) + self._data_bytes > self._max:
            return self._fail(events)
        self._line += rest
        self._idle = not (self._at_start or self._after_cr or self.unfinished)
        return events

    def _end_line(self, end: bytes, events: List[Event]) -> bool:
        """Finish the current line with its last bytes; False if the event is now too large."""
        line: _Line = end
        if self._line:
            line = self._line
            line += end
            self._line = bytearray()
        if len(line) + self._data_bytes > self._max:
            return False
        if self._at_start:
            self._at_start = False
            if line.startswith(_BOM):
                line = line[len(_BOM) :]
        if line:
            self._field(line)
        else:
            self._dispatch(events)
        return True

    def _field(self, line: _Line) -> None:
        if line.startswith(b"data:"):
            # The commonest first. A "data" without a colon goes the long way below.
            self._add_data(line[6:] if line.startswith(b" ", 5) else line[5:])
            return
        name, _, value = line.partition(b":")
        if value.startswith(b" "):
            value = value[1:]
        if name == b"data":
            self._add_data(value)
        elif name == b"event":
            self._type = value.decode("utf-8", "replace")
        elif name == b"id":
            if b"\0" not in value:
                self._id = value.decode("utf-8", "replace")
        elif name == b"retry" and value.isdigit() and len(value) <= _MAX_RETRY_DIGITS:  # bytes: ASCII digits
            self.retry = int(value)
        # A comment has an empty name; a name that is not known is ignored like one.

    def _add_data(self, value: _Line) -> None:
        if self._data is None:
            self._data = value
        else:
            if not isinstance(self._data, bytearray):
                self._data = bytearray(self._data)
            self._data += b"\n"
            self._data += value
        self._data_bytes += len(value) + 1  # with its line feed, so that empty lines are bounded too

    def _dispatch(self, events: List[Event]) -> None:
        if self._id is not None:
            self.last_event_id = self._id
            self._id = None
        if self._data is not None:
            data, self._data, self._data_bytes = self._data, None, 0
            events.append(Event(data.decode("utf-8", "replace"), self._type or "message", self.last_event_id))
        self._type = ""

    def _fail(self, events: Optional[List[Event]] = None) -> List[Event]:
        """Let go of what is held and raise; but first hand out the events that were complete before."""
        self._failed = True
        self._idle = False
        self._data = None
        self._line = bytearray()
        if events:
            return events
        raise EventTooLarge(
            f"The server sent an event that is larger than Limits(event_bytes={self._max}); let the app "
            "return a file in place of so large a value, or make the client with a larger one."
        )
