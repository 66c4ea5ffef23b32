from __future__ import annotations

import io
import sys
from typing import Any, Optional

import pytest

from gradio_client_lite.app.console import say, say_long_wait
from gradio_client_lite.updates import Status, StatusUpdate


class Failing(io.StringIO):
    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    def write(self, text: str) -> int:
        raise self.error


class WriteOnly:
    """What some plugin hosts put in place of standard output."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text


def test_line_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    say("Loaded as API: http://host/")
    assert capsys.readouterr().out == "Loaded as API: http://host/\n"


def test_what_a_server_says_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    say("Space\x1b[2J is\r\nbuilding")
    assert capsys.readouterr().out == "Space\\x1b[2J is\\r\nbuilding\n"


def test_text_the_console_cannot_show_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii", newline="\n")
    monkeypatch.setattr(sys, "stdout", out)
    say("naïve")
    out.flush()
    assert raw.getvalue() == b"na?ve\n"


@pytest.mark.parametrize(
    "error",
    [BrokenPipeError(), OSError("full"), ValueError("closed"), UnicodeEncodeError("ascii", "ä", 0, 1, "no")],
)
def test_console_that_fails_is_no_failure(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Failing(error))
    say("text")


def test_process_without_a_console_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    say("text")


def test_console_without_flush_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    out: Any = WriteOnly()
    monkeypatch.setattr(sys, "stdout", out)
    say("text")
    assert out.text == "text\n"


@pytest.mark.parametrize(
    ("space_id", "eta", "told"),
    [("owner/name", 31.5, True), ("owner/name", 30, False), ("owner/name", None, False), (None, 99, False)],
)
def test_user_of_a_space_is_told_of_a_long_queue(
    space_id: Optional[str], eta: Optional[float], told: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    say_long_wait(space_id, StatusUpdate(Status.IN_QUEUE, eta=eta))
    out = capsys.readouterr().out
    assert ("approximately 31 seconds" in out and "Client.duplicate(owner/name)" in out) is told
    assert bool(out) is told
