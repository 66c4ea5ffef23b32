"""The driver of `sse`, Gradio 4.0 – 4.8: an event stream for each job.

The request for the stream joins the queue. When the job's turn has come the stream asks for the arguments
(`send_data`, with the job's event id), which are posted beside it; then it tells of the run and ends:

    JOINED ─ estimation, … ─▶ send_data ─▶ RUNNING ─ process_completed ─▶ OVER ─ end of stream ─▶ closed
                                 └─ a sender posts the arguments, within five seconds

These servers may be silent for as long as a function runs (4.0 sends a single heartbeat), so silence does not
tell that a stream is lost. After the idle timeout the server is asked beside it whether it is alive; a stream
that broke on the way without a word is found by the system, which probes the connection itself.

Sources: gradio/routes.py (`queue_join`, `queue_data`) and gradio/queueing.py of 4.0.2 and 4.8.0.
"""

from __future__ import annotations

from functools import partial
from time import monotonic
from typing import Optional

from ..errors import ConnectionLost, ProtocolError
from ..queues.base import Call, check_event_id, post_json
from ..transport.http import StreamingResponse
from ..wire.arguments import with_event_id
from ..wire.decoding import SSEDecoder
from ..wire.messages import SendData, decode
from ..wire.refusal import refusal
from .multiplexer import Next
from .perjob import TURNS, JobChannel, PerJobQueue


class StreamQueue(PerJobQueue):
    """Runs the jobs of one session, each on an event stream of its own."""

    def open(self, call: Call) -> StreamChannel:
        """Prepare the arguments, as the server does not wait long for them, and open the stream."""
        body = call.request_body()
        headers = self.shared.headers(call.headers)
        headers["accept"] = "text/event-stream"
        url = self.shared.routes.join_stream(call.session_hash, call.fn_index)
        timeout = self.shared.transport.timeout.opening(self.shared.limits.bound("joining"))
        response = self.shared.transport.stream("GET", url, headers=headers, timeout=timeout)
        if response.status != 200:
            with response:
                content, doing = response.read_some(), f"calling {call.label}"
                raise refusal(response.status, content, url, doing, response.headers)
        return StreamChannel(self, call, response, body)


class StreamChannel(JobChannel[StreamQueue]):
    """The event stream of one job."""

    def __init__(self, queue: StreamQueue, call: Call, response: StreamingResponse, body: bytes) -> None:
        super().__init__(queue, call, beat=None, silence=queue.shared.idle_timeout)
        self._response = response
        self._body = body
        self._decoder = SSEDecoder(queue.shared.limits.event_bytes)
        self._max_values = queue.shared.limits.json_values
        self._event_id: Optional[str] = None  # known once the server has asked for the arguments

    def fileno(self) -> int:
        return self._response.fileno()

    def read(self) -> Next:
        for _ in range(TURNS):
            chunk = self._response.read_arrived()
            if chunk is None:
                return Next.WAIT
            if not chunk:
                raise ConnectionLost("the server ended it before the job was done")
            if self._over:  # only the end of the stream is read now
                continue
            events = self._decoder.feed(chunk)
            if self._gain.arrived(len(chunk), whole=bool(events), unfinished=self._decoder.unfinished):
                self._heard()
            for text in events:
                self.receive(text, len(text))
            if self._deferred:
                return Next.LATER
        return Next.AGAIN

    def handle(self, message: str) -> None:
        envelope = decode(message, self._max_values)
        if envelope is None or self._over:
            return
        event_id = envelope.event_id
        if isinstance(envelope.message, SendData) and self._event_id is None:  # else it has been answered
            self._event_id = check_event_id(event_id, self._call.label)
            self._queue.claim(self._call, self._event_id)
            self._queue.shared.send_soon(partial(self._send_data, self._event_id))
        elif event_id != self._event_id and None not in (event_id, self._event_id):
            raise ProtocolError("The server streamed a message of another call.")
        if self._queue.deliver(self._call, envelope, message):
            self._over = True
            self.deadline = monotonic() + self._queue.shared.closing

    def expired(self) -> Next:
        return Next.LEAVE if self._over or not self.bears_silence() else Next.WAIT

    def left(self) -> None:
        self._over = True
        self._response.close()

    def abort(self) -> None:
        self._response.interrupt()

    def _send_data(self, event_id: str) -> None:
        """Post the arguments, on a sender."""
        shared, call = self._queue.shared, self._call
        try:
            call.joined(event_id)
            if call.done():
                return
            headers, body = shared.headers(call.headers), with_event_id(self._body, event_id)
            timeout = shared.transport.timeout.whole(shared.limits.bound("joining"))
            doing = f"calling {call.label}"
            post_json(shared.transport, shared.routes.data_of_job, headers, body, doing, timeout)
        except BaseException as exc:
            self._queue.fail(call, exc)
            self.abort()
