"""Tests `info.py`."""

from __future__ import annotations

import json

import pytest

from gradio_client_lite.testing import App, Function, serve

from .conftest import Run


def test_it_describes_the_app(app: App, run: Run) -> None:
    ran = run("info", app.url)
    assert (ran.code, ran.err) == (0, "")
    assert 'predict(a, b, api_name="/add")' in ran.out
    assert 'api_name="/echo"' in ran.out


@pytest.mark.parametrize("name", ["/add", "add", "1"])
def test_it_describes_one_endpoint(app: App, run: Run, name: str) -> None:
    out = run("info", app.url, name).out
    assert 'predict(a, b, api_name="/add")' in out
    assert "/echo" not in out


def test_it_gives_the_description_as_json(app: App, run: Run) -> None:
    assert "/echo" in json.loads(run("info", app.url, "--json").out)["named_endpoints"]
    only = json.loads(run("info", app.url, "/add", "--json").out)
    assert [*only["named_endpoints"]] == ["/add"]
    assert only["unnamed_endpoints"] == {}


def test_an_endpoint_that_is_not_there_is_a_mistake_of_the_user(app: App, run: Run) -> None:
    ran = run("info", app.url, "/nowhere")
    assert ran.code == 2
    assert "/nowhere" in ran.err


def test_an_endpoint_that_is_not_described_is_told_of(run: Run) -> None:
    with serve({"/quiet": Function(str.upper, api_visibility="undocumented")}) as app:
        ran = run("info", app.url, "/quiet")
    assert ran.code == 2
    assert "has the endpoint /quiet, but does not describe it" in ran.err
