"""The embedded app against the official client, and against ours: all find a Gradio app there."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Tuple

import pytest
from testing.wire_recording import SAMPLE, record_real

from gradio_client_lite import Client
from gradio_client_lite.testing import App, AppError, Function, serve

from .calls import Call, Json, calls_of, given
from .oracle import Oracle
from .oracle_worker import Caller, encode
from .pins import OFFICIAL_CLIENTS

Perform = Callable[[Call], Json]


def echo(text: str, times: int = 1) -> str:
    """Repeats the text."""
    return text * times


def pair(number: int, *, unit: str = "m") -> Tuple[int, str]:
    return number, f"{number} {unit}"


def nothing() -> None:
    return None


def count(to: int) -> Iterator[str]:
    for number in range(1, to + 1):
        yield "x" * number


def endless() -> Iterator[int]:
    number = 0
    while True:
        yield number
        number += 1
        # The official client takes a stream that still holds much unread text for an open one, and loses
        # the next job: let it keep up.
        time.sleep(0.01)


def fail(text: str) -> str:
    raise AppError(text, title="Sorry", duration=3, visible=False)


def crash(text: str) -> str:
    raise ValueError(text)


def fail_late(number: int) -> Iterator[int]:
    yield from range(number)
    raise AppError("late")


FUNCTIONS: Dict[str, Any] = {
    "/echo": echo,
    "/pair": pair,
    "/nothing": nothing,
    "/count": count,
    "/endless": endless,
    "/fail": fail,
    "/crash": crash,
    "/fail_late": fail_late,
    "/direct": Function(lambda text: text, queue=False),
    "/private": Function(echo, api_visibility="private"),
}


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    with serve(FUNCTIONS) as app:
        yield app


@pytest.fixture(scope="module", params=[*OFFICIAL_CLIENTS, "ours"])
def perform(
    request: pytest.FixtureRequest, app: App, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Perform]:
    """Makes a call of the app with one client and gives what came of it."""
    if request.param == "ours":
        caller = Caller(Client)
        yield lambda call: caller.perform(call.request(app.url))
        caller.forget()
        return
    with Oracle(request.param, tmp_path_factory.mktemp("official")) as oracle:
        yield lambda call: oracle.perform(call.request(app.url))


FINISHED = ["FINISHED", encode(True)]


@pytest.mark.parametrize(
    ("endpoint", "arguments", "result"),
    [
        ("echo", given("ä\x85\u2028🙂"), "ä\x85\u2028🙂"),
        ("echo", given("ab", 2), "abab"),
        ("echo", given(times=3, text="a"), "aaa"),
        ("pair", given(1), (1, "1 m")),
        ("pair", given(1, unit="km"), (1, "1 km")),
        ("nothing", given(), ()),
    ],
)
def test_a_call_has_its_result(perform: Perform, endpoint: str, arguments: Json, result: Any) -> None:
    answer = perform(calls_of(endpoint, arguments))
    assert answer["calls"][0]["result"] == encode(result)
    assert answer["calls"][0]["outputs"] == encode([result])
    assert answer["calls"][0]["status"] == FINISHED


def test_a_direct_call_has_its_result(perform: Perform) -> None:
    answer = perform(calls_of("direct", given("a"), method="predict"))
    assert answer["calls"][0] == {"result": encode("a")}


def test_a_session_serves_many_calls(perform: Perform) -> None:
    answer = perform(calls_of("echo", *(given(f"{number}") for number in range(20)), method="predict"))
    assert [one["result"] for one in answer["calls"]] == [encode(f"{number}") for number in range(20)]


def test_a_generator_streams_its_values(perform: Perform) -> None:
    answer = perform(calls_of("count", given(4)))["calls"][0]
    assert answer["outputs"] == encode(["x", "xx", "xxx", "xxxx"])
    assert answer["result"] == encode("xxxx")


def test_a_generator_is_cancelled(perform: Perform) -> None:
    answer = perform(calls_of("endless", given(), method="cancel"))["calls"][0]
    assert answer["cancelled"] == encode(True)
    # The official client often stumbles over the empty output that completes a cancelled call.
    assert answer["error"]["class"] in ("CancelledError", "KeyError")


def test_an_app_error_carries_its_fields(perform: Perform) -> None:
    error = perform(calls_of("fail", given("text")))["calls"][0]["error"]
    assert (error["class"], error["message"]) == ("AppError", "text")
    fields = dict(error["fields"]["dict"])
    assert (fields["title"], fields["duration"], fields["visible"]) == ("Sorry", 3, encode(False))


def test_another_exception_carries_its_text(perform: Perform) -> None:
    error = perform(calls_of("crash", given("text")))["calls"][0]["error"]
    assert (error["class"], error["message"]) == ("AppError", "text")


def test_a_generator_that_fails_leaves_its_values(perform: Perform) -> None:
    answer = perform(calls_of("fail_late", given(2)))["calls"][0]
    assert answer["outputs"] == encode([0, 1])
    assert answer["error"]["message"] == "late"


def test_an_unknown_argument_is_refused_before_the_call(perform: Perform) -> None:
    answer = perform(calls_of("echo", given("a", unknown=1)))["calls"][0]
    assert "TypeError" in answer["submit"]["bases"]


def test_the_description_has_names_types_and_defaults(perform: Perform) -> None:
    text = perform(Call("view_api", (given(return_format="str"),), method="view_api"))["calls"][0]["result"]
    assert 'predict(text, times, api_name="/echo") -> 1st' in text
    assert "times: int (not required, defaults to:   1)" in text
    assert "/private" not in text


@pytest.mark.parametrize("version", OFFICIAL_CLIENTS)
def test_the_official_client_logs_in(version: str, tmp_path: Any) -> None:
    with serve(FUNCTIONS, auth=("user", "p@ss wörd&=")) as app, Oracle(version, tmp_path) as oracle:
        call = calls_of("echo", given("a"), method="predict", client={"auth": ["user", "p@ss wörd&="]})
        assert oracle.perform(call.request(app.url))["calls"] == [{"result": encode("a")}]
        wrong = calls_of("echo", given("a"), client={"auth": ["user", "wrong"]})
        assert "ValueError" in oracle.perform(wrong.request(app.url))["connect"]["bases"]
        none = calls_of("echo", given("a"))
        assert oracle.perform(none.request(app.url))["connect"]["class"] == "AuthenticationError"


@pytest.mark.parametrize("version", OFFICIAL_CLIENTS)
def test_the_official_client_keeps_a_heartbeat(version: str, tmp_path: Any) -> None:
    with serve(FUNCTIONS, connect_heartbeat=True) as app, Oracle(version, tmp_path) as oracle:
        call = calls_of("echo", given("a"), method="predict")
        assert oracle.perform(call.request(app.url))["calls"] == [{"result": encode("a")}]


@pytest.mark.whole
def test_the_recording_it_is_held_to_is_what_a_real_server_sends(tmp_path: Path) -> None:
    assert record_real(tmp_path) == SAMPLE.read_text(encoding="utf-8")
