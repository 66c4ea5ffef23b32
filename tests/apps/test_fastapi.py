"""examples/fastapi with the real FastAPI and uvicorn, in front of a real app."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import queue
import re
import subprocess
import time
from pathlib import Path
from typing import Any, Iterator, List, Tuple

import pytest

import gradio_client_lite
from gradio_client_lite.testing import serve

from .environments import server_python
from .servers import Server
from .surroundings import plain_environ

EXAMPLE = Path(__file__).parents[2] / "examples" / "fastapi"
PACKAGE = str(Path(gradio_client_lite.__file__).parent.parent)
DEADLINE = 30.0  # seconds, for what takes a few

pytestmark = [pytest.mark.whole, pytest.mark.servers("6.31.0")]


@contextlib.contextmanager
def running(url: str, **environ: str) -> Iterator[int]:
    """The service for the app at a URL; its port."""
    command = [server_python("6.31.0"), "-m", "uvicorn", "service:service", "--port", "0"]
    environ = plain_environ(PYTHONPATH=PACKAGE, GRADIO_URL=url, **environ)
    with subprocess.Popen(
        command, cwd=EXAMPLE, env=environ, stderr=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stderr is not None
        try:
            said = ""
            while not (found := re.search(r"running on http://127\.0\.0\.1:(\d+)", said)):
                line = process.stderr.readline()
                assert line, said
                said += line
            yield int(found.group(1))
        finally:
            process.terminate()
            said += process.stderr.read()
    assert "Traceback" not in said


@contextlib.contextmanager
def post(port: int, path: str, *args: Any) -> Iterator[http.client.HTTPResponse]:
    headers = {"content-type": "application/json", "connection": "close"}
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)) as connection:
        connection.request("POST", path, json.dumps({"args": args}), headers)
        with connection.getresponse() as response:
            yield response


def answer(port: int, name: str, *args: Any) -> Tuple[int, Any]:
    with post(port, f"/answer/{name}", *args) as response:
        return response.status, json.loads(response.read())


def stream(port: int, name: str, *args: Any) -> List[Any]:
    with post(port, f"/stream/{name}", *args) as response:
        return [json.loads(line) for line in response]


def test_it_answers_and_streams_and_tells_of_errors(server: Server) -> None:
    with running(server.url) as port:
        assert answer(port, "count", 3, 0) == (200, {"answer": 2})
        assert stream(port, "count", 3, 0) == [0, 1, 2]
        assert stream(port, "echo", "a") == ["a"]  # which is no generator
        status, told = answer(port, "cound", 3, 0)
        assert (status, "/cound" in told["detail"]) == (422, True)
        status, told = answer(port, "fail_midway", 2)
        assert status == 502
        assert stream(port, "fail_midway", 2) == ["part 0", "part 1", told]


def test_a_deadline_and_a_caller_that_hangs_up_cancel_the_job() -> None:
    ended: queue.Queue[str] = queue.Queue()

    def count_for_ever(caller: str) -> Iterator[int]:
        try:
            for number in itertools.count():
                yield number
                time.sleep(0.01)
        finally:
            ended.put(caller)

    with serve({"/count": count_for_ever}) as app, running(app.url, DEADLINE="1") as port:
        assert answer(port, "count", "first") == (504, {"detail": "no answer within 1 seconds"})
        assert ended.get(timeout=DEADLINE) == "first"
        with post(port, "/stream/count", "second") as response:
            assert response.readline() == b"0\n"
        assert ended.get(timeout=DEADLINE) == "second"
