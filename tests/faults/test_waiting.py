"""No public call but those in docs/waiting.md makes a request on its caller's thread, or waits for one."""

from __future__ import annotations

import gc
import os
import pickle
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Set

import pytest

import gradio_client_lite
from gradio_client_lite import Client, Job
from gradio_client_lite.app.endpoint import Endpoint
from gradio_client_lite.errors import ConnectionFailed

from .badserver import PATIENCE
from .test_process import ROOT

DOCUMENT = Path(__file__).parents[2] / "docs" / "waiting.md"
#: What a driver of jobs, a fork or a part of the client calls, and no user.
INNER = {
    *("abandon", "after_fork", "end_with_process", "fail", "feed", "has_ended", "in_queue", "joined"),
    *("request_body", "told", "wait_told", "set_exception", "set_result", "set_running_or_notify_cancel"),
}
#: Functions of classes that users call by syntax.
SYNTAX = {
    *("__str__", "__repr__", "__exit__", "__enter__", "__reduce__", "__del__"),
    *("__iter__", "__next__", "__aiter__", "__await__"),
}

SERVER = f"""
import sys; sys.path.insert(0, {ROOT!r})
from gradio_client_lite.testing import serve
from threading import Event
def wait(text):
    yield text
    Event().wait()
functions = {{"/echo": lambda text, n=2: text, **{{f"/wait{{n}}": wait for n in range(4)}}}}
with serve(functions, connect_heartbeat=True) as app:
    print(app.url, flush=True)
    sys.stdin.read()
"""


class Stage:
    """A client, and jobs that have begun, of an app that then was stopped."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.known = Client(url, verbose=False)
        self.known.view_api(print_info=False)
        self.jobs = [self.known.submit("a", api_name=f"/wait{n}") for n in range(2)]
        self.streams = [self.known.stream_messages("a", api_name=f"/wait{n}") for n in (2, 3)]
        for one in (*self.jobs, *self.streams):
            next(one)
        self.lost: List[Any] = [Client(url, verbose=False), self.streams.pop()]

    def forget(self) -> None:
        self.lost.clear()
        gc.collect()


@pytest.fixture
def stage() -> Iterator[Stage]:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    )
    with process:
        try:
            assert process.stdout is not None
            made = Stage(process.stdout.readline().strip())
            os.kill(process.pid, signal.SIGSTOP)
            made.known._app.description._known = None  # as if it had been stopped before
            yield made
        finally:
            process.kill()
    made.known.close()


#: What returns at once; of Client, Job and Endpoint, by name.
AT_ONCE: Dict[str, Callable[[Stage], object]] = {
    "client.submit": lambda stage: (
        stage.known.submit("a", 1, api_name="/echo"),
        stage.known.submit(text="a", api_name="/echo"),
    ),
    "client.stream_messages": lambda stage: stage.known.stream_messages("a", api_name="/echo"),
    "client.reset_session": lambda stage: stage.known.reset_session(),
    "client.session_hash": lambda stage: setattr(stage.known, "session_hash", stage.known.session_hash + "a"),
    "client.headers": lambda stage: setattr(stage.known, "headers", stage.known.headers),
    "client.cookies": lambda stage: list(stage.known.cookies),
    "client.add_zero_gpu_headers": lambda stage: stage.known.add_zero_gpu_headers({}),
    "client.__repr__": lambda stage: repr(stage.known),
    "dir of the client": lambda stage: dir(stage.known),
    "client.__enter__": lambda stage: stage.known.__enter__(),
    "client.__reduce__": lambda stage: repr(pickle.loads(pickle.dumps(stage.known))),
    **{
        f"client.{name}": lambda stage, name=name: getattr(stage.known, name)  # type: ignore[misc]
        for name in ("src", "config", "protocol", "api_prefix", "app_version", "download_files")
    },
    # What scripts for the official client read.
    **{
        f"client.{name}": lambda stage, name=name: getattr(stage.known, name)  # type: ignore[misc]
        for name in (
            *("analytics_enabled", "api_url", "heartbeat_url", "output_dir", "reset_url", "src_prefixed"),
            *("sse_data_url", "sse_url", "upload_url", "ws_url"),
        )
    },
    "endpoint.dependency": lambda stage: stage.known.endpoints[0].dependency,
    **{
        f"job.{name}": lambda stage, name=name: getattr(stage.jobs[0], name)  # type: ignore[misc]
        for name in ("communicator", "future", "space_id", "verbose")
    },
    "job.status": lambda stage: stage.jobs[0].status(),
    "job.logs": lambda stage: stage.jobs[0].logs(),
    "job.done": lambda stage: stage.jobs[0].done(),
    "job.running": lambda stage: stage.jobs[0].running(),
    "job.cancelled": lambda stage: stage.jobs[0].cancelled(),
    "job.add_done_callback": lambda stage: stage.jobs[0].add_done_callback(lambda _: None),
    "job.cancel": lambda stage: [job.cancel() for job in stage.jobs],
    "job.__repr__": lambda stage: repr(stage.jobs[0]),
    "job.__iter__": lambda stage: iter(stage.jobs[0]),
    "job.__aiter__": lambda stage: aiter_of(stage.jobs[0]),
    "endpoint.is_complete": lambda stage: stage.known.endpoints[0].is_complete((), {}),
    "endpoint.argument_name": lambda stage: stage.known.endpoints[0].argument_name(
        0, ["a"], {}, described=False
    ),
    "endpoint.shape": lambda stage: stage.known.endpoints[0].shape(["a"]),
    "endpoint.__repr__": lambda stage: repr(stage.known.endpoints[0]),
    # No names of their own.
    "attributes of an endpoint": lambda stage: [
        getattr(stage.known.endpoints[0], name) for name in ("api_name", "fn_index", "is_valid", "is_public")
    ],
    "leaving a loop over updates early": lambda stage: stage.streams[0].close(),  # type: ignore[attr-defined]
    "garbage collection": lambda stage: stage.forget(),
}
#: Waits without a thread; see the text below the table.
ASYNC = {"job.__await__"}


def aiter_of(job: Job) -> object:
    return job.__aiter__()


def documented() -> Set[str]:
    """The calls of the table."""
    cells = re.findall(r"^\| (`.*?) \|", DOCUMENT.read_text("utf-8"), re.MULTILINE)
    names = re.findall(r"`(Client|client|job|endpoint)\.?(\w*)", "".join(cells))
    return {f"{owner.lower()}.{name or '__init__'}" for owner, name in names}


def public() -> Set[str]:
    """The calls there are."""
    found = {"client.__init__"}
    for kind in (Client, Job, Endpoint):
        own = {name for cls in kind.__mro__[:-1] for name in vars(cls)}
        names = {name for name in own if not name.startswith("_") or name in SYNTAX}
        found |= {f"{kind.__name__.lower()}.{name}" for name in names - INNER}
    return found


def test_every_public_name_is_known_to_wait_or_not_to() -> None:
    classes = {name for name in gradio_client_lite.__all__ if name[0].isupper()}
    assert classes == {"Client", "FileData", "Job", "Limits"}  # FileData and Limits are data
    at_once = {name for name in AT_ONCE if "." in name}
    waiting = documented()
    assert public() == at_once | waiting | ASYNC
    # Of these the call itself returns at once.
    assert at_once & waiting == {"client.stream_messages", "job.cancel"}


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
def test_what_is_not_known_to_wait_neither_uses_a_socket_on_its_thread_nor_waits_for_another(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    me, used = threading.get_ident(), []

    def spied(name: str, real: Any) -> Any:
        def method(*args: Any) -> Any:
            if threading.get_ident() == me and sys._getframe(2).f_code.co_name != "start":
                used.append(name)
                raise OSError("the caller's thread")
            return real(*args)

        return method

    for name in ("connect", "send", "sendall", "recv", "recv_into"):
        monkeypatch.setattr(socket.socket, name, spied(name, getattr(socket.socket, name)), raising=False)
    # A thread that starts is waited for, by `threading` itself.
    monkeypatch.setattr(threading.Condition, "wait", spied("wait", threading.Condition.wait))
    for name, call in AT_ONCE.items():
        call(stage)
        assert (name, used) == (name, [])
    with pytest.raises(ConnectionFailed):
        stage.known.send_data({"data": [], "fn_index": 0, "session_hash": "a"}, {}, "sse_v3", None)
    with pytest.raises(OSError, match="the caller's thread"):
        stage.known.view_api()
    assert used[-1] == "wait"


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
def test_close_of_a_client_whose_server_was_stopped_ends_its_threads(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = stage.known.submit("b", 1, api_name="/echo")
    assert stage.jobs[0].cancel()
    stage.forget()
    stage.streams.clear()
    stage.known.close()
    assert waiting.exception(PATIENCE) is not None
    assert not caplog.records
