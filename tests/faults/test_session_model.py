"""A client and an app that misbehaves, driven by hypothesis and held to the model in `model/verdict.py`.

GRADIO_TEST_SESSIONS says how many sessions to try, of seeds that differ each time, unless `--hypothesis-seed`
gives one. Without it those are tried that are always the same, as CI must not depend on chance.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections import Counter
from concurrent.futures import TimeoutError as WaitTimeout
from contextlib import suppress
from itertools import count, product
from typing import Any, List, Optional, Set, Tuple
from typing import Counter as Counts

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_sessions

from gradio_client_lite import Client, Limits
from gradio_client_lite.errors import DeadlineExceeded, GradioClientError, ProtocolError
from gradio_client_lite.queues import session as session_module
from gradio_client_lite.queues.stream import Times
from gradio_client_lite.testing import Fault, serve
from gradio_client_lite.testing.faults import STEPS
from gradio_client_lite.transport import liveness as liveness_module
from gradio_client_lite.updates import OutputUpdate, Update

from .chaos.invariants import Belongings
from .model.functions import YIELDS, Account
from .model.verdict import Call, Era, Verdict, may_fail_to_connect

#: What a seed finds is the same on every Python, or chance.
pytestmark = pytest.mark.whole

#: Sessions, and what is done in each.
_SESSIONS, _RULES = 28, 14
#: Seconds: in which a call has ended, that a server may be silent, and that a caller waits for a call which
#: may have no end.
LIMIT, PATIENCE, _ENOUGH = 40.0, 8.0, 0.5
_ATTEMPTS = 4  # of the next call, where a session that was cut is still told so

_MESSAGES = ("process_generating", "process_completed", "process_starts", "close_stream")
_TAGS = count()
#: What was tried, and how calls have ended: without a fault that met them, and with.
TRIED: Counts[str] = Counter()
ENDS: Counts[Tuple[str, bool]] = Counter()


def _faults_at(step: str) -> List[Fault]:
    """What may go wrong at a step, some of it more often."""
    found = [Fault("delay", step, times=None, chance=0.3, seed=seed, seconds=0.02) for seed in range(20)]
    for kind in (kind for kind in STEPS if step in STEPS[kind]):
        statuses = (429, 502) if step == "config" else (404, 429, 502)
        messages = (None, None, *_MESSAGES) if step == "event" else (None,)
        endpoints = (None, None, "/grow", "/echo") if step in ("join", "event") else (None,)
        often = (0,) if kind == "stall" else (0, 0, 1, 2, 5)  # one takes seconds
        for nth, status, message, endpoint in product(often, statuses, messages, endpoints):
            options: Any = {"status": status, "message": message, "endpoint": endpoint, "seconds": 0.1}
            found.append(Fault(kind, step, nth, **options))
    return found


def _faults(*steps: str) -> st.SearchStrategy[List[Fault]]:
    """Some faults at these steps."""
    found = {step: _faults_at(step) for step in steps}

    @st.composite
    def one(draw: st.DrawFn) -> Fault:
        there = found[draw(st.sampled_from(steps))]
        return there[draw(st.integers(0, len(there) - 1))]

    return st.lists(one(), min_size=1, max_size=3)


_KINDS = st.lists(st.sampled_from(sorted(YIELDS)), min_size=1, max_size=5)
_CALLING = _faults("event", "event", "event", "join", "join", "opening", "direct", "cancel")
_CONNECTING = _faults("config", "info")


class Session(RuleBasedStateMachine):
    """A client of an app; hypothesis chooses what it does.

    Attributes:
        under_way: the calls that were not judged at their end yet.
        era: of the client's session now.
        made: how many calls this client has made.
        well: how many faults had struck when all was well last; they count no more.
        done: what was done, in words.
    """

    def __init__(self) -> None:
        super().__init__()
        self.threads = set(threading.enumerate())
        self.account = Account()
        self.app = serve(self.account.functions(), heartbeat=0.2)
        self.under_way: List[Call] = []
        self.era, self.well = Era(), 0
        self.done: List[str] = []
        self.client = self._connect()

    # -- what is done

    @rule(kinds=_KINDS)
    def submit(self, kinds: List[str]) -> None:
        self.done.append(f"submit {kinds}")
        for kind in kinds:
            self._submit(kind)

    @rule(given=_CALLING, kinds=_KINDS)
    def submit_with_faults(self, given: List[Fault], kinds: List[str]) -> None:
        """Change the faults, and make calls that meet them."""
        self._set(given)
        self.submit(kinds)

    @rule(given=_CALLING)
    def submit_of_each_kind(self, given: List[Fault]) -> None:
        self.submit_with_faults(given, sorted(YIELDS))

    @precondition(lambda self: self.under_way)
    @rule(which=st.integers(0, 9), most=st.integers(1, 4))
    def iterate(self, which: int, most: int) -> None:
        """Take the first outputs as they come."""
        call, seen = self._chosen(which), []
        self.done.append(f"iterate {call}, at most {most} values")
        try:
            for update in call.job.updates(timeout=self._limit(call)):
                seen.extend(_outputs(update))
                if len(seen) == most:
                    break
        except ProtocolError:
            assert self._verdict(call).garbled
        except DeadlineExceeded:
            assert self._verdict(call).may_hang
        self._verdict(call).outputs(seen, whole=False)

    @precondition(lambda self: self.under_way)
    @rule(which=st.integers(0, 9), awaited=st.booleans(), look=st.none() | st.sampled_from((0.0, 0.05)))
    def finish(self, which: int, awaited: bool, look: Optional[float]) -> None:
        """Wait for the end of a call, or await it; maybe first for less than that, which changes nothing."""
        call = self._chosen(which)
        self.done.append(f"finish {call}, {awaited=}, {look=}")
        if look is not None:
            try:
                call.job.exception(look)
            except WaitTimeout:
                assert not call.job.cancelled()
            else:
                self._verdict(call).end(self.account)
        self._finish(call, awaited=awaited)

    @precondition(lambda self: self.under_way)
    @rule(which=st.integers(0, 9), wait=st.sampled_from((None, PATIENCE)))
    def cancel(self, which: int, wait: Optional[float]) -> None:
        call = self._chosen(which)
        self.done.append(f"cancel {call}, {wait=}")
        self._cancel(call, wait)
        self._judge(call)

    @rule()
    def reset_session(self) -> None:
        """Begin another session, which knows nothing of the one before."""
        self.done.append("reset_session")
        before = self.client.session_hash
        self.client.reset_session()
        assert self.client.session_hash != before
        self.era = Era()

    @rule()
    def all_is_well(self) -> None:
        """End the faults, and what is under way; the next call works, and all is exact again."""
        self._set([])
        self._finish_all()
        for _ in range(_ATTEMPTS):
            call = self._submit("state")
            try:
                call.job.exception(LIMIT)  # whatever has struck before, this one ends
            except WaitTimeout:
                raise AssertionError(f"the next call has no end: {call.job!r}") from None
            self._judge(call)
            if call.job.exception() is None:
                break
        else:
            raise AssertionError(f"the next call does not work: {call.job.exception()!r}")
        counted = call.job.result()[1]
        if self.era.sure and not self._struck():
            assert counted == self.era.made, f"the session has counted {counted} of {self.era.made} calls"
        self.era.made, self.era.sure, self.well = counted, True, len(self.app.struck)

    @precondition(lambda self: self.made > 6)
    @rule(idle=st.booleans(), given=_CONNECTING)
    def close_and_connect(self, idle: bool, given: List[Fault]) -> None:
        """Close the client, maybe with calls under way, and connect anew whatever strikes."""
        if idle:
            self._finish_all()
        self.done.append(f"close with {self.under_way}, and connect")
        self._close()
        self._set(given)
        for attempt in range(_ATTEMPTS):
            if attempt == _ATTEMPTS - 1:
                self._set([])
            try:
                self.client = self._connect()
                break
            except GradioClientError as exc:
                if not may_fail_to_connect(exc, self._struck()):
                    raise

    def teardown(self) -> None:
        failure = sys.exc_info()[1]
        try:
            if failure is None:
                self.all_is_well()
                self._close()
        except AssertionError as exc:
            failure = exc
            raise
        finally:
            if isinstance(failure, AssertionError):  # else hypothesis ends the session, as it may
                # It may not happen again, and hypothesis tells only of what does.
                print(*self.done, f"struck {self.app.struck[self.well :]}", sep="\n")
            self.client.close()
            self.app.close()
        TRIED.update(sessions=1, struck=len(self.app.struck))

    # -- what that takes

    def _connect(self) -> Client:
        self.era, self.made = Era(), 0
        return Client(
            self.app.url,
            verbose=False,
            stream_grace=0.4,
            stream_idle_timeout=3.0,
            httpx_kwargs={"timeout": PATIENCE},
            limits=Limits(connecting=2 * PATIENCE, describing=PATIENCE, joining=PATIENCE, answering=PATIENCE),
        )

    def _submit(self, kind: str) -> Call:
        self.made += 1
        tag = f"{kind}-{next(_TAGS)}"
        self.era.made += kind == "state"
        call = Call(kind, tag, self.client.submit(tag, api_name=f"/{kind}"), self.era)
        self.under_way.append(call)
        return call

    def _set(self, given: List[Fault]) -> None:
        self.done.append(f"faults {given}, after {self.app.struck[self.well :]}")
        self.app.faults = given

    def _chosen(self, which: int) -> Call:
        return self.under_way[which % len(self.under_way)]

    def _struck(self) -> Set[Fault]:
        """What has struck since all was well."""
        return set(self.app.struck[self.well :])

    def _verdict(self, call: Call) -> Verdict:
        return Verdict(call, self._struck())

    def _limit(self, call: Call) -> float:
        return _ENOUGH if self._verdict(call).may_hang else LIMIT

    def _judge(self, call: Call) -> None:
        self.under_way.remove(call)
        verdict = self._verdict(call)
        verdict.end(self.account)
        TRIED["calls"] += 1
        error = None if call.cancelled else call.job.exception(0)
        ENDS["cancelled" if call.cancelled else type(error).__name__, bool(verdict.faults)] += 1

    def _finish(self, call: Call, *, awaited: bool = False) -> None:
        if call.kind == "long":
            self._cancel(call, None)
        elif awaited:
            self._await(call)
        else:
            self._wait(call)
        self._judge(call)

    def _cancel(self, call: Call, wait: Optional[float]) -> None:
        """Cancel a call; where nothing goes wrong the server hears of it, but with others of its kind."""
        told = call.cancel(wait)
        alone = all(other is call or other.kind != call.kind for other in self.under_way)
        if call.cancelled and alone and call.kind != "direct" and not self._struck():
            assert told, f"the server was not told of {call}"
            # It is told beside this thread, so that a fault may strike at that as late as now.
            until = time.monotonic() + LIMIT
            while self.account.is_left(call.tag, 0.1) and not self._struck():
                assert time.monotonic() < until, f"{call} still runs"

    def _wait(self, call: Call) -> None:
        limit = self._limit(call)
        try:
            call.job.exception(limit)
        except WaitTimeout:
            assert self._verdict(call).may_hang, f"{call} has not ended in {limit} seconds: {call.job!r}"
            call.cancel()

    def _await(self, call: Call) -> None:
        """Follow it in an event loop; who gives that up cancels the call."""
        limit, seen = self._limit(call), []

        async def follow() -> None:
            async for update in call.job:
                seen.extend(_outputs(update))
            with suppress(GradioClientError):  # which is judged like any end
                await call.job

        try:
            asyncio.run(asyncio.wait_for(follow(), limit))
        except ProtocolError:
            assert self._verdict(call).garbled
            self._wait(call)
        except asyncio.TimeoutError:
            assert self._verdict(call).may_hang, f"{call} has not ended in {limit} seconds: {call.job!r}"
            assert call.job.done(), f"{call} was given up, and goes on"
            call.cancelled = call.job.cancelled()
        self._verdict(call).outputs(seen, whole=False)

    def _finish_all(self) -> None:
        while self.under_way:
            self._finish(self.under_way[-1], awaited=len(self.under_way) % 5 == 0)

    def _close(self) -> None:
        """Close the client, which ends its calls; nothing of it is left."""
        self.client.close()
        while self.under_way:
            call = self.under_way[-1]
            call.abandoned = True
            if not call.job.cancelled():
                call.job.exception(PATIENCE)
            self._judge(call)
        until = time.monotonic() + LIMIT
        while self._left() and time.monotonic() < until:
            time.sleep(0.01)
        assert not self._left()

    def _left(self) -> List[str]:
        """What a closed client has left: threads, and connections to the app."""
        threads = [thread.name for thread in set(threading.enumerate()) - self.threads]
        ours = [name for name in threads if name.startswith("gradio-") and not name.startswith("gradio-app")]
        open_ones = [each for each in list(self.app._server._connections.values()) if each is not None]
        return ours + [str(connection) for connection in open_ones]


def _outputs(update: Update) -> List[Any]:
    """What a generator has yielded, where that is what an update tells."""
    return [update.outputs] if isinstance(update, OutputUpdate) and not update.final else []


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Find a silent server in seconds instead of half a minute."""
    monkeypatch.setattr(session_module, "TIMES", Times(beat=1.0, unnoticed=0.5))
    monkeypatch.setattr(liveness_module, "_MOMENT", 0.5)


@pytest.mark.usefixtures("_impatient")
@pytest.mark.filterwarnings("ignore:Cancel")  # which a server that misbehaves may not be told
def test_every_outcome_is_one_that_the_model_allows() -> None:
    sessions = os.environ.get("GRADIO_TEST_SESSIONS")
    chosen = settings(
        max_examples=int(sessions or _SESSIONS),
        stateful_step_count=_RULES,
        derandomize=sessions is None,
        database=None,
        deadline=None,
        phases=(Phase.generate,),  # what is found may not show again with less
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )
    with Belongings() as belongings:
        run_sessions(Session, settings=chosen)
        assert belongings.left() == []
    assert TRIED["struck"] > TRIED["sessions"], "too little goes wrong"
    print(f"{dict(TRIED)} {dict(ENDS)}")
