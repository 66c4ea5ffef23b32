"""Messages that no Gradio server sends: no call gets a wrong value, waits for ever or is cancelled."""

from __future__ import annotations

import concurrent.futures
import threading
from contextlib import suppress
from typing import Any, Callable, Dict, Iterator, List

import pytest
from transport import sockets
from transport.peers import Peer, Request

from gradio_client_lite import Client
from gradio_client_lite.errors import DeadlineExceeded, GradioClientError, ProtocolError

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
    streaming,
)

# What it holds is the same on every Python; it takes long.
pytestmark = pytest.mark.whole

Serve = Callable[..., BadServer]
Connect = Callable[..., Client]
Promptly = Callable[..., Any]

WRONG: List[Any] = [None, True, 0, -1, 1e999, "", "text", [], [1], {}, {"a": 1}, [[["replace", [], "?"]]]]
GOOD: Dict[str, Dict[str, Any]] = {
    "estimation": {"rank": 0, "queue_size": 1, "rank_eta": 1.5},
    "process_starts": {"eta": 1.5},
    "progress": {"progress_data": [{"index": 0, "length": 1, "unit": "s", "progress": 0.5, "desc": "d"}]},
    "log": {"log": "text", "level": "info", "title": "T", "duration": 3, "visible": True},
    "process_generating": {"output": {"data": ["a"]}, "success": True},
    "process_completed": {"output": {"data": ["a"]}, "success": True},
}


def mutants(msg: str) -> Iterator[Dict[str, Any]]:
    """The message with one field wrong, or left out."""
    fields = GOOD[msg]
    for name in fields:
        yield {key: value for key, value in fields.items() if key != name}
        for wrong in WRONG:
            yield {**fields, name: wrong}
    if "output" in fields:
        for wrong in WRONG:
            yield {**fields, "output": {"data": wrong}}
            yield {**fields, "output": {"error": wrong}}
    for wrong in WRONG:
        unit = dict.fromkeys(("index", "length", "unit", "progress", "desc"), wrong)
        yield {**fields, "progress_data": [unit]}


def may_be(fields: Dict[str, Any], msg: str, value: Any) -> bool:
    """Whether a call may have this result."""
    said = fields.get("output") if msg == "process_completed" else {"data": ["a"]}
    return isinstance(said, dict) and said.get("data") == [value]


@pytest.mark.parametrize("msg", GOOD)
def test_wrong_field_gives_no_wrong_value_and_no_cancellation(
    serve: Serve, connect: Connect, msg: str
) -> None:
    """Nobody has cancelled anything, but for an output that is `{}`, the server's word for it."""
    server = serve()
    client = connect(server.url)
    done = {} if msg == "process_completed" else GOOD["process_completed"]
    for number, fields in enumerate(mutants(msg)):
        event_id = f"e{number}"
        pieces = [event(msg, event_id, **fields)]
        if done:
            pieces.append(event("process_completed", event_id, **done))
        server.behave(join=reply({"event_id": event_id}), data=streaming(*pieces, event("close_stream")))
        job = client.submit("a", api_name="/echo")
        cancelled = False
        try:
            value = job.result(PATIENCE)
        except GradioClientError:
            continue
        except concurrent.futures.CancelledError:
            cancelled = True
        if cancelled:
            assert fields.get("output") == {}, fields
            assert fields.get("success", True) is True, fields
        else:
            assert may_be(fields, msg, value), (fields, value)
            list(job.updates())


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
