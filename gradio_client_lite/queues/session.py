"""The driver of sse_v1, sse_v2, sse_v2.1 and sse_v3: one event stream for all jobs of a session.

A job is joined by one POST, which names its event id; its messages then come on the session's stream,
mixed with those of other jobs. The stream is opened after the first join (the server refuses a session
it does not know) and may deliver a job's first messages before the answer to its join has been read,
so messages for ids that are not known yet are kept while a join is under way that they may belong to.

Sources: gradio/routes.py (`queue_join`, `queue_data`) and gradio/queueing.py of 4.16 – 6.31.
"""

from __future__ import annotations

import copy
import threading
from typing import Callable, Dict, Iterator, List, Optional, Set, Tuple, Union

from ..errors import (
    ConnectionFailed,
    EventTooLarge,
    GradioClientError,
    ProtocolError,
    ServerStopped,
    StreamLost,
)
from ..limits import DEFAULT_LIMITS, Limits
from ..threads import Threads
from ..transport.http import Transport
from ..wire.config import EndpointSpec
from ..wire.messages import (
    Completed,
    Envelope,
    Generating,
    Heartbeat,
    Malformed,
    Message,
    StopMessage,
    StreamCut,
    UnexpectedError,
    decode,
)
from ..wire.refusal import session_unknown
from ..wire.urls import Routes
from ..workers import Workers
from .base import (
    LONGEST_ID,
    Call,
    Claims,
    Headers,
    ambiguous,
    closed_error,
    fail,
    feed,
    parse_event_id,
    post_json,
)
from .early import EarlyMessages, Kept, Spilled
from .graces import Graces, Stops
from .stream import StreamReader

#: Seconds after which a reader that waits for room looks again. Joins that end wake it, and each has its own
#: deadline.
_EARLY_WAIT = 60.0


class SessionQueue:
    """Runs the jobs of one session hash.

    Args:
        transport: the client's connections.
        routes: the app's URLs.
        session_hash: what the server keeps State under.
        headers: gives the headers of a request.
        grace: seconds that jobs get after their stream was cut, before they fail with StreamLost.
        idle_timeout: seconds without a byte (the server sends a heartbeat every 15) after which the server is
            asked for a sign of life.
        on_cut: told when a stream was cut: jobs to come are safer in another session.
        limits: what the server may cost.
        threads: which its threads belong to; None makes them its own.
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
        limits: Limits = DEFAULT_LIMITS,
        threads: Optional[Threads] = None,
    ) -> None:
        self.session_hash = session_hash
        self._transport = transport
        self._routes = routes
        self._headers = headers
        self._grace = grace
        self._idle_timeout = idle_timeout
        self._on_cut = on_cut
        self._limits = limits
        self._join_timeout = transport.timeout.whole(limits.bound("joining"))
        self._join_size = limits.bound("answer_bytes")
        # One thread, kept for a moment: calls one after the other need not start one each.
        threads = threads or Threads()
        self._threads = Workers(1, "gradio-stream", threads=threads)
        # Guards the fields below it; no request is made while it is held. Reentrant, as a signal handler or a
        # finaliser of the program may close the client, or cancel a job, on a thread that holds it.
        self._changed = threading.Condition(threading.RLock())
        self._claims = Claims()
        # The joins under way, in the order of their numbers.
        self._joining: Dict[Call, int] = {}
        self._newest_join = 0
        self._early = EarlyMessages(limits.early_bytes)
        # Ids whose early messages are being told, on the thread that joined: until it has caught up, the
        # reader puts what comes for them behind those.
        self._telling: Set[str] = set()
        self._reader: Optional[StreamReader] = None
        self._closed = False
        self._graces = Graces(grace, self._expire, threads)
        self._stops = Stops(self._changed, lambda: (*self._claims.calls.values(), *self._joining))
        self.alone = self._stops.alone

    # -- the driver's interface

    def submit(self, call: Call) -> None:
        """Join the queue with `call`; what goes wrong reaches `call.fail`."""
        if call.done():  # cancelled while it waited for a worker
            return
        try:
            self._run(call, call.request_body())
        except BaseException as exc:
            call.fail(exc)
            if not isinstance(exc, Exception):
                raise

    def forget(self, call: Call) -> None:
        """Deliver nothing more to `call`."""
        with self._changed:
            self._claims.end_call(call)
            self._changed.notify_all()
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
            left = self._stops.clear()
            self._changed.notify_all()
        for call in left:
            call.told(False)
        for call in self._take(None):
            fail(call, closed_error(call.label))
        if reader is not None:
            reader.stop()
        self._threads.stop()

    # -- joining

    def _run(self, call: Call, body: bytes) -> None:
        with self._changed:
            self._stops.hold_join()
            if self._closed:
                raise closed_error(call.label)
            self._newest_join += 1
            self._joining[call] = self._newest_join
        event_id = None
        try:
            try:
                event_id = self._join(call, body)
                doubtful = self._claim(call, event_id)
            finally:
                self._end_join(call)
            call.joined(event_id)
            if doubtful:
                feed(call, StreamCut())
            self._catch_up(call, event_id)
        except BaseException:
            with self._changed:
                self._claims.end_call(call)
                if event_id is not None:
                    self._telling.discard(event_id)
            raise

    def _join(self, call: Call, body: bytes) -> str:
        url = self._routes.join
        headers = self._headers(call.headers)
        doing, timeout, size = f"calling {call.label}", self._join_timeout, self._join_size
        answer = post_json(self._transport, url, headers, body, doing, timeout, size)
        return parse_event_id(answer, call.label)

    def _claim(self, call: Call, event_id: str) -> bool:
        """Let messages under this id be the call's; return whether some may be missing.

        Raises:
            ProtocolError: they are, or were, another job's, which has to fail too.
            ClientClosed: the queue was closed.
        """
        with self._changed:
            if self._closed:
                raise closed_error(call.label)
            confused = self._claims.claim(event_id, call)
            if not confused:
                self._telling.add(event_id)
                return self._graces.joined(event_id)
            self._early.take(event_id)
        error = ambiguous([one.label for one in confused])
        for other in confused[1:]:
            fail(other, copy.copy(error))
        raise error

    def _end_join(self, call: Call) -> None:
        with self._changed:
            del self._joining[call]
            oldest = next(iter(self._joining.values()), None)
            for event_id in self._early.strangers(oldest):
                if event_id not in self._claims.calls:
                    self._claims.end(event_id)
                    self._early.take(event_id)
            self._changed.notify_all()
        self._stops.catch_up()

    def _catch_up(self, call: Call, event_id: str) -> None:
        """Tell a job its early messages, in order and without the lock; then leave it to the reader."""
        reader = None
        while True:
            with self._changed:
                kept = self._early.take(event_id)
                waits = self._claims.calls.get(event_id) is call
                if waits and call.done():
                    self._claims.end(event_id)
                    waits = False
                if not (kept and waits):
                    self._telling.discard(event_id)
                    if waits and self._reader is None:
                        reader = self._reader = self._new_reader()
                self._changed.notify_all()
            if not (kept and waits):
                break
            if any(feed(call, *told) for told in self._messages(kept, call.label)):
                self.forget(call)
        if reader is not None:
            self._start(reader)
        self._stops.catch_up()

    def _messages(self, kept: List[Kept], label: str) -> Iterator[Tuple[Message, str]]:
        """The messages, and what each was decoded from."""
        for message in kept:
            if isinstance(message, StreamCut):
                yield message, ""
            elif isinstance(message, Spilled):
                most = self._limits.bound("early_bytes").name
                error = EventTooLarge(
                    f"More than {most} of messages came before the answer to the call of {label}; make the "
                    "client with a larger one."
                )
                yield Malformed(error), ""
            else:
                envelope = decode(message, self._limits.json_values)
                assert envelope is not None  # noqa: S101 - it was one when it came
                yield envelope.message, message

    def _new_reader(self) -> StreamReader:
        return StreamReader(
            self._transport,
            self._routes.data(self.session_hash),
            self._headers,
            self,
            grace=self._grace,
            idle_timeout=self._idle_timeout,
            limits=self._limits,
        )

    def _start(self, reader: StreamReader) -> None:
        try:
            self._threads.submit(self._read, reader)
        except BaseException as exc:
            with self._changed:
                self._reader = None  # so that the next job tries again
            if not isinstance(exc, RuntimeError):
                raise
            self.fail_all(ConnectionFailed(f"No thread could be started to read the event stream: {exc}."))

    def _read(self, reader: StreamReader) -> None:
        """Read while jobs wait; where the reader breaks, they fail, and the next job starts another."""
        try:
            reader.run()
        except BaseException as exc:
            with self._changed:
                if self._reader is reader:
                    self._reader = None
            error = ProtocolError(f"Reading the event stream of {self._routes.src} failed: {exc!r}.")
            error.__cause__ = exc
            self.cut(error)  # the stream it was reading
            self.fail_all(error)
            raise

    # -- what the reader asks and tells

    def wanted(self) -> bool:
        """Whether the stream should be open; when not, the reader that asks is released."""
        with self._changed:
            if self._claims.calls and not self._closed:
                return True
            self._reader = None
            self._graces.end()
        return False

    def deliver(self, envelope: Envelope, text: str) -> bool:
        """Route one message to its job, or to all when it concerns the stream.

        Args:
            envelope: the message.
            text: what it was decoded from.

        Returns:
            Whether it brought a job on that waits.

        Raises:
            ProtocolError: it is a job's, but does not say whose.
        """
        message, event_id = envelope.message, envelope.event_id
        if isinstance(message, (StopMessage, UnexpectedError)):
            error = self._failure(message)
            if isinstance(message, UnexpectedError) and message.session_not_found:
                with self._changed:
                    if not self._graces.noticed(set(self._claims.calls)):
                        error = session_unknown(self._routes.src)
            self._fail(self._take(None if event_id is None else {event_id}), error, None)
            return False
        if event_id is None:
            if isinstance(message, (Completed, Generating)):
                raise ProtocolError("The server streamed a value without the event id of its call.")
            return False
        if isinstance(message, Heartbeat):
            return False
        call = self._find(event_id, text)
        if call is None:
            if isinstance(message, Completed):
                self._stops.ended(event_id)
            return False
        if feed(call, message, text):
            self.forget(call)
        return True

    def _failure(self, message: Union[StopMessage, UnexpectedError]) -> GradioClientError:
        if isinstance(message, StopMessage):
            return ServerStopped(f"The Gradio server at {self._routes.src} is stopping.")
        return self._stream_lost(message.message)

    def _find(self, event_id: str, text: str) -> Optional[Call]:
        """The job to be told; None where the message is nobody's, or is kept for whom it will be."""
        with self._changed:
            newest = self._newest_join
            while True:
                call = self._claims.calls.get(event_id)
                if call is not None and event_id not in self._telling:
                    return call
                if self._closed or (call is None and not self._may_join(event_id)):
                    return None
                if self._early.make_room(event_id, text, self._telling):
                    self._early.keep(event_id, text, newest)
                    return None
                # Jobs are just being told what was kept, which waits for nobody: there is room then.
                self._changed.wait(_EARLY_WAIT)

    def _may_join(self, event_id: str) -> bool:
        """Whether a join under way may get the id."""
        known = self._claims.has_ended(event_id) or len(event_id) > LONGEST_ID
        return bool(self._joining) and not known

    def cut(self, cause: BaseException) -> None:
        """The stream broke: jobs that do not finish within the grace fail with StreamLost."""
        with self._changed:
            self._graces.cut(set(self._claims.calls), cause)
            calls = []
            for event_id, call in list(self._claims.calls.items()):
                if event_id in self._telling:
                    self._early.keep(event_id, StreamCut(), self._newest_join)
                else:
                    calls.append(call)
        # Before the next message is read: what it builds on may have gone with the stream.
        for call in calls:
            if feed(call, StreamCut()):
                self.forget(call)
        self._on_cut()

    def unreachable(self, cause: BaseException) -> None:
        """No stream could be opened for as long as the grace: every job fails with StreamLost."""
        self._fail(self._take(None), self._stream_lost(str(cause)), cause)

    def _expire(self, ids: Set[str], cause: BaseException) -> None:
        lost = self._take(ids)
        if lost:
            self._fail(lost, self._stream_lost(str(cause)), cause)
            with self._changed:
                reader = self._reader
                if reader is None or self._claims.calls or self._joining:
                    return
                self._stops.begin()
            # Nobody waits any more; a stream that says nothing must not hold its thread. Not so while a job
            # joins: the server would drop it with the stream.
            try:
                reader.abort()
            finally:
                self._stops.end()

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
                own.retry_after = getattr(cause, "retry_after", None)
            fail(call, own)
        self._stops.catch_up()

    def _take(self, ids: Optional[Set[str]]) -> List[Call]:
        with self._changed:
            taken = [key for key in list(self._claims.calls) if ids is None or key in ids]
            self._changed.notify_all()
            return [call for call in map(self._claims.end, taken) if call is not None]

    def _stream_lost(self, reason: str) -> StreamLost:
        reason = reason.strip().rstrip(".") or "no reason given"
        return StreamLost(
            f"The event stream of {self._routes.src} was lost ({reason}) and the server has dropped the jobs "
            "on it. They may or may not have run; submit them again if that is safe."
        )
