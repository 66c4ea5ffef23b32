"""WebSockets (RFC 6455), for Gradio 3.x; the only module that imports websocket-client.

The library makes and reads the frames. The handshake is a request of our own transport, so proxies, TLS,
cookies, credentials, redirects and deadlines are those of every other request; the library's own handshake
keeps cookies in a jar that all clients of the process share, and reads answers of any size.
"""

from __future__ import annotations

import threading
from typing import Any, Dict, List, NamedTuple, Optional

from ..errors import (
    AuthenticationError,
    ConnectionLost,
    EventTooLarge,
    GradioClientError,
    MissingPackageError,
    ProtocolError,
)
from ..wire.refusal import bare_url, refusal
from .connection import Connection
from .failures import FOREIGN, translate_exchange
from .http import StreamingResponse, Timeout, Transport
from .timeout import Deadline

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
"""The default limit of one message, as that of one event of a stream; see `wire.sse`."""

_READ = 65536
#: A message in more pieces than this is no message but an attack: each costs more than it carries.
_MAX_FRAGMENTS = 65536
_MISSING = (
    "This app runs Gradio 3.x, whose queue is spoken to over a WebSocket; that needs the package "
    "websocket-client. Install it: pip install websocket-client"
)
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def load_library() -> Any:
    """The `websocket` package: the private one of a copy that was vendored with it, else the installed one.

    The private one comes first because the copy was made with it, while what is installed under that name may
    be another release, or another project. It imports its own modules relatively, so what `import websocket`
    gives to the rest of the process stays as it is.

    Raises:
        MissingPackageError: it is not installed, or is another one of that name.
    """
    try:
        try:
            from .._vendor import websocket  # type: ignore[import-not-found]  # made by `vendoring`
        except ModuleNotFoundError:
            import websocket
    except ImportError as exc:
        raise MissingPackageError(_MISSING) from exc
    library: Any = websocket
    if not all(hasattr(library, name) for name in ("ABNF", "frame_buffer", "WebSocketException")):
        raise MissingPackageError(_MISSING)
    return library


class Frame(NamedTuple):
    """What one message or control frame says.

    Args:
        kind: "text", "ping", "pong" or "close".
        data: the text in UTF-8; what a ping wants back; the reason of a close.
        code: of a close; None when it has none.
    """

    kind: str
    data: bytes
    code: Optional[int] = None


class FrameDecoder:
    """Bytes in, frames out; messages sent in pieces are put together.

    Args:
        library: the `websocket` package.
        max_bytes: the longest message.

    Attributes:
        failure: what the next call raises, however little it is given: the frames before the mistake are
            handed out first.
    """

    def __init__(self, library: Any, max_bytes: int = MAX_MESSAGE_BYTES) -> None:
        self._library = library
        self._max = max_bytes
        self._input = bytearray()
        # It calls back for bytes, and goes on where it was when they were not there.
        self._frames = library.frame_buffer(self._take, True)
        self._parts: List[bytes] = []
        self._size = 0
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
        if not self._input:
            raise _NeedMore
        taken = bytes(self._input[:size])
        del self._input[:size]
        return taken

    def _check_size(self, more: int) -> None:
        if self._size + more > self._max:
            raise EventTooLarge(
                f"The server sent a message of more than {self._max} bytes, the limit. "
                "Let the app return a file in place of so large a value."
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


class WebSocket:
    """An open WebSocket; made by `open_websocket`.

    One thread at a time reads or writes; `abort` may be called from any.
    """

    def __init__(self, library: Any, connection: Connection, transport: Transport, label: str) -> None:
        self._library = library
        # The limits of the handshake are over.
        connection.prepare(None, Deadline(None))
        self._connection = connection
        self._transport = transport
        self._label = label
        self._decoder = FrameDecoder(library)
        # Guards that a socket is not shut down after it was closed, when its number may be another's.
        self._owning = threading.Lock()
        self._closed = False

    def fileno(self) -> int:
        """The number of the socket, to wait for it."""
        return self._connection.fileno()

    def read_arrived(self) -> Optional[List[Frame]]:
        """What has arrived, without waiting.

        Returns:
            None when nothing has. After anything else there may be more, which waiting for the socket would
            not show.

        Raises:
            ConnectionLost: it broke, or the server closed it without saying so.
            EventTooLarge, ProtocolError: see `FrameDecoder.feed`.
        """
        if self._decoder.failure is not None:
            raise self._decoder.failure
        try:
            data = self._connection.read_arrived(_READ)
        except FOREIGN as exc:
            raise self._failure(exc) from exc
        if data is None:
            return None
        if not data:
            raise ConnectionLost(f"The server closed the WebSocket to {self._label} without a word.")
        return self._decoder.feed(data)

    def send_text(self, text: bytes, timeout: Optional[float]) -> None:
        """Send a message, waiting for as long as that takes.

        Args:
            text: in UTF-8.
            timeout: the longest silence of the network, in seconds; None for ever.

        Raises:
            ConnectionLost, ReadTimeout: it could not be sent.
        """
        self._send(text, self._library.ABNF.OPCODE_TEXT, timeout)

    def send_ping(self, timeout: Optional[float]) -> None:
        """Ask for a sign of life; see `send_text`."""
        self._send(b"", self._library.ABNF.OPCODE_PING, timeout)

    def send_pong(self, data: bytes, timeout: Optional[float]) -> None:
        """Answer a ping; see `send_text`."""
        self._send(data, self._library.ABNF.OPCODE_PONG, timeout)

    def _send(self, data: bytes, opcode: int, timeout: Optional[float]) -> None:
        frame = self._library.ABNF.create_frame(data, opcode).format()
        self._connection.set_limit(timeout)
        try:
            self._connection.write(frame)
        except FOREIGN as exc:
            raise self._failure(exc) from exc

    def _failure(self, exc: Exception) -> GradioClientError:
        return translate_exchange(exc, self._label, Deadline(None))

    def abort(self) -> None:
        """Wake whoever waits for the socket; it can only be closed then. For any thread; idempotent."""
        with self._owning:
            if not self._closed:
                self._connection.abort()

    def close(self) -> None:
        """Close the socket; only while no thread is using it. Idempotent."""
        with self._owning:
            if self._closed:
                return
            self._closed = True
        self._transport.drop(self._connection)


def open_websocket(
    transport: Transport, url: str, headers: Dict[str, str], doing: str, timeout: Optional[Timeout] = None
) -> WebSocket:
    """Open a WebSocket.

    Args:
        transport: the client's connections.
        url: http or https, not ws or wss.
        headers: of the handshake; what makes it one is added.
        doing: what it is for, as error texts say it.
        timeout: of the handshake; None for the transport's.

    Raises:
        MissingPackageError: websocket-client is not installed.
        AuthenticationError, RetryLater, HTTPStatusError: the server answered with another status than 101.
        ProtocolError: it answered 101 without being a WebSocket server.
        GradioClientError: what broke on the way; see `Transport.request`.
    """
    library = load_library()
    key = _new_key()
    headers = {
        **headers,
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-key": key.decode("ascii"),
        "sec-websocket-version": "13",
    }
    with transport.stream("GET", url, headers=headers, timeout=timeout, max_bytes=_READ) as answer:
        if answer.status != 101:
            raise _refusal(answer, doing)
        accepted = answer.headers.get("sec-websocket-accept", "")
        if accepted.strip() != _accept(key) or answer.headers.get("upgrade", "").lower() != "websocket":
            raise ProtocolError(f"{bare_url(answer.url)} does not speak the WebSocket protocol.")
        return WebSocket(library, answer.take_connection(), transport, bare_url(answer.url))


def _refusal(answer: StreamingResponse, doing: str) -> GradioClientError:
    place = bare_url(answer.url)
    if answer.status == 403:
        # What a server makes of a WebSocket that the app does not accept (gradio/routes.py, `join_queue`).
        return AuthenticationError(
            f"{place} answered 403 while {doing}: it may want credentials. Pass auth=(user, password) or a "
            "token."
        )
    return refusal(answer.status, answer.read_some(), answer.url, doing)


def _new_key() -> bytes:
    import os
    from binascii import b2a_base64

    return b2a_base64(os.urandom(16), newline=False)


def _accept(key: bytes) -> str:
    """What a server proves with that it has understood the handshake (RFC 6455 section 4.2.2)."""
    from binascii import b2a_base64
    from hashlib import sha1

    return b2a_base64(sha1(key + _GUID, usedforsecurity=False).digest(), newline=False).decode("ascii")
