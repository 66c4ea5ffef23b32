"""The public door of a Space, as `*.hf.space` is: lets in who may, wakes the Space, passes on to its app."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
from typing import Any, Callable, Optional, Set
from urllib.parse import urlsplit

from .listening import Connection, Listener
from .state import WOKEN, Recorded, Space, bearer

_SERVING = ("RUNNING", "RUNNING_BUILDING", "RUNNING_APP_STARTING")
_HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length", "te", "trailer", "upgrade")
_TIMEOUT = 60.0  # seconds of silence from the app


class Front:
    """Serves a Space's host; everything it is asked is kept in `space.requests`.

    Args:
        may_enter: whether the holder of this token may use the Space.
        tls: speaks HTTPS with this context.

    Attributes:
        space: whose door it is.
    """

    def __init__(
        self, space: Space, may_enter: Callable[[Optional[str], Space], bool], tls: Optional[ssl.SSLContext]
    ) -> None:
        self.space = space
        self._may_enter = may_enter
        self._scheme = "https" if tls else "http"
        self._upstream: Set[socket.socket] = set()
        self._listener = Listener(self._handle, tls)
        self.port = self._listener.port

    def close(self) -> None:
        for connection in list(self._upstream):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _handle(self, connection: Connection, request: Recorded) -> None:
        space = self.space
        space.requests.append(request)
        headers = request.headers
        token = bearer(headers.get("x-hf-authorization")) or bearer(headers.get("authorization"))
        if not self._may_enter(token, space):
            return _page(connection, 404, "Sorry, we can't find the page you are looking for.")
        if space.stage == "SLEEPING":
            space.go(*WOKEN)
        if space.stage not in _SERVING or space.app is None:
            return _page(connection, 503, f"Your space is in stage {space.stage}")
        return self._pass_on(connection, request, space.app)

    def _pass_on(self, connection: Connection, request: Recorded, app: str) -> None:
        """Ask the app and stream its answer, as it comes."""
        target = urlsplit(app)
        upstream = http.client.HTTPConnection(target.hostname or "", target.port, timeout=_TIMEOUT)
        headers = {name: value for name, value in request.headers.items() if name not in _HOP_BY_HOP}
        headers["x-forwarded-proto"] = self._scheme
        path = target.path.rstrip("/") + request.path
        upstream.connect()
        raw = upstream.sock
        self._upstream.add(raw)
        try:
            upstream.request(request.method, path, request.body or None, headers)
            response = upstream.getresponse()
            connection.send_response(response.status)
            for name, value in response.getheaders():
                if name.lower() not in _HOP_BY_HOP:
                    connection.send_header(name, value)
            _stream(connection, response)
        finally:
            self._upstream.discard(raw)
            upstream.close()


def _page(connection: Connection, status: int, text: str) -> None:
    connection.send(status, f"<html><body>{text}</body></html>".encode(), {"content-type": "text/html"})


def _stream(connection: Any, response: http.client.HTTPResponse) -> None:
    connection.send_header("connection", "close")  # which ends the body
    connection.close_connection = True
    connection.end_headers()
    while piece := response.read1(65536):
        connection.wfile.write(piece)
