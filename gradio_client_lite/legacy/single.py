"""The driver of sse, Gradio 4.0 – 4.8: an event stream for each job.

The request for the stream joins the queue. When the job's turn has come the stream asks for the arguments
(`send_data`, once, with the job's event id), which are posted beside it within five seconds; then it tells of
the run and ends.

Sources: gradio/routes.py (`queue_join`, `queue_data`) and gradio/queueing.py of 4.0.2 and 4.8.0.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Optional

from ..errors import ConnectionLost, ProtocolError
from ..queues.base import Call, check_event_id, post_json
from ..transport.http import StreamingResponse
from ..wire.arguments import with_event_id
from ..wire.decoding import SSEDecoder
from ..wire.messages import Envelope, SendData, decode
from ..wire.refusal import refusal
from .multiplexer import Next
from .perjob import JobChannel, PerJobQueue, now

#: How often in a row one stream may be read before the others get their turn.
_TURNS = 16
#: Seconds the server gets to end a stream after its last message; then the connection is given up.
_CLOSING = 2.0


class StreamQueue(PerJobQueue):
    """Runs the jobs of one session hash.

    These servers may be silent for as long as a function runs (4.0 sends a single heartbeat), so silence is
    no sign that a stream is lost, nor is an answer beside it. After the idle timeout it is looked whether
    there is a server at all; a stream that broke on the way without a word is found by the system, which
    probes the connection itself.
    """

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


class StreamChannel(JobChannel[StreamQueue]):
    """The event stream of one job."""

    def __init__(self, queue: StreamQueue, call: Call, response: StreamingResponse, body: bytes) -> None:
        super().__init__(queue, call, beat=None)
        self._response = response
        self._body = body
        self._decoder = SSEDecoder(queue.lines.limits.event_bytes)
        self._max_values = queue.lines.limits.json_values
        self._event_id: Optional[str] = None  # known once the server has asked for the arguments
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
            if self._late:
                return Next.LATER
        return Next.AGAIN

    def _listen(self) -> None:
        self._watch = None
        self.deadline = now() + self._queue.lines.idle_timeout

    def _take(self, chunk: bytes) -> None:
        if self._over:
            return
        events = self._decoder.feed(chunk)
        if self._gain.arrived(len(chunk), whole=bool(events), unfinished=self._decoder.unfinished):
            self._listen()
        for text in events:
            self.arrived(text, len(text))

    def take(self, message: str) -> None:
        envelope = decode(message, self._max_values)
        if envelope is None or self._over:
            return
        self._check_id(envelope)
        if self._queue.deliver(self._call, envelope, message):
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
        return Next.LEAVE if self._over or not self.wait_on() else Next.WAIT

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
