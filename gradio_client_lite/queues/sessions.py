"""The sessions of a client: which one new calls belong to, the queue driver of each, and its heartbeat.

A session becomes current with `open`. A new one takes its place when its stream was cut, as the server may
drop jobs that join the old one before it has noticed; but not where the app keeps State, or the caller chose
the session. Jobs of a session that was left go on to their end.

The heartbeat is an open request by which the server knows that a session is alive: it deletes a session's
State, and runs the app's `unload` events, when it ends (gradio/routes.py, `heartbeat`, from 4.22 on). It is
opened only for apps that need it.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Callable, Deque, List, Optional, Tuple

from ..errors import AuthenticationError, ClientClosed, ConnectionLost, GradioClientError
from ..threads import InterpreterEnding, Threads
from ..transport.http import StreamingResponse, Timeout, Transport
from ..wire.urls import Routes
from ..workers import call_after_fork
from .base import MakeHeaders, SessionDriver, new_session_hash

_log = logging.getLogger(__name__)

#: How many former sessions' hashes are kept out of texts, as a server may still name them.
_FORMER = 32

#: Makes the queue driver of a session hash, which calls the function when a stream was cut that jobs share.
MakeQueue = Callable[[str, Callable[[], None]], SessionDriver]


class Sessions:
    """The session of new calls; those before it live on while they have jobs.

    Args:
        make_heartbeat: makes the heartbeat of a session hash; None when the app needs none.
        stateful: whether calls depend on the session they belong to.
        session_hash: the first session.

    Attributes:
        current: the queue driver of the session that new calls belong to.
    """

    current: SessionDriver

    def __init__(
        self,
        make_queue: MakeQueue,
        make_heartbeat: Optional[Callable[[str], SessionHeartbeat]],
        stateful: bool,
        session_hash: str,
    ) -> None:
        self._make_queue = make_queue
        self._make_heartbeat = make_heartbeat
        self._stateful = stateful
        # Guards the fields below it, and these two. Reentrant; see `SessionQueue`.
        self._lock = threading.RLock()
        self._current: SessionDriver  # the same as `current`, which may be missing in a fork's child
        self._chosen = False
        self._closed = False
        self._queues: List[weakref.ref[SessionDriver]] = []
        self._hashes: Deque[str] = deque(maxlen=_FORMER)
        self._heartbeat: Optional[SessionHeartbeat] = None
        self._unstarted: Optional[SessionHeartbeat] = None
        self.open(session_hash)
        call_after_fork(self)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> SessionDriver:
            """Start the heartbeat with the first use after a fork; see `after_fork`."""
            if name != "current":
                raise AttributeError(name)
            self._start_heartbeat()
            with self._lock:
                self.current = self._current
            return self.current

    def secrets(self) -> List[str]:
        """What texts must not show: the session hash there is, and some that there were."""
        return list(self._hashes.copy())  # copied in one step, as an error may pass on any thread

    def open(self, session_hash: str, *, chosen: bool = False) -> None:
        """Let new calls belong to a session, which is new or shared with others.

        Args:
            chosen: whether the caller chose it, so that it must stay.
        """
        self._enter(session_hash, chosen=chosen)
        self._start_heartbeat()

    def _leave(self, session_hash: str) -> None:
        """Open another session in place of one whose stream was cut, unless calls depend on it."""
        if not self._stateful:
            self._enter(new_session_hash(), instead_of=session_hash)
            self._start_heartbeat()

    def _enter(self, session_hash: str, *, chosen: bool = False, instead_of: Optional[str] = None) -> None:
        """Make the session the current one, and stop the heartbeat of the one before.

        Args:
            instead_of: do nothing unless this session is current, and nobody chose it or closed all. That is
                asked in the critical section that enters, else a choice made meanwhile could be undone.
        """
        queue = self._make_queue(session_hash, partial(self._leave, session_hash))
        heartbeat = self._make_heartbeat(session_hash) if self._make_heartbeat else None
        with self._lock:
            if instead_of is not None and (
                self._chosen or self._closed or self._current.session_hash != instead_of
            ):
                return
            self._hashes.append(session_hash)
            self._chosen = chosen
            # There is never a second driver of a session: the server gives each message to one of a session's
            # streams, maybe to that on which nobody waits for it, and a driver of 3.x jobs knows which run.
            alive = [each for each in (ref() for ref in self._queues) if each is not None]
            known = next((each for each in alive if each.session_hash == session_hash), None)
            if known is None:
                alive.append(queue)
            self._queues = [weakref.ref(each) for each in alive]
            if known is not None and known is self._current:
                return  # its heartbeat goes on: the server would drop State at the end of one
            self._current = self.current = known or queue
            before, self._heartbeat = self._heartbeat, None
            # A closed client's transport refuses every request, so its heartbeats have no use.
            self._unstarted = None if self._closed else heartbeat
        if before is not None:
            before.stop()

    def _start_heartbeat(self) -> None:
        with self._lock:
            heartbeat, self._unstarted = self._unstarted, None
            if heartbeat is None:
                return
            self._heartbeat = heartbeat
        try:
            heartbeat.start()
        except InterpreterEnding as exc:
            _log.debug("a session has no heartbeat: %s", exc)
        except RuntimeError as exc:
            _log.warning("no thread could be started for the heartbeat of a session: %s", exc)

    def after_fork(self) -> None:
        """Leave the session to the parent process, which reads its stream, and open one of our own.

        Its heartbeat starts with the first use: a child may not have threads yet, and many never call. So
        `current` is missing until it is used; a property would cost every call.
        """
        self._lock = threading.RLock()
        self._queues = []
        self._heartbeat = None
        self._enter(new_session_hash())
        if self._unstarted is not None:
            del self.current

    def close(self) -> None:
        """End all sessions; unfinished jobs fail with ClientClosed."""
        with self._lock:
            self._closed = True
            self._unstarted = None
            heartbeat, self._heartbeat = self._heartbeat, None
            queues = [ref() for ref in self._queues]
        if heartbeat is not None:
            heartbeat.stop()
        for queue in queues:
            if queue is not None:
                queue.close()


#: The server writes every 15 seconds.
_SILENCE = Timeout(read=60.0, asks=True)


class SessionHeartbeat:
    """Keeps one session's heartbeat open until it is stopped.

    It knows the connections, never the client, so a client that is no longer used can go away.

    Args:
        pauses: seconds before a heartbeat that broke is opened again, and the most that they double to.
    """

    def __init__(
        self,
        transport: Transport,
        routes: Routes,
        session_hash: str,
        headers: MakeHeaders,
        threads: Optional[Threads] = None,
        *,
        pauses: Tuple[float, float] = (1.0, 60.0),
    ) -> None:
        self._threads = threads or Threads()
        self._transport = transport
        self._url = routes.heartbeat(session_hash)
        self._session_hash = session_hash
        self._headers = headers
        self._pauses = pauses
        self._stopped = threading.Event()
        self._response: Optional[StreamingResponse] = None

    def start(self) -> None:
        """Begin, on a thread of its own; raises RuntimeError where there is none."""
        self._threads.start("gradio-heartbeat", self.stop, self._run)

    def stop(self) -> None:
        """End it soon; any thread may call this, and more than once."""
        self._stopped.set()
        response = self._response
        if response is not None:
            response.abort()

    def _run(self) -> None:
        first, longest = self._pauses
        pause = first
        while not self._stopped.is_set():
            try:
                if not self._beat():
                    return
                pause = first
            except (AuthenticationError, ClientClosed):
                return
            except GradioClientError as exc:
                why = self._transport.secrets.shown(exc, (self._session_hash,))
                _log.debug("the heartbeat broke: %s", why)
            except Exception:
                # A mistake of ours: the server would forget the session's State if this were the end of it.
                _log.exception("the heartbeat broke")
            self._stopped.wait(pause)
            pause = min(pause * 2, longest)

    def _beat(self) -> bool:
        """Hold one request open until it ends; return whether another is worth trying."""
        headers = self._headers({})
        headers["accept"] = "text/event-stream"
        with self._transport.stream("GET", self._url, headers=headers, timeout=_SILENCE) as response:
            self._response = response
            try:
                if response.status == 429 or response.status >= 500:
                    raise ConnectionLost(f"it was answered with status {response.status}")
                if response.status != 200:
                    return False
                while not self._stopped.is_set() and response.read_some():
                    pass
            finally:
                self._response = None
        return True
