"""The driver of sse_v1, sse_v2, sse_v2.1 and sse_v3: one event stream for all jobs of a session.

A job is joined by one POST, which names its event id; its messages then come on the session's stream,
mixed with those of other jobs. The stream is opened after the first join (the server refuses a session
it does not know) and may deliver a job's first messages before the answer to its join has been read,
so messages for ids that are not known yet are kept while any join is under way.

Sources: gradio/routes.py (`queue_join`, `queue_data`) and gradio/queueing.py of 4.16 – 6.31.
"""

from __future__ import annotations

import copy
import threading
from typing import Callable, Dict, List, Optional, Set, Union

from ..errors import (
    ConnectionFailed,
    GradioClientError,
    ServerStopped,
    StreamLost,
)
from ..transport.http import Transport
from ..wire.config import EndpointSpec
from ..wire.messages import Completed, Envelope, Message, StreamCut, UnexpectedError
from ..wire.messages import ServerStopped as StopMessage
from ..wire.routes import Routes
from ..workers import Workers
from .base import Call, Headers, closed_error, parse_event_id, post_json
from .graces import Graces
from .stops import Stops
from .stream import StreamReader

#: Messages kept for jobs whose join has not been answered yet. Reading waits while there are more:
#: a server that floods one session is slowed down, and nothing is lost.
EARLY_LIMIT = 10_000

#: Seconds a kept flood waits for the joins it may belong to; each of them has its own deadline.
_EARLY_WAIT = 60.0


class SessionQueue:
    """Runs the jobs of one session hash.

    Args:
        transport: the client's connections.
        routes: the app's URLs.
        session_hash: what the server keeps State under.
        headers: gives the headers of a request.
        grace: seconds that jobs get after their stream was cut, before they fail with StreamLost.
        idle_timeout: seconds without a byte (the server sends a heartbeat every 15) after which a
            stream counts as cut.
        on_cut: told when a stream was cut: jobs to come are safer in another session.
    """

    def __init__(
        self,
        transport: Transport,
        routes: Routes,
        session_hash: str,
        headers: Headers,
        *,
        grace: float = 15.0,
        idle_timeout: float = 60.0,
        on_cut: Callable[[], None] = lambda: None,
    ) -> None:
        self.session_hash = session_hash
        self._transport = transport
        self._routes = routes
        self._headers = headers
        self._grace = grace
        self._idle_timeout = idle_timeout
        self._on_cut = on_cut
        # One thread, kept for a moment: calls one after the other need not start one each.
        self._threads = Workers(1, "gradio-stream")
        # Guards the fields below it; no request is made while it is held.
        self._changed = threading.Condition(threading.Lock())
        self._calls: Dict[str, Call] = {}
        self._joining: Set[Call] = set()
        self._early: Dict[str, List[Message]] = {}
        self._early_count = 0
        self._reader: Optional[StreamReader] = None
        self._closed = False
        self._graces = Graces(grace, self._expire)
        self._stops = Stops(self._changed, lambda: (*self._calls.values(), *self._joining))
        self.alone = self._stops.alone

    # -- the driver's interface

    def submit(self, call: Call) -> None:
        """Join the queue with `call`; what goes wrong reaches `call.fail`."""
        if call.done():  # cancelled while it waited for a worker
            return
        with self._changed:
            self._stops.hold_join()
            self._joining.add(call)
            closed = self._closed
        event_id = None
        try:
            if closed:
                raise closed_error(call.label)
            event_id = self._join(call)
            call.joined(event_id)
        except BaseException as exc:
            call.fail(exc)
            if not isinstance(exc, Exception):
                raise
        finally:
            self._register(call, event_id)

    def forget(self, call: Call) -> None:
        """Deliver nothing more to `call`."""
        with self._changed:
            if call.event_id is not None:
                self._calls.pop(call.event_id, None)
        self._stops.catch_up()

    def hash_for(self, endpoint: EndpointSpec) -> str:  # noqa: ARG002 - 3.x alone tells them apart
        """The session's own, for every job."""
        return self.session_hash

    def close(self) -> None:
        """End the stream; unfinished jobs fail with ClientClosed."""
        with self._changed:
            self._closed = True
            reader = self._reader
            self._graces.end()
            self._stops.clear()
            self._changed.notify_all()
        for call in self._take(None):
            call.fail(closed_error(call.label))
        if reader is not None:
            reader.stop()
        self._threads.stop()

    # -- joining

    def _join(self, call: Call) -> str:
        url = self._routes.join
        headers = self._headers(call.headers)
        answer = post_json(self._transport, url, headers, call.request_body(), f"calling {call.label}")
        return parse_event_id(answer, call.label)

    def _register(self, call: Call, event_id: Optional[str]) -> None:
        reader = None
        with self._changed:
            self._joining.discard(call)
            if event_id is not None:
                early = self._early.pop(event_id, [])
                self._early_count -= len(early)
                if self._graces.joined(event_id):
                    early.insert(0, StreamCut())
                if not any(call.feed(message) for message in early) and not call.done():
                    self._calls[event_id] = call
                    if self._reader is None:
                        reader = self._reader = self._new_reader()
            if not self._joining:
                self._early.clear()
                self._early_count = 0
            self._changed.notify_all()
            closed = self._closed
        if closed:
            self.close()
        elif reader is not None:
            self._start(reader)
        self._stops.catch_up()

    def _new_reader(self) -> StreamReader:
        return StreamReader(
            self._transport,
            self._routes.data(self.session_hash),
            self._headers,
            self,
            grace=self._grace,
            idle_timeout=self._idle_timeout,
        )

    def _start(self, reader: StreamReader) -> None:
        try:
            self._threads.submit(reader.run)
        except BaseException as exc:
            with self._changed:
                self._reader = None  # so that the next job tries again
            if not isinstance(exc, RuntimeError):
                raise
            self.fail_all(ConnectionFailed(f"No thread could be started to read the event stream: {exc}."))

    # -- what the reader asks and tells

    def wanted(self) -> bool:
        """Whether the stream should be open; when not, the reader that asks is released."""
        with self._changed:
            if self._calls and not self._closed:
                return True
            self._reader = None
            self._graces.end()
        return False

    def deliver(self, envelope: Envelope) -> None:
        """Route one message to its job, or to all when it concerns the stream."""
        message, event_id = envelope.message, envelope.event_id
        if isinstance(message, (StopMessage, UnexpectedError)):
            if isinstance(message, UnexpectedError) and message.session_not_found:
                with self._changed:
                    self._graces.noticed()
            self._fail(self._take(None if event_id is None else {event_id}), self._failure(message), None)
            return
        call = self._find(event_id, message) if event_id is not None else None
        if call is not None:
            if call.feed(message):
                self.forget(call)
        elif event_id is not None and isinstance(message, Completed):
            self._stops.ended(event_id)

    def _failure(self, message: Union[StopMessage, UnexpectedError]) -> GradioClientError:
        if isinstance(message, StopMessage):
            return ServerStopped(f"The Gradio server at {self._routes.src} is stopping.")
        return self._stream_lost(message.message)

    def _find(self, event_id: str, message: Message) -> Optional[Call]:
        with self._changed:
            # While this waits, the join may be answered.
            while event_id not in self._calls and self._joining and not self._closed:
                if self._early_count < EARLY_LIMIT or not self._changed.wait(_EARLY_WAIT):
                    self._early.setdefault(event_id, []).append(message)
                    self._early_count += 1
                    return None
            return self._calls.get(event_id)

    def cut(self, cause: BaseException) -> None:
        """The stream broke: jobs that do not finish within the grace fail with StreamLost."""
        with self._changed:
            calls = list(self._calls.values())
            self._graces.cut(set(self._calls), cause)
        # Before the next message is read: what it builds on may have gone with the stream.
        for call in calls:
            call.feed(StreamCut())
        self._on_cut()

    def unreachable(self, cause: BaseException) -> None:
        """No stream could be opened for as long as the grace: every job fails with StreamLost."""
        self._fail(self._take(None), self._stream_lost(str(cause)), cause)

    def _expire(self, ids: Set[str], cause: BaseException) -> None:
        lost = self._take(ids)
        if lost:
            self._fail(lost, self._stream_lost(str(cause)), cause)
            with self._changed:
                reader = None if self._calls or self._joining else self._reader
            # Nobody waits any more; a stream that says nothing must not hold its thread. Not so while a job
            # joins: the server would drop it with the stream.
            if reader is not None:
                reader.abort()

    def fail_all(self, error: GradioClientError) -> None:
        """End every job of the session."""
        self._fail(self._take(None), error, error.__cause__)

    def _fail(self, calls: List[Call], error: GradioClientError, cause: Optional[BaseException]) -> None:
        ids = tuple(call.event_id for call in calls if call.event_id is not None)
        for call in calls:
            # One exception object for each job: each gets a traceback of its own when it is raised.
            own = copy.copy(error)
            own.__cause__ = cause
            if isinstance(own, StreamLost):
                own.event_ids = ids
            call.fail(own)
        self._stops.catch_up()

    def _take(self, ids: Optional[Set[str]]) -> List[Call]:
        with self._changed:
            taken = [key for key in self._calls if ids is None or key in ids]
            return [self._calls.pop(key) for key in taken]

    def _stream_lost(self, reason: str) -> StreamLost:
        reason = reason.strip().rstrip(".") or "no reason given"
        return StreamLost(
            f"The event stream of {self._routes.src} was lost ({reason}) and the server has dropped the jobs "
            "on it. They may or may not have run; submit them again if that is safe."
        )
