"""Tests how `handlers.py` writes JSON; what it answers is tested in `test_app.py` and `test_wire.py`."""

from __future__ import annotations

import json

from gradio_client_lite.testing.handlers import encode


def test_encode_leaves_line_separators_as_they_are() -> None:
    assert encode("\x85\u2028") == b'"\xc2\x85\xe2\x80\xa8"'


def test_encode_escapes_half_surrogates() -> None:
    assert json.loads(encode("\ud800")) == "\ud800"
