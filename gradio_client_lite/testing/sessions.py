"""Messages on their way to clients: one ordered queue for each session.

A client joins events to a session and reads the messages of all of them from one stream. As on a real
server (`queue_data_helper` of gradio/routes.py 6.31.0) the stream ends when no event is left that has
not been completed, messages wait for the next stream, and a stream that breaks takes its session along.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any, Callable, Deque, Dict, Generator, List, Optional, Set, Tuple

Message = Dict[str, Any]

MAX_SESSIONS = 2000  # as gradio/queueing.py 6.31.0 keeps; then the oldest goes
LOOK_FOR_CLIENT_EVERY = 10.0  # seconds, while there is nothing to send; as gradio/routes.py 6.31.0

_CLOSE_STREAM: Message = {"msg": "close_stream", "event_id": None}
_HEARTBEAT: Message = {"msg": "heartbeat", "event_id": None}


def _unexpected_error(text: str, *, session_not_found: bool) -> Message:
    return {
        "msg": "unexpected_error",
        "event_id": None,
        "message": text,
        "session_not_found": session_not_found,
        "success": False,
    }


NOT_FOUND = _unexpected_error("404: Not Found", session_not_found=True)
STOPPED = _unexpected_error("Server stopped unexpectedly.", session_not_found=False)


class Session:
    """The messages of one client's events, in the order they were sent."""

    def __init__(self) -> None:
        # Guards all fields; only held for moments, never while anything is written or called.
        self._changed = threading.Condition()
        self._messages: Deque[Message] = deque()
        self._live: Set[str] = set()  # events that may still send
        self._pending: Set[str] = set()  # events whose completion no stream has taken yet
        self._end: Optional[Message] = None  # why no stream can read any more

    def expect(self, event_id: str) -> None:
        """Let an event send messages, until it completes."""
        with self._changed:
            if self._end is None:
                self._live.add(event_id)
                self._pending.add(event_id)

    def is_live(self, event_id: str) -> bool:
        """Whether anybody still waits for the event: it is not completed, cancelled or dropped."""
        with self._changed:
            return event_id in self._live

    def send(self, event_id: str, message: Message) -> bool:
        """Queue a message of an event; False, and nothing is done, if the event is no longer live.

        `process_completed` is an event's last message, so of a result and a cancel the first one wins.
        """
        with self._changed:
            if event_id not in self._live:
                return False
            if message["msg"] == "process_completed":
                self._live.remove(event_id)
            self._messages.append({"msg": message["msg"], "event_id": event_id, **message})
            self._changed.notify_all()
            return True

    def end(self, message: Message) -> None:
        """Drop everything; open streams end with `message`."""
        with self._changed:
            self._end = message
            self._live.clear()
            self._changed.notify_all()

    def read(self, is_gone: Callable[[], bool], heartbeat: float) -> Generator[List[Message], None, bool]:
        """One stream: yields messages as they come, several at a time if several wait.

        Args:
            is_gone: tells whether the client has hung up.
            heartbeat: seconds between heartbeat messages.

        Returns:
            True if the stream has come to its end; False if the client is gone.
        """
        beat_at = time.monotonic() + heartbeat
        while True:
            self._wait(min(beat_at - time.monotonic(), LOOK_FOR_CLIENT_EVERY))
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

    def _take(self) -> Tuple[List[Message], bool]:
        """What can be sent now, and whether the stream ends with it."""
        batch: List[Message] = []
        with self._changed:
            while self._messages:
                message = self._messages.popleft()
                batch.append(message)
                if message["msg"] == "process_completed":
                    self._pending.discard(message["event_id"])
                    if not self._pending:
                        return [*batch, _CLOSE_STREAM], True
        return batch, False


class Sessions:
    """All sessions, by the hash that clients choose."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards the two fields below
        self._by_hash: Dict[str, Session] = {}
        self._stopped = False

    def find(self, session_hash: str) -> Optional[Session]:
        """The session, or None if no event ever joined it or its stream broke."""
        with self._lock:
            return self._by_hash.get(session_hash)

    def find_or_make(self, session_hash: str) -> Session:
        """The session, made now if need be."""
        with self._lock:
            session = self._by_hash.get(session_hash)
            if session is None:
                session = self._by_hash[session_hash] = Session()
                if self._stopped:
                    session.end(STOPPED)
                if len(self._by_hash) > MAX_SESSIONS:
                    self._by_hash.pop(next(iter(self._by_hash))).end(NOT_FOUND)
            return session

    def drop(self, session_hash: str, session: Session) -> None:
        """Forget a session whose stream broke, unless the hash names another one by now."""
        with self._lock:
            if self._by_hash.get(session_hash) is session:
                del self._by_hash[session_hash]
        session.end(NOT_FOUND)

    def stop(self) -> None:
        """End every session for good; their streams say that the server stopped."""
        with self._lock:
            self._stopped = True
            sessions = list(self._by_hash.values())
        for session in sessions:
            session.end(STOPPED)
