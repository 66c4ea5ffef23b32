"""Queued calls: one queue for each function, threads that run them, and the mailboxes of sessions.

The order of messages is that of gradio/queueing.py 6.31.0. Differences: any number of calls of a function may
run at once unless it says otherwise, a free thread takes the call that has waited longest, and nothing polls.

A client joins calls to a session and reads the messages of all of them from one stream. As on a real server
(`queue_data_helper` of gradio/routes.py 6.31.0) the stream ends when no call is left that has not been
completed, messages wait for the next stream, and a stream that breaks takes its session along.

Locks: that of `Queue` guards the functions' queues; a mailbox's own may be taken inside it, never the other
way round.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import deque
from contextlib import closing
from typing import Any, Callable, Deque, Dict, Generator, List, Mapping, Optional, Set, Tuple

from ..workers import Workers
from .execution import Execution, ServerMessage, completed
from .functions import reporting

MAX_SESSIONS = 2000  # as gradio/queueing.py 6.31.0 keeps; then the oldest goes

_CLOSE_STREAM: ServerMessage = {"msg": "close_stream", "event_id": None}
_HEARTBEAT: ServerMessage = {"msg": "heartbeat", "event_id": None}


def _unexpected_error(text: str, *, session_not_found: bool) -> ServerMessage:
    return {
        "msg": "unexpected_error",
        "event_id": None,
        "message": text,
        "session_not_found": session_not_found,
        "success": False,
    }


NOT_FOUND = _unexpected_error("404: Not Found", session_not_found=True)
STOPPED = _unexpected_error("Server stopped unexpectedly.", session_not_found=False)


class Mailbox:
    """The messages of one session's calls, in the order they were sent."""

    def __init__(self) -> None:
        # Guards all fields; only held for moments, never while anything is written or called.
        self._changed = threading.Condition()
        self._messages: Deque[ServerMessage] = deque()
        self._live: Set[str] = set()  # ids of calls that may still send
        self._pending: Set[str] = set()  # ids of calls whose completion no stream has taken yet
        self._end: Optional[ServerMessage] = None  # why no stream can read any more

    def expect(self, event_id: str) -> None:
        """Let a call send messages, until it completes."""
        with self._changed:
            if self._end is None:
                self._live.add(event_id)
                self._pending.add(event_id)

    def is_live(self, event_id: str) -> bool:
        """Whether anybody still waits for the call: it is not completed, cancelled or dropped."""
        with self._changed:
            return event_id in self._live

    def send(self, event_id: str, message: ServerMessage) -> bool:
        """Keep a message of a call; False, and nothing is done, if the call is no longer live.

        `process_completed` is a call's last message, so of a result and a cancel the first one wins.
        """
        with self._changed:
            if event_id not in self._live:
                return False
            if message["msg"] == "process_completed":
                self._live.remove(event_id)
            self._messages.append({"msg": message["msg"], "event_id": event_id, **message})
            self._changed.notify_all()
            return True

    def end(self, message: ServerMessage) -> None:
        """Drop everything; open streams end with `message`."""
        with self._changed:
            self._end = message
            self._live.clear()
            self._changed.notify_all()

    def read(
        self, is_gone: Callable[[], bool], heartbeat: float, look_every: float
    ) -> Generator[List[ServerMessage], None, bool]:
        """Run one stream: yield messages as they come, several at a time if several wait.

        Returns:
            True if the stream has come to its end; False if `is_gone` says that the client has hung up.
        """
        beat_at = time.monotonic() + heartbeat
        while True:
            self._wait(min(beat_at - time.monotonic(), look_every))
            if self._end is not None:
                yield [self._end]
                return True
            if is_gone():
                return False
            batch, finished = self._take()
            if time.monotonic() >= beat_at:
                batch.insert(0, _HEARTBEAT)
                beat_at = time.monotonic() + heartbeat
            if batch:
                yield batch
            if finished:
                return True

    def _wait(self, timeout: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._messages or self._end is not None, max(timeout, 0.0))

    def _take(self) -> Tuple[List[ServerMessage], bool]:
        """Take what can be sent now; True with it if the stream ends there."""
        batch: List[ServerMessage] = []
        with self._changed:
            while self._messages:
                message = self._messages.popleft()
                batch.append(message)
                if message["msg"] == "process_completed":
                    self._pending.discard(message["event_id"])
                    if not self._pending:
                        return [*batch, _CLOSE_STREAM], True
        return batch, False


class QueuedCall:
    """One call of a function on its way through the queue."""

    def __init__(self, queue: FunctionQueue, mailbox: Mailbox, data: List[Any]) -> None:
        self.id = uuid.uuid4().hex  # what clients call its event id
        self.queue = queue
        self.mailbox = mailbox
        self.data = data
        self.joined_at = time.monotonic()
        self.started_at = 0.0

    @property
    def is_live(self) -> bool:
        """Whether anybody still waits for it."""
        return self.mailbox.is_live(self.id)

    def send(self, message: ServerMessage) -> bool:
        """Send its client a message; False if nobody waits for it any more."""
        return self.mailbox.send(self.id, message)


class FunctionQueue:
    """The calls of one function, which share its limit of concurrency. Guarded by the queue's lock."""

    def __init__(self, execution: Execution) -> None:
        self.execution = execution
        self.limit = execution.served.function.concurrency
        self.waiting: Deque[QueuedCall] = deque()
        self.running: Dict[str, QueuedCall] = {}
        self._seconds = 0.0
        self._finished = 0

    @property
    def is_open(self) -> bool:
        """Whether a call waits that may start now."""
        return bool(self.waiting) and (self.limit is None or len(self.running) < self.limit)

    @property
    def average(self) -> Optional[float]:
        """Seconds a call takes, on average; None before the first has ended."""
        return self._seconds / self._finished if self._finished else None

    def start(self) -> QueuedCall:
        """Take the call that waits first, and tell the others their new rank."""
        call = self.waiting.popleft()
        call.started_at = time.monotonic()
        self.running[call.id] = call
        self.estimate(0)
        return call

    def finish(self, call: QueuedCall, *, success: bool) -> None:
        """Count a call that has ended."""
        self.running.pop(call.id, None)
        if success:
            self._seconds += time.monotonic() - call.started_at
            self._finished += 1

    def clear_dead(self) -> None:
        """Drop the calls that nobody waits for. A function that still runs for one no longer counts."""
        self.waiting = deque(call for call in self.waiting if call.is_live)
        self.running = {call.id: call for call in self.running.values() if call.is_live}

    def estimate(self, first: int) -> None:
        """Tell the waiting calls, from rank `first` on, where they stand."""
        size = len(self.waiting)
        for rank in range(first, size):
            eta = self._eta(rank)
            self.waiting[rank].send({"msg": "estimation", "rank": rank, "queue_size": size, "rank_eta": eta})

    def _eta(self, rank: int) -> Optional[float]:
        """Seconds until the call of this rank should have ended (broadcast_estimations of queueing.py)."""
        average = self.average
        if average is None or self.limit is None:
            return average
        free_in = 0.0
        if len(self.running) >= self.limit:
            first_start = min(call.started_at for call in self.running.values())
            free_in = max(first_start + average - time.monotonic(), 0.0)
        return average + rank * average / self.limit + free_in


class Queue:
    """Takes calls, runs them on daemon threads and streams what they send.

    Args:
        executions: the functions, by number.
        threads: how many functions may run at once.
        heartbeat: seconds between heartbeat messages of a stream.
        look_every: seconds after which a stream without messages looks whether its client is there still; as
            many as in gradio/routes.py 6.31.0.

    Attributes:
        on_join: told, under the lock, the id of each call and the number of its function, before it can send
            anything.
    """

    def __init__(
        self,
        executions: Mapping[int, Execution],
        *,
        threads: int,
        heartbeat: float,
        look_every: float = 10.0,
    ) -> None:
        self._queues = {number: FunctionQueue(execution) for number, execution in executions.items()}
        self._threads = threads
        self._heartbeat = heartbeat
        self._look_every = look_every
        self.on_join: Callable[[str, int], object] = lambda *_: None
        self._workers = Workers(threads, "gradio-app-function")
        # Guards the functions' queues and the fields below. A mailbox's own lock may be taken inside it.
        self._lock = threading.Lock()
        self._mailboxes: Dict[str, Mailbox] = {}  # by the session hash that clients choose
        self._busy = 0
        self.stopped = False

    def join(self, number: int, session_hash: str, data: List[Any]) -> str:
        """Queue a call of the function with this number; return the call's id."""
        queue = self._queues[number]
        with self._lock:
            mailbox = self._mailboxes.get(session_hash)
            if mailbox is None:
                mailbox = self._mailboxes[session_hash] = Mailbox()
                if self.stopped:
                    mailbox.end(STOPPED)
                if len(self._mailboxes) > MAX_SESSIONS:
                    self._mailboxes.pop(next(iter(self._mailboxes))).end(NOT_FOUND)
            call = QueuedCall(queue, mailbox, data)
            self.on_join(call.id, number)
            mailbox.expect(call.id)
            queue.waiting.append(call)
            queue.estimate(len(queue.waiting) - 1)
        self._start_calls()
        return call.id

    def cancel(self, session_hash: str, event_id: str) -> None:
        """Complete a call now; its generator is closed when it next yields. Unknown ones are ignored.

        The client gets a `process_completed` with the output `{}` (`cancel_event` of routes.py 6.31.0).
        """
        mailbox = self._mailboxes.get(session_hash)
        if mailbox is not None and mailbox.send(event_id, completed({})):
            self._clear_dead()

    def stream(
        self, session_hash: str, is_gone: Callable[[], bool]
    ) -> Generator[List[ServerMessage], None, None]:
        """Yield a session's messages, a few at a time. Closing it early drops the session and its calls."""
        mailbox = self._mailboxes.get(session_hash)
        if mailbox is None:
            yield [NOT_FOUND]
            return
        whole = False
        try:
            whole = yield from mailbox.read(is_gone, self._heartbeat, self._look_every)
        finally:
            if not whole:
                self._drop(session_hash, mailbox)

    def drop(self, session_hash: str) -> None:
        """Forget a session and its calls; an open stream of it ends. Unknown ones are ignored."""
        mailbox = self._mailboxes.get(session_hash)
        if mailbox is not None:
            self._drop(session_hash, mailbox)

    def _drop(self, session_hash: str, mailbox: Mailbox) -> None:
        with self._lock:
            if self._mailboxes.get(session_hash) is mailbox:
                del self._mailboxes[session_hash]
        mailbox.end(NOT_FOUND)
        self._clear_dead()

    def stop(self) -> None:
        """End all streams, drop all calls. Functions that run are not waited for."""
        with self._lock:
            self.stopped = True
            mailboxes = list(self._mailboxes.values())
        for mailbox in mailboxes:
            mailbox.end(STOPPED)
        self._clear_dead()
        self._workers.stop()

    def _clear_dead(self) -> None:
        with self._lock:
            for queue in self._queues.values():
                queue.clear_dead()
        self._start_calls()

    def _start_calls(self) -> None:
        """Start what may start: chosen under the lock, submitted outside it, as that may start threads."""
        started = []
        with self._lock:
            while self._busy < self._threads and not self.stopped:
                queues = [queue for queue in self._queues.values() if queue.is_open]
                if not queues:
                    break
                first = min(queues, key=lambda queue: queue.waiting[0].joined_at)
                started.append((first.start(), first.average))
                self._busy += 1
        for call, eta in started:
            self._workers.submit(self._run, call, eta)

    def _run(self, call: QueuedCall, eta: Optional[float]) -> None:
        success = False
        try:
            success = self._send_messages(call, eta)
        finally:
            with self._lock:
                self._busy -= 1
                call.queue.finish(call, success=success)
            self._start_calls()

    def _send_messages(self, call: QueuedCall, eta: Optional[float]) -> bool:
        """Run the function until it ends or nobody waits for it; return whether it succeeded."""
        if not call.send({"msg": "process_starts", "eta": eta}):
            return False
        message: ServerMessage = {}
        with reporting(call.send), closing(call.queue.execution.messages(call.data)) as messages:
            for message in messages:
                if not call.send(message):
                    return False
        return bool(message["success"])
