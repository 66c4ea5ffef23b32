"""Fixtures for what talks to the Hub."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Iterator

import pytest
from apps.pins import HUB_LIBRARIES, OFFICIAL_CLIENTS

from .detour import certificate
from .double import Hub
from .library import Library, running


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A Hub with the account "me", whose token is "hf_me" and who is a member of "team"."""
    with Hub() as hub:
        hub.user("me", token="hf_me", orgs=("team",))
        yield hub


@pytest.fixture
def huggingface(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The same Hub as https://huggingface.co, with Spaces at https://….hf.space, for this process."""
    trusted = certificate(tmp_path)
    for name in list(os.environ):
        if name.startswith(("HF_", "HUGGING")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "huggingface"))
    with Hub(trusted.context) as hub:
        hub.user("me", token="hf_me", orgs=("team",))
        for name, value in hub.environ(trusted.ca_file).items():
            monkeypatch.setenv(name, value)
        yield hub


@pytest.fixture(scope="module", params=list(HUB_LIBRARIES))
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """The real huggingface_hub, with a Hub of its own that knows the accounts "me" and "reader"."""
    with running(HUB_LIBRARIES[request.param], tmp_path_factory.mktemp("library")) as library:
        library.hub.user("me", token="hf_me", orgs=("team",))
        library.hub.user("reader", token="hf_reader", role="read")
        yield library


@pytest.fixture(scope="module")
def official(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """The official client that has `duplicate` and `deploy_discord`, with a Hub of its own."""
    with running(OFFICIAL_CLIENTS["1.12.0"], tmp_path_factory.mktemp("official")) as library:
        library.hub.user("me", token="hf_me", orgs=("team",))
        yield library
