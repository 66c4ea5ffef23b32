"""The driver of sse, against servers of raw sockets."""

from __future__ import annotations

import json
import threading
from typing import Any, Callable, Dict, Iterator, List
from urllib.parse import parse_qs, urlsplit

import pytest
from queues.scripted import PATIENCE
from transport.peers import Peer, Request, answer

from gradio_client_lite.errors import (
    ClientClosed,
    ConnectFailed,
    EventTooLarge,
    HTTPStatusError,
    ProtocolError,
    ReadTimeout,
    ServerStopped,
    ServerUnavailable,
    StreamLost,
)
from gradio_client_lite.legacy.perjob import Shared
from gradio_client_lite.legacy.stream import StreamQueue
from gradio_client_lite.transport import liveness as liveness_module
from gradio_client_lite.wire.messages import LARGE, Completed, Estimation, Generating, ProcessStarts, SendData
from gradio_client_lite.wire.urls import Routes

from .old_servers import STREAM_HEAD, chunk, event, run, starting

Start = Callable[..., StreamQueue]


class Gradio4:
    """A script for a PeerServer: the queue of Gradio 4.0.

    Args:
        run: what happens on the stream once the data has come; None completes the job with it.

    Attributes:
        joins: the query of each stream.
        bodies: what came to `queue/data`.
    """

    def __init__(self, run: Any = None, *, data: bytes = b"null") -> None:
        self.joins: List[Dict[str, List[str]]] = []
        self.bodies: List[Any] = []
        self._run = run or complete
        self._data = data
        self._lock = threading.Lock()
        self._came: Dict[str, threading.Event] = {}

    def __call__(self, peer: Peer) -> None:
        while True:
            request = peer.request()
            if request is None:
                return
            route = urlsplit(request.path).path.rpartition("/")[2]
            if route == "data":
                self._take(peer, request)
            else:
                self._stream(peer, request)

    def _take(self, peer: Peer, request: Request) -> None:
        body = json.loads(request.body)
        self.bodies.append(body)
        peer.send(answer(self._data))
        self._came[body["event_id"]].set()

    def _stream(self, peer: Peer, request: Request) -> None:
        self.joins.append(parse_qs(urlsplit(request.path).query))
        with self._lock:
            event_id = f"e{len(self._came)}"
            came = self._came[event_id] = threading.Event()
        peer.send(STREAM_HEAD + event("estimation", rank=0, queue_size=1))
        peer.send(event("send_data", event_id=event_id))
        assert came.wait(PATIENCE)
        peer.send(event("process_starts"))
        self._run(peer)


def complete(peer: Peer) -> None:
    peer.send(event("process_completed", output={"data": ["done"]}, success=True) + chunk(b""))


@pytest.fixture
def start() -> Iterator[Start]:
    with starting(StreamQueue) as start:
        yield start


def test_job_is_told_everything_in_order(start: Start) -> None:
    server = Gradio4()
    call = run(start(server), fn_index=3)
    assert call.result() == ["done"]
    assert [type(message) for message in call.messages] == [Estimation, SendData, ProcessStarts, Completed]
    assert server.joins == [{"fn_index": ["3"], "session_hash": ["session"]}]
    assert server.bodies == [{"data": [], "event_id": "e0"}]
    assert call.event_id == "e0"


def test_connections_are_used_again(start: Start) -> None:
    queue = start(Gradio4())
    for _ in range(3):
        assert run(queue).result() == ["done"]
    # The stream's end comes after its last message.
    limit = threading.Event()
    for _ in range(1000):
        if "active=0" in repr(queue.shared.transport):
            break
        limit.wait(0.005)
    idle = repr(queue.shared.transport)
    assert "active=0" in idle
    assert int(idle.partition("idle=")[2].split()[0]) <= 4


def test_a_large_result_is_read_before_what_comes_behind_it(start: Start) -> None:
    def work(peer: Peer) -> None:
        yielded = event("process_generating", output={"data": ["x" * LARGE]}, success=True)
        peer.send(yielded + event("process_completed", output={"data": [1]}, success=True) + chunk(b""))

    call = run(start(Gradio4(work)))
    assert call.result() == [1]
    assert type(call.messages[-2]) is Generating


def test_stream_that_does_not_end_after_its_job_is_given_up(start: Start) -> None:
    closed = threading.Event()

    def work(peer: Peer) -> None:
        peer.send(event("process_completed", output={"data": ["done"]}, success=True))
        if peer.closed():
            closed.set()

    assert run(start(Gradio4(work), closing=0.05)).result() == ["done"]
    assert closed.wait(PATIENCE)


@pytest.mark.parametrize(
    ("status", "kind"),
    [("404 Not Found", HTTPStatusError), ("503 Service Unavailable", ServerUnavailable)],
)
def test_refused_stream_is_what_its_status_stands_for(start: Start, status: str, kind: Any) -> None:
    assert type(run(start(lambda peer: peer.request() and peer.answer(b"no", status))).failure()) is kind


def test_stream_that_is_never_answered(start: Start) -> None:
    queue = start(lambda peer: peer.request() and peer.closed(), read=0.1)
    assert isinstance(run(queue).failure(), ReadTimeout)


def test_full_queue_ends_the_job(start: Start) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(STREAM_HEAD + event("queue_full") + chunk(b""))

    call = run(start(script))
    call.wait_fed()


@pytest.mark.parametrize(
    ("ending", "kind"),
    [
        (chunk(b""), StreamLost),
        (b"", StreamLost),
        (b"zz\r\n", ProtocolError),
        (chunk(b"data: garbage\n\n"), ProtocolError),
        (event("unexpected_error", message="oops"), StreamLost),
        (event("Server stopped unexpectedly."), ServerStopped),
    ],
    ids=["early end", "cut", "framing", "garbage", "unexpected_error", "stopped"],
)
def test_stream_that_ends_badly_is_a_typed_error(start: Start, ending: bytes, kind: Any) -> None:
    def work(peer: Peer) -> None:
        peer.send(event("process_generating", output={"data": ["a"]}, success=True) + ending)
        if ending:
            peer.closed()
        raise ConnectionError

    call = run(start(Gradio4(work)))
    error = call.failure()
    assert type(error) is kind
    assert isinstance(call.messages[-1], Generating)
    if isinstance(error, StreamLost):
        assert error.event_ids == ("e0",)


def test_event_over_the_limit(start: Start) -> None:
    def work(peer: Peer) -> None:
        piece = chunk(b"data: " + b"x" * (1 << 20))
        for _ in range(100):
            peer.send(piece)

    assert isinstance(run(start(Gradio4(work))).failure(), EventTooLarge)


def test_data_that_is_refused_is_the_jobs_error(start: Start) -> None:
    def script(peer: Peer) -> None:
        request = peer.request()
        assert request is not None
        if request.method == "POST":
            peer.answer(b'{"detail":"no such event"}', "500 Internal Server Error")
        else:
            peer.send(STREAM_HEAD + event("send_data", event_id="e0"))
            peer.closed()

    error = run(start(script)).failure()
    assert isinstance(error, HTTPStatusError)
    assert "no such event" in str(error)


@pytest.mark.parametrize("answer_is", [200, 503], ids=["answers", "does not"])
def test_silent_server_is_waited_for(start: Start, monkeypatch: pytest.MonkeyPatch, answer_is: int) -> None:
    """4.0 sends one heartbeat and then none, however long a function runs."""
    monkeypatch.setattr(liveness_module, "_MOMENT", 0.05)
    go = threading.Event()
    asked: List[int] = []

    def work(peer: Peer) -> None:
        assert go.wait(PATIENCE)
        complete(peer)

    def life() -> int:
        asked.append(1)
        if len(asked) == 3:
            go.set()
        return answer_is

    assert run(start(Gradio4(work), idle_timeout=0.05, life=life)).result() == ["done"]
    assert len(asked) >= 3


def test_silent_server_is_asked_once_for_all_jobs(start: Start) -> None:
    go = threading.Event()
    asked: List[int] = []

    def work(peer: Peer) -> None:
        assert go.wait(PATIENCE)
        complete(peer)

    def life() -> int:
        asked.append(1)
        go.set()
        return 200

    queue = start(Gradio4(work), idle_timeout=0.3, life=life)
    calls = [run(queue) for _ in range(5)]
    assert all(call.result() == ["done"] for call in calls)
    assert len(asked) == 1


def test_silent_server_that_is_gone_loses_its_jobs(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness_module, "_MOMENT", 0.05)

    def life() -> int:
        raise ConnectFailed("refused") from ConnectionRefusedError()

    error = run(start(Gradio4(lambda peer: peer.closed()), idle_timeout=0.1, life=life)).failure()
    assert isinstance(error, StreamLost)
    assert error.event_ids == ("e0",)
    assert "silent for 0.1 seconds" in str(error)


def test_server_that_cannot_be_reached(start: Start) -> None:
    queue = start(lambda peer: None)
    shared = Shared(
        queue.shared.transport,
        Routes("http://127.0.0.1:9/"),
        queue.shared.headers,
        queue.shared._workers,
    )
    assert isinstance(run(StreamQueue(shared, "session")).failure(), ConnectFailed)


def test_forgotten_job_closes_its_stream(start: Start) -> None:
    closed = threading.Event()

    def work(peer: Peer) -> None:
        if peer.closed():
            closed.set()

    queue = start(Gradio4(work))
    call = run(queue)
    call.wait_fed(3)
    call.give_up()
    queue.forget(call)
    assert closed.wait(PATIENCE)
    assert call.error is None


def test_job_given_up_in_the_queue_sends_no_data(start: Start) -> None:
    closed = threading.Event()
    server_posts: List[Request] = []

    def script(peer: Peer) -> None:
        request = peer.request()
        assert request is not None
        if request.method == "POST":
            server_posts.append(request)
        peer.send(STREAM_HEAD + event("estimation", rank=1, queue_size=2))
        if peer.closed():
            closed.set()

    queue = start(script)
    call = run(queue)
    call.wait_fed()
    call.give_up()
    queue.forget(call)
    assert closed.wait(PATIENCE)
    assert not server_posts


def test_closing_the_queue_fails_its_jobs(start: Start) -> None:
    queue = start(Gradio4(lambda peer: peer.closed()))
    calls = [run(queue) for _ in range(3)]
    for call in calls:
        call.wait_fed(3)
    queue.close()
    for call in calls:
        assert isinstance(call.failure(), ClientClosed)
    assert isinstance(run(queue).failure(), ClientClosed)


def test_waiting_jobs_hold_no_thread(start: Start) -> None:
    go = threading.Event()

    def work(peer: Peer) -> None:
        assert go.wait(PATIENCE)
        complete(peer)

    before = threading.enumerate()  # other tests leave some that idle for a while
    queue = start(Gradio4(work))
    calls = [run(queue) for _ in range(50)]
    for call in calls:
        call.wait_fed(3)
    new = [thread.name for thread in threading.enumerate() if thread not in before]
    # Four workers, the one that waits, and the sender.
    assert len([name for name in new if name.startswith(("gradio", "test-"))]) <= 6
    go.set()
    assert all(call.result() == ["done"] for call in calls)


# --- event ids


def test_arguments_are_sent_once_however_often_they_are_asked_for(start: Start) -> None:
    def work(peer: Peer) -> None:
        for _ in range(3):
            peer.send(event("send_data", event_id="e0"))
        complete(peer)

    server = Gradio4(work)
    assert run(start(server)).result() == ["done"]
    assert server.bodies == [{"data": [], "event_id": "e0"}]


@pytest.mark.parametrize("msg", ["send_data", "process_completed"])
def test_message_of_another_call_ends_the_job(start: Start, msg: str) -> None:
    def work(peer: Peer) -> None:
        peer.send(event(msg, event_id="other", output={"data": ["other"]}, success=True))
        peer.closed()

    server = Gradio4(work)
    call = run(start(server))
    assert isinstance(call.failure(), ProtocolError)
    assert not any(isinstance(message, Completed) for message in call.messages)
    assert [body["event_id"] for body in server.bodies] == ["e0"]


@pytest.mark.parametrize("fields", [{}, {"event_id": None}, {"event_id": ""}, {"event_id": 5}])
def test_arguments_asked_for_without_an_event_id_end_the_job(start: Start, fields: Dict[str, Any]) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(STREAM_HEAD + event("send_data", **fields))
        peer.closed()

    assert isinstance(run(start(script)).failure(), ProtocolError)


def test_two_streams_with_one_event_id_end_both_jobs(start: Start) -> None:
    joined = threading.Semaphore(0)

    def script(peer: Peer) -> None:
        while True:
            request = peer.request()
            if request is None:
                return
            if urlsplit(request.path).path.endswith("join"):
                peer.send(STREAM_HEAD + event("send_data", event_id="same"))
                peer.closed()
                return
            joined.release()
            peer.send(answer(b"null"))

    queue = start(script)
    first = run(queue, label="/one")
    assert joined.acquire(timeout=PATIENCE)
    second = run(queue, label="/two")
    for call in (first, second):
        assert isinstance(call.failure(), ProtocolError)
        assert "/one" in str(call.error)
    # Nor is it a later one's.
    assert isinstance(run(queue).failure(), ProtocolError)


def test_malformed_message_ends_the_job(start: Start) -> None:
    def work(peer: Peer) -> None:
        peer.send(event("process_completed", success=True))
        peer.closed()

    assert isinstance(run(start(Gradio4(work))).failure(), ProtocolError)
