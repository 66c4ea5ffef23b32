"""Our requests to the Hub are those of the real libraries, or `hub_differences.py` says why not."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional, Set, Tuple

import pytest
from spaces.double import Hub

from gradio_client_lite.errors import GradioClientError
from gradio_client_lite.spaces.rest import HubAccess
from gradio_client_lite.testing import App, serve

from .hub_calls import METHODS, OPERATIONS, TOKEN, Json, Method, Operation, outline, shown
from .hub_differences import HUB_DIFFERENCES, hub_difference_for
from .hub_library import Library

pytestmark = pytest.mark.filterwarnings("ignore:Secrets are only used")


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    with serve({"/echo": lambda text: text}) as app:
        yield app


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HubAccess, "pause", staticmethod(lambda seconds: None))


def prepare(hub: Hub, app: App, spaces: Dict[str, Json]) -> None:
    """The Spaces there are; new ones run at once."""
    hub.spaces.clear()
    hub.build = ("RUNNING",)
    for space_id, attributes in {"owner/app": {}, **spaces}.items():
        hub.space(space_id, **{"app": app.url, **attributes})


def expected_of(theirs: List[Json], name: str, library: Library) -> List[Json]:
    """The requests that ours must make."""
    difference = hub_difference_for(name, library.name)
    if difference is None:
        return theirs
    expected = difference.expected(theirs)
    assert expected != theirs, f"{library.name} does this too, so it is no difference: {difference.reason}"
    return expected


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_request(operation: Operation, library: Library, huggingface: Hub, app: App) -> None:
    place = (operation.method, operation.path)
    prepare(huggingface, app, {})
    operation.ours(huggingface)
    ours = [shown(request) for request in huggingface.requests if (request.method, request.path) == place]
    # What our client has made or found is there for the library too, except for what it is to make.
    names = {"me/app", "me/asleep", "me/bot"} - {operation.arguments["repo_id"] if place[1] == CREATE else ""}
    readme = {"README.md": b"---\ntitle: bot\n---\n"}
    prepare(library.hub, app, {name: {"hardware": "t4-small", "files": dict(readme)} for name in names})
    arguments: Dict[str, Any] = dict(operation.arguments)
    if "files" in arguments:
        committed = huggingface.spaces["me/bot"].commits[-1]["files"]
        arguments["files"] = {path: content.decode() for path, content in committed.items()}
    answer, requests = library.traced(operation.do, token=TOKEN, **arguments)
    assert "result" in answer, answer
    theirs = [shown(request) for request in requests if (request.method, request.path) == place]
    assert len(theirs) == 1
    assert ours[:1] == expected_of(theirs, operation.name, library)


CREATE = "/api/repos/create"


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_method(method: Method, official: Library, huggingface: Hub, app: App) -> None:
    for hub in (official.hub, huggingface):
        prepare(hub, app, method.spaces)
    answer, requests = official.traced(method.do, **method.arguments)
    theirs = [outline(shown(request)) for request in requests]
    compare_answers(method, answer, huggingface)
    ours = [outline(shown(request)) for request in huggingface.requests]
    assert ours == expected_of(theirs, method.name, official)
    if "result" in answer:
        assert tokens_at_apps(huggingface) == tokens_at_apps(official.hub) == {(None, f"Bearer {TOKEN}")}
    assert official.hub.strangers == []


def tokens_at_apps(hub: Hub) -> Set[Tuple[Optional[str], Optional[str]]]:
    """With which tokens the apps of the Spaces were asked."""
    requests = [request for space in hub.spaces.values() for request in space.requests]
    names = ("authorization", "x-hf-authorization")
    return {(request.headers.get(names[0]), request.headers.get(names[1])) for request in requests}


def compare_answers(method: Method, answer: Json, hub: Hub) -> None:
    """What comes of ours is what comes of the official client."""
    if "result" in answer:
        ours = method.ours(hub)
        theirs = (
            answer["result"] if isinstance(answer["result"], dict) else {next(iter(ours)): answer["result"]}
        )
        assert ours == {name: theirs[name] for name in ours}
    elif method.do == "Client.deploy_discord":  # with a token that is not saved
        assert "401 Client Error" in answer["message"]
        assert method.ours(hub)["url"] == "https://huggingface.co/spaces/me/app-gradio-discord-bot"
    else:
        with pytest.raises(GradioClientError) as caught:
            method.ours(hub)
        assert answer["error"] in [base.__name__ for base in type(caught.value).__mro__]
        assert str(caught.value).startswith(answer["message"].partition(".")[0])


def test_every_difference_is_about_a_call_that_is_made() -> None:
    names = {call.name for call in (*OPERATIONS, *METHODS)}
    assert {name for difference in HUB_DIFFERENCES for name in difference.calls} <= names
