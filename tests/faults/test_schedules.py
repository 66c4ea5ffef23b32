"""Random schedules of calls, cancellations and sessions: no result is lost, or another call's; none hangs."""

from __future__ import annotations

import json
import queue
import threading
from collections import defaultdict
from concurrent.futures import CancelledError
from functools import partial
from random import Random
from typing import Any, Callable, DefaultDict, Iterator, List, NamedTuple, Set
from urllib.parse import parse_qs

import pytest

from gradio_client_lite import Client, Job
from gradio_client_lite.errors import StreamLost
from gradio_client_lite.queues import session as session_module
from gradio_client_lite.queues.stream import Times

from .badserver import PATIENCE, STREAM_HEAD, BadServer, Hangup, Peer, Request, chunk, event, reply, streaming
from .chaos.invariants import broken, outcome_of
from .chaos.workload import same

Connect = Callable[..., Client]

#: What a seed finds is the same on every Python, or chance.
pytestmark = pytest.mark.whole

USERS, CALLS = 6, 8
LOST = streaming(event("unexpected_error", message="404: Session not found.", session_not_found=True))


class Dice:
    """Chance that threads share."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._lock = threading.Lock()

    def falls(self, share: float) -> bool:
        with self._lock:
            return self._random.random() < share

    def pause(self, longest: float) -> None:
        with self._lock:
            seconds = max(0.0, self._random.uniform(-longest, longest))
        threading.Event().wait(seconds)


class Session:
    """What the server keeps of one."""

    def __init__(self) -> None:
        self.messages: queue.Queue[bytes] = queue.Queue()
        self.pending: Set[str] = set()


class Queue(BadServer):
    """A queue as Gradio's, whose answers and messages come in any order that is possible.

    Args:
        seed: of its chance.
        cuts: how often a stream breaks, of its messages; the session's jobs are dropped then.
    """

    def __init__(self, seed: int, cuts: float = 0.0) -> None:
        super().__init__(join=self._take, data=self._tell)
        self._dice = Dice(seed)
        self._cuts = cuts
        # Guards the sessions.
        self._sessions_lock = threading.Lock()
        self._sessions: DefaultDict[str, Session] = defaultdict(Session)
        self._joined = 0

    def _take(self, peer: Peer, request: Request) -> None:
        body = json.loads(request.body)
        with self._sessions_lock:
            event_id = f"job-{self._joined}"
            self._joined += 1
            session = self._sessions[body["session_hash"]]
            session.pending.add(event_id)
        threading.Thread(target=self._work, args=(session, event_id, body["data"][0]), daemon=True).start()
        self._dice.pause(0.03)  # its messages may come first
        reply({"event_id": event_id})(peer, request)

    def _work(self, session: Session, event_id: str, text: str) -> None:
        if self._dice.falls(0.2):
            session.messages.put(event("process_generating", "stranger", output={"data": ["wrong"]}))
        values: List[Any] = [text, *[[["append", [], f"+{step}"]] for step in range(int(text[-1]))]]
        for value in values:
            session.messages.put(event("process_generating", event_id, output={"data": [value]}))
            self._dice.pause(0.004)
        session.messages.put(event("process_completed", event_id, output={"data": [expected(text)[-1]]}))

    def _tell(self, peer: Peer, request: Request) -> None:
        (name,) = parse_qs(request.path.partition("?")[2])["session_hash"]
        with self._sessions_lock:
            session = self._sessions.get(name)
        if session is None:
            LOST(peer, request)
            return
        peer.send(STREAM_HEAD)
        while session.pending:
            try:
                message = session.messages.get(timeout=0.1)
            except queue.Empty:
                peer.send(chunk(event("heartbeat")))
                continue
            if self._dice.falls(self._cuts):
                with self._sessions_lock:
                    self._sessions.pop(name, None)
                raise Hangup
            peer.send(chunk(message))
            if b"process_completed" in message:
                session.pending.discard(json.loads(message[len("data: ") :])["event_id"])
        self._dice.pause(0.02)
        peer.send(chunk(event("close_stream")) + chunk(b""))


def expected(text: str) -> List[str]:
    """The values of the call with this argument."""
    values = [text]
    for step in range(int(text[-1])):
        values.append(f"{values[-1]}+{step}")
    return values


class Made(NamedTuple):
    text: str
    job: Job
    cancelled: bool


def use(client: Client, seed: int, user: int, made: List[Made]) -> None:
    """Make calls, and cancel, wait for or leave them, in sessions that are chosen, left and shared."""
    dice = Dice(seed * 100 + user)
    for number in range(CALLS):
        if dice.falls(0.1):
            client.session_hash = f"chosen-{user % 2}"
        if dice.falls(0.1):
            client.reset_session()
        text = f"{user}-{number}-{'05'[dice.falls(0.5)]}"
        job = client.submit(text, api_name="/echo")
        cancelled = dice.falls(0.2)
        dice.pause(0.02)
        if cancelled:
            job.cancel()
        made.append(Made(text, job, cancelled))


def run(client: Client, seed: int) -> Iterator[Made]:
    made: List[Made] = []
    users = [
        threading.Thread(target=use, args=(client, seed, user, made), daemon=True) for user in range(USERS)
    ]
    for thread in users:
        thread.start()
    for thread in users:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert len(made) == USERS * CALLS
    return iter(made)


def check(made: Made, *, whole: bool) -> None:
    """Raise what a job ended with, or what is wrong with its values.

    Args:
        whole: whether it must have all values; where streams are cut it may miss some.
    """
    text, job, cancelled = made
    try:
        same(job.result(PATIENCE), expected(text)[-1])
    except CancelledError:
        if not cancelled:
            raise
        return
    finally:
        same(set(job.outputs()) - set(expected(text)), set())
    if whole:
        same(job.outputs(), expected(text))


@pytest.mark.parametrize("seed", range(3))
def test_no_schedule_loses_a_result(connect: Connect, seed: int) -> None:
    with Queue(seed) as server:
        made = run(connect(server.url), seed)
        assert broken([outcome_of(each.text, partial(check, each, whole=True)) for each in made], ()) == []


@pytest.mark.parametrize("seed", range(3))
def test_no_schedule_with_cut_streams_gives_a_wrong_value_or_hangs(
    connect: Connect, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "TIMES", Times(unnoticed=0.5))
    with Queue(seed, cuts=0.01) as server:
        made = run(connect(server.url), seed)
        outcomes = [outcome_of(each.text, partial(check, each, whole=False)) for each in made]
    assert broken(outcomes, (StreamLost,)) == []
