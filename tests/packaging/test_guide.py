"""What docs/guide.md shows is true: each block runs, and prints what stands below it."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Iterator

import pytest
from documents import ROOT, Reader, sections
from file_double import FileDouble
from spaces.double import Hub

from gradio_client_lite.cli.program import COMMANDS
from gradio_client_lite.spaces.rest import HubAccess
from gradio_client_lite.testing import serve

GUIDE = "docs/guide.md"
SECTIONS = sections(GUIDE)
APP, *FEATURES = SECTIONS


@pytest.fixture
def hub() -> Iterator[Hub]:
    """What stands for Hugging Face: a Space, and an account that may copy it."""
    with Hub() as hub, serve({"/shout": str.upper}) as app:
        hub.user("me", token="hf_me")
        hub.space("owner/app", app=app.url)
        yield hub


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hub: Hub) -> Iterator[Reader]:
    """Somebody who has the guide's app running, and nothing of the network but this machine."""
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(HubAccess, "pause", staticmethod(lambda seconds: None))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_app", raising=False)
    reader = Reader(GUIDE, tmp_path)
    with FileDouble() as files:
        reader.urls["http://127.0.0.1:7861"] = files.url.rstrip("/")
        reader.follow(SECTIONS[APP])
        yield reader
        reader.close()


@pytest.mark.parametrize("section", FEATURES)
def test_each_block_prints_what_the_guide_says(section: str, reader: Reader) -> None:
    reader.follow(SECTIONS[section])


def test_a_block_that_prints_something_else_is_found(reader: Reader) -> None:
    first, *_ = SECTIONS["Call"]
    with pytest.raises(AssertionError, match=rf"guide.md, line {first.line}:"):
        reader.follow([first._replace(printed="Hello, Bob!\n")])


def test_every_command_is_in_the_guide() -> None:
    _, _, rest = (ROOT / GUIDE).read_text(encoding="utf-8").partition("| command | does |")
    table = rest.partition("\n\n")[0]
    assert set(re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)) == set(COMMANDS)
