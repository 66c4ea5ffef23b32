"""What the environment says of the Hub."""

from __future__ import annotations

from typing import Optional

import pytest

from gradio_client_lite.hub.settings import hub_endpoint, is_offline


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "https://huggingface.co"),
        ("", "https://huggingface.co"),
        ("  ", "https://huggingface.co"),
        ("http://127.0.0.1:1/", "http://127.0.0.1:1"),
        ("https://hub.example/base//", "https://hub.example/base"),
    ],
)
def test_endpoint(value: Optional[str], expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    if value is not None:
        monkeypatch.setenv("HF_ENDPOINT", value)
    assert hub_endpoint() == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1", True),
        ("on", True),
        ("Yes", True),
        ("TRUE", True),
        ("0", False),
        ("", False),
        ("no", False),
        ("2", False),
    ],
)
def test_offline(value: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    assert is_offline() is expected
