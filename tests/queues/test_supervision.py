"""A mistake of our own in what one job needs ends that job; one in what serves all ends those it served."""

from __future__ import annotations

import logging
from typing import Any, Callable

import pytest

from gradio_client_lite.errors import ProtocolError
from gradio_client_lite.queues import session as session_module
from gradio_client_lite.queues.session import SessionQueue
from gradio_client_lite.wire.messages import Message

from .calls import RecordingCall
from .scripted import CLOSE, PATIENCE, ScriptedStream, ScriptedTransport, completed, event

MakeQueue = Callable[..., SessionQueue]


class Mistake(Exception):
    """What nobody thought of."""


class Broken(RecordingCall):
    """A job that cannot take messages; `hard` cannot even be ended."""

    def __init__(self, *, hard: bool = False) -> None:
        super().__init__("/broken")
        self._hard = hard

    def feed(self, message: Message, text: Any = "") -> bool:
        raise Mistake("feeding")

    def fail(self, error: BaseException) -> None:
        super().fail(error)
        if self._hard:
            raise Mistake("failing")


def submit(session: SessionQueue, *calls: RecordingCall) -> None:
    for call in calls:
        session.submit(call)


@pytest.mark.parametrize("hard", [False, True])
def test_job_that_cannot_take_a_message_fails_alone(
    session: SessionQueue, transport: ScriptedTransport, hard: bool
) -> None:
    stream = ScriptedStream()
    transport.offer(stream)
    good, broken = RecordingCall(), Broken(hard=hard)
    submit(session, good, broken)
    stream.send(event("process_starts", "e1"), completed("e0", "a"), CLOSE)
    error = broken.failure()
    assert isinstance(error, ProtocolError)
    assert isinstance(error.__cause__, Mistake)
    assert good.result() == ["a"]
    stream.end()


def test_job_that_cannot_take_the_news_of_a_cut_fails_alone(
    session: SessionQueue, transport: ScriptedTransport
) -> None:
    first, second = ScriptedStream(), ScriptedStream()
    transport.offer(first, second)
    broken, good = Broken(), RecordingCall()
    submit(session, broken, good)
    first.cut()
    assert isinstance(broken.failure(), ProtocolError)
    second.send(completed("e1", "a"), CLOSE)
    assert good.result() == ["a"]
    second.end()


@pytest.mark.parametrize("kind", [Mistake, SystemExit])
def test_reader_that_breaks_ends_its_jobs_and_the_next_one_starts_another(
    session: SessionQueue,
    transport: ScriptedTransport,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    kind: Any,
) -> None:
    def run(self: object) -> None:
        raise kind("reading")

    with monkeypatch.context() as patched:
        patched.setattr(session_module.StreamReader, "run", run)
        call = RecordingCall()
        session.submit(call)
        error = call.failure()
    assert isinstance(error, ProtocolError)
    assert isinstance(error.__cause__, kind)
    stream = ScriptedStream(completed("e1", "b"), CLOSE, b"")
    transport.offer(stream)
    again = RecordingCall()
    session.submit(again)
    assert again.result() == ["b"]
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert stream.closed.wait(PATIENCE)
