"""What SECURITY.md promises is held by tests that exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import List

import pytest

ROOT = Path(__file__).parents[2]
NOTES = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
PROMISES = NOTES.partition("## Not promised")[0]
REFERENCES = re.findall(r"`(tests/[^`]+)`", NOTES)


def promises() -> List[str]:
    return [" ".join(item.split()) for item in re.split(r"^- ", PROMISES, flags=re.MULTILINE)[1:]]


@pytest.mark.parametrize("reference", REFERENCES)
def test_the_test_of_a_promise_exists(reference: str) -> None:
    path, _, name = reference.partition("::")
    source = (ROOT / path).read_text(encoding="utf-8")

    assert re.search(rf"^ *def {name or 'test_[a-z_]+'}\(", source, flags=re.MULTILINE)


@pytest.mark.parametrize("promise", promises())
def test_every_promise_names_its_test(promise: str) -> None:
    assert "`tests/" in promise
