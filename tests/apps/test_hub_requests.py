"""Our requests to the Hub are those of the real libraries, or `hub_differences.py` says why not."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any, Dict, Iterator, List

import pytest
from hub.double import Hub
from hub.state import Recorded

from gradio_client_lite import hugging_face
from gradio_client_lite.errors import GradioClientError
from gradio_client_lite.hub.rest import HubApi
from gradio_client_lite.testing import App, serve

from .hub_calls import OPERATIONS, SEQUENCES, TOKEN, Operation, Sequence, shown
from .hub_library import Library


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    with serve({"/echo": lambda text: text}) as app:
        yield app


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hugging_face, "HubApi", partial(HubApi, pause=lambda seconds: None))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_request(operation: Operation, library: Library, huggingface: Hub, app: App) -> None:
    print(library.name)
    prepare(huggingface, app)
    operation.ours(huggingface)
    ours = [r for r in huggingface.requests if (r.method, r.path) == (operation.method, operation.path)]
    arguments = dict(operation.arguments)
    prepare(library.hub, app)
    for id in ("me/app","me/asleep","me/bot"):
        if id in huggingface.spaces and operation.name != "create": library.hub.space(id, hardware="t4-small", files={"README.md": b"x"})
    if arguments.get("files"): arguments["files"] = {p: c.decode() for p, c in huggingface.spaces["me/bot"].commits[-1]["files"].items()}
    answer, theirs = library.traced(operation.do, token=TOKEN, **arguments)
    print(answer)
    for r in theirs: print("T", str(shown(r))[:1000])
    for r in ours: print("O", str(shown(r))[:1000])


def prepare(hub: Hub, app: App) -> None:
    hub.spaces.clear()
    hub.space("owner/app", app=app.url)

@pytest.mark.parametrize("sequence", SEQUENCES, ids=lambda sequence: sequence.name)
def test_seq(sequence: Sequence, official: Library, huggingface: Hub, app: App) -> None:
    for hub in (huggingface, official.hub):
        prepare(hub, app)
        for id, attrs in sequence.spaces.items(): hub.space(id, **{"app": app.url, **attrs})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sequence.ours(huggingface)
    except GradioClientError as e: print(e)
    a = dict(sequence.arguments)
    if "discord" in sequence.do: a["saved"]=sequence.saved
    answer, theirs = official.traced(sequence.do, **a)
    print(str(answer)[:200])
    for r in theirs: print("T", str(shown(r))[:150]) if "yaml" not in r.path else print(r.path)
    for r in huggingface.requests: print("O", str(shown(r))[:150])
