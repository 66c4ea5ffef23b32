"""The login of a client: what it logs in with, and logging in again once the app has forgotten it.

An app that is started anew knows no login. Of the requests that it then refuses the first one, the leader,
logs in, and the others wait for that::

    idle ──a request is refused──► leader logs in ──taken──► number + 1: all are sent again
                                        └──failed──► the error is the leader's own; each of the others tries
                                                     once itself, unless it was the password that was refused

Each request knows the number of the login that it went with. A number that has passed on meanwhile tells that
somebody has logged in since, and that it need only be sent again.
"""

from __future__ import annotations

import copy
import socket
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as WaitTimeout
from typing import Callable, Optional
from urllib.parse import urlencode

from ..errors import AuthenticationError, ConnectionLost, DeadlineExceeded, GradioClientError
from ..secrecy import HiddenBytes, hide
from ..transport.sockets import Deadline
from ..transport.url import Target, same_place
from ..workers import call_after_fork


class Credentials:
    """A user and a password that no traceback shows."""

    __slots__ = ("_password", "_user")

    def __init__(self, user: str, password: str) -> None:
        self._user = hide(user)
        self._password = hide(password)

    def form(self) -> bytes:
        """The body of a login."""
        return HiddenBytes(urlencode({"username": self._user, "password": self._password}).encode())

    def __repr__(self) -> str:
        return "<Credentials>"


class Renewal:
    """Logs in again, once for all the requests that the app refuses because it has forgotten the login.

    A request that is refused for that was not taken, so the transport sends it again after the login; once,
    as where the password is not right any more the app's answer stands.

    Args:
        app: where the password went before; it goes nowhere else.
        log_in: logs in within some seconds; None lets it decide.
    """

    def __init__(self, app: Target, log_in: Callable[[Optional[float]], None]) -> None:
        self._app = app
        self._log_in = log_in
        self._number = 0
        self.after_fork()
        call_after_fork(self)

    def after_fork(self) -> None:
        """In a child: leave a login under way to the parent."""
        # Guards the fields below it and the number; no request is made while it is held.
        self._lock = threading.Lock()
        self._under_way: Optional[Future[Optional[GradioClientError]]] = None
        self._leader: Optional[int] = None

    def mark(self) -> int:
        """The number of the login that a request goes with which is sent now."""
        return self._number

    def renew(self, mark: int, target: Target, deadline: Deadline) -> bool:
        """Log in, unless somebody has since the request was sent, or does so now: wait for that.

        Args:
            mark: of the request that was refused.
            target: where it went.
            deadline: of that request.

        Returns:
            Whether the request may be sent again.

        Raises:
            AuthenticationError: the app refused the password.
            ConnectionFailed, DeadlineExceeded: it could not be asked.
        """
        if not same_place(self._app, target):
            return False
        for attempt in range(2):
            with self._lock:
                if self._number != mark:
                    return True
                if self._leader == threading.get_ident():
                    return False  # it is the login itself that was refused
                leads = self._under_way is None
                future = self._under_way = self._under_way or Future()
                if leads:
                    self._leader = threading.get_ident()
            if leads:
                self._lead(future, deadline)
                return True
            error = _outcome(future, deadline)
            # Another failure may concern the leader alone, such as its deadline: this request tries itself.
            if error is not None and (attempt or isinstance(error, AuthenticationError)):
                raise error
        return self._number != mark

    def _lead(self, future: Future[Optional[GradioClientError]], deadline: Deadline) -> None:
        error: Optional[GradioClientError] = ConnectionLost("The login was interrupted.")
        try:
            self._log_in(_seconds(deadline))
            error = None
        except GradioClientError as exc:
            error = exc
            raise
        finally:
            with self._lock:
                self._under_way = self._leader = None
                if error is None:
                    self._number += 1
            future.set_result(error)


def _outcome(future: Future[Optional[GradioClientError]], deadline: Deadline) -> Optional[GradioClientError]:
    """Wait for the leader; return a copy of what it failed with."""
    try:
        error = future.result(_seconds(deadline))
    except WaitTimeout as exc:
        raise DeadlineExceeded("The app wanted a login, which was not answered in time.") from exc
    if error is None:
        return None
    own = copy.copy(error)
    own.__cause__ = error
    return own


def _seconds(deadline: Deadline) -> Optional[float]:
    try:
        return deadline.left()
    except socket.timeout as exc:
        raise DeadlineExceeded("The app wanted a login, and there was no time left for one.") from exc
