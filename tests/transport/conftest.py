from __future__ import annotations

import contextlib
from typing import Any, Callable, Iterator

import pytest

from gradio_client_lite.transport.http import Transport

from .peers import PeerServer, Script


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
