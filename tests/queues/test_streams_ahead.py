"""Tests `session.py` and `stream.py`: streams that are opened beside a join, in a session that is known."""

from __future__ import annotations

import threading
from typing import Callable, List, Optional

import pytest

from gradio_client_lite.errors import (
    AuthenticationError,
    ClientClosed,
    ConnectFailed,
    ConnectionLost,
    QueueError,
    StreamLost,
)
from gradio_client_lite.queues import session as session_module
from gradio_client_lite.queues.session import SessionQueue
from gradio_client_lite.wire.messages import Generating, StreamCut

from .calls import RecordingCall, answer_join, join_held, submit
from .scripted import (
    CLOSE,
    PATIENCE,
    Joins,
    ScriptedStream,
    ScriptedTransport,
    answer,
    completed,
    event,
    generating,
)

TINY = 0.03
GONE = event("unexpected_error", message="404: Not Found", session_not_found=True)
BEAT = event("heartbeat")


@pytest.fixture
def warm(transport: ScriptedTransport, make_queue: Callable[..., SessionQueue]) -> SessionQueue:
    """A queue whose first job, e0, has ended."""
    return warmed(transport, make_queue(opens_ahead=True))


def warmed(transport: ScriptedTransport, session: SessionQueue) -> SessionQueue:
    stream = ScriptedStream(completed("e0"), CLOSE, b"")
    transport.offer(stream)
    submit(session).result()
    assert stream.closed.wait(PATIENCE)
    wait_released(session)
    transport.opened = 0
    return session


def wait_released(session: SessionQueue) -> None:
    """Wait until no stream is read: the one thread that reads them runs what is submitted after that."""
    released = threading.Event()
    session._threads.submit(released.set)
    assert released.wait(PATIENCE)


def test_first_stream_is_opened_after_the_join(
    transport: ScriptedTransport, make_queue: Callable[..., SessionQueue]
) -> None:
    stream = ScriptedStream()
    transport.offer(stream)
    call, held, thread = join_held(transport, make_queue(opens_ahead=True), "e0")
    assert not stream.opened.wait(TINY)
    answer_join(held, thread)
    stream.send(completed("e0", 1), CLOSE, b"")
    assert call.result() == [1]


def test_later_stream_is_opened_while_the_job_joins(transport: ScriptedTransport, warm: SessionQueue) -> None:
    stream = ScriptedStream()
    transport.offer(stream)
    call, held, thread = join_held(transport, warm, "e1")
    assert stream.opened.wait(PATIENCE)
    answer_join(held, thread)
    stream.send(completed("e1", 1), CLOSE, b"")
    assert call.result() == [1]
    assert transport.opened == 1


def test_result_before_the_answer_to_the_join_needs_no_other_stream(
    transport: ScriptedTransport, warm: SessionQueue
) -> None:
    stream = ScriptedStream(generating("e1", 1), completed("e1", 2), CLOSE, b"")
    transport.offer(stream)
    call, held, thread = join_held(transport, warm, "e1")
    assert stream.closed.wait(PATIENCE)
    wait_released(warm)
    answer_join(held, thread)
    assert call.result() == [2]
    assert call.messages[0] == Generating([1], True)
    assert transport.opened == 1


def test_join_during_a_stream_that_ends_has_the_next_one_beside_it(
    transport: ScriptedTransport, warm: SessionQueue
) -> None:
    first, second = ScriptedStream(completed("e1")), ScriptedStream()
    transport.offer(first, second)
    submit(warm).result()
    call, held, thread = join_held(transport, warm, "e2")
    first.send(CLOSE, b"")
    assert second.opened.wait(PATIENCE)
    answer_join(held, thread)
    second.send(completed("e2", 2), CLOSE, b"")
    assert call.result() == [2]


def test_job_whose_result_is_there_has_no_stream_opened_ahead(
    transport: ScriptedTransport, warm: SessionQueue
) -> None:
    stream = ScriptedStream()
    transport.offer(stream)
    first = submit(warm)
    call, held, thread = join_held(transport, warm, "late")
    stream.send(completed("late", 2), completed("e1", 1), CLOSE, b"")
    assert first.result() == [1]
    assert stream.closed.wait(PATIENCE)
    wait_released(warm)
    answer_join(held, thread)
    assert call.result() == [2]
    assert transport.opened == 1


@pytest.mark.parametrize("end", [b"", ConnectionLost("broken off")])
def test_session_that_was_forgotten_loses_no_job(
    transport: ScriptedTransport, warm: SessionQueue, end: object
) -> None:
    first, second = ScriptedStream(), ScriptedStream(generating("e1", 1), completed("e1", 2), CLOSE, b"")
    transport.offer(first, second)
    call, held, thread = join_held(transport, warm, "e1")
    assert first.opened.wait(PATIENCE)
    answer_join(held, thread)
    first.send(GONE, end)  # type: ignore[arg-type]
    assert call.result() == [2]
    assert not any(isinstance(message, StreamCut) for message in call.messages)


@pytest.mark.parametrize("joined", [False, True])
@pytest.mark.parametrize("alive", [False, True])
def test_job_that_a_session_had_before_it_was_forgotten_is_lost_once_two_heartbeats_brought_nothing(
    transport: ScriptedTransport, warm: SessionQueue, joined: bool, alive: bool
) -> None:
    """The server may have forgotten the session before it took the job, or with it."""
    first, second = ScriptedStream(), ScriptedStream()
    transport.offer(first, second)
    call, held, thread = join_held(transport, warm, "e1")
    assert first.opened.wait(PATIENCE)
    if joined:
        answer_join(held, thread)
    first.send(GONE, b"")
    assert first.closed.wait(PATIENCE)
    if not joined:
        answer_join(held, thread)
    if alive:
        second.send(generating("e1", 1), BEAT, BEAT, BEAT, completed("e1", 2), CLOSE, b"")
        assert call.result() == [2]
    else:
        second.send(BEAT)
        assert second.opened.wait(PATIENCE)
        assert not call.done()
        second.send(BEAT)
        assert isinstance(call.failure(), StreamLost)
    assert not any(isinstance(message, StreamCut) for message in call.messages)


def test_session_that_was_forgotten_is_not_asked_for_again_before_the_answer(
    transport: ScriptedTransport, warm: SessionQueue
) -> None:
    first, second = ScriptedStream(GONE, b""), ScriptedStream(completed("e1", 1), CLOSE, b"")
    transport.offer(first, second)
    call, held, thread = join_held(transport, warm, "e1")
    assert first.closed.wait(PATIENCE)
    wait_released(warm)
    assert transport.opened == 1
    answer_join(held, thread)
    assert call.result() == [1]


def test_session_that_was_forgotten_is_no_cut_however_many_jobs_join(
    transport: ScriptedTransport, make_queue: Callable[..., SessionQueue]
) -> None:
    cuts: List[None] = []
    session = make_queue(opens_ahead=True, on_cut=lambda: cuts.append(None))
    warmed(transport, session)
    first, second = ScriptedStream(), ScriptedStream(completed("e1", 1), CLOSE, b"")
    transport.offer(first, second)
    refused = [join_held(transport, session, "") for _ in range(5)]
    call, held, thread = join_held(transport, session, "e1")
    assert first.opened.wait(PATIENCE)
    first.send(GONE, b"")
    wait_released(session)
    assert transport.opened == 1  # and no other before an answer, be it asked for by a newer join
    for _, other, joins in refused:
        other.let_go.set()
        joins.join(PATIENCE)
    answer_join(held, thread)
    assert call.result() == [1]
    assert (len(call.messages), cuts) == (1, [])


def test_session_that_is_forgotten_during_a_stream_loses_the_job(
    transport: ScriptedTransport, warm: SessionQueue
) -> None:
    stream = ScriptedStream()
    transport.offer(stream)
    call, held, thread = join_held(transport, warm, "e1")
    assert stream.opened.wait(PATIENCE)
    answer_join(held, thread)
    stream.send(generating("e1", 1), GONE, b"")
    assert isinstance(call.failure(), StreamLost)
    assert transport.opened == 1


def test_session_that_is_unknown_after_the_answer_too_loses_the_job(
    transport: ScriptedTransport, warm: SessionQueue
) -> None:
    first = ScriptedStream()
    transport.offer(first, ScriptedStream(GONE, b""))
    call, held, thread = join_held(transport, warm, "e1")
    assert first.opened.wait(PATIENCE)
    answer_join(held, thread)
    first.send(GONE, b"")
    assert isinstance(call.failure(), StreamLost)


def test_stream_that_cannot_be_opened_ahead_is_opened_after_the_answer(
    transport: ScriptedTransport, warm: SessionQueue
) -> None:
    stream = ScriptedStream()
    transport.offer(ConnectFailed("refused"), stream)
    call, held, thread = join_held(transport, warm, "e1")
    wait_released(warm)
    assert not stream.opened.is_set()
    answer_join(held, thread)
    stream.send(completed("e1", 1), CLOSE, b"")
    assert call.result() == [1]


def test_stream_of_a_join_that_is_refused_stays_for_the_next_job(
    transport: ScriptedTransport, warm: SessionQueue
) -> None:
    stream = ScriptedStream()
    transport.offer(stream)
    refused, held, thread = join_held(transport, warm, "")
    assert stream.opened.wait(PATIENCE)
    answer_join(held, thread)  # without an event id
    assert refused.failure()
    transport.on("join", answer({"detail": "Queue is full"}, status=503))
    assert isinstance(submit(warm).failure(), QueueError)
    transport.on("join", Joins(1))
    call = submit(warm)
    stream.send(completed("e1", 1), CLOSE, b"")
    assert call.result() == [1]
    assert transport.opened == 1


def test_cut_before_the_answer_gives_the_job_a_grace(
    transport: ScriptedTransport, make_queue: Callable[..., SessionQueue]
) -> None:
    cuts: List[None] = []
    session = make_queue(opens_ahead=True, on_cut=lambda: cuts.append(None))
    warmed(transport, session)
    first, second = ScriptedStream(), ScriptedStream()
    transport.offer(first, second)
    call, held, thread = join_held(transport, session, "e1")
    first.cut()
    wait_released(session)
    assert (len(cuts), transport.opened) == (1, 1)  # no other before the answer
    answer_join(held, thread)
    assert call.messages == [StreamCut()]
    second.send(completed("e1", 1), CLOSE, b"")
    assert call.result() == [1]


def test_no_stream_is_opened_ahead_after_a_cut_until_a_job_has_joined(
    transport: ScriptedTransport, warm: SessionQueue
) -> None:
    transport.offer(ScriptedStream(ConnectionLost("reset")))
    _, held, thread = join_held(transport, warm, "")
    wait_released(warm)
    answer_join(held, thread)
    later, held, thread = join_held(transport, warm, "e1")
    wait_released(warm)
    assert transport.opened == 1
    transport.offer(ScriptedStream(completed("e1", 1), CLOSE, b""))
    answer_join(held, thread)
    assert later.result() == [1]


def test_streams_that_bring_results_before_their_joins_are_answered_lose_no_other_job(
    transport: ScriptedTransport, warm: SessionQueue
) -> None:
    streams = [ScriptedStream() for _ in range(6)]
    transport.offer(*streams)
    other = RecordingCall()
    transport.on("join", Joins(100))
    warm.submit(other)
    for number, stream in enumerate(streams[:-1], 1):
        assert stream.opened.wait(PATIENCE)
        call, held, thread = join_held(transport, warm, f"e{number}")
        stream.send(completed(f"e{number}", number), CLOSE, b"")
        assert stream.closed.wait(PATIENCE)
        answer_join(held, thread)
        assert call.result() == [number]
    streams[-1].send(completed("e100", 100), CLOSE, b"")
    assert other.result() == [100]
    assert len(other.messages) == 1  # and no cut


def test_close_ends_a_stream_that_nobody_waits_on(transport: ScriptedTransport, warm: SessionQueue) -> None:
    stream = ScriptedStream()
    transport.offer(stream)
    _, held, thread = join_held(transport, warm, "")
    assert stream.opened.wait(PATIENCE)
    answer_join(held, thread)
    warm.close()
    assert stream.closed.wait(PATIENCE)


def test_close_while_the_stream_is_open_and_the_job_still_joins(
    transport: ScriptedTransport, warm: SessionQueue
) -> None:
    stream = ScriptedStream()
    transport.offer(stream)
    call, held, thread = join_held(transport, warm, "e1")
    assert stream.opened.wait(PATIENCE)
    warm.close()
    assert stream.closed.wait(PATIENCE)
    answer_join(held, thread)
    assert isinstance(call.failure(), ClientClosed)
    wait_released(warm)
    assert transport.opened == 1


def test_job_that_is_cancelled_before_its_answer_leaves_the_stream_to_the_next(
    transport: ScriptedTransport, warm: SessionQueue
) -> None:
    stream = ScriptedStream()
    transport.offer(stream)
    cancelled, held, thread = join_held(transport, warm, "e1")
    assert stream.opened.wait(PATIENCE)
    cancelled.give_up()
    warm.forget(cancelled)
    stream.send(completed("e1", 1))
    answer_join(held, thread)
    transport.on("join", Joins(2))
    call = submit(warm)
    stream.send(completed("e2", 2), CLOSE, b"")
    assert call.result() == [2]
    assert not cancelled.messages
    assert transport.opened == 1


@pytest.mark.parametrize("answered", ["before", "after"])
def test_stream_that_is_refused_fails_the_job_if_it_has_joined_and_is_asked_for_again_if_not(
    transport: ScriptedTransport, warm: SessionQueue, answered: str
) -> None:
    """As when a login has expired meanwhile, which joins say too."""
    refused = ScriptedStream(b"no", status=401)
    call, held, thread = join_held(transport, warm, "e1")
    if answered == "before":
        answer_join(held, thread)
    transport.offer(refused)
    assert refused.closed.wait(PATIENCE)
    wait_released(warm)
    if answered == "before":
        assert isinstance(call.failure(), AuthenticationError)
        return
    transport.offer(ScriptedStream(completed("e1", 1), CLOSE, b""))
    answer_join(held, thread)
    assert call.result() == [1]


@pytest.mark.parametrize("error", [None, ConnectFailed("refused")])
def test_session_that_rests_has_closed_connections_replaced(
    transport: ScriptedTransport,
    make_queue: Callable[..., SessionQueue],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Optional[Exception],
) -> None:
    monkeypatch.setattr(session_module, "_REST", TINY)
    replaced: List[str] = []
    rested = threading.Event()

    def replace_closed(url: str) -> None:
        replaced.append(url)
        rested.set()
        if error is not None:
            raise error

    monkeypatch.setattr(transport, "replace_closed", replace_closed, raising=False)
    warmed(transport, make_queue(opens_ahead=True))
    assert rested.wait(PATIENCE)
    assert replaced[0].endswith("queue/join")
    assert not caplog.records
