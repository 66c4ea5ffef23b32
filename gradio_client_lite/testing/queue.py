"""The queue: events wait in lanes, one for each function, until a thread is free to run them.

The order of messages is that of gradio/queueing.py 6.31.0. Differences: any number of calls of a function may
run at once unless it says otherwise, a free thread takes the event that has waited longest, and nothing
polls.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from contextlib import closing
from typing import Any, Callable, Deque, Dict, Generator, Iterable, List, Optional, Tuple

from ..workers import Workers
from .endpoints import reporting
from .execution import Execution, completed
from .sessions import NOT_FOUND, Message, Session, Sessions


class Event:
    """One queued call."""

    def __init__(self, lane: Lane, session: Session, data: List[Any]) -> None:
        self.id = uuid.uuid4().hex
        self.lane = lane
        self.session = session
        self.data = data
        self.joined_at = time.monotonic()
        self.started_at = 0.0

    @property
    def is_live(self) -> bool:
        """Whether anybody still waits for it."""
        return self.session.is_live(self.id)

    def send(self, message: Message) -> bool:
        """Send its client a message; False if nobody waits for it any more."""
        return self.session.send(self.id, message)


class Lane:
    """The events of one function. Guarded by the queue's lock."""

    def __init__(self, execution: Execution) -> None:
        self.execution = execution
        self.limit = execution.endpoint.function.concurrency
        self.waiting: Deque[Event] = deque()
        self.running: Dict[str, Event] = {}
        self._seconds = 0.0
        self._finished = 0

    @property
    def is_open(self) -> bool:
        """Whether an event waits that may start now."""
        return bool(self.waiting) and (self.limit is None or len(self.running) < self.limit)

    @property
    def average(self) -> Optional[float]:
        """Seconds an event takes, on average; None before the first has ended."""
        return self._seconds / self._finished if self._finished else None

    def start(self) -> Event:
        """Take the first event that waits; the others learn of their new rank."""
        event = self.waiting.popleft()
        event.started_at = time.monotonic()
        self.running[event.id] = event
        self.estimate(0)
        return event

    def finish(self, event: Event, *, success: bool) -> None:
        """Note that an event has ended."""
        self.running.pop(event.id, None)
        if success:
            self._seconds += time.monotonic() - event.started_at
            self._finished += 1

    def clear_dead(self) -> None:
        """Forget the events that nobody waits for. A function that still runs no longer counts."""
        self.waiting = deque(event for event in self.waiting if event.is_live)
        self.running = {event.id: event for event in self.running.values() if event.is_live}

    def estimate(self, first: int) -> None:
        """Tell the waiting events, from rank `first` on, where they stand."""
        for rank in range(first, len(self.waiting)):
            eta = self._eta(rank)
            size = len(self.waiting)
            self.waiting[rank].send({"msg": "estimation", "rank": rank, "queue_size": size, "rank_eta": eta})

    def _eta(self, rank: int) -> Optional[float]:
        """Seconds until the event of this rank should have ended (broadcast_estimations of queueing.py)."""
        average = self.average
        if average is None:
            return None
        if self.limit is None:
            return average
        free_in = 0.0
        if len(self.running) >= self.limit:
            first_start = min(event.started_at for event in self.running.values())
            free_in = max(first_start + average - time.monotonic(), 0.0)
        return average + rank * average / self.limit + free_in


class Queue:
    """Takes events, runs them on daemon threads and streams what they send.

    Args:
        executions: the functions.
        threads: how many functions may run at once.
        heartbeat: seconds between heartbeat messages of a stream.
    """

    def __init__(self, executions: Iterable[Execution], *, threads: int, heartbeat: float) -> None:
        self._lanes = {execution.endpoint.index: Lane(execution) for execution in executions}
        self._threads = threads
        self._heartbeat = heartbeat
        self._sessions = Sessions()
        self._workers = Workers(threads, "gradio-app-function")
        # Guards the lanes and the fields below. A session's own lock may be taken inside it.
        self._lock = threading.Lock()
        self._busy = 0
        self._stopped = False

    @property
    def is_stopped(self) -> bool:
        """Whether the app is closed."""
        return self._stopped

    def join(self, index: int, session_hash: str, data: List[Any]) -> str:
        """Queue a call of the function with this index; gives the event's id."""
        session = self._sessions.find_or_make(session_hash)
        lane = self._lanes[index]
        event = Event(lane, session, data)
        session.expect(event.id)
        with self._lock:
            lane.waiting.append(event)
            lane.estimate(len(lane.waiting) - 1)
        self._dispatch()
        return event.id

    def cancel(self, session_hash: str, event_id: str) -> None:
        """Complete an event now; its generator is closed when it next yields. Unknown ones are ignored.

        The client gets a `process_completed` with the output `{}` (`cancel_event` of routes.py 6.31.0).
        """
        session = self._sessions.find(session_hash)
        if session is not None and session.send(event_id, completed({})):
            self._clear_dead()

    def stream(self, session_hash: str, is_gone: Callable[[], bool]) -> Generator[List[Message], None, None]:
        """A session's messages, a few at a time. Closing it early drops the session and its events.

        Args:
            session_hash: the session.
            is_gone: tells whether the client has hung up.
        """
        session = self._sessions.find(session_hash)
        if session is None:
            yield [NOT_FOUND]
            return
        whole = False
        try:
            whole = yield from session.read(is_gone, self._heartbeat)
        finally:
            if not whole:
                self._sessions.drop(session_hash, session)
                self._clear_dead()

    def stop(self) -> None:
        """End all streams, drop all events. Functions that run are not waited for."""
        self._stopped = True
        self._sessions.stop()
        self._clear_dead()
        self._workers.stop()

    def _clear_dead(self) -> None:
        with self._lock:
            for lane in self._lanes.values():
                lane.clear_dead()
        self._dispatch()

    def _dispatch(self) -> None:
        """Start what may start; outside the lock, as it may start threads."""
        for event, eta in self._startable():
            self._workers.submit(self._run, event, eta)

    def _startable(self) -> List[Tuple[Event, Optional[float]]]:
        started = []
        with self._lock:
            while self._busy < self._threads and not self._stopped:
                lanes = [lane for lane in self._lanes.values() if lane.is_open]
                if not lanes:
                    break
                lane = min(lanes, key=lambda lane: lane.waiting[0].joined_at)
                started.append((lane.start(), lane.average))
                self._busy += 1
        return started

    def _run(self, event: Event, eta: Optional[float]) -> None:
        success = False
        try:
            success = self._send_messages(event, eta)
        finally:
            with self._lock:
                self._busy -= 1
                event.lane.finish(event, success=success)
            self._dispatch()

    def _send_messages(self, event: Event, eta: Optional[float]) -> bool:
        """Run the function until it ends or nobody waits for it; whether it succeeded."""
        if not event.send({"msg": "process_starts", "eta": eta}):
            return False
        message: Message = {}
        with reporting(event.send), closing(event.lane.execution.messages(event.data)) as messages:
            for message in messages:
                if not event.send(message):
                    return False
        return bool(message["success"])
