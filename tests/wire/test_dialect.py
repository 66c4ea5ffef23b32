"""Tests the Version of `dialect.py`; its Dialect is tested with `generations.py`, which makes it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradio_client_lite.wire.dialect import Version

ASCENDING = [
    "garbage",
    "2.0",
    "3.36.1",
    "3.50.2",
    "4.0.0.dev1",
    "4.0.0-beta.2",
    "4.0.0b15",
    "4.0.0rc1",
    "4.0.0",
    "4.0.0.post1",
    "4.9.0",
    "4.29.0",
    "4.44.1",
    "5.0.0b1.dev2",
    "5.0.0b1",
    "5.0.0",
    "6.31.0",
    "10.0",
]


def test_versions_stand_in_the_order_of_their_releases() -> None:
    parsed = [Version.parse(text) for text in ASCENDING]
    assert all(earlier < later for earlier, later in zip(parsed, parsed[1:]))


@pytest.mark.parametrize(("one", "other"), [("4.0", "4.0.0"), ("v5.1", "5.1.0"), ("5.0.0-beta.1", "5.0.0b1")])
def test_spellings_of_one_version_are_equal(one: str, other: str) -> None:
    assert Version.parse(one) == Version.parse(other)


def test_a_local_part_is_ignored() -> None:
    assert Version.parse("5.0.0+abc") == Version.parse("5.0.0")


def test_a_missing_version_is_2_0() -> None:
    assert Version.parse(None) == Version.parse("2.0")


@pytest.mark.parametrize("text", ["garbage", "", "dev", [], {}, "x" * 9999])
def test_garbage_is_version_0(text: Any) -> None:
    assert Version.parse(text) == Version.parse("0")
    assert Version.parse(text) < Version.parse("0.1")


def test_it_reads_as_it_was_written() -> None:
    assert str(Version.parse("5.0.0b1")) == "5.0.0b1"
    assert repr(Version.parse("5.0.0b1")) == "<Version 5.0.0b1>"


def test_it_reads_as_one_line_that_moves_no_terminal() -> None:
    assert str(Version.parse("6.31\x1b[2J\n\u202e")) == "6.31[2J"


def test_it_is_compared_with_versions_alone() -> None:
    version = Version.parse("5.0.0")
    assert version != "5.0.0"
    assert {version: 1}[Version.parse("5.0")] == 1
    with pytest.raises(TypeError):
        assert version < "6"  # type: ignore[operator]


@given(st.text() | st.from_regex(r"[0-9.]+(a|b|rc|dev|post)?[0-9]*"))
def test_parsing_never_fails(text: str) -> None:
    version = Version.parse(text)
    assert version == Version.parse(text)
    assert version >= Version.parse("0.dev0")


def test_a_version_compares_with_one_of_packaging() -> None:
    """Which is what the official client has in its place."""
    from packaging import version

    ours = Version.parse("5.0.0b1")
    assert version.parse("4.44.1") < ours < version.parse("5.0") <= Version.parse("5.0.0")
    assert ours == version.parse("5.0.0b1") != Version.parse("5.0")


def test_a_version_is_no_other_kind_of_value() -> None:
    version = Version.parse("6.31.0")
    assert version != "6.31.0"
    with pytest.raises(TypeError):
        _ = version < "7"
    assert {version: 1}[Version.parse("6.31")] == 1
    assert repr(version) == "<Version 6.31.0>"
