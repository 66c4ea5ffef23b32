"""Names of Spaces: tests the first part of `runtime.py`."""

from __future__ import annotations

import re
from typing import Any, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradio_client_lite.errors import InvalidSpaceId
from gradio_client_lite.spaces.runtime import check_repo_name, check_space_id


@pytest.mark.parametrize(
    "name", ["a/b", "owner/na.me-x_1", "0/1", "_a/b_", "a/" + "b" * 94, "Owner/Name", "a-b/c.d", "a/git"]
)
def test_name(name: str) -> None:
    assert check_space_id(name) == name


BAD = [
    "",
    "a",
    "/",
    "a/",
    "/b",
    "a/b/c",
    "a b/c",
    "a/b\n",
    "a/b?x=1",
    "a/b#c",
    "a--b/c",
    "a/b..c",
    "../b",
    "a/b.git",
    "-a/b",
    "a/b-",
    "a/.b",
    "ä/b",
    "a/" + "b" * 95,
    "http:/host/a",
    "a%2Fb/c",
    None,
    3,
    b"a/b",
]


@pytest.mark.parametrize("name", BAD)
def test_no_name(name: Any) -> None:
    with pytest.raises(InvalidSpaceId) as caught:
        check_space_id(name)
    assert isinstance(caught.value, ValueError)


@pytest.mark.whole
@given(st.from_regex(r"[\w./ -]{0,12}/?[\w./%:-]{0,100}", fullmatch=True))
def test_names_are_those_of_the_contract(name: str) -> None:
    good = (
        re.fullmatch(
            r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?(/[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?)?", name
        )
        and len(name) <= 96
        and "--" not in name
        and ".." not in name
        and not name.endswith(".git")
        and not re.search(r"hf_[A-Za-z0-9]{30}", name)
    )
    check: Callable[[], str] = lambda: check_repo_name(name, "to_id")  # noqa: E731
    if good:
        assert check() == name
    else:
        with pytest.raises(InvalidSpaceId):
            check()


SECRET = "".join(("hf_", "s3cr3t" * 6))


@pytest.mark.parametrize(
    "name",
    [
        "ftp://user:s3cr3t@host/?token=s3cr3t",
        "user:s3cr3t@host:7860",
        "user:s3cr3t/more@host/path",
        SECRET,
        f"owner/{SECRET}",
    ],
)
def test_secret_in_the_place_of_a_name_is_neither_taken_nor_shown(name: str) -> None:
    for check in (check_space_id, check_repo_name):
        with pytest.raises(InvalidSpaceId) as caught:
            check(name, "to_id")
        assert "s3cr3t" not in str(caught.value)
