"""Tests `app/description.py`: fetched in the background; what becomes of calls that need it before."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from gradio_client_lite import Client, Limits, handle_file
from gradio_client_lite.app.description import Description
from gradio_client_lite.errors import (
    ArgumentError,
    ClientClosed,
    ConnectionLost,
    DeadlineExceeded,
    StreamLost,
)
from gradio_client_lite.threads import Threads
from gradio_client_lite.updates import Status

from .badserver import PATIENCE, BadServer, Behaviour, config, info, reply, reset, silent
from .test_calling import wait_until
from .test_process import run_python, threads

Serve = Callable[..., BadServer]
Connect = Callable[..., Client]


class Gate:
    """An /info that is answered when the test says so."""

    def __init__(self, then: Behaviour) -> None:
        self._open = threading.Event()
        self._then = then

    def open(self) -> None:
        self._open.set()

    def __call__(self, peer: Any, request: Any) -> None:
        self._open.wait(PATIENCE)
        self._then(peer, request)


@pytest.fixture
def gate() -> Gate:
    return Gate(reply(info()))


def asked(server: BadServer) -> List[Any]:
    """The arguments of the calls that came."""
    return [body["data"] for route, body in server.told if route in ("join", "predict")]


# --- without it


@pytest.mark.parametrize("name", ["/echo", "/direct"])
def test_call_that_needs_it_is_sent_when_it_is_there(
    serve: Serve, connect: Connect, gate: Gate, name: str
) -> None:
    server = serve(info=gate)
    job = connect(server.url).submit(text="a", api_name=name)
    assert (job.status().code, job.event_id, job.running()) == (Status.STARTING, None, True)
    assert asked(server) == []
    gate.open()
    assert job.result(PATIENCE) == "a"


@pytest.mark.parametrize(("args", "kwargs"), [((), {}), ((), {"nope": 1}), (("a",), {"text": "b"})])
def test_wrong_argument_is_then_the_error_of_the_job(
    serve: Serve, connect: Connect, gate: Gate, args: Any, kwargs: Dict[str, Any]
) -> None:
    server = serve(info=gate)
    client = connect(server.url)
    job = client.submit(*args, api_name="/echo", **kwargs)
    updates = client.stream_messages(*args, api_name="/echo", **kwargs)
    gate.open()
    assert isinstance(job.exception(PATIENCE), ArgumentError)
    with pytest.raises(ArgumentError):
        list(updates)
    with pytest.raises(ArgumentError):
        client.submit(*args, api_name="/echo", **kwargs)
    assert asked(server) == []


def test_what_cannot_be_sent_at_all_is_refused_at_once(serve: Serve, connect: Connect, gate: Gate) -> None:
    client = connect(serve(info=gate).url)
    with pytest.raises(ArgumentError, match="cannot be sent as JSON"):
        client.submit(text=object(), api_name="/echo")
    gate.open()


def test_predict_raises_a_wrong_argument_and_waits_no_longer_than_its_timeout(
    serve: Serve, connect: Connect, gate: Gate
) -> None:
    server = serve(info=gate)
    with pytest.raises(DeadlineExceeded, match=r"/echo gave no result within 0\.1 seconds"):
        connect(server.url, timeout=0.1).predict(text="a", api_name="/echo")
    gate.open()
    with pytest.raises(ArgumentError):
        connect(server.url).predict(nope="a", api_name="/echo")


def test_positional_call_is_not_behind_it(serve: Serve, connect: Connect) -> None:
    peers: List[Any] = []
    server = serve(info=silent)
    good = server._predict

    def noting(behaviour: Behaviour) -> Behaviour:
        def behave(peer: Any, request: Any) -> None:
            peers.append(peer)
            behaviour(peer, request)

        return behave

    server.behave(config=noting(reply(config())), predict=noting(good))
    client = connect(server.url)
    wait_until(lambda: "info" in server.routes())
    assert client.predict("a", api_name="/direct") == "a"
    assert peers[0] is peers[1]  # no connection had to be made for it
    assert client.submit("b", api_name="/echo").result(PATIENCE) == "b"


def test_token_for_functions_that_want_one_needs_it(serve: Serve, connect: Connect, gate: Gate) -> None:
    server = serve(info=gate)
    job = connect(server.url, oauth_token="hf_secret").submit("a", api_name="/echo")
    assert asked(server) == []
    gate.open()
    assert job.result(PATIENCE) == "a"


def test_arguments_are_those_at_the_time_of_the_call(serve: Serve, connect: Connect, gate: Gate) -> None:
    server = serve(info=gate)
    given = {"list": [1, {"a": (2,)}]}
    job = connect(server.url).submit(text=given, api_name="/direct")
    given["list"].append("late")
    given["list"][1]["a"] = "late"  # type: ignore[index]
    gate.open()
    job.result(PATIENCE)
    assert asked(server) == [[{"list": [1, {"a": [2]}]}]]


def test_jobs_that_wait_share_one_fetch_take_no_threads_and_keep_their_order(
    serve: Serve, connect: Connect, gate: Gate
) -> None:
    server = serve(info=gate)
    client = connect(server.url, max_workers=1)
    jobs = [client.submit(text=number, api_name="/direct") for number in range(50)]
    assert threads() == ["gradio-description"]
    gate.open()
    assert [job.result(PATIENCE) for job in jobs] == list(range(50))
    assert asked(server) == [[number] for number in range(50)]
    assert server.routes().count("info") == 1


def test_jobs_that_wait_for_two_fetches_keep_their_order(serve: Serve, connect: Connect, gate: Gate) -> None:
    server = serve(info=gate)
    client = connect(server.url, max_workers=1)
    wait_until(lambda: "info" in server.routes())
    jobs = [client.submit(text=0, api_name="/direct")]
    fetch = client._app.description._fetches[0]
    fetch.begun = (fetch.begun[0] - 60.0, fetch.begun[1] - 60.0)
    server.behave(info=reply(info()))
    jobs.append(client.submit(text=1, api_name="/direct"))
    assert [job.result(PATIENCE) for job in jobs] == [0, 1]
    assert asked(server) == [[0], [1]]
    gate.open()


@pytest.mark.parametrize("late", [True, False])
def test_arguments_with_files_are_those_at_the_time_of_the_call(
    serve: Serve, connect: Connect, gate: Gate, tmp_path: Path, late: bool
) -> None:
    (tmp_path / "a").write_text("a")
    go_on = threading.Event()

    def predict(peer: Any, request: Any) -> None:
        go_on.wait(PATIENCE)
        reply({"data": [None]})(peer, request)

    server = serve(info=gate, predict=predict, upload=reply(["/there/a"]))
    client = connect(server.url, max_workers=1)
    if not late:
        gate.open()
        wait_until(client._app.description.ready)
    client.submit("first", api_name="/direct")
    given = [handle_file(tmp_path / "a"), "before"]
    job = client.submit(text=given, api_name="/direct")
    given[1:] = ["after"]
    gate.open()
    go_on.set()
    job.result(PATIENCE)
    assert [data[0][1:] for data in asked(server)[1:]] == [["before"]]


# --- it cannot be had


def test_failure_is_the_error_of_those_who_wait_and_the_next_has_it_fetched_again(
    serve: Serve, connect: Connect
) -> None:
    gate = Gate(reset)
    server = serve(info=gate)
    client = connect(server.url)
    jobs = [client.submit(text="a", api_name="/echo") for _ in range(2)]
    gate.open()
    errors = [job.exception(PATIENCE) for job in jobs]
    assert {type(error) for error in errors} == {ConnectionLost}
    assert errors[0] is not errors[1]
    server.behave(info=reply(info()))
    assert client.submit(text="a", api_name="/echo").result(PATIENCE) == "a"


def test_waiting_for_it_has_the_limit_of_describing(serve: Serve, connect: Connect) -> None:
    client = connect(serve(info=silent).url, limits=Limits(describing=0.2))
    error = client.submit(text="a", api_name="/echo").exception(PATIENCE)
    assert isinstance(error, DeadlineExceeded)
    assert "Limits(describing=0.2)" in str(error)


def test_who_comes_long_after_a_fetch_began_does_not_wait_for_that(serve: Serve, connect: Connect) -> None:
    server = serve(info=silent)
    client = connect(server.url)
    wait_until(lambda: "info" in server.routes())
    server.behave(info=reply(info()))
    fetch = client._app.description._fetches[0]
    fetch.begun = (fetch.begun[0] - 60.0, fetch.begun[1] - 60.0)
    assert client.submit(text="a", api_name="/echo").result(PATIENCE) == "a"


def test_thread_that_cannot_be_had_fails_the_job_alone(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*_: Any) -> None:
        raise RuntimeError("no thread")

    server = serve()
    with monkeypatch.context() as patch:
        patch.setattr(Threads, "start", start)
        client = connect(server.url)
        error = client.submit(text="a", api_name="/echo").exception(PATIENCE)
    assert "No thread could be started to fetch the API description" in str(error)
    assert client.predict(text="a", api_name="/echo") == "a"


# --- given up meanwhile


def test_job_that_is_cancelled_while_it_waits_is_never_sent(
    serve: Serve, connect: Connect, gate: Gate
) -> None:
    server = serve(info=gate)
    client = connect(server.url)
    job = client.submit(text="a", api_name="/echo")
    assert job.cancel(wait=PATIENCE)
    gate.open()
    assert client.predict(text="b", api_name="/echo") == "b"
    assert asked(server) == [["b"]]


def test_jobs_that_wait_end_with_the_client_and_nothing_is_left(serve: Serve, connect: Connect) -> None:
    client = connect(serve(info=silent).url)
    job = client.submit(text="a", api_name="/echo")
    client.close()
    error = job.exception(0)
    assert isinstance(error, ClientClosed)
    assert str(error).startswith("The client is closed; /echo was not called.")
    assert threads() == []


@pytest.mark.skipif(sys.platform == "win32", reason="it cannot fork")
def test_child_forgets_the_fetch_of_its_parent(serve: Serve, gate: Gate) -> None:
    code = """
import os, warnings
warnings.simplefilter("ignore")
from gradio_client_lite import Client
client = Client(sys.argv[1], verbose=False)
job = client.submit(text="a", api_name="/echo")
reader, writer = os.pipe()
if not os.fork():
    os.write(writer, type(job.exception(0)).__name__.encode())
    client.submit(text="b", api_name="/echo")  # has it fetched anew
    client.close()
    os._exit(0)
print(os.read(reader, 99).decode())
os.wait()
"""
    server = serve(info=gate)
    done = run_python(code, server.url, options=[])
    gate.open()
    assert (done.stdout, done.stderr) == (f"{StreamLost.__name__}\n", "")
    assert server.routes().count("info") <= 2


def test_end_of_a_fetch_is_told_once(serve: Serve, connect: Connect) -> None:
    transport: Any = connect(serve().url)._app.transport
    description = Description(transport, Threads())
    told: List[Any] = []

    def make() -> Dict[str, Any]:
        description.begin(dict, told.append)
        raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        description.get(make)
    assert [str(error) for error in told] == ["bad"]
    assert description.get(dict) == {}
    description.begin(make, told.append)
    assert told[1:] == [None]


def test_interrupt_of_who_tells_of_a_fetch_leaves_nobody_waiting(serve: Serve, connect: Connect) -> None:
    transport: Any = connect(serve().url)._app.transport
    description = Description(transport, Threads())
    told: List[Any] = []

    def interrupt(_: Any) -> None:
        raise KeyboardInterrupt

    def make() -> Dict[str, Any]:
        for then in (interrupt, told.append):
            description.begin(dict, then)
        return {}

    with pytest.raises(KeyboardInterrupt):
        description.get(make)
    assert told == [None]
