"""Calls by the thousand on clients that live long: nothing grows with them, here or at the server.

A small soak is part of every run. `--soak 50000,5000,500,1000` says how many predicts, streams, clients and
reconnects are made instead; `tox -e soak` does that, and shows the table.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import gradio_client_lite

from .servers import Server

_SMALL = {"6.31.0": "1000,100,20,20", "3.50.2": "400,0,0,20"}
_SHARE_OF_3 = 5  # what a call of Gradio 3 costs its server, in calls of later ones

#: What a client keeps is the same on every Python.
pytestmark = pytest.mark.whole


def test_nothing_grows_with_calls(soaked_server: Server, request: pytest.FixtureRequest) -> None:
    counts = request.config.getoption("--soak") or _SMALL[soaked_server.version]
    if request.config.getoption("--soak") and not soaked_server.at_least("4.0.0"):
        counts = ",".join(str(int(count) // _SHARE_OF_3) for count in counts.split(","))
    # In a process of its own, so that nothing but the calls moves its gauges.
    done = subprocess.run(
        [sys.executable, "-m", "soak", soaked_server.url, counts],
        cwd=Path(__file__).parents[1],
        env={**os.environ, "PYTHONPATH": str(Path(gradio_client_lite.__file__).parents[1])},
        check=False,
    )
    assert done.returncode == 0  # what it prints says what has grown
