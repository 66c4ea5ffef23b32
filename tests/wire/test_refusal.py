from __future__ import annotations

import json
from typing import Any, Dict, Optional, Type

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradio_client_lite.errors import (
    AppError,
    AuthenticationError,
    GradioClientError,
    HTTPStatusError,
    ServerUnavailable,
    StreamLost,
    TooManyRequestsError,
    ValidationError,
)
from gradio_client_lite.wire.lifecycle import HIDDEN_ERROR
from gradio_client_lite.wire.refusal import (
    bare_url,
    refusal,
    session_unknown,
    sign_in_page,
    stated_wait,
    status_error,
    validation_message,
)

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
        (502, ServerUnavailable),
        (503, ServerUnavailable),
        (504, ServerUnavailable),
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


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "5"}, 5.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "999999999999"}, 86400.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "1.5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, None),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT", "date": "Thu, 01 Jan 1970 00:00:10 GMT"}, 90.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT", "date": "Thu, 01 Jan 1970 00:00:10 GMT"}, 0.0),
        ({"retry-after": "Thu, 01 Jan 2970 00:00:00 GMT", "date": "Thu, 01 Jan 1970 00:00:10 GMT"}, 86400.0),
        (
            {"retry-after": "Thu, 99 Jan 99999999999 00:00:00 GMT", "date": "Thu, 01 Jan 1970 00:00:10 GMT"},
            None,
        ),
    ],
)
def test_wait_that_an_answer_asks_for_is_understood_and_bounded(
    headers: Dict[str, str], expected: Optional[float]
) -> None:
    assert stated_wait(headers) == expected


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_retry_after_is_borne(after: str, date: str) -> None:
    wait = stated_wait({"retry-after": after, "date": date})
    assert wait is None or 0 <= wait <= 86400


@pytest.mark.parametrize(
    ("status", "body"),
    [(429, b""), (502, b""), (503, b""), (503, b'{"detail": "Queue is full."}'), (504, b""), (413, b"")],
)
def test_error_keeps_the_wait_of_its_answer(status: int, body: bytes) -> None:
    error = refusal(status, body, URL, "calling /echo", {"retry-after": "7"})
    assert (error.retry_after, error.retryable) == (7.0, status != 413)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"<html><head><title>502 Bad Gateway</title><style>p { color: red }</style>", "502 Bad Gateway"),
        (b"\x1b[31mred\x1b[0m \x00\xc2\x9b \xe2\x80\xaeturned", "[31mred[0m turned"),
        (b'{"detail": "\\u001b]0;title\\u0007 bad"}', "]0;title bad"),
    ],
)
def test_words_of_a_body_are_plain(body: bytes, text: str) -> None:
    said = str(status_error(418, body, "http://host/config", "connecting"))
    assert said.startswith(f"http://host/config answered 418 while connecting: {text}")
    assert said.isprintable()


@pytest.mark.parametrize("status", [422, 500])
def test_what_is_no_call_has_no_error_of_a_call(status: int) -> None:
    error = status_error(status, b'{"error": "bad", "detail": []}', URL, "connecting")
    assert type(error) is HTTPStatusError


@pytest.mark.parametrize(
    "body",
    [
        b"<html><title>400 The plain HTTP request was sent to HTTPS port</title>",
        b"Client sent an HTTP request to an HTTPS server.\n",
        b"You're speaking plain HTTP to an SSL-enabled server port.<br />",
        b"Bad Request\r\nThis combination of host and port requires TLS.\r\n",
        b"The client sent a plain HTTP request, but this server only speaks HTTPS on this port.",
    ],
)
def test_port_for_tls_that_was_spoken_to_in_clear_is_told(body: bytes) -> None:
    text = str(refusal(400, body, "http://host:7860/app/queue/join", "calling /echo"))
    assert text.endswith("use https://host:7860/app/queue/join")


@pytest.mark.parametrize("body", [b"no", b"The https server of the other app is away", b"SMTP requires TLS"])
def test_other_refusals_say_nothing_of_tls(body: bytes) -> None:
    assert "use https" not in str(refusal(400, body, "http://host/", "calling /echo"))


@pytest.mark.parametrize(
    ("place", "body"),
    [
        ("https://team.cloudflareaccess.com/cdn-cgi/access/login/app.test?kid=s3cr3t&meta=s3cr3t", b""),
        ("https://login.microsoftonline.com/common/oauth2/v2.0/authorize?client_id=s3cr3t", b""),
        ("https://app.test/oauth2/sign_in?rd=s3cr3t", b""),
        ("https://huggingface.co/login?next=s3cr3t", b""),
        ("https://accounts.google.com/o/oauth2/v2/auth?s3cr3t", b""),
        ("https://id.test/realms/x?s3cr3t", b"<form><input name=p type='password'>"),
    ],
)
def test_sign_in_page_is_named_without_its_query(place: str, body: bytes) -> None:
    error = sign_in_page("https://app.test/config", place, body)
    assert error is not None
    assert place.partition("?")[0] in str(error)
    assert "s3cr3t" not in str(error)


@pytest.mark.parametrize(
    "place",
    [
        "https://app.test/home",
        "https://author.test/",
        "https://blog.test/config",
        "https://app.test/config",
        "https://designing.test/config",
        "https://app.test/blog-in-german/config",
    ],
)
def test_other_pages_are_no_sign_in_pages(place: str) -> None:
    assert sign_in_page("https://app.test/config", place, b"<html>") is None


def test_unknown_session_speaks_of_replicas() -> None:
    error = refusal(404, b'{"detail": "Session not found."}', URL, "calling /echo")
    assert type(error) is StreamLost
    assert str(error) == str(session_unknown(URL))
    assert "several replicas without sticky sessions" in str(error)
    assert not error.retryable
