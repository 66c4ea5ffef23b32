"""The driver of `ws`, Gradio 3.x: a WebSocket for each job.

The server asks for session and function (`send_hash`), tells of the queue, asks for the arguments
(`send_data`) when the job's turn has come, and tells of its run. Releases 3.2 – 3.6 ask for no session, those
before expect one unasked.

    OPEN ─ send_hash ─▶ QUEUED ─ send_data ─▶ RUNNING ─ process_completed ─▶ OVER
              │            ▲         │           ▲
              └─ a sender ─┘         └─ a sender ┘

Answers, pings and pongs wait in `_outbox`. The multiplexer's thread, which must not wait, then leaves the
socket; a sender sends them, and hands the socket back. So reading and writing never overlap, without a lock.

A 3.x server knows a job by its session and function alone: two jobs of one function in one session share the
state of a generator, and each other's progress and logs. So jobs that run at the same time get session hashes
of their own, unless the function has State, which is kept under the session's. A hash is free again once the
server has ended its job; not after a cancellation or a loss, as the server may go on with the run.

Sources: gradio/routes.py (`join_queue`) and gradio/queueing.py of 3.10.0, 3.23.0, 3.35.2 and 3.50.2;
gradio/event_queue.py of 3.1.7.
"""

from __future__ import annotations

import json
from time import monotonic
from typing import Any, Dict, List, Set, Tuple

from ..errors import ConnectionLost, GradioClientError, HTTPStatusError, ProtocolError
from ..queues.base import Call, new_session_hash
from ..secrecy import Hidden, HiddenBytes
from ..transport.http import Timeout
from ..wire.config import EndpointSpec
from ..wire.messages import Completed, QueueFull, SendData, SendHash, decode
from ..wire.texts import quoted
from .multiplexer import Next
from .perjob import TURNS, JobChannel, PerJobQueue, Shared
from .websocket import WebSocket, load_library, open_websocket
from .wire.frames import Frame

#: The close code of a server that was sent more than it takes in one message (RFC 6455 section 7.4.1).
_TOO_BIG = 1009


class SocketQueue(PerJobQueue):
    """Runs the jobs of one session. `greets` is that of the Dialect."""

    def __init__(self, shared: Shared, session_hash: str, *, greets: bool = False) -> None:
        super().__init__(shared, session_hash)
        self._greets = greets
        # By function, session hashes under which no job of it runs; guarded by the lock too.
        self._free: Dict[int, List[str]] = {}

    def hash_for(self, endpoint: EndpointSpec) -> str:
        """The session's own for a function with State; else one under which no other job of it runs."""
        if endpoint.has_state:
            return self.session_hash
        with self._lock:
            free = self._free.setdefault(endpoint.fn_index, [self.session_hash])
            return free.pop() if free else new_session_hash()

    def submit(self, call: Call) -> None:
        if call.done():  # cancelled while it waited for a worker
            self.release(call)
        super().submit(call)

    def open(self, call: Call) -> SocketChannel:
        """Prepare the arguments, so that the server need not wait for them, and open the socket."""
        try:
            load_library()  # before files are sent in vain
            body = call.request_body()
            shared, doing = self.shared, f"calling {call.label}"
            headers, limits = shared.headers(call.headers), shared.limits
            timeout = shared.transport.timeout.opening(limits.bound("joining"))
            max_bytes = limits.event_bytes
            url = shared.routes.join
            socket = open_websocket(
                shared.transport, url, headers, doing, timeout=timeout, max_bytes=max_bytes
            )
        except BaseException:
            self.release(call)  # the server has not heard of it
            raise
        channel = SocketChannel(self, call, socket, body)
        if self._greets:
            channel.greet()
        return channel

    def release(self, call: Call) -> None:
        """Free the session hash of a job that the server has ended or never got."""
        with self._lock:
            free = self._free.get(call.fn_index)
            if free is not None and call.session_hash not in free:
                # The session's own is taken first.
                free.insert(len(free) if call.session_hash == self.session_hash else 0, call.session_hash)


class SocketChannel(JobChannel[SocketQueue]):
    """The WebSocket of one job."""

    def __init__(self, queue: SocketQueue, call: Call, socket: WebSocket, body: bytes) -> None:
        idle = queue.shared.idle_timeout
        super().__init__(queue, call, beat=0.0, silence=idle / 3)
        self._socket = socket
        self._body = body
        self._sending = Timeout(read=idle).whole(queue.shared.limits.bound("uploading"))
        self._asked: Set[str] = set()
        self._outbox: List[Tuple[str, bytes]] = []

    def greet(self) -> None:
        """Send session and function to a server that does not ask for them.

        Raises:
            GradioClientError: they could not be sent.
        """
        try:
            self._socket.send("text", self._hash(), self._sending)
        except BaseException:
            self._socket.close()
            raise
        self._announce()

    def _hash(self) -> bytes:
        """The message that names session and function."""
        call = self._call
        fields: Dict[str, Any] = {"fn_index": call.fn_index, "session_hash": call.session_hash}
        # "hash" is the name it had in 3.1.
        return HiddenBytes(json.dumps({**fields, "hash": call.session_hash}).encode("ascii"))

    def _announce(self) -> None:
        """Tell the job its id, which the server makes of session and function."""
        call = self._call
        if call.event_id is None:
            call.joined(Hidden(f"{call.session_hash}_{call.fn_index}"))

    # -- on the multiplexer's thread

    def fileno(self) -> int:
        return self._socket.fileno()

    def read(self) -> Next:
        for _ in range(TURNS):
            if self._over:
                return Next.LEAVE
            frames = self._socket.read_arrived()
            if frames is None:
                return Next.LEAVE if self._outbox else Next.WAIT
            if self._gain.arrived(self._socket.arrived, whole=bool(frames), unfinished=not frames):
                self._heard()
            for frame in frames:
                self.receive(frame, len(frame.data))
            if self._deferred:
                return Next.LATER
        return Next.LEAVE if self._outbox or self._over else Next.AGAIN

    def _heard(self) -> None:
        super()._heard()
        self._pinged = False

    def handle(self, message: Frame) -> None:
        if self._over or message.kind == "pong":
            return
        if message.kind == "ping":
            self._outbox.append(("pong", message.data))
        elif message.kind == "close":
            self.end(self._closed_error(message))
        else:
            self._handle_text(message.data)

    def _handle_text(self, data: bytes) -> None:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as exc:
            raise ProtocolError("The server sent a message that is not UTF-8.") from exc
        envelope = decode(text, self._queue.shared.limits.json_values)
        if envelope is None:
            return
        if isinstance(envelope.message, SendHash):
            self._answer("hash", self._hash())
        elif isinstance(envelope.message, SendData):
            self._answer("data", self._body)
        if self._queue.deliver(self._call, envelope, text):
            self._over = True
            if isinstance(envelope.message, (Completed, QueueFull)):
                self._queue.release(self._call)

    def _answer(self, kind: str, data: bytes) -> None:
        if kind in self._asked:
            # No server does; answering each time would let one have the arguments sent for ever.
            raise ProtocolError(f"The server asked twice for the {kind} of a call.")
        self._asked.add(kind)
        self._outbox.append(("text", data))

    def _closed_error(self, frame: Frame) -> GradioClientError:
        if frame.code == _TOO_BIG:
            return HTTPStatusError(
                f"The arguments of {self._call.label}, {len(self._body)} bytes, are more than the server at "
                f"{self._queue.shared.routes.src} takes in one message. Pass files with handle_file(path).",
                status=413,
                url=self._queue.shared.routes.join,
            )
        reason = quoted(frame.data.decode("utf-8", "replace"), 100)
        return ConnectionLost(f"the server closed it with code {frame.code} {reason}".rstrip())

    def expired(self) -> Next:
        """Ping a silent server first; ask it beside the socket too, when it does not answer that."""
        if not self._pinged:
            self._pinged = True
            self.deadline = monotonic() + self._silence * 2
        elif not self.bears_silence():
            return Next.LEAVE
        self._outbox.append(("ping", b""))
        return Next.LEAVE

    def left(self) -> None:
        """Close the socket, or lend it to a sender."""
        if self._outbox and not self._over:
            try:
                self._queue.shared.send_soon(self._send)
            except GradioClientError as exc:
                self.end(exc)
            else:
                return
        self._over = True
        self._socket.close()

    def abort(self) -> None:
        self._socket.abort()

    # -- on a sender

    def _send(self) -> None:
        """Send the outbox, and hand the socket back to the multiplexer."""
        try:
            outbox, self._outbox = self._outbox, []
            for kind, data in outbox:
                self._socket.send(kind, data, self._sending)
                if kind == "text":
                    self._announce()
        except GradioClientError as exc:
            self.end(exc)
        except BaseException as exc:
            self._over = True
            self._queue.fail(self._call, exc)
        if self._over or self._call.done():
            self._over = True
            self._socket.close()
            return
        try:
            self._queue.wait_for(self)
        except GradioClientError as exc:
            self._queue.fail(self._call, exc)
