"""Tests `base.py` and `pending.py`: an event id belongs to one job, and early messages to one id."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError
from typing import Any, Callable, List

import pytest

from gradio_client_lite.errors import EventTooLarge, ProtocolError
from gradio_client_lite.limits import Limits
from gradio_client_lite.queues.base import LONGEST_ID, Claims
from gradio_client_lite.queues.pending import EarlyMessages
from gradio_client_lite.queues.session import SessionQueue
from gradio_client_lite.wire.messages import StreamCut

from .calls import RecordingCall, answer_join, in_thread, join_held, submit
from .scripted import (
    CLOSE,
    PATIENCE,
    HeldJoin,
    Joins,
    ScriptedStream,
    ScriptedTransport,
    answer,
    completed,
    event,
    generating,
)


def test_two_joins_that_are_answered_with_one_id_fail_both(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    transport.on("join", answer({"event_id": "same"}))
    stream = ScriptedStream()
    transport.offer(stream)
    first = submit(session, "/one")
    assert stream.opened.wait(PATIENCE)
    second = submit(session, "/two")
    for call in (first, second):
        assert isinstance(call.failure(), ProtocolError)
        assert "/one" in str(call.error)
        assert "/two" in str(call.error)
    assert first.error is not second.error
    stream.send(completed("same", "whose?"), CLOSE, b"")
    assert stream.closed.wait(PATIENCE)
    assert (first.messages, second.messages) == ([], [])


def test_call_is_not_told_an_id_that_is_another_calls(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    # Cancelling it would stop the other one.
    transport.on("join", answer({"event_id": "same"}))
    transport.offer(ScriptedStream())
    submit(session)
    assert submit(session).event_id is None


def test_other_jobs_go_on_beside_two_with_one_id(transport: ScriptedTransport, session: SessionQueue) -> None:
    stream = ScriptedStream()
    transport.offer(stream)
    good = submit(session)
    transport.on("join", answer({"event_id": "same"}))
    submit(session), submit(session)
    stream.send(completed("same", 1), completed("e0", 2), CLOSE, b"")
    assert good.result() == [2]


def test_id_of_a_job_that_has_ended_is_no_later_jobs(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    transport.on("join", answer({"event_id": "e0"}))
    transport.offer(ScriptedStream(completed("e0", 1), CLOSE, b""))
    assert submit(session).result() == [1]
    assert isinstance(submit(session).failure(), ProtocolError)
    assert transport.opened == 1


def test_id_of_a_cancelled_job_is_no_later_jobs(transport: ScriptedTransport, session: SessionQueue) -> None:
    transport.on("join", answer({"event_id": "e0"}))
    transport.offer(ScriptedStream(), ScriptedStream())
    first = submit(session)
    first.give_up()
    session.forget(first)
    assert isinstance(submit(session).failure(), ProtocolError)


def test_forgetting_a_call_leaves_the_one_with_its_id_alone(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    stream = ScriptedStream()
    transport.offer(stream)
    call = submit(session)
    stranger = RecordingCall()
    stranger.event_id = call.event_id
    session.forget(stranger)
    stream.send(completed("e0", 1), CLOSE, b"")
    assert call.result() == [1]


@pytest.mark.parametrize("event_id", ["", "x" * (LONGEST_ID + 1)])
def test_id_of_no_sensible_length_is_none(
    transport: ScriptedTransport, session: SessionQueue, event_id: str
) -> None:
    transport.on("join", answer({"event_id": event_id}))
    assert isinstance(submit(session).failure(), ProtocolError)


def test_number_of_remembered_ids_is_bounded() -> None:
    claims = Claims(3)
    for number in range(10):
        claims.end(f"e{number}")
    assert [number for number in range(10) if claims.has_ended(f"e{number}")] == [7, 8, 9]


# --- messages of jobs that are forgotten


def test_messages_of_a_forgotten_job_are_not_kept_while_others_join(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    stream = ScriptedStream()
    transport.offer(stream)
    forgotten, waiting = submit(session), submit(session)
    forgotten.give_up()
    session.forget(forgotten)
    joining, held, thread = join_held(transport, session, "late")
    stream.send(*[generating("e0", number) for number in range(20)], completed("e1", "told"))
    assert waiting.result() == ["told"]  # though the join has not been answered
    assert not session._early.ids
    answer_join(held, thread)
    stream.send(completed("late", 1), CLOSE, b"")
    assert joining.result() == [1]


def test_forgotten_job_that_goes_on_is_remembered_however_many_end_after_it(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    session._claims = Claims(3)
    stream = ScriptedStream()
    transport.offer(stream)
    forgotten, waiting = submit(session), submit(session)
    forgotten.give_up()
    session.forget(forgotten)
    joining, held, thread = join_held(transport, session, "late")
    transport.on("join", Joins(2))
    for number in range(2, 8):
        other = submit(session)
        stream.send(generating("e0", number), completed(f"e{number}"))
        other.result()
    stream.send(generating("e0", 8), generating("e1", 0))
    waiting.wait_fed()
    assert not session._early.ids
    answer_join(held, thread)
    stream.send(completed("late", 1), completed("e1"), CLOSE, b"")
    assert joining.result() == [1]


def test_messages_for_nobody_are_let_go_once_the_joins_of_their_time_have_ended(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    """However closely the joins follow each other."""
    stream = ScriptedStream()
    transport.offer(stream)
    waiting = submit(session)
    one, held_one, thread_one = join_held(transport, session, "one")
    stream.send(*[generating("stranger", number) for number in range(3)], generating("e0", 0))
    waiting.wait_fed()  # so those before it are kept
    two, held_two, thread_two = join_held(transport, session, "two")
    answer_join(held_one, thread_one)
    stream.send(generating("stranger", 4), generating("two", 0), completed("e0", "told"))
    assert waiting.result() == ["told"]
    assert list(session._early.ids) == ["two"]
    answer_join(held_two, thread_two)
    stream.send(completed("one", 1), completed("two", 2), CLOSE, b"")
    assert (one.result(), two.result()) == ([1], [2])
    assert len(two.messages) == 2


# --- telling early messages


class SlowCall(RecordingCall):
    """Lets the test act while it is fed its first message."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self._act = act

    def feed(self, message: Any, text: Any = "") -> bool:
        if not self.messages:
            self._act()
        return super().feed(message, text)


def test_no_lock_is_held_while_early_messages_are_told_and_their_order_stays(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    stream = ScriptedStream()
    transport.offer(stream)
    other = submit(session)
    held = HeldJoin("late")
    transport.on("join", held)

    def act() -> None:
        # What comes meanwhile, and what is for others.
        stream.send(generating("late", 2), completed("e0", "other"))
        assert other.result() == ["other"]
        transport.on("join", answer({"event_id": "third"}))
        submit(session)

    call = SlowCall(act)
    thread = in_thread(session.submit, call)
    assert held.arrived.wait(PATIENCE)
    stream.send(generating("late", 0), generating("late", 1), generating("e0", 0))
    other.wait_fed()  # so those before it are kept
    answer_join(held, thread)
    stream.send(generating("late", 3), completed("late"), completed("third"), CLOSE, b"")
    call.result()
    assert [message.data for message in call.messages[:-1]] == [[0], [1], [2], [3]]  # type: ignore[union-attr]


def test_cut_while_early_messages_are_told_is_told_behind_them(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    first, second = ScriptedStream(), ScriptedStream()
    transport.offer(first, second)
    other = submit(session)
    held = HeldJoin("late")
    transport.on("join", held)

    def act() -> None:
        first.cut()
        assert second.opened.wait(PATIENCE)

    call = SlowCall(act)
    thread = in_thread(session.submit, call)
    assert held.arrived.wait(PATIENCE)
    first.send(generating("late", 0), generating("late", 1), generating("e0", 0))
    other.wait_fed()
    answer_join(held, thread)
    second.send(completed("late"), completed("e0"), CLOSE, b"")
    call.result()
    kinds: List[str] = [type(message).__name__ for message in call.messages]
    assert kinds == ["Generating", "Generating", "StreamCut", "Completed"]


def test_close_while_early_messages_are_told_ends_the_job(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    stream = ScriptedStream()
    transport.offer(stream)
    other = submit(session)
    held = HeldJoin("late")
    transport.on("join", held)
    call = SlowCall(session.close)
    thread = in_thread(session.submit, call)
    assert held.arrived.wait(PATIENCE)
    stream.send(generating("late", 0), generating("e0", 0))
    other.wait_fed()
    held.let_go.set()
    call.failure()
    thread.join(PATIENCE)


# --- early messages are limited by bytes


def test_early_messages_are_limited_by_bytes(
    transport: ScriptedTransport, make_queue: Callable[..., SessionQueue]
) -> None:
    session = make_queue(limits=Limits(early_bytes=10_000))
    stream = ScriptedStream()
    transport.offer(stream)
    waiting = submit(session)
    joining, held, thread = join_held(transport, session, "late")
    stream.send(*[generating("late", "x" * 1000)] * 8, generating("e0", 0))
    waiting.wait_fed()
    assert len(session._early.ids["late"].messages or ()) == 8
    stream.send(*[generating("late", "x" * 1000)] * 4, completed("e0"))
    waiting.result()
    assert session._early._bytes == 0
    held.let_go.set()
    assert isinstance(joining.failure(), EventTooLarge)
    thread.join(PATIENCE)
    stream.send(CLOSE, b"")


def test_number_of_ids_that_messages_are_kept_for_is_bounded() -> None:
    early = EarlyMessages(Limits(early_bytes=None), most_ids=3)
    for number in range(3):
        assert early.keep(f"e{number}", "message", 1, ())
    assert early.keep("e2", "message", 1, ())
    assert not early.keep("e3", "message", 1, ())


def test_a_cut_does_not_bring_back_messages_that_were_spilled() -> None:
    early = EarlyMessages(Limits(early_bytes=100))
    assert early.keep("e0", "x" * 90, 1, ())
    assert early.keep("e1", "x" * 90, 1, ())
    early.keep_cut("e0", first=True)
    early.keep_cut("e1", first=True)
    early.keep_cut("e1")
    early.keep_cut("e1")  # one after the other count as one, else they would add up
    assert early.take("e0") == [None]
    assert early.take("e1") == [StreamCut(), "x" * 90, StreamCut()]
    assert early.take("e2") == []


def test_single_early_message_may_be_larger_than_the_limit(
    transport: ScriptedTransport, make_queue: Callable[..., SessionQueue]
) -> None:
    session = make_queue(limits=Limits(early_bytes=100))
    stream = ScriptedStream()
    transport.offer(stream)
    waiting = submit(session)
    joining, held, thread = join_held(transport, session, "late")
    stream.send(completed("late", "x" * 1000), completed("e0", 0))
    waiting.result()
    held.let_go.set()
    assert joining.result() == ["x" * 1000]
    thread.join(PATIENCE)
    stream.send(CLOSE, b"")


def test_files_are_sent_before_the_join_begins(transport: ScriptedTransport, session: SessionQueue) -> None:
    """Else all early messages would be kept for as long as that takes."""
    sent = threading.Event()

    class Uploading(RecordingCall):
        def request_body(self) -> bytes:
            assert sent.wait(PATIENCE)
            return super().request_body()

    stream = ScriptedStream()
    transport.offer(stream)
    waiting = submit(session)
    call = Uploading()
    thread = in_thread(session.submit, call)
    stream.send(*[generating("stranger", "x") for _ in range(3)], completed("e0", 0))
    waiting.result()
    assert not session._early.ids
    sent.set()
    thread.join(PATIENCE)
    stream.send(completed("e1", 1), CLOSE, b"")
    assert call.result() == [1]


def test_job_cancelled_while_its_files_were_sent_is_not_joined(
    transport: ScriptedTransport, session: SessionQueue
) -> None:
    class Cancelled(RecordingCall):
        def request_body(self) -> bytes:
            self.give_up()
            raise CancelledError

    session.submit(Cancelled())
    assert transport.requests == []


# --- malformed messages


def test_malformed_message_ends_its_job_alone(transport: ScriptedTransport, session: SessionQueue) -> None:
    stream = ScriptedStream()
    transport.offer(stream)
    bad, good = submit(session), submit(session)
    stream.send(event("process_completed", "e0", success=True), completed("e1", 1), CLOSE, b"")
    assert good.result() == [1]
    assert [type(message).__name__ for message in bad.messages] == ["Malformed"]


@pytest.mark.parametrize("message", [completed, generating])
def test_value_without_an_event_id_ends_the_jobs_of_the_stream(
    transport: ScriptedTransport, session: SessionQueue, message: Callable[..., bytes]
) -> None:
    transport.offer(ScriptedStream(message(None, 1)))
    assert isinstance(submit(session).failure(), ProtocolError)
