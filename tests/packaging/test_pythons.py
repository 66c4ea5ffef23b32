"""Whatever names the Pythons that the package is for names the same ones."""

from __future__ import annotations

import re
from pathlib import Path

from apps.interpreters import SUPPORTED

ROOT = Path(__file__).parents[2]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_tox_tests_each_release_that_the_classifiers_name() -> None:
    (tested,) = re.findall(r"^    py\{(.*)\}$", text("tox.ini"), re.MULTILINE)
    assert tested.split(",") == ["{}{}".format(*release) for release in SUPPORTED]


def test_the_oldest_release_is_the_one_that_installers_require() -> None:
    assert 'requires-python = ">={}.{}"'.format(*SUPPORTED[0]) in text("pyproject.toml")


def test_documents_name_the_oldest_and_the_newest_release() -> None:
    span = "Python {}.{} – {}.{}".format(*SUPPORTED[0], *SUPPORTED[-1])
    assert span in text("vendor_notes.md")
    assert span in text("CHANGELOG.md")


def test_ci_takes_the_releases_from_the_classifiers() -> None:
    assert "Python :: 3" in text(".ci/run")
    assert re.findall(r"python3\.\d", text(".ci/run")) == []


def test_websocket_client_alone_is_required() -> None:
    """typing_extensions is taken where it is: whoever has pydantic has it."""
    (required,) = re.findall(r"^dependencies = \[\n(.*?)\]", text("pyproject.toml"), re.MULTILINE | re.DOTALL)
    assert required.split() == ['"websocket-client>=1.6",']
