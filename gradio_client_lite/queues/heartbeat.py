"""The heartbeat: an open request by which the server knows that a session is alive.

A server deletes a session's State, and runs the app's `unload` events, when its heartbeat ends
(gradio/routes.py, `heartbeat`, from 4.22 on). It is opened only for apps that need it.
"""

from __future__ import annotations

import logging
import threading
from typing import Optional

from ..errors import AuthenticationError, ClientClosed, ConnectionLost, GradioClientError
from ..threads import Threads
from ..transport.http import StreamingResponse, Timeout, Transport
from ..wire.routes import Routes
from .base import Headers

_log = logging.getLogger(__name__)

_FIRST_DELAY = 1.0
_LONGEST_DELAY = 60.0
#: The server writes every 15 seconds.
_SILENCE = Timeout(read=60.0, asks=True)


class Heartbeat:
    """Keeps one session's heartbeat open until it is stopped.

    It knows the connections, never the client, so a client that is no longer used can go away.
    """

    def __init__(
        self,
        transport: Transport,
        routes: Routes,
        session_hash: str,
        headers: Headers,
        threads: Optional[Threads] = None,
    ) -> None:
        self._threads = threads or Threads()
        self._transport = transport
        self._url = routes.heartbeat(session_hash)
        self._session_hash = session_hash
        self._headers = headers
        self._stopped = threading.Event()
        self._response: Optional[StreamingResponse] = None

    def start(self) -> None:
        """Begin, on a thread of its own.

        Raises:
            RuntimeError: there is none.
        """
        self._threads.start("gradio-heartbeat", self.stop, self._run)

    def stop(self) -> None:
        """End it soon; may be called from any thread and more than once."""
        self._stopped.set()
        response = self._response
        if response is not None:
            response.abort()

    def _run(self) -> None:
        delay = _FIRST_DELAY
        while not self._stopped.is_set():
            try:
                if not self._beat():
                    return
                delay = _FIRST_DELAY
            except (AuthenticationError, ClientClosed):
                return
            except GradioClientError as exc:
                why = self._transport.secrets.shown(exc, (self._session_hash,))
                _log.debug("the heartbeat broke: %s", why)
            except Exception:
                # A mistake of ours: the server would forget the session's State if this were the end of it.
                _log.exception("the heartbeat broke")
            self._stopped.wait(delay)
            delay = min(delay * 2, _LONGEST_DELAY)

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
