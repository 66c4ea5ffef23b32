from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import Any, Callable, Iterator, List, Union

import pytest
import trustme

from gradio_client_lite.transport.http import Transport

from .peers import PATIENCE, Peer, PeerServer, Script


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def serve() -> Iterator[Callable[..., PeerServer]]:
    """Start a server that follows scripts."""
    with contextlib.ExitStack() as stack:

        def start(*scripts: Script, **options: Any) -> PeerServer:
            return stack.enter_context(PeerServer(*scripts, **options))

        yield start


@pytest.fixture
def connect_to() -> Iterator[Callable[..., Transport]]:
    """Make a transport for a URL; it is closed after the test."""
    with contextlib.ExitStack() as stack:

        def make(url: str = "http://127.0.0.1/", **options: Any) -> Transport:
            return stack.enter_context(contextlib.closing(Transport(base_url=url, **options)))

        yield make


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The certificate that clients may trust."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture(scope="session")
def wrap(authority: trustme.CA) -> Callable[[socket.socket], socket.socket]:
    """Makes a server speak TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return lambda sock: context.wrap_socket(sock, server_side=True)


class Steps:
    """A server that sends the next piece of its answer when told to."""

    def __init__(self, serve: Callable[..., PeerServer]) -> None:
        self.asked = threading.Event()
        self.closed = threading.Event()
        self._next = threading.Semaphore(0)
        self._pieces: List[Union[bytes, str]] = []
        self.server = serve(self._script)
        self.url = self.server.url

    def send(self, piece: Union[bytes, str]) -> None:
        self._pieces.append(piece)
        self._next.release()

    def end(self, how: str = "close") -> None:
        """End by "close", "reset", or when the client does ("wait")."""
        self.send(how)

    def _script(self, peer: Peer) -> None:
        peer.request()
        self.asked.set()
        while self._next.acquire(timeout=PATIENCE):
            piece = self._pieces.pop(0)
            if isinstance(piece, bytes):
                peer.send(piece)
                continue
            if piece == "reset":
                peer.reset()
            elif piece == "wait" and peer.closed():
                self.closed.set()
            return


@pytest.fixture
def steps(serve: Callable[..., PeerServer]) -> Steps:
    return Steps(serve)
