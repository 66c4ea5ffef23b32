"""What is left of a client once it is closed, or its interpreter ends: nothing that runs, no job."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from gradio_client_lite import Client
from gradio_client_lite import client as client_module
from gradio_client_lite import threads as threads_module
from gradio_client_lite.errors import ClientClosed, ConnectionFailed
from gradio_client_lite.queues.session import SessionQueue

from .badserver import PATIENCE, BadServer, event, for_ever, reply, silent, streaming
from .test_calling import wait_until
from .test_process import WITH_HEARTBEAT, run_python, threads

Serve = Callable[..., BadServer]
Connect = Callable[..., Client]

FILES = [{"path": f"/made{n}.txt", "meta": {"_type": "gradio.FileData"}} for n in range(3)]


def use_direct(client: Client, server: BadServer) -> List[Any]:
    return [client.submit("a", api_name="/direct") for _ in range(5)]


def use_queue(client: Client, server: BadServer) -> List[Any]:
    return [client.submit("a", api_name="/echo") for _ in range(5)]


def use_nothing(client: Client, server: BadServer) -> List[Any]:
    assert client.predict("a", api_name="/echo") == "a"
    done = threading.Event()
    client.submit("a", api_name="/echo", result_callbacks=lambda _: done.set())
    assert done.wait(PATIENCE)
    return []


#: What goes on when the client is closed: the behaviours of the server, what is called, and the route whose
#: answer is waited for.
MOMENTS: Dict[str, Any] = {
    "idle": ({}, use_nothing, None),
    "joining": ({"join": silent}, use_queue, "join"),
    "waiting for the stream": ({"data": for_ever}, use_queue, "data"),
    "opening the stream": ({"data": silent}, use_queue, "data"),
    "calling directly": ({"predict": silent}, use_direct, "predict"),
    "fetching files": (
        {
            "data": streaming(
                event("process_generating", "e0", output={"data": [FILES]}, success=True),
                event("process_completed", "e0", output={"data": [FILES]}, success=True),
                then=silent,
            ),
            **{f"made{n}.txt": silent for n in range(3)},
        },
        use_queue,
        "made0.txt",
    ),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_close_returns_when_all_threads_have_ended(
    serve: Serve, connect: Connect, tmp_path: Path, moment: str, caplog: pytest.LogCaptureFixture
) -> None:
    behaviours, use, route = MOMENTS[moment]
    server = serve(config=WITH_HEARTBEAT, **behaviours)
    client = connect(server.url, download_files=tmp_path)
    jobs = use(client, server)
    wait_until(lambda: route in (None, *server.routes()))
    client.close()
    assert threads() == []
    assert all(isinstance(job.exception(0), ClientClosed) for job in jobs)
    assert not caplog.records


def test_grace_of_a_lost_stream_ends_with_the_client(serve: Serve, connect: Connect) -> None:
    server = serve(data=streaming(then=lambda peer, request: peer.reset()))
    client = connect(server.url, stream_grace=PATIENCE * 10)
    job = client.submit("a", api_name="/echo")
    wait_until(lambda: "gradio-grace" in threads())
    client.close()
    assert threads() == []
    assert isinstance(job.exception(0), ClientClosed)


def test_thread_that_cannot_be_woken_is_left_behind_and_told_of(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = connect(serve().url)
    monkeypatch.setattr(client_module, "_CLOSING", 0.05)
    begun, let_go = threading.Event(), threading.Event()

    def call_back(result: str) -> None:
        begun.set()
        let_go.wait(PATIENCE)

    client.submit("a", api_name="/echo", result_callbacks=call_back).result(PATIENCE)
    assert begun.wait(PATIENCE)
    client.close()
    assert "gradio-callback" in caplog.text
    let_go.set()
    client.close()
    assert threads() == []


def test_callback_may_close_its_client(serve: Serve, connect: Connect) -> None:
    client = connect(serve().url)
    closed = threading.Semaphore(0)
    together = threading.Barrier(2)

    def close(result: str) -> None:
        together.wait(PATIENCE)
        client.close()
        closed.release()

    jobs = [client.submit(text, api_name="/echo", result_callbacks=close) for text in "ab"]
    assert [job.result(PATIENCE) for job in jobs] == ["a", "b"]
    assert closed.acquire(timeout=PATIENCE)
    assert closed.acquire(timeout=PATIENCE)
    client.close()
    assert threads() == []


@pytest.mark.parametrize("name", ["/echo", "/direct"])
def test_job_submitted_after_the_end_fails_and_calls_back(serve: Serve, connect: Connect, name: str) -> None:
    server = serve()
    client = connect(server.url)
    client.close()
    ended = threading.Event()
    job = client.submit("a", api_name=name)
    job.add_done_callback(lambda _: ended.set())
    assert isinstance(job.exception(PATIENCE), ClientClosed)
    assert ended.wait(PATIENCE)
    for call in (lambda: client.predict("a", api_name=name), lambda: client.send_data({}, {}, "", None)):
        with pytest.raises(ClientClosed, match=r"^The client is closed; .* was not "):
            call()
    assert "join" not in server.routes()
    assert "predict" not in server.routes()


def test_job_that_no_driver_knows_ends_with_the_client(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = connect(serve(data=for_ever).url)
    job = client.submit("a", api_name="/echo")
    wait_until(lambda: job.event_id is not None)
    current: Any = client._calls.sessions.current
    wait_until(lambda: bool(current._claims.calls))
    current._claims.calls.clear()
    client.close()
    assert isinstance(job.exception(0), ClientClosed)


def test_two_joins_with_one_event_id_end_with_the_client(serve: Serve, connect: Connect) -> None:
    client = connect(serve(join=reply({"event_id": "same"}), data=for_ever).url)
    jobs = [client.submit(text, api_name="/echo") for text in "ab"]
    wait_until(lambda: all(job.event_id or job.done() for job in jobs))
    client.close()
    assert all(job.exception(0) is not None for job in jobs)


def test_whatever_ends_a_job_after_the_end_says_that_the_client_was_closed(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = connect(serve(data=for_ever).url)
    job = client.submit("a", api_name="/echo")
    fail_all = SessionQueue.close

    def close(self: SessionQueue) -> None:
        job.fail(ConnectionError("cut"))
        fail_all(self)

    monkeypatch.setattr(SessionQueue, "close", close)
    client.close()
    error = job.exception(0)
    assert isinstance(error, ClientClosed)
    assert isinstance(error.__cause__, ConnectionError)


def test_jobs_end_though_a_part_of_the_client_cannot_be_closed(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = connect(serve(data=for_ever).url)
    job = client.submit("a", api_name="/echo")

    def close(self: SessionQueue) -> None:
        raise ValueError("bad")

    with monkeypatch.context() as patched:
        patched.setattr(SessionQueue, "close", close)
        client.close()
    assert isinstance(job.exception(0), ClientClosed)
    assert "could not be closed" in caplog.text
    client._calls.sessions.close()


def test_ended_jobs_are_forgotten(serve: Serve, connect: Connect) -> None:
    client = connect(serve().url)
    client.predict("a", api_name="/echo")
    job = client.submit("a", api_name="/direct")
    job.result(PATIENCE)
    client.submit("a", api_name="/echo").cancel()
    assert client._calls.live.jobs == set()


# --- the end of the process

PROGRAM = """
import atexit, sys, threading, time
{first}
from gradio_client_lite import Client
client = Client(sys.argv[1], verbose=False)
{then}
"""


def test_process_with_many_live_jobs_ends_at_once(serve: Serve) -> None:
    server = serve(config=WITH_HEARTBEAT, data=for_ever)
    code = PROGRAM.format(
        first="atexit.register(lambda: print(time.monotonic() - ended < 0.5))",  # is called last
        then="""
jobs = [client.submit("a", api_name="/echo") for _ in range(100)]
while not all(job.event_id for job in jobs):
    time.sleep(0.01)
ended = time.monotonic()
""",
    )
    done = run_python(code, server.url, options=[])
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


def test_threads_of_the_program_may_use_the_client_until_they_end(serve: Serve) -> None:
    then = """
begun = threading.Event()
def work():
    begun.set()
    threading.main_thread().join()
    print(client.predict("a", api_name="/direct"))
threading.Thread(target=work).start()
begun.wait()
"""
    done = run_python(PROGRAM.format(first="", then=then), serve().url, options=[])
    assert (done.returncode, done.stdout, done.stderr) == (0, "a\n", "")


def test_job_that_fails_as_the_interpreter_ends_says_that_the_client_was_closed(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = connect(serve(data=for_ever).url).submit("a", api_name="/echo")
    wait_until(lambda: job.event_id is not None)
    with monkeypatch.context() as patch:
        patch.setattr(threads_module, "ending", True)
        job.fail(ConnectionFailed("no thread"))

    assert isinstance(job.exception(0), ClientClosed)


def test_client_left_open_answers_what_runs_after_its_end(serve: Serve) -> None:
    first = """
def last():
    for start in (lambda: job, lambda: client.submit("b", api_name="/echo")):
        print(type(start().exception(10)).__name__)
atexit.register(last)  # before the client is made, so that it runs after its end
"""
    code = PROGRAM.format(first=first, then="job = client.submit('a', api_name='/echo')")
    done = run_python(code, serve(data=for_ever).url, options=[])
    assert (done.returncode, done.stdout, done.stderr) == (0, "ClientClosed\n" * 2, "")


def test_callback_that_never_returns_does_not_keep_the_process(serve: Serve) -> None:
    then = """
begun = threading.Event()
def call_back(result):
    begun.set()
    threading.Event().wait()
client.submit("a", api_name="/echo", result_callbacks=call_back)
begun.wait()
"""
    done = run_python(PROGRAM.format(first="", then=then), serve().url, options=[])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
