"""Pickling a client: by the arguments of its constructor, never with its sockets.

Unpickling makes no request, because a scheduler unpickles what only its workers will call. The copy is an
instance of the client's class whose constructor has not run; looking up what it lacks connects it.
Copies made alike are one client in a process, because Dask, for one, unpickles a function for every task.

    unconnected --> connecting --> connected
         ^              | failed       |
         +--------------+              |
         |                             |
         +---------> closed <----------+
"""

from __future__ import annotations

import pickle
import threading
from collections import OrderedDict
from concurrent.futures import Future
from typing import Any, Callable, Dict, Mapping, Optional, Tuple, cast

from ..errors import ArgumentError, ClientClosed, for_waiters
from ..secrecy import HiddenBytes
from ..wire.urls import bare_url
from ..workers import call_after_fork

#: The class of a client and the pickled arguments of its constructor.
_Key = Tuple[Any, bytes]
#: How many clients a process keeps for copies still to come; the ones unpickled longest ago are let go.
_KEPT = 16


def reduced(cls: Any, arguments: Mapping[str, Any]) -> Tuple[Callable[..., Any], _Key]:
    """What `__reduce__` of a client returns that was made by its constructor.

    Args:
        cls: its class.
        arguments: of the constructor, by name. Credentials among them go into the pickle.

    Raises:
        ArgumentError: one of them cannot be pickled.
    """
    for name, value in arguments.items():
        for key, part in value.items() if isinstance(value, Mapping) else ():
            _check(f"{name}[{key!r}]", part)
        _check(name, value)
    return connect_again, (cls, HiddenBytes(pickle.dumps(dict(arguments))))


def _check(name: str, value: Any) -> None:
    try:
        pickle.dumps(value)
    except Exception as exc:
        advice = (
            "Pass a function that is defined at the top level of a module"
            if callable(value)
            else "Pass what can be pickled, such as the path of a CA file instead of an SSLContext"
        )
        raise ArgumentError(
            f"The client cannot be pickled because of its {name}: {exc}. {advice}, or make the client in the "
            "process that uses it."
        ) from exc


def connect_again(cls: Any, arguments: bytes) -> Any:
    """This process's client made with these arguments, which connects when it is first used.

    Args:
        cls: Client, or a subclass whose constructor takes the same arguments.
        arguments: of its constructor, by name, pickled.
    """
    return _kept.find((cls, HiddenBytes(arguments)))


class _Kept:
    """The clients of this process that came out of pickles."""

    def __init__(self) -> None:
        self.after_fork()
        self._clients: OrderedDict[_Key, Any] = OrderedDict()

    def after_fork(self) -> None:
        self._lock = threading.Lock()  # guards the mapping

    def find(self, key: _Key) -> Any:
        """The client of a key, unless it was closed; else a new one."""
        call_after_fork(self)
        fresh = key[0].__new__(key[0])
        vars(fresh)["_connector"] = Connector(key)
        with self._lock:
            # A closed client goes at once, with the credentials that it was made with.
            closed = [kept for kept, client in self._clients.items() if _is_closed(client)]
            let_go = [self._clients.pop(kept) for kept in closed]
            client = self._clients.setdefault(key, fresh)
            self._clients.move_to_end(key)
            if len(self._clients) > _KEPT:
                let_go.append(self._clients.popitem(last=False))
        del let_go  # now, as connections may end with it
        return client


_kept = _Kept()


def _is_closed(client: Any) -> bool:
    connector: Optional[Connector] = client._connector
    return connector.closed if connector else not client._finalizer.alive


class Connector:
    """Connects one unpickled client, once however many threads use it.

    Args:
        key: how it is made.

    Attributes:
        closed: whether it is not to be used any more.
    """

    def __init__(self, key: _Key) -> None:
        self._key = key
        self.closed = False
        self._attempt: Optional[Future[Any]] = None
        self.after_fork()

    def after_fork(self) -> None:
        # Guards `closed`, `_attempt` and the client's change; nothing is requested while it is held.
        self._lock = threading.Lock()
        if self._attempt and not self._attempt.done():
            self._attempt = None  # the thread that would end it is the parent's

    def connect(self, client: Any) -> None:
        """Give a client what its constructor would; other threads wait meanwhile.

        Raises:
            ClientClosed: it was closed before it was used.
            GradioClientError: whatever its constructor raises; who uses it next tries again.
        """
        call_after_fork(self)
        with self._lock:
            closed, attempt, mine = self.closed, self._attempt, not self._attempt
            if attempt is None:
                attempt = self._attempt = Future()
        if closed:
            raise ClientClosed(f"The client of {self.src} is closed.")
        if mine:
            self._make(attempt)
        made = attempt.result()
        with self._lock:
            if client._connector:
                # What was set on the copy before stays. The connections end with `made`.
                vars(client).update({**vars(made), **vars(client), "_made": made, "_connector": None})

    def _make(self, attempt: Future[Any]) -> None:
        try:
            # No variable has the arguments: the constructor hides the secrets among them.
            made = self._key[0](**self._arguments())
        except BaseException as exc:
            with self._lock:
                self._attempt = None
            attempt.set_exception(for_waiters(exc, "Connecting"))
            if not isinstance(exc, Exception):
                raise
        else:
            attempt.set_result(made)

    def close(self) -> None:
        """Let the client never connect, or close it if it is being connected."""
        with self._lock:
            self.closed, attempt = True, self._attempt
        if attempt:
            attempt.add_done_callback(lambda done: None if done.exception() else done.result().close())

    @property
    def reduced(self) -> Tuple[Callable[..., Any], _Key]:
        """What `__reduce__` of the client returns, which makes no request."""
        return connect_again, self._key

    @property
    def src(self) -> str:
        """The app, without what is secret in its URL."""
        return bare_url(self._arguments()["src"])

    def _arguments(self) -> Dict[str, Any]:
        return cast("Dict[str, Any]", pickle.loads(self._key[1]))  # noqa: S301 - part of a pickle just loaded
