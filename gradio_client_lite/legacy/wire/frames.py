"""Frames of WebSockets (RFC 6455): from bytes to messages.

    bytes ─▶ feed ─▶ _input ◀─ _take ◀─ library's frame_buffer ─▶ _understand ─▶ a control frame, or
                                 └─ _NeedMore: the next feed goes on       └─ _join ─▶ a whole message

The library `websocket` parses the frames. It is an argument, as only `legacy.websocket` imports it.
"""

from __future__ import annotations

from typing import Any, List, NamedTuple, Optional

from ...errors import EventTooLarge, ProtocolError

# A message in more pieces than this is an attack: each costs more than it carries.
_MAX_FRAGMENTS = 65536


class Frame(NamedTuple):
    """One message or control frame.

    Args:
        kind: "text", "ping", "pong" or "close".
        data: the text in UTF-8; what a ping wants back; the reason of a close.
        code: of a close; None when it has none.
    """

    kind: str
    data: bytes
    code: Optional[int] = None


class FrameDecoder:
    """Bytes in, frames out; joins messages that were sent in pieces.

    Args:
        library: the `websocket` package.
        max_bytes: the longest message; None for any.

    Attributes:
        failure: the error that the next call raises, even without new bytes: frames before it are returned
            first.
    """

    def __init__(self, library: Any, max_bytes: Optional[int] = None) -> None:
        self._library = library
        self._max = max_bytes
        self._input = bytearray()
        # Calls `_take` for bytes, and goes on where it was after `_NeedMore`.
        self._frames = library.frame_buffer(self._take, True)
        self._parts: List[bytes] = []
        self._size = 0
        self._owed = 0  # bytes still to take of a payload that has arrived as a whole
        self.failure: Optional[ProtocolError] = None

    def feed(self, data: bytes) -> List[Frame]:
        """Take the next bytes; return the frames they complete.

        Raises:
            EventTooLarge: a message is longer than the limit.
            ProtocolError: this is no WebSocket, or it sends what Gradio never does.
        """
        self._input += data
        found: List[Frame] = []
        if self.failure is None:
            self.failure = self._decode(found)
        if self.failure is None or found:
            return found
        raise self.failure

    def _decode(self, found: List[Frame]) -> Optional[ProtocolError]:
        """Add frames until there is not enough for one more; return what is wrong with the next one."""
        try:
            while True:
                made = self._understand(self._frames.recv_frame())
                if made is not None:
                    found.append(made)
        except _NeedMore:
            return None
        except ProtocolError as exc:
            return exc
        except self._library.WebSocketException as exc:
            failure = ProtocolError(f"The server sent a malformed WebSocket frame: {exc}.")
            failure.__cause__ = exc
            return failure

    def _take(self, size: int) -> bytes:
        if self._frames.length is not None:
            self._check_size(self._frames.length)
        if not self._owed and self._frames.mask_value is not None:
            # The library counts all its pieces again for each new one, so it gets a payload only as a whole.
            self._owed = self._frames.length or 0
        if len(self._input) < max(self._owed, 1):
            self._owed = 0
            raise _NeedMore
        taken = bytes(self._input[:size])
        self._owed = max(0, self._owed - len(taken))
        del self._input[:size]
        return taken

    def _check_size(self, more: int) -> None:
        if self._max is not None and self._size + more > self._max:
            raise EventTooLarge(
                f"The server sent a message that is larger than Limits(event_bytes={self._max}); let the app "
                "return a file in place of so large a value, or make the client with a larger one."
            )

    def _understand(self, frame: Any) -> Optional[Frame]:
        opcodes = self._library.ABNF
        if frame.opcode == opcodes.OPCODE_BINARY:
            raise ProtocolError("The server sent binary data, which no Gradio server does.")
        if frame.opcode in (opcodes.OPCODE_TEXT, opcodes.OPCODE_CONT):
            return self._join(frame, begins=frame.opcode == opcodes.OPCODE_TEXT)
        if not frame.fin or len(frame.data) > 125:
            raise ProtocolError(
                "The server sent a malformed WebSocket frame: a long or partial control frame."
            )
        if frame.opcode == opcodes.OPCODE_CLOSE:
            code = int.from_bytes(frame.data[:2], "big") if len(frame.data) >= 2 else None
            return Frame("close", frame.data[2:], code)
        return Frame("ping" if frame.opcode == opcodes.OPCODE_PING else "pong", frame.data)

    def _join(self, frame: Any, *, begins: bool) -> Optional[Frame]:
        if begins == bool(self._parts):
            raise ProtocolError("The server sent WebSocket frames that do not follow each other.")
        self._check_size(len(frame.data))
        self._parts.append(frame.data)
        self._size += len(frame.data)
        if not frame.fin:
            if len(self._parts) > _MAX_FRAGMENTS:
                raise ProtocolError("The server sent a message in too many pieces.")
            return None
        text = b"".join(self._parts)
        self._parts, self._size = [], 0
        return Frame("text", text)


class _NeedMore(Exception):
    """The bytes are not there yet."""
