"""The driver of sse, Gradio 4.0 – 4.8: an event stream for each job.

The request for the stream joins the queue. When the job's turn has come the stream asks for the arguments
(`send_data`, once, with the job's event id), which are posted beside it within five seconds; then it tells of
the run and ends.

Sources: gradio/routes.py (`queue_join`, `queue_data`) and gradio/queueing.py of 4.0.2 and 4.8.0.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any, Optional

from ..errors import ConnectionLost, GradioClientError, ProtocolError, ReadTimeout
from ..transport.http import StreamingResponse, Timeout
from ..transport.multiplexer import Next
from ..wire.arguments import with_event_id
from ..wire.messages import Envelope, SendData, decode
from ..wire.refusal import refusal
from ..wire.sse import SSEDecoder
from .base import Call, check_event_id, post_json
from .gain import Gain
from .perjob import JobChannel, Lines, PerJobQueue, now

_log = logging.getLogger(__name__)

#: How often in a row one stream may be read before the others get their turn.
_TURNS = 16
#: Seconds the server gets to end a stream after its last message; then the connection is given up.
_CLOSING = 2.0
#: Seconds a silent server has to show that it is alive.
_PROBE = 10.0


class StreamQueue(PerJobQueue):
    """Runs the jobs of one session hash.

    These servers may be silent for as long as a function runs (4.0 sends a single heartbeat), so silence is
    no sign that a stream is lost. After the idle timeout the server is asked whether it is there, once for
    all streams, and only when it does not answer they count as lost. A stream that broke on the way without a
    word is found by the system, which probes the connection itself.
    """

    def __init__(self, lines: Lines, session_hash: str) -> None:
        super().__init__(lines, session_hash)
        self._heard = now()
        # Until when a probe may be answered; None when none was needed since the server was last heard.
        self._probe_ends: Optional[float] = None

    def open(self, call: Call) -> JobChannel[Any]:
        """Prepare the arguments, as the server does not wait long for them, and open the stream."""
        body = call.request_body()
        headers = self.lines.headers(call.headers)
        headers["accept"] = "text/event-stream"
        url = self.lines.routes.join_stream(call.session_hash, call.fn_index)
        timeout = self.lines.transport.timeout.opening(self.lines.limits.bound("joining"))
        response = self.lines.transport.stream("GET", url, headers=headers, timeout=timeout)
        if response.status != 200:
            with response:
                content, doing = response.read_some(), f"calling {call.label}"
                raise refusal(response.status, content, url, doing, response.headers)
        return StreamChannel(self, call, response, body)

    def heard(self) -> None:
        """The server is alive."""
        self._heard = now()
        self._probe_ends = None

    def patience(self) -> Optional[float]:
        """Until when a silent stream may be silent; None when the server is gone.

        For the multiplexer's thread.
        """
        moment, until = now(), self._heard + self.lines.idle_timeout
        if moment < until:
            return until
        ends = self._probe_ends
        if ends is None:
            ends = self._probe_ends = moment + _PROBE
            self.lines.errands.submit(self._probe)
        return ends if moment < ends else None

    def _probe(self) -> None:
        limit = Timeout(connect=_PROBE, read=_PROBE, total=_PROBE)
        try:
            self.lines.transport.request(
                "GET", self.lines.routes.status, headers=self.lines.headers({}), timeout=limit
            )
            self.heard()
        except GradioClientError as exc:
            # The streams notice when the time is over.
            _log.debug("a silent server did not answer: %s", self.lines.transport.secrets.shown(exc))


class StreamChannel(JobChannel[StreamQueue]):
    """The event stream of one job."""

    def __init__(self, queue: StreamQueue, call: Call, response: StreamingResponse, body: bytes) -> None:
        super().__init__(queue, call)
        self._response = response
        self._body = body
        self._decoder = SSEDecoder(queue.lines.limits.event_bytes)
        self._max_values = queue.lines.limits.json_values
        self._gain = Gain(queue.lines.idle_timeout)
        self._event_id: Optional[str] = None  # known once the server has asked for the arguments
        queue.heard()
        self._listen()

    # -- on the multiplexer's thread

    def fileno(self) -> int:
        """The number of the socket."""
        return self._response.fileno()

    def read(self) -> Next:
        for _ in range(_TURNS):
            chunk = self._response.read_arrived()
            if chunk is None:
                return Next.WAIT
            if not chunk:
                raise ConnectionLost("the server ended it before the job was done")
            self._take(chunk)
        return Next.AGAIN

    def _listen(self) -> None:
        self.deadline = now() + self._queue.lines.idle_timeout

    def _take(self, chunk: bytes) -> None:
        if self._over:
            return
        self._queue.heard()
        events = self._decoder.feed(chunk)
        if self._gain.arrived(len(chunk), whole=bool(events), unfinished=self._decoder.unfinished):
            self._listen()
        for event in events:
            envelope = decode(event.data, self._max_values)
            if envelope is None or self._over:
                continue
            self._check_id(envelope)
            if self._queue.deliver(self._call, envelope, event.data):
                # The end of the stream comes next; with it the connection can be used again.
                self._over = True
                self.deadline = now() + _CLOSING

    def _check_id(self, envelope: Envelope) -> None:
        """Have the arguments sent when they are wanted, once; let no message of another job through."""
        event_id = envelope.event_id
        if isinstance(envelope.message, SendData) and self._event_id is None:
            self._event_id = check_event_id(event_id, self._call.label)
            self._queue.claim(self._call, self._event_id)
            self._queue.lines.errands.submit(partial(self._send_data, self._event_id))
        elif event_id != self._event_id and None not in (event_id, self._event_id):
            raise ProtocolError("The server streamed a message of another call.")

    def expired(self) -> Next:
        """Give up a stream whose server is gone."""
        if self._over:
            return Next.LEAVE
        if self._decoder.unfinished:
            self.end(ReadTimeout(f"{self._gain}"))
            return Next.LEAVE
        until = self._queue.patience()
        if until is not None:
            self.deadline = until
            return Next.WAIT
        idle = self._queue.lines.idle_timeout
        self.end(ReadTimeout(f"it was silent for {idle:g} seconds, and the server does not answer"))
        return Next.LEAVE

    def left(self) -> None:
        """Close the stream."""
        self._over = True
        self._response.close()

    def abort(self) -> None:
        """Wake the multiplexer's thread."""
        self._response.interrupt()

    # -- on a worker

    def _send_data(self, event_id: str) -> None:
        queue, call = self._queue, self._call
        try:
            call.joined(event_id)
            if call.done():
                return
            headers = queue.lines.headers(call.headers)
            body = with_event_id(self._body, event_id)
            url = queue.lines.routes.data_of_job
            timeout = queue.lines.transport.timeout.whole(queue.lines.limits.bound("joining"))
            post_json(queue.lines.transport, url, headers, body, f"calling {call.label}", timeout)
        except BaseException as exc:
            queue.fail(call, exc)
            self.abort()
