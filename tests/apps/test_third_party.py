"""Libraries that others wrote for the official client run unchanged on ours, in an environment without it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Dict

import pytest

from gradio_client_lite.embed import vendoring

from .environments import tool_python
from .servers import Server, running_server
from .surroundings import plain_environ

Json = Dict[str, Any]

_WORKER = Path(__file__).with_name("third_party_worker.py")
_NEWEST = "6.31.0"


@pytest.mark.whole
@pytest.mark.servers(_NEWEST)
def test_libraries_run_on_a_vendored_copy(server: Server, tmp_path: Path) -> None:
    vendoring.vendor(tmp_path / "host", name="client", without=["websocket"])
    logs = tmp_path / "logs"
    logs.mkdir()
    with running_server(_NEWEST, logs, "files") as files:
        said = run(
            tool_python("third-party"),
            str(tmp_path),
            "host.client",
            server.url,
            files.url,
            downloads=tmp_path,
        )
    assert said["gradio_tools"] == {
        "run": "HELLO",
        "job": True,
        "status": "Status.FINISHED",
        "error": "AppError",
    }
    assert said["smolagents"] == {
        "inputs": {"num1": False, "operation": True, "num2": True},
        "positional": 7,
        "named": 2,
        "first": "hello",
        "output_type": "image",
        "image": ["AgentImage", [3, 2]],
    }


def run(python: str, *arguments: str, downloads: Path) -> Json:
    environ = plain_environ(HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", GRADIO_TEMP_DIR=str(downloads))
    done = subprocess.run(
        [python, "-I", str(_WORKER), *arguments],
        capture_output=True,
        encoding="utf-8",
        env=environ,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: Json = json.loads(done.stdout.splitlines()[-1])
    return answer
