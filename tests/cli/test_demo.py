"""Tests `demo.py`."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys

from gradio_client_lite import Client, cli
from gradio_client_lite.updates import LogUpdate, ProgressUpdate

from .conftest import Run

MODULE = [sys.executable, "-m", cli.__name__.rpartition(".")[0]]


def test_it_shows_a_prediction_a_stream_and_a_status(run: Run) -> None:
    ran = run("demo")
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert 'gives "Hello, Ada!" in ' in lines[1]
    assert [line.strip() for line in lines if line.startswith("    ")] == [
        "streams"[:end] for end in range(1, 8)
    ]
    assert "Status of the job: FINISHED, success True, 7 outputs" in lines
    assert len(lines) <= 12


def test_it_reports_in_json(run: Run) -> None:
    report = json.loads(run("demo", "--json").out)
    assert report["prediction"] == "Hello, Ada!"
    assert report["stream"][-1] == "streams"
    assert report["status"] == {"code": "FINISHED", "success": True}
    assert 0 < report["seconds"] < 10


def test_its_app_serves_other_commands_until_it_is_interrupted(run: Run) -> None:
    process = subprocess.Popen(
        [*MODULE, "demo", "--serve", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    assert process.stdout is not None
    found = re.search(r"http://\S+", process.stdout.readline())
    assert found is not None
    assert run("predict", found[0], "/greet", "Ada").out == "Hello, Ada!\n"
    with Client(found[0], verbose=False) as client:
        log, *steps = list(client.stream_messages(2, api_name="/work"))[2:5]
        assert (type(log), [type(step) for step in steps]) == (LogUpdate, [ProgressUpdate, ProgressUpdate])
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")


def test_a_port_that_is_taken_or_none_is_an_error(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for port in (taken.getsockname()[1], 99999, -1):
            ran = run("demo", "--serve", str(port))
            assert (ran.code, ran.err.count("\n")) == (2, 1)
            assert f"Nothing can be served at port {port} (" in ran.err
            assert "Errno" not in ran.err
