"""What a client does to the process it lives in."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest
from forking import fork

import gradio_client_lite
from gradio_client_lite import Client
from gradio_client_lite.errors import StreamLost
from gradio_client_lite.queues.session import SessionQueue

from .badserver import (
    PATIENCE,
    STREAM_HEAD,
    BadServer,
    chunk,
    config,
    event,
    for_ever,
    reply,
    silent,
    streaming,
)
from .test_calling import wait_until

Serve = Callable[..., BadServer]
Connect = Callable[..., Client]

WITH_HEARTBEAT = reply(config(connect_heartbeat=True))
ROOT = str(Path(gradio_client_lite.__file__).parent.parent)


def run_python(code: str, *args: str, options: List[str]) -> subprocess.CompletedProcess[str]:
    """Run code in a process that finds the package first."""
    prelude = f"import sys; sys.path.insert(0, {ROOT!r})\n"
    return subprocess.run(
        [sys.executable, *options, "-c", prelude + code, *args],
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE * 3,
        check=False,
    )


def threads() -> List[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("gradio-")]


# --- importing


@pytest.mark.parametrize("module", ["ssl", "asyncio", "email", "http.client", "websocket", "urllib.request"])
def test_importing_the_package_imports_nothing_heavy(module: str) -> None:
    code = "import gradio_client_lite; sys.exit(sys.argv[1] in sys.modules)"
    done = run_python(code, module, options=["-S", "-W", "error"])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_calling_imports_only_what_http_needs(serve: Serve) -> None:
    code = (
        "from gradio_client_lite import Client\n"
        "print(Client(sys.argv[1], verbose=False).predict('a', api_name='/echo'))\n"
        "print([name for name in ('asyncio', 'websocket', 'urllib.request', 'xml') if name in sys.modules])"
    )
    done = run_python(code, serve().url, options=["-S"])
    assert (done.stdout, done.stderr) == ("a\n[]\n", "")


# --- the end of the process


EXITS = {
    "streaming job": "next(job.updates())",
    "iterated in a thread": "threading.Thread(target=list, args=(job,), daemon=True).start()",
    "result awaited in a thread": "threading.Thread(target=job.result, daemon=True).start()",
    "callbacks": "job.add_done_callback(print)",
    "unqueued call": "client.submit('a', api_name='/direct')",
    "exception": "raise SystemExit(0)",
}


@pytest.mark.parametrize("waiting", EXITS)
def test_process_ends_with_its_main_thread(serve: Serve, waiting: str) -> None:
    server = serve(config=WITH_HEARTBEAT, data=starting_for_ever, predict=silent)
    code = (
        "import threading\n"
        "from gradio_client_lite import Client\n"
        "client = Client(sys.argv[1], verbose=False)\n"
        "job = client.submit('a', api_name='/echo')\n"
        f"{EXITS[waiting]}\n"
    )
    began = time.monotonic()
    done = run_python(code, server.url, options=[])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert time.monotonic() - began < PATIENCE / 2


def starting_for_ever(peer: Any, request: Any) -> None:
    """Say that the first job has started, and then heartbeats."""
    peer.send(STREAM_HEAD + chunk(event("process_starts", "e0")))
    stopped = threading.Event()
    while not stopped.wait(0.02):
        peer.send(chunk(event("heartbeat")))


# --- nobody needs the client any more


@pytest.mark.parametrize("end", ["close", "garbage collection"])
def test_client_that_is_gone_leaves_no_thread_and_no_connection(serve: Serve, end: str) -> None:
    server = serve(config=WITH_HEARTBEAT)
    client = Client(server.url, verbose=False)
    assert client.predict("a", api_name="/echo") == "a"
    done = threading.Event()
    client.submit("b", api_name="/echo", result_callbacks=lambda _: done.set()).result(PATIENCE)
    assert done.wait(PATIENCE)
    wait_until(lambda: "heartbeat" in server.routes())
    gone = weakref.ref(client)
    if end == "close":
        client.close()
    del client
    gc.collect()
    # The reader and a callback's thread let go of their job a little later.
    wait_until(lambda: gc.collect() >= 0 and gone() is None)
    wait_until(lambda: threads() == [], 3.0)
    wait_until(lambda: not any(thread.is_alive() for thread in server._threads[1:]))


def test_job_keeps_its_client_until_it_ends(serve: Serve) -> None:
    server = serve(config=WITH_HEARTBEAT)
    client = Client(server.url, verbose=False)
    gone = weakref.ref(client)
    job = client.submit("a", api_name="/echo")
    del client
    assert job.result(PATIENCE) == "a"
    assert gone() is not None
    del job
    gc.collect()
    wait_until(lambda: gc.collect() >= 0 and gone() is None)
    wait_until(lambda: threads() == [], 3.0)


def test_client_that_could_not_be_made_leaves_nothing(serve: Serve) -> None:
    server = serve(config=reply({"hello": "world"}), page=reply(b"<html>"))
    with pytest.raises(ValueError, match="Gradio"):
        Client(server.url)
    wait_until(lambda: not any(thread.is_alive() for thread in server._threads[1:]))
    wait_until(lambda: threads() == [])  # a slow server is asked for its description meanwhile


# --- forking


def in_child(work: Callable[[], bool]) -> bool:
    """Fork; whether `work` returned True in the child, in time."""
    pid = fork()
    if pid == 0:
        code = 1
        try:
            signal.alarm(int(PATIENCE))
            code = 0 if work() else 1
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return status == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.parametrize("heartbeat", [False, True])
def test_forked_child_calls_on_connections_and_a_session_of_its_own(
    serve: Serve, connect: Connect, heartbeat: bool
) -> None:
    server = serve(config=reply(config(connect_heartbeat=heartbeat)))
    client = connect(server.url)
    assert client.predict("a", api_name="/echo") == "a"
    session_hash, connections = client.session_hash, server.connections

    def work() -> bool:
        fresh = client.session_hash != session_hash
        results = [client.predict("b", api_name=name) for name in ("/echo", "/direct")]
        results.append(client.submit("b", api_name="/echo").result(PATIENCE))
        client.close()
        return fresh and results == ["b"] * 3

    assert in_child(work)
    assert server.connections > connections
    assert client.session_hash == session_hash
    assert client.predict("c", api_name="/echo") == "c"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_fork_while_jobs_stream_disturbs_neither_side(serve: Serve, connect: Connect) -> None:
    server = serve(data=for_ever)
    client = connect(server.url)
    job = client.submit("a", api_name="/echo")
    wait_until(lambda: "data" in server.routes())
    server.behave(data=server._data)
    assert in_child(lambda: client.predict("b", api_name="/direct") == "b")
    assert in_child(lambda: client.predict("b", api_name="/echo") == "b")
    assert not job.done()


#: The state of a job at the fork: the endpoint, and the route whose answer the job waits for then.
STATES = {
    "joining": ("/echo", "join"),
    "running": ("/echo", "data"),
    "fetching its file": ("/echo", "made.txt"),
    "direct": ("/direct", "predict"),
}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.parametrize("state", STATES)
def test_jobs_end_in_a_child_and_go_on_in_its_parent(
    serve: Serve, connect: Connect, tmp_path: Path, state: str
) -> None:
    name, route = STATES[state]
    server, let_go = serve(), threading.Event()
    file = {"path": "/made.txt", "meta": {"_type": "gradio.FileData"}}
    made = event("process_completed", "e0", output={"data": [file]}, success=True)
    if route == "made.txt":
        server.behave(data=streaming(made, then=lambda peer, request: let_go.wait(PATIENCE)))
    good = {"data": server._data, "join": server._join, "predict": server._predict}.get(route, reply(b"a"))
    server.behave(**{route: lambda peer, request: let_go.wait(PATIENCE) and good(peer, request)})
    client = connect(server.url, max_workers=1, download_files=tmp_path)
    called: List[Any] = []
    jobs = [client.submit("a", api_name=name, result_callbacks=called.append) for _ in range(3)]
    updates = client.stream_messages("a", api_name=name)
    wait_until(lambda: route in server.routes())

    def work() -> bool:
        errors = [job.exception() for job in jobs]
        with pytest.raises(StreamLost, match="forked"):
            list(updates)
        return {type(error) for error in errors} == {StreamLost} and not jobs[0].cancel() and not called

    assert in_child(work)
    assert not {"cancel", "reset"} & set(server.routes())
    assert not jobs[0].done()
    let_go.set()
    result = jobs[0].result(PATIENCE)
    assert (Path(result).read_text() if route == "made.txt" else result) == "a"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_child_fetches_for_itself_what_its_parent_is_fetching(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    let_go = threading.Event()
    file = {"path": "/made.txt", "meta": {"_type": "gradio.FileData"}}
    made = event("process_generating", "e0", output={"data": [file]}, success=True)
    held = streaming(made, then=lambda peer, request: let_go.wait(PATIENCE))
    late = lambda peer, request: let_go.wait(PATIENCE) and reply(b"a")(peer, request)  # noqa: E731
    server = serve(data=held, **{"made.txt": late})
    job = connect(server.url, download_files=tmp_path).submit("a", api_name="/echo")
    updates = job.updates(PATIENCE)
    fetching = threading.Thread(target=next, args=(updates, None), daemon=True)
    fetching.start()
    wait_until(lambda: "made.txt" in server.routes())
    server.behave(**{"made.txt": reply(b"a")})
    assert in_child(lambda: Path(job.outputs()[0]).read_text() == "a")
    let_go.set()
    fetching.join(PATIENCE)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_child_starts_no_thread_before_it_calls(serve: Serve, connect: Connect) -> None:
    server = serve(config=WITH_HEARTBEAT)
    client = connect(server.url)
    wait_until(lambda: "heartbeat" in server.routes())
    assert in_child(lambda: threads() == [] and client.predict("b", api_name="/echo") == "b")


# --- interrupting


class Overdue(Exception):
    """What a program's own signal handler raises."""


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, Overdue])
@pytest.mark.parametrize("answers", [True, False])
def test_interrupted_call_is_cancelled_on_the_server_without_holding_up_the_interrupt(
    serve: Serve, connect: Connect, promptly: Callable[..., Any], kind: Any, answers: bool
) -> None:
    server = serve(data=for_ever, **{} if answers else {"cancel": silent})
    client = connect(server.url)
    error = kind("stop")
    reading = interrupting(lambda: "data" in server.routes(), error)
    with reading, promptly(2.0), pytest.raises(kind) as caught:
        client.predict("a", api_name="/echo")
    assert caught.value is error
    wait_until(lambda: "cancel" in server.routes())
    assert ("cancel", {"fn_index": 0, "session_hash": client.session_hash, "event_id": "e0"}) in server.told


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
def test_call_interrupted_when_the_server_has_just_taken_it_is_cancelled_there(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(self: Any) -> None:
        raise KeyboardInterrupt

    server = serve()
    client = connect(server.url)
    with monkeypatch.context() as patch:
        patch.setattr(SessionQueue, "_start", interrupt)
        with pytest.raises(KeyboardInterrupt):
            client.predict("a", api_name="/echo")
    wait_until(lambda: "cancel" in server.routes())


@contextlib.contextmanager
def interrupting(when: Callable[[], bool], error: BaseException) -> Iterator[None]:
    """Raise an error on the main thread, by a signal, as soon as something is true."""

    def interrupt(number: int, frame: Any) -> None:
        raise error

    def wait() -> None:
        wait_until(when)
        os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, interrupt)
    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    try:
        yield
    finally:
        thread.join(PATIENCE)
        signal.signal(signal.SIGUSR1, before)


INTERRUPTED = """
import os, signal, threading
from gradio_client_lite import Client
signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background may inherit SIG_IGN
client = Client(sys.argv[1], verbose=False)
slow = sys.argv[2]

def interrupt():
    sys.stdin.readline()  # the server has the request
    os.kill(os.getpid(), signal.SIGINT)

threading.Thread(target=interrupt, daemon=True).start()
try:
    client.predict("slow", api_name=slow)
except KeyboardInterrupt:
    print("interrupted", flush=True)
sys.stdin.readline()
print(client.predict("a", api_name="/echo"), client.predict("b", api_name="/direct"))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
@pytest.mark.parametrize(
    ("route", "api_name"), [("data", "/echo"), ("join", "/echo"), ("predict", "/direct")]
)
def test_interrupted_call_leaves_the_client_usable(serve: Serve, route: str, api_name: str) -> None:
    server = serve(**{} if route == "data" else {route: silent})
    good = {"data": server.all_but("slow"), "join": server._join, "predict": server._predict}
    if route == "data":
        server.behave(data=good["data"])
    code = f"import sys; sys.path.insert(0, {ROOT!r})\n" + INTERRUPTED
    process = subprocess.Popen(
        [sys.executable, "-c", code, server.url, api_name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    )
    with process:
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            wait_until(lambda: route in server.routes())
            process.stdin.write("\n")
            process.stdin.flush()
            assert process.stdout.readline() == "interrupted\n"
            server.behave(**{route: good[route]})
            output, _ = process.communicate("\n", timeout=PATIENCE)
        finally:
            process.kill()
    assert output == "a b\n"
