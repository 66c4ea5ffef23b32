"""No public call but those in docs/waiting.md makes a request on its caller's thread, or waits for one.

Nor does a call hold its thread for longer than 5 ms, or what docs/waiting.md has for an event loop hold that:
behind a link of 500 ms, and before a server that was stopped.
"""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Awaitable, Callable, Dict, Iterator, List, Set

import pytest

import gradio_client_lite
from gradio_client_lite import Client, Job, file, handle_file
from gradio_client_lite.app.endpoint import Endpoint
from gradio_client_lite.errors import ConnectionFailed, GradioClientError

from .badserver import PATIENCE
from .test_process import ROOT

DOCUMENT = Path(__file__).parents[2] / "docs" / "waiting.md"
#: What a driver of jobs, a fork or a part of the client calls, and no user.
INNER = {
    *(
        "abandon",
        "after_fork",
        "end_with_process",
        "fail",
        "feed",
        "has_ended",
        "in_queue",
        "joined",
        "keep_result_only",
    ),
    *("request_body", "told", "wait_told", "watch"),
    *("set_exception", "set_result", "set_running_or_notify_cancel"),
}
#: Functions of classes that users call by syntax.
SYNTAX = {
    *("__str__", "__repr__", "__exit__", "__enter__", "__reduce__", "__del__"),
    *("__iter__", "__next__", "__aiter__", "__await__", "__aenter__", "__aexit__"),
}

#: Seconds of a round trip, and that a call may hold its thread, and a step of a coroutine the event loop. The
#: last is what a machine that is busy elsewhere may take, and still less than one request.
LINK, HOLD, LAG = 0.5, 0.005, 0.2

SERVER = f"""
import asyncio, sys; sys.path[:0] = [{ROOT!r}, {str(Path(__file__).parents[1])!r}]
from gradio_client_lite.testing import Function, serve
from faults.slowlink import forward
from threading import Event, Thread
def wait(text):
    yield text
    Event().wait()
waits = {{f"/wait{{n}}": Function(wait, concurrency=None) for n in range(4)}}
async def main(app):
    link = await forward(int(app.url.rpartition(":")[2].strip("/")), {LINK})
    print(app.url, "http://127.0.0.1:%d/" % link.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
with serve({{"/echo": lambda text, n=2: text, **waits}}, connect_heartbeat=True) as app:
    asyncio.run(main(app))
"""


class Stage:
    """A client, and jobs that have begun, of an app that is far away, or then was stopped."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.known = Client(url, verbose=False)
        self.known.view_api(print_info=False)
        self.jobs = [self.known.submit("a", api_name=f"/wait{n}") for n in range(2)]
        self.streams = [self.known.stream_messages("a", api_name=f"/wait{n}") for n in (2, 3)]
        for one in (*self.jobs, *self.streams):
            next(one)
        self.lost: List[Any] = [Client(url, verbose=False), self.streams.pop()]
        self.begun: List[Any] = []

    def begin(self) -> object:
        self.begun.append(Client.connect(self.url, verbose=False))
        return self.begun[-1]

    def forget(self) -> None:
        self.lost.clear()
        gc.collect()

    def close(self) -> None:
        for connecting in self.begun:
            connecting.cancel()
        self.known.close()


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    """The process of an app, and of a link to it."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        yield process
        process.kill()


@contextmanager
def on_stages(process: subprocess.Popen[str], where: str, number: int) -> Iterator[List[Stage]]:
    """Some alike, of an app that is "far", or then was "stopped"."""
    assert process.stdout is not None
    near, far = process.stdout.readline().split()
    with ThreadPoolExecutor() as pool:
        stages = list(pool.map(Stage, [far if where == "far" else near] * number))
    if where == "stopped":
        os.kill(process.pid, signal.SIGSTOP)
    for stage in stages:
        stage.known._app.description._known = None  # as if that had been so before
    yield stages
    process.kill()
    for stage in stages:
        stage.close()


@pytest.fixture(params=["stopped", "far"])
def where(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def stage(process: subprocess.Popen[str]) -> Iterator[Stage]:
    with on_stages(process, "stopped", 1) as stages:
        yield stages[0]


#: What returns at once; of Client, Job and Endpoint, by name.
AT_ONCE: Dict[str, Callable[[Stage], object]] = {
    "client.connect": lambda stage: stage.begin(),
    "client.submit": lambda stage: stage.known.submit("a", 1, api_name="/echo"),
    "submit with an argument by name": lambda stage: stage.known.submit(text="a", api_name="/echo"),
    "client.stream_messages": lambda stage: stage.known.stream_messages("a", api_name="/echo"),
    "client.map": lambda stage: stage.known.map(["a"], api_name="/echo").close(),
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
    "job.cancel": lambda stage: stage.jobs[0].cancel(),
    "cancelling another one": lambda stage: stage.jobs[1].cancel(),
    "job.__repr__": lambda stage: repr(stage.jobs[0]),
    "job.__iter__": lambda stage: iter(stage.jobs[0]),
    "job.__aiter__": lambda stage: aiter_of(stage.jobs[0]),
    "endpoint.is_complete": lambda stage: stage.known.endpoints[0].is_complete((), {}),
    "endpoint.argument_name": lambda stage: stage.known.endpoints[0].argument_name(
        0, ["a"], {}, described=False
    ),
    "endpoint.shape": lambda stage: stage.known.endpoints[0].shape(["a"]),
    "endpoint.__repr__": lambda stage: repr(stage.known.endpoints[0]),
    "handle_file": lambda stage: (handle_file(__file__), handle_file(f"{stage.url}file.png")),
    "file": lambda stage: named_as_before(b"content"),
    # No names of their own.
    "attributes of an endpoint": lambda stage: [
        getattr(stage.known.endpoints[0], name) for name in ("api_name", "fn_index", "is_valid", "is_public")
    ],
    "leaving a loop over updates early": lambda stage: stage.streams[0].close(),  # type: ignore[attr-defined]
    "garbage collection": lambda stage: stage.forget(),
}
#: Wait without a thread; see the text below the table.
ASYNC = {"job.__await__", "client.aclose", "client.__aenter__", "client.__aexit__"}


def named_as_before(content: bytes) -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return file(content)


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
    names = set(gradio_client_lite.__all__)
    data = {"FileData", "Limits", "__version__"}
    assert names - data - AT_ONCE.keys() == {"Client", "Job"}
    at_once = {name for name in AT_ONCE if "." in name}
    waiting = documented()
    assert public() == at_once | waiting | ASYNC
    # Of these the call itself returns at once.
    assert at_once & waiting == {"client.map", "client.stream_messages", "job.cancel"}


def test_the_table_says_for_each_call_what_an_event_loop_does_instead() -> None:
    assert INSTEAD.keys() == documented()
    rows = [row for row in DOCUMENT.read_text("utf-8").splitlines() if row.startswith("| `")]
    for row in rows:
        assert re.search(r"`(await|async) |to_thread", row.split("|")[-2]), row


def seconds_to_start_a_thread() -> float:
    """What a machine that is busy takes for what many of the calls do."""
    began = time.perf_counter()
    thread = threading.Thread(target=int)
    thread.start()
    taken = time.perf_counter() - began
    thread.join()
    return taken


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
def test_what_is_not_known_to_wait_holds_its_thread_for_five_milliseconds_at_most(
    process: subprocess.Popen[str], where: str
) -> None:
    with on_stages(process, where, 5) as stages:
        for name, call in AT_ONCE.items():
            held, machine = [], []
            for stage in stages:  # another thread, or process, may have the processor once
                began = time.perf_counter()
                call(stage)
                held.append(time.perf_counter() - began)
                machine.append(seconds_to_start_a_thread())
            # The garbage collector takes as long as the heap of this process needs.
            assert min(held) <= HOLD + max(machine) or name == "garbage collection", (name, held, machine)


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


# --- in an event loop


async def updates_of(stage: Stage) -> List[Any]:
    return [update async for update in stage.known.submit("a", api_name="/echo")]


async def messages_of(stage: Stage) -> List[Any]:
    return [update async for update in stage.known.stream_messages("a", api_name="/echo")]


async def results_of(stage: Stage) -> List[Any]:
    return [result async for result in stage.known.map(["a"] * 30, api_name="/echo")]


async def with_client(stage: Stage) -> str:
    async with Client.connect(stage.url, verbose=False) as client, client:
        return repr(client)


#: What docs/waiting.md has for an event loop, by the call that it stands for.
INSTEAD: Dict[str, Callable[[Stage], Awaitable[Any]]] = {
    "client.__init__": with_client,
    "client.duplicate": lambda stage: asyncio.to_thread(Client.duplicate, "owner/name", token="hf_a"),
    "client.predict": lambda stage: wrapped(stage.known.submit("a", 1, api_name="/echo")),
    "client.send_data": lambda stage: asyncio.to_thread(
        stage.known.send_data, {"data": ["a", 1], "fn_index": 0, "session_hash": "a"}, {}, "sse_v3", None
    ),
    "client.stream_messages": messages_of,
    "client.map": results_of,
    "client.view_api": lambda stage: asyncio.to_thread(stage.known.view_api, print_info=False),
    "client.__str__": lambda stage: asyncio.to_thread(str, stage.known),
    "client.deploy_discord": lambda stage: asyncio.to_thread(stage.known.deploy_discord, hf_token="hf_a"),
    "client.close": lambda stage: stage.lost[0].aclose(),
    "client.__exit__": with_client,
    **{
        f"endpoint.{name}": lambda stage, name=name: asyncio.to_thread(  # type: ignore[misc]
            getattr, stage.known.endpoints[0], name
        )
        for name in ("parameters_info", "takes_oauth_token")
    },
    "endpoint.arguments": lambda stage: asyncio.to_thread(stage.known.endpoints[0].arguments, ("a",), {}),
    "job.result": lambda stage: wrapped(stage.known.submit("a", api_name="/echo")),
    "job.exception": lambda stage: wrapped(stage.known.submit("a", api_name="/echo")),
    "job.__next__": updates_of,
    "job.updates": updates_of,
    "job.outputs": lambda stage: asyncio.to_thread(stage.jobs[1].outputs),
    "job.cancel": lambda stage: asyncio.to_thread(stage.jobs[1].cancel, 2.0),
}
#: Those that need no thread of the loop's, which a server that hangs would hold on to.
OWN = ("__init__", "predict", "stream_messages", "close", "__exit__", "result", "__next__", "updates")


async def wrapped(job: Job) -> Any:
    return await job


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
def test_nothing_that_the_table_has_for_an_event_loop_holds_it(
    process: subprocess.Popen[str],
    where: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls = [call for name, call in INSTEAD.items() if where == "far" or name.partition(".")[2] in OWN]

    async def main(stage: Stage) -> List[Any]:
        asyncio.get_running_loop().slow_callback_duration = LAG  # what takes longer is logged
        doing = (asyncio.wait_for(call(stage), PATIENCE if where == "far" else LINK / 2) for call in calls)
        return await asyncio.gather(*doing, return_exceptions=True)

    with on_stages(process, where, 1) as (stage,):
        monkeypatch.setenv("HF_ENDPOINT", stage.url)  # which is no Hub, but has to be asked
        answers = asyncio.run(main(stage), debug=True)
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []
    failed = [answer for answer in answers if isinstance(answer, BaseException)]
    expected = GradioClientError if where == "far" else asyncio.TimeoutError
    assert {answer for answer in failed if not isinstance(answer, expected)} == set()
    assert len(failed) == (2 if where == "far" else len(calls) - 1)
