"""An environment that lacks websocket-client: everything works but the queue of Gradio 3."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict

import pytest

import gradio_client_lite

from .environments import ensure
from .pins import WITHOUT_WEBSOCKETS
from .servers import Server

_TIMEOUT = 120  # seconds, for a process that makes a few calls
_PACKAGE = Path(str(gradio_client_lite.__spec__.origin)).parent
_SCRIPT = """
import importlib.util, json, sys

assert importlib.util.find_spec("websocket") is None
from gradio_client_lite import Client
from gradio_client_lite.errors import MissingPackageError

said = {}
with Client(sys.argv[1], verbose=False) as client:
    said["described"] = "/echo" in client.view_api(return_format="str", print_info=False)
    said["direct"] = client.predict("x", api_name="/direct")
    try:
        said["queued"] = client.predict("x", api_name="/echo")
        said["streamed"] = list(client.submit(3, 0, api_name="/count"))
    except MissingPackageError as error:
        said["missing"] = str(error)
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with our package alone."""
    folder = tmp_path_factory.mktemp("package")
    shutil.copytree(_PACKAGE, folder / _PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def _calls(server: Server, folder: Path) -> Dict[str, Any]:
    """What calls of the server come to in that environment."""
    environ = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [ensure(WITHOUT_WEBSOCKETS), "-c", _SCRIPT, server.url]
    done = subprocess.run(
        command, env=environ, capture_output=True, text=True, timeout=_TIMEOUT, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    said: Dict[str, Any] = json.loads(done.stdout)
    return said


@pytest.mark.servers("4.0.2", "4.44.1", "6.31.0")
def test_everything_works_from_gradio_4_on(server: Server, folder: Path) -> None:
    said = _calls(server, folder)
    assert said == {"described": True, "direct": "x", "queued": "x", "streamed": [0, 1, 2]}


@pytest.mark.servers("3.50.2")
def test_gradio_3_answers_what_needs_no_queue_and_says_what_its_queue_needs(
    server: Server, folder: Path
) -> None:
    said = _calls(server, folder)
    assert "pip install websocket-client" in said.pop("missing")
    assert said == {"described": True, "direct": "x"}
