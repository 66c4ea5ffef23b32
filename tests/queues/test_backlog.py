"""Tests `stream.py`: large events wait for the smaller ones behind them, and lose nothing by it."""

from __future__ import annotations

import json
import threading
from typing import Any, Callable, List, Tuple

import pytest

from gradio_client_lite.errors import ProtocolError, ServerStopped, StreamLost
from gradio_client_lite.limits import Limits
from gradio_client_lite.queues import stream as stream_module
from gradio_client_lite.queues.session import SessionQueue
from gradio_client_lite.queues.stream import Backlog, Times, peek_event_id
from gradio_client_lite.wire.messages import LARGE, Completed, Generating

from .calls import RecordingCall
from .scripted import PATIENCE, ScriptedStream, ScriptedTransport, completed, event, generating

Started = Tuple[List[RecordingCall], ScriptedStream]
BIG = "x" * LARGE


class OrderedCall(RecordingCall):
    """Notes when it ends, beside others."""

    def __init__(self, order: List[int]) -> None:
        super().__init__()
        self._order = order

    def feed(self, message: Any, text: Any = "") -> bool:
        if isinstance(message, Completed):
            assert self.event_id is not None
            self._order.append(int(self.event_id[1:]))
        return super().feed(message, text)


@pytest.fixture
def start(transport: ScriptedTransport, session: SessionQueue) -> Callable[..., Started]:
    """Submit jobs, whose ids are e0, e1, … and whose stream has not said anything yet."""

    def begin(count: int, order: Any = None) -> Started:
        stream = ScriptedStream()
        transport.offer(stream)
        calls = [OrderedCall(order if order is not None else []) for _ in range(count)]
        for call in calls:
            session.submit(call)
        return list(calls), stream

    return begin


def test_small_results_are_told_before_the_large_ones_that_came_before_them(start: Any) -> None:
    order: List[int] = []
    calls, stream = start(60, order)
    large = [completed(f"e{number}", BIG) for number in range(10)]
    small = [completed(f"e{number}", number) for number in range(10, 60)]
    stream.send(b"".join([*large, *small]))
    for call in calls:
        call.result()
    stream.end()
    assert order == [*range(10, 60), *range(10)]


def test_one_large_result_at_a_time_is_read_while_small_ones_go_on_coming(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: List[int] = []
    calls, stream = start(14, order)
    decode, reading, go_on = stream_module.decode, threading.Event(), threading.Event()

    def slow(text: str, *args: Any) -> Any:
        if len(text) >= LARGE:
            reading.set()
            assert go_on.wait(10)
        return decode(text, *args)

    monkeypatch.setattr(stream_module, "decode", slow)
    stream.send(b"".join(completed(f"e{number}", BIG) for number in range(10)))
    assert reading.wait(10)  # the first large one is being read, and takes long
    stream.send(*(completed(f"e{number}", number) for number in range(10, 14)))
    go_on.set()
    for call in calls:
        call.result()
    stream.end()
    assert order == [0, *range(10, 14), *range(1, 10)]


class Restless(ScriptedStream):
    """What was sent comes first, and then the same again and again, as fast as it is read."""

    def __init__(self, more: bytes) -> None:
        super().__init__()
        self._more = more

    def read_some(self, size: int = 65536) -> bytes:
        return self._more if self._pieces.empty() else super().read_some(size)

    def read_arrived(self, size: int = 65536) -> bytes:
        return self.read_some(size)


def test_small_messages_without_a_break_do_not_put_a_large_result_off_for_ever(
    transport: ScriptedTransport, make_queue: Callable[..., SessionQueue]
) -> None:
    session = make_queue(times=Times(put_off=0.05))
    stream = Restless(generating("e1", 1))
    stream.send(completed("e0", BIG))
    transport.offer(stream)
    large, other = RecordingCall(), RecordingCall()
    session.submit(large)
    session.submit(other)
    assert large.result() == [BIG]
    stream.send(completed("e1", 2))
    assert other.result() == [2]
    stream.end()


def test_what_follows_a_large_message_of_its_job_without_a_break_is_bounded_too(
    transport: ScriptedTransport, make_queue: Callable[..., SessionQueue]
) -> None:
    session = make_queue(limits=Limits(early_bytes=2 * LARGE), times=Times(put_off=10 * PATIENCE))
    stream = Restless(generating("e0", "x" * 1000))
    stream.send(generating("e0", BIG))
    transport.offer(stream)
    call = RecordingCall()
    session.submit(call)
    call.wait_fed()
    stream.send(completed("e0", 1))
    assert call.result() == [1]
    stream.end()


def test_the_messages_of_a_job_keep_their_order(start: Any) -> None:
    (job, other), stream = start(2)
    stream.send(
        b"".join(
            [
                generating("e0", BIG),
                generating("e0", 1),
                completed("e1", 1),
                generating("e0", BIG),
                completed("e0", 2),
            ]
        )
    )
    assert (other.result(), job.result()) == ([1], [2])
    stream.end()
    told = [message.data for message in job.messages if isinstance(message, Generating)]
    assert told == [[BIG], [1], [BIG]]


def test_the_time_that_a_large_message_takes_to_read_is_no_silence_of_the_server(
    transport: ScriptedTransport, make_queue: Callable[..., SessionQueue], monkeypatch: pytest.MonkeyPatch
) -> None:
    idle, decode, reading, read = 0.2, stream_module.decode, threading.Event(), threading.Event()

    def slow(text: str, *args: Any) -> Any:
        if len(text) >= LARGE:
            reading.set()
            assert read.wait(PATIENCE)
        return decode(text, *args)

    monkeypatch.setattr(stream_module, "decode", slow)
    session = make_queue(idle_timeout=idle)
    stream = ScriptedStream()
    transport.offer(stream)
    calls = [RecordingCall() for _ in range(2)]
    for call in calls:
        session.submit(call)
    small = completed("e1", 1)
    stream.send(completed("e0", BIG) + small[:10])
    assert reading.wait(PATIENCE)
    stream.send(small[10:20])  # too little to count
    threading.Event().wait(2 * idle)
    read.set()
    stream.send(small[20:])
    assert [call.result() for call in calls] == [[BIG], [1]]
    stream.end()
    assert transport.opened == 1


@pytest.mark.parametrize(
    "large",
    [
        event("unknown", text=BIG),
        event("unknown", "e0", text=BIG),
        event("log", text=BIG),
    ],
    ids=["of no job", "of a job", "that is read at once"],
)
def test_a_large_event_that_concerns_no_job_is_passed_over(start: Any, large: bytes) -> None:
    (job,), stream = start(1)
    stream.send(large + completed("e0", 1))
    assert job.result() == [1]
    stream.end()


def test_a_server_may_say_twice_that_it_closes_the_stream(start: Any) -> None:
    (job,), stream = start(1)
    stream.send(event("close_stream"), event("close_stream"), completed("e0", 1), b"")
    assert job.result() == [1]


def test_a_result_that_came_before_a_cut_is_there(start: Any) -> None:
    (job,), stream = start(1)
    stream.send(completed("e0", BIG))
    stream.cut()
    assert job.result() == [BIG]


def test_a_result_that_came_before_the_end_of_the_stream_is_there(start: Any) -> None:
    (job,), stream = start(1)
    stream.send(completed("e0", BIG), b"")
    assert job.result() == [BIG]


@pytest.mark.parametrize(
    ("message", "error"), [("Server stopped unexpectedly.", ServerStopped), ("other", StreamLost)]
)
def test_a_result_that_came_before_the_servers_last_word_is_there(
    start: Any, message: str, error: Any
) -> None:
    (job, other), stream = start(2)
    stream.send(completed("e0", BIG) + event("unexpected_error", message=message))
    assert job.result() == [BIG]
    assert isinstance(other.failure(), error)


def test_a_server_that_stumbles_after_a_small_message_is_told_from_one_that_fails(start: Any) -> None:
    (large, small), stream = start(2)
    stumbling = event("unexpected_error", message=repr("e1"))
    stream.send(completed("e0", BIG) + completed("e1", 1) + stumbling, b"")
    assert (large.result(), small.result()) == ([BIG], [1])


def test_a_large_event_that_cannot_be_read_ends_the_others_after_their_results(start: Any) -> None:
    (broken, job, other), stream = start(3)
    bad = completed("e0", BIG)[:-5] + b"\n\n"
    stream.send(bad + completed("e1", BIG))
    assert job.result() == [BIG]
    assert isinstance(broken.failure(), ProtocolError)
    assert isinstance(other.failure(), ProtocolError)


def test_what_is_put_off_is_bounded() -> None:
    backlog = Backlog(3 * LARGE)
    kept = 0
    while not backlog.full:
        backlog.add("e0", BIG)
        kept += 1
    assert kept == 3
    assert [backlog.take() for _ in range(kept)] == [BIG] * kept
    assert not backlog
    assert "e0" not in backlog
    backlog.add("e0", BIG * 10)
    assert not backlog.full  # a single one is always taken


@pytest.mark.parametrize(
    ("raw", "event_id"),
    [
        ({"msg": "process_completed", "event_id": "e0", "output": {}}, "e0"),
        ({"msg": "process_completed", "output": {"event_id": "other"}, "event_id": "e0"}, None),
        ({"msg": "process_completed", "event_id": None}, None),
        ({"msg": "process_completed", "event_id": 'a"b'}, None),
        ({"event_id": "e0", "msg": "process_completed"}, None),
    ],
)
def test_whose_an_event_is_shows_at_its_beginning(raw: Any, event_id: Any) -> None:
    for text in (json.dumps(raw), json.dumps(raw, separators=(",", ":")), json.dumps(raw, indent=1)):
        assert peek_event_id(text) == event_id
