"""Tests the dates of `refusal.py`."""

from __future__ import annotations

from typing import Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradio_client_lite.wire.refusal import epoch

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


def test_a_date_is_a_moment() -> None:
    assert epoch(DATE) == 784111777


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "soon",
        "Sun, 06 Nov 99999999999 08:49:37 GMT",
        "Sun, 99 Nov 1994 99:99:99 +999999999999999999999",
        "0\x00",
        "\x00 1 Jan 2020 00:00:00",
    ],
)
def test_what_is_no_date_is_none_or_a_number(text: Optional[str]) -> None:
    assert isinstance(epoch(text), (int, float, type(None)))


@given(st.text(alphabet="SunMonJafeb 0123456789:,+-\x00\t.GMT", max_size=40))
def test_no_text_raises(text: str) -> None:
    epoch(text)
    epoch(DATE[:12] + text)
