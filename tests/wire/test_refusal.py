from __future__ import annotations

import json
from typing import Any, Type

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradio_client_lite.errors import (
    AppError,
    AuthenticationError,
    GradioClientError,
    HTTPStatusError,
    QueueError,
    TooManyRequestsError,
    ValidationError,
)
from gradio_client_lite.wire.lifecycle import HIDDEN_ERROR
from gradio_client_lite.wire.refusal import bare_url, refusal, validation_message

URL = "http://user:secret@host:7860/app/queue/join?token=secret#secret"


def refused(status: int, content: Any = b"") -> GradioClientError:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return refusal(status, body, URL, "calling /echo")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, AuthenticationError),
        (422, ValidationError),
        (429, TooManyRequestsError),
        (503, QueueError),
        (400, HTTPStatusError),
        (404, HTTPStatusError),
        (500, HTTPStatusError),
        (302, HTTPStatusError),
    ],
)
def test_status_has_its_error(status: int, kind: Type[GradioClientError]) -> None:
    assert type(refused(status)) is kind


def test_unexpected_status_names_itself_the_place_and_the_purpose() -> None:
    error = refused(418, {"detail": "short and stout"})
    assert isinstance(error, HTTPStatusError)
    assert (error.status, error.url) == (418, "http://host:7860/app/queue/join")
    assert str(error) == ("http://host:7860/app/queue/join answered 418 while calling /echo: short and stout")


@pytest.mark.parametrize("status", [400, 401, 404, 422, 429, 500, 503])
def test_no_secret_of_the_url_reaches_the_text(status: int) -> None:
    assert "secret" not in f"{refused(status)!r} {refused(status)}"


def test_function_error_of_a_direct_call_is_an_app_error() -> None:
    error = refused(500, {"error": "bad", "title": "T"})
    assert isinstance(error, AppError)
    assert (error.message, error.title) == ("bad", "T")


def test_hidden_function_error_has_the_known_text() -> None:
    assert str(refused(500, {"error": None})) == HIDDEN_ERROR


@pytest.mark.parametrize("status", [400, 403, 404, 502])
def test_error_object_of_anybody_else_is_no_app_error(status: int) -> None:
    assert isinstance(refused(status, {"error": "no such page"}), HTTPStatusError)


def test_validator_names_the_parameters_it_refused() -> None:
    detail = [
        {"__type__": "validate", "is_valid": True, "message": "", "parameter_name": "a"},
        {"__type__": "validate", "is_valid": False, "message": "too small", "parameter_name": "b"},
        {"__type__": "validate", "is_valid": False, "message": "too big"},
    ]
    assert str(refused(422, {"detail": detail})) == (
        "2 parameter(s) failed validation:\n- b: too small\n- parameter_2: too big"
    )


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        "text",
        {},
        {"detail": "text"},
        {"detail": []},
        {"detail": [3, None, {"loc": ["body"], "msg": "field required"}]},
        {"detail": [{"__type__": "validate", "is_valid": True}]},
    ],
)
def test_other_422_is_no_validator(content: Any) -> None:
    assert validation_message(content) is None
    error = refused(422, content)
    assert isinstance(error, ValidationError)
    assert "422" in str(error)


def test_text_is_bounded_and_on_one_line() -> None:
    text = str(refused(404, b"<html>\n" * 10_000))
    assert len(text) < 500
    assert "\n" not in text


def test_binary_body_is_no_problem() -> None:
    assert "404" in str(refused(404, bytes(range(256)) * 100))


def test_empty_body_is_said_to_be_empty() -> None:
    assert str(refused(404)).endswith("(no text)")


@pytest.mark.parametrize("depth", [*range(100, 1100, 100), 100_000])
def test_nesting_of_any_depth_is_no_problem(depth: int) -> None:
    body = b'{"detail":' + b"[" * depth + b"]" * depth + b"}"
    assert isinstance(refusal(404, body, URL, "calling /echo"), HTTPStatusError)


@given(st.integers(100, 599), st.binary(max_size=200))
def test_any_answer_has_an_error(status: int, body: bytes) -> None:
    assert isinstance(refusal(status, body, URL, "calling /echo"), GradioClientError)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://host/", "http://host/"),
        ("http://user:p%40ss@host:1/a/b?c=d#e", "http://host:1/a/b"),
        ("http://us@er:pa@ss@host/", "http://host/"),
        ("http://user@[::1]:7860/", "http://[::1]:7860/"),
    ],
)
def test_bare_url_holds_no_secret(url: str, expected: str) -> None:
    assert bare_url(url) == expected
