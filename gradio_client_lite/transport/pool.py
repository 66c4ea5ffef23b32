"""The connections of one transport, and one request over them: on a kept connection, or on a new one.

A connection is active, while a request or a stream uses it, or idle, or closed:

                 add                give_back, when its last exchange left it clean
    Dialer.dial ------> ACTIVE ------------------------------------------> IDLE
                         |  ^                                               | |
              drop, abort|  +--------- take, when it looks alive -----------+ | idle for too long, one too
                         v                                                    v many, or close
                       CLOSED <-----------------------------------------------+
"""

from __future__ import annotations

import socket
import threading
import time
import weakref
from typing import TYPE_CHECKING, Dict, Iterator, List, Optional, Tuple

from ..errors import ClientClosed
from ..secrecy import hide, value_secrets
from .connection import Answer, BodyReader, Connection
from .dial import Dialer, Proxy, ProxyChoice, Route
from .failures import FOREIGN, translate_exchange
from .headers import BodyFailed, CookieJar, basic_auth, body_size, encode_head, request_pieces
from .reach import Bounds, Hop
from .sockets import Clock, Deadline, Timeout
from .url import Target, same_place

if TYPE_CHECKING:
    from .liveness import Liveness

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS"})
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
# Bodies above this size get a connection of their own. The receive buffer of a kept one has grown with what
# went before, and a server in Python reads a large upload about a third faster through a fresh, smaller one.
_LARGE = 8 << 20
#: Seconds that opening a connection takes to a server so far away that it pays to open one ahead.
FAR = 0.02
#: Seconds that an old connection to it gets to answer, and connections that a call takes: one for its stream.
_PATIENCE, _AT_HAND = 1.0, 2


class Pool:
    """Keeps idle connections, the one used last on top.

    The lock guards the lists only. What has to be closed or looked at is taken out under the lock and dealt
    with after it is released.

    How long a connection was idle is read from two clocks, and the longer reading counts. A monotonic clock
    stands still while the machine, or its Lambda, is suspended; the calendar does not, but may be set.
    Overestimating only costs a reconnect; underestimating can lose a request.

    Args:
        max_idle: connections kept in all; the one idle longest makes room.
        idle_expiry: seconds; one idle for longer is not used for a request that must not be sent twice.
            uvicorn closes idle connections after 5 s, and a busy server looks at what has come only then.
        idle_limit: seconds after which an idle one is closed in any case.
        clock: monotonic seconds.
        calendar: seconds since the epoch.
    """

    def __init__(
        self,
        *,
        max_idle: int = 48,
        idle_expiry: float = 2.0,
        idle_limit: float = 60.0,
        clock: Clock = time.monotonic,
        calendar: Clock = time.time,
    ) -> None:
        self._max_idle = max_idle
        self._expiry = idle_expiry
        self._limit = max(idle_limit, idle_expiry)
        self._clock = clock
        self._calendar = calendar
        # Reentrant, as a signal handler or a finaliser of the program may close the client, or cancel a job,
        # on a thread that holds it. The list of the idle ones may be another one after any step then.
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
        """Return an idle connection of a route that still looks alive, or None.

        One idle for longer than the expiry will do only where the request is idempotent.
        """
        while True:
            found: Optional[Connection] = None
            dead: List[Connection] = []
            with self._lock:
                now, today, idle = self._clock(), self._calendar(), self._idle
                for connection in idle[::-1]:
                    since, day = connection.idle_since
                    age = max(now - since, today - day)
                    expired = age > self._limit
                    young = idempotent or age <= self._expiry
                    if not expired and (found is not None or not young or connection.route != route):
                        continue
                    try:
                        idle.remove(connection)
                    except ValueError:  # a signal handler took it
                        continue
                    if expired:
                        dead.append(connection)
                    else:
                        found = connection
                        self._active.add(found)
            for connection in dead:
                connection.close()
            if found is None or not found.stale():
                return found
            self.drop(found)

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
        if connection.reusable():
            self.keep(connection)
        else:
            self.drop(connection)

    def keep(self, connection: Connection, since: Optional[Tuple[float, float]] = None) -> None:
        """Make a connection idle, since when it has been, on both clocks; None for now."""
        dead = connection
        with self._lock:
            self._active.discard(connection)
            if not self.closed and self._max_idle > 0:
                connection.idle_since = since or (self._clock(), self._calendar())
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
        """Close the idle connections and wake the threads that use active ones. Idempotent."""
        with self._lock:
            self.closed = True
            idle, self._idle = self._idle, []
            active = list(self._active)
        for connection in idle:
            connection.close()
        for connection in active:
            connection.abort()

    def forget(self) -> None:
        """In a child after fork: drop the parent's connections; one of its threads may hold the lock."""
        self._lock = threading.RLock()
        idle, self._idle = self._idle, []
        self._active = weakref.WeakSet()
        for connection in idle:
            connection.close()


class HeadMaker:
    """Adds length, cookies and basic auth, where they belong, to a caller's headers.

    Args:
        base: the base URL; that place gets the basic auth.
        auth: (user, password); None for the userinfo of the base URL, if it has any.
    """

    def __init__(self, base: Target, cookies: CookieJar, auth: Optional[Tuple[str, str]]) -> None:
        userinfo = hide(auth) or base.userinfo
        self._base = base
        self._cookies = cookies
        self._authorization = basic_auth(*userinfo) if userinfo else None

    def secrets(self) -> Iterator[str]:
        """Yield what texts must not show."""
        if self._authorization is not None:
            yield from value_secrets(self._authorization)

    def make(self, hop: Hop, proxy: Optional[Proxy]) -> bytes:
        """Return the head of a request; a proxy that will read it wants the absolute URL."""
        target, fields = hop.target, dict(hop.fields)
        if hop.body is not None:
            fields["content-length"] = str(body_size(hop.body))
        elif hop.method in _WITH_BODY:
            fields["content-length"] = "0"
        if hop.cookies and not self._cookies.empty:
            cookie = self._cookies.header(target, fields.get("cookie", ""))
            if cookie:
                fields["cookie"] = cookie
        if hop.auth and "authorization" not in fields:
            if target.userinfo is not None:
                fields["authorization"] = basic_auth(*target.userinfo)
            elif self._authorization is not None and same_place(self._base, target):
                fields["authorization"] = self._authorization
        if proxy is None:
            return encode_head(hop.method, target.path, target.netloc, fields)
        if proxy.authorization:
            fields["proxy-authorization"] = proxy.authorization
        return encode_head(hop.method, target.url, target.netloc, fields)


class Exchanger:
    """Sends requests, and reads the heads of their answers; `bounds` is told where new connections lead.

    Attributes:
        harmless: what an old connection to that origin is tried with; None tries none.
    """

    def __init__(
        self, pool: Pool, dialer: Dialer, proxies: ProxyChoice, heads: HeadMaker, bounds: Bounds
    ) -> None:
        self._pool = pool
        self._dialer = dialer
        self._proxies = proxies
        self._heads = heads
        self._bounds = bounds
        self._chosen: Dict[Tuple[str, str, int], Optional[Proxy]] = {}
        self._seconds: Dict[Route, float] = {}  # that opening the last connection took
        self.harmless: Optional[Target] = None

    # Why a request may be sent twice. A server may close an idle connection at any time, and its FIN may
    # cross a request. That is no failure of the server's, so the request goes out once more, on a new
    # connection, if
    #
    #   - the connection was a kept one (one that was just made has not been idle), and
    #   - it broke (after a timeout the server may still be at work on the request), and
    #   - nothing of an answer has arrived, and
    #   - nothing of the request had left; or it is repeatable, as the server may have acted on what it got.

    def send(
        self,
        hop: Hop,
        limits: Timeout,
        deadline: Deadline,
        idempotent: Optional[bool],
        liveness: Optional[Liveness] = None,
    ) -> Tuple[Connection, Answer]:
        """Send a request and read the head of its answer, on a kept connection or else a new one.

        Args:
            idempotent: whether it is repeatable; None lets the method decide.
            liveness: of the server; None where its silence ends the wait.
        """
        target, repeatable = hop.target, hop.method in _IDEMPOTENT if idempotent is None else idempotent
        origin = target.origin
        proxy = self._chosen[origin] if origin in self._chosen else self.proxy_for(target)
        route = Route(*origin, proxy, proxy is not None and "upgrade" in hop.fields, hop.within)
        fresh = hop.fresh or (hop.body is not None and body_size(hop.body) > _LARGE)
        while True:
            if self._pool.closed:
                raise ClientClosed(f"The client is closed; {target.label} was not asked.")
            connection = None if fresh else self._pool.take(route, idempotent=repeatable)
            if connection is None and not (fresh or repeatable):
                connection = self._renew(route, hop, limits, deadline)
            kept = connection is not None
            if connection is None:
                connection = self._connect(route, target, limits, deadline)
            try:
                connection.prepare(limits.read, deadline, limits, liveness)
                return connection, self._exchange(connection, hop, route.reader if proxy else None)
            except FOREIGN as exc:
                self._pool.drop(connection)
                if connection.aborted:
                    raise ClientClosed(f"The client was closed while it asked {target.label}.") from exc
                broke = isinstance(exc, OSError) and not isinstance(exc, socket.timeout)
                untaken = not connection.raw.received and (repeatable or not connection.sent)
                if not (kept and broke and untaken):
                    raise translate_exchange(exc, target.label, connection.raw.deadline) from exc
                fresh = True
            except BodyFailed as exc:
                self._pool.drop(connection)
                raise exc.cause from None
            except BaseException:
                self._pool.drop(connection)
                raise

    def open_ahead(self, target: Target, limits: Timeout, deadline: Deadline) -> float:
        route = Route(*target.origin, self.proxy_for(target))
        self._pool.keep(self._connect(route, target, limits, deadline))
        return self._seconds[route]

    def _connect(self, route: Route, target: Target, limits: Timeout, deadline: Deadline) -> Connection:
        began = time.monotonic()
        connection = self._dialer.dial(route, target, limits.connect, deadline)
        self._seconds[route] = time.monotonic() - began
        self._bounds.connected(target.host, connection.peer)
        if not self._pool.add(connection):
            raise ClientClosed(f"The client is closed; {target.label} was not asked.")
        return connection

    # What must not be sent twice goes over no connection that the server may just be closing, as nobody could
    # tell whether it was taken. An old one is asked something harmless first, which may be lost. That takes
    # one round trip; a new connection takes two by TLS, and one in clear.

    def _renews(self, route: Route) -> bool:
        """Whether old connections are asked: by TLS, to the app's server, if that is far away."""
        origin = None if self.harmless is None else self.harmless.origin
        far = self._seconds.get(route, 0.0) >= FAR
        return far and route.scheme == "https" and route[:3] == origin

    def replace_closed(self, target: Target, limits: Timeout, deadline: Deadline) -> None:
        """See `Transport.replace_closed`.

        uvicorn closes a connection 5 seconds after an answer, but not one that has not been used.
        """
        route = Route(*target.origin, self.proxy_for(target))
        if self._renews(route):
            found = [self._pool.take(route, idempotent=True) for _ in range(_AT_HAND)]
            alive = [connection for connection in found if connection is not None]
            for connection in reversed(alive):
                self._pool.keep(connection, connection.idle_since)
            for _ in range(_AT_HAND - len(alive)):
                self.open_ahead(target, limits, deadline)

    def _renew(self, route: Route, hop: Hop, limits: Timeout, deadline: Deadline) -> Optional[Connection]:
        """Return an old connection to a server far away that has just answered; None where there is none."""
        asked = self.harmless
        connection = self._pool.take(route, idempotent=True) if self._renews(route) else None
        if asked is None or connection is None:
            return None
        usable = False
        try:
            connection.prepare(limits.read, deadline.sooner(_PATIENCE))
            answer = self._exchange(connection, hop._replace(method="GET", target=asked, body=None), None)
            body = BodyReader(connection, "GET", answer)
            while body.keep and not body.done:
                body.read_some(_LARGE)
            usable = body.keep and connection.reusable()
        except FOREIGN:
            pass
        finally:
            if not usable:
                self._pool.drop(connection)
        return connection if usable else None

    def _exchange(self, connection: Connection, hop: Hop, reader: Optional[Proxy]) -> Answer:
        try:
            connection.send(request_pieces(self._heads.make(hop, reader), hop.body))
        except OSError as exc:
            # A server that refuses an upload answers and closes: the answer counts, if it is there.
            if not connection.sent or connection.aborted or isinstance(exc, socket.timeout):
                raise
        return connection.read_head()

    def proxy_for(self, target: Target) -> Optional[Proxy]:
        """The proxy that requests to a target go through; None for none.

        Raises:
            ArgumentError: the environment names one that cannot be used.
        """
        try:
            return self._chosen[target.origin]
        except KeyError:
            proxy = self._chosen[target.origin] = self._proxies.choose(target)
            return proxy
