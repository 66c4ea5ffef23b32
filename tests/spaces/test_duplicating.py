"""Client.duplicate over the test Hub and a real app."""

from __future__ import annotations

import traceback
from typing import Any, Dict

import pytest

from gradio_client_lite import Client
from gradio_client_lite.errors import (
    ArgumentError,
    AuthenticationError,
    ConnectionLost,
    DeadlineExceeded,
    HTTPStatusError,
    HubPermissionError,
    HubUnavailable,
    InvalidSpaceId,
    InvalidValue,
    SpaceDuplicationError,
    SpaceNameTaken,
    SpaceNotRunning,
    TooManyRequestsError,
)

from .answers import failed, rate_limited, refused
from .double import Hub, hang, hang_up
from .state import Space

pytestmark = pytest.mark.usefixtures("waits")

TOKEN = "hf_me"
SPACE = "owner/app"


def test_duplicate_returns_a_client_of_the_copy(
    hub: Hub, space: Space, capsys: pytest.CaptureFixture[str]
) -> None:
    client = Client.duplicate(SPACE, hf_token=TOKEN, secrets={"KEY": "s3cr3t"}, variables={"MODE": "fast"})
    with client:
        assert client.predict("hello", api_name="/shout") == "HELLO"
        assert client.space_id == "me/app"
        assert client.src == f"{hub.spaces['me/app'].host}/"
    copy = hub.spaces["me/app"]
    assert copy.private
    assert copy.secrets["KEY"]["value"] == "s3cr3t"
    assert copy.variables["MODE"]["value"] == "fast"
    said = capsys.readouterr().out
    assert f"Created new Space: {hub.url}/spaces/me/app" in said
    assert "s3cr3t" not in said


def test_duplicate_again_uses_the_copy(hub: Hub, space: Space) -> None:
    for _ in range(2):
        Client.duplicate(SPACE, hf_token=TOKEN, verbose=False).close()
    assert [path for _, path in hub.asked()].count("/api/spaces/owner/app/duplicate") == 1


def test_newer_name_of_the_token_and_other_options(hub: Hub, space: Space) -> None:
    with Client.duplicate(
        SPACE, "copy", token=TOKEN, verbose=False, download_files=False, timeout=5
    ) as client:
        assert client.download_files is False
        assert client.space_id == "me/copy"
        assert client.predict("hello", api_name="/shout") == "HELLO"


def test_price_is_said_without_verbose(hub: Hub, space: Space, capsys: pytest.CaptureFixture[str]) -> None:
    Client.duplicate(SPACE, hf_token=TOKEN, hardware="t4-small", verbose=False, sleep_timeout=10).close()
    assert "t4-small, which costs money" in capsys.readouterr().out
    assert hub.spaces["me/app"].sleep_time == 600


def test_copy_that_does_not_build_says_what_exists_and_calling_again_goes_on(hub: Hub, space: Space) -> None:
    hub.next("GET", "/api/spaces/me/app", lambda hub: hub.spaces["me/app"].go("BUILDING", "BUILD_ERROR"))
    with pytest.raises(SpaceDuplicationError) as caught:
        Client.duplicate(SPACE, hf_token=TOKEN, verbose=False)
    error = caught.value
    assert isinstance(error.__cause__, SpaceNotRunning)
    assert (error.space_id, error.url) == ("me/app", f"{hub.url}/spaces/me/app")
    assert f"The copy me/app was made ({hub.url}/spaces/me/app)" in str(error)
    assert "Call duplicate again to go on with it" in str(error)
    with pytest.raises(SpaceNotRunning):
        Client.duplicate(SPACE, hf_token=TOKEN, verbose=False)
    hub.spaces["me/app"].go("RUNNING")
    with Client.duplicate(SPACE, hf_token=TOKEN, verbose=False) as client:
        assert client.predict("hello", api_name="/shout") == "HELLO"


def test_password_of_the_endpoint_is_not_shown(
    hub: Hub, space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", hub.url.replace("//", "//user:s3cr3t@"))
    hub.next("GET", "/api/spaces/me/app", refused(400, "no"))
    with pytest.raises(SpaceDuplicationError) as caught:
        Client.duplicate(SPACE, hf_token=TOKEN, verbose=False)
    assert caught.value.url == f"{hub.url}/spaces/me/app"
    assert "s3cr3t" not in "".join(traceback.format_exception(None, caught.value, None))


def test_copy_whose_answer_is_lost_is_found_again(hub: Hub, space: Space) -> None:
    def lose(hub: Hub) -> None:
        hub.space("me/app", app=space.app)
        hang_up(hub)

    hub.next("POST", ".*/duplicate", lose)
    with pytest.raises(ConnectionLost):
        Client.duplicate(SPACE, hf_token=TOKEN, verbose=False)
    with Client.duplicate(SPACE, hf_token=TOKEN, verbose=False) as client:
        assert client.space_id == "me/app"


def test_deadline_is_the_callers(hub: Hub, space: Space) -> None:
    hub.next("POST", ".*/duplicate", hang)
    with pytest.raises(DeadlineExceeded):
        Client.duplicate(SPACE, hf_token=TOKEN, verbose=False, space_timeout=0.5)


def test_token_that_may_only_read(hub: Hub, space: Space) -> None:
    hub.user("reader", token="hf_reader", role="read")
    with pytest.raises(PermissionError, match="don't have the rights"):
        Client.duplicate(SPACE, hf_token="hf_reader", verbose=False)


def break_copy(hub: Hub) -> None:
    copy = hub.spaces["other/app"]
    copy.error = f"cannot log in with {QUOTED}"
    copy.go("BUILDING", "RUNTIME_ERROR")


QUOTED = "".join(("hf_", "s3cr3t")), "".join(("my-", "s3cr3t"))
DUPLICATION_FAULTS: Dict[str, Any] = {
    "bad token": (lambda hub: hub.users.clear(), AuthenticationError),
    "no right": (lambda hub: hub.next("POST", ".*", refused(403, f"{QUOTED} may not")), HubPermissionError),
    "taken": (lambda hub: hub.next("POST", ".*", refused(409, f"{QUOTED} exists")), SpaceNameTaken),
    "busy": (lambda hub: hub.next("POST", ".*", rate_limited(5)), TooManyRequestsError),
    "broken": (lambda hub: hub.next("POST", ".*", failed(500)), HubUnavailable),
    "wrong": (lambda hub: hub.next("POST", ".*", refused(400, f"{QUOTED}")), HTTPStatusError),
    "hangs up": (lambda hub: hub.next("POST", ".*", hang_up), ConnectionLost),
    "breaks": (lambda hub: hub.next("GET", "/api/spaces/other/app", break_copy), SpaceDuplicationError),
}


@pytest.mark.parametrize("name", DUPLICATION_FAULTS)
def test_failed_duplication_is_typed_and_shows_no_secret(
    name: str, hub: Hub, space: Space, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    go_wrong, kind = DUPLICATION_FAULTS[name]
    token, secret = QUOTED
    hub.user("other", token=token)
    go_wrong(hub)
    with caplog.at_level("DEBUG"), pytest.raises(kind) as caught:
        Client.duplicate(SPACE, hf_token=token, secrets={"KEY": secret})
    error = caught.value
    shown = [str(error), repr(error), repr(vars(error)), caplog.text, capsys.readouterr().out]
    shown += traceback.format_exception(type(error), error, error.__traceback__)
    assert not any(hidden in text for text in shown for hidden in QUOTED)


@pytest.mark.parametrize("duplicate_from", ["models", True, None])
def test_duplicate_from_anything_but_spaces(hub: Hub, duplicate_from: Any) -> None:
    with pytest.raises(ValueError, match="must be 'spaces'") as caught:
        Client.duplicate(SPACE, None, TOKEN, duplicate_from)
    assert isinstance(caught.value, InvalidValue)
    assert hub.requests == []


def test_wrong_options_are_refused_before_a_copy_is_made(hub: Hub, space: Space) -> None:
    for wrong in (
        {"max_workers": 0},
        {"httpx_kwargs": {"x": 1}},
        {"secrets": 3},
        {"secrets": {"A": "\ud83d"}},
        {"variables": {"\ud83d": "a"}},
        {"hardware": "\ud83d"},
        {"oauth_token": "\ud83d"},
        {"headers": {"x-a": "\ud83d"}},
        {"httpx_kwargs": {"headers": {"x-a": "\ud83d"}}},
        {"no_such_option": 1},
        {"auth": 3},
        {"stream_grace": 0},
        {"stream_idle_timeout": "5"},
        {"space_timeout": 0},
    ):
        with pytest.raises(ArgumentError):
            Client.duplicate(SPACE, hf_token=TOKEN, **wrong)
    with pytest.raises(InvalidSpaceId):
        Client.duplicate("app", hf_token=TOKEN)
    assert hub.requests == []


def test_subclass_gets_the_options_that_its_own_constructor_takes(hub: Hub, space: Space) -> None:
    class Stubborn(Client):
        def __init__(self, *args: Any, stubborn: bool = False) -> None:
            super().__init__(*args)
            self.stubborn = stubborn

    with pytest.raises(ArgumentError, match=r"Stubborn: .*'download_files'"):
        Stubborn.duplicate(SPACE, hf_token=TOKEN, download_files=False)
    assert hub.requests == []
    with Stubborn.duplicate(SPACE, hf_token=TOKEN, verbose=False, stubborn=True) as client:
        assert client.stubborn
