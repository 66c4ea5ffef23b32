"""Fixtures for what talks to the Hub."""

from __future__ import annotations

from typing import Iterator, List

import pytest

from gradio_client_lite.spaces.rest import HubAccess
from gradio_client_lite.testing import App, serve

from .double import Hub
from .state import Space


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    """An app that a Space may show."""
    with serve({"/shout": str.upper, "/whisper": str.lower}) as app:
        yield app


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A Hub with the account "me", whose token is "hf_me" and who is a member of "team"."""
    with Hub() as hub:
        hub.user("me", token="hf_me", orgs=("team",))
        yield hub


@pytest.fixture
def only_hub(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """The same, where the environment has it for the Hub, and neither tokens nor proxies."""
    for name in (
        "HF_TOKEN",
        "HUGGING_FACE_HUB_TOKEN",
        "HF_HUB_OFFLINE",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    return hub


@pytest.fixture
def space(only_hub: Hub, app: App) -> Space:
    """The app as the Space owner/app."""
    return only_hub.space("owner/app", app=app.url)


@pytest.fixture
def waits(only_hub: Hub, monkeypatch: pytest.MonkeyPatch) -> List[float]:
    """The pauses between two looks at that Hub, which take no time."""
    pauses: List[float] = []
    monkeypatch.setattr(HubAccess, "pause", staticmethod(pauses.append))
    return pauses
