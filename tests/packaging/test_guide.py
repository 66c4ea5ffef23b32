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

from gradio_client_lite.cli.program import COMMANDS, make_parser
from gradio_client_lite.spaces.rest import HubAccess
from gradio_client_lite.testing import serve

GUIDE = "docs/guide.md"
PACKAGE = ROOT / "gradio_client_lite"
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


def test_every_variable_that_is_asked_for_is_in_the_guide() -> None:
    sources = "".join(
        path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py") if path.parent.name != "bot"
    )
    asked_for = set(re.findall(r'"((?:GRADIO|HF|HUGGING|XDG)_[A-Z_]+|NO_COLOR|TERM)"', sources))
    text = (ROOT / GUIDE).read_text(encoding="utf-8")
    table = text[text.index("\n## The environment\n") : text.index("\n## Elsewhere\n")]
    told = set(re.findall(r"`([A-Z_]{4,})[`=]", table))
    assert told - asked_for == {
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),  # whose names are put together
        *("SSL_CERT_FILE", "SSL_CERT_DIR"),  # which OpenSSL asks for
    }
    assert asked_for <= told


def test_every_option_that_the_guide_names_is_one_of_a_command() -> None:
    named = set(re.findall(r"`(--[a-z-]+)", (ROOT / GUIDE).read_text(encoding="utf-8")))
    there = {
        word for name in COMMANDS for option in make_parser(name)._actions for word in option.option_strings
    }
    assert len(named) > 10
    assert named <= there
