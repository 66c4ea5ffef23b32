from __future__ import annotations

import json

from gradio_client_lite.testing.routes import encode


def test_encode_leaves_line_separators_as_they_are() -> None:
    assert encode("\x85\u2028") == b'"\xc2\x85\xe2\x80\xa8"'


def test_encode_escapes_half_surrogates() -> None:
    assert json.loads(encode("\ud800")) == "\ud800"
