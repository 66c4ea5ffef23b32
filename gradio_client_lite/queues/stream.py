"""The thread that reads a session's event stream, for as long as jobs wait for it.

Two ways a stream ends are told apart. The server closes it when it sees no pending event, maybe while
a job is just joining: it is opened again at once, for the server has kept the messages. It is cut: the
server drops the session's events as soon as it notices, so it is opened again to catch what still
comes, and the owner gives the jobs on it a grace. One that could not even be opened has lost nothing;
it is tried again for as long as the grace.
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
)
from ..transport.http import StreamingResponse, Timeout, Transport
from ..wire.messages import CloseStream, Envelope, UnexpectedError, decode
from ..wire.refusal import refusal
from ..wire.sse import SSEDecoder
from .base import Headers

_log = logging.getLogger(__name__)

#: Seconds before the second attempt to open a stream; each further one waits twice as long.
_FIRST_DELAY = 0.05
_LONGEST_DELAY = 2.0
#: Seconds the server gets to end a stream it has said it closes; then the connection is given up.
_CLOSING = 2.0
#: A server that closes this many streams in a row without a word has lost the jobs.
_SILENT_CLOSES = 3
#: With these the app has not seen the request; with those below it may have.
_NOT_TAKEN = frozenset((429, 503))
_TRANSIENT = frozenset((408, 425, 500, 502, 504))


class Owner(Protocol):
    """Whom the reader works for."""

    def wanted(self) -> bool:
        """Whether to go on; False releases the reader."""
        ...

    def deliver(self, envelope: Envelope) -> None:
        """Take a message."""

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
    ) -> None:
        self._transport = transport
        self._url = url
        self._headers = headers
        self._owner = owner
        self._grace = grace
        self._timeout = Timeout(read=idle_timeout)
        self._stopped = threading.Event()
        self._response: Optional[StreamingResponse] = None
        self._failures = 0
        self._reached = 0.0

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
                self._owner.fail_all(exc)
            except Exception as exc:
                error = ProtocolError(f"The event stream could not be read: {exc!r}.")
                error.__cause__ = exc
                self._owner.fail_all(error)
            if self._failures > 1:
                # Bounded twice: a power of two soon is no float any more.
                self._stopped.wait(min(_FIRST_DELAY * 2 ** min(self._failures - 2, 10), _LONGEST_DELAY))

    def _read(self) -> None:
        """Read one stream, and tell the owner when it did not end well."""
        try:
            self._failures = 0 if self._follow() else self._failures + 1
            if self._failures >= _SILENT_CLOSES:
                self._owner.cut(ConnectionLost("the server keeps closing it without a message"))
        except (ConnectFailed, ConnectTimeout) as exc:
            _log.debug("the event stream could not be opened: %s", exc)
            self._failures += 1
            if time.monotonic() - self._reached >= self._grace:
                self._owner.unreachable(exc)
            return
        except (ConnectionFailed, DeadlineExceeded) as exc:
            _log.debug("the event stream broke: %s", exc)
            self._failures += 1
            self._owner.cut(exc)
        self._reached = time.monotonic()

    def _follow(self) -> bool:
        """Read one stream to its clean end; return whether it held a message."""
        headers = self._headers({})
        headers["accept"] = "text/event-stream"
        with self._transport.stream("GET", self._url, headers=headers, timeout=self._timeout) as response:
            self._response = response
            try:
                if self._stopped.is_set():
                    return True
                self._require_stream(response)
                return self._pump(response)
            finally:
                self._response = None

    def _pump(self, response: StreamingResponse) -> bool:
        decoder = SSEDecoder()
        heard = closing = False
        before: Optional[str] = None
        while True:
            try:
                chunk = response.read_some()
            except (ConnectionFailed, DeadlineExceeded):
                if closing:  # the server was done with it, so nothing is lost
                    return heard
                raise
            if not chunk:
                return heard
            for event in decoder.feed(chunk):
                envelope = decode(event.data)
                if envelope is None:
                    continue
                heard = True
                message = envelope.message
                if isinstance(message, CloseStream) or (
                    isinstance(message, UnexpectedError) and message.is_stumble(before)
                ):
                    closing = True
                    response.set_read_timeout(_CLOSING)
                else:
                    before = envelope.event_id
                    self._owner.deliver(envelope)

    def _require_stream(self, response: StreamingResponse) -> None:
        if response.status == 200:
            return
        body = response.read_some()
        if response.status in _NOT_TAKEN:
            raise ConnectFailed(f"it was answered with status {response.status}")
        if response.status in _TRANSIENT:
            raise ConnectionLost(f"it was answered with status {response.status}")
        raise refusal(response.status, body, self._url, "opening the event stream")
