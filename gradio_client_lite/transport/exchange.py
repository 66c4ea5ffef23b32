"""One request, one answer: on a kept connection, or on a new one when the kept one is dead."""

from __future__ import annotations

import socket
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Dict, Iterator, Optional, Tuple

from ..errors import ClientClosed
from ..secrecy import hide, value_secrets
from .connection import BodyFailed, Connection, body_size
from .failures import FOREIGN, translate_exchange
from .headers import CookieJar, basic_auth, encode_head
from .pool import Dialer, Pool, Route
from .proxy import Proxy, ProxyChoice
from .reach import Bounds
from .redirect import Hop, same_place
from .sockets import Deadline, Timeout
from .url import Target

if TYPE_CHECKING:
    from .liveness import Liveness

_IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS"})
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
# Bodies above this size get a connection of their own. The receive buffer of a kept one has grown with what
# went before, and a server in Python reads a large upload about a third faster through a fresh, smaller one.
_LARGE = 8 << 20


class HeadMaker:
    """Adds length, cookies and basic auth, where they belong, to a caller's headers.

    Args:
        base: the base URL; that place gets the basic auth.
        cookies: the jar.
        auth: (user, password); None for the userinfo of the base URL, if it has any.
    """

    def __init__(self, base: Target, cookies: CookieJar, auth: Optional[Tuple[str, str]]) -> None:
        userinfo = hide(auth) or base.userinfo
        self._base = base
        self._cookies = cookies
        self._authorization = basic_auth(*userinfo) if userinfo else None

    def secrets(self) -> Iterator[str]:
        """What texts must not show."""
        if self._authorization is not None:
            yield from value_secrets(self._authorization)

    def make(self, hop: Hop, proxy: Optional[Proxy]) -> bytes:
        """Return the head of a request.

        Args:
            hop: the request.
            proxy: the one that will read it and so wants an absolute URL; None when there is none.
        """
        target, fields = hop.target, dict(hop.fields)
        if hop.body is not None:
            fields["content-length"] = str(body_size(hop.body))
        elif hop.method in _WITH_BODY:
            fields["content-length"] = "0"
        if hop.cookies:
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
    """Sends requests.

    Args:
        pool: where connections are kept.
        dialer: makes new ones.
        proxies: chooses the proxy of each origin; asked once.
        heads: makes the heads of requests.
        bounds: is told where connections lead.

    Attributes:
        liveness: of the app; see `Timeout.asks`. None before it is known.
    """

    def __init__(
        self, pool: Pool, dialer: Dialer, proxies: ProxyChoice, heads: HeadMaker, bounds: Bounds
    ) -> None:
        self._pool = pool
        self._dialer = dialer
        self._proxies = proxies
        self._heads = heads
        self._bounds = bounds
        self.liveness: Optional[Liveness] = None
        self._chosen: Dict[Tuple[str, str, int], Optional[Proxy]] = {}

    def send(
        self, hop: Hop, limits: Timeout, deadline: Deadline, idempotent: Optional[bool]
    ) -> Tuple[Connection, HTTPResponse]:
        """Send a request and read the head of its answer, on a kept connection or else a new one.

        Args:
            hop: the request.
            limits: connect and read timeout.
            deadline: of everything.
            idempotent: whether it may be sent twice; None lets the method decide.

        Returns:
            The connection, counted as active, and the head read from it.
        """
        route = self._route(hop)
        repeatable = hop.method in _IDEMPOTENT if idempotent is None else idempotent
        if self._pool.closed:
            raise ClientClosed(f"The client is closed; {hop.target.label} was not asked.")
        fresh = hop.fresh or (hop.body is not None and body_size(hop.body) > _LARGE)
        connection = None if fresh else self._pool.take(route, idempotent=repeatable)
        if connection is not None:
            head = self._attempt(connection, hop, limits, deadline, repeatable)
            if head is not None:
                return connection, head
        connection = self._dialer.dial(route, hop.target, limits.connect, deadline)
        if not self._pool.add(connection):
            raise ClientClosed(f"The client is closed; {hop.target.label} was not asked.")
        head = self._attempt(connection, hop, limits, deadline, None)
        assert head is not None  # noqa: S101 - only a kept connection may fail silently
        return connection, head

    def _attempt(
        self,
        connection: Connection,
        hop: Hop,
        limits: Timeout,
        deadline: Deadline,
        repeatable: Optional[bool],
    ) -> Optional[HTTPResponse]:
        """Use one connection.

        Args:
            repeatable: None for a new connection. For a kept one, whether the request may be sent twice.

        Returns:
            The head; None when a kept connection was dead and the request may go out on another.
        """
        self._bounds.saw(hop.target.host, connection.peer)
        life = self.liveness if limits.asks else None
        if life is not None and life.origin != hop.target.origin:
            life = None
        connection.prepare(limits.read, deadline, limits, life)
        try:
            try:
                connection.send(self._heads.make(hop, connection.proxy), hop.body)
            except OSError as exc:
                # A server that refuses an upload answers and closes: the answer counts, if it is there.
                if not connection.sent or connection.aborted or isinstance(exc, socket.timeout):
                    raise
            return connection.read_head(hop.method)
        except FOREIGN as exc:
            self._pool.drop(connection)
            if connection.aborted:
                raise ClientClosed(f"The client was closed while it asked {hop.target.label}.") from exc
            dead = isinstance(exc, OSError) and not isinstance(exc, socket.timeout)
            untouched = not connection.raw.received and (repeatable or not connection.sent)
            if repeatable is not None and dead and untouched:
                return None
            raise translate_exchange(exc, hop.target.label, connection.raw.deadline) from exc
        except BodyFailed as exc:
            self._pool.drop(connection)
            raise exc.cause from None
        except BaseException:
            self._pool.drop(connection)
            raise

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

    def _route(self, hop: Hop) -> Route:
        origin, proxy = hop.target.origin, self.proxy_for(hop.target)
        tunnel = proxy is not None and "upgrade" in hop.fields
        return Route(*origin, proxy, tunnel, hop.within)
