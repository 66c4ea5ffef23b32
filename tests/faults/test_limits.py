"""Limits that are shared, or set; what passes each of them is in the table of test_hostile_server.py."""

from __future__ import annotations

import threading
from typing import Any, Callable

import pytest

from gradio_client_lite import Client, Limits
from gradio_client_lite.errors import (
    DeadlineExceeded,
    ReadTimeout,
    ResponseTooLarge,
    UnsupportedAppError,
)

from .badserver import BadServer, Behaviour, Hangup, Peer, Request, config, reply
from .hostile.server import OK, TRICKLES

# What it holds is the same on every Python; it takes long.
pytestmark = pytest.mark.whole
Serve = Callable[..., BadServer]
Connect = Callable[..., Client]
Promptly = Callable[..., Any]

NOT_FOUND = reply({"detail": "Not Found"}, "404 Not Found")


# --- time


def test_login_and_config_share_a_limit(serve: Serve, connect: Connect, promptly: Promptly) -> None:
    def slow(behaviour: Behaviour) -> Behaviour:
        def behave(peer: Peer, request: Request) -> None:
            threading.Event().wait(0.4)
            behaviour(peer, request)

        return behave

    server = serve(login=slow(reply({})), config=slow(reply({})))
    with promptly(), pytest.raises(DeadlineExceeded, match="connecting"):
        connect(server.url, auth=("user", "password"), limits=Limits(connecting=0.6))


def test_the_timeout_of_the_client_bounds_connecting_too(
    serve: Serve, connect: Connect, promptly: Promptly
) -> None:
    server = serve(config=TRICKLES["a body"])
    with promptly(), pytest.raises(DeadlineExceeded, match=r"Client\(timeout=0\.3\)"):
        connect(server.url, timeout=0.3)
    with promptly(), pytest.raises(DeadlineExceeded, match=r"Limits\(connecting=0\.2\)"):
        connect(server.url, timeout=0.3, limits=Limits(connecting=0.2))


def test_an_answer_of_a_direct_call_that_stalls_ends(
    serve: Serve, connect: Connect, promptly: Promptly
) -> None:
    def stall(peer: Peer, request: Request) -> None:
        threading.Event().wait(0.6)  # the function runs
        peer.send(OK + b"content-length: 99\r\n\r\n{")
        peer.closed()
        raise Hangup

    client = connect(serve(predict=stall).url, httpx_kwargs={"timeout": 0.3})
    with promptly(), pytest.raises(ReadTimeout):
        client.predict("a", api_name="/direct")


# --- memory


def test_larger_limits_let_more_through(serve: Serve, connect: Connect) -> None:
    text = "x" * 20_000_000
    server = serve(config=reply(config(title=text)), predict=reply({"data": [text]}))
    with pytest.raises(ResponseTooLarge, match="answer_bytes"):
        connect(server.url)
    client = connect(server.url, limits=Limits(answer_bytes=None, result_bytes=30_000_000))
    assert client.predict("a", api_name="/direct") == text


def test_codecs_that_are_slow_are_not_used(serve: Serve, connect: Connect, promptly: Promptly) -> None:
    page = reply(b"abc-" * 250_000, content_type="text/html; charset=punycode")
    with promptly(), pytest.raises(UnsupportedAppError):
        connect(serve(config=NOT_FOUND, page=page).url)
