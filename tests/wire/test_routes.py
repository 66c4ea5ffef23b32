"""Tests the URLs of an app in `urls.py`."""

from __future__ import annotations

from typing import Any

import pytest

from gradio_client_lite.errors import ArgumentError
from gradio_client_lite.wire.urls import Routes, normalise_src, page_of


@pytest.mark.parametrize(
    ("src", "expected"),
    [
        ("http://host", "http://host/"),
        ("http://host/", "http://host/"),
        ("http://host:7860//", "http://host:7860/"),
        ("https://host/app", "https://host/app/"),
        ("https://host/app/?__theme=dark#top", "https://host/app/"),
        ("  HTTP://host/App \n", "http://host/App/"),
        ("http://user:pw@host/a", "http://user:pw@host/a/"),
        ("http://[::1]:7860", "http://[::1]:7860/"),
    ],
)
def test_src_gets_one_trailing_slash(src: str, expected: str) -> None:
    assert normalise_src(src) == expected


@pytest.mark.parametrize("src", ["http://user:secret@[::1", "http://user:secret@ho\u2100st/"])
def test_malformed_src_is_refused_without_quoting_it(src: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        normalise_src(src)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("name", "before_5", "since_5"),
    [
        ("config", "config", "config"),
        ("login", "login", "login"),
        ("info", "info?serialize=False", "gradio_api/info?serialize=False"),
        ("join", "queue/join", "gradio_api/queue/join"),
        ("cancel", "cancel", "gradio_api/cancel"),
        ("reset", "reset", "gradio_api/reset"),
        ("run", "run/predict", "gradio_api/run/predict"),
        ("app_id", "app_id", "gradio_api/app_id"),
        ("data_of_job", "queue/data", "gradio_api/queue/data"),
    ],
)
def test_route_stands_below_the_prefix_where_the_server_has_it(
    name: str, before_5: str, since_5: str
) -> None:
    src = "http://host/app/"
    assert getattr(Routes(src), name) == src + before_5
    assert getattr(Routes(src, "gradio_api/"), name) == src + since_5


def test_end_of_a_stream_names_its_job() -> None:
    routes = Routes("http://host/", "gradio_api/")
    assert routes.end_of_stream("e/1") == "http://host/gradio_api/stream/e%2F1/close"


def test_session_hash_is_escaped() -> None:
    routes = Routes("http://host/", "gradio_api/")
    assert routes.data("a b/&#") == "http://host/gradio_api/queue/data?session_hash=a%20b%2F%26%23"
    assert routes.heartbeat("a/b") == "http://host/gradio_api/heartbeat/a%2Fb"
    assert (
        Routes("http://host/").join_stream("a b", 3) == "http://host/queue/join?fn_index=3&session_hash=a%20b"
    )


@pytest.mark.parametrize(
    ("src", "page"),
    [
        ("http://host/", None),
        ("http://host/page", ("http://host/", "page")),
        ("http://host/app/a%20page/?x=1", ("http://host/app/", "a page")),
    ],
)
def test_a_url_may_be_that_of_a_page(src: str, page: Any) -> None:
    assert page_of(src) == page
