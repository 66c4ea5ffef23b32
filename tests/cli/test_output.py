"""Tests `output.py`."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest

from gradio_client_lite.cli.output import json_of, write, write_text

BELL = "\x1b[31mred\x07 \u202eturned\n\tnext"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("value", "as_json", "written"),
    [
        ("text", False, "text"),
        ("text", True, '"text"'),
        ("123", True, '"123"'),
        (123, False, "123"),
        (123, True, "123"),
        (None, False, "null"),
        (("ä", True), False, '["ä", true]'),
    ],
)
def test_a_value_is_one_line(
    capsys: pytest.CaptureFixture[str], value: Any, as_json: bool, written: str
) -> None:
    write(value, as_json=as_json)
    assert capsys.readouterr().out == f"{written}\n"


def test_a_program_gets_a_text_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    write(BELL)
    assert capsys.readouterr().out == f"{BELL}\n"


def test_a_terminal_gets_no_control_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    write_text(BELL)
    assert terminal.getvalue() == "\\x1b[31mred\\x07 \\u202eturned\n\tnext\n"


def test_no_standard_output_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    write("text")


@pytest.mark.parametrize(("encoding", "value"), [("utf-8", "ä\ud800"), ("ascii", "ä"), ("latin-1", "€")])
def test_json_can_always_be_written(monkeypatch: pytest.MonkeyPatch, encoding: str, value: str) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    text = json_of(value)
    assert text.isascii()
    assert json.loads(text) == value
