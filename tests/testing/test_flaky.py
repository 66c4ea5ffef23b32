"""Tests `flaky.py` through clients and bare requests to an app with faults."""

from __future__ import annotations

import http.client
import json
import socket
import time
from typing import Any, Callable, Dict, Iterator, List

import pytest

from gradio_client_lite import Client, Job
from gradio_client_lite.errors import ArgumentError, ConnectionLost, HTTPStatusError, StreamLost
from gradio_client_lite.queues.stream import Times
from gradio_client_lite.testing import App, Fault, Function, serve

from .wire_recording import ask, connect, stream

_PATIENCE = 10.0  # seconds; only a failing test waits this long

Open = Callable[..., App]
Connect = Callable[..., Client]


def count(to: int) -> Iterator[int]:
    yield from range(to)


FUNCTIONS: Dict[str, Any] = {
    "/echo": lambda text: text,
    "/count": count,
    "/direct": Function(lambda text: text, queue=False),
}


@pytest.fixture
def flaky() -> Iterator[Open]:
    """Serves with these faults."""
    apps: List[App] = []

    def start(*faults: Fault, **options: Any) -> App:
        apps.append(serve(FUNCTIONS, faults=faults, **options))
        return apps[-1]

    yield start
    for app in apps:
        app.close()


@pytest.fixture
def client() -> Iterator[Connect]:
    clients: List[Client] = []

    def make(app: App, **options: Any) -> Client:
        options = {"verbose": False, "stream_grace": 0.2, "httpx_kwargs": {"timeout": 5.0}, **options}
        clients.append(Client(app.url, **options))
        return clients[-1]

    yield make
    for each in clients:
        each.close()


def raised(job: Job) -> str:
    """What a job ends with."""
    return type(job.exception(_PATIENCE)).__name__


def names(app: App, session_hash: str = "s") -> List[str]:
    """The messages of a stream, as they come."""
    path = f"/gradio_api/queue/data?session_hash={session_hash}"
    return [message["msg"] for message in stream(app.url, path)]


def join(app: App, index: int, *data: Any, session_hash: str = "s") -> int:
    body = {"data": data, "fn_index": index, "session_hash": session_hash}
    return ask(app.url, "POST", "/gradio_api/queue/join", body)[0]


def test_an_app_without_faults_has_none(flaky: Open, client: Connect) -> None:
    app = flaky()
    assert client(app).predict("a", api_name="/echo") == "a"
    assert (app.faults, app.struck) == ((), ())


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (Fault("delay", "join", endpoint="/echoo"), "A fault is for '/echoo', which the app does not serve"),
        ("delay", r"made by Fault\(kind, step\), not 'delay'"),
    ],
)
def test_a_fault_that_cannot_strike_is_an_error_before_anything_is_served(fault: Any, text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        serve(FUNCTIONS, faults=[fault])


def test_wrong_faults_leave_those_that_were_there(flaky: Open) -> None:
    there = Fault("delay", "join")
    app = flaky(there)
    with pytest.raises(ArgumentError):
        app.faults = [Fault("delay", "join", endpoint="/none")]
    assert app.faults == (there,)


# -- requests


@pytest.mark.parametrize(
    ("step", "method", "path"),
    [
        ("config", "GET", "/config"),
        ("info", "GET", "/gradio_api/info"),
        ("login", "POST", "/login"),
        ("join", "POST", "/gradio_api/queue/join"),
        ("direct", "POST", "/gradio_api/run/direct"),
        ("cancel", "POST", "/gradio_api/cancel"),
        ("opening", "GET", "/gradio_api/queue/data?session_hash=s"),
        ("heartbeat", "GET", "/gradio_api/heartbeat/s"),
    ],
)
def test_each_request_can_be_refused(flaky: Open, step: str, method: str, path: str) -> None:
    app = flaky(Fault("refuse", step, status=429, retry_after=7))
    assert app.struck == ()
    connection = connect(app.url)
    connection.request(method, path, body=b"{")
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Retry-After")) == (429, "7")
    connection.close()
    assert app.struck == app.faults


def test_a_refusal_need_not_say_when_to_ask_again(flaky: Open) -> None:
    status, headers, _ = ask(flaky(Fault("refuse", "config")).url, "GET", "/config")
    assert (status, headers.get("retry-after", headers.get("Retry-After"))) == (503, None)


def test_a_closed_request_was_not_taken_and_a_lost_one_was(flaky: Open) -> None:
    app = flaky(Fault("close", "join"), Fault("lose", "join", nth=1))
    for number in (0, 1):
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            join(app, 0, str(number))
    assert join(app, 0, "2") == 200
    assert names(app).count("process_completed") == 2


def test_a_truncated_answer_ends_in_the_middle(flaky: Open) -> None:
    connection = connect(flaky(Fault("truncate", "config")).url)
    connection.request("GET", "/config")
    with pytest.raises(http.client.IncompleteRead) as caught:
        connection.getresponse().read()
    connection.close()
    assert b'"version"' in caught.value.partial


def test_a_throttled_answer_takes_its_time_and_is_whole(flaky: Open) -> None:
    app = flaky(Fault("throttle", "direct", seconds=0.3))
    begun = time.monotonic()
    status, _, text = ask(app.url, "POST", "/gradio_api/run/direct", {"data": ["a" * 100]})
    assert (status, json.loads(text)["data"]) == (200, ["a" * 100])
    assert time.monotonic() - begun >= 0.25


def test_a_delayed_answer_comes_late(flaky: Open, client: Connect) -> None:
    begun = time.monotonic()
    client(flaky(Fault("delay", "config", seconds=0.3)))
    assert time.monotonic() - begun >= 0.3


def test_a_stalled_request_ends_with_the_app(flaky: Open) -> None:
    app = flaky(Fault("stall", "config"))
    connection = http.client.HTTPConnection(app.url.split("/")[2], timeout=0.2)
    connection.request("GET", "/config")
    with pytest.raises(socket.timeout):  # a TimeoutError from 3.10 on
        connection.getresponse()
    connection.close()
    begun = time.monotonic()
    app.close()
    assert time.monotonic() - begun < 1.0


def test_a_direct_call_is_known_by_its_number_or_its_name(flaky: Open) -> None:
    app = flaky(Fault("refuse", "direct", endpoint="/direct", times=None))
    assert ask(app.url, "POST", "/gradio_api/run/direct", {"data": ["a"]})[0] == 503
    assert ask(app.url, "POST", "/gradio_api/run/x", {"data": ["a"], "fn_index": 2})[0] == 503
    assert ask(app.url, "POST", "/gradio_api/run/echo", {"data": ["a"]})[0] == 200
    assert ask(app.url, "POST", "/gradio_api/run/echo", [1])[0] == 422


def test_a_request_that_is_no_step_goes_through(flaky: Open) -> None:
    app = flaky(*(Fault("refuse", step, times=None) for step in ("config", "join", "opening", "direct")))
    assert ask(app.url, "GET", "/")[0] == 200


# -- events


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        (Fault("lose", "event", message="process_starts"), "estimation generating generating completed"),
        (
            Fault("duplicate", "event", nth=1),
            "estimation starts starts generating generating completed",
        ),
        (Fault("swap", "event"), "starts estimation generating generating completed"),
        (Fault("swap", "event", nth=0, times=2), "generating estimation starts generating completed"),
        (Fault("swap", "event", message="process_completed"), "estimation starts generating generating"),
    ],
)
def test_events_can_be_lost_come_twice_and_in_another_order(flaky: Open, fault: Fault, seen: str) -> None:
    app = flaky(fault)
    assert join(app, 1, 2) == 200
    end = ["close_stream", "process_completed"] if fault.message == "process_completed" else ["close_stream"]
    assert names(app) == [word if word == "estimation" else f"process_{word}" for word in seen.split()] + end
    assert set(app.struck) == {fault}


def test_an_event_held_back_comes_at_the_end_of_the_stream(flaky: Open) -> None:
    app = flaky(Fault("swap", "event", message="close_stream"))
    join(app, 0, "a")
    assert names(app)[-1] == "close_stream"


def test_an_event_held_back_comes_when_there_are_no_faults_any_more(flaky: Open, client: Connect) -> None:
    app = flaky(Fault("swap", "event", message="process_starts", times=None), heartbeat=0.2)
    job = client(app).submit(1000, api_name="/count")
    next(job)
    app.faults = ()
    assert job.result(_PATIENCE) == 999


@pytest.mark.parametrize("kind", ["close", "truncate"])
def test_a_stream_that_is_cut_loses_its_calls(flaky: Open, client: Connect, kind: str) -> None:
    app = flaky(Fault(kind, "event", message="process_completed"))
    calls = client(app)
    assert raised(calls.submit("a", api_name="/echo")) == "StreamLost"
    assert calls.predict("b", api_name="/echo") == "b"


def test_a_stream_that_says_nothing_any_more_is_left(
    flaky: Open, client: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gradio_client_lite.queues.session.TIMES", Times(beat=0.1))
    monkeypatch.setattr("gradio_client_lite.transport.liveness._MOMENT", 0.1)
    app = flaky(Fault("stall", "event", nth=1))
    assert raised(client(app, stream_idle_timeout=0.3).submit("a", api_name="/echo")) == "StreamLost"


@pytest.mark.parametrize("kind", ["delay", "throttle"])
def test_an_event_that_is_late_is_right(flaky: Open, client: Connect, kind: str) -> None:
    app = flaky(Fault(kind, "event", message="process_completed", seconds=0.3))
    begun = time.monotonic()
    assert client(app).predict("a" * 500, api_name="/echo") == "a" * 500
    assert time.monotonic() - begun >= 0.25


@pytest.mark.parametrize("step", ["join", "opening", "event"])
def test_a_session_that_is_forgotten_loses_its_calls(flaky: Open, step: str) -> None:
    app = flaky(Fault("forget", step, nth=1 if step == "join" else 0))
    join(app, 0, "a")
    if step == "join":
        join(app, 0, "b")
        assert names(app).count("process_completed") == 1
    else:
        assert names(app) == ["unexpected_error"]


def test_events_can_be_those_of_one_endpoint_alone(flaky: Open, client: Connect) -> None:
    app = flaky(Fault("lose", "event", message="process_generating", endpoint="/count", times=None))
    calls = client(app)
    assert calls.predict("a", api_name="/echo") == "a"
    assert app.struck == ()
    job = calls.submit(3, api_name="/count")
    assert (job.result(_PATIENCE), job.outputs()) == (2, [2])
    assert len(app.struck) == 3


def test_endpoints_of_events_are_known_of_the_latest_calls(
    flaky: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gradio_client_lite.testing.flaky._MOST_CALLS", 1)
    app = flaky(Fault("duplicate", "event", message="process_completed", endpoint="/echo", times=None))
    join(app, 0, "a")
    join(app, 0, "b")
    assert names(app).count("process_completed") == 3


def test_the_count_begins_anew_with_other_faults(flaky: Open, client: Connect) -> None:
    app = flaky(Fault("refuse", "join", nth=1))
    calls = client(app)
    calls.predict("a", api_name="/echo")
    app.faults = app.faults
    calls.predict("b", api_name="/echo")
    assert app.struck == ()
    assert isinstance(calls.submit("c", api_name="/echo").exception(_PATIENCE), HTTPStatusError)


def test_of_several_faults_the_first_strikes_and_all_count(flaky: Open) -> None:
    first, second = Fault("refuse", "config", status=502), Fault("refuse", "config", times=2, status=504)
    app = flaky(first, second)
    assert [ask(app.url, "GET", "/config")[0] for _ in range(3)] == [502, 504, 200]
    assert app.struck == (first, second)


def test_what_a_client_says_of_faults_is_typed(flaky: Open, client: Connect) -> None:
    app = flaky(Fault("lose", "join"), Fault("forget", "event", nth=1))
    calls = client(app)
    assert isinstance(calls.submit("a", api_name="/echo").exception(_PATIENCE), ConnectionLost)
    assert isinstance(calls.submit("b", api_name="/echo").exception(_PATIENCE), (StreamLost, HTTPStatusError))
