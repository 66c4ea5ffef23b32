"""Fixtures for what talks to the Hub."""

from __future__ import annotations

from typing import Iterator

import pytest

from .double import Hub


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A Hub with the account "me", whose token is "hf_me" and who is a member of "team"."""
    with Hub() as hub:
        hub.user("me", token="hf_me", orgs=("team",))
        yield hub
