"""Tests `threads.py`: every thread is noted, ends when it is told to, and is waited for."""

from __future__ import annotations

import logging
import threading
import time
from typing import Callable, Iterator, List, Optional

import pytest

from gradio_client_lite import threads as module
from gradio_client_lite.threads import Alarm, InterpreterEnding, Threads, hand_over

PATIENCE = 10.0


@pytest.fixture
def threads() -> Iterator[Threads]:
    made = Threads()
    yield made
    made.close()
    made.join(PATIENCE)


def names() -> List[str]:
    return [thread.name for thread in threading.enumerate()]


class Sleeper:
    """A thread that waits until it is told to end."""

    def __init__(self, threads: Threads, name: str, *, hears: bool = True) -> None:
        self.let_go = threading.Event()
        self.begun = threading.Event()
        threads.start(name, self.let_go.set if hears else lambda: None, self._sleep)
        assert self.begun.wait(PATIENCE)

    def _sleep(self) -> None:
        self.begun.set()
        self.let_go.wait(PATIENCE)


def test_close_ends_threads_and_join_waits_for_them(threads: Threads) -> None:
    for number in range(5):
        Sleeper(threads, f"sleeper-{number}")
    threads.close()
    threads.join(PATIENCE)
    assert not [name for name in names() if name.startswith("sleeper-")]


def test_thread_that_starts_after_the_end_is_told_so(threads: Threads) -> None:
    threads.close()
    Sleeper(threads, "late")
    threads.join(PATIENCE)
    assert "late" not in names()


def test_threads_of_others_are_left_alone(threads: Threads) -> None:
    others = Threads()
    sleeper = Sleeper(others, "other")
    threads.close()
    threads.join(PATIENCE)
    assert not sleeper.let_go.is_set()
    others.close()
    others.join(PATIENCE)


def test_thread_that_does_not_end_in_time_is_named_in_the_log(
    threads: Threads, caplog: pytest.LogCaptureFixture
) -> None:
    sleeper = Sleeper(threads, "deaf", hears=False)
    threads.close()
    threads.join(0.01)
    assert "deaf" in caplog.text
    sleeper.let_go.set()


def test_join_on_one_of_the_threads_does_not_wait(threads: Threads) -> None:
    sleeper = Sleeper(threads, "deaf", hears=False)
    returned = threading.Event()

    def join() -> None:
        threads.join(PATIENCE * 10)
        returned.set()

    threads.start("joins", lambda: None, join)
    assert returned.wait(PATIENCE)
    sleeper.let_go.set()


def test_what_a_thread_raises_is_logged(threads: Threads, caplog: pytest.LogCaptureFixture) -> None:
    def leave() -> None:
        raise SystemExit

    threads.start("leaves", lambda: None, leave)
    threads.join(PATIENCE)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def test_threads_that_have_ended_are_forgotten(threads: Threads) -> None:
    for _ in range(300):
        threads.start("short", lambda: None, int)
    threads.join(PATIENCE)
    assert not [thread for thread in module._running if thread.name == "short"]


def test_alarm_calls_when_its_time_has_come(threads: Threads) -> None:
    rung = threading.Event()
    Alarm(threads, "alarm", 0.01, rung.set)
    assert rung.wait(PATIENCE)


@pytest.mark.parametrize("how", ["cancel", "close"])
def test_cancelled_alarm_calls_nothing_and_its_thread_ends(threads: Threads, how: str) -> None:
    called: List[int] = []
    alarm = Alarm(threads, "alarm", PATIENCE * 10, lambda: called.append(1))
    (alarm.cancel if how == "cancel" else threads.close)()
    threads.join(PATIENCE)
    assert "alarm" not in names()
    assert not called


@pytest.mark.parametrize("early", [True, False])
def test_pause_ends_with_its_threads(threads: Threads, early: bool) -> None:
    paused = threading.Event()
    if early:
        threads.close()

    def pause() -> None:
        paused.set()
        threads.pause(PATIENCE * 10)

    threads.start("pauses", lambda: None, pause)
    assert paused.wait(PATIENCE)
    threads.close()
    threads.join(PATIENCE)
    assert "pauses" not in names()


def test_pause_ends_after_its_time(threads: Threads) -> None:
    begun = time.monotonic()
    threads.pause(0.01)
    assert time.monotonic() - begun >= 0.005


def test_a_thread_that_cannot_start_is_not_noted(threads: Threads, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            threads.start("never", lambda: None, int)
    assert not [thread for thread in module._running if thread.name == "never"]


@pytest.mark.parametrize(
    ("main", "error", "why"),
    [
        (True, RuntimeError("never asked"), ""),
        (False, RuntimeError("thread is not supported"), "thread is not supported"),
        (False, RuntimeError("can't start new thread"), ""),
        (False, InterpreterEnding("the interpreter is ending"), ""),
        (False, None, ""),
    ],
    ids=["main", "forbidden", "none to spare", "ending", "allowed"],
)
def test_an_interpreter_without_threads_is_found_out(
    monkeypatch: pytest.MonkeyPatch, main: bool, error: Optional[Exception], why: str
) -> None:
    tried: List[str] = []

    def start(self: Threads, name: str, *_: object) -> None:
        tried.append(name)
        if error is not None:
            raise error

    monkeypatch.setattr(module, "_main", main)
    monkeypatch.setattr(module, "_allowed", False)
    monkeypatch.setattr(Threads, "start", start)
    assert module.why_no_thread() == module.why_no_thread() == why
    assert len(tried) == (0 if main else 1 if error is None else 2)


# --- what finalisers hand over


def test_what_was_handed_over_runs_on_another_thread() -> None:
    seen: List[int] = []
    done = threading.Event()
    hand_over(lambda: (seen.append(threading.get_ident()), done.set()))
    assert done.wait(PATIENCE)
    assert seen != [threading.get_ident()]


def test_handing_over_waits_for_no_lock_of_the_threading_module() -> None:
    done = threading.Event()
    with threading._active_limbo_lock, module._starting:  # type: ignore[attr-defined]
        hand_over(done.set)
        assert done.wait(PATIENCE)


def test_what_finds_no_thread_is_done_with_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    first, second = threading.Event(), threading.Event()
    with monkeypatch.context() as patched:
        for name in ("start_new_thread", "start_joinable_thread"):
            patched.setattr(module._thread, name, refuse, raising=False)
        hand_over(first.set)
    assert not first.is_set()
    hand_over(second.set)
    assert first.wait(PATIENCE)
    assert second.wait(PATIENCE)


def test_helpers_are_waited_for_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_helpers", {})  # other tests' may still be at work
    let_go = threading.Event()
    hand_over(lambda: let_go.wait(PATIENCE))
    (helper,) = module._helpers
    assert not helper.join(time.monotonic() + 0.01)
    assert not helper.ended()
    let_go.set()
    assert helper.join(time.monotonic() + PATIENCE)
    assert helper.ended()
    hand_over(int)
    assert helper not in module._helpers


# --- the interpreter's end


@pytest.fixture
def end(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """What the hook does, with nothing open but what the test opens."""
    for name in ("_open", "_running", "_helpers"):
        monkeypatch.setattr(module, name, {})
    monkeypatch.setattr(module, "ending", False)
    return lambda: module._end(PATIENCE)


def test_end_closes_what_is_open_and_waits_for_its_threads(end: Callable[[], None]) -> None:
    threads = Threads()
    threads.close_at_the_end(threads.close)
    Sleeper(threads, "open")
    end()
    assert "open" not in names()


def test_end_closes_nothing_that_was_closed_before(end: Callable[[], None]) -> None:
    called: List[int] = []
    threads = Threads()
    threads.close_at_the_end(lambda: called.append(1))
    threads.close()
    end()
    assert not called


def test_no_thread_starts_after_the_end(end: Callable[[], None]) -> None:
    end()
    with pytest.raises(InterpreterEnding):
        Threads().start("late", lambda: None, int)


def test_what_was_handed_over_is_done_at_the_end(
    end: Callable[[], None],
) -> None:
    done: List[int] = []
    module._handed.append(lambda: done.append(1))
    end()
    assert done == [1]


def test_failure_of_one_does_not_keep_the_others_open(
    end: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    called: List[int] = []

    def leave() -> None:
        raise SystemExit

    first, second = Threads(), Threads()
    first.close_at_the_end(leave)
    second.close_at_the_end(lambda: called.append(1))
    end()
    assert called == [1]


def test_nothing_is_handed_over_after_the_end(end: Callable[[], None]) -> None:
    end()
    hand_over(lambda: None)
    assert not module._handed


def test_threads_that_outlast_the_end_are_named(
    end: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    threads = Threads()
    sleeper = Sleeper(threads, "deaf", hears=False)
    module._end(0.01)
    assert "deaf" in caplog.text
    sleeper.let_go.set()
    threads.join(PATIENCE)
