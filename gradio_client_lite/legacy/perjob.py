"""Errands: what has to be sent soon while a server waits for it.

What the drivers of old servers share: a socket for each job, one thread for all of them.

A worker sends the request and then hands the open socket to the multiplexer, so a waiting job holds no
thread. Whatever has to be sent later is sent by a worker again, as the multiplexer's thread never waits.
"""

from __future__ import annotations

import copy
import threading
import time
from collections import deque
from contextlib import contextmanager, suppress
from typing import Any, Callable, Deque, Dict, Generic, Iterator, List, NamedTuple, Optional, TypeVar

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
from ..queues.base import Call, Claims, MakeHeaders, ambiguous, closed_error, fail, feed
from ..threads import Threads
from ..transport.http import Transport
from ..transport.liveness import Watch
from ..transport.sockets import Gain
from ..wire.config import EndpointSpec
from ..wire.messages import LARGE, Completed, Envelope, Message, StopMessage, UnexpectedError
from ..wire.urls import Routes
from ..workers import Workers, call_after_fork
from .multiplexer import Multiplexer, Next


class Errands:
    """Runs what has to be sent soon, because a server waits for it.

    Each task goes to the workers, and to a thread of its own besides: the workers may all be waiting for
    direct calls that take long, and one thread alone would be slow over a slow network. Whichever is free
    takes it.

    Args:
        workers: of the client.
        threads: of the client.
    """

    def __init__(self, workers: Workers, threads: Optional[Threads] = None) -> None:
        self._workers = workers
        self._spare = Workers(1, "gradio-errand", threads=threads)
        self._tasks: Deque[Callable[[], None]] = deque()
        call_after_fork(self)

    def after_fork(self) -> None:
        """In a child: the tasks are the parent's."""
        self._tasks = deque()

    def submit(self, task: Callable[[], None]) -> None:
        """Run a task on another thread.

        Raises:
            ConnectionFailed: there is none, and none can be started.
        """
        self._tasks.append(task)
        failures: List[RuntimeError] = []
        for pool in (self._spare, self._workers):
            try:
                pool.submit(self._run_one)
            except RuntimeError as exc:  # noqa: PERF203 - two of them
                failures.append(exc)
        if len(failures) == 2:
            with suppress(ValueError):
                self._tasks.remove(task)
            raise ConnectionFailed(f"No thread could be started to send something: {failures[0]}.")

    def _run_one(self) -> None:
        try:
            task = self._tasks.popleft()
        except IndexError:  # the other one was faster
            return
        task()

    def stop(self) -> None:
        """Let the spare thread end as soon as it has no work."""
        self._spare.stop()


Queue = TypeVar("Queue", bound="PerJobQueue")


class Lines(NamedTuple):
    """What the queues of all sessions of a client share.

    Args:
        transport: the client's connections.
        routes: the app's URLs.
        headers: gives the headers of a request.
        multiplexer: waits for the sockets.
        errands: runs what a server waits for.
        idle_timeout: seconds of silence after which the server is asked whether it is alive.
        limits: what the server may cost.
    """

    transport: Transport
    routes: Routes
    headers: MakeHeaders
    multiplexer: Multiplexer
    errands: Errands
    idle_timeout: float = 60.0
    limits: Limits = DEFAULT_LIMITS


class JobChannel(Generic[Queue]):
    """The socket of one job; subclasses know the protocol.

    Args:
        queue: the driver.
        call: the job.
        beat: seconds for which the socket of a server that is well may be silent; None for ever.
    """

    #: See `Channel.deadline`.
    deadline: float

    def __init__(self, queue: Queue, call: Call, beat: Optional[float]) -> None:
        self._queue = queue
        self._call = call
        self._beat = beat
        self._over = False
        self._gain = Gain(queue.lines.idle_timeout)
        self._watch: Optional[Watch] = None  # over the silence that there is; None when there is none
        # Messages that are put off: a large one, and what has come behind it.
        self._late: List[Any] = []

    def fileno(self) -> int:
        """The number of the socket."""
        raise NotImplementedError

    def ready(self) -> Next:
        """Take what was put off, or else what has arrived; put off a message that takes long to read."""
        try:
            late, self._late = self._late, []
            for message in late:
                self.take(message)
            return self.read()
        except GradioClientError as exc:
            self.end(exc)
            return Next.LEAVE

    def read(self) -> Next:
        """Take what has arrived until something is put off; what it raises ends the job."""
        raise NotImplementedError

    def arrived(self, message: Any, size: int) -> None:
        """Take a message, or put it off where it is large, or behind one that is."""
        if self._late or size >= LARGE:
            self._late.append(message)
        else:
            self.take(message)

    def take(self, message: Any) -> None:
        """Take a message."""
        raise NotImplementedError

    def expired(self) -> Next:
        """Nothing has come in time."""
        raise NotImplementedError

    def wait_on(self) -> bool:
        """Bear the silence of the socket a while longer, unless the job is lost; then end it."""
        lines = self._queue.lines
        liveness, idle = lines.transport.liveness, lines.idle_timeout
        if self._gain.trickles():
            self.end(ReadTimeout(f"{self._gain}"))
            return False
        if self._watch is None and liveness is not None:
            self._watch = liveness.watch(idle, self._beat)
        seconds = None if self._watch is None else self._watch()
        if seconds is None:
            self.end(
                ReadTimeout(f"it was silent for {idle:g} seconds, and the server is gone or has let it go")
            )
            return False
        self.deadline = now() + seconds
        return True

    def end(self, error: GradioClientError) -> None:
        """End the job, unless it has ended."""
        if not self._over:
            self._over = True
            self._queue.lose(self._call, error)

    def broke(self, error: BaseException) -> None:
        """End the job with a mistake of our own."""
        failure = ProtocolError(f"The server's messages could not be read: {error!r}.")
        failure.__cause__ = error
        self.end(failure)

    def left(self) -> None:
        """Do with the socket what is to be done outside the multiplexer's thread."""
        raise NotImplementedError

    def abort(self) -> None:
        """Wake the thread that waits for it; it will find the job ended, or the socket broken."""
        raise NotImplementedError


class PerJobQueue:
    """Runs the jobs of one session hash, each on a socket of its own; subclasses know the protocol.

    Args:
        lines: what all sessions share.
        session_hash: what the server keeps State under.
    """

    def __init__(self, lines: Lines, session_hash: str) -> None:
        self.session_hash = session_hash
        self.lines = lines
        # Guards the three fields below it; nothing is sent while it is held. Reentrant; see `SessionQueue`.
        self._lock = threading.RLock()
        self._claims = Claims()
        self._channels: Dict[Call, Optional[JobChannel[Any]]] = {}
        self._closed = False

    # -- the driver's interface

    def submit(self, call: Call) -> None:
        """Begin the job; what goes wrong reaches `call.fail`."""
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
        if not wanted or call.done():
            channel.left()
            self.finish(call)
            return
        self.wait_for(channel)

    def wait_for(self, channel: JobChannel[Any]) -> None:
        """Hand a socket to the multiplexer's thread.

        Raises:
            ConnectionFailed: it cannot be started; the channel was let go.
        """
        try:
            self.lines.multiplexer.add(channel)
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
        """Close the job's socket."""
        channel = self.finish(call)
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
        self.lines.multiplexer.stop()
        self.lines.errands.stop()

    # -- for the channels

    def finish(self, call: Call) -> Optional[JobChannel[Any]]:
        """Know no more of a job; its socket, if it had one."""
        with self._lock:
            self._claims.end_call(call)
            return self._channels.pop(call, None)

    def claim(self, call: Call, event_id: str) -> None:
        """Let an id that the server gave be the call's.

        Raises:
            ProtocolError: it is, or was, another job's, which has to fail too.
        """
        with self._lock:
            if call not in self._channels:  # forgotten meanwhile
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
        self.finish(call)
        call.fail(error)

    def lose(self, call: Call, cause: GradioClientError) -> None:
        """End a job whose socket broke; what the server itself did wrong is told as it is."""
        if isinstance(cause, (ConnectionFailed, DeadlineExceeded)) and not isinstance(cause, ClientClosed):
            self.fail(call, self._lost(call, cause))
        else:
            self.fail(call, cause)

    def _lost(self, call: Call, cause: BaseException) -> StreamLost:
        reason = str(cause).strip().rstrip(".") or "no reason given"
        error = StreamLost(
            f"The connection to {self.lines.routes.src} that {call.label} waits on was lost ({reason}). It "
            "may or may not have run; submit it again if that is safe.",
            () if call.event_id is None else (call.event_id,),
        )
        error.__cause__ = cause
        return error

    def deliver(self, call: Call, envelope: Envelope, text: str) -> bool:
        """Give a message to its job; return whether it was the last.

        Args:
            call: the job.
            envelope: the message.
            text: what it was decoded from.
        """
        message: Message = envelope.message
        if isinstance(message, StopMessage):
            self.fail(call, ServerStopped(f"The Gradio server at {self.lines.routes.src} is stopping."))
            return True
        if isinstance(message, UnexpectedError):
            self.fail(call, self._lost(call, ConnectionFailed(message.message)))
            return True
        over = feed(call, _without_spelled_none(message), text)
        if over:
            self.finish(call)
        return over


def _without_spelled_none(message: Message) -> Message:
    """The message, but a generator's hidden error as the None it is for other functions.

    These servers send it as `str(None)`: `process_events` of gradio/queueing.py in 3.50.2 and 4.0.2.
    """
    if isinstance(message, Completed) and message.output.get("error") == "None":
        return message._replace(output={**message.output, "error": None})
    return message


def now() -> float:
    """The clock of deadlines, in seconds."""
    return time.monotonic()
