"""The driver of sse_v1, sse_v2, sse_v2.1 and sse_v3: one event stream for all jobs of a session.

One POST joins a job and answers with its event id; its messages come on the session's stream, among those of
other jobs. The first stream is opened after the first join, as the server refuses a session that it does not
know (gradio/routes.py, `queue_join` and `queue_data`, and gradio/queueing.py of 4.16 - 6.31). Later ones are
opened ahead, beside a join, which saves a round trip: the server closes a stream with the last job, but keeps
one open that has had none. Where it has forgotten the session by then, no job is lost: the one that joins
makes the session anew, and has the next stream.

The states of a job, and what holds it:

    submit --> JOINING ------its id-----> CATCHING UP --no early message is left--> LIVE
               _joining                   _claims, _catching_up                     _claims
                  |                            |                                       |
                  +-- refused, closed          +-- last message, forgotten, lost ------+
                  v                            v
                ENDED                        ENDED, its id in _claims

JOINING: the POST is under way. A stream that is open for other jobs may bring the job's messages before the
    answer is read. So a message for an id that no job has is kept as an early one, for as long as a join goes
    on that was under way when it came. No later join can get that id, which is another client's, or that of
    a cancelled job. Joins are numbered for this.
CATCHING UP: the job has its id, and is fed its early messages on the thread of `submit`.
LIVE: the reader's thread feeds it. Whether it waits in the server's queue or runs makes no difference here.
ENDED: messages for its id are dropped. The job has got its last message, though it may still download files,
    or an error, or was cancelled.

Feeding runs code of the job, and decoding may take long, so neither is done under the lock. Nothing is
overtaken all the same. While a job catches up the reader does not feed it, but puts its messages behind the
early ones. The thread of `submit` takes those under the lock and feeds them without, until it finds none; in
that critical section it makes the job LIVE, and starts the reader where that does not run. So whatever the
reader feeds came after all that was fed before. Where early messages take too many bytes, those of the id
that has most are spilled; but a job that catches up loses none: the reader waits for it.

A cut of the stream (see `stream`) dooms the jobs that have an id: those that have not ended when their grace
is over fail with StreamLost. Each is fed a StreamCut where messages may be missing. Edits after it may build
on one of those, so the job takes only full values from then on. Among early messages a StreamCut is kept, as
a join may be answered long after the cut. A job that joins before the server can have noticed the cut is fed
a StreamCut first, and has a grace too.

One lock, `_changed`, guards all of this. Nothing is sent, fed or failed under it; but a grace's thread is
started. What its critical sections decide in one step:

- `_join`: no cancel by function is under way (see `DeferredCancels`), and the next one waits for the job.
- `_end_join`: the job has its id, but the reader does not feed it yet, as `joined` must come before.
- `_catch_up`: nothing is left to feed, the job is LIVE, the reader runs.
- `wanted`: no job has an id, so the reader ends; a job that gets one later starts it.
- `close`: it ends the jobs that have an id, and one that joins finds the queue closed in `_end_join`.

`forget` finds no id of a job that joins, but comes after its end, for which `_catch_up` looks.
"""

from __future__ import annotations

import copy
import threading
from contextlib import suppress
from typing import Callable, Dict, List, Optional, Set, Tuple

from ..errors import (
    ConnectionFailed,
    ConnectionLost,
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
    Message,
    StopMessage,
    StreamCut,
    UnexpectedError,
)
from ..wire.refusal import session_unknown
from ..wire.urls import Routes
from ..workers import Workers
from .base import (
    LONGEST_ID,
    Call,
    Claims,
    MakeHeaders,
    ambiguous,
    closed_error,
    fail,
    feed,
    parse_event_id,
    post_json,
)
from .pending import DeferredCancels, EarlyMessages, Graces
from .stream import TIMES, StreamReader, Times

#: Seconds after which a reader that waits for room looks again.
_LONGEST_WAIT = 60.0
#: Seconds that a server gets to notice that a stream was left: who learns of a loss may call again at once.
_NOTICE = 0.5
#: Seconds after the last stream when the session rests: servers have closed connections by then, if they do.
_REST = 6.0


class SessionQueue:
    """Runs the jobs of one session hash.

    Args:
        session_hash: what the server keeps State under.
        grace, idle_timeout: see `Times`.
        on_cut: called when a stream was cut: jobs to come are safer in another session.
        opens_ahead: whether the server bears a stream that is opened before there is a job.
        threads: which its threads belong to; None makes them its own.
        times: None for `stream.TIMES`.
    """

    def __init__(
        self,
        transport: Transport,
        routes: Routes,
        session_hash: str,
        headers: MakeHeaders,
        *,
        grace: float = TIMES.grace,
        idle_timeout: float = TIMES.idle,
        on_cut: Callable[[], None] = lambda: None,
        opens_ahead: bool = False,
        limits: Limits = DEFAULT_LIMITS,
        threads: Optional[Threads] = None,
        times: Optional[Times] = None,
    ) -> None:
        times = (times or TIMES)._replace(grace=grace, idle=idle_timeout)
        self.session_hash = session_hash
        self._transport = transport
        self._src = routes.src
        self._join_url = routes.join
        self._headers = headers
        self._on_cut = on_cut
        self._opens_ahead = opens_ahead
        self._join_timeout = transport.timeout.whole(limits.bound("joining"))
        self._join_size = limits.bound("answer_bytes")
        # One thread, kept for a moment: calls one after the other need not start one each.
        threads = threads or Threads()
        self._threads = Workers(1, "gradio-stream", _REST, threads, self._rest)
        # Guards what is below it. Reentrant, as a signal handler or a finaliser of the program may close the
        # client, or cancel a job, on a thread that holds it; so what is looped over is copied first.
        self._changed = threading.Condition(threading.RLock())
        self._claims = Claims()
        self._joining: Dict[Call, int] = {}  # and the numbers of their joins, which rise
        self._newest_join = 0
        self._early = EarlyMessages(limits)
        self._catching_up: Set[Call] = set()
        self._reading = False  # whether the reader runs, or is about to
        self._known = False  # whether the server should know the session
        self._opened_ahead = False  # whether no job had its id when the stream was wanted
        self._asked_at = 0  # the number of the newest join when the last stream was asked for
        self._dropped_at = 0  # and when the server had dropped the session
        self._unknown_at = 0  # and when a stream that was opened ahead was told that there is none
        self._closed = False
        self._reader = StreamReader(
            transport,
            routes.data(session_hash),
            headers,
            self,
            limits,
            times,
        )
        self._graces = Graces(times.grace, times.unnoticed, self._expire, threads)
        self._cancels = DeferredCancels(self._changed, lambda: (*self._claims.calls.values(), *self._joining))
        self.exclusive = self._cancels.exclusive

    # -- the driver's interface

    def submit(self, call: Call) -> None:
        """Join the queue with `call`; what goes wrong reaches `call.fail`."""
        if call.done():  # cancelled while it waited for a worker
            return
        try:
            event_id = self._join(call, call.request_body())
            call.joined(event_id)
            self._catch_up(call, event_id)
        except BaseException as exc:
            self.forget(call)
            call.fail(exc)
            if not isinstance(exc, Exception):
                raise

    def forget(self, call: Call) -> None:
        """Deliver nothing more to `call`."""
        with self._changed:
            self._claims.end_call(call)
            self._catching_up.discard(call)
            self._changed.notify_all()
        if self._cancels.deferred:
            self._cancels.run_due()

    def hash_for(self, endpoint: EndpointSpec) -> str:  # noqa: ARG002 - 3.x alone tells them apart
        """The session's own, for every job."""
        return self.session_hash

    def close(self) -> None:
        """End the stream; unfinished jobs fail with ClientClosed."""
        with self._changed:
            self._closed = True
            self._graces.end()
            uncancelled = self._cancels.clear()
            self._changed.notify_all()
        for call in uncancelled:
            call.told(False)
        for call in self._take(None):
            fail(call, closed_error(call.label))
        self._reader.stop()
        self._threads.stop()

    # -- joining

    def _join(self, call: Call, body: bytes) -> str:
        """Join the queue; return the event id, which is the job's alone."""
        event_id = ""
        try:
            with self._changed:
                if self._cancels.running:
                    self._cancels.hold_join()
                if self._closed:
                    raise closed_error(call.label)
                self._newest_join += 1
                self._joining[call] = self._newest_join
                if not self._reading and self._ahead():
                    self._start()  # where there is no thread, `_catch_up` says so
            headers, doing = self._headers(call.headers), f"calling {call.label}"
            timeout, size = self._join_timeout, self._join_size
            answer = post_json(self._transport, self._join_url, headers, body, doing, timeout, size)
            event_id = parse_event_id(answer, call.label)
        finally:
            error = self._end_join(call, event_id)
        if error is not None:
            raise error
        return event_id

    def _end_join(self, call: Call, event_id: str) -> Optional[GradioClientError]:
        """Give a job its id, where it got one; return why it cannot have that."""
        error: Optional[GradioClientError] = None
        confused: Tuple[Call, ...] = ()
        with self._changed:
            number = self._joining.pop(call, 0)
            if event_id and self._closed and not call.done():  # else the server may have to be told of it
                error = closed_error(call.label)
            elif event_id:
                self._known = True
                confused = self._claims.claim(event_id, call)
                if confused:
                    self._early.take(event_id)
                    error = ambiguous([one.label for one in confused])
                else:
                    self._catching_up.add(call)
                    self._look_for_drops(event_id, number)
            if self._early.ids:
                oldest = next(iter(self._joining.values()), None)
                for stranger in self._early.older_than(oldest):
                    if stranger not in self._claims.calls:
                        self._claims.end(stranger)
                        self._early.take(stranger)
            self._changed.notify_all()
        self._graces.log_failed()
        if error is not None:
            for other in confused[1:]:
                fail(other, copy.copy(error))
        if self._cancels.deferred:
            self._cancels.run_due()
        return error

    def _look_for_drops(self, event_id: str, number: int) -> None:
        """Doubt that the server has the job still, where it may have dropped its session meanwhile; under the
        lock.

        Args:
            number: of its join.
        """
        graces = self._graces
        if graces.cut_by is not None and graces.joined(event_id):
            self._early.keep_cut(event_id, first=True)
        elif number <= self._dropped_at and graces.dropped_by is not None:
            graces.suspect(event_id, graces.dropped_by)
            self._early.keep_cut(event_id, first=True)
        elif number <= self._unknown_at and event_id not in self._early.ids:
            graces.doubt((event_id,))

    def _catch_up(self, call: Call, event_id: str) -> None:
        """Feed a job its early messages, then leave it to the reader."""
        if call.done():  # cancelled while it joined, when `forget` knew no id of it
            self.forget(call)
        caught_up, error = False, None
        while not caught_up:
            with self._changed:
                kept = self._early.take(event_id) if self._early.ids else []
                waits = event_id in self._claims.calls
                caught_up = not (kept and waits)
                if caught_up:
                    self._catching_up.discard(call)
                    error = self._start() if waits and not self._reading else None
                self._changed.notify_all()
            if not caught_up and any(feed(call, *each) for each in self._early.decoded(kept, call.label)):
                self.forget(call)
        if error is not None:
            self.fail_all(error)

    # -- the reader

    def _ahead(self) -> bool:
        """Whether to open a stream for a join that is under way: one for each join, however it ends.

        Not where early messages show that the stream before brings what a join needs: the next one would stay
        open for nobody. It does where all joins are refused, until a later job ends on it; to break it would
        have the server drop the job that joins just then.
        """
        waits = self._joining and self._newest_join > self._asked_at
        return bool(waits and self._opens_ahead and self._known and not self._early.ids)

    def _start(self) -> Optional[GradioClientError]:
        """Start the reader; return why there is no thread for it. The lock is held: were it not, an interrupt
        could leave jobs behind that take the reader to run.
        """
        try:
            self._reading = True
            self._threads.submit(self._read)
        except BaseException as exc:
            self._reading = False  # so that the next job tries again
            if not isinstance(exc, RuntimeError):
                raise
            return ConnectionFailed(f"No thread could be started to read the event stream: {exc}.")
        return None

    def _read(self) -> None:
        """Read while jobs wait; where the reader breaks, they fail, and the next job starts it again."""
        try:
            self._reader.run()
        except BaseException as exc:
            with self._changed:
                self._reading = False
            error = ProtocolError(f"Reading the event stream of {self._src} failed: {exc!r}.")
            error.__cause__ = exc
            self.cut(error)  # the stream it was reading
            self.fail_all(error)
            raise

    def _rest(self) -> None:
        """Have connections at hand for the next call, which may come soon; the stream's thread goes then."""
        with suppress(GradioClientError):  # it tells the next call, too
            self._transport.replace_closed(self._join_url)

    # -- what the reader asks for and reports: see `stream.Owner`

    def wanted(self) -> bool:
        """Whether the stream should be open; when not, the reader that asks is released."""
        with self._changed:
            if not self._closed and (self._claims.calls or self._ahead()):
                self._opened_ahead, self._asked_at = not self._claims.calls, self._newest_join
                return True
            self._reading = False
            if self._graces.active:
                self._graces.end()
        return False

    def is_unknown(self) -> bool:
        """The server does not know the session; return whether no job is lost by that."""
        with self._changed:
            self._known = False  # until a job has joined
            if self._opened_ahead:
                self._unknown_at = self._newest_join
                self._graces.doubt(self._claims.calls)
            return self._opened_ahead

    def deliver(self, envelope: Envelope, text: str) -> bool:
        """Give a message to its job, or end all jobs with it; return whether it was for a job that waits, or
        for one that may be joining.

        Raises:
            ProtocolError: it is a job's, but does not say whose.
        """
        event_id, message = envelope
        if isinstance(message, (StopMessage, UnexpectedError)):
            self._stream_failed(message, event_id)
            return False
        if isinstance(message, Heartbeat):
            if self._graces.unheard:
                self._beat()
            return False
        if event_id is None:
            if isinstance(message, (Completed, Generating)):
                raise ProtocolError("The server streamed a value without the event id of its call.")
            return False
        call, kept = self._live_call(event_id, text)
        if call is None:
            if not kept and isinstance(message, Completed) and self._cancels.deferred:
                self._cancels.server_ended(event_id)
            return kept
        if feed(call, message, text):
            self.forget(call)
        return True

    def _beat(self) -> None:
        """A heartbeat came: whatever the server has for a job has come before, so some may be lost."""
        with self._changed:
            ids = self._graces.beat()
        if ids:
            self._fail(self._take(ids), self._stream_lost("it does not know their session"))

    def _live_call(self, event_id: str, text: str) -> Tuple[Optional[Call], bool]:
        """The job to feed; else None, and whether the message is an early one, and was kept."""
        with self._changed:
            newest = self._newest_join  # no join that begins during a wait can get the id
            while True:
                call = self._claims.calls.get(event_id)
                if self._graces.suspects or self._graces.unheard:
                    self._graces.acquit(event_id)
                if call is not None and call not in self._catching_up:
                    return call, False
                if self._closed or (call is None and not self._may_join(event_id)):
                    return None, False
                if self._early.keep(event_id, text, newest, self._claims.calls):
                    return None, True
                # There is no room, as only jobs that catch up have early messages. Each makes some when it
                # takes its next ones. That notifies, as does whatever changes the answers above, so past its
                # deadline the wait just begins again: feeding a job takes long.
                self._changed.wait(_LONGEST_WAIT)

    def _may_join(self, event_id: str) -> bool:
        """Whether a join under way may get the id."""
        return bool(self._joining) and len(event_id) <= LONGEST_ID and not self._claims.has_ended(event_id)

    def _stream_failed(self, message: Message, event_id: Optional[str]) -> None:
        """End the jobs that the server has given up: the one that it names, or all."""
        error: GradioClientError = ServerStopped(f"The Gradio server at {self._src} is stopping.")
        if isinstance(message, UnexpectedError):
            error = self._stream_lost(message.message)
            if message.session_not_found:
                with self._changed:
                    self._dropped_at = self._newest_join
                    said = ConnectionLost(message.message)
                    if not self._graces.noticed(set(self._claims.calls), said):
                        error = session_unknown(self._src)
        self._fail(self._take(None if event_id is None else {event_id}), error)

    def cut(self, cause: BaseException) -> None:
        """The stream broke: jobs that do not finish within the grace fail with StreamLost."""
        with self._changed:
            self._known = False
            self._graces.cut(set(self._claims.calls), cause)
            calls = []
            for event_id, call in list(self._claims.calls.items()):
                if call in self._catching_up:
                    self._early.keep_cut(event_id)
                else:
                    calls.append(call)
            for event_id in list(self._early.ids):
                if event_id not in self._claims.calls:  # of a join, which may be answered long after the cut
                    self._early.keep_cut(event_id)
        self._graces.log_failed()
        for call in calls:
            if feed(call, StreamCut()):
                self.forget(call)
        self._on_cut()

    def unreachable(self, cause: BaseException) -> None:
        """No stream could be opened for as long as the grace: every job fails with StreamLost."""
        self.fail_all(self._stream_lost(str(cause), cause))

    def fail_all(self, error: GradioClientError) -> None:
        """End every job of the session."""
        self._fail(self._take(None), error)

    # -- the ends of jobs

    def _expire(self, ids: Set[str], cause: BaseException) -> None:
        """End the jobs whose grace is over, and a stream that nobody needs any more."""
        # The stream may say nothing for long, and must not hold its thread. While a job joins it stays, and
        # none joins until the server should have noticed its end: it would drop the job with the stream.
        with self._changed:
            lost = self._take(ids)
            leaves = bool(lost) and self._reading and not (self._claims.calls or self._joining)
            self._cancels.running += leaves
        try:
            if lost:
                self._fail(lost, self._stream_lost(str(cause), cause))
            if leaves:
                self._reader.abort()
                with self._changed:
                    self._changed.wait_for(lambda: self._closed, _NOTICE)
        finally:
            if leaves:
                self._cancels.end()

    def _take(self, ids: Optional[Set[str]]) -> List[Call]:
        """Deliver nothing more to the jobs with these ids, or to all, and return them."""
        with self._changed:
            taken = [key for key in list(self._claims.calls) if ids is None or key in ids]
            self._changed.notify_all()
            return [call for call in map(self._claims.end, taken) if call is not None]

    def _fail(self, calls: List[Call], error: GradioClientError) -> None:
        ids = tuple(call.event_id for call in calls if call.event_id is not None)
        for call in calls:
            # One exception object for each job: each gets a traceback of its own when it is raised.
            own = copy.copy(error)
            own.__cause__ = error.__cause__
            if isinstance(own, StreamLost):
                own.event_ids = ids
            fail(call, own)
        if self._cancels.deferred:
            self._cancels.run_due()

    def _stream_lost(self, reason: str, cause: Optional[BaseException] = None) -> StreamLost:
        reason = reason.strip().rstrip(".") or "no reason given"
        error = StreamLost(
            f"The event stream of {self._src} was lost ({reason}) and the server has dropped the jobs "
            "on it. They may or may not have run; submit them again if that is safe."
        )
        error.retry_after = getattr(cause, "retry_after", None)
        error.__cause__ = cause
        return error
