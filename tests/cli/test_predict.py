"""Tests `predict.py`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Iterator, List

import pytest

from gradio_client_lite import cli
from gradio_client_lite.testing import App, serve

from .conftest import Run

MODULE = [sys.executable, "-m", cli.__name__.rpartition(".")[0]]


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        (["/echo", "plain text"], "plain text"),
        (["echo", "plain text"], "plain text"),  # a shell of Windows may make a path of /echo
        (["/echo", '"3"'], "3"),
        (["/echo", "3"], "3"),
        (["/echo", "3", "--json"], "3"),
        (["/echo", '"3"', "--json"], '"3"'),
        (["/echo", "NaN"], "NaN"),
        (["/echo", "@@home"], "@home"),
        (["/echo", '{"ä": [1, null]}'], '{"ä": [1, null]}'),
        (["/echo", "[" * 10_000], "[" * 10_000),
        (["/echo", "--", "--json"], "--json"),
        (["/add", "-1"], "0"),
        (["/add", "2", "3"], "5"),
        (["/add", "2", "--args", "[5]"], "7"),
        (["/add", "--args", '{"b": 4, "a": 3}'], "7"),
        (["/add", "b=4", "--quiet", "a=3"], "7"),
        (["/typed", "1e5"], '{"text": "1e5", "count": 1, "loud": false, "parts": null}'),
        (
            ["/typed", "text=a=b", "count=2", "loud=True", 'parts=["x", "y"]'],
            '{"text": "a=b", "count": 2, "loud": true, "parts": ["x", "y"]}',
        ),
        (["/pair", "text", "null"], '["text", null]'),
        (["/count", "3"], "2"),
        (["/count", "3", "--stream"], "0\n1\n2"),
        (["/echo", "once", "--stream", "--json"], '"once"'),
    ],
    ids=lambda given: str(given)[:40],
)
def test_the_result_is_printed(app: App, run: Run, words: List[str], printed: str) -> None:
    assert run("predict", app.url, *words) == (0, f"{printed}\n", "")


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (["/fail", "way"], 5, "error: no way"),
        (["/unknown"], 2, "/unknown"),
        (["7"], 2, "7"),
        (["/add"], 2, "required argument: a"),
        (["/add", "c=1"], 2, "There is no parameter `c`; there are a, b."),
        (["/add", "a=1", "a=2"], 2, "`a` is given twice"),
        (["/add", "a=1", "--args", '{"a": 2}'], 2, "`a` is given twice"),
        (["/add", "1", "a=2"], 2, "`a` is already set"),
        (["/add", "1", "2", "3"], 2, "3 values were given; the parameters are a, b."),
        (["/typed", "a", "b"], 2, "`count` takes int; 'b' is none"),
        (["/echo", "@nowhere"], 2, "`value` takes a file: File nowhere does not exist"),
        (["/echo", "--args", "{"], 2, "--args holds no JSON"),
        (["/echo", "--args", "[NaN]"], 2, "--args holds no JSON"),
        (["/echo", "--args", "[1e999]"], 2, "--args holds no JSON"),
        (["/echo", "--args", "3"], 2, "must hold an array, or an object"),
        (["/echo", "--args", "[" * 10_000], 2, "--args holds no JSON"),
        (["/echo", "--args", "@nowhere"], 2, "--args nowhere cannot be read"),
        (["/echo", "--timeout", "0", "1"], 2, "timeout must be a number of seconds above 0"),
    ],
    ids=lambda given: str(given)[:40],
)
def test_an_error_is_told_in_one_line(app: App, run: Run, words: List[str], code: int, part: str) -> None:
    ran = run("predict", app.url, *words)
    assert (ran.code, ran.out, ran.err[:7], ran.err.count("\n")) == (code, "", "error: ", 1)
    assert part in ran.err


def test_values_may_come_from_a_file(app: App, run: Run, tmp_path: Path) -> None:
    values = tmp_path / "values.json"
    values.write_text('["ü"]', encoding="utf-8")
    assert run("predict", app.url, "/echo", "--args", f"@{values}").out == "ü\n"


class Endless:
    """A function that goes on until its call is cancelled."""

    def __init__(self) -> None:
        self.ended = threading.Event()

    def __call__(self, text: str = "") -> Iterator[str]:
        try:
            while True:
                yield text
                time.sleep(0.02)
        finally:
            self.ended.set()


@pytest.fixture
def endless() -> Iterator[Any]:
    function = Endless()
    with serve({"/endless": function.__call__}) as app:
        yield app, function


def test_a_call_that_takes_too_long_is_cancelled(endless: Any, run: Run) -> None:
    app, function = endless
    ran = run("predict", app.url, "/endless", "--timeout", "0.7")
    assert (ran.code, ran.out) == (6, "")
    assert "/endless gave no result within 0.7 seconds; it was cancelled" in ran.err
    assert function.ended.wait(5)


def test_an_interrupted_call_is_cancelled_at_the_server(endless: Any) -> None:
    app, function = endless
    process = subprocess.Popen(
        [*MODULE, "predict", app.url, "/endless", "text=a", "--stream"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "a\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "")
    assert function.ended.wait(5)


def test_a_reader_that_has_enough_ends_it_quietly(endless: Any) -> None:
    app, function = endless
    process = subprocess.Popen(
        [*MODULE, "predict", app.url, "/endless", "text=a", "--stream"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "a\n"
    process.stdout.close()
    assert (process.wait(20), process.stderr.read()) == (1, "")
    process.stderr.close()
    assert function.ended.wait(5)


def test_a_stream_that_fails_keeps_what_came(run: Run) -> None:
    def breaks() -> Iterator[int]:
        yield 1
        raise ValueError("broke")

    with serve({"/breaks": breaks}) as app:
        ran = run("predict", app.url, "/breaks", "--stream")
    assert (ran.code, ran.out) == (5, "1\n")
    assert "broke" in ran.err


def test_a_result_that_cannot_be_written_is_an_error(app: App) -> None:
    with open(os.devnull if sys.platform == "win32" else "/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [*MODULE, "predict", app.url, "/echo", "1"],
            stdout=full,
            stderr=subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
            encoding="utf-8",
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == "error: [Errno 28] No space left on device\n"
