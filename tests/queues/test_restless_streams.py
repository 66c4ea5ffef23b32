"""Streams that are there, but bring no job on."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any, Callable, Iterator, List

import pytest
from legacy.old_servers import STREAM_HEAD, chunk, run, starting
from transport.peers import Peer
from transport.sockets import accept, frame

from gradio_client_lite.errors import (
    ConnectionLost,
    HTTPStatusError,
    ReadTimeout,
    StreamLost,
    TooManyRedirects,
)
from gradio_client_lite.legacy.socket import SocketQueue
from gradio_client_lite.legacy.stream import StreamQueue
from gradio_client_lite.queues.session import SessionQueue
from gradio_client_lite.queues.stream import Times
from gradio_client_lite.transport import sockets as gain_module
from gradio_client_lite.transport.sockets import LEAST_GAIN

from .calls import RecordingCall
from .scripted import (
    CLOSE,
    ScriptedStream,
    ScriptedTransport,
    completed,
    event,
    generating,
)

MakeQueue = Callable[..., SessionQueue]
TINY = 0.03


def submit(queue: SessionQueue) -> RecordingCall:
    call = RecordingCall()
    queue.submit(call)
    return call


@pytest.fixture
def waits(session: SessionQueue) -> List[float]:
    """The seconds that the session's reader waits between streams; it does not."""
    waited: List[float] = []

    class Stopped(threading.Event):
        def wait(self, timeout: Any = None) -> bool:
            waited.append(timeout)
            return super().wait(0.0)

    session._reader._stopped = Stopped()
    return waited


SAYINGS = {
    "nothing": [],
    "close_stream": [CLOSE],
    "heartbeat": [event("heartbeat"), CLOSE],
    "a heartbeat for the job": [event("heartbeat", "e0")],
    "stumble": [completed("other"), event("unexpected_error", message="'other'")],
    "unknown": [event("from_the_future", "e0")],
    "others": [generating("other", 1), completed("another", 2), CLOSE],
    "comments": [b": still there\n\n"],
}


@pytest.mark.parametrize("sayings", SAYINGS.values(), ids=SAYINGS)
def test_streams_that_end_without_a_message_for_a_job_lose_it(
    transport: ScriptedTransport, make_queue: MakeQueue, sayings: List[bytes]
) -> None:
    transport.offer(*[ScriptedStream(*sayings, b"") for _ in range(100)])
    error = submit(make_queue(grace=TINY)).failure()
    assert isinstance(error, StreamLost)
    assert "without a message" in str(error)
    assert error.event_ids == ("e0",)
    assert transport.opened < 20


@pytest.mark.parametrize("sayings", SAYINGS.values(), ids=SAYINGS)
def test_streams_without_a_message_are_opened_more_and_more_slowly(
    transport: ScriptedTransport, session: SessionQueue, waits: List[float], sayings: List[bytes]
) -> None:
    transport.offer(*[ScriptedStream(*sayings, b"") for _ in range(9)], ScriptedStream(completed("e0", 1)))
    assert submit(session).result() == [1]
    assert waits == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


def test_stream_that_closes_while_a_job_joins_is_opened_at_once(
    transport: ScriptedTransport, session: SessionQueue, waits: List[float]
) -> None:
    transport.offer(ScriptedStream(CLOSE, b""), ScriptedStream(completed("e0", 1), CLOSE, b""))
    assert submit(session).result() == [1]
    assert waits == []


@pytest.mark.parametrize(
    "message",
    [
        generating("e0", 1),
        event("progress", "e0", progress_data=[]),
        event("log", "e0", log="x"),
        event("estimation", "e0", rank=1),
        event("process_starts", "e0"),
    ],
)
def test_message_for_a_waiting_job_is_progress(
    transport: ScriptedTransport, session: SessionQueue, waits: List[float], message: bytes
) -> None:
    for _ in range(4):
        transport.offer(ScriptedStream(b""), ScriptedStream(message, CLOSE, b""))
    transport.offer(ScriptedStream(completed("e0", 1), CLOSE, b""))
    assert submit(session).result() == [1]
    assert waits == []


def test_streams_that_progress_but_end_at_once_cannot_be_opened_without_end(
    transport: ScriptedTransport, session: SessionQueue, waits: List[float]
) -> None:
    restless = [ScriptedStream(event("estimation", "e0", rank=1), CLOSE, b"") for _ in range(15)]
    transport.offer(*restless, ScriptedStream(completed("e0", 1), CLOSE, b""))
    assert submit(session).result() == [1]
    assert waits == [0.05, 0.1, 0.2, 0.4]


def test_streams_that_each_end_a_job_are_opened_at_once(
    transport: ScriptedTransport, session: SessionQueue, waits: List[float]
) -> None:
    transport.offer(*[ScriptedStream(completed(f"e{number}"), CLOSE, b"") for number in range(30)])
    last = None
    for _ in range(30):
        last = submit(session)
        last.result()
    assert last is not None
    assert waits == []


def test_streams_that_progress_and_are_cut_are_opened_again_at_once(
    transport: ScriptedTransport, session: SessionQueue, waits: List[float]
) -> None:
    for _ in range(4):
        transport.offer(ScriptedStream(generating("e0", 1), ConnectionLost("cut")))
    transport.offer(ScriptedStream(completed("e0", 1), CLOSE, b""))
    assert submit(session).result() == [1]
    assert waits == []


def test_streams_that_progress_but_are_cut_soon_cannot_be_opened_without_end(
    transport: ScriptedTransport, session: SessionQueue, waits: List[float]
) -> None:
    restless = [ScriptedStream(generating("e0", 1), ConnectionLost("cut")) for _ in range(15)]
    transport.offer(*restless, ScriptedStream(completed("e0", 1), CLOSE, b""))
    assert submit(session).result() == [1]
    assert waits == [0.05, 0.1, 0.2, 0.4]


def test_streams_that_keep_redirecting_lose_the_job(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    transport.offer(*[TooManyRedirects("around") for _ in range(100)])
    assert isinstance(submit(make_queue(grace=TINY)).failure(), StreamLost)


@pytest.mark.parametrize("status", [204, 302, 403, 404])
def test_stream_that_is_refused_ends_the_job_at_once(
    transport: ScriptedTransport, session: SessionQueue, status: int
) -> None:
    transport.offer(ScriptedStream(b"", status=status))
    error = submit(session).failure()
    assert isinstance(error, HTTPStatusError)
    assert error.status == status
    assert transport.opened == 1


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_stream_that_always_fails_loses_the_job(
    transport: ScriptedTransport, make_queue: MakeQueue, status: int
) -> None:
    transport.offer(*[ScriptedStream(b"", status=status) for _ in range(100)])
    assert isinstance(submit(make_queue(grace=TINY)).failure(), StreamLost)
    assert transport.opened < 20


def test_flood_after_the_server_has_closed_the_stream_is_left(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    talking = ScriptedStream(CLOSE, *[event("heartbeat")] * 1000)
    transport.offer(talking, ScriptedStream(completed("e0", 1), CLOSE, b""))
    assert submit(make_queue(times=Times(closing=0.0))).result() == [1]
    assert talking.closed.is_set()


# --- trickles

#: In seconds. Trickles are some times faster.
IDLE = 0.2


class Trickle(ScriptedStream):
    """Sends what it is given in small pieces, one after each read, for as long as it is read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._trickle = pieces

    def read_some(self, size: int = 65536) -> bytes:
        threading.Event().wait(IDLE / 5)
        return next(self._trickle)


def forever(piece: bytes, begin: bytes = b"") -> Iterator[bytes]:
    yield begin
    while True:
        yield piece


TRICKLES = {
    "a letter of a value": (b'data: {"msg": "', b"x"),
    "data lines": (b"data: 1\n", b"data: 1\n"),
    "a field": (b"event: ", b"x"),
    "a comment": (b": ", b"x"),
}


@pytest.mark.parametrize(("begin", "piece"), TRICKLES.values(), ids=TRICKLES)
def test_stream_that_trickles_counts_as_cut(
    transport: ScriptedTransport, make_queue: MakeQueue, begin: bytes, piece: bytes
) -> None:
    transport.offer(*[Trickle(forever(piece, begin)) for _ in range(50)])
    error = submit(make_queue(grace=TINY, idle_timeout=IDLE)).failure()
    assert isinstance(error, StreamLost)
    assert isinstance(error.__cause__, ReadTimeout)
    assert str(LEAST_GAIN) in str(error)


def test_event_that_stalls_counts_from_its_last_gain(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    stream = ScriptedStream(b"data: ", b"x", b"x")
    transport.offer(stream, *[ScriptedStream(ReadTimeout("none")) for _ in range(50)])
    assert isinstance(submit(make_queue(grace=TINY, idle_timeout=TINY)).failure(), StreamLost)
    assert stream._timeout is not None
    assert stream._timeout < TINY


@pytest.mark.parametrize(
    "sign", [event("heartbeat"), b": alive\n\n", b":\n"], ids=["event", "comment", "line"]
)
def test_heartbeats_and_comments_are_signs_of_life(
    transport: ScriptedTransport, make_queue: MakeQueue, sign: bytes
) -> None:
    def signs() -> Iterator[bytes]:
        for _ in range(15):  # three idle timeouts
            yield sign
        yield completed("e0", 1)
        yield CLOSE
        yield b""

    transport.offer(Trickle(signs()))
    assert submit(make_queue(idle_timeout=IDLE)).result() == [1]


def test_large_event_over_a_slow_link_arrives(
    transport: ScriptedTransport, make_queue: MakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gain_module, "LEAST_GAIN", 100)
    whole = completed("e0", "x" * 1000)
    pieces = [whole[place : place + 50] for place in range(0, len(whole), 50)]
    transport.offer(Trickle(iter([*pieces, CLOSE, b""])))
    assert submit(make_queue(idle_timeout=IDLE)).result() == ["x" * 1000]


def trickle_over(peer: Peer, begin: bytes, piece: bytes, wrap: Callable[[bytes], bytes]) -> None:
    peer.send(begin)
    with suppress(OSError):
        while not threading.Event().wait(IDLE / 5):
            peer.send(wrap(piece))


def test_stream_of_a_job_that_trickles_is_lost_though_the_server_answers() -> None:
    def script(peer: Peer) -> None:
        while True:
            request = peer.request()
            if request is None:
                return
            if "queue/join" in request.path:
                trickle_over(peer, STREAM_HEAD + chunk(b"data: "), b"x", chunk)
                return
            peer.answer(b"{}")

    with starting(StreamQueue) as start:
        error = run(start(script, idle_timeout=IDLE)).failure()
    assert isinstance(error, StreamLost)
    assert str(LEAST_GAIN) in str(error)


def test_socket_that_trickles_is_lost() -> None:
    def script(peer: Peer) -> None:
        request = peer.request()
        assert request is not None
        accept(peer, request)
        trickle_over(peer, frame(b"x" * 60_000)[:4], b"x", lambda piece: piece)

    with starting(SocketQueue) as start:
        assert isinstance(run(start(script, idle_timeout=IDLE)).failure(), StreamLost)


def test_large_message_over_a_slow_socket_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gain_module, "LEAST_GAIN", 100)
    text = event("process_completed", output={"data": ["x" * 1000]}, success=True)[6:-2]

    def script(peer: Peer) -> None:
        request = peer.request()
        assert request is not None
        accept(peer, request)
        whole = frame(text)
        for place in range(0, len(whole), 50):
            peer.send(whole[place : place + 50])
            threading.Event().wait(IDLE / 10)
        peer.closed()

    with starting(SocketQueue) as start:
        assert run(start(script, idle_timeout=IDLE)).result() == ["x" * 1000]
