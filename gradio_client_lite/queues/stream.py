"""The thread that reads a session's event stream, for as long as jobs wait for it.

`StreamReader.run` opens one stream after the other:

    wanted? --no--> RELEASED (the next job starts it again)
       |yes  ^
       |     +--- pause <--------------------------------------------------------+
       v                                                                         |
    OPENING --200--> READING --its end, or close_stream--> CLOSING -- closed ----+
       |                +-- breaks, or is silent though the server answers -- cut +
       |                +-- cannot be read -- cut, and every job fails ----------+
       +-- is refused -- every job fails ----------------------------------------+
       +-- is not reached -- no job is lost, until that lasts for the grace -----+

The server *closes* a stream when it sees no pending event, maybe while a job is just joining: the next one is
opened at once, as the server has kept the messages. After a *cut* it drops the session's jobs as soon as it
notices, so the next stream is opened to catch what still comes, and the owner gives the jobs a grace.

Progress is a message for a job that waits or may be joining, and nothing else. Three numbers, all of streams
in a row, keep streams without it from being opened without end:

- `fruitless`: streams without progress, closed, cut or never opened. A pause follows each but the first, and
  doubles.
- `silent`: streams that the server closed without progress. `_SILENT_CLOSES` of them count as a cut.
- `hasty`: streams that ended soon and ended no job, with progress or without. A pause follows each one after
  `_HASTY`, and doubles.

Only `stop` and `abort` run on other threads, and need no lock: `stop` sets `_stopped` and then looks for a
response, the reader sets the response and then looks at `_stopped`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from typing import Counter as Counts
from typing import Deque, Optional, Protocol, Tuple

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
from ..light import NamedTuple, pattern
from ..limits import Limits
from ..transport.http import StreamingResponse, Timeout, Transport
from ..transport.liveness import Watch
from ..transport.sockets import Gain
from ..wire.decoding import SSEDecoder
from ..wire.messages import (
    LARGE,
    CloseStream,
    Completed,
    Envelope,
    StopMessage,
    UnexpectedError,
    decode,
    text_bytes,
)
from ..wire.refusal import refusal, stated_wait
from .base import MakeHeaders

_log = logging.getLogger(__name__)

_SILENT_CLOSES = 3
#: Streams, and seconds.
_HASTY, _SOON = 10, 1.0
#: Statuses of a server that has not taken the request, and of one that may have.
_NOT_TAKEN = frozenset((429, 503))
_TRANSIENT = frozenset((408, 425, 500, 502, 504))


class Times(NamedTuple):
    """Durations around a session's stream, in seconds.

    Args:
        grace: that jobs get after a cut, and that it is tried to reach the server for.
        idle: without a byte after which the server is asked for a sign of life.
        first_pause: before the third attempt in a row to open a stream; each further pause doubles.
        longest_pause: the most that doubling comes to.
        closing: that the server gets to end a stream which it has said it closes.
        beat: between two heartbeats, whatever else is sent (gradio/routes.py 4.16 - 6.31, `queue_data`).
        put_off: that smaller events may keep a large one waiting where they come without a break.
        unnoticed: until a server behind a proxy has noticed a cut; about 10 were observed. Until then it
            writes to the old stream, for jobs that join too, and then it may drop those without a word.
    """

    grace: float = 15.0
    idle: float = 60.0
    first_pause: float = 0.05
    longest_pause: float = 2.0
    closing: float = 2.0
    beat: float = 15.0
    put_off: float = 0.5
    unnoticed: float = 15.0


TIMES = Times()


class Owner(Protocol):
    """Whom the reader works for."""

    def wanted(self) -> bool:
        """Whether to go on; False releases the reader."""
        ...

    def is_unknown(self) -> bool:
        """A stream begins with the word that there is no such session; return whether that loses no job."""
        ...

    def deliver(self, envelope: Envelope, text: str) -> bool:
        """Take a message and what it was decoded from; return whether that was progress."""
        ...

    def cut(self, cause: BaseException) -> None:
        """The stream was cut."""

    def unreachable(self, cause: BaseException) -> None:
        """No stream could be opened for as long as the grace."""

    def fail_all(self, error: GradioClientError) -> None:
        """End every job."""


class StreamReader:
    """Reads streams from `url` one after the other while `owner` wants them."""

    def __init__(
        self,
        transport: Transport,
        url: str,
        headers: MakeHeaders,
        owner: Owner,
        limits: Limits,
        times: Times,
    ) -> None:
        self._transport = transport
        self._url = url
        self._headers = headers
        self._owner = owner
        self._limits = limits
        self._times = times
        self._stopped = threading.Event()
        self._response: Optional[StreamingResponse] = None
        self._events: Optional[_Events] = None  # of the stream; None until it has been opened
        self._watch: Optional[Watch] = None  # over the silence that began at the moment below
        self._watched = 0.0

    def stop(self) -> None:
        """Make `run` return soon."""
        self._stopped.set()
        self.abort()

    def abort(self) -> None:
        """Break the stream that is being read, if any."""
        response = self._response
        if response is not None:
            response.abort()

    def run(self) -> None:
        """Read one stream after the other until no job waits."""
        fruitless = silent = hasty = 0
        reached = time.monotonic()  # when the server was reached last
        while self._owner.wanted():
            closed = False
            try:
                self._read_stream()
            except (ConnectFailed, ConnectTimeout) as exc:
                self._log_failure("could not be opened", exc)
                if time.monotonic() - reached >= self._times.grace:
                    self._owner.unreachable(exc)
            except (ConnectionFailed, DeadlineExceeded) as exc:
                self._log_failure("broke", exc)
                self._owner.cut(exc)
                reached = time.monotonic()
            except Exception as exc:
                error = exc if isinstance(exc, GradioClientError) else _unreadable(exc)
                # Where the answer made no sense, the server may have opened the stream all the same.
                if self._events is not None or isinstance(exc, ProtocolError):
                    self._owner.cut(error)  # first, as who learns of the error may call again at once
                self._owner.fail_all(error)
            else:
                reached, closed = time.monotonic(), self._events is not None  # else it was stopped
            events = self._events  # None where none was opened
            if events is not None and events.progressed:
                fruitless = silent = 0
            else:
                fruitless, silent = fruitless + 1, silent + closed
            hasty = 0 if events is None or events.ended_job or events.age() >= _SOON else hasty + 1
            if closed and silent >= _SILENT_CLOSES:
                self._owner.cut(ConnectionLost("the server keeps closing it without a message for a job"))
            doublings = max(fruitless, hasty - _HASTY) - 2
            if doublings >= 0:
                # Bounded twice: a power of two soon is no float any more.
                pause = self._times.first_pause * 2 ** min(doublings, 10)
                self._stopped.wait(min(pause, self._times.longest_pause))
        self._events = None  # it may hold much of an event

    def _log_failure(self, what: str, error: GradioClientError) -> None:
        _log.debug("the event stream %s: %s", what, self._transport.secrets.shown(error))

    def _read_stream(self) -> None:
        """Read one stream until the server has closed it, unless the reader is stopped before."""
        headers = self._headers({})
        headers["accept"] = "text/event-stream"
        self._events = self._watch = None
        timeout = Timeout(read=self._times.idle, silence=self._bear_silence)
        # Never sent twice: the first might still be open on the server, and take messages that nobody reads.
        request = self._transport.stream("GET", self._url, headers=headers, timeout=timeout, idempotent=False)
        with request as response:
            self._response = response
            try:
                if self._stopped.is_set():
                    return
                if response.status != 200:
                    raise self._refused(response)
                events = self._events = _Events(self._owner, self._limits, self._times)
                self._receive(response, events)
            finally:
                self._response = None

    def _refused(self, response: StreamingResponse) -> GradioClientError:
        body = response.read_some()
        if response.status in _NOT_TAKEN | _TRANSIENT:
            kind = ConnectFailed if response.status in _NOT_TAKEN else ConnectionLost
            error = kind(f"it was answered with status {response.status}")
            error.retry_after = stated_wait(response.headers)
            return error
        return refusal(response.status, body, self._url, "opening the event stream", response.headers)

    def _receive(self, response: StreamingResponse, events: _Events) -> None:
        """Take what a stream brings until its end; events that are put off whenever nothing else has come."""
        try:
            while True:
                if events.backlog is None:
                    chunk: Optional[bytes] = response.read_some()
                else:
                    chunk = None if events.overdue() else response.read_arrived()
                if chunk is None:
                    events.advance()
                    continue
                if not chunk:
                    return
                events.take(chunk)
                left = events.left()
                if left <= 0:
                    raise ReadTimeout(f"{events.gain}")
                response.set_read_timeout(left)
        except (ConnectionFailed, DeadlineExceeded):
            if not events.closing:  # else the server was done with it, so nothing is lost
                raise
        finally:
            if events.backlog is not None and not self._stopped.is_set():
                events.catch_up()  # before the owner hears of a cut, and before another stream is opened

    def _bear_silence(self) -> Optional[float]:
        """How many seconds longer to wait for a byte, or for the answer itself; None for no longer."""
        events, liveness = self._events, self._transport.liveness
        if liveness is None or (events is not None and (events.closing or events.gain.trickles())):
            return None
        since = 0.0 if events is None else events.gain.since
        if self._watch is None or since != self._watched:
            self._watch, self._watched = liveness.watch(self._times.idle, self._times.beat), since
        seconds = self._watch()
        if seconds is not None and events is not None:
            events.gain.bear(seconds)
        return seconds


def _unreadable(cause: Exception) -> ProtocolError:
    error = ProtocolError(f"The event stream could not be read: {cause!r}.")
    error.__cause__ = cause
    return error


class _Events:
    """The events of one stream, on their way to the owner.

    A large event takes long to decode, so it is put off until nothing else has arrived, or it is overdue:
    events of other jobs behind it wait for one large event at most. What follows it for its own job is put
    off too, and what ends all jobs comes last.

    Attributes:
        closing: whether the server has said that it closes the stream, or its last word.
        backlog: what was put off; None when that is nothing.
    """

    def __init__(self, owner: Owner, limits: Limits, times: Times) -> None:
        self._owner = owner
        self._times = times
        self._decoder = SSEDecoder(limits.event_bytes)
        self._max_values = limits.json_values
        self._most_put_off = limits.early_bytes
        self._due = 0.0  # when the first of the backlog must not be put off any more
        self._last_id: Optional[str] = None  # of the message before
        self._begun = False  # whether the server has known the session
        self._closed_by = 0.0  # when the server must have ended the stream that it closes
        self.backlog: Optional[Backlog] = None
        self.gain = Gain(times.idle)
        self._opened = self.gain.since
        self.progressed = self.ended_job = self.closing = False

    def take(self, chunk: bytes) -> None:
        """Deliver or put off the events that a chunk completes."""
        events = self._decoder.feed(chunk)
        for text in events:
            if len(text) >= LARGE and self._put_off(text):
                continue
            envelope = decode(text, self._max_values)
            if envelope is None:
                continue
            event_id, message = envelope
            if isinstance(message, CloseStream) or (
                # After such an error the server has kept the messages, as after a close.
                isinstance(message, UnexpectedError)
                and (message.is_stumble(self._last_id) or (message.session_not_found and self._is_unknown()))
            ):
                self._close()
                continue
            self._last_id, self._begun = event_id, True
            if self.backlog is not None:
                if event_id is not None and event_id in self.backlog:
                    self._keep(self.backlog, event_id, text)
                    continue
                if isinstance(message, (UnexpectedError, StopMessage)):
                    self.catch_up()
            self._deliver(envelope, text)
            if isinstance(message, UnexpectedError) and event_id is None:
                self._close()  # its last word, though a proxy may keep the end of the stream to itself
        self.gain.arrived(len(chunk), whole=bool(events), unfinished=self._decoder.unfinished)

    def _close(self) -> None:
        """The server ends the stream, or has to be left."""
        if not self.closing:
            self.closing, self._closed_by = True, time.monotonic() + self._times.closing

    def _is_unknown(self) -> bool:
        """Whether the stream begins with the word that there is no such session, and that loses no job."""
        return not self._begun and self._owner.is_unknown()

    def _deliver(self, envelope: Envelope, text: str) -> None:
        if self._owner.deliver(envelope, text):
            self.progressed = True
            self.ended_job = self.ended_job or isinstance(envelope.message, Completed)

    def _put_off(self, text: str) -> bool:
        """Put a large event off, unless nobody knows whose it is."""
        event_id = peek_event_id(text)
        if event_id is None:
            return False
        self._last_id, self._begun = event_id, True
        if self.backlog is None:
            self.backlog = Backlog(self._most_put_off)
            self._due = time.monotonic() + self._times.put_off
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
            self._deliver(envelope, text)
        self._due = time.monotonic() + self._times.put_off
        self.gain.bear(self._times.idle)  # the silence of this thread is not the server's

    def catch_up(self) -> None:
        """Deliver all that were put off."""
        while self.backlog is not None:
            self.advance()

    def left(self) -> float:
        """Seconds that the next chunk may take; none or fewer when the stream is to be left."""
        if self.closing:
            return self._closed_by - time.monotonic()
        return self.gain.left() if self._decoder.unfinished else self._times.idle

    def age(self) -> float:
        """Seconds since it was opened."""
        return time.monotonic() - self._opened


#: How every message begins that is a job's (gradio/queueing.py 4.16, server_messages.py 4.21 - 6.31). Of an
#: object that names the id again, which none does, the message itself goes to the job named last.
_HEAD = pattern(r'\s*\{\s*"msg"\s*:\s*"[a-z_]+"\s*,\s*"event_id"\s*:\s*"([^"\\]{1,256})"')


def peek_event_id(text: str) -> Optional[str]:
    """The id that an event begins with; None where it does not begin with one."""
    found = _HEAD.match(text)
    return None if found is None else found.group(1)


class Backlog:
    """Keeps large events, and what follows one for the same job, in the order in which they came.

    Args:
        limit: bytes that they may take together; None for any number. A single one may take more.
    """

    def __init__(self, limit: Optional[int]) -> None:
        self._limit = limit
        self._texts: Deque[Tuple[str, str]] = deque()
        self._ids: Counts[str] = Counter()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._texts)

    def __contains__(self, event_id: str) -> bool:
        return event_id in self._ids

    @property
    def full(self) -> bool:
        """Whether there is more than may be kept; never so of a single one."""
        return self._limit is not None and self._bytes > self._limit and len(self._texts) > 1

    def add(self, event_id: str, text: str) -> None:
        """Keep an event."""
        self._texts.append((event_id, text))
        self._ids[event_id] += 1
        self._bytes += text_bytes(text)

    def take(self) -> str:
        """Remove and return the one that came first."""
        event_id, text = self._texts.popleft()
        self._ids[event_id] -= 1
        if not self._ids[event_id]:
            del self._ids[event_id]
        self._bytes -= text_bytes(text)
        return text
