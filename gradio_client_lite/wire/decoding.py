"""What a server's bytes are read into: events of a stream, and JSON; both are bounded before they are built.

**Events.** The rules are those of
https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream, of which Gradio uses
the `data` field alone; lines of other fields and comments are skipped. Lines are split as bytes: only CR, LF
and CRLF end one. (`str.splitlines` would also split at U+2028, U+0085 and others, which are ordinary data.)
No byte of a multi-byte character equals CR or LF, so decoding an event at a time gives what decoding the
whole stream would. The cost is linear in the number of bytes, however they are cut into chunks: a chunk is
searched when it comes and never again, and the unfinished line is only appended to until its end is there.

**JSON.** A text of some megabytes can become some gigabytes of lists, so its values are counted first. Most
texts are too short to hold too many. Of the others the characters that come before a value, `,`, `[`, `{` and
`:`, are counted, and only where those may be too many, they are counted again without those within texts. All
of it is linear, and done by the methods of bytes. JSON is UTF-8 here (RFC 8259 section 8.1): with UTF-16,
which `json.loads` takes too, another text would be counted than is read.
"""

from __future__ import annotations

import json
import sys
from typing import Any, List, Optional, Type, Union

from ..errors import EventTooLarge, ProtocolError, ResponseTooLarge
from ..light import pattern
from .texts import page_in_words

MAX_EVENT_BYTES = 64 * 1024 * 1024
"""The default limit of one event, in bytes.

Gradio sends files as URLs, so an event carries text, numbers and JSON; long data frames, plots and inlined
images can make it some ten megabytes. Decoding one takes two to three times its size for a moment, and
parsing it more, so a much larger default would be no protection on a small machine. The official client
sets 1 GiB for the WebSocket messages of Gradio 3.x (gradio_client 1.12.0, compatibility.py) and no limit
for events.
"""

MAX_VALUES = 10_000_000
"""The default limit of the values of one event, as of one direct call's answer."""

FEW_VALUES = 100_000
"""The limit for answers of a few fields, such as an error."""

_BOM = b"\xef\xbb\xbf"


class SSEDecoder:
    """Decodes an event stream that arrives in chunks cut anywhere.

    An event that the server has not ended with a blank line is never returned.

    Args:
        max_event_bytes: the most bytes that the `data` lines of one event may have together, and that any
            other line may have; None for any number. A chunk may be larger and hold many events.
    """

    def __init__(self, max_event_bytes: Optional[int] = MAX_EVENT_BYTES) -> None:
        self._max = sys.maxsize if max_event_bytes is None else max_event_bytes
        self._failed = False
        self._at_start = True  # of the stream: a byte order mark may come
        self._after_cr = False  # the last byte was a CR, which ended its line; an LF now is part of that end
        self._line = bytearray()  # the unfinished line
        # The `data` lines so far. As one, since a list of short ones takes a hundred times their size.
        self._data: Union[bytes, bytearray, None] = None
        self._data_bytes = 0

    @property
    def unfinished(self) -> bool:
        """Whether a part of an event, or of a line, is held that needs more bytes."""
        return bool(self._line) or self._data is not None

    def feed(self, chunk: bytes) -> List[str]:
        """Take the next bytes; return the data of the events that are complete now, in order.

        Raises:
            EventTooLarge: an event is over the limit, and those before it were returned; again in every later
                call.
        """
        if self._failed:
            return self._fail([])
        if self._after_cr or b"\r" in chunk:
            chunk = self._without_returns(chunk)
        if self._data is None and not (self._at_start or self._line or len(chunk) > self._max):
            texts = _whole_events(chunk)
            if texts:
                return texts
        events: List[str] = []
        *ends, rest = chunk.split(b"\n")
        for end_of_line in ends:
            line: Union[bytes, bytearray] = end_of_line
            if self._line:
                self._line += line
                line, self._line = self._line, bytearray()
            if len(line) + self._data_bytes > self._max:
                return self._fail(events)
            if self._at_start:
                self._at_start = False
                line = line.removeprefix(_BOM)
            if line.startswith(b"data:") or line == b"data":
                self._add_data(line[6 if line.startswith(b" ", 5) else 5 :])
            elif not line and self._data is not None:
                events.append(self._data.decode("utf-8", "replace"))
                self._data, self._data_bytes = None, 0
        if len(self._line) + len(rest) + self._data_bytes > self._max:
            return self._fail(events)
        self._line += rest
        return events

    def _without_returns(self, chunk: bytes) -> bytes:
        """The same lines, all of them ended by LF."""
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        if b"\r" in chunk:
            # A CR at the end of the chunk ends its line now; waiting for an LF could delay an event for ever.
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return chunk

    def _add_data(self, value: Union[bytes, bytearray]) -> None:
        if self._data is None:
            self._data = value
        else:
            if not isinstance(self._data, bytearray):
                self._data = bytearray(self._data)
            self._data += b"\n"
            self._data += value
        self._data_bytes += len(value) + 1  # with its line feed, so that empty lines are bounded too

    def _fail(self, events: List[str]) -> List[str]:
        """Let go of what is held and raise; but first hand out the events that were complete before."""
        self._failed = True
        self._data = None
        self._line = bytearray()
        if events:
            return events
        raise EventTooLarge(
            f"The server sent an event that is larger than Limits(event_bytes={self._max}); let the app "
            "return a file in place of so large a value, or make the client with a larger one."
        )


def _whole_events(chunk: bytes) -> List[str]:
    """The data of events of one line each, as Gradio sends them; empty where there is anything else."""
    if not (chunk.startswith(b"data: ") and chunk.endswith(b"\n\n")):
        return []
    texts = chunk[6:-2].split(b"\n\ndata: ")
    return [text.decode("utf-8", "replace") for text in texts] if chunk.count(b"\n") == 2 * len(texts) else []


_BLOCK = 1 << 18
_BACKSLASHES = pattern(rb"\\*")
# All bytes but the marks of the structure.
_TEXT = bytes(set(range(256)) - set(b'"[{,:'))
# Python's own limit since 3.11, and in late older releases: the time grows with the square of the digits.
_DIGITS = 4300


def read_json(
    data: Union[bytes, str],
    what: str,
    max_values: Optional[int],
    limit: str = "",
    too_large: Type[ProtocolError] = ResponseTooLarge,
) -> Any:
    """Read one JSON value.

    Args:
        data: bytes in UTF-8.
        what: begins the sentence of an error, such as "The answer to the join of /predict".
        max_values: the most values, as `count_values` counts them; None for any number.
        limit: the field of `Limits` that sets `max_values`; "" for none.
        too_large: the error for more.

    Raises:
        ProtocolError: it is not JSON, is nested too deeply, or holds a number of thousands of digits.
    """
    # A value takes two characters at least, with its comma or bracket: short texts cannot hold too many.
    if max_values is not None and len(data) >= 2 * max_values:
        _check(data, what, max_values, limit, too_large)
    try:
        text = data if isinstance(data, str) else data.removeprefix(_BOM).decode("utf-8", "surrogatepass")
        # What `json.loads` does, of which a call of that takes longer than most of its texts do.
        text = text.strip(" \t\r\n")
        decoder = _DECODER if len(text) <= _DIGITS else _decoder_of(text)
        value, end = decoder.raw_decode(text)
        if end != len(text):
            raise ValueError("more than one value")
        return value
    except (ValueError, RecursionError) as exc:
        raise _unreadable(what, exc, data) from exc


def read_first_json(text: str, what: str, max_values: Optional[int], limit: str = "") -> Any:
    """Read the JSON value that a text begins with, whatever follows; otherwise like `read_json`."""
    if max_values is not None:
        _check(text, what, max_values, limit, ResponseTooLarge)
    try:
        return _decoder_of(text).raw_decode(text)[0]
    except (ValueError, RecursionError) as exc:
        raise _unreadable(what, exc) from exc


def _unreadable(what: str, error: Exception, data: Union[bytes, str] = "") -> ProtocolError:
    if isinstance(error, RecursionError):
        return ProtocolError(f"{what} is JSON that is nested too deeply.")
    page = page_in_words(data) if isinstance(data, bytes) else ""
    return ProtocolError(f"{what} is not JSON.{page}")


def _check(data: Union[bytes, str], what: str, most: int, limit: str, too_large: Type[ProtocolError]) -> None:
    encoded = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    if 1 + sum(map(encoded.count, (b",", b"[", b"{", b":"))) > most and count_values(encoded, most) > most:
        advice = f"; make the client with a larger Limits({limit}=…)" if limit else ""
        raise too_large(f"{what} holds more than {most} values{advice}.")


def count_values(data: bytes, enough: int) -> int:
    """Count the values, and the names in objects, up to `enough`; an empty list or object counts twice.

    Of what is no JSON, the part that a parser would build before it noticed is counted in full.
    """
    count, start, within = 1, 0, 0
    while start < len(data) and count <= enough:
        end = start + _BLOCK
        if data[end - 1 : end] == b"\\":
            # The next block begins behind the escape.
            end = _BACKSLASHES.match(data, end).end() + 1  # type: ignore[union-attr]  # matches anything
        block = data[start:end].replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _TEXT)
        pieces = block.split(b'"')
        # Every second piece is within a text, the first one where the block before ended within one.
        count += sum(map(len, pieces[within::2]))
        within ^= (len(pieces) - 1) & 1
        start = end
    return count


def _int(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise ValueError("a number of too many digits")
    return int(digits)


_DECODER, _BOUNDED_DECODER = json.JSONDecoder(), json.JSONDecoder(parse_int=_int)


def _decoder_of(text: str) -> json.JSONDecoder:
    """One that bounds the digits of a number, where neither the text nor Python itself does."""
    if len(text) <= _DIGITS or 0 < getattr(sys, "get_int_max_str_digits", int)() <= _DIGITS:
        return _DECODER
    return _BOUNDED_DECODER
