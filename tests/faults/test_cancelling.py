"""Cancelling ends a job at once; the server is told on other threads, and who asks learns whether it was.

Tests `jobs/cancelling.py`.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from pathlib import Path
from typing import Any, Callable, Dict, Tuple

import pytest

from gradio_client_lite import Client, Job, handle_file
from gradio_client_lite.jobs import cancelling as cancelling_module
from gradio_client_lite.updates import Status

from .badserver import (
    PATIENCE,
    STREAM_HEAD,
    BadServer,
    chunk,
    event,
    for_ever,
    reply,
    reset,
    silent,
    streaming,
)
from .test_calling import wait_until
from .test_process import run_python, threads

Serve = Callable[..., BadServer]
Connect = Callable[..., Client]


def joined(client: Client, text: str = "a") -> Job:
    job = client.submit(text, api_name="/echo")
    wait_until(lambda: job.event_id is not None)
    return job


def told(server: BadServer) -> Any:
    return [body for route, body in server.told if route == "cancel"]


def body_of(job: Job) -> Dict[str, Any]:
    return {"fn_index": job.fn_index, "session_hash": job.session_hash, "event_id": job.event_id}


@pytest.fixture
def briefly(connect: Connect) -> Connect:
    """Connect a client that gives the server little time to be told."""

    def make(url: str) -> Client:
        client = connect(url)
        client._calls.cancelling.one_request = 0.1
        return client

    return make


def test_server_is_told_on_another_thread(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    used, post = [], cancelling_module.post_json

    def spy(*args: Any) -> bytes:
        used.append(threading.current_thread().name)
        return post(*args)

    monkeypatch.setattr(cancelling_module, "post_json", spy)
    server = serve(data=for_ever)
    job = joined(connect(server.url))
    assert job.cancel(wait=PATIENCE) is True
    assert told(server) == [body_of(job)]
    assert used == ["gradio-cancel"]


def test_cancel_does_not_wait_for_a_server_that_hangs(serve: Serve, briefly: Connect) -> None:
    server = serve(data=for_ever, cancel=silent)
    job = joined(briefly(server.url))
    assert job.cancel() is True
    assert job.cancelled()
    assert told(server) in ([], [body_of(job)])
    assert job.cancel(wait=PATIENCE) is False


@pytest.mark.parametrize("behaviour", [silent, reply(b"", "500 Internal Server Error")])
def test_what_could_not_be_told_is_logged_with_the_name_of_the_job(
    serve: Serve, briefly: Connect, caplog: pytest.LogCaptureFixture, behaviour: Any
) -> None:
    client = briefly(serve(data=for_ever, cancel=behaviour).url)
    with caplog.at_level(logging.INFO):
        assert joined(client).cancel(wait=PATIENCE) is False
    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert "the server was not told to end /echo: " in caplog.text


def test_cancellation_that_waits_too_long_for_its_turn_is_not_told(
    serve: Serve, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve(data=for_ever)
    client = connect(server.url)
    client._calls.cancelling.in_all = 0.0
    with caplog.at_level(logging.INFO):
        assert joined(client).cancel(wait=PATIENCE) is False
    assert "/echo" in caplog.text
    assert told(server) == []


def test_no_thread_to_tell_with_is_no_error(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def start(self: threading.Thread) -> None:
        raise RuntimeError("no thread")

    client = connect(serve(data=for_ever).url)
    job = joined(client)
    with monkeypatch.context() as patch, caplog.at_level(logging.INFO):
        patch.setattr(threading.Thread, "start", start)
        assert job.cancel() is True
    assert job.cancel(wait=PATIENCE) is False
    assert "no thread" in caplog.text
    client.submit("b", api_name="/echo").cancel()  # its join waits for nothing


def test_direct_call_cannot_be_told_of(serve: Serve, connect: Connect) -> None:
    server = serve(predict=silent)
    job = connect(server.url).submit("a", api_name="/direct")
    wait_until(lambda: "predict" in server.routes())
    assert job.cancel(wait=PATIENCE) is False
    assert job.cancelled()


def test_job_submitted_next_does_not_make_the_server_go_on(serve: Serve, connect: Connect) -> None:
    server = serve(data=for_ever)
    client = connect(server.url)
    first = joined(client)
    first.cancel()
    joined(client)
    assert [route for route, _ in server.told] == ["join", "cancel", "join"]
    assert told(server) == [body_of(first)]


def test_many_cancellations_are_all_told(serve: Serve, connect: Connect) -> None:
    server = serve(data=for_ever)
    client = connect(server.url, max_workers=2)
    jobs = [joined(client) for _ in range(20)]
    for job in jobs:
        assert job.cancel()
    assert all(job.cancel(wait=PATIENCE) for job in jobs)
    assert {body["event_id"] for body in told(server)} == {job.event_id for job in jobs}


@pytest.mark.parametrize("entered", [True, False])
@pytest.mark.parametrize("leave", ["close", "collect"])
def test_leaving_a_loop_over_updates_early_tells_the_server(
    serve: Serve, connect: Connect, leave: str, entered: bool
) -> None:
    server = serve(data=streaming(event("process_starts", "e0"), then=silent))
    updates: Any = connect(server.url).stream_messages("a", api_name="/echo")
    if entered:
        next(updates)
    wait_until(lambda: "data" in server.routes())
    if leave == "close":
        updates.close()
    else:
        del updates
    wait_until(lambda: len(told(server)) == 1)


# --- then closed


def test_close_after_a_cancel_still_tells_the_server(serve: Serve, connect: Connect) -> None:
    server = serve(data=for_ever)
    job = joined(connect(server.url))
    late = threading.Event()

    def cancel(peer: Any, request: Any) -> None:
        late.wait(0.05)
        reply({"success": True})(peer, request)

    server.behave(cancel=cancel)
    with contextlib.closing(job._owner):  # type: ignore[type-var]
        job.cancel()
    assert job.cancel(wait=PATIENCE) is True
    assert told(server) == [body_of(job)]
    assert threads() == []


def test_close_does_not_wait_for_a_server_that_hangs(
    serve: Serve, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    client = connect(serve(data=for_ever, cancel=silent).url)
    client._calls.cancelling.at_close = 0.05
    job = joined(client)
    job.cancel()
    client.close()
    assert threads() == []
    assert not caplog.records
    assert job.cancel(wait=PATIENCE) is False


def test_end_of_the_process_after_a_cancel_still_tells_the_server(serve: Serve) -> None:
    code = """
from gradio_client_lite import Client
client = Client(sys.argv[1], verbose=False)
job = client.submit("a", api_name="/echo")
next(job)
job.cancel()
"""
    value = event("process_generating", "e0", output={"data": ["a"]}, success=True)
    server = serve(data=streaming(value, then=silent))
    done = run_python(code, server.url, options=[])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(told(server)) == 1


# --- the server never got it, or ends it by itself


@pytest.mark.parametrize("name", ["/echo", "/direct"])
def test_job_that_is_cancelled_while_its_files_are_sent_is_not_sent(
    serve: Serve, connect: Connect, tmp_path: Path, name: str
) -> None:
    go_on = threading.Event()

    def upload(peer: Any, request: Any) -> None:
        go_on.wait(PATIENCE)
        reply(["/there/a"])(peer, request)

    (tmp_path / "a").write_text("a")
    server = serve(upload=upload)
    client = connect(server.url, max_workers=1)
    job = client.submit(handle_file(tmp_path / "a"), api_name=name)
    wait_until(lambda: "upload" in server.routes())
    assert job.cancel(wait=PATIENCE) is True
    go_on.set()
    assert client.submit("b", api_name=name).result(PATIENCE) == "b"
    assert [body["data"] for route, body in server.told if route in ("join", "predict")] == [["b"]]


@pytest.mark.parametrize("behaviour", [reset, reply(b"", "503 Service Unavailable")])
def test_who_cancels_a_job_whose_join_fails_learns_so_at_once(
    serve: Serve, connect: Connect, promptly: Any, caplog: pytest.LogCaptureFixture, behaviour: Any
) -> None:
    go_on = threading.Event()

    def join(peer: Any, request: Any) -> None:
        go_on.wait(PATIENCE)
        behaviour(peer, request)

    server = serve(join=join)
    job = connect(server.url).submit("a", api_name="/echo")
    wait_until(lambda: "join" in server.routes())
    assert job.cancel()
    go_on.set()
    with promptly(), caplog.at_level(logging.INFO):
        assert job.cancel(wait=PATIENCE) is False
    assert "the server was not told to end /echo: " in caplog.text


def two_running(client: Client) -> Tuple[Job, Job]:
    jobs = joined(client), joined(client)
    wait_until(lambda: all(job.status().code is Status.PROCESSING for job in jobs))
    return jobs


def running(then: Any) -> Any:
    """Stream that two jobs run, and do something else."""

    def data(peer: Any, request: Any) -> None:
        peer.send(STREAM_HEAD)
        threading.Event().wait(0.05)
        for event_id in ("e0", "e1"):
            peer.send(chunk(event("process_starts", event_id, eta=None)))
        then(peer, request)

    return data


def test_cancelled_job_that_the_server_ends_by_itself_needs_no_word(serve: Serve, connect: Connect) -> None:
    go_on = threading.Event()

    def complete(peer: Any, request: Any) -> None:
        go_on.wait(PATIENCE)
        peer.send(chunk(event("process_completed", "e0", output={"data": ["a"]}, success=True)))
        silent(peer, request)

    server = serve(data=running(complete))
    job, _ = two_running(connect(server.url))
    assert job.cancel()
    go_on.set()
    assert job.cancel(wait=PATIENCE) is True
    assert told(server) == []


def test_who_waits_for_a_cancellation_to_be_told_learns_that_the_client_is_closed(
    serve: Serve, connect: Connect, promptly: Any
) -> None:
    client = connect(serve(data=running(silent)).url)
    job, _ = two_running(client)
    assert job.cancel()
    client.close()
    with promptly():
        assert job.cancel(wait=PATIENCE) is False
