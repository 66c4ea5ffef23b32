from __future__ import annotations

from typing import Any

import pytest

from gradio_client_lite.errors import ArgumentError
from gradio_client_lite.secrecy import Hidden
from gradio_client_lite.wire.texts import sendable, text_of, utf8

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
