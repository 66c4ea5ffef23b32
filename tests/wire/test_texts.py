from __future__ import annotations

import time
from typing import Any

import pytest

from gradio_client_lite.errors import ArgumentError
from gradio_client_lite.secrecy import Hidden
from gradio_client_lite.wire.texts import (
    harmless,
    in_words,
    one_line,
    page_in_words,
    printable,
    sendable,
    text_of,
    utf8,
)

HALF, OTHER_HALF = "\ud83d", "\ude00"


@pytest.mark.parametrize("text", ["", "abc", "é", "日本", "\U0001f600", "\x00\x85\u2028"])
def test_other_texts_are_what_they_are(text: str) -> None:
    assert utf8(text) == text.encode()
    assert sendable(text, "text") is text


def test_two_halves_side_by_side_are_the_character() -> None:
    assert utf8(f"a{HALF}{OTHER_HALF}b") == "a\U0001f600b".encode()
    assert sendable((f"{HALF}{OTHER_HALF}", 1), "auth") == ("\U0001f600", 1)


@pytest.mark.parametrize("text", [HALF, OTHER_HALF, OTHER_HALF + HALF, HALF + "a" + OTHER_HALF, HALF * 2])
def test_half_a_pair_is_no_text(text: str) -> None:
    assert utf8(text) is None
    with pytest.raises(ArgumentError, match=r"^auth holds half of a surrogate pair"):
        sendable(text, "auth")


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ({"x-a": HALF}, "headers\\['x-a'\\]"),
        ({HALF: "a"}, "A name in headers"),
        ({"a": {"b": ["c", HALF]}}, "headers\\['a'\\]\\['b'\\]"),
        (("user", HALF), "headers"),
    ],
)
def test_error_says_where_it_is(value: Any, named: str) -> None:
    with pytest.raises(ArgumentError, match=rf"^{named} holds half"):
        sendable(value, "headers")


class Odd(str):
    """A text that cannot show or encode itself."""

    __slots__ = ()

    def __repr__(self) -> str:
        raise RuntimeError

    def encode(self, *args: Any, **kwargs: Any) -> bytes:
        raise RuntimeError


def test_the_callers_own_classes_do_no_harm() -> None:
    value = {Odd("x-a"): "a", Odd("x-b"): Odd(HALF + OTHER_HALF)}
    assert list(sendable(value, "headers").values()) == ["a", "\U0001f600"]
    with pytest.raises(ArgumentError, match=r"^headers\[<Odd instance.*\] holds half"):
        sendable({Odd("x-a"): Odd(HALF)}, "headers")


def test_error_neither_shows_nor_carries_the_text() -> None:
    with pytest.raises(ArgumentError) as caught:
        sendable(Hidden(f"s3cret{HALF}"), "auth")
    assert "s3cret" not in str(caught.value)
    assert caught.value.__context__ is None
    str(caught.value).encode()


def test_a_joined_secret_stays_hidden() -> None:
    assert repr(sendable(Hidden(HALF + OTHER_HALF), "token")) == "'[hidden]'"


def test_what_is_no_text_stays_as_it_is() -> None:
    value = object()
    assert sendable(value, "x") is value
    assert sendable(None, "x") is None


# --- what stands where a text should be

CONFIG = '__i18n__{"__type__": "translation_metadata", "key": "a key"}'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("", ""),
        (None, None),
        (CONFIG, "a key"),
        (f"before {CONFIG} and {CONFIG}.", "before a key and a key."),
        ({"_type": "translation_metadata", "key": "a key"}, "a key"),
        ({"__type__": "translation_metadata", "key": "a key"}, "a key"),
        ({"_type": "translation_metadata", "key": 3}, '{"_type": "translation_metadata", "key": 3}'),
        ('__i18n__{"key": "a"}', '__i18n__{"key": "a"}'),
        ("__i18n__{", "__i18n__{"),
        ("__i18n__", "__i18n__"),
        ({"key": "a"}, '{"key": "a"}'),
        (["ü", None, 1.5, True], '["ü", null, 1.5, true]'),
        (5, "5"),
        (False, "false"),
    ],
)
def test_text_of(value: Any, text: Any) -> None:
    assert text_of(value) == text


def test_text_of_what_is_too_deep_is_the_name_of_its_kind() -> None:
    deep: Any = []
    for _ in range(200_000):
        deep = [deep]
    assert text_of(deep) == "list"


# --- bodies in words


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", ""),
        (b"  plain\n text <b>of</b>\x1b[0m ", "plain text <b>of</b>[0m"),
        (b"<p>one<br>two</p>", "one two"),
        (b"\xef\xbb\xbf\r\n<!DOCTYPE html><TITLE>Sign in</TITLE>", "Sign in"),
        (b"<title>A</title><style>p > b { color: red }</style><p>B", "A B"),
        (b"<script>if (a < b) alert('x')</script>after", "after"),
        (b"<SCRIPT src=x></SCRIPT>after<script>never ended", "after"),
        (b"<!-- <b>not</b> this --><b>this</b>", "this"),
        (b"<b>a &amp; b &lt;&#8238;[31m</b>", "a & b <[31m"),
        (b"<p>\xff \xe2\x80\xae", "\ufffd"),
        (b"<p>text<unfinished", "text"),
        (b"<html></html>", ""),
    ],
)
def test_body_is_quoted_as_a_reader_sees_it(body: bytes, words: str) -> None:
    assert in_words(body) == words


@pytest.mark.parametrize(("begin", "longest"), [(b"", 300), (b"<p>", 160)])
def test_long_body_is_cut_and_marked(begin: bytes, longest: int) -> None:
    quoted = in_words(begin + b"word " * 10_000)
    assert len(quoted) <= longest
    assert "…" in quoted


def test_page_may_name_a_character_by_any_number_of_digits() -> None:
    assert in_words(b"<p>of &#" + b"9" * 9000 + b";").startswith("of ")


def test_text_for_a_terminal_has_what_moves_its_cursor_spelled_out() -> None:
    assert harmless("a\tb\nc\x1b[2J \u202ed") == "a\tb\nc\\x1b[2J \\u202ed"
    assert one_line("a\tb\nc\x1b[2J \x00 \u202ed\u3000e") == "a b c[2J d e"


def test_cut_between_the_bytes_of_a_character_is_marked_once() -> None:
    assert in_words(b" " * 16383 + "é".encode()) == "…"


@pytest.mark.parametrize(
    "body", [b"<" * 1_000_000, b"<script" * 200_000, b"<!--" * 300_000, b"<a>" * 300_000]
)
def test_page_of_any_kind_is_read_quickly(body: bytes) -> None:
    begun = time.process_time()
    in_words(body)
    assert time.process_time() - begun < 1


def test_page_is_told_from_other_bodies() -> None:
    assert page_in_words(b"<html><h1>Just a moment...</h1>") == ' It is a page that says "Just a moment...".'
    assert page_in_words(b"<html></html>") == ""
    assert page_in_words(b"[1, 2") == ""


@pytest.mark.parametrize(
    ("name", "shown"), [("/écho", "/écho"), ("/\x1b[0m", "'/\\x1b[0m'"), ("/\u202e", "'/\\u202e'")]
)
def test_name_that_a_terminal_would_obey_is_shown_by_its_escapes(name: str, shown: str) -> None:
    assert printable(name) == shown
