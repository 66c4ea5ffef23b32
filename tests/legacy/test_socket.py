"""The driver of ws, against servers of raw sockets."""

from __future__ import annotations

import ssl
import sys
import threading
from typing import Any, Callable, Iterator, List

import pytest
import trustme
from queues.calls import RecordingCall, never
from queues.scripted import PATIENCE
from transport import sockets
from transport.peers import Peer

from gradio_client_lite.errors import (
    AppError,
    ClientClosed,
    ConnectionFailed,
    ConnectionLost,
    EventTooLarge,
    HTTPStatusError,
    InvalidFile,
    MissingPackageError,
    ProtocolError,
    ReadTimeout,
    StreamLost,
)
from gradio_client_lite.legacy import websocket
from gradio_client_lite.legacy.socket import SocketQueue
from gradio_client_lite.transport import liveness as liveness_module
from gradio_client_lite.wire.config import ComponentSpec, EndpointSpec
from gradio_client_lite.wire.messages import (
    LARGE,
    Completed,
    Estimation,
    Generating,
    Log,
    ProcessStarts,
    Progress,
    QueueFull,
    SendData,
    SendHash,
)
from gradio_client_lite.workers import Workers

from .old_servers import Gradio3, complete, run, starting

Start = Callable[..., SocketQueue]


@pytest.fixture
def start() -> Iterator[Start]:
    with starting(SocketQueue) as start:
        yield start


def endpoint(*, state: bool = False, fn_index: int = 0) -> EndpointSpec:
    component = ComponentSpec(1, "state" if state else "textbox", "", state, state, False)
    return EndpointSpec(fn_index, "/echo", (component,), (), True, "public", True, None, False, False, ())


def test_job_is_told_everything_in_order(start: Start) -> None:
    def work(peer: Peer) -> None:
        unit = {"index": 1, "length": 2, "unit": "steps", "progress": None, "desc": None}
        peer.send(sockets.message("progress", progress_data=[unit]))
        peer.send(sockets.message("log", log="text", level="info"))
        peer.send(sockets.message("process_generating", output={"data": ["a"]}, success=True))
        peer.send(sockets.message("alive?"))
        peer.data = ["b"]  # type: ignore[attr-defined]
        complete(peer)

    server = Gradio3(work)
    call = run(start(server))
    assert call.result() == ["b"]
    assert [type(message) for message in call.messages] == [
        SendHash,
        Estimation,
        SendData,
        ProcessStarts,
        Progress,
        Log,
        Generating,
        Completed,
    ]
    assert server.hashes == [{"fn_index": 0, "session_hash": "session", "hash": "session"}]
    assert server.bodies == [{"data": []}]
    assert call.event_id == "session_0"


def test_handshake_carries_the_headers_of_client_and_call(start: Start) -> None:
    seen: List[Any] = []

    def script(peer: Peer) -> None:
        request = peer.request()
        assert request is not None
        seen.append(request)
        peer.answer(b"no", "404 Not Found")

    call = run(start(script))
    assert isinstance(call.failure(), HTTPStatusError)
    assert seen[0].path == "/queue/join"
    assert (seen[0].headers["x-base"], seen[0].headers["x-call"]) == ("1", "1")


def test_server_that_asks_for_no_hash(start: Start) -> None:
    """As 3.2 - 3.6 do."""
    server = Gradio3()

    def hello(peer: Peer) -> None:
        peer.send(sockets.message("estimation", rank=0, queue_size=1) + sockets.message("send_data"))
        server.take(peer)

    server._hello = hello
    assert run(start(server)).result() == []


def test_server_that_waits_for_the_hash_unasked(start: Start) -> None:
    """As 3.1.5 does."""
    server = Gradio3()

    def hello(peer: Peer) -> None:
        assert sockets.read_json(peer)["hash"] == "session"
        peer.send(sockets.message("send_data"))
        server.take(peer)

    server._hello = hello
    assert run(start(server, greets=True)).result() == []


def test_full_queue_ends_the_job(start: Start) -> None:
    def hello(peer: Peer) -> None:
        peer.send(sockets.message("queue_full") + sockets.close())
        peer.closed()

    call = run(start(Gradio3(hello=hello)))
    call.wait_fed()
    assert isinstance(call.messages[0], QueueFull)


def test_pings_are_answered(start: Start) -> None:
    def work(peer: Peer) -> None:
        peer.send(sockets.frame(b"still there?", sockets.PING))
        assert sockets.read_frame(peer) == (sockets.PONG, b"still there?")
        complete(peer)

    assert run(start(Gradio3(work))).result() == []


def test_silent_server_that_answers_pings_is_waited_for(start: Start) -> None:
    def work(peer: Peer) -> None:
        for _ in range(5):
            assert sockets.read_frame(peer) == (sockets.PING, b"")
            peer.send(sockets.frame(b"", sockets.PONG))
        complete(peer)

    assert run(start(Gradio3(work), idle_timeout=0.15)).result() == []


def test_silent_server_that_answers_elsewhere_but_no_ping_is_lost(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness_module, "_MOMENT", 0.05)

    def work(peer: Peer) -> None:
        while sockets.read_frame(peer)[0] != sockets.CLOSE:
            pass

    error = run(start(Gradio3(work), idle_timeout=0.15)).failure()
    assert isinstance(error, StreamLost)
    assert error.event_ids == ("session_0",)
    assert isinstance(error.__cause__, ReadTimeout)


@pytest.mark.parametrize("when", ["before anything", "after the hash", "while it runs"])
def test_socket_that_closes_early_is_lost(start: Start, when: str) -> None:
    def hello(peer: Peer) -> None:
        if when == "after the hash":
            peer.send(sockets.message("send_hash"))
            sockets.read_json(peer)

    script = Gradio3(lambda peer: None) if when == "while it runs" else Gradio3(hello=hello)
    assert type(run(start(script)).failure()) is StreamLost


def test_a_large_result_is_read_before_what_comes_behind_it(start: Start) -> None:
    def work(peer: Peer) -> None:
        big = "x" * LARGE
        yielded = sockets.message("process_generating", output={"data": [big]}, success=True)
        result = sockets.message("process_completed", output={"data": [1]}, success=True)
        peer.send(yielded + result + sockets.close(1012, "restarting"))
        peer.closed()

    call = run(start(Gradio3(work)))
    assert call.result() == [1]
    assert type(call.messages[-2]) is Generating


def test_close_with_a_reason_is_told(start: Start) -> None:
    def work(peer: Peer) -> None:
        peer.send(sockets.close(1012, "restarting"))
        peer.closed()

    error = run(start(Gradio3(work))).failure()
    assert isinstance(error, StreamLost)
    assert "1012 restarting" in str(error)


def test_reason_of_a_close_moves_no_terminal(start: Start) -> None:
    def work(peer: Peer) -> None:
        peer.send(sockets.close(1012, "red: \x1b[31m"))
        peer.closed()

    error = run(start(Gradio3(work))).failure()
    assert "1012 red: [31m" in str(error)


def test_arguments_larger_than_the_server_takes(start: Start) -> None:
    def work(peer: Peer) -> None:
        peer.send(sockets.close(1009))
        peer.closed()

    error = run(start(Gradio3(work))).failure()
    assert isinstance(error, HTTPStatusError)
    assert error.status == 413


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (sockets.frame(b"\xff\xfe"), ProtocolError),
        (sockets.frame(b"not json"), ProtocolError),
        (sockets.frame(b"[]"), ProtocolError),
        (sockets.frame(b"{}", sockets.BINARY), ProtocolError),
        (b"\x83\x00", ProtocolError),
        (b"HTTP/1.1 500 Oops\r\n\r\n" * 4000, ProtocolError),
        (b"\x81\x7f" + (100 << 20).to_bytes(8, "big"), EventTooLarge),
    ],
    ids=["not text", "not json", "no message", "binary", "opcode", "garbage", "100 MB"],
)
def test_garbage_is_a_typed_error(start: Start, data: bytes, kind: Any) -> None:
    def work(peer: Peer) -> None:
        peer.send(data)
        peer.closed()

    assert type(run(start(Gradio3(work))).failure()) is kind


def test_values_before_the_break_are_kept(start: Start) -> None:
    def work(peer: Peer) -> None:
        peer.send(sockets.message("process_generating", output={"data": ["a"]}, success=True))

    call = run(start(Gradio3(work)))
    assert isinstance(call.failure(), StreamLost)
    assert isinstance(call.messages[-1], Generating)


def test_missing_package_is_told_before_files_are_sent(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = start(Gradio3())
    monkeypatch.setattr(websocket, "_loaded", None)
    monkeypatch.setitem(sys.modules, "websocket", None)
    call = RecordingCall()
    monkeypatch.setattr(call, "request_body", lambda: pytest.fail("the body was made"))
    queue.submit(call)
    assert isinstance(call.failure(), MissingPackageError)


def test_body_that_fails_is_the_jobs_error(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    call = RecordingCall()

    def fail() -> bytes:
        raise AppError("no")

    monkeypatch.setattr(call, "request_body", fail)
    start(Gradio3()).submit(call)
    assert isinstance(call.failure(), AppError)


def test_handshake_that_is_never_answered(start: Start) -> None:
    queue = start(lambda peer: peer.request() and peer.closed(), read=0.1)
    assert isinstance(run(queue).failure(), ReadTimeout)


# --- ends


def test_forgotten_job_closes_its_socket(start: Start) -> None:
    closed = threading.Event()

    def work(peer: Peer) -> None:
        if sockets.read_frame(peer)[0] == sockets.CLOSE:
            closed.set()

    queue = start(Gradio3(work))
    call = run(queue)
    call.wait_fed(4)
    call.give_up()
    queue.forget(call)
    assert closed.wait(PATIENCE)
    assert call.error is None


def test_job_given_up_before_its_turn_is_not_begun(start: Start) -> None:
    queue = start(lambda peer: pytest.fail("it connected"))
    call = RecordingCall()
    call.give_up()
    queue.submit(call)
    assert not call.messages


def test_job_given_up_while_it_connects_closes_its_socket(start: Start) -> None:
    closed = threading.Event()
    call = RecordingCall()
    queues: List[SocketQueue] = []

    def script(peer: Peer) -> None:
        request = peer.request()
        assert request is not None
        call.give_up()
        queues[0].forget(call)
        sockets.accept(peer, request)
        if peer.closed():
            closed.set()

    queues.append(start(script))
    queues[0].submit(call)
    assert closed.wait(PATIENCE)
    assert call.error is None


def test_closing_the_queue_fails_its_jobs(start: Start) -> None:
    queue = start(Gradio3(lambda peer: peer.closed()))
    calls = [run(queue) for _ in range(3)]
    for call in calls:
        call.wait_fed(4)
    queue.close()
    for call in calls:
        assert isinstance(call.failure(), ClientClosed)
    assert isinstance(run(queue).failure(), ClientClosed)


# --- session hashes


def test_jobs_at_the_same_time_have_session_hashes_of_their_own(start: Start) -> None:
    queue = start(Gradio3())
    first, second = queue.hash_for(endpoint()), queue.hash_for(endpoint())
    assert first == "session"
    assert second != first
    assert queue.hash_for(endpoint(fn_index=1)) == "session"


def test_jobs_one_after_the_other_share_the_sessions(start: Start) -> None:
    queue = start(Gradio3())
    for _ in range(3):
        call = RecordingCall()
        call.session_hash = queue.hash_for(endpoint())
        assert call.session_hash == "session"
        queue.submit(call)
        call.result()


def test_session_hash_is_not_used_again_while_the_server_may_still_run_its_job(start: Start) -> None:
    queue = start(Gradio3(lambda peer: peer.closed()))
    call = RecordingCall()
    call.session_hash = queue.hash_for(endpoint())
    queue.submit(call)
    call.wait_fed(4)
    call.give_up()
    queue.forget(call)
    assert queue.hash_for(endpoint()) != "session"


def test_session_hash_is_not_used_again_after_news_of_a_job_just_given_up(start: Start) -> None:
    given_up, closed = threading.Event(), threading.Event()

    def run_on(peer: Peer) -> None:
        assert given_up.wait(PATIENCE)
        peer.send(sockets.message("process_generating", output={"data": [1]}, success=True))
        if peer.closed():
            closed.set()

    queue = start(Gradio3(run_on))
    call = RecordingCall()
    call.session_hash = queue.hash_for(endpoint())
    queue.submit(call)
    call.wait_fed(4)
    call.give_up()  # the queue has not been told yet
    given_up.set()
    assert closed.wait(PATIENCE)
    assert queue.hash_for(endpoint()) != "session"


def test_session_hash_of_a_job_that_the_server_never_got_is_used_again(start: Start) -> None:
    class Unreadable(RecordingCall):
        def request_body(self) -> bytes:
            raise InvalidFile("gone")

    queue = start(Gradio3())
    failing, cancelled = Unreadable(), RecordingCall()
    cancelled.give_up()
    for call in (failing, cancelled):
        call.session_hash = queue.hash_for(endpoint())
        assert call.session_hash == "session"
        queue.submit(call)
    assert isinstance(failing.failure(), InvalidFile)
    assert queue.hash_for(endpoint()) == "session"


def test_state_is_kept_under_the_sessions_own_hash(start: Start) -> None:
    queue = start(Gradio3())
    assert {queue.hash_for(endpoint(state=True)) for _ in range(3)} == {"session"}


def test_others_are_jobs_of_the_same_function_and_hash(start: Start) -> None:
    queue = start(Gradio3(lambda peer: peer.closed()))
    call = run(queue)
    other = run(queue, fn_index=1)
    for each in (call, other):
        each.wait_fed(4)
    with queue.exclusive(call, never) as alone:
        assert alone
    same = run(queue)
    same.wait_fed(4)
    with queue.exclusive(call, never) as alone:
        assert not alone


# --- many at once, and TLS


def submit_all(queue: SocketQueue, count: int) -> List[RecordingCall]:
    workers = Workers(4, "test-submit")
    calls = [RecordingCall() for _ in range(count)]
    for call in calls:
        workers.submit(queue.submit, call)
    workers.stop()
    return calls


def test_waiting_jobs_hold_no_thread(start: Start) -> None:
    go = threading.Event()
    begun = threading.Semaphore(0)

    def work(peer: Peer) -> None:
        begun.release()
        go.wait(PATIENCE)
        complete(peer)

    before = threading.enumerate()  # other tests leave some that idle for a while
    queue = start(Gradio3(work))
    calls = submit_all(queue, 50)
    for _ in calls:
        assert begun.acquire(timeout=PATIENCE)
    new = [thread.name for thread in threading.enumerate() if thread not in before]
    # Those that send, at most four each, one that waits, and the sender.
    assert len([name for name in new if name.startswith(("gradio", "test-"))]) <= 10
    go.set()
    assert all(call.result() == [] for call in calls)


def test_workers_that_are_all_busy_do_not_hold_a_job_up(start: Start) -> None:
    queue = start(Gradio3(), workers=1)
    let_go = threading.Event()
    queue.shared._workers.submit(let_go.wait, PATIENCE)
    assert run(queue).result() == []
    let_go.set()


def test_much_at_once_over_tls_is_read_to_its_end(start: Start) -> None:
    """Decrypted bytes wait where waiting for the socket does not show them."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    client_context = ssl.create_default_context()
    authority.configure_trust(client_context)

    def work(peer: Peer) -> None:
        value = sockets.message("process_generating", output={"data": ["x" * 1000]}, success=True)
        peer.data = ["y" * 200_000]  # type: ignore[attr-defined]
        peer.send(value * 500)
        complete(peer)

    def wrap(sock: Any) -> Any:
        return context.wrap_socket(sock, server_side=True)

    call = run(start(Gradio3(work), wrap=wrap, verify=client_context))
    assert call.result() == ["y" * 200_000]
    assert sum(isinstance(message, Generating) for message in call.messages) == 500


# --- what no server does


@pytest.mark.parametrize("msg", ["send_hash", "send_data"])
def test_what_was_sent_is_not_sent_again(start: Start, msg: str) -> None:
    def work(peer: Peer) -> None:
        peer.send(sockets.message(msg))
        peer.closed()

    server = Gradio3(work)
    error = run(start(server)).failure()
    assert isinstance(error, ProtocolError)
    assert "twice" in str(error)
    assert (len(server.hashes), len(server.bodies)) == (1, 1)


@pytest.mark.parametrize("output", [None, [], "text"])
def test_completion_without_an_output_is_no_cancellation(start: Start, output: Any) -> None:
    def work(peer: Peer) -> None:
        peer.send(sockets.message("process_completed", output=output, success=True))
        peer.closed()

    assert isinstance(run(start(Gradio3(work))).failure(), ProtocolError)


# --- what is sent cannot be


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let nothing be sent on an open WebSocket."""

    def send(*_: object) -> None:
        raise error

    monkeypatch.setattr(websocket.WebSocket, "send", send)


@pytest.mark.parametrize(
    ("error", "kind"), [(ConnectionLost("cut"), StreamLost), (ValueError("x"), ValueError)]
)
def test_answer_that_cannot_be_sent_is_the_jobs_error(
    start: Start, monkeypatch: pytest.MonkeyPatch, error: BaseException, kind: Any
) -> None:
    failing(monkeypatch, error)
    assert type(run(start(Gradio3())).failure()) is kind


def test_greeting_that_cannot_be_sent_is_the_jobs_error(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, ConnectionLost("cut"))
    assert type(run(start(Gradio3(), greets=True)).failure()) is ConnectionLost


def test_no_thread_that_sends_is_the_jobs_error(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = start(Gradio3())

    def none(_: object) -> None:
        raise ConnectionFailed("no thread")

    monkeypatch.setattr(queue.shared, "send_soon", none)
    error = run(queue).failure()
    assert isinstance(error, StreamLost)
    assert "no thread" in str(error)


def test_socket_that_cannot_be_waited_for_again_is_the_jobs_error(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = start(Gradio3())
    add = queue.shared.multiplexer.add
    added: List[Any] = []

    def once(channel: Any) -> None:
        added.append(channel)
        if len(added) > 1:
            raise OSError(24, "Too many open files")
        add(channel)

    monkeypatch.setattr(queue.shared.multiplexer, "add", once)
    error = run(queue).failure()
    assert isinstance(error, ConnectionFailed)
    assert "cannot be waited for" in str(error)
