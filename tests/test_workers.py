"""Tests `workers.py`, but for real forks."""

from __future__ import annotations

import contextlib
import itertools
import logging
import threading
import weakref
from typing import Any, Callable, Iterator, List, Optional

import pytest

from gradio_client_lite import threads as threads_module
from gradio_client_lite.threads import InterpreterEnding, Threads
from gradio_client_lite.workers import Workers

PATIENCE = 10.0
NUMBERS = itertools.count()


class Gate:
    """A task that tells when it has started and ends when it is let through."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.opened = threading.Event()
        self.ended = threading.Event()

    def __call__(self) -> None:
        self.started.set()
        assert self.opened.wait(PATIENCE)
        self.ended.set()


@contextlib.contextmanager
def pool(
    limit: Optional[int] = None, idle: float = PATIENCE, rest: Optional[Callable[[], object]] = None
) -> Iterator[Workers]:
    """A pool whose threads have ended when the block has."""
    name = f"pool-{next(NUMBERS)}"
    workers = Workers(limit, name, idle, rest=rest)
    try:
        yield workers
    finally:
        workers.stop()
        for thread in threading.enumerate():
            if thread.name == name:
                thread.join(PATIENCE)
                assert not thread.is_alive()
        assert workers.threads == 0


def run_and_wait(workers: Workers) -> None:
    done = threading.Event()
    workers.submit(done.set)
    assert done.wait(PATIENCE)


def test_function_gets_its_arguments() -> None:
    got: List[object] = []
    done = threading.Event()
    with pool() as workers:
        workers.submit(lambda *args: (got.extend(args), done.set()), 1, "two")
        assert done.wait(PATIENCE)
    assert got == [1, "two"]


def test_threads_are_daemons_with_the_name() -> None:
    seen: List[threading.Thread] = []
    done = threading.Event()
    workers = Workers(1, "some-name", 0.0)
    workers.submit(lambda: (seen.append(threading.current_thread()), done.set()))
    assert done.wait(PATIENCE)
    assert (seen[0].name, seen[0].daemon) == ("some-name", True)
    seen[0].join(PATIENCE)


def test_no_thread_before_there_is_work() -> None:
    with pool() as workers:
        assert workers.threads == 0


def test_limit_bounds_the_threads_and_loses_no_task() -> None:
    with pool(2) as workers:
        gates = [Gate() for _ in range(5)]
        for gate in gates:
            workers.submit(gate)
        assert all(gate.started.wait(PATIENCE) for gate in gates[:2])
        assert workers.threads == 2
        assert not gates[2].started.is_set()
        for gate in gates:
            gate.opened.set()
        assert all(gate.ended.wait(PATIENCE) for gate in gates)


def test_one_thread_keeps_the_order_of_submission() -> None:
    order: List[int] = []
    done = threading.Event()
    with pool(1) as workers:
        for number in range(50):
            workers.submit(order.append, number)
        workers.submit(done.set)
        assert done.wait(PATIENCE)
    assert order == list(range(50))


def test_without_a_limit_no_task_waits_for_another() -> None:
    with pool() as workers:
        gates = [Gate() for _ in range(20)]
        for gate in gates:
            workers.submit(gate)
        assert all(gate.started.wait(PATIENCE) for gate in gates)
        for gate in gates:
            gate.opened.set()


def test_idle_thread_is_used_again() -> None:
    seen: List[int] = []
    with pool() as workers:
        for _ in range(5):
            run_and_wait(workers)
            seen.append(workers.threads)
    # Two, where the second task came before the first thread was back.
    assert max(seen) <= 2


def test_idle_thread_ends_after_a_while() -> None:
    ended = threading.Event()
    seen: List[threading.Thread] = []
    workers = Workers(None, "short", idle=0.01)
    workers.submit(lambda: (seen.append(threading.current_thread()), ended.set()))
    assert ended.wait(PATIENCE)
    seen[0].join(PATIENCE)
    assert not seen[0].is_alive()
    assert workers.threads == 0


def test_work_after_the_threads_have_ended_starts_a_new_one() -> None:
    with pool(1, idle=0.0) as workers:
        for _ in range(20):
            run_and_wait(workers)


def test_stopped_pool_still_runs_what_is_submitted() -> None:
    with pool(1) as workers:
        run_and_wait(workers)
        workers.stop()
        run_and_wait(workers)


def test_stop_ends_idle_threads_at_once() -> None:
    workers = Workers(None, "stopped", idle=PATIENCE * 10)
    seen: List[threading.Thread] = []
    done = threading.Event()
    workers.submit(lambda: (seen.append(threading.current_thread()), done.set()))
    assert done.wait(PATIENCE)
    workers.stop()
    seen[0].join(PATIENCE)
    assert not seen[0].is_alive()


def fail() -> None:
    raise ValueError("bad task")


def leave() -> None:
    raise SystemExit


@pytest.mark.parametrize("task", [fail, leave])
def test_failing_task_is_logged_and_the_thread_goes_on(
    task: Callable[[], None], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR), pool(1) as workers:
        workers.submit(task)
        run_and_wait(workers)
        assert workers.threads == 1
    assert [record.message for record in caplog.records] == ["a background task failed"]


def test_thread_that_cannot_be_started_is_the_callers_to_know(monkeypatch: pytest.MonkeyPatch) -> None:
    workers = Workers(1, "none")

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            workers.submit(fail)
    assert workers.threads == 0


def test_nothing_is_submitted_at_the_interpreters_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with pool() as workers, monkeypatch.context() as patch:
        run_and_wait(workers)
        patch.setattr(threads_module, "ending", True)
        with pytest.raises(InterpreterEnding):
            workers.submit(fail)


def test_interrupt_of_a_submission_drops_the_task_and_leaves_the_pool_usable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(self: threading.Thread) -> None:
        raise KeyboardInterrupt

    with pool(1) as workers:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", interrupt)
            with pytest.raises(KeyboardInterrupt):
                workers.submit(fail)
        assert workers.threads == 0
        run_and_wait(workers)


def short_of_memory_once(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """Have one thread of a pool meet a MemoryError at the entry of a method."""
    real = getattr(Workers, place)

    def enter(self: Workers, *args: object) -> object:
        monkeypatch.setattr(Workers, place, real)
        raise MemoryError

    monkeypatch.setattr(Workers, place, enter)


@pytest.mark.parametrize("place", ["_work", "_next"])
@pytest.mark.parametrize("limit", [1, None])
def test_thread_that_is_short_of_memory_at_its_entry_is_replaced(
    monkeypatch: pytest.MonkeyPatch, place: str, limit: Optional[int]
) -> None:
    with pool(limit) as workers:
        gate, done = Gate(), threading.Event()
        if limit is None:  # beside one that is at work
            workers.submit(gate)
            assert gate.started.wait(PATIENCE)
        short_of_memory_once(monkeypatch, place)
        workers.submit(done.set)
        assert done.wait(PATIENCE / 2)
        gate.opened.set()


def test_thread_that_broke_and_cannot_be_replaced_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    class Single(Threads):
        def start(self, *args: Any, **options: Any) -> None:
            monkeypatch.setattr(self, "start", refuse)
            super().start(*args, **options)

    def refuse(*args: Any, **options: Any) -> None:
        raise RuntimeError("can't start new thread")

    threads = Single()
    workers = Workers(1, "single", threads=threads)
    short_of_memory_once(monkeypatch, "_work")
    workers.submit(int)
    threads.join(PATIENCE)
    assert workers.threads == 0
    monkeypatch.undo()
    run_and_wait(workers)
    workers.stop()


def test_garbage_collector_may_submit_on_a_thread_that_is_submitting() -> None:
    with pool() as workers:
        done = threading.Event()

        def collect() -> None:
            with workers._ready:
                workers.submit(done.set)

        thread = threading.Thread(target=collect, daemon=True)
        thread.start()
        assert done.wait(PATIENCE)
        thread.join(PATIENCE)


def test_child_has_neither_its_parents_tasks_nor_a_lock_that_was_held(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pool(1) as workers:
        gate = Gate()
        workers.submit(gate)
        assert gate.started.wait(PATIENCE)
        workers.submit(fail)
        with workers._ready:
            worker = threading.Thread(target=workers.after_fork)
            worker.start()
            worker.join(PATIENCE)
            run_and_wait(workers)
        gate.opened.set()
    assert not caplog.records


def test_task_waits_for_others_where_no_further_thread_can_be_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pool() as workers:
        gate, after = Gate(), threading.Event()
        workers.submit(gate)
        assert gate.started.wait(PATIENCE)

        def refuse(self: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            workers.submit(after.set)
        assert not after.is_set()
        gate.opened.set()
        assert after.wait(PATIENCE)


def test_many_threads_may_submit() -> None:
    counted: List[int] = []
    done = threading.Event()
    lock = threading.Lock()

    def count() -> None:
        with lock:
            counted.append(1)
            if len(counted) == 800:
                done.set()

    with pool(4, idle=0.001) as workers:
        submitters = [
            threading.Thread(target=lambda: [workers.submit(count) for _ in range(100)]) for _ in range(8)
        ]
        for thread in submitters:
            thread.start()
        assert done.wait(PATIENCE)
        for thread in submitters:
            thread.join(PATIENCE)


def test_idle_thread_keeps_nothing_of_its_last_task_alive() -> None:
    class Thing:
        def touch(self) -> None:
            pass

    freed = threading.Event()
    with pool(1) as workers:
        thing = Thing()
        weakref.finalize(thing, freed.set)
        workers.submit(thing.touch)
        del thing
        assert freed.wait(PATIENCE)


def test_thread_that_goes_for_want_of_work_calls_rest_and_holds_no_task_up() -> None:
    rest = Gate()
    with pool(1, idle=0.01, rest=rest) as workers:
        run_and_wait(workers)
        assert rest.started.wait(PATIENCE)
        run_and_wait(workers)
        rest.opened.set()


def test_what_rest_raises_ends_its_thread_alone() -> None:
    resting = threading.Event()

    def rest() -> None:
        resting.set()
        raise ValueError("of no use")

    with pool(1, idle=0.01, rest=rest) as workers:
        for _ in range(2):
            run_and_wait(workers)
            assert resting.wait(PATIENCE)
            resting.clear()


@pytest.mark.parametrize("stops", [True, False], ids=["stopped", "closed"])
def test_pool_that_ends_does_not_rest(stops: bool) -> None:
    rests: List[None] = []
    threads = Threads()
    workers = Workers(1, "ended", threads=threads, rest=lambda: rests.append(None))
    run_and_wait(workers)
    if stops:
        workers.stop()
    threads.close()
    threads.join(PATIENCE)
    assert not rests
