from __future__ import annotations

import threading
from typing import Any, Callable, Iterator, List

import pytest

from gradio_client_lite.testing import queue as sessions
from gradio_client_lite.testing.execution import Execution, ServerMessage
from gradio_client_lite.testing.functions import Function, number_functions
from gradio_client_lite.testing.queue import Queue

_PATIENCE = 10.0  # seconds; only a failing test waits this long


def make_queue(*functions: Any, threads: int = 4, heartbeat: float = 15.0, look_every: float = 10.0) -> Queue:
    served = number_functions({f"/f{i}": function for i, function in enumerate(functions)})
    executions = {number: Execution(function, show_error=True) for number, function in served.items()}
    return Queue(executions, threads=threads, heartbeat=heartbeat, look_every=look_every)


def read(
    queue: Queue, session_hash: str = "s", is_gone: Callable[[], bool] = lambda: False
) -> Iterator[ServerMessage]:
    for batch in queue.stream(session_hash, is_gone):
        yield from batch


def kinds(messages: Iterator[ServerMessage]) -> List[str]:
    return [message["msg"] for message in messages]


class Gate:
    """A function that says when it runs and goes on when it may."""

    def __init__(self) -> None:
        self.running = threading.Semaphore(0)
        self.open = threading.Event()

    def __call__(self) -> str:
        self.running.release()
        assert self.open.wait(_PATIENCE)
        return "done"

    def wait_until_running(self, times: int = 1) -> None:
        for _ in range(times):
            assert self.running.acquire(timeout=_PATIENCE)

    def is_running_once_more(self) -> bool:
        return self.running.acquire(timeout=0.05)


def test_a_call_is_estimated_started_completed_and_the_stream_closed() -> None:
    queue = make_queue(str.upper)
    queue.join(0, "s", ["a"])
    assert kinds(read(queue)) == ["estimation", "process_starts", "process_completed", "close_stream"]


def test_one_stream_carries_all_events_of_its_session_and_no_others() -> None:
    queue = make_queue(str.upper)
    mine = {queue.join(0, "s", ["a"]), queue.join(0, "s", ["b"])}
    queue.join(0, "other", ["c"])
    messages = list(read(queue))
    assert {message["event_id"] for message in messages} - {None} == mine
    assert [message["msg"] for message in messages].count("close_stream") == 1


def test_messages_of_the_next_event_wait_for_the_next_stream() -> None:
    queue = make_queue(str.upper)
    for text in ("a", "b"):
        queue.join(0, "s", [text])
        outputs = [message["output"]["data"] for message in read(queue) if "output" in message]
        assert outputs == [[text.upper()]]


def test_no_more_calls_run_at_once_than_the_function_allows() -> None:
    gate = Gate()
    queue = make_queue(Function(gate, concurrency=2))
    for _ in range(4):
        queue.join(0, "s", [])
    gate.wait_until_running(2)
    assert not gate.is_running_once_more()
    gate.open.set()
    gate.wait_until_running(2)
    assert kinds(read(queue)).count("process_completed") == 4


def test_no_more_calls_run_at_once_than_there_are_threads() -> None:
    gate = Gate()
    queue = make_queue(gate, gate, threads=2)
    for index in (0, 1, 0):
        queue.join(index, "s", [])
    gate.wait_until_running(2)
    assert not gate.is_running_once_more()
    gate.open.set()
    assert kinds(read(queue)).count("process_completed") == 3


def test_a_waiting_event_learns_of_its_rank_again_when_others_start() -> None:
    gate = Gate()
    queue = make_queue(Function(gate, concurrency=1))
    events = [queue.join(0, "s", []) for _ in range(3)]
    gate.open.set()
    ranks = [m["rank"] for m in read(queue) if m["msg"] == "estimation" and m["event_id"] == events[2]]
    assert ranks == [1, 0]


def test_estimates_are_known_after_the_first_call() -> None:
    gate = Gate()
    queue = make_queue(Function(gate, concurrency=1))
    gate.open.set()
    queue.join(0, "s", [])
    list(read(queue))
    gate.open.clear()
    for _ in range(3):
        queue.join(0, "s", [])
    gate.open.set()
    etas = [message["rank_eta"] for message in read(queue) if message["msg"] == "estimation"]
    assert all(isinstance(eta, float) and eta > 0 for eta in etas)


def test_cancelling_a_waiting_event_completes_it_and_never_runs_it() -> None:
    gate = Gate()
    queue = make_queue(Function(gate, concurrency=1))
    queue.join(0, "other", [])
    gate.wait_until_running()
    event_id = queue.join(0, "s", [])
    queue.cancel("s", event_id)
    completed = [message for message in read(queue) if message["msg"] == "process_completed"]
    assert [(one["output"], one["success"]) for one in completed] == [({}, True)]
    gate.open.set()
    list(read(queue, "other"))
    assert not gate.is_running_once_more()


def test_cancelling_closes_the_generator_and_nothing_follows_the_completion() -> None:
    closed, go_on = threading.Event(), threading.Event()

    def numbers() -> Iterator[int]:
        try:
            yield 1
            assert go_on.wait(_PATIENCE)
            yield 2
            yield 3
        finally:
            closed.set()

    queue = make_queue(numbers)
    event_id = queue.join(0, "s", [])
    stream = read(queue)
    while next(stream)["msg"] != "process_generating":
        pass
    queue.cancel("s", event_id)
    go_on.set()
    assert kinds(stream) == ["process_completed", "close_stream"]
    assert closed.wait(_PATIENCE)


def test_cancelling_a_function_that_runs_makes_room_for_the_next() -> None:
    gate = Gate()
    queue = make_queue(Function(gate, concurrency=1))
    event_id = queue.join(0, "s", [])
    gate.wait_until_running()
    queue.join(0, "other", [])
    queue.cancel("s", event_id)
    gate.wait_until_running()
    gate.open.set()


def test_cancelling_a_finished_or_unknown_event_does_nothing() -> None:
    queue = make_queue(str.upper)
    event_id = queue.join(0, "s", ["a"])
    list(read(queue))
    queue.cancel("s", event_id)
    queue.cancel("unknown", "unknown")
    queue.join(0, "s", ["b"])
    assert kinds(read(queue)).count("process_completed") == 1


def test_an_unknown_session_is_an_error() -> None:
    assert list(read(make_queue())) == [sessions.NOT_FOUND]


def test_a_stream_that_is_left_takes_its_session_and_generator_along() -> None:
    closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    queue = make_queue(endless)
    queue.join(0, "s", [])
    stream = queue.stream("s", lambda: False)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert closed.wait(_PATIENCE)
    assert list(read(queue)) == [sessions.NOT_FOUND]


def test_a_client_that_has_hung_up_is_noticed_without_a_message() -> None:
    gate = Gate()
    queue = make_queue(gate, look_every=0.01)
    queue.join(0, "s", [])
    gone = threading.Event()
    stream = read(queue, is_gone=gone.is_set)
    assert [next(stream)["msg"] for _ in range(2)] == ["estimation", "process_starts"]
    gone.set()
    assert list(stream) == []
    assert list(read(queue)) == [sessions.NOT_FOUND]
    gate.open.set()


def test_dropping_a_session_does_not_touch_its_successor() -> None:
    queue = make_queue(str.upper)
    queue.join(0, "s", ["a"])
    old = queue.stream("s", lambda: True)
    assert list(old) == []
    queue.join(0, "s", ["b"])
    old.close()  # type: ignore[attr-defined]
    assert kinds(read(queue))[-1] == "close_stream"


def test_a_quiet_stream_has_heartbeats() -> None:
    gate = Gate()
    queue = make_queue(gate, heartbeat=0.02)
    queue.join(0, "s", [])
    stream = read(queue)
    assert [next(stream)["msg"] for _ in range(4)][2:] == ["heartbeat", "heartbeat"]
    gate.open.set()
    assert kinds(stream)[-1] == "close_stream"


def test_stopping_ends_streams_with_the_servers_farewell() -> None:
    gate = Gate()
    queue = make_queue(gate)
    queue.join(0, "s", [])
    stream = read(queue)
    next(stream)
    queue.stop()
    assert list(stream)[-1] == sessions.STOPPED
    assert sessions.STOPPED["message"] == "Server stopped unexpectedly."
    gate.open.set()


def test_the_oldest_of_too_many_sessions_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MAX_SESSIONS", 2)
    queue = make_queue(str.upper)
    for session_hash in ("a", "b", "c"):
        queue.join(0, session_hash, ["x"])
    assert list(read(queue, "a")) == [sessions.NOT_FOUND]
    assert kinds(read(queue, "c"))[-1] == "close_stream"


def test_a_function_that_exits_fails_its_call_only() -> None:
    def leave() -> None:
        raise SystemExit(3)

    queue = make_queue(leave)
    for _ in range(2):
        queue.join(0, "s", [])
        completed = [message for message in read(queue) if message["msg"] == "process_completed"]
        assert [(one["success"], one["output"]["error"]) for one in completed] == [(False, "3")]


def test_what_a_generator_yields_may_change_later() -> None:
    def grow() -> Iterator[List[int]]:
        items: List[int] = []
        for number in range(3):
            items.append(number)
            yield items

    queue = make_queue(grow)
    queue.join(0, "s", [])
    outputs = [message["output"]["data"] for message in read(queue) if "output" in message]
    assert outputs == [[[0]], [[["add", [1], 1]]], [[["add", [2], 2]]], [[0, 1, 2]]]


def test_many_events_of_many_sessions_are_all_completed() -> None:
    queue = make_queue(str.upper, threads=8)
    done: List[int] = []

    def use(session_hash: str) -> None:
        for _ in range(10):
            queue.join(0, session_hash, ["a"])
        done.append(kinds(read(queue, session_hash)).count("process_completed"))

    threads = [threading.Thread(target=use, args=(f"s{i}",)) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(_PATIENCE)
    assert done == [10] * 20
