"""A server that says nothing for a while, because its event loop is blocked, or because it is gone."""

from __future__ import annotations

import threading
from typing import Any, Callable, Dict, List

import pytest
from transport import sockets

from gradio_client_lite import Client
from gradio_client_lite.errors import ClientClosed, StreamLost
from gradio_client_lite.queues import session as session_module
from gradio_client_lite.queues import sessions as heartbeat_module
from gradio_client_lite.queues.stream import Times
from gradio_client_lite.transport import liveness as liveness_module
from gradio_client_lite.transport.http import Timeout

from .badserver import (
    PATIENCE,
    STREAM_HEAD,
    BadServer,
    Behaviour,
    Hangup,
    Peer,
    Request,
    chunk,
    config,
    event,
    for_ever,
    reply,
    silent,
)
from .test_wrong_messages import OLD, OLDER

Serve = Callable[..., BadServer]
Connect = Callable[..., Client]
Promptly = Callable[..., Any]

#: Seconds of silence, and for which a server is blocked.
IDLE, BLOCKED = 0.1, 0.5


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness_module, "_MOMENT", 0.05)
    monkeypatch.setattr(session_module, "TIMES", Times(beat=0.1))


class Block:
    """A server whose event loop is blocked for a while from when it is first asked for a sign of life.

    Args:
        proxy: says that the app is not there, as long as that lasts.

    Attributes:
        asked: how often it was.
        at_once: how many requests waited for an answer, at most.
        over: set when it is not blocked any more.
    """

    def __init__(self, proxy: str = "") -> None:
        self._proxy = proxy
        self.asked = 0
        self.at_once = 0
        self.over = threading.Event()
        self._waiting: List[None] = []

    def probe(self, peer: Peer, request: Request) -> None:
        self.asked += 1
        if self.asked == 1:
            timer = threading.Timer(BLOCKED, self.over.set)
            timer.start()
        self._waiting.append(None)
        self.at_once = max(self.at_once, len(self._waiting))
        if not self._proxy:
            assert self.over.wait(PATIENCE)
        self._waiting.pop()
        reply({"app_id": 1}, "200 OK" if self.over.is_set() else self._proxy)(peer, request)

    def between(self, *pieces: bytes) -> Behaviour:
        """Send one piece, and the other when it is over."""

        def behave(peer: Peer, request: Request) -> None:
            peer.send(pieces[0])
            assert self.over.wait(PATIENCE)
            peer.send(pieces[1])

        return behave


STARTS = chunk(event("process_starts", "e0"))
DONE = chunk(event("process_completed", "e0", output={"data": ["done"]}, success=True))
END = chunk(event("close_stream")) + chunk(b"")
HALF = len(DONE) // 2
PIECES = {
    "before the stream is answered": (b"", STREAM_HEAD + STARTS + DONE + END),
    "while the function runs": (STREAM_HEAD + STARTS, DONE + END),
    "within a result": (STREAM_HEAD + STARTS + DONE[:HALF], DONE[HALF:] + END),
}
PROXIES = ["", "503 Service Unavailable", "504 Gateway Timeout"]


@pytest.mark.parametrize("proxy", PROXIES)
@pytest.mark.parametrize("pieces", PIECES.values(), ids=PIECES)
def test_blocked_server_is_waited_for(serve: Serve, connect: Connect, pieces: Any, proxy: str) -> None:
    block = Block(proxy)
    server = serve(data=block.between(*pieces), app_id=block.probe)
    client = connect(server.url, stream_idle_timeout=IDLE)
    assert client.predict("a", api_name="/echo") == "done"
    assert block.asked
    assert server.routes().count("data") == 1  # nor was the stream opened again


def old_job(block: Block) -> Behaviour:
    """A job of Gradio 4.0; the function blocks the server."""
    posted = threading.Event()

    def behave(peer: Peer, request: Request) -> None:
        if request.method == "POST":
            reply({})(peer, request)
            posted.set()
            return
        peer.send(STREAM_HEAD + chunk(event("send_data", "e0")))
        assert posted.wait(PATIENCE)
        block.between(STARTS, DONE + chunk(b""))(peer, request)

    return behave


def older_job(block: Block) -> Behaviour:
    """The same of Gradio 3: pings are not answered meanwhile."""

    def behave(peer: Peer, request: Request) -> None:
        sockets.accept(peer, request)
        for wish in ("send_hash", "send_data"):
            peer.send(sockets.message(wish))
            while sockets.read_frame(peer)[0] == sockets.PING:
                pass
        assert block.over.wait(PATIENCE)
        peer.send(sockets.message("process_completed", output={"data": ["done"]}, success=True))
        peer.closed()
        raise Hangup

    return behave


def test_blocked_server_of_gradio_4_0_is_waited_for(serve: Serve, connect: Connect) -> None:
    block = Block()
    job = old_job(block)
    server = serve(config=reply(config(**OLD)), join=job, data=job, app_id=block.probe)
    assert connect(server.url, stream_idle_timeout=IDLE).predict("a", api_name="/echo") == "done"
    assert block.asked


def test_blocked_server_of_gradio_3_is_waited_for(serve: Serve, connect: Connect) -> None:
    block = Block()
    server = serve(config=reply(OLDER), join=older_job(block), app_id=block.probe)
    assert connect(server.url, stream_idle_timeout=IDLE).predict("a", api_name="/echo") == "done"
    assert block.asked


def test_blocked_server_keeps_the_heartbeat(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server would drop the session's State when it is ended."""
    monkeypatch.setattr(heartbeat_module, "_SILENCE", Timeout(read=IDLE, asks=True))
    block = Block()
    beating = block.between(STREAM_HEAD, chunk(b"ALIVE"))

    def heartbeat(peer: Peer, request: Request) -> None:
        beating(peer, request)
        for_ever(peer, request)

    server = serve(config=reply(config(connect_heartbeat=True)), heartbeat=heartbeat, app_id=block.probe)
    client = connect(server.url)
    assert client.predict("a", api_name="/echo") == "a"
    assert block.over.wait(PATIENCE)
    assert client.predict("b", api_name="/echo") == "b"
    assert server.routes().count("heartbeat") == 1


def stalling(peer: Peer, request: Request) -> None:
    peer.send(STREAM_HEAD + STARTS)
    silent(peer, request)


def stalling_socket(peer: Peer, request: Request) -> None:
    sockets.accept(peer, request)
    while not peer.closed():  # it is pinged
        pass
    raise Hangup


STALLED: Dict[str, Dict[str, Behaviour]] = {
    "sse_v3": {"data": stalling},
    "sse_v3, unanswered": {"data": silent},
    "ws": {"config": reply(OLDER), "join": stalling_socket},
}


@pytest.mark.parametrize("behaviours", STALLED.values(), ids=STALLED)
def test_stream_that_is_silent_while_the_server_answers_is_lost(
    serve: Serve, connect: Connect, promptly: Promptly, behaviours: Dict[str, Behaviour]
) -> None:
    server = serve(app_id=reply({"app_id": 1}), **behaviours)
    client = connect(server.url, stream_idle_timeout=IDLE)
    with promptly(), pytest.raises(StreamLost):
        client.predict("a", api_name="/echo")
    assert server.routes().count("app_id") >= 2


@pytest.mark.parametrize(
    "behaviours",
    [*STALLED.values(), {"config": reply(config(**OLD)), "join": stalling}],
    ids=[*STALLED, "sse"],
)
def test_server_that_refuses_connections_is_gone(
    serve: Serve, connect: Connect, promptly: Promptly, behaviours: Dict[str, Behaviour]
) -> None:
    behaviours = dict(behaviours)
    route = "join" if "join" in behaviours else "data"
    last = behaviours[route]

    def behave(peer: Peer, request: Request) -> None:
        server.stop_listening()
        last(peer, request)

    server = serve(**{**behaviours, route: behave})
    client = connect(server.url, stream_idle_timeout=IDLE)
    client.view_api(print_info=False)  # its connection is kept, and answered on
    with promptly(), pytest.raises(StreamLost):
        client.predict("a", api_name="/echo")


def test_callers_own_deadline_ends_the_waiting(serve: Serve, connect: Connect, promptly: Promptly) -> None:
    server = serve(data=stalling, app_id=silent)
    client = connect(server.url, stream_idle_timeout=IDLE, timeout=0.6)
    with promptly(), pytest.raises(TimeoutError):
        client.predict("a", api_name="/echo")


def test_many_jobs_ask_once(serve: Serve, connect: Connect) -> None:
    block = Block()
    server = serve(config=reply(OLDER), join=older_job(block), app_id=block.probe)
    client = connect(server.url, stream_idle_timeout=IDLE)
    jobs = [client.submit("a", api_name="/echo") for _ in range(10)]
    assert [job.result(PATIENCE) for job in jobs] == ["done"] * 10
    assert block.at_once == 1
    assert block.asked < len(jobs)


def test_closing_ends_a_pending_probe(serve: Serve, connect: Connect, promptly: Promptly) -> None:
    asked = threading.Event()

    def probe(peer: Peer, request: Request) -> None:
        asked.set()
        silent(peer, request)

    client = connect(serve(data=stalling, app_id=probe).url, stream_idle_timeout=IDLE)
    job = client.submit("a", api_name="/echo")
    assert asked.wait(PATIENCE)
    with promptly(2.0):
        client.close()
    assert isinstance(job.exception(), ClientClosed)
    assert not [thread for thread in threading.enumerate() if thread.name == "gradio-probe"]


def test_probe_is_the_clients_own_request(serve: Serve, connect: Connect) -> None:
    """It goes with the client's headers, so that what stands before the app lets it through."""
    block = Block()
    server = serve(data=block.between(STREAM_HEAD + STARTS, DONE + END), app_id=block.probe)
    client = connect(server.url, stream_idle_timeout=IDLE, headers={"x-key": "mine"})
    client.predict("a", api_name="/echo")
    (request, *_) = [request for request in server.requests if request.path.endswith("/app_id")]
    assert (request.method, request.path) == ("GET", "/gradio_api/app_id")
    assert request.headers["x-key"] == "mine"
