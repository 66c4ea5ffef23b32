"""Making a connection: TCP, the proxy's tunnel, TLS, all within the connect timeout.

The connections of one transport: idle ones to use again, active ones to be able to wake.
"""

from __future__ import annotations

import socket
import threading
import time
import weakref
from contextlib import contextmanager, suppress
from typing import Callable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from ..errors import ProxyError
from .connection import Connection
from .failures import FOREIGN, translate_connect
from .headers import encode_head
from .proxy import Proxy
from .reach import Address, judge, judge_name
from .sockets import Clock, Deadline, IdleClock, SocketLike, tune
from .tls import TLS
from .url import Target

# Returns the addresses of a host and port, best first.
Resolve = Callable[[str, int], Sequence[Address]]
# Returns a socket connected to an address; the deadline is the moment to give up.
Connect = Callable[[Address, Deadline], SocketLike]


class Route(NamedTuple):
    """What makes two requests able to share a connection.

    Args:
        tunnel: whether a proxy must only pass bytes on, for http too: it would not understand what they are.
        within: how far in its address may be; None for anywhere. A connection that one request may use is no
            reason for another to get there.
    """

    scheme: str
    host: str
    port: int
    proxy: Optional[Proxy]
    tunnel: bool = False
    within: Optional[int] = None


def resolve_host(host: str, port: int) -> List[Address]:
    """Ask the system for the addresses of a host.

    Raises:
        OSError: it knows none.
    """
    # As bytes, since a str makes Python load its IDNA codec first.
    found = socket.getaddrinfo(host.encode("ascii"), port, 0, socket.SOCK_STREAM)
    return [Address(family, place) for family, _, _, _, place in found]


def connect_tcp(address: Address, deadline: Deadline) -> SocketLike:
    """Connect to one address.

    Raises:
        OSError: it does not answer, or this system has not its family.
    """
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.settimeout(deadline.left())
        tune(sock)
        sock.connect(address.place)
    except BaseException:
        sock.close()
        raise
    return sock


def connect_first(
    addresses: Sequence[Address], deadline: Deadline, connect: Connect = connect_tcp
) -> Tuple[SocketLike, Address]:
    """Connect to the first address that answers, and return the socket and which one that is.

    The time left is shared evenly by the addresses still to be tried, so that a silent IPv6 route leaves
    time for IPv4.

    Raises:
        OSError: the last address's error.
    """
    failure: Optional[OSError] = None
    for index, address in enumerate(addresses):
        left = deadline.left()
        share = None if left is None else left / (len(addresses) - index)
        try:
            return connect(address, deadline.sooner(share)), address
        except OSError as exc:
            failure = exc
    raise failure or OSError("the host name has no address")


class Dialer:
    """Opens connections.

    Args:
        tls: the TLS settings.
        resolve: finds the addresses of a host; a seam for tests.
        connect: makes the TCP connection; a seam for tests.
    """

    def __init__(self, tls: TLS, resolve: Resolve = resolve_host, connect: Connect = connect_tcp) -> None:
        self._tls = tls
        self._resolve = resolve
        self._connect = connect

    def dial(self, route: Route, target: Target, timeout: Optional[float], deadline: Deadline) -> Connection:
        """Open a connection for a route.

        Args:
            route: where to.
            target: what is asked for, for error texts.
            timeout: seconds until the connection stands; None for no limit of its own.
            deadline: of the whole request.

        Raises:
            ConnectFailed: or one of its kinds, TLSError and ProxyError.
            ConnectTimeout, DeadlineExceeded: it took too long.
            ForbiddenAddress: the host is further in than the route may lead.
        """
        soon = deadline.sooner(timeout)
        if route.proxy is not None:
            judge_name(target, route.within)
            connection = self._dial_proxy(route, route.proxy, target, soon, deadline)
            connection.peer = route.host
            return connection
        with _translated(target, deadline):
            # What was judged is what is connected to: the name is not asked for again.
            addresses = judge(target, self._resolve(route.host, route.port), route.within)
            sock, address = self._open(route.scheme, route.host, addresses, soon)
        connection = Connection(sock, route)
        connection.peer = address.text
        return connection

    def _dial_proxy(
        self, route: Route, proxy: Proxy, target: Target, soon: Deadline, deadline: Deadline
    ) -> Connection:
        with _translated(target, deadline, proxy):
            sock, _ = self._open(proxy.scheme, proxy.host, self._resolve(proxy.host, proxy.port), soon)
        if route.scheme == "http" and not route.tunnel:
            return Connection(sock, route, proxy=proxy)
        try:
            with _translated(target, deadline, proxy):
                _tunnel(sock, route, proxy, soon)
            if route.scheme == "http":
                return Connection(sock, route)
            with _translated(target, deadline):
                return Connection(self._tls.wrap(sock, route.host, soon), route)
        except BaseException:
            sock.close()
            raise

    def _open(
        self, scheme: str, host: str, addresses: Sequence[Address], deadline: Deadline
    ) -> Tuple[SocketLike, Address]:
        """Return a connected socket, TLS done for https, and where it leads."""
        sock, address = connect_first(addresses, deadline, self._connect)
        if scheme == "http":
            return sock, address
        try:
            return self._tls.wrap(sock, host, deadline), address
        except BaseException:
            sock.close()
            raise


@contextmanager
def _translated(target: Target, deadline: Deadline, proxy: Optional[Proxy] = None) -> Iterator[None]:
    try:
        yield
    except FOREIGN as exc:
        label, advice = (proxy.label, proxy.advice) if proxy else (None, "")
        raise translate_connect(exc, target.label, deadline, proxy=label, advice=advice) from exc


def _tunnel(sock: SocketLike, route: Route, proxy: Proxy, deadline: Deadline) -> None:
    """Ask a proxy for a tunnel to the target (RFC 9110 section 9.3.6)."""
    host = f"[{route.host}]" if ":" in route.host else route.host
    place = f"{host}:{route.port}"
    fields = {"proxy-authorization": proxy.authorization} if proxy.authorization else {}
    connection = Connection(sock, route)
    connection.release()
    connection.prepare(None, deadline)
    connection.send(encode_head("CONNECT", place, place, fields), None)
    check_proxy_status(connection.read_head("CONNECT").status, proxy, tunnel=True)


def check_proxy_status(status: int, proxy: Proxy, *, tunnel: bool) -> None:
    """Raise when a proxy refused.

    Raises:
        ProxyError: it wants credentials (407) or, for a tunnel, answered anything but success.
    """
    if status == 407:
        text = (
            f"The proxy {proxy.label} refused the credentials (407). Put user and password into its URL: "
            "http://user:password@host:port."
        )
    elif tunnel and not 200 <= status < 300:
        text = f"The proxy {proxy.label} refused a tunnel with status {status}; check its rules."
    else:
        return
    error = ProxyError(text + proxy.advice)
    error.retryable = status >= 500  # it could not reach the target
    raise error


class Pool:
    """Keeps idle connections, the one used last on top.

    The lock guards the lists only. What has to be closed or looked at is taken out under the lock and dealt
    with after it is released.

    Args:
        max_idle: connections kept in all; the one idle longest makes room.
        idle_expiry: seconds; one idle for longer is not used for a request that must not be sent twice.
            uvicorn closes idle connections after 5 s, and a busy server looks at what has come only then.
        idle_limit: seconds after which an idle one is closed in any case.
        clock: monotonic; may stand still while the machine is suspended.
        calendar: seconds since the epoch; tells of that.
    """

    def __init__(
        self,
        *,
        max_idle: int = 16,
        idle_expiry: float = 2.0,
        idle_limit: float = 60.0,
        clock: Clock = time.monotonic,
        calendar: Clock = time.time,
    ) -> None:
        self._max_idle = max_idle
        self._expiry = idle_expiry
        self._limit = max(idle_limit, idle_expiry)
        self._clock = IdleClock(clock, calendar)  # read under the lock
        # Reentrant, as a signal handler or a finaliser of the program may close the client, or cancel a job,
        # on a thread that holds it. The list of the idle ones is another one then.
        self._lock = threading.RLock()
        self._idle: List[Connection] = []
        # Weak: a forgotten stream must not keep its socket open.
        self._active: weakref.WeakSet[Connection] = weakref.WeakSet()
        self.closed = False

    def counts(self) -> Tuple[int, int]:
        """Return how many connections are idle and how many active."""
        with self._lock:
            return len(self._idle), len(self._active)

    def take(self, route: Route, *, idempotent: bool) -> Optional[Connection]:
        """Return an idle connection that still looks alive, or None.

        Args:
            route: where it must lead.
            idempotent: whether one idle for longer than the expiry will do, as the request may be repeated.
        """
        while True:
            with self._lock:
                now = self._clock()
                dead = self._expired(now)
                found = self._pop(route, now - (self._limit if idempotent else self._expiry))
                if found is not None:
                    self._active.add(found)
            for connection in dead:
                connection.close()
            if found is None or not found.stale():
                return found
            self.drop(found)

    def _expired(self, now: float) -> List[Connection]:
        # The list is in the order in which they became idle.
        idle, count = self._idle, 0
        while count < len(idle) and idle[count].idle_since < now - self._limit:
            count += 1
        dead, idle[:count] = idle[:count], []
        return dead

    def _pop(self, route: Route, since: float) -> Optional[Connection]:
        idle = self._idle
        for connection in reversed(idle.copy()):
            if connection.idle_since < since:
                break
            if connection.route == route:
                with suppress(ValueError):
                    idle.remove(connection)
                    return connection
        return None

    def add(self, connection: Connection) -> bool:
        """Count a new connection as active; False, and it is closed, when the pool was closed meanwhile."""
        with self._lock:
            if not self.closed:
                self._active.add(connection)
                return True
        connection.close()
        return False

    def give_back(self, connection: Connection) -> None:
        """Keep a connection whose last answer was read completely; close it where it cannot be used again."""
        dead = connection
        reusable = connection.reusable()
        with self._lock:
            self._active.discard(connection)
            if reusable and not self.closed and self._max_idle > 0:
                connection.idle_since = self._clock()
                self._idle.append(connection)
                if len(self._idle) <= self._max_idle and not self.closed:
                    return
                if self._idle:
                    dead = self._idle.pop(0)
        dead.close()

    def drop(self, connection: Connection) -> None:
        """Close a connection for good."""
        with self._lock:
            self._active.discard(connection)
        connection.close()

    def close(self) -> None:
        """Close the idle connections and wake whoever uses an active one. Idempotent."""
        with self._lock:
            self.closed = True
            idle, self._idle = self._idle, []
            active = list(self._active)
        for connection in idle:
            connection.close()
        for connection in active:
            connection.abort()

    def forget(self) -> None:
        """In a child after fork: drop what belongs to the parent; the lock may be held by a thread of its."""
        self._lock = threading.RLock()
        idle, self._idle = self._idle, []
        self._active = weakref.WeakSet()
        for connection in idle:
            connection.close()
