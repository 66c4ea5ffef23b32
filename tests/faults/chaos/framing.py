"""Where the messages of a connection begin and end: HTTP/1.1, and WebSocket frames after an upgrade."""

from __future__ import annotations

from typing import Dict, Iterator, NamedTuple, Optional, Tuple


class Unit(NamedTuple):
    """Bytes that are carried together: a head, a chunk or a frame as a whole, or some of a body.

    Args:
        data: the bytes.
        number: 0 for a head, then as they come.
        last: whether the message ends with it.
        head: the first line and the fields of the message that it belongs to.
    """

    data: bytes
    number: int
    last: bool
    head: Tuple[str, Dict[str, str]]


class Framing:
    """Finds the units of one direction of a connection.

    Args:
        answers: whether a server says them.

    Attributes:
        frames: whether it is WebSocket frames, which go on until the connection ends.
    """

    def __init__(self, answers: bool) -> None:
        self._answers = answers
        self._buffer = b""
        self._head: Tuple[str, Dict[str, str]] = ("", {})
        self._number = 0
        self._left: Optional[int] = 0  # bytes of the body; None for chunks
        self.frames = False

    def feed(self, data: bytes) -> Iterator[Unit]:
        """The units that these bytes complete."""
        self._buffer += data
        while self._buffer:
            size = self._size()
            if not size:
                return
            data, self._buffer = self._buffer[:size], self._buffer[size:]
            yield self._unit(data)

    def _size(self) -> int:
        """Of the next unit; 0 where it is not whole."""
        if self._number == 0:
            return self._buffer.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in self._buffer else 0
        if self.frames:
            return _frame_size(self._buffer)
        if self._left is None:
            line, end, _ = self._buffer.partition(b"\r\n")
            size = len(line) + 2 + int(line.split(b";")[0], 16) + 2 if end else 0
            return size if size <= len(self._buffer) else 0
        return min(self._left, len(self._buffer))

    def _unit(self, data: bytes) -> Unit:
        number = self._number
        if number == 0:
            self._begin(data)
            last = self._left == 0 and not self.frames
        elif self.frames:
            last = True
        elif self._left is None:
            last = data.startswith((b"0\r\n", b"0;"))
        else:
            self._left -= len(data)
            last = self._left == 0
        self._number = 0 if last and not self.frames else number + 1
        return Unit(data, number, last, self._head)

    def _begin(self, data: bytes) -> None:
        first, *lines = data.decode("latin-1").rstrip("\r\n").split("\r\n")
        fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        self._head = (first, fields)
        status = first.split(" ")[1] if self._answers else ""
        self.frames = status == "101" or (not self._answers and "upgrade" in fields)
        self._left = int(fields.get("content-length", "0"))
        if "chunked" in fields.get("transfer-encoding", ""):
            self._left = None
        if status in ("204", "304"):
            self._left = 0


def _frame_size(data: bytes) -> int:
    """Of the WebSocket frame that begins here; 0 where it is not whole."""
    if len(data) < 2:
        return 0
    length, start = data[1] & 127, 2
    more = {126: 2, 127: 8}.get(length, 0)
    if more:
        length, start = int.from_bytes(data[2 : 2 + more], "big"), 2 + more
    start += 4 if data[1] & 128 else 0
    return start + length if len(data) >= start + length else 0
