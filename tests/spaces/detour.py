"""An HTTP proxy through which huggingface.co and hf.space lead to the test Hub, and everything else nowhere.

Programs under test find it through HTTPS_PROXY and trust its certificate through SSL_CERT_FILE, so they
work as they do outside: with the real names, over TLS, with nothing of theirs replaced.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Optional

import trustme

_TIMEOUT = 60.0  # seconds of silence


@dataclass(frozen=True)
class Certificate:
    """What the Hub shows, and the file that makes programs trust it."""

    context: ssl.SSLContext
    ca_file: str


def certificate(folder: Path) -> Certificate:
    """One for huggingface.co and its Spaces, signed by an authority of its own."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("huggingface.co", "*.hf.space").configure_cert(context)
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    return Certificate(context, str(ca_file))


class Detour:
    """Serves at `url`.

    Args:
        port_of: the local port that a host name leads to; None where it leads nowhere.

    Attributes:
        refused: the names it did not connect to.
    """

    def __init__(self, port_of: Callable[[str], Optional[int]]) -> None:
        self.refused: list[str] = []
        self._server = _Server(("127.0.0.1", 0), _Tunnel)
        self._server.port_of = port_of
        self._server.refused = self.refused
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    port_of: Callable[[str], Optional[int]]
    refused: list[str]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Tunnel(BaseHTTPRequestHandler):
    timeout = _TIMEOUT
    server: _Server

    def do_CONNECT(self) -> None:
        name = self.path.rpartition(":")[0]
        port = self.server.port_of(name)
        if port is None:
            self.server.refused.append(name)
            self.send_error(502)
            return
        with socket.create_connection(("127.0.0.1", port), _TIMEOUT) as upstream:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=_copy, args=(upstream, self.connection), daemon=True)
            back.start()
            _copy(self.connection, upstream)
            back.join()

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for connection in (source, target):  # one end gone, the other has nothing left to say either
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
