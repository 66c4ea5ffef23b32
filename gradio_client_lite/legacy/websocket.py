"""WebSockets (RFC 6455), for Gradio 3.x; the only module that imports websocket-client.

The library makes and parses the frames; see `wire.frames`. The handshake is a request of our own transport,
so proxies, TLS, cookies, credentials, redirects and deadlines are those of every other request; the library's
own handshake keeps cookies in a jar that all clients of the process share, and reads answers of any size.

    open_websocket ── 101 ──▶ OPEN ── close, or an error ──▶ CLOSED: the connection is dropped, never kept

One thread at a time reads or writes. The lock guards the step to CLOSED, so that `abort`, on any thread,
never shuts down a socket that was closed, whose number may be another's by then.
"""

from __future__ import annotations

import os
import threading
from binascii import b2a_base64
from hashlib import sha1
from typing import Any, Dict, List, Optional

from ..errors import (
    AuthenticationError,
    ConnectionLost,
    GradioClientError,
    MissingPackageError,
    ProtocolError,
    shorten,
    shown,
)
from ..transport.connection import Connection
from ..transport.failures import FOREIGN, translate_exchange
from ..transport.http import StreamingResponse, Timeout, Transport
from ..transport.sockets import Deadline
from ..wire.refusal import refusal
from ..wire.urls import bare_url
from .wire.frames import Frame, FrameDecoder

_READ = 65536
_NEEDED = (
    "This app runs Gradio 3.x, whose queue is spoken to over a WebSocket; that needs the package "
    "websocket-client"
)
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#: The library, once it is loaded.
_loaded: Any = None


def load_library() -> Any:
    """The `websocket` package: the private one of a copy that was vendored with it, else the installed one.

    The private one comes first because the copy was made with it, while what is installed under that name may
    be another release, or another project. It imports its own modules relatively, so what `import websocket`
    gives to the rest of the process stays as it is.

    It is searched for until it is found, and never again: a search takes locks of the import system, and a
    process that was forked while another thread held one would wait for it for ever.

    Raises:
        MissingPackageError: it is not installed or too old, or another module of its name is in the way.
    """
    global _loaded
    if _loaded is not None:
        return _loaded
    try:
        try:
            from .._vendor import websocket  # type: ignore[import-not-found]  # made by `vendoring`
        except ModuleNotFoundError:
            import websocket
    except Exception as exc:  # whatever another module of that name raises
        raise _not_loaded(exc) from exc
    library: Any = websocket
    if not all(hasattr(library, name) for name in ("ABNF", "frame_buffer", "WebSocketException")):
        raise _not_loaded(None, library)
    _loaded = library
    return library


def _not_loaded(exc: Optional[Exception], library: Any = None) -> MissingPackageError:
    """Why there is no websocket-client: the error of the import, or a module that lacks what is needed."""
    install = "Install it: pip install websocket-client"
    if library is not None and hasattr(library, "WebSocketApp") and hasattr(library, "create_connection"):
        version = shown(getattr(library, "__version__", "unknown"), 40)
        return MissingPackageError(
            f"{_NEEDED}, 1.6 or later; {version} is too old. Upgrade it: pip install -U websocket-client"
        )
    if isinstance(exc, ModuleNotFoundError) and exc.name == "websocket":
        return MissingPackageError(f"{_NEEDED}. {install}")
    place = _origin()
    return MissingPackageError(
        f"{_NEEDED}. Another module named websocket is in its way: {place}. Rename that file, or uninstall "
        f"that package (the one named websocket is another project: pip uninstall websocket). {install} "
        "--force-reinstall"
    )


def _origin() -> str:
    """The file of the module that is imported by the library's name."""
    from importlib.util import find_spec

    try:
        spec = find_spec("websocket")
    except (ImportError, ValueError):  # of a module without a spec
        spec = None
    place = spec and (spec.origin or next(iter(spec.submodule_search_locations or ()), None))
    return shorten(place or "one without a file", 500)


class WebSocket:
    """An open WebSocket; made by `open_websocket`.

    Attributes:
        arrived: how many bytes the last `read_arrived` read.
    """

    def __init__(
        self,
        library: Any,
        connection: Connection,
        transport: Transport,
        label: str,
        max_bytes: Optional[int],
    ) -> None:
        self._library = library
        # The limits of the handshake are over.
        connection.prepare(None, Deadline(None))
        self._connection = connection
        self._transport = transport
        self._label = label
        self._decoder = FrameDecoder(library, max_bytes)
        self._owning = threading.Lock()
        self._closed = False
        self.arrived = 0

    def fileno(self) -> int:
        """The number of the socket."""
        return self._connection.fileno()

    def read_arrived(self) -> Optional[List[Frame]]:
        """Frames of the bytes that have arrived; does not wait.

        Returns:
            None when none have. After anything else there may be more, which waiting for the socket would not
            show.

        Raises:
            ConnectionLost: it broke, or the server closed it without saying so.
            EventTooLarge, ProtocolError: see `FrameDecoder.feed`.
        """
        if self._decoder.failure is not None:
            raise self._decoder.failure
        try:
            data = self._connection.read_arrived(_READ)
        except FOREIGN as exc:
            raise translate_exchange(exc, self._label, Deadline(None)) from exc
        if data is None:
            return None
        if not data:
            raise ConnectionLost(f"The server closed the WebSocket to {self._label} without a word.")
        self.arrived = len(data)
        return self._decoder.feed(data)

    def send(self, kind: str, data: bytes, timeout: Timeout) -> None:
        """Send a "text" (in UTF-8), "ping" or "pong".

        Raises:
            ConnectionLost, ReadTimeout, DeadlineExceeded: it could not be sent.
        """
        abnf = self._library.ABNF
        opcodes = {"text": abnf.OPCODE_TEXT, "ping": abnf.OPCODE_PING, "pong": abnf.OPCODE_PONG}
        frame = abnf.create_frame(data, opcodes[kind]).format()
        deadline = Deadline(timeout.total, name=timeout.name)
        self._connection.prepare(timeout.read, deadline)  # reading does not wait, so it has no limits
        try:
            self._connection.write(frame)
        except FOREIGN as exc:
            raise translate_exchange(exc, self._label, deadline) from exc

    def abort(self) -> None:
        """Wake the thread that waits for the socket, for any thread; only `close` may follow. Idempotent."""
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
    transport: Transport,
    url: str,
    headers: Dict[str, str],
    doing: str,
    *,
    timeout: Timeout,
    max_bytes: Optional[int],
) -> WebSocket:
    """Open a WebSocket.

    Args:
        url: http or https, not ws or wss.
        doing: the purpose, for error texts.
        timeout: of the handshake.
        max_bytes: of a message; None for any.

    Raises:
        MissingPackageError: websocket-client is not installed.
        AuthenticationError, RetryLater, HTTPStatusError: the server answered with another status than 101.
        ProtocolError: it answered 101 without being a WebSocket server.
        GradioClientError: see `Transport.request`.
    """
    library = load_library()
    key = b2a_base64(os.urandom(16), newline=False)
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
        place = bare_url(answer.url)
        return WebSocket(library, answer.take_connection(), transport, place, max_bytes)


def _refusal(answer: StreamingResponse, doing: str) -> GradioClientError:
    place = bare_url(answer.url)
    if answer.status == 403:
        # So a server answers when the app does not accept the WebSocket (gradio/routes.py, `join_queue`).
        return AuthenticationError(
            f"{place} answered 403 while {doing}: it may want credentials. Pass auth=(user, password) or a "
            "token."
        )
    return refusal(answer.status, answer.read_some(), answer.url, doing, answer.headers)


def _accept(key: bytes) -> str:
    """The header by which a server shows that it has understood the handshake (RFC 6455 section 4.2.2)."""
    return b2a_base64(sha1(key + _GUID, usedforsecurity=False).digest(), newline=False).decode("ascii")
