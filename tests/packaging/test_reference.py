"""The reference has every name that users import."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Set

import pytest
from documents import ROOT

import gradio_client_lite

PACKAGE = gradio_client_lite.__name__
PAGES = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "reference").glob("*.md"))
#: Modules whose members are all listed.
WHOLE = {f"{PACKAGE}.errors", f"{PACKAGE}.updates"}


def listed() -> Set[str]:
    """The names, without their modules, that are in the reference."""
    names = re.findall(r"^\.\. auto(?:class|function):: [\w.]+\.(\w+)", PAGES, re.MULTILINE)
    return {*names, *(name for module in WHOLE for name in vars(import_module(module)))}


@pytest.mark.parametrize("face", ["", ".compat", ".data_classes", ".exceptions", ".testing", ".utils"])
def test_every_public_name_is_in_the_reference(face: str) -> None:
    module = import_module(PACKAGE + face)
    assert {name for name in module.__all__ if callable(getattr(module, name))} <= listed()


def test_modules_that_are_listed_as_a_whole_are() -> None:
    found = re.findall(r"^\.\. automodule:: ([\w.]+)\n(?! +:no-members:)", PAGES, re.MULTILINE)
    assert set(found) == WHOLE
