"""The bundled wheel, alone in an environment, calls real servers: over a WebSocket and over SSE."""

from __future__ import annotations

import json
from typing import Dict, Tuple

import pytest
from bundled import run_in

from .servers import Server

CALLS = """
import json, sys
from gradio_client_lite import Client
with Client(sys.argv[1], verbose=False) as client:
    said = {
        "protocol": client.protocol,
        "echo": client.predict("hello", api_name="/echo"),
        "count": list(client.submit(3, 0.01, api_name="/count")),
        "websocket": "gradio_client_lite._vendor.websocket" in sys.modules,
    }
assert not {"websocket", "typing_extensions"} & set(sys.modules)
print(json.dumps(said))
"""


@pytest.mark.whole
@pytest.mark.servers("3.50.2", "6.31.0")
def test_every_python_found_calls_it(server: Server, bundled_pythons: Dict[Tuple[int, int], str]) -> None:
    said = {
        release: json.loads(run_in(python, CALLS, server.url)) for release, python in bundled_pythons.items()
    }
    over_websocket = server.version.startswith("3.")
    expected = {
        "protocol": "ws" if over_websocket else "sse_v3",
        "echo": "hello",
        "count": [0, 1, 2],
        "websocket": over_websocket,
    }
    assert said == dict.fromkeys(bundled_pythons, expected)
