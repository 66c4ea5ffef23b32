"""Pickling a client: by how it was made, never with its sockets.

A pickle holds the constructor's arguments. Unpickling makes no request: the copy connects when it is first
used, because a scheduler unpickles what only its workers will call. Copies that were made alike are one
client in a process, because Dask, for one, unpickles a task's function anew for every task.
"""

from __future__ import annotations

import pickle
import threading
from collections import OrderedDict
from concurrent.futures import Future
from functools import cache
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Optional, Tuple, Type, cast

from ..errors import ArgumentError, ClientClosed, for_waiters
from ..secrecy import HiddenBytes
from ..wire.urls import bare_url
from ..workers import call_after_fork

if TYPE_CHECKING:
    from ..client import Client

    #: The class and the pickled arguments of its constructor.
    Key = Tuple[Type[Client], bytes]

#: Clients a process keeps for copies still to come. Of more, those that came longest ago are let go.
_KEPT = 16


def reduced(client: Client, arguments: Mapping[str, Any]) -> Tuple[Callable[..., Client], Key]:
    """What `Client.__reduce__` returns.

    Args:
        client: to be pickled.
        arguments: of its constructor, by name. Credentials among them go into the pickle.

    Raises:
        ArgumentError: one of them cannot be pickled.
    """
    for name, value in arguments.items():
        _check(name, value)
    return unpickled, (type(client), HiddenBytes(pickle.dumps(dict(arguments))))


def unpickled(cls: Type[Client], arguments: bytes) -> Client:
    """This process's client made with these arguments, which may still have to connect.

    Args:
        cls: Client, or a subclass whose constructor takes the same arguments.
        arguments: of its constructor, by name, pickled.
    """
    return _copies.find((cls, HiddenBytes(arguments)))


def _check(name: str, value: Any) -> None:
    cause = _refusal(value)
    if cause is None:
        return
    if isinstance(value, Mapping):
        for key, part in value.items():
            _check(f"{name}[{key!r}]", part)
    advice = (
        "Pass a function that is defined at the top level of a module"
        if callable(value)
        else "Pass what can be pickled, such as the path of a CA file instead of an SSLContext"
    )
    raise ArgumentError(
        f"The client cannot be pickled because of its {name}: {cause}. {advice}, or make the client in the "
        "process that uses it."
    ) from cause


def _refusal(value: Any) -> Optional[Exception]:
    """What pickling the value raises."""
    try:
        pickle.dumps(value)
    except Exception as exc:
        return exc
    return None


class _Copies:
    """The clients of this process that came out of pickles."""

    def __init__(self) -> None:
        # Guards the mapping.
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, Client] = OrderedDict()

    def after_fork(self) -> None:
        """A thread of the parent may have held the lock."""
        self._lock = threading.Lock()

    def find(self, key: Key) -> Client:
        """The client of a key, unless it was closed; else a new one."""
        call_after_fork(self)
        fresh = _unconnected(key)
        with self._lock:
            client = self._kept.pop(key, fresh)
            if _is_closed(client):
                client = fresh
            # Let go of after the lock is released, as connections may end with them. With a closed client go
            # the credentials it was made with.
            surplus = [kept for kept in self._kept.items() if _is_closed(kept[1])]
            for closed, _ in surplus:
                del self._kept[closed]
            self._kept[key] = client
            if len(self._kept) > _KEPT:
                surplus.append(self._kept.popitem(last=False))
        del surplus
        return client


_copies = _Copies()


class Unconnected:
    """What a copy is before it is used: a class in front of its own, to which it then changes."""

    _maker: Maker

    def __getattr__(self, name: str) -> Any:
        # Libraries look for optional dunder names in whatever they are given.
        if name.startswith("__"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        made = self._maker.client()
        # What was set on the copy meanwhile stays. The connections end with the client that was made.
        vars(self).update({**vars(made), "_made": made, **vars(self)})
        self.__class__ = type(made)  # type: ignore[assignment]
        return getattr(self, name)

    def __reduce__(self) -> Tuple[Callable[..., Client], Key]:
        return unpickled, self._maker.key

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._maker.src}, not connected yet>"

    def close(self) -> None:
        """Let it never connect; or end everything, if it has."""
        self._maker.close()


def _unconnected(key: Key) -> Client:
    cls: Type[Client] = _unconnected_class(cast(Any, key[0]))
    client = cls.__new__(cls)
    vars(client)["_maker"] = Maker(key)
    return client


@cache
def _unconnected_class(cls: Any) -> Any:
    return type(cls.__name__, (Unconnected, cls), {"__doc__": cls.__doc__, "__module__": cls.__module__})


def _is_closed(client: Client) -> bool:
    if isinstance(client, Unconnected):
        return client._maker.closed
    return not client._finalizer.alive


class Maker:
    """Makes one client, however many threads ask for it at the same time.

    Args:
        key: see `Key`.

    Attributes:
        closed: whether it is not to be used any more.
    """

    def __init__(self, key: Key) -> None:
        self.key = key
        self.closed = False
        # Guards the fields `closed` and `_made`; nothing is requested while it is held.
        self._lock = threading.Lock()
        self._made: Optional[Future[Client]] = None

    @property
    def src(self) -> str:
        """The app, as texts may name it."""
        return bare_url(self._arguments()["src"])

    def after_fork(self) -> None:
        """Forget an attempt that only a thread of the parent would end."""
        self._lock = threading.Lock()
        if self._made is not None and not self._made.done():
            self._made = None

    def client(self) -> Client:
        """The client.

        Raises:
            ClientClosed: it was closed before it was used.
            GradioClientError: whatever its constructor raises; who asks next tries again.
        """
        call_after_fork(self)
        with self._lock:
            if self.closed:
                raise ClientClosed(f"The client of {self.src} is closed.")
            future, mine = self._made, False
            if future is None:
                future, mine = Future(), True
                self._made = future
        if mine:
            self._make(future)
        return future.result()

    def _make(self, future: Future[Client]) -> None:
        try:
            client = self.key[0](**self._arguments())
        except BaseException as exc:
            with self._lock:
                self._made = None
            future.set_exception(for_waiters(exc, "Connecting"))
            if not isinstance(exc, Exception):
                raise
        else:
            future.set_result(client)

    def close(self) -> None:
        """Close the client, also when it is just being made. Idempotent."""
        with self._lock:
            self.closed = True
            future = self._made
        if future is not None:
            future.add_done_callback(_close_made)

    def _arguments(self) -> Dict[str, Any]:
        # Not kept in a variable: the secrets among them are hidden once the constructor has them.
        return cast(Dict[str, Any], pickle.loads(self.key[1]))  # noqa: S301 - part of a pickle just loaded


def _close_made(future: Future[Client]) -> None:
    if future.exception() is None:
        future.result().close()
