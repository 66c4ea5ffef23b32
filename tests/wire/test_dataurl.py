"""Tests the data: URLs of `names.py`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradio_client_lite.wire.names import extension_of, make_data_url, parse_data_url


@given(st.binary(max_size=100))
def test_content_survives(content: bytes) -> None:
    assert parse_data_url(make_data_url(content, "image/png")) == (content, "image/png")


@pytest.mark.parametrize(
    ("url", "content", "mime_type"),
    [
        ("data:,a%20b", b"a b", "text/plain"),
        ("data:text/html;charset=utf-8;BASE64,aGk=", b"hi", "text/html"),
        ("data:;base64,aGk%3D", b"hi", "text/plain"),
        ("data:image/png;base64,", b"", "image/png"),
    ],
)
def test_forms_that_others_write(url: str, content: bytes, mime_type: str) -> None:
    assert parse_data_url(url) == (content, mime_type)


@pytest.mark.parametrize("url", ["data:text/plain", "data:;base64,a", "data:;base64,ü"])
def test_malformed_urls(url: str) -> None:
    with pytest.raises(ValueError, match=r"comma|malformed"):
        parse_data_url(url)


@pytest.mark.parametrize(
    ("url", "extension"),
    [("data:image/png;base64,aGk=", ".png"), ("data:x/unheard-of,", ""), ("data:;base64,", "")],
)
def test_extensions(url: str, extension: str) -> None:
    assert extension_of(url) == extension
