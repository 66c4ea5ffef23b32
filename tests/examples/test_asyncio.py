"""examples/asyncio against the embedded app."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Iterator, List

import pytest

import gradio_client_lite
from gradio_client_lite.testing import App, Function, serve

from .loading import EXAMPLES, load

answer_all = load("asyncio/answer_all.py")


class Busy:
    """A function that notes how many calls of it run at once."""

    def __init__(self) -> None:
        self._lock, self._now, self.most = threading.Lock(), 0, 0

    def __call__(self, text: str) -> str:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        threading.Event().wait(0.05)
        with self._lock:
            self._now -= 1
        if text == "bad":
            raise ValueError("cannot be answered")
        return text.upper()


busy = Busy()


@pytest.fixture
def app() -> Iterator[App]:
    over = threading.Event()
    functions = {
        "/answer": Function(lambda text: busy(text), concurrency=None),
        "/hang": lambda _: over.wait(),
    }
    with serve(functions) as app:
        yield app
        over.set()


def run(monkeypatch: pytest.MonkeyPatch, lines: str, *words: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
    answer_all.main(list(words))


def test_answers_come_in_the_order_of_the_lines(
    app: App, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    questions: List[str] = [f"q{number}" for number in range(12)]
    run(monkeypatch, "\n".join(questions), app.url, "/answer", "--at-once", "3")
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        question.upper() for question in questions
    ]
    assert busy.most <= 3


def test_what_fails_is_told_and_holds_up_no_other(
    app: App, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "a\nbad\n", app.url, "/answer")
    told = capsys.readouterr()
    assert told.out.splitlines() == ['"A"', "null"]
    assert told.err.startswith("line 2: ")
    assert "cannot be answered" in told.err


def test_a_deadline_is_told(
    app: App, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "a", app.url, "/hang", "--deadline", "0.2")
    assert capsys.readouterr().err == "line 1: no answer within 0.2 seconds\n"


def test_it_runs_as_a_command(app: App) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / "asyncio" / "answer_all.py"), app.url, "/answer"],
        input="a\n",
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(gradio_client_lite.__file__).parent.parent)},
    )
    assert done.stdout == '"A"\n'
