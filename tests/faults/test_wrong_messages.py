"""Messages that no Gradio server sends: no call waits for ever. Wrong fields are in `hostile/wrong.py`."""

from __future__ import annotations

import concurrent.futures
import threading
from contextlib import suppress
from typing import Any, Callable, Dict

import pytest
from transport import sockets
from transport.peers import Peer, Request

from gradio_client_lite import Client
from gradio_client_lite.errors import DeadlineExceeded, ProtocolError

from .badserver import (
    PATIENCE,
    STREAM_HEAD,
    BadServer,
    Behaviour,
    Hangup,
    chunk,
    config,
    event,
    reply,
)

# What it holds is the same on every Python; it takes long.
pytestmark = pytest.mark.whole

Serve = Callable[..., BadServer]
Connect = Callable[..., Client]
Promptly = Callable[..., Any]


def test_two_calls_with_one_event_id_end(serve: Serve, connect: Connect, promptly: Promptly) -> None:
    client = connect(serve(join=reply({"event_id": "same"}), data=held).url)
    with promptly():
        jobs = [client.submit(text, api_name="/echo") for text in "ab"]
        assert {type(job.exception(PATIENCE)) for job in jobs} == {ProtocolError}


def held(peer: Peer, request: Request) -> None:
    peer.send(STREAM_HEAD)
    peer.closed()
    raise Hangup


# --- trickles


def trickle(peer: Peer, piece: bytes) -> None:
    with suppress(OSError):
        while not threading.Event().wait(0.02):
            peer.send(piece)
    raise Hangup


def trickling_stream(peer: Peer, request: Request) -> None:
    peer.send(STREAM_HEAD + chunk(b"data: "))
    trickle(peer, chunk(b"x"))


def heartbeats(peer: Peer, request: Request) -> None:
    peer.send(STREAM_HEAD)
    trickle(peer, chunk(event("heartbeat")))


def trickling_socket(peer: Peer, request: Request) -> None:
    sockets.accept(peer, request)
    peer.send(sockets.frame(b"x" * 60_000)[:4])
    trickle(peer, b"x")


def pings(peer: Peer, request: Request) -> None:
    sockets.accept(peer, request)
    trickle(peer, sockets.frame(b"", 9))


OLD = {"version": "4.0.2", "protocol": "sse", "api_prefix": ""}
OLDER = {
    "version": "3.50.2",
    "protocol": "ws",
    "enable_queue": True,
    "components": [{"id": 1, "type": "textbox", "props": {"label": "text"}}],
    "dependencies": [{"api_name": "echo", "backend_fn": True, "inputs": [1], "outputs": [1]}],
}
SLOW: Dict[str, Dict[str, Behaviour]] = {
    "sse_v3, trickle": {"data": trickling_stream},
    "sse_v3, heartbeats": {"data": heartbeats},
    "sse, trickle": {"config": reply(config(**OLD)), "join": trickling_stream},
    "sse, heartbeats": {"config": reply(config(**OLD)), "join": heartbeats},
    "ws, trickle": {"config": reply(OLDER), "join": trickling_socket},
    "ws, pings": {"config": reply(OLDER), "join": pings},
}


@pytest.mark.parametrize("behaviours", SLOW.values(), ids=SLOW)
def test_timeouts_end_calls_whatever_trickles(
    serve: Serve, connect: Connect, promptly: Promptly, behaviours: Dict[str, Behaviour]
) -> None:
    server = serve(**behaviours)
    client = connect(server.url, timeout=0.3)
    with promptly(), pytest.raises(DeadlineExceeded):
        client.predict("a", api_name="/echo")
    job = client.submit("a", api_name="/echo")
    with promptly(), pytest.raises(concurrent.futures.TimeoutError):
        job.result(0.1)


@pytest.mark.parametrize("kind", [kind for kind in SLOW if "trickle" in kind])
def test_trickle_is_lost_within_the_idle_timeout(
    serve: Serve, connect: Connect, promptly: Promptly, kind: str
) -> None:
    client = connect(serve(**SLOW[kind]).url, stream_idle_timeout=0.3)
    with promptly(), pytest.raises(ConnectionError):
        client.predict("a", api_name="/echo")
