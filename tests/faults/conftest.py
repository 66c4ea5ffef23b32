from __future__ import annotations

import contextlib
import time
from typing import Any, Callable, Iterator

import pytest

from gradio_client_lite import Client

from .badserver import BadServer, Behaviour

#: No error may take longer than its deadline and this, in seconds; generous, for slow machines.
PROMPT = 5.0


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(autouse=True)
def _near(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow this machine is, no server is taken for one far away, of which more is asked at once."""
    monkeypatch.setattr("gradio_client_lite.app.app._SOON", PROMPT)


@pytest.fixture
def serve() -> Iterator[Callable[..., BadServer]]:
    """Start a server with behaviours of its own."""
    with contextlib.ExitStack() as stack:

        def start(**behaviours: Behaviour) -> BadServer:
            return stack.enter_context(BadServer(**behaviours))

        yield start


@pytest.fixture
def connect() -> Iterator[Callable[..., Client]]:
    """Make clients with short limits; they are closed after the test."""
    with contextlib.ExitStack() as stack:

        def make(url: str, **options: Any) -> Client:
            options = {
                "verbose": False,
                "stream_grace": 0.2,
                "httpx_kwargs": {"timeout": PROMPT},
                **options,
            }
            return stack.enter_context(Client(url, **options))

        yield make


@pytest.fixture
def promptly() -> Callable[..., Any]:
    """A context that fails when its block takes too long."""

    @contextlib.contextmanager
    def watch(limit: float = PROMPT) -> Iterator[None]:
        began = time.monotonic()
        yield
        assert time.monotonic() - began < limit

    return watch
