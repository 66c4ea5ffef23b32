"""Tests `source.py`: Client("owner/name") over the test Hub and a real app."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import traceback
from typing import Any, Callable, Dict, Iterator, List

import pytest
from transport.peers import PATIENCE

from gradio_client_lite import Client
from gradio_client_lite.app.options import http_options
from gradio_client_lite.errors import (
    ArgumentError,
    AuthenticationError,
    ConnectionLost,
    DeadlineExceeded,
    GradioClientError,
    HubOffline,
    HubPermissionError,
    HubUnavailable,
    ServerUnavailable,
    SpaceGated,
    SpaceNotFound,
    SpaceNotRunning,
    UnsupportedAppError,
)
from gradio_client_lite.spaces import rest
from gradio_client_lite.testing import App, serve

from .answers import Answer, failed, rate_limited
from .double import Hub, hang, hang_up
from .state import Space

pytestmark = pytest.mark.usefixtures("waits")

TOKEN = "hf_me"
SPACE = "owner/app"
Connect = Callable[..., Client]


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
    with pytest.raises(ServerUnavailable, match="503"):
        connect()


def test_new_space_that_has_no_address_yet(hub: Hub, space: Space, connect: Connect) -> None:
    hub.next("GET", "/api/spaces/owner/app", Answer(200, {**space.view(), "host": None, "runtime": None}))
    assert connect().predict("hello", api_name="/shout") == "HELLO"


def test_sleeping_space_that_has_no_address_is_not_visited(hub: Hub, space: Space, connect: Connect) -> None:
    asleep = {**space.view(), "host": None, "runtime": {"stage": "SLEEPING"}}
    hub.next("GET", "/api/spaces/owner/app", Answer(200, asleep))
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


def test_app_given_by_url_needs_nothing_of_this_room() -> None:
    code = """
import sys
from gradio_client_lite import Client
from gradio_client_lite.testing import serve
with serve({"/shout": str.upper}) as app, Client(app.url, verbose=False) as client:
    client.predict("hello", api_name="/shout")
print([name for name in sys.modules if ".spaces." in name and not name.endswith(".client")])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", timeout=60, check=True
    )
    assert done.stdout == "[]\n"


def test_saved_token_does_not_go_to_a_hub_that_is_not_hugging_faces(
    hub: Hub, space: Space, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    connect(token=None).predict("hello", api_name="/shout")
    for request in [*hub.requests, *space.requests]:
        assert TOKEN not in str(request.headers)


def test_token_goes_to_the_hub_it_was_chosen_for(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    def choose(url: str, given: Any, **options: Any) -> str:
        monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # as another thread may
        return TOKEN

    monkeypatch.setattr(rest, "token_for", choose)
    access = rest.HubAccess(http_options(None), True, None)
    with access.open() as api:
        assert api.endpoint == hub.url


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


# --- in the background


def test_cancelling_ends_the_waiting_for_a_space(hub: Hub, space: Space) -> None:
    space.go("BUILDING")
    waiting = threading.Event()
    connecting = Client.connect(SPACE, token=TOKEN, verbose=False, on_status=lambda _: waiting.set())
    assert waiting.wait(PATIENCE)
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "gradio-connect"]
    began = time.monotonic()
    assert connecting.cancel()
    thread.join(PATIENCE)
    # Sooner than the pause between two looks, and without another one.
    assert time.monotonic() - began < 0.9
    assert len(hub.requests) == 1


def test_a_space_that_is_waited_for_becomes_the_client(space: Space) -> None:
    space.go("BUILDING", "RUNNING")
    stages: List[str] = []
    connecting = Client.connect(
        SPACE, token=TOKEN, verbose=False, on_status=lambda status: stages.append(status.stage)
    )
    with connecting.result(PATIENCE) as client:
        assert client.predict("hello", api_name="/shout") == "HELLO"
    assert stages == ["BUILDING"]
