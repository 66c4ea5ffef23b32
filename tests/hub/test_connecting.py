"""Client("owner/name"), and Client.duplicate, over the test Hub and a real app."""

from __future__ import annotations

import traceback
from functools import partial
from typing import Any, Callable, Dict, Iterator, List

import pytest

from gradio_client_lite import Client, hugging_face
from gradio_client_lite.errors import (
    ArgumentError,
    AuthenticationError,
    ConnectionLost,
    DeadlineExceeded,
    GradioClientError,
    HTTPStatusError,
    HubOffline,
    HubPermissionError,
    HubUnavailable,
    InvalidSpaceId,
    InvalidValue,
    SpaceDuplicationError,
    SpaceGated,
    SpaceNameTaken,
    SpaceNotFound,
    SpaceNotRunning,
    TooManyRequestsError,
    UnsupportedAppError,
)
from gradio_client_lite.hub.rest import HubApi
from gradio_client_lite.testing import App, serve

from .answers import Answer, failed, rate_limited, refused
from .double import Hub, hang, hang_up
from .state import Space

TOKEN = "hf_me"
SPACE = "owner/app"
Connect = Callable[..., Client]


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    with serve({"/shout": str.upper}) as app:
        yield app


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch, hub: Hub) -> List[float]:
    """The pauses, which take no time; and the Hub that is asked."""
    pauses: List[float] = []
    for name in (
        "HF_TOKEN",
        "HUGGING_FACE_HUB_TOKEN",
        "HF_HUB_OFFLINE",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setattr(hugging_face, "HubApi", partial(HubApi, pause=pauses.append))
    return pauses


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Make clients, which are closed after the test."""
    clients: List[Client] = []

    def make(src: str = SPACE, token: Any = TOKEN, **options: Any) -> Client:
        clients.append(Client(src, token, verbose=False, **options))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def space(hub: Hub, app: App) -> Space:
    return hub.space(SPACE, app=app.url)


# --- connecting


def test_space_is_found_by_name(hub: Hub, space: Space, connect: Connect) -> None:
    client = connect()
    assert client.predict("hello", api_name="/shout") == "HELLO"
    assert (client.space_id, client.src) == (SPACE, f"{space.host}/")
    assert (client.hf_token, client.token) == (TOKEN, TOKEN)
    assert hub.asked() == [("GET", "/api/spaces/owner/app")]
    assert hub.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert "x-hf-authorization" not in hub.requests[0].headers
    for request in space.requests:
        assert request.headers["x-hf-authorization"] == f"Bearer {TOKEN}"
        assert "authorization" not in request.headers


def test_hub_gets_nothing_that_belongs_to_the_app(hub: Hub, space: Space, connect: Connect) -> None:
    client = connect(
        headers={"x-mine": "1"},
        httpx_kwargs={"cookies": {"session": "s"}, "auth": ("user", "pw"), "headers": {"x-more": "1"}},
    )
    assert client.predict("hello", api_name="/shout") == "HELLO"
    (asked,) = hub.requests
    assert set(asked.headers) == {"host", "user-agent", "authorization", "accept-encoding"}
    assert asked.headers["user-agent"] == client.headers["user-agent"]
    assert {"x-mine", "x-more", "cookie", "authorization"} <= set(space.requests[-1].headers)


def test_private_space(hub: Hub, space: Space, connect: Connect) -> None:
    space.private = True
    space.id = "me/app"
    hub.spaces = {"me/app": space}
    assert connect("me/app").predict("hello", api_name="/shout") == "HELLO"
    with pytest.raises(SpaceNotFound, match="provide an hf_token"):
        connect("me/app", False)


def test_login_on_a_private_space(hub: Hub, connect: Connect) -> None:
    with serve({"/shout": str.upper}, auth=("user", "pw")) as app:
        space = hub.space("me/app", app=app.url, private=True)
        client = connect("me/app", auth=("user", "pw"))
        assert client.predict("hello", api_name="/shout") == "HELLO"
        with pytest.raises(AuthenticationError, match="Invalid credentials"):
            connect("me/app", auth=("user", "wrong"))
        login = space.requests[0]
    assert (login.method, login.path) == ("POST", "/login")
    assert login.headers["x-hf-authorization"] == f"Bearer {TOKEN}"


def test_renamed_space_is_found_under_its_old_name(hub: Hub, space: Space, connect: Connect) -> None:
    hub.rename(SPACE, "owner/new")
    assert connect().predict("hello", api_name="/shout") == "HELLO"


def test_building_space_is_waited_for(
    space: Space, connect: Connect, waits: List[float], capsys: pytest.CaptureFixture[str]
) -> None:
    space.go("BUILDING", "APP_STARTING", "RUNNING")
    seen: List[Any] = []
    client = connect(on_status=seen.append)
    assert client.predict("hello", api_name="/shout") == "HELLO"
    assert [(status.space_id, status.stage) for status in seen] == [
        (SPACE, "BUILDING"),
        (SPACE, "APP_STARTING"),
    ]
    assert waits[:2] == [1.0, 1.5]
    assert capsys.readouterr().out == ""


def test_what_is_waited_for_is_said_when_verbose(space: Space, capsys: pytest.CaptureFixture[str]) -> None:
    space.go("BUILDING", "RUNNING")
    Client(SPACE, TOKEN).close()
    assert capsys.readouterr().out.splitlines() == [
        "Space is still building. Please wait...",
        f"Loaded as API: {space.host}/",
    ]


def test_sleeping_space_is_woken_by_a_visit(hub: Hub, space: Space, connect: Connect) -> None:
    space.go("SLEEPING")
    assert connect(token=False).predict("hello", api_name="/shout") == "HELLO"
    assert ("POST", "/api/spaces/owner/app/restart") not in hub.asked()
    assert space.requests[0].path == "/"


def test_own_sleeping_space_that_sleeps_on_is_restarted(hub: Hub, space: Space, connect: Connect) -> None:
    mine = hub.space("me/app", app=space.app, stages=["SLEEPING"])
    mine.host = space.host  # so that a visit wakes the other one
    assert connect("me/app").predict("hello", api_name="/shout") == "HELLO"
    assert hub.asked().count(("POST", "/api/spaces/me/app/restart")) == 1


def test_space_that_stops_after_it_was_looked_at_is_looked_at_again(
    hub: Hub, space: Space, connect: Connect, waits: List[float]
) -> None:
    hub.next("GET", "/api/spaces/owner/app", Answer(200, space.view()))
    space.go("SLEEPING")
    assert connect().predict("hello", api_name="/shout") == "HELLO"
    assert waits


def test_space_that_breaks_after_it_was_looked_at_is_explained(
    hub: Hub, space: Space, connect: Connect
) -> None:
    hub.next("GET", "/api/spaces/owner/app", Answer(200, space.view()))
    space.error = "no such module"
    space.go("RUNTIME_ERROR")
    with pytest.raises(SpaceNotRunning, match="no such module"):
        connect()


def test_space_that_runs_but_is_no_app(hub: Hub, connect: Connect) -> None:
    hub.space(SPACE)
    with pytest.raises(UnsupportedAppError, match="503"):
        connect()


def test_new_space_that_has_no_address_yet(hub: Hub, space: Space, connect: Connect) -> None:
    hub.next("GET", "/api/spaces/owner/app", Answer(200, {**space.view(), "host": None, "runtime": None}))
    assert connect().predict("hello", api_name="/shout") == "HELLO"


@pytest.mark.parametrize("host", [None, "ftp://host"])
def test_space_without_an_address(hub: Hub, space: Space, connect: Connect, host: Any) -> None:
    space.host = host
    with pytest.raises(UnsupportedAppError, match="names no address"):
        connect()


def test_restart_is_tried_once(hub: Hub, connect: Connect) -> None:
    stages = ["SLEEPING"] * 5 + ["RUNNING"]
    hub.space(SPACE, host="http://127.0.0.1:9", stages=stages)
    with pytest.raises(GradioClientError):
        connect()
    assert hub.asked().count(("POST", "/api/spaces/owner/app/restart")) == 1


def test_static_space(hub: Hub, connect: Connect) -> None:
    hub.space(SPACE, sdk="static")
    with pytest.raises(UnsupportedAppError, match="static page"):
        connect()


@pytest.mark.parametrize("stage", ["PAUSED", "STOPPED", "BUILD_ERROR"])
def test_space_that_will_not_run(hub: Hub, space: Space, connect: Connect, stage: str) -> None:
    space.go(stage)
    space.error = "why"
    with pytest.raises(SpaceNotRunning) as caught:
        connect()
    assert caught.value.stage == stage
    assert f"{hub.url}/spaces/owner/app" in str(caught.value)
    assert space.requests == []


@pytest.mark.parametrize("options", [{"space_timeout": 0}, {"space_timeout": "5"}, {"token": 3}])
def test_wrong_options_are_refused_before_anything_is_sent(
    hub: Hub, connect: Connect, options: Dict[str, Any]
) -> None:
    with pytest.raises(ArgumentError):
        connect(**options)
    assert hub.requests == []


def test_wait_has_a_deadline(space: Space, connect: Connect) -> None:
    space.go("BUILDING")
    with pytest.raises(DeadlineExceeded, match=r"still BUILDING.*space_timeout|deadline"):
        connect(space_timeout=0.3)


def test_app_given_by_url_asks_no_hub(hub: Hub, app: App, connect: Connect) -> None:
    client = connect(app.url)
    assert client.predict("hello", api_name="/shout") == "HELLO"
    assert (hub.requests, client.space_id) == ([], None)


def test_saved_token_does_not_go_to_a_hub_that_is_not_hugging_faces(
    hub: Hub, space: Space, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    connect(token=None).predict("hello", api_name="/shout")
    for request in [*hub.requests, *space.requests]:
        assert TOKEN not in str(request.headers)


# --- faults


FAULTS: Dict[str, Any] = {
    "bad token": (lambda hub: hub.users.clear(), AuthenticationError),
    "missing": (lambda hub: hub.spaces.clear(), SpaceNotFound),
    "gated": (lambda hub: setattr(hub.spaces[SPACE], "gated", True), SpaceGated),
    "disabled": (lambda hub: setattr(hub.spaces[SPACE], "disabled", True), HubPermissionError),
    "503 for ever": (lambda hub: hub.next("GET", ".*", *[failed()] * 9), HubUnavailable),
    "hangs up": (lambda hub: hub.next("GET", ".*", *[hang_up] * 3), ConnectionLost),
    "hangs": (lambda hub: hub.next("GET", ".*", hang), DeadlineExceeded),
    "builds and breaks": (lambda hub: hub.spaces[SPACE].go("BUILDING", "BUILD_ERROR"), SpaceNotRunning),
    "leads elsewhere": (
        lambda hub: hub.next("GET", ".*", Answer(307, b"", {"location": "https://example.com/"})),
        GradioClientError,
    ),
    "answers nonsense": (lambda hub: hub.next("GET", ".*", Answer(200, b"<html>")), GradioClientError),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_typed_and_shows_no_token(
    name: str, hub: Hub, space: Space, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    go_wrong, kind = FAULTS[name]
    secret = "".join(("hf_", "s3cr3t"))
    hub.user("other", token=secret)
    space.error = f"cannot log in with {secret}"
    go_wrong(hub)
    with caplog.at_level("DEBUG"), pytest.raises(kind) as caught:
        connect(token=secret, space_timeout=1.0 if name == "hangs" else 600.0)
    error = caught.value
    shown = [str(error), repr(error), repr(vars(error)), caplog.text]
    shown += traceback.format_exception(type(error), error, error.__traceback__)
    assert not any(secret in text for text in shown)


@pytest.mark.parametrize(
    "answers", [[failed()] * 4, [rate_limited(3)], [rate_limited(2, "retry-after"), failed(502)]]
)
def test_busy_hub_is_asked_again(
    answers: List[Answer], hub: Hub, space: Space, connect: Connect, waits: List[float]
) -> None:
    hub.next("GET", "/api/spaces/owner/app", *answers)
    assert connect().predict("hello", api_name="/shout") == "HELLO"
    assert len(waits) == len(answers)


def test_offline(hub: Hub, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(HubOffline):
        connect()
    with pytest.raises(HubOffline):
        Client.duplicate(SPACE, hf_token=TOKEN)
    assert hub.requests == []


# --- duplicating


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


def test_copy_whose_answer_is_lost_is_found_again(hub: Hub, space: Space) -> None:
    def lose(hub: Hub) -> None:
        hub.space("me/app", app=space.app)
        hang_up(hub)

    hub.next("POST", ".*/duplicate", lose)
    with pytest.raises(ConnectionLost):
        Client.duplicate(SPACE, hf_token=TOKEN, verbose=False)
    with Client.duplicate(SPACE, hf_token=TOKEN, verbose=False) as client:
        assert client.space_id == "me/app"


def test_token_that_may_only_read(hub: Hub, space: Space) -> None:
    hub.user("reader", token="hf_reader", role="read")
    with pytest.raises(PermissionError, match="don't have the rights"):
        Client.duplicate(SPACE, hf_token="hf_reader", verbose=False)


QUOTED = "".join(("hf_", "s3cr3t")), "".join(("my-", "s3cr3t"))
DUPLICATION_FAULTS: Dict[str, Any] = {
    "bad token": (lambda hub: hub.users.clear(), AuthenticationError),
    "no right": (lambda hub: hub.next("POST", ".*", refused(403, f"{QUOTED} may not")), HubPermissionError),
    "taken": (lambda hub: hub.next("POST", ".*", refused(409, f"{QUOTED} exists")), SpaceNameTaken),
    "busy": (lambda hub: hub.next("POST", ".*", rate_limited(5)), TooManyRequestsError),
    "broken": (lambda hub: hub.next("POST", ".*", failed(500)), HubUnavailable),
    "wrong": (lambda hub: hub.next("POST", ".*", refused(400, f"{QUOTED}")), HTTPStatusError),
    "hangs up": (lambda hub: hub.next("POST", ".*", hang_up), ConnectionLost),
    "breaks": (
        lambda hub: hub.next(
            "GET",
            "/api/spaces/other/app",
            lambda hub: hub.spaces["other/app"].go("BUILDING", "RUNTIME_ERROR"),
        ),
        SpaceDuplicationError,
    ),
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
        {"no_such_option": 1},
        {"auth": 3},
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
