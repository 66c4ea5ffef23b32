"""Fixtures for what is vendored."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradio_client_lite.embed import vendoring


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The folder of a program's vendored packages; the program's own package may be regular or not."""
    folder = tmp_path / "host_plugin" / "vendor"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").touch()
    return folder


@pytest.fixture
def copy(place: Path) -> Path:
    vendoring.vendor(place, name="client")
    return place / "client"
