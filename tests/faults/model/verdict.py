"""What may come of a call, by the faults that have struck while it was under way: the model of a session.

Without any it is exact: the right value, all outputs in order, cancelled only if it was cancelled, and run
once. Faults that only take a while change nothing of it. The others allow what the tables say, and no more:
never a value that is not the call's own, and never a second run.
"""

from __future__ import annotations

from concurrent.futures import TimeoutError as WaitTimeout
from typing import Any, Collection, Dict, Iterable, List, Optional, Tuple, Type

from gradio_client_lite import Job
from gradio_client_lite.errors import (
    AppError,
    ClientClosed,
    ConnectionLost,
    DeadlineExceeded,
    GradioClientError,
    HTTPStatusError,
    ProtocolError,
    RetryLater,
    StreamLost,
)
from gradio_client_lite.testing import Fault

from .functions import EDITED, FAILING, GENERATORS, YIELDS, Account

_Errors = Tuple[Type[GradioClientError], ...]
_REFUSED: _Errors = (RetryLater, HTTPStatusError)
#: The errors that a fault may be told as: at a request, and at a stream.
TOLD: Dict[str, Tuple[_Errors, _Errors]] = {
    "refuse": (_REFUSED, (*_REFUSED, StreamLost)),
    "close": ((ConnectionLost,), (StreamLost,)),
    "truncate": ((ConnectionLost,), (StreamLost,)),
    "lose": ((ConnectionLost,), ()),
    "stall": ((DeadlineExceeded,), (StreamLost,)),
    "forget": ((StreamLost,), (StreamLost,)),
    "delay": ((), ()),
    "throttle": ((), ()),
    "duplicate": ((), ()),
    "swap": ((), ()),
}
_HARMLESS = frozenset(("delay", "throttle"))
_OF_STREAMS = frozenset(("opening", "event"))
#: Outputs may be missing after these; they come as no server sends them; only the caller may end the call, as
#: after a session was forgotten while no stream was open that could say so.
_CUTS = frozenset(("refuse", "close", "truncate", "stall", "forget"))
_GARBLES = frozenset(("lose", "duplicate", "swap"))
_ENDLESS = frozenset((("lose", "event"), ("stall", "direct"), ("forget", "join")))
#: Of what was not taken nothing has run.
_NOT_TAKEN = frozenset(("refuse", "close"))


class Era:
    """A session of a client.

    Attributes:
        made: how many calls it can have counted.
        sure: whether it has counted all of them: one that was cancelled may have been sent or not.
    """

    def __init__(self) -> None:
        self.made = 0
        self.sure = True


class Call:
    """A call that was made, and what its user did.

    Attributes:
        cancelled: whether its user has cancelled it.
        abandoned: whether the client was closed meanwhile.
    """

    def __init__(self, kind: str, tag: str, job: Job, era: Era) -> None:
        self.kind = kind
        self.tag = tag
        self.job = job
        self.era = era
        self.right = list(YIELDS[kind](tag))
        self.cancelled = self.abandoned = False
        self._iterated: Optional[List[Any]] = None

    def __repr__(self) -> str:
        return f"the call {self.tag}"

    def iterated(self) -> List[Any]:
        """What `for value in job` gives; once for all, as it does."""
        if self._iterated is None:
            self._iterated = list(self.job)
        return self._iterated

    def cancel(self, wait: Optional[float] = None) -> bool:
        """Cancel it, as its user; return whether the server was told, if that was waited for."""
        assert not self.job.cancelled(), f"nobody has cancelled {self}"
        told = self.job.cancel(wait)
        self.cancelled = self.job.cancelled()
        self.era.sure = self.era.sure and self.kind != "state"
        return told


class Verdict:
    """Judges a call by the faults that have struck since all was well."""

    def __init__(self, call: Call, struck: Iterable[Fault]) -> None:
        self.call = call
        self.faults = {fault for fault in struck if _concerns(fault, call.kind)}
        kinds = {fault.kind for fault in self.faults}
        self._cut = call.abandoned or not kinds.isdisjoint(_CUTS)
        #: Whether it may have no end but its user's.
        self.may_hang = any((fault.kind, fault.step) in _ENDLESS for fault in self.faults)
        #: Whether its outputs may come in another order or number, and then as edits that do not fit.
        self.garbled = any(fault.step == "event" and fault.kind in _GARBLES for fault in self.faults)

    def end(self, account: Account) -> None:
        """Judge a call that has ended."""
        call, job = self.call, self.call.job
        runs = account.runs[call.tag]
        assert runs <= 1, f"{call} was run {runs} times"
        assert job.cancelled() == call.cancelled, f"{call} was cancelled by nobody, or went on: {_end(job)}"
        error = None if job.cancelled() else job.exception(0)
        if error is not None:
            self._error(error, runs)
        elif not job.cancelled():
            self._value(job.result(0))
            assert runs == 1, f"{call} has a result, and was run {runs} times"
        by_app = not job.cancelled() and (error is None or isinstance(error, AppError))
        try:
            self.outputs(job.outputs(), whole=by_app)
            self.outputs(call.iterated(), whole=by_app)
        except ProtocolError:
            if not self.garbled:
                raise

    def _value(self, got: Any) -> None:
        call = self.call
        assert call.kind not in FAILING, f"{call} has failed in the app, and got {got!r}"
        if call.kind == "state":
            assert got[0] == call.tag, f"{call} got {got!r}"
            assert 1 <= got[1] <= call.era.made, f"{call} got {got!r}, and {call.era.made} were made"
        else:
            assert got == call.right[-1], f"{call} got {got!r} instead of {call.right[-1]!r}"

    def _error(self, error: BaseException, runs: int) -> None:
        call = self.call
        if isinstance(error, AppError):
            assert call.kind in FAILING, f"{call} failed with {error!r}"
            assert str(error) == call.tag, f"{call} got the error of another call, {error!r}"
            return
        told = {kind for fault in self.faults for kind in TOLD[fault.kind][fault.step in _OF_STREAMS]}
        if call.abandoned:
            told.add(ClientClosed)
        if self.garbled:
            told.add(ProtocolError)
        assert isinstance(error, tuple(told)), f"{call} failed with {error!r}, after {self.faults}"
        untaken = all(fault.kind in _NOT_TAKEN and fault.step not in _OF_STREAMS for fault in self.faults)
        if untaken and not call.abandoned:
            assert runs == 0, f"{call} was not taken, and has run"

    def outputs(self, values: List[Any], *, whole: bool) -> None:
        """Judge outputs: all, or those so far."""
        call, right = self.call, self.call.right
        if call.kind not in GENERATORS:
            assert len(values) <= 1, f"{call} has given {values!r}"
        elif self.garbled:
            known = call.kind in EDITED or all(value in right for value in values)
            assert known, f"{call} has given {values!r}, not among {right!r}"
        elif self._cut:
            left = iter(right)
            assert all(value in left for value in values), f"{call} has given {values!r}, not of {right!r}"
        else:
            wanted = right if whole else right[: len(values)]
            assert values == wanted, f"{call} has given {values!r} instead of {wanted!r}"


def may_fail_to_connect(error: BaseException, struck: Collection[Fault]) -> bool:
    """Whether connecting may have failed so."""
    return any(fault.step == "config" and isinstance(error, TOLD[fault.kind][0]) for fault in struck)


def _concerns(fault: Fault, kind: str) -> bool:
    """Whether a call of that kind depends on what the fault strikes."""
    if fault.kind in _HARMLESS or fault.step not in ("join", "opening", "event", "direct"):
        return False
    if fault.step == "direct" or kind == "direct":
        return fault.step == kind
    # What cuts a stream, or drops a session, meets all of its calls.
    of_all = fault.kind == "forget" or (fault.step in _OF_STREAMS and fault.kind in _CUTS)
    return of_all or fault.endpoint in (None, f"/{kind}")


def _end(job: Job) -> str:
    try:
        return repr(job) if job.cancelled() else repr(job.exception(0) or job.result(0))
    except WaitTimeout:
        return f"{job!r} has not ended"
