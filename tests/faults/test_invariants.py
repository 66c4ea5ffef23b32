"""What judges schedules finds what it is there for; and schedules are what their seeds and texts say."""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Optional

import pytest

from gradio_client_lite.errors import ConnectionLost, ProtocolError, ReadTimeout

from .chaos.faults import Kind
from .chaos.invariants import EXPECTED, Belongings, Outcome, Verdict, broken, outcome_of, wrong_files
from .chaos.schedules import Schedule, schedule_of
from .chaos.steps import NEEDS, steps_of
from .chaos.table import Table
from .chaos.trial import Report
from .chaos.workload import Late, Lost, Wrong, same

RELEASES = ("3.50.2", "4.0.2", "4.44.1", "6.31.0")


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (None, Verdict.SURVIVED),
        (ConnectionLost("cut"), Verdict.TYPED),
        (ReadTimeout("silent"), Verdict.TYPED),
        (CancelledError(), Verdict.LOST),
        (asyncio.CancelledError(), Verdict.LOST),
        (Lost("ended early"), Verdict.LOST),
        (Wrong("1 instead of 2"), Verdict.WRONG),
        (ProtocolError("what no network does"), Verdict.WRONG),
        (OSError("untyped"), Verdict.WRONG),
        (TimeoutError("untyped"), Verdict.WRONG),
        (Late("given up"), Verdict.HUNG),
    ],
    ids=repr,
)
def test_each_end_has_its_verdict(error: Optional[BaseException], verdict: Verdict) -> None:
    outcome = Outcome("text", error, 0.1)
    assert outcome.verdict() is verdict
    assert bool(broken([outcome])) is (verdict not in (Verdict.SURVIVED, Verdict.TYPED))


def test_call_without_an_end_has_hung() -> None:
    assert Outcome("text", None, 20.0, ended=False).verdict() is Verdict.HUNG


def test_errors_may_be_expected() -> None:
    outcome = Outcome("text", ProtocolError("came twice"), 0.1)
    assert broken([outcome], (*EXPECTED, ProtocolError)) == []


def test_wrong_value_is_noted() -> None:
    outcome = outcome_of("text", lambda: same("of another", "own"))
    assert outcome.verdict() is Verdict.WRONG
    assert "of another" in str(outcome)


def test_file_that_is_not_whole_is_found(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "whole").write_bytes(b"all")
    assert wrong_files(tmp_path, b"all".__eq__) == []
    (tmp_path / "folder" / "half").write_bytes(b"al")
    assert wrong_files(tmp_path, b"all".__eq__) == ["half is not whole"]


@pytest.fixture
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faults.chaos.invariants._SETTLING", 0.2)


@pytest.mark.usefixtures("_soon")
def test_thread_socket_and_file_that_are_left_are_found(tmp_path: Path) -> None:
    with Belongings() as belongings:
        assert belongings.left() == []
        over = threading.Event()
        thread = threading.Thread(target=over.wait, name="left behind")
        thread.start()
        with socket.socket(), (tmp_path / "file").open("w") as file:
            assert belongings.left() == ["left behind", file.name, "socket"]
        over.set()
        thread.join()
        assert belongings.left() == []


@pytest.mark.usefixtures("_soon")
def test_traceback_of_a_thread_is_found() -> None:
    with Belongings() as belongings:
        thread = threading.Thread(target=lambda: 1 / 0)
        thread.start()
        thread.join()
        (left,) = belongings.left()
    assert "ZeroDivisionError" in left


# --- schedules


@pytest.mark.parametrize("version", RELEASES)
def test_text_of_a_schedule_gives_it_back(version: str) -> None:
    for seed in range(200):
        schedule = schedule_of(seed, version)
        assert schedule == schedule_of(seed, version)
        assert Schedule.parse(str(schedule)) == schedule


@pytest.mark.parametrize("version", RELEASES)
def test_seeds_in_a_row_have_every_kind_at_every_step(version: str) -> None:
    pairs = {(kind, step) for kind in Kind for step in steps_of(version)}
    drawn = [schedule_of(seed, version).faults[0] for seed in range(len(pairs))]
    assert {(fault.kind, fault.step) for fault in drawn} == pairs


@pytest.mark.parametrize("version", RELEASES)
def test_calls_come_to_the_step_of_the_fault(version: str) -> None:
    for seed in range(200):
        schedule = schedule_of(seed, version)
        assert {NEEDS[fault.step] for fault in schedule.faults if fault.step in NEEDS} <= set(schedule.calls)


def test_table_counts_and_tells_the_longest_time_to_an_error() -> None:
    schedule = schedule_of(1, "6.31.0")
    ends = {"text": None, "map": ConnectionLost("cut"), "direct": Late("given up")}
    outcomes = [Outcome(name, error, 9.0 if name != "map" else 1.5) for name, error in ends.items()]
    table = Table()
    table.add([Report(schedule, schedule.faults, tuple(outcomes), 1, ())])
    assert any(line.startswith("6.31.0") for line in table.lines())
    assert "seeds 1 to 1" in table.lines()
    assert "longest time to an error: 1.5 s" in table.lines()
    assert any(line.startswith("1 calls were given up") for line in table.lines())
