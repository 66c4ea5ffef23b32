"""Tests `rows.py`: the command map, run as a process."""

from __future__ import annotations

import json
import random
import shlex
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple

import pytest

from gradio_client_lite import cli
from gradio_client_lite.testing import App, AppError, Function, serve

PROGRAM = [sys.executable, "-m", cli.__name__.rpartition(".")[0], "map"]


def square(n: int, note: str = "-") -> str:
    if n == 13:
        raise AppError("unlucky")
    return f"{n * n} {note}"


class Slow:
    """An endpoint that waits until it may go on, or is cancelled."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.begun = threading.Semaphore(0)
        self.cancelled = threading.Event()

    def __call__(self, value: Any) -> Iterator[Any]:
        self.begun.release()
        try:
            while not self.go_on.wait(0.02):
                yield "waiting"
            yield value
        except GeneratorExit:
            self.cancelled.set()
            raise


@pytest.fixture(scope="module")
def slow() -> Slow:
    return Slow()


@pytest.fixture(scope="module")
def app(slow: Slow) -> Iterator[App]:
    functions: Dict[str, Any] = {
        "/square": square,
        "/direct": Function(square, queue=False),  # which takes half the time
        "/echo": lambda value: value,
        "/slow": slow,
        "/two": lambda first, second="-": [first, second],
    }
    with serve(functions) as app:
        yield app


class Ran(NamedTuple):
    """How a command went."""

    code: int
    out: str
    err: str
    rows: List[Dict[str, Any]]

    def results(self) -> List[Any]:
        return [row["result"] for row in self.rows]


def read(output: Path) -> List[Dict[str, Any]]:
    """The rows of an output, in order."""
    lines = output.read_text("utf-8").splitlines() if output.exists() else []
    return sorted(map(json.loads, lines), key=lambda row: row["row"])


def files(folder: Path) -> List[str]:
    return ["--input", str(folder / "rows.csv"), "--output", str(folder / "out.jsonl")]


@pytest.fixture
def run(app: App, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)

    def run(endpoint: str, content: str, *words: str, name: str = "rows.csv", url: str = app.url) -> Ran:
        (tmp_path / name).write_text(content, "utf-8")
        code = cli.main(["map", url, endpoint, "--input", name, "--output", "out.jsonl", *words])
        return Ran(code, *capsys.readouterr(), read(tmp_path / "out.jsonl"))

    return run


def test_each_row_of_a_table_is_a_line(run: Any) -> None:
    ran = run("/square", "n,note\n2,two\n3,\n")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert ran.rows == [
        {"row": 1, "inputs": {"n": "2", "note": "two"}, "result": "4 two"},
        {"row": 2, "inputs": {"n": "3", "note": ""}, "result": "9 "},
    ]


def test_lines_of_json(run: Any) -> None:
    ran = run("/two", '["a"]\n\n{"second": "x", "first": 1}\n"text"\n', name="rows.jsonl")
    assert ran.code == 0
    assert ran.results() == [["a", "-"], [1, "x"], ["text", "-"]]
    assert [row["inputs"] for row in ran.rows] == [
        ["a"],
        {"second": "x", "first": 1},
        "text",
    ]


def test_standard_input_and_output(app: App) -> None:
    done = subprocess.run(
        [*PROGRAM, app.url, "/echo", "--input", "-"],
        input='"ä"\n2\n',
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    rows = sorted(map(json.loads, done.stdout.splitlines()), key=lambda row: row["row"])
    assert [row["result"] for row in rows] == ["ä", 2]


def test_a_row_that_trickles_in_is_done_before_the_next(app: App) -> None:
    with subprocess.Popen(
        [*PROGRAM, app.url, "/echo", "--input", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in (1, 2):
            process.stdin.write(b"%d\n" % number)
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["result"] == number
        process.stdin.close()
        assert process.wait(30) == 0


def test_an_error_ends_it_though_more_rows_may_come(app: App) -> None:
    with subprocess.Popen(
        [*PROGRAM, app.url, "/missing", "--input", "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        assert process.stderr.read().startswith(b"error: ")
        assert process.wait(30) == 2


def test_rows_alone_are_output_where_standard_error_is_closed(app: App) -> None:
    command = shlex.join([*PROGRAM, app.url, "/square", "--input", "-"])
    done = subprocess.run(
        f"{command} 2>&-", shell=True, input=b"[2]\n[13]\n", stdout=subprocess.PIPE, timeout=60, check=False
    )
    assert done.returncode == 5
    assert sorted(json.loads(line)["row"] for line in done.stdout.splitlines()) == [1, 2]


def test_a_row_that_fails_is_a_line_and_the_rest_goes_on(run: Any) -> None:
    ran = run("/square", "n\n2\n13\nx\n4\n5,6\n")
    assert ran.code in (2, 5)
    rows = {row["row"]: row for row in ran.rows}
    assert [rows[1]["result"], rows[4]["result"]] == ["4 -", "16 -"]
    assert rows[2]["error"] == {"type": "AppError", "message": "unlucky", "retryable": False, "attempts": 1}
    assert rows[3]["error"]["type"] == "InvalidValue"
    assert "`n` takes int" in rows[3]["error"]["message"] or "`n`" in rows[3]["error"]["message"]
    assert rows[5]["inputs"] == ["5", "6"]
    assert "has 2 cells, and the first line 1" in rows[5]["error"]["message"]
    assert ran.err.count("\n") == 1
    assert "2 rows done, 3 failed. Go on with --resume" in ran.err


def test_failed_rows_are_tried_again_and_the_others_are_not(run: Any, tmp_path: Path) -> None:
    assert run("/square", "n\n2\n13\n").code == 5
    before = [row for row in read(tmp_path / "out.jsonl") if "result" in row]
    (tmp_path / "out.jsonl").write_text(
        "".join(json.dumps({**row, "result": "kept"}) + "\n" for row in before)
        + '{"row": 2, "inputs": {"n": "13"}, "error": {}}\n'
    )
    ran = run("/square", "n\n2\n13\n", "--resume")
    assert ran.code == 5
    assert [row.get("result") for row in ran.rows] == ["kept", None]
    assert [row["row"] for row in ran.rows] == [1, 2]


def test_an_input_that_was_changed_is_told_apart(run: Any) -> None:
    assert run("/square", "n\n2\n3\n").code == 0
    ran = run("/square", "n\n2\n4\n", "--resume")
    assert ran.code == 2
    assert "Row 2 of the input is not the one" in ran.err
    assert len(ran.rows) == 2


def test_an_output_that_is_there_is_not_overwritten(run: Any) -> None:
    assert run("/square", "n\n2\n").code == 0
    ran = run("/square", "n\n3\n")
    assert (ran.code, ran.results()) == (2, ["4 -"])
    assert "exists. Go on with it by --resume" in ran.err


@pytest.mark.parametrize(
    ("content", "words", "part"),
    [
        ("m\n1\n", (), "parameters n, note"),
        ("note\nx\n", (), "lacks"),
        ("n,n\n1,2\n", (), "more than once"),
        ("n\n1\n", ("--parallel", "0"), "--parallel must be 1 or more"),
        ("n\n1\n", ("--input", "missing.csv"), "missing.csv cannot be read: No such file"),
        ("n\n1\n", ("--output", "-", "--resume"), "--resume needs a file"),
        ("n\n1\n", ("--output", "/missing/x"), "/missing/x cannot be written: No such file"),
    ],
)
def test_a_command_that_cannot_be(run: Any, content: str, words: Any, part: str) -> None:
    ran = run("/square", content, *words)
    assert ran.code == 2
    assert part in ran.err
    assert ran.err.splitlines()[-1].startswith("error: ")


def test_an_app_that_goes_away_ends_it(run: Any) -> None:
    app = serve({"/close": lambda value: app.close() if value == 3 else value})
    with app:
        ran = run("/close", "value\n" + "".join(f"{n}\n" for n in range(100)), "--retries", "0", url=app.url)
    assert ran.code == 3
    assert len(ran.rows) < 50
    assert ran.err.startswith("Stopped: ")
    assert "Go on with --resume" in ran.err


def test_an_app_that_is_broken_ends_it(run: Any) -> None:
    def hang(value: Any) -> None:
        go_on.wait(30)

    go_on = threading.Event()
    with serve({"/broken": hang}) as app:
        content = "value\n" + "1\n" * 100
        ran = run("/broken", content, "--parallel", "2", "--retries", "0", "--timeout", "0.1", url=app.url)
        go_on.set()
    assert ran.code == 6
    assert len(ran.rows) == 4


def test_an_interrupt_cancels_what_is_under_way(app: App, slow: Slow, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("value\n1\n2\n3\n")
    command = [*PROGRAM, app.url, "/slow", *files(tmp_path), "--parallel", "2"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8") as process:
        assert slow.begun.acquire(timeout=30)
        assert slow.begun.acquire(timeout=30)
        time.sleep(0.5)  # until it has heard of that
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr is not None
        assert (
            process.stderr.read()
            == "Stopped: 0 rows done. Go on with --resume; rows that failed are tried again.\n"
        )
    assert slow.cancelled.wait(10)


ROWS = 10_000


@pytest.mark.whole
def test_a_run_that_is_killed_again_and_again_loses_no_row_and_writes_none_twice(
    app: App, tmp_path: Path
) -> None:
    (tmp_path / "rows.csv").write_text("n\n" + "".join(f"{100 + n}\n" for n in range(ROWS)))
    output = tmp_path / "out.jsonl"
    command = [*PROGRAM, app.url, "/direct", *files(tmp_path), "--resume"]
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    for kill in range(10):
        least = (kill + chance.random()) * ROWS * 60 / 11  # bytes, of about 60 a row
        with subprocess.Popen([*command, "--parallel", "16"]) as process:
            while process.poll() is None and (not output.exists() or output.stat().st_size < least):
                time.sleep(0.005)
            time.sleep(chance.random() / 100)
            process.kill()
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, ""), seed
    rows = read(output)
    assert sorted(row["row"] for row in rows) == list(range(1, ROWS + 1)), seed
    assert all(row["result"] == f"{int(row['inputs']['n']) ** 2} -" for row in rows)
