"""What SECURITY.md promises is held by tests that exist, and is found where a reader looks for it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import List, Tuple

import pytest

ROOT = Path(__file__).parents[2]
NOTES = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
PROMISES, _, REST = NOTES.partition("## Not promised")
#: The name of each test that is linked to, and its file.
TESTS: List[Tuple[str, str]] = re.findall(r"\[`(\w+)`\]\((tests/[^)]+)\)", NOTES)


def promises() -> List[str]:
    return [" ".join(item.split()) for item in re.split(r"^- ", PROMISES, flags=re.MULTILINE)[1:]]


def is_defined(name: str, source: str) -> bool:
    return re.search(rf"^ *(async )?def {name}\(", source, flags=re.MULTILINE) is not None


@pytest.mark.parametrize(("name", "path"), TESTS)
def test_the_test_of_a_promise_exists(name: str, path: str) -> None:
    assert name.startswith("test_")
    assert is_defined(name, (ROOT / path).read_text(encoding="utf-8"))


def test_what_is_not_there_is_not_taken_for_a_test() -> None:
    assert is_defined("test_a", "    async def test_a():")
    assert not is_defined("test_a", "def test_a_and_b():")


@pytest.mark.parametrize("promise", promises())
def test_every_promise_names_its_test(promise: str) -> None:
    assert re.search(r" Tests?: \[`test_\w+`\]\(tests/", promise)


def test_every_test_is_linked_to() -> None:
    assert len(TESTS) == len(re.findall(r"\btest_\w+(?!\w*\.py)\b", NOTES))


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/attacks.md", "docs/index.md"])
def test_it_is_found_from_where_readers_are(page: str) -> None:
    assert "SECURITY" in (ROOT / page).read_text(encoding="utf-8")


@pytest.mark.parametrize("heading", ["Supported versions", "Reporting"])
def test_it_says_what_is_mended_and_whom_to_tell(heading: str) -> None:
    assert f"\n## {heading}\n" in REST
