"""What the queue drivers of Gradio 4.0 – 4.8 (`sse`, in `stream`) and 3.x (`ws`, in `socket`) share.

Each job has a socket of its own: an event stream, or a WebSocket. A job that waits holds no thread, as one
thread, the multiplexer's, waits for all sockets. A job's socket is used by one thread at a time:

    worker                    multiplexer                        sender, or worker
    ──────                    ───────────                        ─────────────────
    open the socket ────────▶ wait, read, feed the job
                                the server asks for something ─▶ send it
                                (a WebSocket is lent meanwhile) ◀┘
                                last message, error, silence
                              leave and close

The server asks for the arguments when the job's turn has come, and gives them five seconds. Another thread
sends them, as the multiplexer's must never wait.

The states of a channel:

    WAITING ─ a message of LARGE bytes ─▶ DEFERRING ─ the others had their turn ─▶ WAITING
    WAITING ─ last message, error, cancellation ─▶ OVER ─ the multiplexer lets go ─▶ closed

The lock of a queue guards which jobs it has; nothing is sent or fed while it is held. A job that is cancelled
while its socket is being opened is not among them any more when it is open: then `_start` closes the socket.
"""

from __future__ import annotations

import copy
import threading
from collections import deque
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any, Callable, Deque, Dict, Generic, Iterator, List, Optional, TypeVar

from ..errors import (
    ClientClosed,
    ConnectionFailed,
    DeadlineExceeded,
    GradioClientError,
    ProtocolError,
    ReadTimeout,
    ServerStopped,
    StreamLost,
)
from ..limits import DEFAULT_LIMITS, Limits
from ..queues.base import (
    Call,
    Claims,
    MakeHeaders,
    ambiguous,
    closed_error,
    fail,
    feed,
)
from ..threads import Threads
from ..transport.http import Transport
from ..transport.liveness import Watch
from ..transport.sockets import Gain
from ..wire.config import EndpointSpec
from ..wire.messages import LARGE, Completed, Envelope, Message, StopMessage, UnexpectedError
from ..wire.urls import Routes
from ..workers import Workers, call_after_fork
from .multiplexer import Channel, Multiplexer, Next

#: How often in a row one socket is read before the others have their turn.
TURNS = 16


class Shared:
    """What the queues of all sessions of a client share.

    Args:
        workers: the client's, which send what the servers ask for when they are free.
        threads: which the other threads belong to; None makes them their own.
        idle_timeout: seconds of silence after which the server is asked whether it is alive.
        closing: seconds the server gets to end a stream after its last message, so that the connection can be
            used again; then it is closed.
    """

    def __init__(
        self,
        transport: Transport,
        routes: Routes,
        headers: MakeHeaders,
        workers: Workers,
        threads: Optional[Threads] = None,
        idle_timeout: float = 60.0,
        limits: Limits = DEFAULT_LIMITS,
        closing: float = 2.0,
    ) -> None:
        self.transport = transport
        self.routes = routes
        self.headers = headers
        self.idle_timeout = idle_timeout
        self.limits = limits
        self.closing = closing
        self.multiplexer = Multiplexer(threads)
        self._workers = workers
        self._sender = Workers(1, "gradio-sender", threads=threads)
        self._unsent: Deque[Callable[[], None]] = deque()
        call_after_fork(self)

    def after_fork(self) -> None:
        """In a child: drop what the parent sends."""
        self._unsent = deque()

    def send_soon(self, task: Callable[[], None]) -> None:
        """Run `task`, which sends something, on the first thread that is free: the sender, or a worker.

        The sender alone would be slow over a slow network, and the workers may all wait for direct calls.

        Raises:
            ConnectionFailed: there is no thread, and none can be started.
        """
        self._unsent.append(task)
        errors: List[RuntimeError] = []
        for pool in (self._sender, self._workers):
            try:
                pool.submit(self._send_next)
            except RuntimeError as exc:  # noqa: PERF203 - two of them
                errors.append(exc)
        if len(errors) == 2:
            with suppress(ValueError):
                self._unsent.remove(task)
            raise ConnectionFailed(f"No thread could be started to send something: {errors[0]}.")

    def _send_next(self) -> None:
        try:
            task = self._unsent.popleft()
        except IndexError:  # a thread of the other pool was faster
            return
        task()

    def stop(self) -> None:
        """Let the threads end as soon as they have no work."""
        self.multiplexer.stop()
        self._sender.stop()


Queue = TypeVar("Queue", bound="PerJobQueue")


class JobChannel(Channel, Generic[Queue]):
    """The socket of one job; subclasses know the protocol.

    Args:
        beat: seconds for which the socket of a server that is well may be silent; None for ever.
        silence: seconds of silence after which `expired` is called.
    """

    def __init__(self, queue: Queue, call: Call, *, beat: Optional[float], silence: float) -> None:
        self._queue = queue
        self._call = call
        self._beat = beat
        self._silence = silence
        self._over = False
        self._gain = Gain(queue.shared.idle_timeout)
        # A large message, and those that arrived behind it: handled when the other channels had their turn.
        self._deferred: List[Any] = []
        self._heard()

    def _heard(self) -> None:
        """Begin to count the silence anew."""
        self._watch: Optional[Watch] = None
        self.deadline = monotonic() + self._silence

    def ready(self) -> Next:
        """Handle the deferred messages, then read what has arrived."""
        try:
            deferred, self._deferred = self._deferred, []
            for message in deferred:
                self.handle(message)
            return self.read()
        except GradioClientError as exc:
            self.end(exc)
            return Next.LEAVE

    def read(self) -> Next:
        """Read and handle what has arrived, until a message is deferred; an error it raises ends the job."""
        raise NotImplementedError

    def receive(self, message: Any, size: int) -> None:
        """Handle a message, or defer it: where it is large, or arrived behind one that is."""
        if self._deferred or size >= LARGE:
            self._deferred.append(message)
        else:
            self.handle(message)

    def handle(self, message: Any) -> None:
        """Decode a message and feed it to the job."""
        raise NotImplementedError

    def bears_silence(self) -> bool:
        """Extend the deadline of a silent socket while the server is alive; else end the job: False."""
        shared = self._queue.shared
        liveness, idle = shared.transport.liveness, shared.idle_timeout
        if self._gain.trickles():
            self.end(ReadTimeout(f"{self._gain}"))
            return False
        if self._watch is None and liveness is not None:
            self._watch = liveness.watch(idle, self._beat)
        seconds = None if self._watch is None else self._watch()
        if seconds is None:
            reason = f"it was silent for {idle:g} seconds, and the server is gone or has let it go"
            self.end(ReadTimeout(reason))
            return False
        self.deadline = monotonic() + seconds
        return True

    def end(self, error: GradioClientError) -> None:
        """End the job with an error of its socket, unless it has ended."""
        if not self._over:
            self._over = True
            self._queue.lose(self._call, error)

    def broke(self, error: BaseException) -> None:
        """End the job with an error in this package."""
        failure = ProtocolError(f"The server's messages could not be read: {error!r}.")
        failure.__cause__ = error
        self.end(failure)

    def abort(self) -> None:
        """Wake the thread that has the socket; it finds the job ended, or the socket broken."""
        raise NotImplementedError


class PerJobQueue:
    """Runs the jobs of one session, each on a socket of its own; subclasses know the protocol."""

    def __init__(self, shared: Shared, session_hash: str) -> None:
        self.session_hash = session_hash
        self.shared = shared
        # Guards the three fields below it. Reentrant, as a signal handler or a finaliser may cancel a job on
        # a thread that holds it.
        self._lock = threading.RLock()
        self._claims = Claims()
        self._channels: Dict[Call, Optional[JobChannel[Any]]] = {}  # None while the socket is being opened
        self._closed = False

    # -- the driver's interface

    def submit(self, call: Call) -> None:
        """Begin the job; an error reaches `call.fail`."""
        if call.done():  # cancelled while it waited for a worker
            return
        try:
            with self._lock:
                if self._closed:
                    raise closed_error(call.label)
                self._channels[call] = None
            self._start(call, self.open(call))
        except BaseException as exc:
            self.forget(call)
            call.fail(exc)
            if not isinstance(exc, Exception):
                raise

    def open(self, call: Call) -> JobChannel[Any]:
        """Send the request, and return its socket once the server has answered."""
        raise NotImplementedError

    def _start(self, call: Call, channel: JobChannel[Any]) -> None:
        with self._lock:
            wanted = call in self._channels
            if wanted:
                self._channels[call] = channel
        if wanted and not call.done():
            self.wait_for(channel)
        else:
            channel.left()
            self.remove(call)

    def wait_for(self, channel: JobChannel[Any]) -> None:
        """Hand a socket to the multiplexer.

        Raises:
            ConnectionFailed: its thread cannot be started; the channel is closed.
        """
        try:
            self.shared.multiplexer.add(channel)
        except (RuntimeError, OSError) as exc:
            channel.left()
            raise ConnectionFailed(f"The app's answers cannot be waited for: {exc}.") from exc

    def hash_for(self, endpoint: EndpointSpec) -> str:  # noqa: ARG002 - 3.x alone tells them apart
        """The session's own, for every job."""
        return self.session_hash

    @contextmanager
    def exclusive(self, call: Call, later: Callable[[], None]) -> Iterator[bool]:  # noqa: ARG002 - see there
        """See `SessionDriver.exclusive`."""
        with self._lock:
            others = any(
                other is not call
                and other.fn_index == call.fn_index
                and other.session_hash == call.session_hash
                for other in self._channels
            )
        yield not others

    def forget(self, call: Call) -> None:
        """Close the socket of a job that was cancelled."""
        channel = self.remove(call)
        if channel is not None:
            channel.abort()
        if call.event_id is None:
            call.told(True)  # by the end of its socket: the server runs nothing without the arguments

    def close(self) -> None:
        """Close all sockets; unfinished jobs fail with ClientClosed."""
        with self._lock:
            self._closed = True
            calls = list(self._channels)
        for call in calls:
            fail(call, closed_error(call.label))
            self.forget(call)
        self.shared.stop()

    # -- for the channels

    def remove(self, call: Call) -> Optional[JobChannel[Any]]:
        """Drop a job; return its channel, if it has one and was not dropped before."""
        with self._lock:
            self._claims.end_call(call)
            return self._channels.pop(call, None)

    def claim(self, call: Call, event_id: str) -> None:
        """Let an id that the server gave belong to the job.

        Raises:
            ProtocolError: it belongs, or belonged, to another job, which fails too.
        """
        with self._lock:
            if call not in self._channels:  # cancelled meanwhile
                return
            confused = self._claims.claim(event_id, call)
        if confused:
            error = ambiguous([one.label for one in confused])
            for other in confused[1:]:
                fail(other, copy.copy(error))
                self.forget(other)
            raise error

    def fail(self, call: Call, error: BaseException) -> None:
        """End a job with an error."""
        self.remove(call)
        call.fail(error)

    def lose(self, call: Call, cause: GradioClientError) -> None:
        """End a job whose socket broke: with StreamLost, or with a cause that is not the network's."""
        broken = isinstance(cause, (ConnectionFailed, DeadlineExceeded))
        lost = broken and not isinstance(cause, ClientClosed)
        self.fail(call, self._lost(call, cause) if lost else cause)

    def _lost(self, call: Call, cause: BaseException) -> StreamLost:
        reason = str(cause).strip().rstrip(".") or "no reason given"
        error = StreamLost(
            f"The connection to {self.shared.routes.src} that {call.label} waits on was lost ({reason}). It "
            "may or may not have run; submit it again if that is safe.",
            () if call.event_id is None else (call.event_id,),
        )
        error.__cause__ = cause
        return error

    def deliver(self, call: Call, envelope: Envelope, text: str) -> bool:
        """Feed a job one message, decoded from `text`; return whether it was the last."""
        message: Message = envelope.message
        if isinstance(message, StopMessage):
            self.fail(call, ServerStopped(f"The Gradio server at {self.shared.routes.src} is stopping."))
            return True
        if isinstance(message, UnexpectedError):
            self.fail(call, self._lost(call, ConnectionFailed(message.message)))
            return True
        if isinstance(message, Completed) and message.output.get("error") == "None":
            # 3.50 and 4.0 send the hidden error of a generator as `str(None)`.
            message = message._replace(output={**message.output, "error": None})
        last = feed(call, message, text)
        if last:
            self.remove(call)
        return last
