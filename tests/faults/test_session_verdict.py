"""Tests `model/verdict.py`: it finds what it is there for, and allows what faults explain."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any, Iterator, List, Optional

import pytest

from gradio_client_lite.errors import (
    AppError,
    ClientClosed,
    ConnectionLost,
    DeadlineExceeded,
    ProtocolError,
    StreamLost,
    TooManyRequestsError,
)
from gradio_client_lite.testing import Fault

from .model.functions import YIELDS, Account
from .model.verdict import Call, Era, Verdict


class Ended(Future):  # type: ignore[type-arg]
    """A job as the verdict sees it."""

    def __init__(self, end: Any, outputs: List[Any]) -> None:
        super().__init__()
        self._outputs = outputs
        if end is None:
            super().cancel()
        elif isinstance(end, Exception):
            self.set_exception(end)
        else:
            self.set_result(end)

    def outputs(self) -> List[Any]:
        return self._outputs

    def __iter__(self) -> Iterator[Any]:
        return iter(self._outputs)


def judge(
    kind: str,
    end: Any,
    outputs: Optional[List[Any]] = None,
    *faults: Fault,
    runs: int = 1,
    cancelled: bool = False,
    abandoned: bool = False,
) -> None:
    """Judge a call that was tagged "t", by its result, its error, or None for cancelled."""
    job: Any = Ended(end, [] if outputs is None else outputs)
    era = Era()
    era.made = 3
    call = Call(kind, "t", job, era)
    call.cancelled, call.abandoned = cancelled, abandoned
    account = Account()
    account.runs["t"] = runs
    Verdict(call, faults).end(account)


COUNTED, GROWN = list(YIELDS["count"]("t")), list(YIELDS["grow"]("t"))
CUT, LOST = Fault("close", "event"), Fault("lose", "event", message="process_generating")
TWICE, REFUSED = Fault("duplicate", "event"), Fault("refuse", "join")


@pytest.mark.parametrize(
    ("kind", "end", "outputs", "text"),
    [
        ("echo", "another", None, "instead of 't'"),
        ("echo", None, None, "cancelled by nobody"),
        ("echo", StreamLost("lost"), None, "failed with StreamLost"),
        ("echo", AppError("t"), None, "failed with AppError"),
        ("echo", "t", ["t", "t"], "has given"),
        ("fail", AppError("another"), None, "error of another call"),
        ("fail", "t", None, "has failed in the app"),
        ("state", ["t", 4], None, "3 were made"),
        ("state", ["another", 1], None, "got"),
        ("count", COUNTED[-1], COUNTED[:-1], "instead of"),
        ("count", COUNTED[-1], [*COUNTED[:2], *COUNTED[1:]], "instead of"),
        ("count", COUNTED[-1], COUNTED[::-1], "instead of"),
        ("grow", "t0", GROWN, "instead of"),
        ("late", AppError("t"), ["0 t"], "instead of"),
    ],
)
def test_without_faults_all_is_exact(kind: str, end: Any, outputs: Any, text: str) -> None:
    with pytest.raises(AssertionError, match=text):
        judge(kind, end, outputs)


@pytest.mark.parametrize(
    "fault", [Fault("delay", "event"), Fault("throttle", "join"), Fault("close", "cancel")]
)
def test_what_only_takes_a_while_explains_nothing(fault: Fault) -> None:
    judge("echo", "t", ["t"], fault)
    with pytest.raises(AssertionError):
        judge("echo", StreamLost("lost"), None, fault)


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("direct", CUT),
        ("echo", Fault("close", "direct")),
        ("echo", Fault("refuse", "join", endpoint="/count")),
        ("echo", LOST),
        ("echo", TWICE),
    ],
)
def test_faults_of_other_calls_and_other_kinds_explain_nothing(kind: str, fault: Fault) -> None:
    with pytest.raises(AssertionError):
        judge(kind, StreamLost("lost"), None, fault)


def test_a_call_that_ran_twice_or_was_refused_and_ran_is_found() -> None:
    for end, runs, faults in (("t", 2, ()), ("t", 0, ()), (TooManyRequestsError("no"), 1, (REFUSED,))):
        with pytest.raises(AssertionError):
            judge("echo", end, None, *faults, runs=runs)
    judge("echo", TooManyRequestsError("no"), None, REFUSED, runs=0)


def test_a_cut_explains_a_lost_stream_and_gaps_but_nothing_wrong() -> None:
    judge("count", StreamLost("cut"), COUNTED[1:3], CUT)
    judge("count", COUNTED[-1], COUNTED[::2], CUT)
    for end, outputs in ((COUNTED[-1], COUNTED[::-1]), (ConnectionLost("cut"), []), (None, [])):
        with pytest.raises(AssertionError):
            judge("count", end, outputs, CUT)


def test_messages_out_of_order_explain_outputs_but_no_wrong_result() -> None:
    judge("count", COUNTED[-1], COUNTED[::-1], TWICE)
    judge("grow", GROWN[-1], ["t0", "t00"], TWICE)
    judge("grow", ProtocolError("no edit"), [], TWICE)
    for end, outputs in ((GROWN[0], []), (StreamLost("lost"), [])):
        with pytest.raises(AssertionError):
            judge("grow", end, outputs, TWICE)


def test_a_cancelled_call_is_one_that_its_user_cancelled() -> None:
    judge("count", None, COUNTED[:2], cancelled=True)
    with pytest.raises(AssertionError):
        judge("count", COUNTED[-1], COUNTED, cancelled=True)


def test_a_closed_client_explains_what_it_says() -> None:
    judge("count", ClientClosed("closed"), COUNTED[:2], abandoned=True)
    with pytest.raises(AssertionError):
        judge("count", ClientClosed("closed"), COUNTED[:2])


@pytest.mark.parametrize(
    ("kind", "fault", "hangs"),
    [
        ("echo", Fault("lose", "event"), True),
        ("echo", Fault("forget", "join", endpoint="/grow"), True),
        ("echo", Fault("forget", "event"), False),
        ("direct", Fault("stall", "direct"), True),
        ("echo", Fault("stall", "event"), False),
        ("direct", Fault("lose", "event"), False),
    ],
)
def test_few_faults_leave_the_end_to_the_user(kind: str, fault: Fault, hangs: bool) -> None:
    job: Any = Ended("t", ["t"])
    assert Verdict(Call(kind, "t", job, Era()), [fault]).may_hang == hangs


def test_a_silent_request_explains_a_deadline() -> None:
    judge("echo", DeadlineExceeded("silent"), None, Fault("stall", "join"), runs=0)
