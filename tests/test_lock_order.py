"""Tests `lock_watch.py` and `lock_order.py`: each broken rule is found, and the document names every rank."""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Set, Tuple

import pytest
from lock_order import ORDER, PERMITTED, LockOrder, watched
from lock_watch import LockWatch, WatchedLock

import gradio_client_lite
from gradio_client_lite.workers import Workers


class Locks:
    """Some locks and what watches them."""

    def __init__(self, **options: Any) -> None:
        self.watch = LockWatch(__file__, **options)  # as if this were the package
        self.a, self.b, self.c = (self.make(name) for name in "abc")

    def make(self, name: str) -> WatchedLock:
        return WatchedLock(self.watch, name, threading.RLock(), reentrant=True)

    def kinds(self) -> list[str]:
        return [fault.kind for fault in self.watch.faults]


@pytest.fixture
def locks() -> Locks:
    return Locks()


def test_opposite_orders_are_found_though_nobody_waits(locks: Locks) -> None:
    with locks.a, locks.b:
        pass
    assert not locks.kinds()
    with locks.b, locks.a:
        pass
    assert locks.kinds() == ["ring"]


def test_ring_of_three_is_found(locks: Locks) -> None:
    for outer, inner in ((locks.a, locks.b), (locks.b, locks.c), (locks.c, locks.a)):
        with outer, inner:
            pass
    assert locks.kinds() == ["ring"]
    assert "a before b" in str(locks.watch.faults[0])


def test_two_of_a_kind_are_a_ring(locks: Locks) -> None:
    with locks.a, locks.make("a"):
        pass
    assert locks.kinds() == ["ring"]


def test_same_lock_again_is_none(locks: Locks) -> None:
    with locks.a, locks.b, locks.a:
        pass
    assert not locks.kinds()


def test_lock_that_is_tried_is_no_wait_for_it(locks: Locks) -> None:
    with locks.a, locks.b:
        pass
    with locks.b:
        assert locks.a.acquire(blocking=False)
        locks.a.release()
    assert not locks.kinds()


@pytest.mark.parametrize(("ranks", "found"), [({"a": 0, "b": 1}, []), ({"a": 1, "b": 0}, ["order"])])
def test_order_against_ranks_is_found_at_once(ranks: Dict[str, int], found: list[str]) -> None:
    locks = Locks(ranks=ranks)
    with locks.a, locks.b:
        pass
    assert locks.kinds() == found


@pytest.mark.parametrize("ranks", [{"a": 0}, {"b": 0}, {"a": 0, "b": 0}, {}])
def test_lock_without_a_rank_of_its_own_is_taken_alone(ranks: Dict[str, int]) -> None:
    locks = Locks(ranks=ranks)
    with locks.a, locks.b:
        pass
    assert locks.kinds() == ["order"]


def test_condition_that_waits_holds_nothing_meanwhile(locks: Locks) -> None:
    changed = threading.Condition(locks.a)  # type: ignore[arg-type]
    with changed:
        changed.wait(0.001)
        assert locks.a.holder
    assert not locks.a.holder
    assert not locks.kinds()


# --- what is done while one is held


def receive() -> None:
    one, other = socket.socketpair()
    with one, other:
        other.send(b"a")
        one.recv(1)


def wait() -> None:
    changed = threading.Condition()
    with changed:
        changed.wait(0.001)


def join() -> None:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()


def log() -> None:
    logging.getLogger(__name__).warning("something")


def made_elsewhere(code: str) -> Any:
    """A function of a program."""
    names: Dict[str, Any] = {}
    exec(compile(code, "/home/somebody/program.py", "exec"), names)
    return names["function"]


BROKEN: Dict[str, Tuple[Callable[[], object], Set[str]]] = {
    "a socket": (receive, {"socket"}),
    "a sleep": (lambda: time.sleep(0), {"wait"}),
    "a condition": (wait, {"wait"}),
    "threads": (join, {"start", "wait"}),
    "a log line": (log, {"log"}),
    "the program": (made_elsewhere("def function(): pass"), {"program"}),
    "nothing": (lambda: sorted([2, 1], key=str), set()),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_must_not_be_done_under_a_lock_is_found_there_alone(locks: Locks, what: str) -> None:
    do, kinds = BROKEN[what]
    do()
    assert not locks.kinds()
    with locks.a:
        do()
    do()
    assert set(locks.kinds()) == kinds
    assert all(fault.held == ("a",) for fault in locks.watch.faults)


def test_what_is_permitted_is_no_fault() -> None:
    locks = Locks(permitted={"a": (frozenset({"socket"}), "")})
    with locks.a:
        receive()
    assert not locks.kinds()
    with locks.b, locks.a:
        receive()
    assert set(locks.kinds()) == {"socket"}  # of the other lock


def test_what_a_program_does_when_it_is_called_is_one_fault(locks: Locks) -> None:
    sleeps = made_elsewhere("import time\ndef function(): time.sleep(0)")
    with locks.a:
        sleeps()
    assert locks.kinds() == ["program"]


def test_what_the_test_does_with_a_lock_is_not_looked_at(locks: Locks) -> None:
    with_lock = made_elsewhere("def function(lock, do):\n    with lock: do()")
    with_lock(locks.a, log)
    assert not locks.kinds()


def test_profile_of_others_is_there_again_behind_a_lock(locks: Locks) -> None:
    seen: List[str] = []
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, _: seen.append(frame.f_code.co_name))
    try:
        with locks.a:
            pass
        receive()
    finally:
        sys.setprofile(before)
    assert "receive" in seen


# --- the package's locks


@pytest.fixture
def package() -> Iterator[LockWatch]:
    """A watch of what the package does, of its own even where the whole run is watched."""
    watch = LockWatch(os.path.join(os.path.dirname(gradio_client_lite.__file__), ""))
    with watched(watch):
        yield watch


def test_locks_of_the_package_are_named_for_where_they_are_kept(package: LockWatch) -> None:
    app = Workers(1, "test")
    done = threading.Event()
    app.submit(done.set)
    assert done.wait(10)
    app.stop()
    assert package.taken["workers.Workers._ready"] >= 2
    assert {fault.kind for fault in package.faults} <= {"start"}


def test_locks_of_others_are_their_own_affair(package: LockWatch) -> None:
    assert not isinstance(threading.Lock(), WatchedLock)
    assert not isinstance(threading.Condition()._lock, WatchedLock)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("when", "outcome"), [("call", "passed"), ("teardown", "failed")])
def test_test_in_which_something_is_found_fails(locks: Locks, when: Any, outcome: str) -> None:
    with locks.a:
        receive()
    report = pytest.TestReport("test", ("", 0, ""), {}, "passed", None, when)
    call: Any = pytest.CallInfo.from_call(int, when)
    wrapper = LockOrder(locks.watch).pytest_runtest_makereport(None, call)  # type: ignore[arg-type]
    next(wrapper)
    with pytest.raises(StopIteration):
        wrapper.send(report)
    assert report.outcome == outcome
    assert ("recv" in str(report.longrepr)) is (outcome == "failed")


# --- the tables


def test_each_rank_and_each_exception_has_its_line_in_the_document() -> None:
    document = (Path(__file__).parent.parent / "docs" / "architecture.md").read_text("utf-8")
    names = {name.rpartition("/")[2] for rank in ORDER for name in rank} | {*PERMITTED}
    missing = [name for name in names if ".".join(name.split(".")[-2:]) not in document]
    assert not missing
