"""Tests `cli.py` and `__main__.py`."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import Any, Dict, Iterator

import pytest

from gradio_client_lite import cli
from gradio_client_lite.testing import App, AppError, serve


def fail(text: str) -> str:
    raise AppError(f"no\n  {text}")


@pytest.fixture
def app() -> Iterator[App]:
    with serve({"/echo": lambda value: value, "/add": lambda a, b=1: a + b, "/fail": fail}) as app:
        yield app


def test_demo_shows_a_prediction_a_stream_and_a_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["demo"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert 'gives "Hello, Ada!" in ' in lines[1]
    assert [line.strip() for line in lines if line.startswith("    ")] == [
        "streams"[:end] for end in range(1, 8)
    ]
    assert "Status of the job: FINISHED, success True, 7 outputs" in lines
    assert len(lines) <= 12


def test_demo_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["demo", "--json"]) == 0
    report: Dict[str, Any] = json.loads(capsys.readouterr().out)
    assert report["prediction"] == "Hello, Ada!"
    assert report["stream"][-1] == "streams"
    assert report["status"] == {"code": "FINISHED", "success": True}
    assert 0 < report["seconds"] < 10


def test_the_module_runs_as_a_program() -> None:
    command = [sys.executable, "-m", cli.__name__.rpartition(".")[0], "demo", "--json"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["prediction"] == "Hello, Ada!"


@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (["/echo", "plain text"], "plain text"),
        (["/echo", '"3"'], "3"),
        (["/echo", "3"], "3"),
        (["/echo", "NaN"], "NaN"),
        (["/echo", '{"ä": [1, null]}'], '{"ä": [1, null]}'),
        (["/echo", "[" * 10_000], "[" * 10_000),
        (["/add", "-1"], "0"),
        (["/add", "2", "3"], "5"),
        (["/add", "2", "--json", "[5]"], "7"),
        (["/add", "--json", '{"b": 4, "a": 3}'], "7"),
    ],
    ids=lambda given: str(given)[:40],
)
def test_predict_prints_the_result(
    app: App, capsys: pytest.CaptureFixture[str], arguments: Any, printed: str
) -> None:
    assert cli.main(["predict", app.url, *arguments]) == 0
    assert capsys.readouterr() == (printed + "\n", "")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["/fail", "way"], "error: no way"),
        (["/unknown"], "/unknown"),
        (["/add"], "a"),
        (["/echo", "--json", "{"], "--json holds no JSON"),
        (["/echo", "--json", "3"], "must hold an array or an object"),
        (["/echo", "--json", "[" * 10_000], "--json holds no JSON"),
        (["/echo", "--json", '{"headers": {}, "self": 1, "value": 2}'], "cannot name headers, self;"),
    ],
    ids=lambda given: str(given)[:40],
)
def test_an_error_is_told_in_one_line(
    app: App, capsys: pytest.CaptureFixture[str], arguments: Any, part: str
) -> None:
    assert cli.main(["predict", app.url, *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert part in err


def test_an_app_that_is_not_there_is_an_error(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    app.close()
    assert cli.main(["view", app.url]) == 1
    assert app.url.rstrip("/") in capsys.readouterr().err


def test_view_describes_the_app(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["view", app.url]) == 0
    assert 'predict(a, b, api_name="/add")' in capsys.readouterr().out


def test_a_result_that_cannot_be_written_is_an_error(
    app: App, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Full(io.StringIO):
        def flush(self) -> None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys, "stdout", Full())
    assert cli.main(["predict", app.url, "/echo", "1"]) == 1
    assert "No space left on device" in capsys.readouterr().err


def test_an_interrupt_ends_the_command_quietly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(url: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_connect", interrupt)
    assert cli.main(["view", "http://127.0.0.1:1"]) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("arguments", [[], ["unknown"], ["predict", "http://127.0.0.1:1"]])
def test_a_wrong_command_line_shows_the_usage(arguments: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert "usage: python -m " in capsys.readouterr().err
