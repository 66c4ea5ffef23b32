"""A stand-in for an app that gives back the file it got, for tests that need no server.

The smoke part runs against it here and against the real one, `tests/apps/file_app.py`, in `tests/apps`.
"""

from __future__ import annotations

import json
from typing import Dict
from urllib.parse import unquote

from app_of import FILE, component
from transport.peers import PeerServer, Request, always, answer

_CONFIG = {
    "version": "6.31.0",
    "protocol": "sse_v3",
    "api_prefix": "/gradio_api",
    "connect_heartbeat": False,
    "components": [component(1, "file", api_info=FILE)],
    "dependencies": [
        {
            "id": 0,
            "api_name": "direct",
            "backend_fn": True,
            "queue": False,
            "inputs": [1],
            "outputs": [1],
        }
    ],
}
_PREFIX = "/gradio_api"


class FileDouble(PeerServer):
    """The server; keeps what is sent in memory."""

    def __init__(self) -> None:
        super().__init__(always(self._answer))
        self._files: Dict[str, bytes] = {}

    def _answer(self, request: Request) -> bytes:
        route = request.path.partition("?")[0]
        if route == "/config":
            return answer(json.dumps(_CONFIG).encode())
        if route == f"{_PREFIX}/upload":
            return answer(json.dumps([self._keep(request)]).encode())
        if route == f"{_PREFIX}/run/predict":
            return answer(json.dumps({"data": json.loads(request.body)["data"]}).encode())
        path = unquote(route).partition("/file=")[2]
        return answer(self._files[path]) if path in self._files else answer(b"", "404 Not Found")

    def _keep(self, request: Request) -> str:
        head, _, rest = request.body.partition(b"\r\n\r\n")
        boundary = head.partition(b"\r\n")[0]
        name = head.decode().partition('filename="')[2].partition('"')[0]
        path = f"/srv/{name}"
        self._files[path] = rest.rpartition(b"\r\n" + boundary)[0]
        return path
