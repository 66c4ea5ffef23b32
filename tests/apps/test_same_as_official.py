"""What the official client makes of a call, ours makes of it too, or `differences.py` says why not."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List

import pytest

from gradio_client_lite import Client

from .calls import CALLS, Call
from .differences import DIFFERENCES, difference_for
from .oracle import Oracle
from .oracle_worker import Caller
from .servers import Server

Json = Dict[str, Any]
OracleFor = Callable[[str], Oracle]


# Not for the session: its clients would outlive their servers, and look for them while other tests run.
@pytest.fixture(scope="module")
def ours() -> Iterator[Caller]:
    caller = Caller(_described)
    yield caller
    caller.forget()


def _described(*args: Any, **options: Any) -> Client:
    """A client that knows the app's description, so that it refuses wrong arguments at once, as the other."""
    client = Client(*args, **options)
    client.view_api(print_info=False)
    return client


def _calls_for(fixture: str) -> List[Any]:
    return [
        pytest.param(
            call,
            id=call.name,
            marks=pytest.mark.servers(since=call.since, before=call.before, but=call.but),
        )
        for call in CALLS
        if call.fixture == fixture
    ]


@pytest.mark.parametrize("call", _calls_for("server"))
def test_call(call: Call, server: Server, ours: Caller, oracle_for: OracleFor) -> None:
    check(call, server, ours, oracle_for)


@pytest.mark.parametrize("call", _calls_for("auth_server"))
def test_call_with_login(call: Call, auth_server: Server, ours: Caller, oracle_for: OracleFor) -> None:
    check(call, auth_server, ours, oracle_for)


@pytest.mark.parametrize("call", _calls_for("subpath_server"))
def test_call_under_a_subpath(
    call: Call, subpath_server: Server, ours: Caller, oracle_for: OracleFor
) -> None:
    check(call, subpath_server, ours, oracle_for)


@pytest.mark.parametrize("call", _calls_for("https_server"))
def test_call_over_https(call: Call, https_server: Server, ours: Caller, oracle_for: OracleFor) -> None:
    check(call, https_server, ours, oracle_for)


@pytest.mark.parametrize("call", _calls_for("hide_errors_server"))
def test_call_with_hidden_errors(
    call: Call, hide_errors_server: Server, ours: Caller, oracle_for: OracleFor
) -> None:
    check(call, hide_errors_server, ours, oracle_for)


@pytest.mark.parametrize("call", _calls_for("small_queue_server"))
def test_call_of_a_single_endpoint(
    call: Call, small_queue_server: Server, ours: Caller, oracle_for: OracleFor
) -> None:
    check(call, small_queue_server, ours, oracle_for)


@pytest.mark.parametrize("call", _calls_for("no_queue_server"))
def test_call_without_a_queue(
    call: Call, no_queue_server: Server, ours: Caller, oracle_for: OracleFor
) -> None:
    check(call, no_queue_server, ours, oracle_for)


def check(call: Call, server: Server, ours: Caller, oracle_for: OracleFor) -> None:
    """Make the call with both clients and compare what came of it."""
    request = call.request(server.url)
    official = oracle_for(server.version).perform(request)
    expected = official
    difference = difference_for(call.name, server.version)
    if difference is not None:
        expected = difference.expected(official)
        if not difference.sometimes:
            assert expected != official, (
                f"the official client does this too, so it is no difference: {difference.reason}"
            )
    actual = ours.perform(request)
    assert with_official_classes(actual, expected) == expected


def with_official_classes(actual: Any, expected: Any) -> Any:
    """Our answer, where an error that is of the expected class, or derived from it, counts as that class.

    A text that goes on after an expected beginning counts as that.
    """
    if isinstance(expected, dict) and list(expected) == ["begins"] and isinstance(actual, str):
        begun = actual.startswith(expected["begins"]) and len(actual) > len(expected["begins"])
        return expected if begun else actual
    if isinstance(expected, dict) and isinstance(actual, dict):
        if "bases" in expected and expected["class"] in actual.get("bases", ()):
            actual = {**actual, "class": expected["class"], "bases": expected["bases"]}
        return {key: with_official_classes(value, expected.get(key)) for key, value in actual.items()}
    if isinstance(expected, list) and isinstance(actual, list) and len(actual) == len(expected):
        return [with_official_classes(*pair) for pair in zip(actual, expected)]
    return actual


def test_every_difference_is_about_a_call_that_is_made() -> None:
    names = {call.name for call in CALLS}
    assert {name for difference in DIFFERENCES for name in difference.calls} <= names


def test_an_error_of_another_class_is_told_from_the_official_one() -> None:
    expected = {"error": {"class": "ValueError", "bases": ["ValueError"], "message": "m"}}
    alike = {"error": {"class": "Ours", "bases": ["Ours", "ValueError"], "message": "m"}}
    other = {"error": {"class": "Ours", "bases": ["Ours", "TypeError"], "message": "m"}}
    assert with_official_classes(alike, expected) == expected
    assert with_official_classes(other, expected) != expected


def test_a_text_that_is_to_go_on_is_told_from_one_that_does_not() -> None:
    expected = {"message": {"begins": "Please login."}}
    assert with_official_classes({"message": "Please login. Thus."}, expected) == expected
    assert with_official_classes({"message": "Please login."}, expected) != expected
    assert with_official_classes({"message": "No."}, expected) != expected
