"""What is kept out of texts: secrets as they are, as servers write them, and what cuts have left of them."""

from __future__ import annotations

import base64
import gc
from types import CellType, FrameType

import pytest

from gradio_client_lite.errors import CUT, shorten, shown
from gradio_client_lite.secrecy import MARK, Hidden, HiddenBytes, Secrets, hide, value_secrets

SECRET = "".join(f"{chr(97 + (i * 11 + i // 7) % 26)}{i * i % 10}" for i in range(120))
SECRETS = Secrets(SECRET)


def longest_part(text: str) -> int:
    """How many characters of the secret a text shows."""
    parts = [SECRET[start : start + 6] for start in range(len(SECRET))]
    return max((len(part) for part in parts if part in text), default=0)


@pytest.mark.parametrize("place", range(0, len(SECRET), 17))
def test_half_of_a_secret_before_and_after_a_cut_is_blanked(place: int) -> None:
    text = f"it says {SECRET[:place]}{CUT}{SECRET[place:]} and more"
    assert longest_part(SECRETS.blank(text)) < 6


def test_middle_of_a_secret_between_two_cuts_is_blanked() -> None:
    assert SECRETS.blank(f"a{CUT}{SECRET[60:160]}{CUT}b") == f"a{CUT}{MARK}{CUT}b"


def test_cuts_of_a_servers_own_hide_none_of_ours() -> None:
    text = f"{CUT * 25}a{CUT}b{CUT}{'x' * 50}{SECRET[:40]}{CUT}yy"
    assert longest_part(SECRETS.blank(text)) < 6


def test_beginnings_of_a_secret_hide_no_longer_one() -> None:
    text = f"x {SECRET[:4] * 12}{SECRET[:150]}{CUT}yy"
    assert longest_part(SECRETS.blank(text).replace(SECRET[:4], "")) < 6
    text = f"xx{CUT}{SECRET[-150:]}{SECRET[-4:] * 12} y"
    assert longest_part(SECRETS.blank(text).replace(SECRET[-4:], "")) < 6


def test_blanking_leaves_nothing_of_a_secret_in_the_process() -> None:
    """As a pattern of `re` would, which keeps them."""
    plant = "".join(("pl4nted", "-secret"))  # so that no constant of this function holds it
    assert (
        Secrets(plant).blank(f"{plant}, or {plant.upper()}, or {plant}")
        == f"{MARK}, or PL4NTED-SECRET, or {MARK}"
    )
    gc.collect()
    left = [
        holder
        for holder in gc.get_objects()
        if not isinstance(holder, (CellType, FrameType))  # this test's own
        for text in gc.get_referents(holder)
        if isinstance(text, str) and plant in text.replace("\\", "")
    ]
    assert left == []


def test_longest_half_counts_where_several_end_at_a_cut() -> None:
    secrets = Secrets("abcd" + "0123456789" * 9, "tokenabcdefgh")
    assert secrets.blank(f"it is tokenabcd{CUT}") == f"it is {MARK}{CUT}"


def test_value_that_was_shown_in_part_is_blanked() -> None:
    assert longest_part(SECRETS.blank(shown({"a": ["x", SECRET]}, 80))) < 6
    assert longest_part(SECRETS.blank(shorten(f"xx {SECRET * 3}", 120))) < 6


@pytest.mark.parametrize("before", [b"", b"a", b"ab", b"abc"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_of_more_than_the_secret_is_blanked(before: bytes, encode: object) -> None:
    secret = "token?>?>~~" + SECRET[:20]
    text = encode(before + secret.encode() + b" more").decode()  # type: ignore[operator]
    blanked = Secrets(secret).blank(text)
    assert MARK in blanked
    assert len(blanked) < len(MARK) + 16


def test_secret_as_a_host_name_is_blanked() -> None:
    assert Secrets("ABCDEF0123").blank("http://abcdef0123/x") == f"http://{MARK}/x"


def test_slices_stay_hidden_and_single_bytes_are_numbers() -> None:
    assert repr((Hidden("secret")[:3], HiddenBytes(b"secret")[:3])) == f"({MARK!r}, b{MARK!r})"
    assert HiddenBytes(b"a")[0] == 97
    assert repr(hide(b"secret")) == f"b{MARK!r}"


def test_parts_of_a_header_are_secrets() -> None:
    basic = base64.b64encode(b"user:password").decode()
    assert list(value_secrets(f"Basic {basic}")) == [f"Basic {basic}", basic, "password"]
    assert list(value_secrets("Basic é")) == ["Basic é", "é", ""]
    assert list(value_secrets('a="one"; b=two', cookies=True))[1:] == ["one", "two"]


def test_errors_of_others_are_blanked_wherever_they_keep_texts() -> None:
    missing = FileNotFoundError(2, "no s3cret", "/tmp/s3cret")
    broken = UnicodeDecodeError("utf-8", b"s3cret\xff", 6, 7, "no s3cret")
    other = ValueError({"deep": ["s3cret", ("s3cret", b"s3cret", 3)]})
    deep: object = "s3cret"
    for _ in range(60):
        deep = [deep]
    deepest = ValueError(deep)
    missing.__cause__, broken.__cause__, other.__cause__ = broken, other, deepest
    secrets = Secrets("s3cret")
    secrets.blank_error(missing)
    shown = [repr(vars(each)) + repr(each) + str(each) for each in (missing, broken, other, deepest)]
    assert not any("s3cret" in text for text in shown)
    assert missing.filename == f"/tmp/{MARK}"
    assert repr(secrets) == "<Secrets>"
