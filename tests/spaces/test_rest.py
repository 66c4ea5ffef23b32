"""One call of the Hub: its headers, deadline, redirects, retries and errors."""

from __future__ import annotations

import logging
import traceback
from typing import Any, List

import pytest

from gradio_client_lite.errors import (
    AuthenticationError,
    ConnectFailed,
    DeadlineExceeded,
    GradioClientError,
    HTTPStatusError,
    HubOffline,
    HubUnavailable,
    ProtocolError,
    ReadTimeout,
    SpaceNotFound,
    TooManyRedirects,
    TooManyRequestsError,
)
from gradio_client_lite.spaces.rest import HubApi
from gradio_client_lite.transport.http import Timeout

from .scripted import HUB, TOKEN, Asked, Reply, Script, refuse

OK = Reply({"ok": True})


def moved(location: str, status: int = 307) -> Reply:
    return Reply(None, status, {"location": location})


def ask(api: HubApi, method: str, script: Script) -> None:
    if method == "get":
        api.get("/api/old", script.deadline(), "asking")
    else:
        api.post("/api/old", {"key": "value"}, script.deadline(), "asking")


def test_get_sends_the_token_and_who_asks() -> None:
    script = Script(OK)
    assert script.api().get("/api/x", script.deadline(), "asking") == {"ok": True}
    (asked,) = script.asked
    assert (asked.method, asked.url, asked.body) == ("GET", f"{HUB}/api/x", None)
    assert asked.headers == {"user-agent": "test/1", "authorization": f"Bearer {TOKEN}"}


def test_no_token_no_header() -> None:
    script = Script(OK)
    script.api(None).get("/api/x", script.deadline(), "asking")
    assert script.asked[0].headers == {"user-agent": "test/1"}


def test_post_sends_json_and_ignores_the_answer() -> None:
    script = Script(Reply(b"OK"))
    script.api().post("/api/x", {"a": "ü"}, script.deadline(), "asking")
    (asked,) = script.asked
    assert (asked.method, asked.json) == ("POST", {"a": "ü"})
    assert asked.headers["content-type"] == "application/json"


def test_password_of_the_endpoint_is_not_shown() -> None:
    script = Script(OK)
    api = script.api(endpoint="https://user:pw@hub.example/base/")
    api.get("/api/x", script.deadline(), "asking")
    assert script.asked[0].url == "https://user:pw@hub.example/base/api/x"
    assert api.space_page("a/b") == "https://hub.example/base/spaces/a/b"


# --- deadlines


def test_a_request_takes_no_longer_than_its_limit_and_the_deadline() -> None:
    script = Script(OK)
    api = script.api(timeout=Timeout(connect=3.0, read=4.0))
    api.get("/", script.deadline(600.0), "asking")
    api.get("/", script.deadline(2.0), "asking")
    api.get("/", script.deadline(None), "asking")
    limits = [asked.timeout for asked in script.asked]
    assert limits == [Timeout(3.0, 4.0, 30.0), Timeout(3.0, 4.0, 2.0), Timeout(3.0, 4.0, 30.0)]


def test_nothing_is_sent_after_the_deadline() -> None:
    script = Script(OK)
    deadline = script.deadline(1.0)
    script.now = 1.0
    with pytest.raises(DeadlineExceeded, match=r"passed while asking at https://huggingface\.co"):
        script.api().get("/", deadline, "asking")
    assert script.asked == []


def test_a_hub_that_hangs_is_a_timeout_and_not_asked_again() -> None:
    script = Script(ReadTimeout("silent"))
    with pytest.raises(ReadTimeout):
        script.api().get("/", script.deadline(), "asking")
    assert len(script.asked) == 1


# --- redirects


@pytest.mark.parametrize("location", ["/api/new?x=1", "new?x=1", f"{HUB}/api/new?x=1", " /api/new?x=1 "])
def test_redirect_on_the_hub_is_followed_with_the_token(location: str) -> None:
    script = Script(moved(location), OK)
    assert script.api().get("/api/old", script.deadline(), "asking") == {"ok": True}
    assert script.paths() == ["GET /api/old", "GET /api/new?x=1"]
    assert script.asked[1].headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("status", [307, 308])
def test_post_is_repeated_where_it_is_redirected_to(status: int) -> None:
    script = Script(moved("/api/new", status), OK)
    script.api().post("/api/old", {"a": 1}, script.deadline(), "asking")
    assert [asked.json for asked in script.asked] == [{"a": 1}, {"a": 1}]
    assert script.asked[1].headers == script.asked[0].headers


@pytest.mark.parametrize("status", [301, 302, 303])
def test_post_never_becomes_a_get(status: int) -> None:
    script = Script(moved("/api/new", status))
    with pytest.raises(HTTPStatusError):
        script.api().post("/api/old", {}, script.deadline(), "asking")
    assert len(script.asked) == 1


@pytest.mark.parametrize(
    "location",
    [
        "https://example.com/",
        "//example.com/api",
        "http://huggingface.co/api/new",
        "https://huggingface.co:444/api",
        "https://huggingface.co.example.com/",
        "ftp://huggingface.co/",
        "https://[",
        "https://huggingface.co@example.com/",
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_redirect_to_another_origin_is_not_followed(location: str, method: str) -> None:
    script = Script(moved(location))
    api = script.api()
    with pytest.raises(ProtocolError, match="redirects to another host"):
        ask(api, method, script)
    assert len(script.asked) == 1


def test_redirects_without_end() -> None:
    script = Script(moved("/again"))
    with pytest.raises(TooManyRedirects):
        script.api().get("/", script.deadline(), "asking")
    assert len(script.asked) == 6


# --- retries


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
def test_get_is_repeated_with_growing_pauses(status: int) -> None:
    script = Script(*[refuse(status)] * 4, OK)
    assert script.api().get("/", script.deadline(), "asking") == {"ok": True}
    assert script.pauses == [0.5, 1.0, 2.0, 4.0]


def test_get_that_fails_for_ever_ends_well_before_a_long_deadline() -> None:
    script = Script(Reply(b"<html>", 503))
    with pytest.raises(HubUnavailable):
        script.api().get("/", script.deadline(600.0), "asking")
    assert script.pauses == [0.5, 1.0, 2.0, 4.0, 8.0]


@pytest.mark.parametrize("header", [{"retry_after": "42"}, {"ratelimit": '"api";r=0;t=42'}])
def test_wait_is_as_long_as_the_hub_says(header: Any) -> None:
    script = Script(refuse(429, **header), refuse(429, **header), OK)
    script.api().get("/", script.deadline(600.0), "asking")
    assert script.pauses == [42.0, 42.0]


def test_wait_beyond_the_deadline_is_not_begun() -> None:
    script = Script(refuse(429, retry_after="60"))
    with pytest.raises(TooManyRequestsError, match="wait for 60 seconds"):
        script.api().get("/", script.deadline(60.0), "asking")
    assert (script.pauses, len(script.asked)) == ([], 1)


def test_hub_that_is_busy_until_the_deadline_is_not_asked_again() -> None:
    def late(_asked: Asked) -> Reply:
        script.now = 99.0
        return refuse(503)

    script = Script(late)
    with pytest.raises(HubUnavailable):
        script.api().get("/", script.deadline(60.0), "asking")
    assert (script.pauses, len(script.asked)) == ([], 1)


def test_advice_to_come_back_at_once_is_not_followed_without_end() -> None:
    script = Script(refuse(429, retry_after="0"))
    with pytest.raises(TooManyRequestsError):
        script.api().get("/", script.deadline(60.0), "asking")
    assert len(script.asked) < 30


@pytest.mark.parametrize("status", [429, 500, 503])
def test_post_is_sent_once(status: int) -> None:
    script = Script(refuse(status, retry_after="1"), OK)
    with pytest.raises((HubUnavailable, TooManyRequestsError)):
        script.api().post("/", {}, script.deadline(), "asking")
    assert len(script.asked) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
def test_refusal_is_final(status: int) -> None:
    script = Script(refuse(status, retry_after="1"))
    with pytest.raises(GradioClientError):
        script.api().get("/", script.deadline(), "asking")
    assert len(script.asked) == 1


def test_lost_connection_is_reported_as_it_is() -> None:
    script = Script(ConnectFailed("refused"))
    with pytest.raises(ConnectFailed):
        script.api().get("/", script.deadline(), "asking")


# --- offline


@pytest.mark.parametrize("method", ["get", "post"])
def test_offline_asks_nothing(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    script = Script(OK)
    api = script.api()
    with pytest.raises(ConnectionError, match="HF_HUB_OFFLINE is set") as caught:
        ask(api, method, script)
    assert isinstance(caught.value, HubOffline)
    assert script.asked == []


# --- secrets

TALKATIVE = [
    refuse(401, f"The token {TOKEN} is bad"),
    refuse(403, f"{TOKEN} may not", request_id=TOKEN, x_request_id=TOKEN),
    refuse(404, f"no {TOKEN}", "RepoNotFound"),
    refuse(503, f"{TOKEN} s3cr3t-value"),
    refuse(429, TOKEN, retry_after="9999"),
    Reply({"errors": [{"message": f"s3cr3t-value {TOKEN}"}]}, 400),
    Reply(TOKEN.encode()),
    moved(f"https://example.com/{TOKEN}?t={TOKEN}"),
    lambda asked: moved(f"/{TOKEN}") if "hf_" not in asked.url else refuse(400, "no"),
]


@pytest.mark.parametrize("reply", TALKATIVE, ids=range(len(TALKATIVE)))
def test_no_text_shows_what_the_hub_quotes_of_secrets(reply: Any, caplog: pytest.LogCaptureFixture) -> None:
    script = Script(reply)
    api = script.api()
    api.secrets.add("s3cr3t-value")
    with caplog.at_level(logging.DEBUG), pytest.raises(GradioClientError) as caught:
        api.get("/", script.deadline(), "asking", "owner/name")
    error = caught.value
    shown: List[str] = [str(error), repr(error), repr(vars(error)), repr(api), caplog.text]
    shown += traceback.format_exception(type(error), error, error.__traceback__)
    for text in shown:
        assert TOKEN not in text
        assert "s3cr3t-value" not in text


def test_bad_token_and_missing_space_are_told_apart() -> None:
    bad = Script(refuse(401, "Invalid credentials in Authorization header"))
    with pytest.raises(AuthenticationError):
        bad.api().get("/", bad.deadline(), "asking", "owner/name")
    missing = Script(refuse(401, "Invalid username or password."))
    with pytest.raises(SpaceNotFound):
        missing.api(None).get("/", missing.deadline(), "asking", "owner/name")
