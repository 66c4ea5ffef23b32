"""Tests `servers.py` and `server_host.py` with a host that imports nothing, so that it is there at once."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Callable, Iterator

import pytest

from . import servers
from .servers import Ahead, Launch, Server

APP = """
import json, os, sys
told = {"url": "http://127.0.0.1:1/", "gradio": "6.31.0", "pid": os.getpid()}
print("READY " + json.dumps(told), flush=True)
sys.stdin.read()
"""
FIRST, NEXT = ("plain", "6.31.0"), ("chat", "6.31.0")


@pytest.fixture
def folder_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Makes folders for an `Ahead` whose host has no Gradio, and whose app says what it has to say."""
    host, app = tmp_path / "host.py", tmp_path / "app.py"
    source = servers._HOST.read_text(encoding="utf-8")
    host.write_text(source.replace("import gradio ", "pass "), encoding="utf-8")
    app.write_text(APP, encoding="utf-8")
    monkeypatch.setattr(servers, "_HOST", host)
    monkeypatch.setattr(servers, "_APP", app)
    monkeypatch.setattr(servers, "_OTHER_APPS", {})
    monkeypatch.setattr(servers, "_ports", set())
    monkeypatch.setattr(servers, "server_python", lambda version: sys.executable)

    def make(name: str) -> Path:
        folder = tmp_path / f"{name}-{time.monotonic_ns()}"
        folder.mkdir()
        return folder

    return make


@pytest.fixture
def ahead() -> Iterator[Ahead]:
    ahead = Ahead([FIRST, NEXT])
    yield ahead
    ahead.close()


def test_a_release_whose_host_has_died_gets_another(ahead: Ahead, folder_for: Callable[[str], Path]) -> None:
    ahead._expected.remove(NEXT)
    with ahead.running(FIRST, folder_for):
        ahead._expected.append(NEXT)  # only now, so that it is not on its way yet
        host = ahead._hosts[FIRST[1]]._process
        host.kill()
        host.wait()
    with ahead.running(NEXT, folder_for) as server:
        assert server.version == NEXT[1]


def test_the_next_server_fails_no_tests_of_this_one(ahead: Ahead, folder_for: Callable[[str], Path]) -> None:
    def no_room_for_the_next(name: str) -> Path:
        if name == NEXT[0]:
            raise OSError("no room")
        return folder_for(name)

    with ahead.running(FIRST, no_room_for_the_next) as server:
        assert server.version == FIRST[1]
    with ahead.running(NEXT, folder_for) as server:
        assert server.version == NEXT[1]


def test_a_server_of_a_dead_host_fails_at_once_and_leaves_nothing_open(
    folder_for: Callable[[str], Path],
) -> None:
    with servers.Host(FIRST[1], folder_for("host")) as host:
        host._process.kill()
        host._process.wait()
        before = os.listdir("/proc/self/fd")
        with pytest.raises(servers.ServerFailed, match="host of Gradio 6"):
            Launch(host, folder_for("server"))
        assert os.listdir("/proc/self/fd") == before


def test_the_number_of_a_server_that_has_ended_is_nobodys(
    ahead: Ahead, folder_for: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = []
    with ahead.running(FIRST, folder_for) as server:
        os.kill(server.pid, signal.SIGKILL)
        wait_for_the_end(server)
        monkeypatch.setattr(os, "killpg", lambda *args: killed.append(args))
    assert killed == []


def wait_for_the_end(server: Server) -> None:
    limit = time.monotonic() + 10
    while time.monotonic() < limit:
        try:
            os.kill(server.pid, 0)
        except ProcessLookupError:
            time.sleep(0.1)  # for its output to be read
            return
        time.sleep(0.01)
    raise AssertionError("it goes on")
