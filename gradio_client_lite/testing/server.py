"""The sockets: a small HTTP/1.1 server with kept connections, over `http.server`.

Each connection has a thread, as in `threads` no daemon in a sub-interpreter. Nothing polls: closing wakes the
thread that accepts by connecting to it, and those that wait for a request by ending what they read.
"""

from __future__ import annotations

import logging
import socket
import sys
import threading
import time
from http import HTTPStatus
from typing import Any, Callable, Dict, Optional, Tuple

from ..threads import in_main_interpreter
from .handlers import Pieces, ServerRequest, ServerResponse

# Seconds without a request, or with a client that takes nothing, until a connection closes.
IDLE_TIMEOUT = 60.0
CLOSE_TIMEOUT = 0.8  # seconds that `close` waits for requests under way
# What stands for all addresses of this machine, and one of them that clients can use on every system.
ANY_ADDRESS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104
_BACKLOG = 256

_logger = logging.getLogger(__name__)


class Server:
    """Listens, and passes every request to `answer`; an OSError that it raises ends the connection.

    Attributes:
        closing: whether connections end with the request they are at.

    Raises:
        OSError: the address cannot be listened on.
    """

    def __init__(self, host: str, port: int, answer: Callable[[ServerRequest], ServerResponse]) -> None:
        # By thread; None once the thread has done all but end.
        self._connections: Dict[threading.Thread, Optional[socket.socket]] = {}
        self._lock = threading.Lock()  # guards the connections
        self.closing = False
        self._http = _listen(self, host, port, answer)
        self._acceptor = threading.Thread(
            target=self._accept, name="gradio-app-acceptor", daemon=in_main_interpreter()
        )
        self._acceptor.start()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._http.server_address[1])

    def opened(self, connection: socket.socket) -> None:
        """Register a connection, which the calling thread serves."""
        with self._lock:
            for thread in [thread for thread in self._connections if not thread.is_alive()]:
                del self._connections[thread]
            self._connections[threading.current_thread()] = connection
        if self.closing:
            _shut(connection, socket.SHUT_RD)

    def closed(self) -> None:
        """Forget the calling thread's connection."""
        with self._lock:
            self._connections[threading.current_thread()] = None

    def close(self) -> None:
        """Stop listening and end all connections; requests under way get `CLOSE_TIMEOUT` seconds."""
        self.closing = True
        deadline = time.monotonic() + CLOSE_TIMEOUT
        self._wake_acceptor()
        self._acceptor.join(max(deadline - time.monotonic(), 0.0))
        self._http.server_close()
        self._end_connections(socket.SHUT_RD)
        for thread in self._threads():
            thread.join(max(deadline - time.monotonic(), 0.0))
        self._end_connections(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self.closing:
            self._http.handle_request()

    def _wake_acceptor(self) -> None:
        host = self._http.server_address[0]
        try:
            address = (ANY_ADDRESS.get(host, host), self.port)
            socket.create_connection(address, timeout=CLOSE_TIMEOUT / 2).close()
        except OSError:
            _logger.debug("Could not wake the acceptor; it ends with the next connection.", exc_info=True)

    def _threads(self) -> Tuple[threading.Thread, ...]:
        with self._lock:
            return tuple(thread for thread in self._connections if thread is not threading.current_thread())

    def _end_connections(self, how: int) -> None:
        with self._lock:
            connections = [connection for connection in self._connections.values() if connection is not None]
        for connection in connections:
            _shut(connection, how)


def _listen(server: Server, host: str, port: int, answer: Callable[[ServerRequest], ServerResponse]) -> Any:
    # http.server takes long to import, so only those who serve pay for it.
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    from socketserver import TCPServer

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "embedded-gradio"
        timeout = IDLE_TIMEOUT
        disable_nagle_algorithm = True

        def setup(self) -> None:
            super().setup()
            server.opened(self.connection)

        def finish(self) -> None:
            try:
                super().finish()
            finally:
                server.closed()

        def do_GET(self) -> None:
            _exchange(self, answer)
            self.close_connection = self.close_connection or server.closing

        do_POST = do_GET

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            _logger.debug(format, *args)

    class Listener(ThreadingHTTPServer):
        daemon_threads = in_main_interpreter()
        block_on_close = False  # `Server.close` waits for them itself
        request_queue_size = _BACKLOG
        # Windows would let two servers have one port.
        allow_reuse_address = sys.platform != "win32"
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

        def server_bind(self) -> None:
            TCPServer.server_bind(self)  # HTTPServer also asks the DNS for a name, which can take seconds

        def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002
            return not server.closing

        def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
            _logger.debug("A connection of %s broke.", client_address, exc_info=True)

    return Listener((host, port), Handler)


def _exchange(handler: Any, answer: Callable[[ServerRequest], ServerResponse]) -> None:
    """Read the rest of a request, answer it."""
    length = handler.headers.get("content-length", "0")
    if "transfer-encoding" in handler.headers or not length.isdecimal():  # no client of Gradio sends such
        handler.close_connection = True
        handler.send_error(HTTPStatus.LENGTH_REQUIRED)
        return
    body = handler.rfile.read(int(length))
    headers = {name.lower(): value for name, value in handler.headers.items()}
    request = ServerRequest(
        handler.command, handler.path, headers, body, lambda: _is_gone(handler.connection)
    )
    response = answer(request)
    if isinstance(response.body, bytes):
        framing = f"Content-Length: {len(response.body)}"
        handler.wfile.write(_head(handler, response, framing) + response.body)
    else:
        _send_stream(handler, response, response.body)


def _send_stream(handler: Any, response: ServerResponse, pieces: Pieces) -> None:
    chunked = handler.request_version != "HTTP/1.0"
    if not chunked:
        handler.close_connection = True
    try:
        handler.wfile.write(
            _head(handler, response, "Transfer-Encoding: chunked" if chunked else "Connection: close")
        )
        for piece in pieces:
            handler.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        if chunked:
            handler.wfile.write(b"0\r\n\r\n")
    except OSError:
        handler.close_connection = True
        _logger.debug("The client has left its stream.", exc_info=True)
    finally:
        pieces.close()


def _head(handler: Any, response: ServerResponse, framing: str) -> bytes:
    lines = [
        f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}",
        f"Date: {handler.date_time_string()}",
        f"Server: {handler.server_version}",
        *(f"{name}: {value}" for name, value in response.headers),
        framing,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _is_gone(connection: socket.socket) -> bool:
    """Whether the client has hung up: its end of the connection reads as finished."""
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        connection.settimeout(IDLE_TIMEOUT)


def _shut(connection: socket.socket, how: int) -> None:
    try:
        connection.shutdown(how)
    except OSError:
        _logger.debug("The connection was closed already.")
