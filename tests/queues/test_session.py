"""Tests `session.py`, `stream.py` and `pending.py`: a SessionQueue and its reader over scripted streams."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import Any, Callable, List, Tuple, Type

import pytest

from gradio_client_lite.errors import (
    AuthenticationError,
    ClientClosed,
    ConnectFailed,
    ConnectionLost,
    EventTooLarge,
    GradioClientError,
    HTTPStatusError,
    ProtocolError,
    QueueError,
    ReadTimeout,
    ServerStopped,
    StreamLost,
    TooManyRequestsError,
    ValidationError,
)
from gradio_client_lite.limits import Limits
from gradio_client_lite.queues import pending
from gradio_client_lite.queues import session as session_module
from gradio_client_lite.queues.base import parse_event_id
from gradio_client_lite.queues.session import SessionQueue
from gradio_client_lite.queues.stream import Times
from gradio_client_lite.threads import InterpreterEnding
from gradio_client_lite.transport.headers import Headers
from gradio_client_lite.wire.messages import (
    Completed,
    Estimation,
    Generating,
    ProcessStarts,
    StreamCut,
    text_bytes,
)

from .calls import RecordingCall, answer_join, in_thread, join_held, never, submit
from .scripted import (
    CLOSE,
    PATIENCE,
    HeldJoin,
    Joins,
    Reply,
    ScriptedStream,
    ScriptedTransport,
    Sent,
    answer,
    completed,
    event,
    generating,
)

MakeQueue = Callable[..., SessionQueue]
TINY = 0.03


# --- one job


def test_messages_reach_the_job_in_order(transport: ScriptedTransport, session: SessionQueue) -> None:
    transport.offer(
        ScriptedStream(
            event("estimation", "e0", rank=0, queue_size=1, rank_eta=2.0),
            event("process_starts", "e0"),
            generating("e0", "a"),
            completed("e0", "b"),
            CLOSE,
            b"",
        )
    )
    call = submit(session)
    assert call.result() == ["b"]
    assert call.messages == [
        Estimation(0, 1, 2.0),
        ProcessStarts(None),
        Generating(["a"], True),
        Completed({"data": ["b"]}, True),
    ]


def test_join_carries_body_and_headers(transport: ScriptedTransport, session: SessionQueue) -> None:
    transport.offer(ScriptedStream(completed("e0"), CLOSE, b""))
    submit(session).result()
    (sent,) = transport.sent("join")
    assert (sent.method, sent.url, sent.body) == ("POST", "http://host/queue/join", b'{"data":[]}')
    assert sent.headers == {"x-base": "1", "x-call": "1", "content-type": "application/json"}


def test_stream_is_that_of_the_session(transport: ScriptedTransport, session: SessionQueue) -> None:
    transport.offer(ScriptedStream(completed("e0"), CLOSE, b""))
    submit(session).result()
    (sent,) = transport.stream_requests
    assert sent.url == "http://host/queue/data?session_hash=session"
    assert sent.headers == {"x-base": "1", "accept": "text/event-stream"}


def test_stream_is_opened_only_after_the_join(transport: ScriptedTransport, session: SessionQueue) -> None:
    order: List[int] = []

    def join(sent: Sent) -> Any:
        order.append(transport.opened)
        return answer({"event_id": "e0"})

    transport.on("join", join)
    transport.offer(ScriptedStream(completed("e0"), CLOSE, b""))
    submit(session).result()
    assert order == [0]


def test_request_for_a_stream_is_not_sent_again_behind_the_readers_back(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    transport.offer(ScriptedStream(completed("e0"), CLOSE, b""))
    submit(session).result()
    assert transport.repeatable == [False]


def test_call_that_ended_while_it_waited_is_not_sent(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    call = RecordingCall()
    call.give_up()
    session.submit(call)
    assert transport.requests == []


def test_messages_in_any_chunks_are_understood(transport: ScriptedTransport, session: SessionQueue) -> None:
    text = generating("e0", "a") + event("heartbeat") + completed("e0", "b")
    transport.offer(ScriptedStream(*[text[i : i + 1] for i in range(len(text))], CLOSE, b""))
    assert submit(session).result() == ["b"]


def test_heartbeat_and_unknown_messages_are_ignored(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    transport.offer(
        ScriptedStream(
            event("heartbeat"),
            event("from_the_future", "e0", data=3),
            event("from_the_future"),
            completed("e0", "a"),
            CLOSE,
            b"",
        )
    )
    call = submit(session)
    assert call.result() == ["a"]
    assert len(call.messages) == 1


def test_message_for_nobody_is_ignored(transport: ScriptedTransport, session: SessionQueue) -> None:
    transport.offer(ScriptedStream(completed("stranger", "x"), completed("e0", "a"), CLOSE, b""))
    assert submit(session).result() == ["a"]


def test_nothing_is_delivered_after_the_end_of_a_job(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    stream = ScriptedStream()
    transport.offer(stream)
    first, second = submit(session), submit(session)
    stream.send(completed("e0", "a"), generating("e0", "late"), completed("e1", "b"), CLOSE, b"")
    assert (first.result(), second.result()) == (["a"], ["b"])
    assert len(first.messages) == 1


def test_stream_is_closed_after_the_last_job(transport: ScriptedTransport, session: SessionQueue) -> None:
    stream = ScriptedStream(completed("e0"), CLOSE, b"")
    transport.offer(stream)
    submit(session).result()
    assert stream.closed.wait(PATIENCE)
    assert transport.opened == 1


def test_job_that_still_fetches_its_files_keeps_no_stream_open(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    stream = ScriptedStream(completed("e0"), CLOSE, b"")
    transport.offer(stream)
    call = RecordingCall(fetches=True)
    session.submit(call)
    assert stream.closed.wait(PATIENCE)
    # Its end is no business of the stream any more.
    assert is_alone(session, RecordingCall())
    session.close()
    assert not call.done()
    assert transport.opened == 1


def test_later_job_opens_a_new_stream(transport: ScriptedTransport, session: SessionQueue) -> None:
    first, second = ScriptedStream(completed("e0", 0), CLOSE, b""), ScriptedStream(completed("e1", 1))
    transport.offer(first, second)
    assert submit(session).result() == [0]
    assert first.closed.wait(PATIENCE)
    assert submit(session).result() == [1]
    second.send(CLOSE, b"")


# --- several jobs, and messages before the answer to the join


def test_many_jobs_at_once_share_streams_and_all_end(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    stream = ScriptedStream()
    transport.offer(stream)
    calls = [RecordingCall() for _ in range(60)]
    joins, begun = Joins(), threading.Barrier(len(calls))  # what comes before a join has begun is nobody's

    def join(sent: Sent) -> Reply:
        begun.wait(PATIENCE)
        return joins(sent)

    transport.on("join", join)
    threads = [in_thread(session.submit, call) for call in calls]
    for number in range(60):
        stream.send(generating(f"e{number}", number), completed(f"e{number}", number))
    for thread in threads:
        thread.join(PATIENCE)
    for call in calls:
        assert call.result() == [int(str(call.event_id)[1:])]
        assert len(call.messages) == 2
    assert transport.opened == 1
    stream.send(CLOSE, b"")


def test_messages_before_the_answer_to_the_join_are_kept(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    stream = ScriptedStream()
    transport.offer(stream)
    first = submit(session)
    held = HeldJoin("late")
    transport.on("join", held)
    second = RecordingCall()
    thread = in_thread(session.submit, second)
    assert held.arrived.wait(PATIENCE)
    stream.send(generating("late", 1), completed("late", 2), completed("e0", 0))
    first.result()  # so the reader has passed the messages before
    assert second.messages == []
    held.let_go.set()
    assert second.result() == [2]
    assert second.messages[0] == Generating([1], True)
    thread.join(PATIENCE)
    stream.send(CLOSE, b"")


def test_job_that_ended_with_early_messages_opens_no_stream(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    stream = ScriptedStream()
    transport.offer(stream)
    first = submit(session)
    held = HeldJoin("late")
    transport.on("join", held)
    second = RecordingCall()
    thread = in_thread(session.submit, second)
    assert held.arrived.wait(PATIENCE)
    stream.send(completed("late", 2), completed("e0", 0), CLOSE, b"")
    first.result()
    assert stream.closed.wait(PATIENCE)
    held.let_go.set()
    assert second.result() == [2]
    thread.join(PATIENCE)
    assert transport.opened == 1


#: Three early messages of the tests below fill it.
FULL = 3 * text_bytes(generating("stranger", 0).decode()[len("data: ") : -2])


def flood(transport: ScriptedTransport, make_queue: MakeQueue, *event_ids: str) -> Any:
    """Jobs that are joining, on a stream that keeps about three of their messages."""
    session = make_queue(limits=Limits(early_bytes=FULL))
    stream = ScriptedStream()
    transport.offer(stream)
    first = submit(session)
    return session, stream, first, [join_held(transport, session, event_id) for event_id in event_ids]


def test_flood_that_comes_before_the_answer_to_its_join_fails_that_job_alone(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    _, stream, first, [(second, held, thread)] = flood(transport, make_queue, "late")
    stream.send(*[generating("late", number) for number in range(20)], completed("late"), completed("e0"))
    first.result()  # though the other one has not joined
    held.let_go.set()
    error = second.failure()
    assert isinstance(error, EventTooLarge)
    assert f"Limits(early_bytes={FULL})" in str(error)
    assert "/echo" in str(error)
    thread.join(PATIENCE)
    stream.send(CLOSE, b"")


def test_flood_of_a_stranger_costs_nobody_else_a_message(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    _, stream, first, [(second, held, thread)] = flood(transport, make_queue, "late")
    stream.send(generating("late", 0), *[generating("stranger", number) for number in range(20)])
    stream.send(generating("late", 1), completed("e0"))
    first.result()
    answer_join(held, thread)
    stream.send(completed("late", 2), CLOSE, b"")
    assert second.result() == [2]
    assert second.messages[:-1] == [Generating([0], True), Generating([1], True)]


def test_flood_of_a_job_that_is_being_told_what_was_kept_loses_nothing(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    """The reader waits then, as telling waits for nobody."""
    session, stream, first, _ = flood(transport, make_queue)

    class Slow(RecordingCall):
        def feed(self, message: Any, text: Any = "") -> bool:
            if not self.messages:
                stream.send(*[generating("late", number) for number in range(1, 20)], completed("e0"))
                assert not first.fed.acquire(timeout=0.05)
            return super().feed(message, text)

    second, held, thread = join_held(transport, session, "late", Slow())
    stream.send(generating("late", 0), generating("e0", 0))
    first.wait_fed()  # so the one before it is kept
    held.let_go.set()
    first.result()
    stream.send(completed("late"), CLOSE, b"")
    second.result()
    assert second.messages[:-1] == [Generating([number], True) for number in range(20)]
    thread.join(PATIENCE)


def test_flood_for_another_client_of_the_session_is_dropped(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    session, stream, first, _ = flood(transport, make_queue)
    stream.send(*[generating("foreign", number) for number in range(20)], completed("e0", 0))
    assert first.result() == [0]
    assert not session._early.ids
    stream.send(CLOSE, b"")


def test_flood_for_a_joined_job_does_not_wait_for_the_joins_of_others(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    _, stream, first, [(one, slow, slow_thread)] = flood(transport, make_queue, "slow")
    stream.send(*[generating("e0", number) for number in range(10)])
    first.wait_fed(10)
    stream.send(completed("e0"))
    first.result()
    slow.let_go.set()
    stream.send(completed("slow"), CLOSE, b"")
    one.result()
    slow_thread.join(PATIENCE)


def test_kept_messages_that_were_delivered_make_room_for_others(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    _, stream, first, [(one, slow, slow_thread), (two, quick, thread)] = flood(
        transport, make_queue, "slow", "quick"
    )
    stream.send(generating("quick", 0), generating("quick", 1), generating("quick", 2), generating("e0", 0))
    first.wait_fed()  # so the three before it are kept
    quick.let_go.set()
    two.wait_fed(3)
    stream.send(generating("slow", 0), generating("e0", 1))
    first.wait_fed()  # so there was room for the one before it
    stream.send(completed("quick"), completed("e0"))
    two.result()
    first.result()
    slow.let_go.set()
    stream.send(completed("slow"), CLOSE, b"")
    assert one.result() == []
    assert one.messages[0] == Generating([0], True)
    for each in (slow_thread, thread):
        each.join(PATIENCE)


def test_messages_for_nobody_are_not_kept_after_the_joins(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    session, stream, first, [(second, held, thread)] = flood(transport, make_queue, "late")
    stream.send(*[generating("stranger", number) for number in range(3)], generating("e0", 0))
    first.wait_fed()  # so the three before it are kept
    assert list(session._early.ids) == ["stranger"]
    answer_join(held, thread)
    assert not session._early.ids
    stream.send(completed("e0"), completed("late"), CLOSE, b"")
    for call in (first, second):
        call.result()


# --- the server closes the stream


def test_stream_closed_while_a_job_joins_is_opened_again_and_nothing_is_lost(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    first_stream, second_stream = ScriptedStream(completed("e0", 0)), ScriptedStream(completed("e1", 1))
    transport.offer(first_stream, second_stream)
    first = submit(session)
    first.result()
    second = submit(session)  # joined while the first stream is open
    first_stream.send(CLOSE, b"")
    assert second.result() == [1]
    assert transport.opened == 2
    second_stream.send(CLOSE, b"")


def test_clean_end_without_a_word_opens_the_stream_again(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    transport.offer(ScriptedStream(generating("e0", 1), b""), ScriptedStream(completed("e0", 2), CLOSE, b""))
    assert submit(session).result() == [2]


@pytest.mark.parametrize("failure", [ConnectionLost("reset"), ReadTimeout("stalled")])
def test_stream_that_breaks_after_it_was_closed_counts_as_closed(
    transport: ScriptedTransport, make_queue: MakeQueue, failure: Exception
) -> None:
    last = ScriptedStream()
    transport.offer(ScriptedStream(event("heartbeat"), CLOSE, failure), last)
    call = submit(make_queue(grace=TINY))
    assert last.opened.wait(PATIENCE)
    assert not any(thread.name == "gradio-grace" for thread in threading.enumerate())
    last.send(completed("e0", "a"), CLOSE, b"")
    assert call.result() == ["a"]


def test_stream_that_is_not_ended_after_it_was_closed_is_given_up(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    hanging = ScriptedStream(CLOSE)
    transport.offer(hanging, ScriptedStream(completed("e0", "a"), CLOSE, b""))
    assert submit(make_queue(times=Times(closing=TINY))).result() == ["a"]
    assert hanging.closed.is_set()


def test_stream_that_is_not_ended_after_an_error_for_all_is_given_up(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    """A proxy may keep the end of a stream to itself, and the next call would wait for its silence."""
    gone = event("unexpected_error", message="404: Not Found", session_not_found=True)
    hanging = ScriptedStream(event("heartbeat"), gone)
    transport.offer(hanging, ScriptedStream(completed("e1", "a"), CLOSE, b""))
    session = make_queue(times=Times(closing=TINY))
    assert isinstance(submit(session).failure(), GradioClientError)
    assert submit(session).result() == ["a"]
    assert hanging.closed.is_set()


def test_streams_that_always_end_without_a_message_lose_the_job(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    transport.offer(*[ScriptedStream(b"") for _ in range(100)])
    error = submit(make_queue(grace=TINY)).failure()
    assert isinstance(error, StreamLost)
    assert "without a message" in str(error)
    assert transport.opened < 20


# --- the stream is cut


def cut_under_a_job(
    transport: ScriptedTransport, queue: SessionQueue
) -> Tuple[RecordingCall, ScriptedStream]:
    """A job, and the stream that was opened when the first one was cut."""
    first_stream, second_stream = ScriptedStream(), ScriptedStream()
    transport.offer(first_stream, second_stream)
    call = submit(queue)
    first_stream.cut()
    assert second_stream.opened.wait(PATIENCE)
    return call, second_stream


def test_job_that_finishes_on_the_reopened_stream_finishes(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    transport.offer(
        ScriptedStream(generating("e0", 1), ConnectionLost("reset")),
        ScriptedStream(completed("e0", 2), CLOSE, b""),
    )
    assert submit(session).result() == [2]


def test_jobs_learn_of_every_cut_before_what_comes_after_it(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    transport.offer(
        ScriptedStream(generating("e0", 1), ConnectionLost("reset")),
        ScriptedStream(generating("e0", 2), ConnectionLost("reset")),
        ScriptedStream(completed("e0", 3), CLOSE, b""),
    )
    call = submit(session)
    call.result()
    kinds = [type(message) for message in call.messages]
    assert kinds == [Generating, StreamCut, Generating, StreamCut, Completed]


def test_jobs_that_do_not_finish_within_the_grace_fail_with_their_ids(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    queue = make_queue(grace=0.2)
    stream = ScriptedStream()
    transport.offer(stream, ScriptedStream(completed("e1", 1), event("heartbeat")))
    calls = [submit(queue) for _ in range(3)]
    stream.cut()
    assert calls[1].result() == [1]
    for call in (calls[0], calls[2]):
        error = call.failure()
        assert isinstance(error, StreamLost)
        assert isinstance(error, ConnectionError)
        assert set(error.event_ids) == {"e0", "e2"}
        assert isinstance(error.__cause__, ConnectionLost)
    assert calls[0].error is not calls[2].error


def test_stream_that_stalls_counts_as_cut(transport: ScriptedTransport, make_queue: MakeQueue) -> None:
    transport.offer(*[ScriptedStream() for _ in range(50)])
    error = submit(make_queue(grace=TINY, idle_timeout=TINY)).failure()
    assert isinstance(error, StreamLost)
    assert isinstance(error.__cause__, ReadTimeout)


def test_cut_is_told_once_the_jobs_have_their_grace(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    told = threading.Event()
    queue = make_queue(grace=TINY, on_cut=told.set)
    transport.offer(ScriptedStream(ConnectionLost("reset")), ScriptedStream())
    call = submit(queue)
    assert told.wait(PATIENCE)
    assert isinstance(call.failure(), StreamLost)


def test_job_that_joined_before_the_server_can_have_noticed_the_cut_gets_a_grace_too(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    queue = make_queue(grace=TINY, times=Times(unnoticed=0.5))
    first, _ = cut_under_a_job(transport, queue)
    second = submit(queue)
    assert isinstance(first.failure(), StreamLost)
    error = second.failure()
    assert isinstance(error, StreamLost)
    assert error.event_ids == ("e1",)
    assert isinstance(error.__cause__, ConnectionLost)


def test_jobs_that_join_soon_after_a_cut_share_one_thread(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    cut_under_a_job(transport, session)
    for _ in range(20):
        submit(session)
    graces = [thread for thread in threading.enumerate() if thread.name == "gradio-grace"]
    assert len(graces) <= 2  # one for the cut, one for what came after it
    session.close()


def test_job_that_joined_before_the_server_can_have_noticed_the_cut_learns_of_it(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    _, second_stream = cut_under_a_job(transport, session)
    call = submit(session)
    second_stream.send(completed("e1", 1))
    call.result()
    assert isinstance(call.messages[0], StreamCut)


def test_job_whose_join_lasts_until_long_after_the_cut_learns_where_that_was(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    session = make_queue(times=Times(unnoticed=0.0))
    first_stream, second_stream = ScriptedStream(), ScriptedStream()
    transport.offer(first_stream, second_stream)
    other = submit(session)
    call, held, thread = join_held(transport, session, "e1")
    first_stream.send(generating("e1", "a"))
    first_stream.cut()
    assert second_stream.opened.wait(PATIENCE)
    second_stream.send(generating("e1", "abc"), completed("e0", 0))
    other.result()
    answer_join(held, thread)
    second_stream.send(completed("e1", 1), CLOSE, b"")
    assert call.result() == [1]
    assert [type(message) for message in call.messages] == [Generating, StreamCut, Generating, Completed]


def test_job_that_joined_when_the_server_had_noticed_the_cut_is_safe(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    gone = event("unexpected_error", message="404: Session not found.", session_not_found=True)
    first_stream = ScriptedStream()
    transport.offer(first_stream, ScriptedStream(gone, b""), ScriptedStream(completed("e1", 1), CLOSE, b""))
    lost = submit(session)
    first_stream.cut()
    assert isinstance(lost.failure(), StreamLost)
    call = submit(session)
    assert call.result() == [1]
    assert not any(isinstance(message, StreamCut) for message in call.messages)


def test_job_joined_after_the_cut_is_not_doomed_with_the_others(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    queue = make_queue(grace=TINY)
    first, second_stream = cut_under_a_job(transport, queue)
    second = submit(queue)
    first.failure()
    second_stream.send(completed("e1", 1), CLOSE, b"")
    assert second.result() == [1]


def test_grace_that_ends_while_a_job_joins_does_not_cut_its_stream(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    """The server would drop the job's events with it."""
    queue = make_queue(grace=TINY)
    first, second = ScriptedStream(ConnectionLost("cut")), ScriptedStream()
    transport.offer(first, second)
    lost = submit(queue)
    assert second.opened.wait(PATIENCE)
    held = HeldJoin("late")
    transport.on("join", held)
    call = RecordingCall()
    thread = in_thread(queue.submit, call)
    assert held.arrived.wait(PATIENCE)
    assert isinstance(lost.failure(), StreamLost)
    answer_join(held, thread)
    second.send(completed("late", "a"), CLOSE, b"")
    assert call.result() == ["a"]
    assert transport.opened == 2


def test_no_job_joins_while_a_stream_is_left_that_nobody_waits_on(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    queue = make_queue(grace=TINY)
    joins: List[int] = []
    threads: List[threading.Thread] = []

    class Left(ScriptedStream):
        def abort(self) -> None:
            threads.append(in_thread(submit, queue))
            threads[0].join(0.1)
            joins.append(len(transport.sent("join")))
            super().abort()

    left = Left()
    transport.offer(ScriptedStream(ConnectionLost("cut")), left, ScriptedStream())
    assert isinstance(submit(queue).failure(), StreamLost)
    assert left.closed.wait(PATIENCE)
    threads[0].join(PATIENCE)
    joins.append(len(transport.sent("join")))
    assert joins == [1, 2]


def test_job_joins_once_the_server_can_have_noticed_that_a_stream_was_left(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    """It would drop a job that joined before."""
    queue = make_queue(grace=TINY)
    left_at: List[float] = []
    left = threading.Event()

    class Left(ScriptedStream):
        def abort(self) -> None:
            left_at.append(time.monotonic())
            left.set()
            super().abort()

    transport.offer(ScriptedStream(ConnectionLost("cut")), Left(), ScriptedStream())
    assert isinstance(submit(queue).failure(), StreamLost)
    assert left.wait(PATIENCE)
    submit(queue)
    assert time.monotonic() - left_at[0] >= 0.4


def test_call_by_who_learns_of_a_loss_does_not_keep_the_stream_that_lost_it(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    """The server may write there what is for nobody."""
    queue = make_queue(grace=TINY)
    joins: List[int] = []
    again: List[threading.Thread] = []

    class Again(RecordingCall):
        def fail(self, error: BaseException) -> None:
            super().fail(error)
            again.append(in_thread(submit, queue))
            again[0].join(0.1)

    class Left(ScriptedStream):
        def abort(self) -> None:
            joins.append(len(transport.sent("join")))
            super().abort()

    left = Left()
    transport.offer(ScriptedStream(ConnectionLost("cut")), left, ScriptedStream())
    queue.submit(Again())
    assert left.closed.wait(PATIENCE)
    again[0].join(PATIENCE)
    joins.append(len(transport.sent("join")))
    assert joins == [1, 2]


def test_join_waits_no_longer_for_the_server_s_notice_once_the_queue_is_closed(
    transport: ScriptedTransport, make_queue: MakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "_NOTICE", PATIENCE)
    queue = make_queue(grace=TINY)
    left = threading.Event()

    class Left(ScriptedStream):
        def abort(self) -> None:
            left.set()
            super().abort()

    transport.offer(ScriptedStream(ConnectionLost("cut")), Left())
    assert isinstance(submit(queue).failure(), StreamLost)
    assert left.wait(PATIENCE)
    call = RecordingCall()
    thread = in_thread(queue.submit, call)
    began = time.monotonic()
    queue.close()
    thread.join(PATIENCE)
    assert isinstance(call.failure(), ClientClosed)
    assert time.monotonic() - began < PATIENCE / 2


def test_grace_of_a_job_that_has_finished_ends_nothing(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    queue = make_queue(times=Times(unnoticed=0.0))
    first, second_stream = cut_under_a_job(transport, queue)
    second = submit(queue)
    second_stream.send(completed("e0", 1))
    first.result()
    queue._expire({"e0"}, ConnectionLost("cut"))  # as its alarm does
    second_stream.send(completed("e1", 2), CLOSE, b"")
    assert second.result() == [2]
    assert second.messages == [Completed({"data": [2]}, True)]  # as the server had noticed the cut before it


@pytest.mark.parametrize(("kind", "logged"), [(RuntimeError, 1), (InterpreterEnding, 0)])
def test_grace_without_a_thread_ends_no_job(
    transport: ScriptedTransport,
    session: SessionQueue,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: Any,
    logged: int,
) -> None:
    def refuse(*args: Any) -> Any:
        raise kind("can't start new thread")

    monkeypatch.setattr(pending, "Alarm", refuse)
    call, stream = cut_under_a_job(transport, session)
    stream.send(completed("e0", 1), CLOSE, b"")
    assert call.result() == [1]
    assert len(caplog.records) == logged


def test_log_handlers_of_the_program_run_without_the_lock(
    transport: ScriptedTransport,
    session: SessionQueue,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(*args: Any) -> Any:
        raise RuntimeError("can't start new thread")

    def note(_: object) -> bool:
        held.append(session._changed._is_owned())  # type: ignore[attr-defined]
        return True

    held: List[bool] = []
    monkeypatch.setattr(pending, "Alarm", refuse)
    monkeypatch.setattr(caplog.handler, "filters", [note])
    _, second_stream = cut_under_a_job(transport, session)
    call = submit(session)  # so soon after the cut that it has a grace, too
    second_stream.send(completed("e1", 1), completed("e0", 1), CLOSE, b"")
    assert call.result() == [1]
    assert held == [False, False]


def test_reader_is_released_when_the_grace_has_passed(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    silent = ScriptedStream()
    transport.offer(ScriptedStream(ConnectionLost("reset")), silent)
    submit(make_queue(grace=TINY)).failure()
    assert silent.closed.wait(PATIENCE)


def test_no_grace_goes_on_after_its_jobs_have_finished(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    queue = make_queue(grace=1000.0)
    transport.offer(ScriptedStream(ConnectionLost("reset")), ScriptedStream(completed("e0", "a"), CLOSE, b""))
    assert submit(queue).result() == ["a"]
    # The autouse fixture waits for the timer's thread, which must not last 1000 seconds.


# --- the stream cannot be opened


@pytest.mark.parametrize(
    "failure",
    [
        ConnectFailed("refused"),
        ConnectionLost("reset"),
        ReadTimeout("slow"),
        ScriptedStream(b"busy", status=503),
        ScriptedStream(b"slow down", status=429),
        ScriptedStream(b"oops", status=500),
        ScriptedStream(b"bad gateway", status=502),
    ],
    ids=str,
)
def test_stream_that_can_be_opened_the_second_time_loses_nothing(
    transport: ScriptedTransport, session: SessionQueue, failure: Any
) -> None:
    transport.offer(failure, ScriptedStream(completed("e0", "a"), CLOSE, b""))
    assert submit(session).result() == ["a"]


@pytest.mark.parametrize(
    "failure",
    [ConnectFailed("refused"), ScriptedStream(status=503), ScriptedStream(status=429)],
    ids=["refused", "503", "429"],
)
def test_stream_that_was_never_open_has_not_doomed_the_job(
    transport: ScriptedTransport, make_queue: MakeQueue, failure: Any
) -> None:
    opened = ScriptedStream()
    transport.offer(failure, opened)
    if isinstance(failure, ScriptedStream):
        failure.send(b"busy")
    call = submit(make_queue(grace=TINY))
    assert opened.opened.wait(PATIENCE)
    assert not any(thread.name == "gradio-grace" for thread in threading.enumerate())
    opened.send(completed("e0", "a"), CLOSE, b"")
    assert call.result() == ["a"]


def test_stream_that_cannot_be_opened_within_the_grace_loses_the_job(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    transport.offer(*[ConnectFailed(f"refused {number}") for number in range(100)])
    error = submit(make_queue(grace=0.1)).failure()
    assert isinstance(error, StreamLost)
    assert error.event_ids == ("e0",)
    assert isinstance(error.__cause__, ConnectFailed)
    assert "refused" in str(error)
    assert transport.opened < 20


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, b"", AuthenticationError),
        (404, b'{"detail":"Not Found"}', HTTPStatusError),
        (403, b"", HTTPStatusError),
    ],
)
def test_stream_that_is_refused_for_good_fails_the_job_at_once(
    transport: ScriptedTransport, session: SessionQueue, status: int, body: bytes, kind: Type[Exception]
) -> None:
    transport.offer(ScriptedStream(body, status=status))
    error = submit(session).failure()
    assert type(error) is kind
    assert "http://host/queue/data" in str(error)
    assert "session_hash" not in str(error)


# --- the server says that something is wrong


@pytest.mark.parametrize(
    "message",
    [
        event("unexpected_error", message="404: Session not found.", session_not_found=True),
        event("unexpected_error", message="something broke"),
        event("unexpected_error"),
    ],
)
def test_unexpected_error_ends_every_job_at_once(
    transport: ScriptedTransport, session: SessionQueue, message: bytes
) -> None:
    stream = ScriptedStream()
    transport.offer(stream)
    calls = [submit(session), submit(session)]
    stream.send(message, b"")
    for call in calls:
        error = call.failure()
        assert isinstance(error, StreamLost)
        assert set(error.event_ids) == {"e0", "e1"}
    assert transport.opened == 1


def test_session_that_another_replica_joined_is_told_apart(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    gone = event("unexpected_error", message="404: Not Found", session_not_found=True)
    transport.offer(ScriptedStream(gone, b""))
    error = submit(session).failure()
    assert isinstance(error, StreamLost)
    assert "several replicas without sticky sessions" in str(error)
    assert (error.event_ids, error.retryable) == (("e0",), False)


def test_session_that_was_dropped_after_a_cut_is_no_matter_of_replicas(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    call, second_stream = cut_under_a_job(transport, session)
    second_stream.send(event("unexpected_error", message="404: Not Found", session_not_found=True), b"")
    error = call.failure()
    assert isinstance(error, StreamLost)
    assert "replicas" not in str(error)
    assert error.retryable


def test_wait_that_a_busy_server_asks_for_reaches_the_job(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    for _ in range(100):
        stream = ScriptedStream(b"busy", status=503)
        stream.headers = Headers([("retry-after", "7")])
        transport.offer(stream)
    error = submit(make_queue(grace=TINY)).failure()
    assert isinstance(error, StreamLost)
    assert error.retry_after == 7.0


def test_unexpected_error_of_one_job_ends_that_one_with_its_id(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    stream = ScriptedStream()
    transport.offer(stream)
    first, second = submit(session), submit(session)
    stream.send(event("unexpected_error", "e0", message="broke"), completed("e1", 1), CLOSE, b"")
    assert second.result() == [1]
    error = first.failure()
    assert isinstance(error, StreamLost)
    assert error.event_ids == ("e0",)
    assert "(broke)" in str(error)


@pytest.mark.parametrize(
    "message",
    [
        event("unexpected_error", message="Server stopped unexpectedly.", success=False),
        event("Server stopped unexpectedly."),
    ],
)
def test_stopping_server_ends_every_job_with_server_stopped(
    transport: ScriptedTransport, session: SessionQueue, message: bytes
) -> None:
    transport.offer(ScriptedStream(message, b""))
    error = submit(session).failure()
    assert isinstance(error, ServerStopped)
    assert "http://host/" in str(error)


@pytest.mark.parametrize(
    "garbage", [b"data: {nonsense}\n\n", b"data: 3\n\n", b"data: {}\n\n", b'data: {"msg":5}\n\n']
)
def test_garbage_on_the_stream_is_a_protocol_error(
    transport: ScriptedTransport, session: SessionQueue, garbage: bytes
) -> None:
    stream = ScriptedStream(garbage)
    transport.offer(stream)
    assert isinstance(submit(session).failure(), ProtocolError)
    assert stream.closed.wait(PATIENCE)


def test_queue_works_again_after_garbage(transport: ScriptedTransport, session: SessionQueue) -> None:
    transport.offer(ScriptedStream(b"data: nonsense\n\n"), ScriptedStream(completed("e1", 1), CLOSE, b""))
    submit(session).failure()
    assert submit(session).result() == [1]


@pytest.mark.parametrize("failure", [b"data: nonsense\n\n", ZeroDivisionError("a bug"), SystemExit()])
def test_stream_that_is_left_in_the_midst_is_cut_for_the_jobs_that_join_then(
    transport: ScriptedTransport, make_queue: MakeQueue, failure: Any
) -> None:
    """The server goes on writing to it what is for them, and then drops them without a word."""
    told = threading.Event()
    queue = make_queue(grace=TINY, on_cut=told.set, times=Times(unnoticed=0.1))
    stream = ScriptedStream()
    transport.offer(stream, ScriptedStream())
    first = submit(queue)
    second, held, thread = join_held(transport, queue, "late")
    stream.send(failure)
    first.failure()
    assert told.is_set()  # as who learns of the failure may call again at once
    held.let_go.set()
    assert isinstance(second.failure(), StreamLost)
    assert second.messages == [StreamCut()]
    thread.join(PATIENCE)


@pytest.mark.parametrize("alive", [False, True])
@pytest.mark.parametrize("cut", [False, True])
def test_job_whose_join_was_under_way_when_the_server_dropped_the_session_may_be_lost(
    transport: ScriptedTransport, make_queue: MakeQueue, cut: bool, alive: bool
) -> None:
    queue = make_queue(grace=0.2, times=Times(unnoticed=PATIENCE))
    first, third = ScriptedStream(generating("e0", 1)), ScriptedStream()
    gone = event("unexpected_error", message="404: Not Found", session_not_found=True)
    transport.offer(first, *([ScriptedStream(gone, b"")] if cut else []), third)
    other = submit(queue)
    other.wait_fed()
    call, held, thread = join_held(transport, queue, "late")  # which the server has taken before it drops all
    if cut:
        first.cut()
    else:
        first.send(gone, b"")
    assert isinstance(other.failure(), StreamLost)
    answer_join(held, thread)
    if alive:  # it has taken it afterwards
        third.send(generating("late", 1))
        call.wait_fed(2)
        time.sleep(0.4)
        third.send(completed("late", 2), CLOSE, b"")
        assert call.result() == [2]
    else:
        error = call.failure()
        assert isinstance(error, StreamLost)
        assert f"({'cut' if cut else '404: Not Found'})" in str(error)
    assert call.messages[0] == StreamCut()


def test_stream_whose_answer_was_no_http_is_cut(transport: ScriptedTransport, make_queue: MakeQueue) -> None:
    """The server may have opened it, and write what is for later jobs to it."""
    told = threading.Event()
    queue = make_queue(on_cut=told.set)
    transport.offer(ProtocolError("garbage"))
    assert isinstance(submit(queue).failure(), ProtocolError)
    assert told.is_set()


def test_stream_that_was_refused_is_not_cut(transport: ScriptedTransport, make_queue: MakeQueue) -> None:
    queue = make_queue(on_cut=never)
    transport.offer(ScriptedStream(b"no", status=401), ScriptedStream(completed("e1", 1), CLOSE, b""))
    assert isinstance(submit(queue).failure(), AuthenticationError)
    second = submit(queue)
    assert second.result() == [1]
    assert not any(isinstance(message, StreamCut) for message in second.messages)


def test_what_nobody_foresaw_fails_the_jobs_and_hangs_none(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    bug = ZeroDivisionError("a bug")
    transport.offer(ScriptedStream(bug))
    error = submit(session).failure()
    assert isinstance(error, ProtocolError)
    assert error.__cause__ is bug


# --- the join fails


@pytest.mark.parametrize(
    ("status", "content", "kind"),
    [
        (503, {"detail": "Queue is full."}, QueueError),
        (429, {}, TooManyRequestsError),
        (422, {"detail": "no such field"}, ValidationError),
        (401, {"detail": "Not authenticated"}, AuthenticationError),
        (500, b"Internal Server Error", HTTPStatusError),
        (404, b"<html>", HTTPStatusError),
        (302, b"", HTTPStatusError),
        (200, b"not json", ProtocolError),
        (200, b"[" * 100_000, ProtocolError),
        (200, b"\xff\xfe", ProtocolError),
        (200, [], ProtocolError),
        (200, {}, ProtocolError),
        (200, {"event_id": 5}, ProtocolError),
    ],
)
def test_answer_to_the_join_that_is_no_event_id_fails_the_job(
    transport: ScriptedTransport,
    session: SessionQueue,
    status: int,
    content: Any,
    kind: Type[GradioClientError],
) -> None:
    transport.on("join", answer(content, status))
    assert type(submit(session).failure()) is kind
    assert transport.opened == 0


def test_join_that_cannot_be_sent_fails_the_job_with_the_same_error(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    refused = ConnectFailed("refused")
    transport.on("join", refused)
    assert submit(session).failure() is refused


def test_interrupt_during_the_join_reaches_the_caller_and_the_queue_goes_on(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    def interrupt(sent: Sent) -> Any:
        raise KeyboardInterrupt

    transport.on("join", interrupt)
    call = RecordingCall()
    with pytest.raises(KeyboardInterrupt):
        session.submit(call)
    assert isinstance(call.failure(), KeyboardInterrupt)
    transport.on("join", answer({"event_id": "e0"}))
    transport.offer(ScriptedStream(completed("e0", "a"), CLOSE, b""))
    assert submit(session).result() == ["a"]


def test_thread_that_cannot_be_started_fails_the_job(
    session: SessionQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        error = submit(session).failure()
    assert isinstance(error, ConnectionError)
    assert "can't start new thread" in str(error)


def test_interrupt_while_the_reader_is_started_does_not_hold_up_later_jobs(
    transport: ScriptedTransport, session: SessionQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(self: threading.Thread) -> None:
        raise KeyboardInterrupt

    call = RecordingCall()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", interrupt)
        with pytest.raises(KeyboardInterrupt):
            session.submit(call)
    call.give_up()
    session.forget(call)
    transport.offer(ScriptedStream(completed("e1", "a"), CLOSE, b""))
    assert submit(session).result() == ["a"]


# --- forgetting


def test_forgotten_job_gets_no_more_messages(transport: ScriptedTransport, session: SessionQueue) -> None:
    stream = ScriptedStream()
    transport.offer(stream)
    first, second = submit(session), submit(session)
    first.give_up()
    session.forget(first)
    stream.send(generating("e0", 1), completed("e0", 2), completed("e1", 3), CLOSE, b"")
    assert second.result() == [3]
    assert first.messages == []


def test_job_given_up_while_it_joined_opens_no_stream(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    held = HeldJoin("e0")
    transport.on("join", held)
    call = RecordingCall()
    thread = in_thread(session.submit, call)
    assert held.arrived.wait(PATIENCE)
    call.give_up()
    session.forget(call)
    answer_join(held, thread)
    assert call.event_id == "e0"  # it was told, so that the server can be
    assert transport.opened == 0


# --- stopping cancelled jobs


def is_alone(session: SessionQueue, call: RecordingCall) -> bool:
    with session.exclusive(call, never) as alone:
        return alone


def test_job_is_alone_without_another_of_its_endpoint(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    transport.offer(ScriptedStream())
    first = submit(session)
    assert is_alone(session, first)
    session.submit(RecordingCall(fn_index=1))
    session.forget(first)
    assert is_alone(session, first)


def test_job_is_not_alone_beside_another_of_its_endpoint(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    transport.offer(ScriptedStream())
    first, second = submit(session), submit(session)
    session.forget(first)
    assert not is_alone(session, first)
    session.close()  # that is no news for `never`
    session.forget(second)


@pytest.mark.parametrize(("fn_index", "alone"), [(0, False), (1, True)])
def test_job_that_is_joining_counts_too(
    transport: ScriptedTransport, session: SessionQueue, fn_index: int, alone: bool
) -> None:
    transport.offer(ScriptedStream())
    first = submit(session)
    held = HeldJoin("late")
    transport.on("join", held)
    thread = in_thread(session.submit, RecordingCall(fn_index=fn_index))
    assert held.arrived.wait(PATIENCE)
    session.forget(first)
    assert is_alone(session, first) is alone
    answer_join(held, thread)


def test_no_job_joins_while_one_is_stopped(transport: ScriptedTransport, session: SessionQueue) -> None:
    transport.offer(*(ScriptedStream(completed(event_id), CLOSE, b"") for event_id in ("e0", "e1")))
    call = submit(session)
    call.result()
    with session.exclusive(call, never) as alone:
        assert alone
        thread = in_thread(submit, session)
        thread.join(TINY)
        assert len(transport.sent("join")) == 1
    thread.join(PATIENCE)
    assert len(transport.sent("join")) == 2


def test_job_that_is_not_alone_is_stopped_when_the_others_have_ended(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    stream = ScriptedStream()
    transport.offer(stream)
    cancelled, other = submit(session), submit(session)
    stopped = threading.Event()
    session.forget(cancelled)
    with session.exclusive(cancelled, stopped.set) as alone:
        assert not alone
    assert not stopped.is_set()
    stream.send(completed("e1"))
    other.result()
    assert stopped.wait(PATIENCE)


def test_job_that_is_not_alone_is_stopped_when_the_others_are_lost(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    stream = ScriptedStream()
    transport.offer(stream)
    cancelled, other = submit(session), submit(session)
    stopped = threading.Event()
    session.forget(cancelled)
    with session.exclusive(cancelled, stopped.set) as alone:
        assert not alone
    stream.send(event("unexpected_error", message="broke"), b"")
    assert isinstance(other.failure(), StreamLost)
    assert stopped.wait(PATIENCE)


def test_of_several_cancelled_jobs_the_last_has_all_stopped(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    transport.offer(ScriptedStream())
    calls = [submit(session) for _ in range(3)]
    stopped: List[RecordingCall] = []
    for call in calls:
        session.forget(call)
        with session.exclusive(call, partial(stopped.append, call)) as alone:
            assert alone is (call is calls[-1])
    assert stopped == calls[:-1]


def test_job_that_the_server_ended_itself_is_not_stopped_later(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    stream = ScriptedStream()
    transport.offer(stream)
    cancelled, other = submit(session), submit(session)
    session.forget(cancelled)
    stopped = threading.Event()
    with session.exclusive(cancelled, stopped.set) as alone:
        assert not alone
    stream.send(completed("e0"), completed("e1"), CLOSE, b"")
    other.result()
    assert stream.closed.wait(PATIENCE)
    assert not stopped.is_set()


def test_stream_that_stumbles_over_a_second_end_is_opened_again(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    stream = ScriptedStream()
    transport.offer(stream, ScriptedStream(completed("e1", "kept"), CLOSE, b""))
    submit(session)
    other = submit(session)  # it has joined, so the stream is not opened for its join as well
    stumble = event("unexpected_error", message="'e0'")
    stream.send(completed("e0"), stumble, ConnectionLost("cut short"))
    assert other.result() == ["kept"]
    assert transport.opened == 2


# --- closing


def test_close_fails_waiting_jobs_and_ends_the_stream(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    stream = ScriptedStream(event("heartbeat"))
    transport.offer(stream)
    calls = [submit(session, "/one"), submit(session, "/two")]
    assert stream.opened.wait(PATIENCE)
    session.close()
    for call in calls:
        assert isinstance(call.failure(), ClientClosed)
    assert "/one" in str(calls[0].error)
    assert stream.closed.wait(PATIENCE)


def test_close_during_a_join_fails_that_job(transport: ScriptedTransport, session: SessionQueue) -> None:
    held = HeldJoin("e0")
    transport.on("join", held)
    call = RecordingCall()
    thread = in_thread(session.submit, call)
    assert held.arrived.wait(PATIENCE)
    session.close()
    held.let_go.set()
    assert isinstance(call.failure(), ClientClosed)
    thread.join(PATIENCE)
    assert transport.opened == 0


def test_job_after_close_fails_and_sends_nothing(transport: ScriptedTransport, session: SessionQueue) -> None:
    session.close()
    assert isinstance(submit(session).failure(), ClientClosed)
    assert transport.requests == []


def test_close_may_be_called_twice(session: SessionQueue) -> None:
    session.close()
    session.close()


def test_close_ends_the_wait_between_attempts_and_the_grace(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    queue = make_queue(grace=1000.0, times=Times(first_pause=1000.0, longest_pause=1000.0))
    waiting = ScriptedStream(ConnectionLost("reset"))
    transport.offer(ScriptedStream(ConnectionLost("reset")), waiting)
    call = submit(queue)
    assert waiting.closed.wait(PATIENCE)
    queue.close()
    assert isinstance(call.failure(), ClientClosed)
    # The autouse fixture waits for the reader and the timer.


def test_close_frees_a_reader_that_waits_for_a_job_to_be_told_a_flood(
    transport: ScriptedTransport, make_queue: MakeQueue
) -> None:
    session, stream, first, _ = flood(transport, make_queue)

    class Closing(RecordingCall):
        def feed(self, message: Any, text: Any = "") -> bool:
            stream.send(*[generating("late", number) for number in range(20)])
            session.close()
            assert stream.closed.wait(PATIENCE)
            return super().feed(message, text)

    second, held, thread = join_held(transport, session, "late", Closing())
    stream.send(generating("late", 0), generating("e0", 0))
    first.wait_fed()
    held.let_go.set()
    for call in (first, second):
        assert isinstance(call.failure(), ClientClosed)
    thread.join(PATIENCE)


# --- the answer to a join


def test_event_id_is_read_from_the_answer() -> None:
    assert parse_event_id(b'{"event_id": "abc", "more": 1}', "/echo") == "abc"
