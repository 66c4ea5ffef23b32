"""Answers of the Hub that are no success: tests the second part of `rest.py`."""

from __future__ import annotations

import json
from typing import Any, Dict, Optional, Type

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradio_client_lite.errors import (
    AuthenticationError,
    GradioClientError,
    HTTPStatusError,
    HubPermissionError,
    HubUnavailable,
    SpaceDisabled,
    SpaceGated,
    SpaceNameTaken,
    SpaceNotFound,
    TooManyRequestsError,
)
from gradio_client_lite.secrecy import Secrets
from gradio_client_lite.spaces.rest import Question, advised_wait, message_of, refusal
from gradio_client_lite.transport.headers import Headers

SPACE = "owner/name"


def question(space_id: Optional[str] = SPACE, with_token: bool = True) -> Question:
    return Question("looking", "https://huggingface.co/api", space_id, with_token)


@pytest.mark.parametrize(
    ("status", "code", "asked", "kind"),
    [
        (404, "RepoNotFound", question(), SpaceNotFound),
        (401, "RepoNotFound", question(), SpaceNotFound),
        (403, "RepoNotFound", question(None), SpaceNotFound),
        (404, "", question(), SpaceNotFound),
        (401, "", question(with_token=False), SpaceNotFound),
        (401, "", question(), AuthenticationError),
        (401, "", question(None, with_token=False), AuthenticationError),
        (403, "GatedRepo", question(), SpaceGated),
        (401, "GatedRepo", question(with_token=False), SpaceGated),
        (403, "DisabledRepo", question(), SpaceDisabled),
        (403, "", question(), HubPermissionError),
        (402, "", question(), HubPermissionError),
        (409, "", question(), SpaceNameTaken),
        (429, "", question(), TooManyRequestsError),
        (500, "", question(), HubUnavailable),
        (503, "", question(), HubUnavailable),
        (404, "EntryNotFound", question(), HTTPStatusError),
        (404, "", question(None), HTTPStatusError),
        (400, "", question(), HTTPStatusError),
        (302, "", question(), HTTPStatusError),
    ],
)
def test_class(status: int, code: str, asked: Question, kind: Type[GradioClientError]) -> None:
    headers = {"x-error-code": code} if code else {}
    error = refusal(asked, status, headers, "the Hub's text")
    assert type(error) is kind
    assert "the Hub's text" in str(error)
    assert f"answered {status} while looking" in str(error)


def test_disabled_is_known_by_its_text_too() -> None:
    headers = {"x-error-message": "Access to this resource is disabled."}
    assert type(refusal(question(), 403, headers, "")) is SpaceDisabled


def test_missing_space_says_what_may_help() -> None:
    text = str(refusal(question(with_token=False), 401, {}, ""))
    assert text.startswith(
        "Could not find Space: owner/name. If it is a private Space, please provide an hf_token"
    )
    assert "The token that was sent cannot see it" in str(refusal(question(), 404, {}, ""))


def test_too_many_requests_says_for_how_long() -> None:
    assert "wait for 7 seconds" in str(refusal(question(), 429, {"retry-after": "7"}, ""))


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({"x-error-message": "from the header"}, {"error": "body"}, "from the header"),
        ({}, {"error": "one"}, "one"),
        ({}, {"error": ["one", "two"]}, "one two"),
        ({}, {"errors": [{"message": "a"}, {"message": "b"}, {}, 3]}, "a b"),
        ({}, {"error": "one", "errors": [{"message": "a"}]}, "one a"),
        ({}, {}, "(no text)"),
        ({}, [1], "(no text)"),
        ({}, None, "(no text)"),
        ({"x-request-id": "Root=1-2"}, {"error": "one"}, "one (request Root=1-2)"),
        ({}, {"error": "a\n\n  b\t\x00"}, "a b \x00"),
    ],
)
def test_text(headers: Dict[str, str], body: Any, expected: str) -> None:
    assert message_of(headers, json.dumps(body).encode(), Secrets()) == expected


def test_body_that_is_no_json_is_not_shown() -> None:
    assert message_of({}, b"<html>503</html>", Secrets()) == "(no text)"


def test_long_text_is_cut_after_secrets_are_hidden() -> None:
    text = "x" * 295 + "hf_secret" + "y" * 300
    shown = message_of(
        {"x-error-message": text, "x-request-id": "hf_secret"}, b"", Secrets("hf_secret", "hf_sec")
    )
    assert "hf_s" not in shown
    assert len(shown) < 420


@pytest.mark.whole
@given(st.dictionaries(st.text(), st.recursive(st.none() | st.text() | st.integers(), st.lists)), st.binary())
def test_any_body_has_a_text(body: Dict[str, Any], raw: bytes) -> None:
    assert isinstance(message_of({}, json.dumps(body).encode(), Secrets()), str)
    assert isinstance(message_of({}, raw, Secrets()), str)


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (429, {"retry-after": "5"}, 5.0),
        (503, {"retry-after": "5"}, 5.0),
        (429, {"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, 90.0),
        (429, {"retry-after": "Thu, 01 Jan 1970 00:00:00 GMT"}, 0.0),
        (429, {"retry-after": "soon"}, None),
        (429, {"ratelimit": '"api";r=0;t=55'}, 55.0),
        (429, {"ratelimit": '"api"; r = 0 ; t = 55'}, 55.0),
        (429, {"ratelimit": '"api";r=3;t=55'}, None),
        (429, {"ratelimit": '"api";r=03;t=55'}, None),
        (429, {"ratelimit": '"pages";r=9;t=1, "api";r=0;t=55'}, 55.0),
        (429, {"ratelimit": '"api";t=55'}, None),
        (429, {"retry-after": "5", "ratelimit": '"api";r=0;t=55'}, 5.0),
        (503, {"ratelimit": '"api";r=0;t=55'}, None),
        (429, {"ratelimit": "nonsense"}, None),
        (429, {}, None),
    ],
)
def test_wait(status: int, headers: Dict[str, str], expected: Optional[float]) -> None:
    assert advised_wait(status, Headers(headers.items()), now=10.0) == expected


@given(st.text(alphabet='"abcrt=;, 0123456789'), st.text(max_size=40))
def test_any_header_is_borne(limit: str, after: str) -> None:
    wait = advised_wait(429, {"ratelimit": limit, "retry-after": after}, now=0.0)
    assert wait is None or wait >= 0


@pytest.mark.parametrize("status", [429, 500, 503])
def test_error_of_a_busy_hub_keeps_how_long_to_wait(status: int) -> None:
    error = refusal(question(), status, {"retry-after": "7"}, "")
    assert (error.retryable, error.retry_after) == (True, 7.0)


def test_no_wait_is_longer_than_a_day() -> None:
    assert advised_wait(503, {"retry-after": "999999999"}) == 86400
    assert advised_wait(429, {"ratelimit": '"api";r=0;t=999999999'}) == 86400
