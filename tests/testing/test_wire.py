"""Tests `handlers.py`, `execution.py` and `description.py`: their wire is that of a real server."""

from __future__ import annotations

import json
from typing import Any, Dict, Iterator

import pytest

from gradio_client_lite import testing as served
from gradio_client_lite.testing import AppError, Function, serve

from . import wire_functions
from .wire_recording import SAMPLE, record


@pytest.fixture(scope="module")
def real() -> Dict[str, Any]:
    return json.loads(SAMPLE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def ours() -> Iterator[Dict[str, Any]]:
    tools = wire_functions.tools
    tools.info, tools.warning, tools.error = served.info, served.warning, AppError
    functions = {f"/{name}": Function(getattr(wire_functions, name)) for name in wire_functions.QUEUED}
    for name in wire_functions.DIRECT:
        functions[f"/{name}"] = Function(getattr(wire_functions, name), queue=False)
    with serve(functions) as app:
        yield record(app.url)


def test_messages_of_queued_calls_are_those_of_a_real_server(
    real: Dict[str, Any], ours: Dict[str, Any]
) -> None:
    for recorded, got in zip(real["calls"], ours["calls"]):
        assert got["messages"] == recorded["messages"], recorded["call"]
        assert list(got["call"]) == recorded["call"]
    assert len(ours["calls"]) == len(real["calls"])


def test_answers_to_plain_requests_are_those_of_a_real_server(
    real: Dict[str, Any], ours: Dict[str, Any]
) -> None:
    for recorded, got in zip(real["requests"], ours["requests"]):
        assert got["answer"] == recorded["answer"], recorded["request"]
    assert len(ours["requests"]) == len(real["requests"])


def test_description_is_that_of_a_real_server(real: Dict[str, Any], ours: Dict[str, Any]) -> None:
    assert ours["info"] == real["info"]
