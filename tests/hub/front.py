"""The public door of a Space, as `*.hf.space` is: lets in who may, wakes the Space, passes on to its app."""

from __future__ import annotations

import http.client
import ssl
from typing import Any, Callable, Optional
from urllib.parse import urlsplit

from .listening import Connection, Listener
from .state import WOKEN, Recorded, Space, bearer

_SERVING = ("RUNNING", "RUNNING_BUILDING", "RUNNING_APP_STARTING")
_HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "content-length", "te", "trailer", "upgrade")
_TIMEOUT = 60.0  # seconds of silence from the app


class Front:
    """Serves a Space's host, and makes that up; everything it is asked is kept in `space.requests`.

    Args:
        space: whose door it is.
        may_enter: whether the holder of this token may use the Space.
    """

    def __init__(
        self, space: Space, may_enter: Callable[[Optional[str]], bool], tls: Optional[ssl.SSLContext]
    ) -> None:
        self._space = space
        self._may_enter = may_enter
        self._listener = Listener(self._handle, tls)
        self.port = self._listener.port
        if tls is None:
            space.host = f"http://127.0.0.1:{self.port}"
        else:
            space.host = f"https://{space.subdomain}.hf.space"

    def close(self) -> None:
        self._listener.close()

    def _handle(self, connection: Connection, request: Recorded) -> None:
        space = self._space
        space.requests.append(request)
        headers = request.headers
        token = bearer(headers.get("x-hf-authorization")) or bearer(headers.get("authorization"))
        if space.private and not self._may_enter(token):
            return _page(connection, 404, "Sorry, we can't find the page you are looking for.")
        if space.stage == "SLEEPING":
            space.go(*WOKEN)
        if space.stage not in _SERVING or space.app is None:
            return _page(connection, 503, f"Your space is in stage {space.stage}")
        return _pass_on(connection, request, space.app, urlsplit(space.host or "").scheme)


def _page(connection: Connection, status: int, text: str) -> None:
    connection.send(status, f"<html><body>{text}</body></html>".encode(), {"content-type": "text/html"})


def _pass_on(connection: Connection, request: Recorded, app: str, scheme: str) -> None:
    """Ask the app and stream its answer, as it comes."""
    target = urlsplit(app)
    upstream = http.client.HTTPConnection(target.hostname or "", target.port, timeout=_TIMEOUT)
    headers = {name: value for name, value in request.headers.items() if name not in _HOP_BY_HOP}
    headers["x-forwarded-proto"] = scheme
    try:
        upstream.request(
            request.method, target.path.rstrip("/") + request.path, request.body or None, headers
        )
        response = upstream.getresponse()
        connection.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                connection.send_header(name, value)
        _stream(connection, response)
    finally:
        upstream.close()


def _stream(connection: Any, response: http.client.HTTPResponse) -> None:
    connection.send_header("connection", "close")  # which ends the body
    connection.close_connection = True
    connection.end_headers()
    while piece := response.read1(65536):
        connection.wfile.write(piece)
