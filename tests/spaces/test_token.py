"""What this machine says of the Hub: which token there is, and where it may go."""

from __future__ import annotations

import os
import traceback
from pathlib import Path
from typing import Any, Dict, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradio_client_lite.errors import ArgumentError, AuthenticationError
from gradio_client_lite.spaces.token import (
    clean,
    hub_endpoint,
    is_hugging_face,
    is_true,
    saved_token,
    token_for,
    token_path,
)

HF = "https://owner-name.hf.space/"
VARIABLES = (
    "HF_TOKEN",
    "HUGGING_FACE_HUB_TOKEN",
    "HF_TOKEN_PATH",
    "HF_HOME",
    "XDG_CACHE_HOME",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN",
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, where nothing is saved and no variable is set."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return tmp_path


def save(path: Path, token: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(token, encoding="utf-8")


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
def test_what_means_true(value: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    assert is_true("HF_HUB_OFFLINE") is expected


# --- which token

# Each row: the variables, the files below the home, what is found. "~" is the home in both.
ROWS: Dict[str, Any] = {
    "nothing": ({}, {}, None),
    "variable": ({"HF_TOKEN": "a"}, {}, "a"),
    "old variable": ({"HUGGING_FACE_HUB_TOKEN": "b"}, {}, "b"),
    "variable before the old one": ({"HF_TOKEN": "a", "HUGGING_FACE_HUB_TOKEN": "b"}, {}, "a"),
    "blank variable is absent": ({"HF_TOKEN": " \r\n", "HUGGING_FACE_HUB_TOKEN": "b"}, {}, "b"),
    "variable before the file": ({"HF_TOKEN": "a"}, {".cache/huggingface/token": "f"}, "a"),
    "blank variables and the file": ({"HF_TOKEN": ""}, {".cache/huggingface/token": "f"}, "f"),
    "file of the cache": ({}, {".cache/huggingface/token": "f"}, "f"),
    "file with line breaks": ({}, {".cache/huggingface/token": "\r\n  f\r\n"}, "f"),
    "blank file is absent": ({}, {".cache/huggingface/token": "\n \n"}, None),
    "cache elsewhere": ({"XDG_CACHE_HOME": "{home}/xdg"}, {"xdg/huggingface/token": "x"}, "x"),
    "home of its own": ({"HF_HOME": "{home}/hf"}, {"hf/token": "h", ".cache/huggingface/token": "f"}, "h"),
    "home with tilde": ({"HF_HOME": "~/hf"}, {"hf/token": "h"}, "h"),
    "home with variable": ({"HF_HOME": "$PLACE/hf", "PLACE": "{home}/deep"}, {"deep/hf/token": "h"}, "h"),
    "home before the cache": (
        {"HF_HOME": "~/hf", "XDG_CACHE_HOME": "{home}"},
        {"huggingface/token": "x"},
        None,
    ),
    "path": ({"HF_TOKEN_PATH": "{home}/t", "HF_HOME": "~/hf"}, {"t": "p", "hf/token": "h"}, "p"),
    "path with tilde": ({"HF_TOKEN_PATH": "~/t"}, {"t": "p"}, "p"),
    "path with variable": ({"HF_TOKEN_PATH": "${PLACE}/t", "PLACE": "{home}"}, {"t": "p"}, "p"),
    "path to nothing": ({"HF_TOKEN_PATH": "~/none"}, {".cache/huggingface/token": "f"}, None),
    "empty path is absent": ({"HF_TOKEN_PATH": ""}, {".cache/huggingface/token": "f"}, "f"),
    "empty home is absent": ({"HF_HOME": ""}, {".cache/huggingface/token": "f"}, "f"),
    "suppressed": (
        {"HF_HUB_DISABLE_IMPLICIT_TOKEN": "1", "HF_TOKEN": "a"},
        {".cache/huggingface/token": "f"},
        None,
    ),
    "not suppressed": ({"HF_HUB_DISABLE_IMPLICIT_TOKEN": "0", "HF_TOKEN": "a"}, {}, "a"),
}


@pytest.mark.parametrize("name", ROWS)
def test_saved_token(name: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variables, files, expected = ROWS[name]
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value.format(home=home) if "{home}" in value else value)
    for path, token in files.items():
        save(home / path, token)
    assert saved_token() == expected


@pytest.mark.parametrize("value", ["1", "on", "YES", "True", " true "])
def test_implicit_token_is_suppressed_by_what_means_true(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "a")
    monkeypatch.setenv("HF_HUB_DISABLE_IMPLICIT_TOKEN", value)
    assert saved_token() is None
    assert token_for(HF, None) is None
    assert token_for(HF, "given") == "given"


def test_variables_are_read_at_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "a")
    assert saved_token() == "a"
    monkeypatch.setenv("HF_TOKEN", "b")
    assert saved_token() == "b"


def test_file_that_cannot_be_read_is_an_error_that_names_it(home: Path) -> None:
    path = home / ".cache" / "huggingface" / "token"
    path.mkdir(parents=True)
    with pytest.raises(AuthenticationError, match="cannot be read") as caught:
        saved_token()
    assert str(path) in str(caught.value)
    assert isinstance(caught.value.__cause__, OSError)


def test_file_that_is_no_text_is_not_quoted(home: Path) -> None:
    path = home / ".cache" / "huggingface" / "token"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"hf_hidden\xff")
    with pytest.raises(AuthenticationError, match="no text") as caught:
        saved_token()
    shown = "".join(traceback.format_exception(type(caught.value), caught.value, caught.value.__traceback__))
    assert "hf_hidden" not in shown
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_mark_that_editors_put_before_a_text_is_no_part_of_the_token(home: Path) -> None:
    save(home / ".cache" / "huggingface" / "token", "\ufefff\n")
    assert saved_token() == "f"


def test_default_place(home: Path) -> None:
    assert token_path() == os.path.join(str(home), ".cache", "huggingface", "token")


@given(st.text())
def test_clean_token_is_one_line_without_blanks_or_none(text: str) -> None:
    token = clean(text)
    assert token is None or (token == token.strip() and "\n" not in token and "\r" not in token)
    assert (token is None) == (not text.replace("\r", "").replace("\n", "").strip())


# --- where it goes


@pytest.mark.parametrize(
    "url",
    [
        "https://huggingface.co",
        "https://huggingface.co/spaces/a/b",
        "https://HuggingFace.co/",
        "https://cdn-lfs.huggingface.co/x",
        "https://hf.co/",
        "https://owner-name.hf.space/app?x=1",
        "https://owner-name.hf.space:8443/",
        "https://user:pw@owner-name.hf.space/",
    ],
)
def test_hugging_face_host(url: str) -> None:
    assert is_hugging_face(url)


OTHERS = [
    "http://huggingface.co",
    "http://owner-name.hf.space/",
    "https://huggingface.co.example.com/",
    "https://nothuggingface.co/",
    "https://xhf.space/",
    "https://hf.space.example.com/",
    "https://example.com/huggingface.co",
    "https://example.com/?https://huggingface.co",
    "https://huggingface.co@example.com/",
    "https://huggingface.co:pw@example.com/",
    "https://example.com#@huggingface.co",
    "https://hf-mirror.com",
    "https://127.0.0.1/",
    "http://127.0.0.1:7860/",
]


@pytest.mark.parametrize("url", OTHERS)
def test_any_other_host_never_gets_the_saved_token(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "saved")
    assert not is_hugging_face(url)
    assert token_for(url, None) is None
    assert token_for(url, "given") == "given"


@given(
    st.from_regex(
        r"https?://[a-z0-9.@:-]{1,30}(huggingface\.co|hf\.space)[a-z0-9.@:/-]{0,20}", fullmatch=True
    )
)
def test_the_host_that_is_connected_to_decides(url: str) -> None:
    from gradio_client_lite.transport.url import parse_url

    try:
        target = parse_url(url)
    except ArgumentError:
        return
    labels = target.host.split(".")
    ours = labels[-2:] in (["huggingface", "co"], ["hf", "space"], ["hf", "co"])
    assert is_hugging_face(url) == (target.scheme == "https" and ours)


@pytest.mark.parametrize(
    ("given_", "verified", "expected"),
    [
        (None, True, "saved"),
        (" ", True, "saved"),
        (True, True, "saved"),
        (None, False, None),
        (False, True, None),
        (" given\n", True, "given"),
        ("given", False, "given"),
    ],
)
def test_token_for_a_hugging_face_host(
    given_: Any, verified: bool, expected: Optional[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "saved")
    assert token_for(HF, given_, verified=verified) == expected


def test_insisting_on_a_saved_token_where_it_may_not_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "saved")
    for url, verified in (("https://example.com/", True), (HF, False)):
        with pytest.raises(ArgumentError, match="verified TLS only"):
            token_for(url, True, verified=verified)


def test_insisting_on_a_saved_token_where_there_is_none() -> None:
    with pytest.raises(AuthenticationError, match="No Hugging Face token is saved"):
        token_for(HF, True)


def test_no_file_is_read_for_another_host(home: Path) -> None:
    (home / ".cache" / "huggingface" / "token").mkdir(parents=True)  # reading it would fail
    assert token_for("https://example.com/", None) is None
