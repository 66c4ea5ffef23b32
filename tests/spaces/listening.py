"""An HTTP/1.1 server with kept connections, which closes every one of them when it ends."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Iterator, Optional, Set

from .state import Recorded

Handle = Callable[["Connection", Recorded], None]
_IDLE = 60.0  # seconds until a connection that says nothing is given up
_CLOSE = 5.0  # seconds that `close` waits for requests under way


class Connection(BaseHTTPRequestHandler):
    """One client's connection; `handle_request` answers, with `send`."""

    protocol_version = "HTTP/1.1"
    timeout = _IDLE
    disable_nagle_algorithm = True
    server: Listener

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.handle(self, Recorded(self.command, self.path, headers, body))

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _answer

    def send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


class Listener(ThreadingHTTPServer):
    """Listens on a free port of this machine.

    Args:
        handle: answers a request.
        tls: speaks HTTPS with this context.
    """

    daemon_threads = True

    def __init__(self, handle: Handle, tls: Optional[ssl.SSLContext] = None) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.handle = handle
        self.closing = threading.Event()
        self._tls = tls
        self._open: Set[socket.socket] = set()
        self._changed = threading.Condition()  # guards the open connections
        self.port = int(self.server_address[1])
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        with contextlib.suppress(OSError), self._kept(request) as connection:
            super().process_request_thread(connection, client_address)

    @contextlib.contextmanager
    def _kept(self, request: socket.socket) -> Iterator[socket.socket]:
        connection = request
        try:
            request.settimeout(_IDLE)
            if self._tls is not None:
                connection = self._tls.wrap_socket(request, server_side=True)
            with self._changed:
                self._open.add(connection)
            yield connection
        finally:
            connection.close()
            with self._changed:
                self._open.discard(connection)
                self._changed.notify()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""

    def close(self) -> None:
        self.closing.set()
        self.shutdown()
        self._thread.join()
        self.server_close()
        with self._changed:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._open, _CLOSE)
