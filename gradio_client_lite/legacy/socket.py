"""The driver of ws, Gradio 3.x: a WebSocket for each job.

The server asks for session and function (`send_hash`), tells of the queue, asks for the arguments
(`send_data`) when the job's turn has come, and tells of its run. Releases 3.2 – 3.6 ask for no session, those
before expect one unasked.

A 3.x server knows a job by its session and function alone: two jobs of one function in one session share the
state of a generator, and each other's progress and logs. So jobs that run at the same time get session hashes
of their own, unless the function has State, which is kept under the session's.

Sources: gradio/routes.py (`join_queue`) and gradio/queueing.py of 3.10.0, 3.23.0, 3.35.2 and 3.50.2;
gradio/event_queue.py of 3.1.7.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional, Set, Tuple

from ..errors import ConnectionLost, GradioClientError, HTTPStatusError, ProtocolError, shorten
from ..queues.base import Call, new_session_hash
from ..secrecy import Hidden, HiddenBytes
from ..transport.http import Timeout
from ..wire.config import EndpointSpec
from ..wire.messages import Completed, QueueFull, SendData, SendHash, decode
from .multiplexer import Next
from .perjob import JobChannel, Lines, PerJobQueue, now
from .websocket import WebSocket, load_library, open_websocket
from .wire.frames import Frame

#: How often in a row one socket may be read before the others get their turn.
_TURNS = 16
#: The close code of a server that was sent more than it takes in one message (RFC 6455 section 7.4.1).
_TOO_BIG = 1009


class SocketQueue(PerJobQueue):
    """Runs the jobs of one session hash.

    Args:
        lines: what all sessions share.
        session_hash: what the server keeps State under.
        greets: whether the server waits for session and function without asking.
    """

    def __init__(self, lines: Lines, session_hash: str, *, greets: bool = False) -> None:
        super().__init__(lines, session_hash)
        self._greets = greets
        # Session hashes under which no job of a function runs; guarded by the lock too.
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

    def open(self, call: Call) -> JobChannel[Any]:
        """Prepare the arguments, so that the server need not wait for them, and open the socket."""
        try:
            load_library()  # before files are sent in vain
            body = call.request_body()
            headers = self.lines.headers(call.headers)
            url = self.lines.routes.join
            limits = self.lines.limits
            timeout = self.lines.transport.timeout.opening(limits.bound("joining"))
            socket = open_websocket(
                self.lines.transport, url, headers, f"calling {call.label}", timeout, limits.event_bytes
            )
        except BaseException:
            self.release(call)  # the server has not heard of it
            raise
        channel = SocketChannel(self, call, socket, body)
        if self._greets:
            channel.greet()
        return channel

    def release(self, call: Call) -> None:
        """The server has ended a job, or never got it: another may run under its session hash.

        Not so after a cancellation or a loss, when the server's run of it may go on.
        """
        with self._lock:
            free = self._free.get(call.fn_index)
            if free is not None and call.session_hash not in free:
                # The session's own is taken first.
                free.insert(len(free) if call.session_hash == self.session_hash else 0, call.session_hash)


class SocketChannel(JobChannel[SocketQueue]):
    """The WebSocket of one job.

    It belongs to one thread at a time: the multiplexer's, or the worker that sends something.
    """

    def __init__(self, queue: SocketQueue, call: Call, socket: WebSocket, body: bytes) -> None:
        super().__init__(queue, call, beat=0.0)
        self._socket = socket
        self._body = body
        self._idle = queue.lines.idle_timeout
        self._sending = Timeout(read=self._idle).whole(queue.lines.limits.bound("uploading"))
        self._asked: Set[str] = set()
        self._outbox: List[Tuple[str, bytes]] = []
        self._heard()

    def greet(self) -> None:
        """Send session and function to a server that waits for them.

        Raises:
            GradioClientError: they could not be sent.
        """
        try:
            self._socket.send_text(self._hash(), self._sending)
        except BaseException:
            self._socket.close()
            raise
        self._announce()

    def _hash(self) -> bytes:
        call = self._call
        fields: Dict[str, Any] = {"fn_index": call.fn_index, "session_hash": call.session_hash}
        # The name it had in 3.1.
        return HiddenBytes(json.dumps({**fields, "hash": call.session_hash}).encode("ascii"))

    def _announce(self) -> None:
        """Tell the job its id, which the server makes of what it was sent."""
        call = self._call
        if call.event_id is None:
            call.joined(Hidden(f"{call.session_hash}_{call.fn_index}"))

    # -- on the multiplexer's thread

    def fileno(self) -> int:
        """The number of the socket."""
        return self._socket.fileno()

    def read(self) -> Next:
        for _ in range(_TURNS):
            if self._over:
                return Next.LEAVE
            frames = self._socket.read_arrived()
            if frames is None:
                return Next.LEAVE if self._outbox else Next.WAIT
            if self._gain.arrived(self._socket.arrived, whole=bool(frames), unfinished=not frames):
                self._heard()
            for frame in frames:
                self.arrived(frame, len(frame.data))
            if self._late:
                return Next.LATER
        return Next.LEAVE if self._outbox or self._over else Next.AGAIN

    def _heard(self) -> None:
        self._pinged = False
        self._watch = None
        self.deadline = now() + self._idle / 3

    def take(self, message: Frame) -> None:
        if self._over or message.kind == "pong":
            return
        if message.kind == "ping":
            self._outbox.append(("pong", message.data))
        elif message.kind == "close":
            self.end(self._closed_error(message))
        else:
            self._take_text(message.data)

    def _take_text(self, data: bytes) -> None:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as exc:
            raise ProtocolError("The server sent a message that is not UTF-8.") from exc
        envelope = decode(text, self._queue.lines.limits.json_values)
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
        self._outbox.append((kind, data))

    def _closed_error(self, frame: Frame) -> GradioClientError:
        if frame.code == _TOO_BIG:
            return HTTPStatusError(
                f"The arguments of {self._call.label}, {len(self._body)} bytes, are more than the server at "
                f"{self._queue.lines.routes.src} takes in one message. Pass files with handle_file(path).",
                status=413,
                url=self._queue.lines.routes.join,
            )
        reason = shorten(frame.data.decode("utf-8", "replace"), 100)
        return ConnectionLost(f"the server closed it with code {frame.code} {reason}".rstrip())

    def expired(self) -> Next:
        """Ask a silent server for a sign of life: here first, then beside the socket too."""
        if not self._pinged:
            self._pinged = True
            self.deadline = now() + self._idle * 2 / 3
        elif not self.wait_on():
            return Next.LEAVE
        self._outbox.append(("ping", b""))
        return Next.LEAVE

    # -- between the threads

    def left(self) -> None:
        """Close the socket, or have a worker send what is to be sent."""
        if self._outbox and not self._over:
            try:
                self._queue.lines.errands.submit(self._send)
            except GradioClientError as exc:
                self.end(exc)
            else:
                return
        self._over = True
        self._socket.close()

    def abort(self) -> None:
        """Wake the thread that has the socket."""
        self._socket.abort()

    # -- on a worker

    def _send(self) -> None:
        error: Optional[BaseException] = None
        try:
            outbox, self._outbox = self._outbox, []
            for kind, data in outbox:
                if kind == "pong":
                    self._socket.send_pong(data, self._sending)
                elif kind == "ping":
                    self._socket.send_ping(self._sending)
                else:
                    self._socket.send_text(data, self._sending)
                    self._announce()
        except GradioClientError as exc:
            error = exc
            self.end(exc)
        except BaseException as exc:
            error = exc
            self._queue.fail(self._call, exc)
        if error is not None or self._call.done():
            self._over = True
            self._socket.close()
            return
        self._return()

    def _return(self) -> None:
        try:
            self._queue.wait_for(self)
        except GradioClientError as exc:
            self._queue.fail(self._call, exc)
