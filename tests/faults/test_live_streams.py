"""Functions that a page feeds with a stream, such as live audio: a call is one chunk of it."""

from __future__ import annotations

import threading
from typing import Any, Callable, List

import pytest

from gradio_client_lite import Client

from .badserver import (
    PATIENCE,
    STREAM_HEAD,
    BadServer,
    Behaviour,
    Peer,
    Request,
    chunk,
    config,
    event,
    reply,
    silent,
)

Serve = Callable[..., BadServer]
Connect = Callable[..., Client]
Promptly = Callable[..., Any]


class Live:
    """The stream of a job that is fed by one: the value comes at once, the end when the server is told."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def data(self, peer: Peer, request: Request) -> None:
        value = event("process_streaming", "e0", output={"data": ["heard"]}, success=True)
        peer.send(STREAM_HEAD + chunk(value))
        assert self.over.wait(PATIENCE)
        done = event("process_completed", "e0", output={"data": ["heard"]}, success=True)
        peer.send(chunk(done) + chunk(event("close_stream")) + chunk(b""))

    def end(self, peer: Peer, request: Request) -> None:
        reply({"msg": "success"})(peer, request)
        self.over.set()


def live_app(version: str = "6.31.0", limit: Any = None) -> Behaviour:
    live = {"id": 0, "api_name": "echo", "backend_fn": True, "inputs": [1], "outputs": [2]}
    return reply(
        config(version=version, dependencies=[{**live, "connection": "stream", "time_limit": limit}])
    )


@pytest.mark.parametrize(
    ("version", "limit", "told"),
    [
        ("6.31.0", None, ["close"]),
        ("6.31.0", 30, ["close"]),
        ("5.50.0", 30, ["cancel", "close"]),
        ("5.50.0", None, ["cancel"]),
    ],
)
def test_stream_of_a_call_is_ended_with_its_value(
    serve: Serve, connect: Connect, version: str, limit: Any, told: List[str]
) -> None:
    live = Live()
    ends: Any = {"config": live_app(version, limit), "data": live.data, told[-1]: live.end}
    server = serve(**ends)
    client = connect(server.url)
    assert client.predict("a", api_name="/echo") == "heard"
    assert live.over.wait(PATIENCE)
    client.close()
    assert [route for route, _ in server.told if route in ("close", "cancel")][: len(told)] == told
    paths = [request.path for request in server.requests]
    assert "close" not in told or "/gradio_api/stream/e0/close" in paths


def test_server_that_does_not_take_the_end_of_a_stream_holds_nobody(
    serve: Serve, connect: Connect, promptly: Promptly
) -> None:
    live = Live()
    client = connect(serve(config=live_app(), data=live.data, close=silent).url)
    with promptly(2.0):
        assert client.predict("a", api_name="/echo") == "heard"
        client.close()
    live.over.set()


def test_stream_of_a_cancelled_call_is_ended(serve: Serve, connect: Connect) -> None:
    live = Live()
    joined = threading.Event()

    def data(peer: Peer, request: Request) -> None:
        peer.send(STREAM_HEAD + chunk(event("process_starts", "e0")))
        joined.set()
        assert live.over.wait(PATIENCE)

    job = connect(serve(config=live_app(), data=data, close=live.end).url).submit("a", api_name="/echo")
    assert joined.wait(PATIENCE)
    assert job.cancel()
    assert live.over.wait(PATIENCE)
