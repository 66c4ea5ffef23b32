"""Clients travel to the workers of a real Dask cluster; see examples/dask."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

import gradio_client_lite

from .environments import tool_python
from .servers import Server
from .surroundings import plain_environ

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "dask"
PACKAGE = Path(gradio_client_lite.__file__).parent.parent
INPUTS = 2000


def run(*command: str, stdin: str = "") -> str:
    """Run a script in the environment with Dask; what it printed."""
    environ = plain_environ(PYTHONPATH=os.pathsep.join([str(PACKAGE), str(EXAMPLE)]))
    done = subprocess.run(
        [tool_python("distributed"), *command],
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        timeout=200,
        check=False,
        env=environ,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.whole
@pytest.mark.servers("6.31.0")
def test_every_input_has_its_result_though_a_worker_is_killed(server: Server) -> None:
    driver = Path(__file__).with_name("dask_driver.py")
    told = json.loads(run(str(driver), server.url, "/noop", str(INPUTS)))
    assert (told["results"], told["wrong"]) == (INPUTS, [])
    assert (told["workers"], told["survivors"]) == (4, 3)
    # Fifty tasks and two threads in each process, and one client.
    assert told["sessions"] == told["pairs"] == told["processes"] == 4


@pytest.mark.whole
@pytest.mark.servers("6.31.0")
def test_the_example_reads_and_writes_lines_of_json(server: Server) -> None:
    lines = "".join(f"{json.dumps(value)}\n" for value in ["a", "ä\u2028b", ""])
    command = (str(EXAMPLE / "map_inputs.py"), server.url, "/echo", "--workers", "1")
    assert run(*command, stdin=lines) == lines
