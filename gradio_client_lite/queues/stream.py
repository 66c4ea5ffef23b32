"""The thread that reads a session's event stream, for as long as jobs wait for it.

Two ways a stream ends are told apart. The server closes it when it sees no pending event, maybe while
a job is just joining: it is opened again at once, for the server has kept the messages. It is cut: the
server drops the session's events as soon as it notices, so it is opened again to catch what still
comes, and the owner gives the jobs on it a grace. One that could not even be opened has lost nothing;
it is tried again for as long as the grace.

Only messages for jobs that wait are progress. Streams that are closed without any, whatever else they said,
are opened again more and more slowly, and a few in a row count as a cut.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Optional, Protocol

from ..errors import (
    ConnectFailed,
    ConnectionFailed,
    ConnectionLost,
    ConnectTimeout,
    DeadlineExceeded,
    GradioClientError,
    ProtocolError,
    ReadTimeout,
)
from ..limits import DEFAULT_LIMITS, Limits
from ..transport.http import StreamingResponse, Timeout, Transport
from ..transport.liveness import Gain, Watch
from ..wire.decoding import SSEDecoder
from ..wire.messages import LARGE, CloseStream, Completed, Envelope, StopMessage, UnexpectedError, decode
from ..wire.refusal import refusal, stated_wait
from .base import Headers
from .early import Backlog, peek_event_id

_log = logging.getLogger(__name__)

#: Seconds before the second attempt to open a stream; each further one waits twice as long.
_FIRST_DELAY = 0.05
_LONGEST_DELAY = 2.0
#: Seconds the server gets to end a stream it has said it closes; then the connection is given up.
_CLOSING = 2.0
#: Seconds between two heartbeats, whatever else is sent (gradio/routes.py 4.16 - 6.31, `queue_data`).
_BEAT = 15.0
#: Seconds that smaller events may keep a large one waiting where they come without a break.
_LONGEST_PUT_OFF = 0.5
#: A server that closes this many streams in a row without a word for a job has lost the jobs.
_SILENT_CLOSES = 3
#: So many streams in a row may end soon, in seconds, and end no job, before the next one has to wait.
_HASTY, _SOON = 10, 1.0
#: With these the app has not seen the request; with those below it may have.
_NOT_TAKEN = frozenset((429, 503))
_TRANSIENT = frozenset((408, 425, 500, 502, 504))


class Owner(Protocol):
    """Whom the reader works for."""

    def wanted(self) -> bool:
        """Whether to go on; False releases the reader."""
        ...

    def deliver(self, envelope: Envelope, text: str) -> bool:
        """Take a message, and what it was decoded from; return whether it brought a job on that waits."""
        ...

    def cut(self, cause: BaseException) -> None:
        """Know that the stream broke."""

    def unreachable(self, cause: BaseException) -> None:
        """Know that no stream could be opened for as long as the grace."""

    def fail_all(self, error: GradioClientError) -> None:
        """End every job."""


class StreamReader:
    """Reads streams from `url` one after the other while `owner` wants them."""

    def __init__(
        self,
        transport: Transport,
        url: str,
        headers: Headers,
        owner: Owner,
        *,
        grace: float,
        idle_timeout: float,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._transport = transport
        self._url = url
        self._headers = headers
        self._owner = owner
        self._grace = grace
        self._idle_timeout = idle_timeout
        self._limits = limits
        self._stopped = threading.Event()
        self._response: Optional[StreamingResponse] = None
        self._begun = False  # the stream that is read, or was last
        self._failures = 0
        self._hasty = 0
        self._reached = 0.0
        self._events: Optional[_Events] = None  # None until the stream has been opened
        # Over the silence that began at that moment.
        self._watch: Optional[Watch] = None
        self._watched = 0.0

    def stop(self) -> None:
        """Make `run` return soon, from any thread."""
        self._stopped.set()
        self.abort()

    def abort(self) -> None:
        """Cut the stream that is being read, if any."""
        response = self._response
        if response is not None:
            response.abort()

    def run(self) -> None:
        """Read until nobody waits."""
        self._reached = time.monotonic()
        while self._owner.wanted():
            try:
                self._read()
            except GradioClientError as exc:
                self._give_up(exc)
            except Exception as exc:
                error = ProtocolError(f"The event stream could not be read: {exc!r}.")
                error.__cause__ = exc
                self._give_up(error)
            failures = max(self._failures, self._hasty - _HASTY)
            if failures > 1:
                # Bounded twice: a power of two soon is no float any more.
                self._stopped.wait(min(_FIRST_DELAY * 2 ** min(failures - 2, 10), _LONGEST_DELAY))

    def _give_up(self, error: GradioClientError) -> None:
        """End the jobs of a stream that cannot be read; one that was begun is cut with that.

        For a while the server goes on writing to it, also what is for jobs that join then; when it notices it
        drops them (gradio/routes.py, `sse_stream`, looks every 10 seconds).
        """
        if self._begun:
            self._owner.cut(error)  # first, as who learns of the error may call again at once
        self._owner.fail_all(error)

    def _read(self) -> None:
        """Read one stream, and tell the owner when it did not end well."""
        try:
            self._failures = 0 if self._follow() else self._failures + 1
            if self._failures >= _SILENT_CLOSES:
                self._owner.cut(ConnectionLost("the server keeps closing it without a message for a job"))
        except (ConnectFailed, ConnectTimeout) as exc:
            _log.debug("the event stream could not be opened: %s", self._transport.secrets.shown(exc))
            self._failures += 1
            if time.monotonic() - self._reached >= self._grace:
                self._owner.unreachable(exc)
            return
        except (ConnectionFailed, DeadlineExceeded) as exc:
            _log.debug("the event stream broke: %s", self._transport.secrets.shown(exc))
            self._failures += 1
            self._owner.cut(exc)
        self._reached = time.monotonic()

    def _follow(self) -> bool:
        """Read one stream to its clean end; return whether it brought a job on."""
        headers = self._headers({})
        headers["accept"] = "text/event-stream"
        self._begun = False
        self._events = self._watch = None
        timeout = Timeout(read=self._idle_timeout, silence=self._wait_on)
        with self._transport.stream("GET", self._url, headers=headers, timeout=timeout) as response:
            self._response = response
            try:
                if self._stopped.is_set():
                    return True
                self._require_stream(response)
                self._begun = True
                return self._pump(response)
            finally:
                self._response = None

    def _wait_on(self) -> Optional[float]:
        """How much longer to bear the silence of a stream, which may be one that is not answered."""
        events, liveness = self._events, self._transport.liveness
        if liveness is None or (events is not None and (events.closing or events.gain.trickles())):
            return None
        since = 0.0 if events is None else events.gain.since
        if self._watch is None or since != self._watched:
            self._watch, self._watched = liveness.watch(self._idle_timeout, _BEAT), since
        seconds = self._watch()
        if seconds is not None and events is not None:
            events.gain.bear(seconds)
        return seconds

    def _pump(self, response: StreamingResponse) -> bool:
        events = self._events = _Events(self._owner, self._idle_timeout, self._limits)
        try:
            self._receive(response, events)
        finally:
            if events.backlog is not None and not self._stopped.is_set():
                events.catch_up()  # before a cut is told, and before another stream is opened
        self._hasty = 0 if events.ended_job or events.age() >= _SOON else self._hasty + 1
        return events.progressed

    def _receive(self, response: StreamingResponse, events: _Events) -> None:
        while True:
            try:
                if events.backlog is None:
                    chunk: Optional[bytes] = response.read_some()
                else:
                    chunk = None if events.overdue() else response.read_arrived()
            except (ConnectionFailed, DeadlineExceeded):
                if not events.closing:
                    raise
                break  # the server was done with it, so nothing is lost
            if chunk is None:
                events.advance()
                continue
            if not chunk:
                break
            events.take(chunk)
            left = events.left()
            if left <= 0:
                if not events.closing:
                    raise ReadTimeout(f"{events.gain}")
                break
            response.set_read_timeout(left)

    def _require_stream(self, response: StreamingResponse) -> None:
        if response.status == 200:
            return
        body = response.read_some()
        if response.status in _NOT_TAKEN | _TRANSIENT:
            kind = ConnectFailed if response.status in _NOT_TAKEN else ConnectionLost
            error = kind(f"it was answered with status {response.status}")
            error.retry_after = stated_wait(response.headers)
            raise error
        raise refusal(response.status, body, self._url, "opening the event stream", response.headers)


class _Events:
    """The events of one stream, on their way to the owner.

    A large one is put off until nothing else has arrived, or it is overdue, so that the events of other jobs
    which have come behind it wait for no more than the one that is being read.

    Attributes:
        gain: whether it comes or only trickles.
        progressed: whether it brought a job on that waits.
        ended_job: whether it ended one.
        closing: whether the server has said that it ends the stream.
        backlog: what was put off; None when that is nothing.
    """

    def __init__(self, owner: Owner, idle_timeout: float, limits: Limits) -> None:
        self._owner = owner
        self._idle_timeout = idle_timeout
        self._decoder = SSEDecoder(limits.event_bytes)
        self._max_values = limits.json_values
        self._most_put_off = limits.early_bytes
        self.backlog: Optional[Backlog] = None
        self._due = 0.0  # when the first in it must not be put off any more
        self._before: Optional[str] = None  # the id in the message before
        self._opened = time.monotonic()
        self._closes = 0.0
        self.gain = Gain(idle_timeout)
        self.progressed = self.ended_job = self.closing = False

    def take(self, chunk: bytes) -> None:
        """Deliver the messages that a chunk completes."""
        events = self._decoder.feed(chunk)
        for text in events:
            if len(text) >= LARGE and self._put_off(text):
                continue
            envelope = decode(text, self._max_values)
            if envelope is not None:
                self._deliver(envelope, text)
        self.gain.arrived(len(chunk), whole=bool(events), unfinished=self._decoder.unfinished)

    def _put_off(self, text: str) -> bool:
        event_id = peek_event_id(text)
        if event_id is None:
            return False
        self._before = event_id
        if self.backlog is None:
            self.backlog = Backlog(self._most_put_off)
            self._due = time.monotonic() + _LONGEST_PUT_OFF
        self._keep(self.backlog, event_id, text)
        return True

    def _keep(self, backlog: Backlog, event_id: str, text: str) -> None:
        backlog.add(event_id, text)
        while backlog.full:
            self.advance()

    def overdue(self) -> bool:
        """Whether the first that was put off has waited for long enough."""
        return time.monotonic() >= self._due

    def advance(self) -> None:
        """Deliver the first that was put off."""
        assert self.backlog is not None  # noqa: S101 - there is one
        text = self.backlog.take()
        if not self.backlog:
            self.backlog = None
        envelope = decode(text, self._max_values)
        if envelope is not None:
            self._deliver(envelope, text, late=True)
        self._due = time.monotonic() + _LONGEST_PUT_OFF
        self.gain.bear(self._idle_timeout)  # the silence of this thread is not the server's

    def catch_up(self) -> None:
        """Deliver all that were put off."""
        while self.backlog is not None:
            self.advance()

    def _deliver(self, envelope: Envelope, text: str, *, late: bool = False) -> None:
        message = envelope.message
        if not late:
            if isinstance(message, CloseStream) or (
                isinstance(message, UnexpectedError) and message.is_stumble(self._before)
            ):
                if not self.closing:
                    self.closing, self._closes = True, time.monotonic() + _CLOSING
                return
            self._before = envelope.event_id
            if self.backlog is not None and self._follows(envelope, text, self.backlog):
                return
        if self._owner.deliver(envelope, text):
            self.progressed = True
            self.ended_job = self.ended_job or isinstance(message, Completed)

    def _follows(self, envelope: Envelope, text: str, backlog: Backlog) -> bool:
        """Put off a message whose job has one that was put off; what ends all jobs comes after their last."""
        if envelope.event_id is not None and envelope.event_id in backlog:
            self._keep(backlog, envelope.event_id, text)
            return True
        if isinstance(envelope.message, (UnexpectedError, StopMessage)):
            self.catch_up()
        return False

    def left(self) -> float:
        """Seconds that the next chunk may take; none or fewer when the stream is to be left."""
        if self.closing:
            return self._closes - time.monotonic()
        return self.gain.left() if self._decoder.unfinished else self._idle_timeout

    def age(self) -> float:
        """Seconds since it was opened."""
        return time.monotonic() - self._opened
