"""One schedule, carried out: a client, a proxy that strikes, the calls, and the next call afterwards."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import List, NamedTuple, Optional, Tuple, Type

from gradio_client_lite import Client, Limits
from gradio_client_lite.errors import ProtocolError

from .faults import HARMLESS, Fault, Kind
from .invariants import EXPECTED, Outcome, Verdict, broken, outcome_of, wrong_files
from .proxy import FaultProxy
from .schedules import Schedule
from .steps import ASIDE
from .workload import CALLS, LIMIT, Late, Use, content_of, same

#: Seconds after which silence is looked into; neither the app nor a harmless fault is silent for so long.
PATIENCE = 2.0
_LIMITS = Limits(describing=LIMIT, joining=LIMIT, answering=LIMIT, uploading=LIMIT, downloading=LIMIT)
#: Seconds in which every call has ended or was given up: those of two jobs, and of files.
_END = 3 * LIMIT
_CLOSING = 3.0  # seconds in which the connections of a closed client are gone
_ATTEMPTS = 4  # to connect
#: Seconds in which the next call goes well. 6.31 looks every 10 seconds whether a session was dropped under
#: another stream of it (gradio/routes.py, `queue_data`).
_NOTICED = 15.0


class Report(NamedTuple):
    """What came of a schedule.

    Args:
        struck: the faults that have struck.
        outcomes: of its calls, connecting among them.
        attempts: how often the next call was made until it was right.
        wrong: what does not hold, but of outcomes.
    """

    schedule: Schedule
    struck: Tuple[Fault, ...]
    outcomes: Tuple[Outcome, ...]
    attempts: int
    wrong: Tuple[str, ...]

    def verdict(self, outcome: Outcome) -> Verdict:
        """Judge one of its outcomes."""
        return outcome.verdict(self._expected())

    def broken(self) -> List[str]:
        """What does not hold; empty is good."""
        return broken(self.outcomes, self._expected()) + list(self.wrong)

    def _expected(self) -> Tuple[Type[Exception], ...]:
        """The errors that these faults may be told as.

        What comes twice is no HTTP any more. What is stalled may be taken for a function that takes its time
        wherever a server says nothing meanwhile: in direct calls, and up to 4.8. Its caller gives it up.
        """
        kinds = {fault.kind for fault in self.struck}
        if kinds <= HARMLESS or self._is_aside():
            return ()
        more = {Kind.DUPLICATE: ProtocolError, Kind.STALL: Late}
        return (*EXPECTED, *[error for kind, error in more.items() if kind in kinds])

    def _is_aside(self) -> bool:
        """Whether the faults met only what no call waits for, and left the other connections."""
        return all(
            fault.step in ASIDE and fault.kind not in (Kind.REFUSE, Kind.RESTART) for fault in self.struck
        )


def try_schedule(
    schedule: Schedule, ports: Tuple[int, int], auth: Optional[Tuple[str, str]], folder: Path
) -> Report:
    """Carry a schedule out.

    Args:
        ports: of a server, and of the one that takes its place at a restart.
        folder: an empty one, for what is sent and fetched.
    """
    outcomes: List[Outcome] = []
    wrong: List[str] = []
    attempts = 0
    with FaultProxy(ports[0], schedule.faults, ports[1]) as proxy:
        client = _connect(proxy, auth, folder / "fetched", outcomes)
        if client is None:
            wrong.append(f"it could not connect: {outcomes[-1]}")
        else:
            with client:
                outcomes += _call_all(client, schedule, folder)
                proxy.calm()
                attempts, last = _call_next(client, folder)
                if last.verdict() is not Verdict.SURVIVED:
                    wrong.append(f"the next call: {last}")
            wrong += [f"a connection is left open at {step!r}" for step in proxy.open_for(_CLOSING)]
    if (folder / "fetched").exists():
        whole = {content_of(tag).encode() for tag in _tags(schedule)}
        wrong += wrong_files(folder / "fetched", whole.__contains__)
    return Report(schedule, tuple(proxy.struck), tuple(outcomes), attempts, tuple(wrong))


def _connect(
    proxy: FaultProxy, auth: Optional[Tuple[str, str]], fetched: Path, outcomes: List[Outcome]
) -> Optional[Client]:
    clients: List[Client] = []

    def connect() -> None:
        clients.append(
            Client(
                proxy.url,
                verbose=False,
                auth=auth,
                download_files=fetched,
                httpx_kwargs={"timeout": 3 * PATIENCE},
                stream_grace=PATIENCE / 2,
                stream_idle_timeout=PATIENCE,
                timeout=LIMIT,
                limits=_LIMITS,
            )
        )

    for attempt in range(_ATTEMPTS):
        if attempt == _ATTEMPTS - 1:
            proxy.calm()
        outcomes.append(outcome_of("connect", connect))
        if clients:
            break
    return clients[0] if clients else None


def _tags(schedule: Schedule) -> List[str]:
    """A text for each call that no other has, of any schedule of the release."""
    return [f"{schedule.seed}-{place}" for place in range(len(schedule.calls))]


def _call_all(client: Client, schedule: Schedule, folder: Path) -> List[Outcome]:
    outcomes: List[Outcome] = []
    twice = any(fault.kind is Kind.DUPLICATE for fault in schedule.faults)

    def call(tag: str, name: str) -> None:
        use = Use(client, tag, folder, twice)
        outcomes.append(outcome_of(name, lambda: CALLS[name](use)))

    threads: List[threading.Thread] = []
    until = time.monotonic() + _END
    for tag, name in zip(_tags(schedule), schedule.calls):
        thread = threading.Thread(target=call, args=(tag, name), name=f"call {name}", daemon=True)
        thread.start()
        threads.append(thread)
        if not schedule.together:
            thread.join(_END)
            until = time.monotonic() + _END
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    hung = [thread.name for thread in threads if thread.is_alive()]
    return outcomes + [Outcome(name, None, _END, ended=False) for name in hung]


def _call_next(client: Client, folder: Path) -> Tuple[int, Outcome]:
    """Call again when nothing strikes any more; how often that took, and the last outcome."""

    def call() -> None:
        use = Use(client, "next", folder)
        same(use.result("next", api_name="/echo"), "next")
        same(use.result("next", api_name="/direct"), "next")

    until = time.monotonic() + _NOTICED
    attempts, last = 1, outcome_of("next", call)
    while last.verdict() is Verdict.TYPED and time.monotonic() < until:
        attempts, last = attempts + 1, outcome_of("next", call)
    return attempts, last
