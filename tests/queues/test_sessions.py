"""Tests `sessions.py`, but for SessionHeartbeat, which has a module of its own."""

from __future__ import annotations

import threading
from typing import Any, Callable, Dict, List

import pytest

from gradio_client_lite.queues.sessions import Sessions
from gradio_client_lite.threads import InterpreterEnding


class Queue:
    """As much of a queue driver as sessions touch."""

    def __init__(self, session_hash: str) -> None:
        self.session_hash = session_hash
        self.closed = False

    def close(self) -> None:
        self.closed = True


class Lab:
    """Sessions, and what cuts the stream of one of them."""

    def __init__(self, *, stateful: bool) -> None:
        self.cut: Dict[str, Callable[[], None]] = {}
        self.sessions = Sessions(self._make_queue, None, stateful, "first")

    def _make_queue(self, session_hash: str, on_cut: Callable[[], None]) -> Any:
        self.cut[session_hash] = on_cut
        return Queue(session_hash)

    @property
    def current(self) -> str:
        return self.sessions.current.session_hash


def test_a_cut_of_its_stream_makes_new_calls_belong_to_another_session() -> None:
    lab = Lab(stateful=False)
    lab.cut["first"]()
    assert lab.current != "first"


def test_a_cut_of_a_session_that_was_left_changes_nothing() -> None:
    lab = Lab(stateful=False)
    lab.sessions.open("second")
    lab.cut["first"]()
    assert lab.current == "second"


def test_a_session_that_calls_depend_on_stays() -> None:
    lab = Lab(stateful=True)
    lab.cut["first"]()
    assert lab.current == "first"


@pytest.mark.parametrize(("chosen", "stays"), [(True, True), (False, False)])
def test_a_session_that_the_caller_chose_stays(chosen: bool, stays: bool) -> None:
    lab = Lab(stateful=False)
    lab.sessions.open("second", chosen=chosen)
    lab.cut["second"]()
    assert (lab.current == "second") is stays


def test_no_session_is_opened_once_all_were_closed() -> None:
    lab = Lab(stateful=False)
    lab.sessions.close()
    lab.cut["first"]()
    assert lab.current == "first"


def at_entry(lab: Lab, monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Have something happen when the next session is made, and is about to become the current one."""
    make = lab.sessions._make_queue

    def make_late(session_hash: str, on_cut: Callable[[], None]) -> Any:
        monkeypatch.undo()
        act()
        return make(session_hash, on_cut)

    monkeypatch.setattr(lab.sessions, "_make_queue", make_late)


def test_a_session_chosen_while_another_is_left_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(stateful=False)
    at_entry(lab, monkeypatch, lambda: lab.sessions.open("chosen", chosen=True))
    lab.cut["first"]()
    assert lab.current == "chosen"
    lab.cut["chosen"]()
    assert lab.current == "chosen"


class Turnstile:
    """A lock behind which something happens as soon as it is left for the first time."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._lock = threading.Lock()
        self._acts = [act]

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        if self._acts:
            self._acts.pop()()


def test_of_two_sessions_opened_together_the_one_that_counts_says_whether_it_was_chosen() -> None:
    lab = Lab(stateful=False)
    lab.sessions._lock = Turnstile(lambda: lab.sessions.open("chosen", chosen=True))  # type: ignore[assignment]
    lab.sessions.open("not chosen")
    lab.cut["chosen"]()
    assert lab.current == "chosen"


def test_a_session_left_while_all_are_closed_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab(stateful=False)
    at_entry(lab, monkeypatch, lab.sessions.close)
    lab.cut["first"]()
    assert lab.current == "first"


def test_a_heartbeat_without_a_thread_breaks_no_call(caplog: pytest.LogCaptureFixture) -> None:
    class Breathless:
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

        def stop(self) -> None:
            pass

    make: Any = lambda session_hash: Breathless()  # noqa: E731
    sessions = Sessions(lambda session_hash, _: Queue(session_hash), make, True, "first")  # type: ignore[arg-type, return-value]
    assert sessions.current.session_hash == "first"
    assert "heartbeat" in caplog.text


def test_a_session_that_is_opened_again_keeps_its_one_queue() -> None:
    lab = Lab(stateful=False)
    first = lab.sessions.current
    lab.sessions.open("first", chosen=True)
    assert lab.sessions.current is first


def test_a_session_that_is_gone_back_to_keeps_its_one_queue_while_it_has_jobs() -> None:
    lab = Lab(stateful=False)
    first = lab.sessions.current
    lab.sessions.open("second")
    lab.sessions.open("first")
    assert lab.sessions.current is first


class Heartbeat:
    """As much of a heartbeat as sessions touch."""

    def __init__(self, session_hash: str) -> None:
        self.session_hash = session_hash
        self.started = self.stopped = False

    def start(self) -> None:
        self.started = True

    def stop(self) -> None:
        self.stopped = True


def test_the_heartbeat_of_a_session_that_is_opened_again_goes_on() -> None:
    beats: List[Any] = []

    def make_heartbeat(session_hash: str) -> Any:
        beats.append(Heartbeat(session_hash))
        return beats[-1]

    def make_queue(session_hash: str, _: Callable[[], None]) -> Any:
        return Queue(session_hash)

    sessions = Sessions(make_queue, make_heartbeat, True, "first")
    sessions.open("first", chosen=True)
    assert not beats[0].stopped


def test_a_forked_child_has_a_session_of_its_own_whose_heartbeat_starts_with_its_first_use() -> None:
    beats: List[Any] = []

    def make_heartbeat(session_hash: str) -> Any:
        beats.append(Heartbeat(session_hash))
        return beats[-1]

    make_queue: Any = lambda session_hash, _: Queue(session_hash)  # noqa: E731
    sessions = Sessions(make_queue, make_heartbeat, True, "first")
    sessions.after_fork()
    parents, childs = beats
    assert (parents.started, parents.stopped, childs.started) == (True, False, False)
    for _ in range(2):
        assert sessions.current.session_hash == childs.session_hash != "first"
    assert childs.started
    with pytest.raises(AttributeError):
        sessions.nothing  # type: ignore[attr-defined]  # noqa: B018


def test_the_heartbeat_of_a_session_that_is_left_is_stopped() -> None:
    beats: List[Any] = []

    def make_heartbeat(session_hash: str) -> Any:
        beats.append(Heartbeat(session_hash))
        return beats[-1]

    make_queue: Any = lambda session_hash, _: Queue(session_hash)  # noqa: E731
    sessions = Sessions(make_queue, make_heartbeat, True, "first")
    sessions.open("second")
    assert (beats[0].stopped, beats[1].stopped) == (True, False)
    sessions.close()
    assert beats[1].stopped


def test_no_heartbeat_starts_at_the_interpreters_end(caplog: pytest.LogCaptureFixture) -> None:
    class Late:
        def start(self) -> None:
            raise InterpreterEnding

    make: Any = lambda *_: Late()  # noqa: E731
    make_queue: Any = lambda session_hash, _: Queue(session_hash)  # noqa: E731
    Sessions(make_queue, make, True, "first")
    assert not caplog.records
