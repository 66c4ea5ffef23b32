"""The headers of every request."""

from __future__ import annotations

import pytest

from gradio_client_lite.app.headers import RequestHeaders

#: What every request says of its user.
API = {"x-gradio-user": "api"}


def test_headers_of_a_call_win_in_any_case() -> None:
    headers = RequestHeaders({"X-A": "1", "x-b": "2"})
    assert headers({"x-a": "3"}) == {"x-a": "3", "x-b": "2", **API}
    assert headers({}) == {"X-A": "1", "x-b": "2", **API}
    assert headers.base == {"X-A": "1", "x-b": "2"}


@pytest.mark.parametrize("name", ["x-gradio-user", "X-Gradio-User"])
def test_user_stays_a_program_whatever_headers_say(name: str) -> None:
    headers = RequestHeaders({name: "mcp", "x-a": "1"})
    assert headers({}) == headers({name: "web"}) == {"x-a": "1", **API}
    headers.base = {}
    assert headers({name.upper(): "web"}) == API


def test_base_may_change_while_a_request_is_made() -> None:
    class Name(str):
        """Another thread's chance to come in between."""

        __hash__ = str.__hash__

        def lower(self) -> str:
            headers.base[f"x-{len(headers.base)}"] = "new"
            return super().lower()

    headers = RequestHeaders({Name("X-A"): "1", "x-b": "2"})
    assert headers({"x-c": "3"}) == {"X-A": "1", "x-b": "2", "x-c": "3", **API}
    assert {"X-A", "x-b"} < headers.base.keys()


def test_only_some_headers_pass_after_confining() -> None:
    headers = RequestHeaders({"X-A": "1", "x-b": "2"})
    headers.confine({"x-a", "x-c"})
    assert headers.base == {"X-A": "1"}
    assert headers({"X-C": "3", "x-d": "4"}) == {"X-A": "1", "X-C": "3", **API}
    headers.base["x-d"] = "5"
    assert headers({}) == {"X-A": "1", "x-d": "5", **API}


def test_values_that_were_sent_stay_secret_when_they_are_replaced_or_dropped() -> None:
    headers = RequestHeaders({"x-a": "first", "user-agent": "plain", "cookie": "a=jar"})
    headers({"x-call": "once"})
    headers.base["x-a"] = "second"
    headers({})
    headers.confine({"user-agent"})
    assert {"first", "second", "once", "jar"} <= set(headers.secrets())
    assert "plain" not in set(headers.secrets())


def test_values_that_were_sent_long_ago_are_forgotten() -> None:
    headers = RequestHeaders({})
    for number in range(1000):
        headers({"x-call": f"value-{number}"})
    assert "value-999" in set(headers.secrets())
    assert len(set(headers.secrets())) < 100
