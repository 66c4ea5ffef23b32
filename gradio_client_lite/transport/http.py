"""HTTP/1.1 over kept connections.

`Transport` ties the parts of this folder together. One request takes these steps:

    stream               checks headers and URL (headers, url)
    Exchanger.send       takes a connection from the pool, or makes one (pool, dial); sends, reads the head
                         (connection, sockets)
    _answer              keeps cookies, makes the StreamingResponse (response)
    _open                logs in again, follows a redirect (reach), or gives that out

The response gives the connection back to the pool after the last byte of its body.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Dict, Mapping, Optional, Protocol, Tuple, Union

from ..errors import ArgumentError, TooManyRedirects, shorten
from ..limits import Bound
from ..secrecy import Secrets, hide
from ..workers import call_after_fork
from .connection import BodyReader, Connection
from .dial import (
    Connect,
    Dialer,
    Proxies,
    ProxyChoice,
    Resolve,
    check_proxy_status,
    connect_tcp,
    resolve_host,
)
from .failures import FOREIGN, translate_exchange
from .headers import Body, CookieJar, check_method, request_fields
from .liveness import Liveness
from .pool import Exchanger, HeadMaker, Pool
from .reach import MAX_REDIRECTS, OF_APP, REDIRECTS, Bounds, Hop, Word, next_hop
from .response import Response, StreamingResponse
from .sockets import Clock, Deadline, Timeout
from .tls import TLS, hide_password
from .url import Target, parse_url

if TYPE_CHECKING:
    from .tls import Cert, Verify

__all__ = ["Response", "StreamingResponse", "Timeout", "Transport"]

logger = logging.getLogger(__name__)

# The largest body of an answer, where the caller does not say.
_MAX_BYTES = 16 << 20
# How many URLs are kept split. With one more all begin anew.
_MAX_URLS = 256

MaxBytes = Union[int, Bound, None]
"""The largest body to accept, after decompression; None for any. A Bound is named in the error's text."""


class Renewal(Protocol):
    """Logs in again where an app has forgotten the login; see `app.headers.Renewal`."""

    def mark(self) -> int:
        """Return the number of the login that a request sent now goes with."""
        ...

    def renew(self, mark: int, target: Target, deadline: Deadline) -> bool:
        """Have a later login than that; return whether to send the request again. Raises as requests do."""
        ...


def _denied(hop: Hop, response: StreamingResponse) -> bool:
    """Whether a server refused a request for want of a login; it refuses a WebSocket with 403."""
    return hop.cookies and (response.status == 401 or (response.status == 403 and "upgrade" in hop.fields))


class Transport:
    """Makes requests. Threads may share one; after `os.fork` the child gets connections of its own.

    Args:
        base_url: the app's URL. Its host owns the caller's cookies, its origin gets `auth`.
        timeout: limits for requests that bring none.
        verify: True (the authorities of the system), False (accept any certificate), the path of a CA file or
            directory, or an `ssl.SSLContext`.
        cert: TLS client certificate: a path, or (cert, key) or (cert, key, password).
        proxies: see `ProxyChoice`.
        trust_env: whether proxies, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR of the environment count.
        auth: (user, password) for basic auth; userinfo in a URL does the same.
        follow_redirects: for requests that do not say.
        max_idle, idle_expiry, clock, calendar: see `Pool`.
        bounded: whether servers may lead no further in than they are; see `reach`.
        resolve, connect: see `Dialer`.

    Attributes:
        cookies: as a mapping of names to values.
        timeout: the limits of requests that bring none.
        secrets: what texts about these connections must not show; it knows the cookies and the passwords.
        renewal: logs in again when the app wants a login; None where there is none.
        liveness: asks the app for signs of life; None before it is connected to. See `Timeout.asks`.
    """

    def __init__(
        self,
        *,
        base_url: str,
        cookies: Optional[Mapping[str, str]] = None,
        timeout: Timeout = Timeout(),  # noqa: B008 - frozen
        verify: Verify = True,
        cert: Optional[Cert] = None,
        proxies: Optional[Proxies] = None,
        trust_env: bool = True,
        auth: Optional[Tuple[str, str]] = None,
        follow_redirects: bool = True,
        idle_expiry: float = 2.0,
        max_idle: int = 48,
        clock: Clock = time.monotonic,
        calendar: Clock = time.time,
        bounded: bool = True,
        resolve: Resolve = resolve_host,
        connect: Connect = connect_tcp,
    ) -> None:
        base_url, cookies, proxies, auth = hide(base_url), hide(cookies), hide(proxies), hide(auth)
        cert = hide_password(cert)
        # The targets of URLs that were asked for before. They end with the transport, as URLs may hold
        # passwords and session hashes. Changed by single operations only, which need no lock.
        self._targets: Dict[str, Target] = {}
        self._base = parse_url(base_url)
        self.timeout = timeout
        self._follow = follow_redirects
        self._clock = clock
        self._never = Deadline(None, clock)
        self.cookies = CookieJar(self._base.host, cookies, port=self._base.port)
        self._tls = TLS(verify, cert, trust_env=trust_env)
        self._pool = Pool(max_idle=max_idle, idle_expiry=idle_expiry, clock=clock, calendar=calendar)
        heads = HeadMaker(self._base, self.cookies, auth)
        choice = ProxyChoice(proxies, trust_env=trust_env)
        self._bounds = Bounds(self._base, judged=bounded)
        dialer = Dialer(self._tls, resolve, connect)
        self._exchanger = Exchanger(self._pool, dialer, choice, heads, self._bounds)
        self.renewal: Optional[Renewal] = None
        self.liveness: Optional[Liveness] = None
        self.secrets = Secrets()
        for source in (self.cookies.secrets, heads.secrets, choice.secrets):
            self.secrets.ask(source)
        call_after_fork(self)

    def proxy_advice(self, url: str) -> str:
        """Return what to add about an answer that may be an unknown proxy's, or ""."""
        # With https no proxy has a part in the answer.
        proxy = self._exchanger.proxy_for(parse_url(url)) if url.startswith("http:") else None
        return proxy.advice if proxy else ""

    def move_to(self, url: str) -> None:
        """Count the server of a URL as the app too, since redirects have led there.

        How far in it is bounds what it names from now on; its own URLs are still named by a server.
        """
        self._bounds.add_host(parse_url(url).host)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Optional[Mapping[str, str]] = None,
        body: Optional[Body] = None,
        timeout: Optional[Timeout] = None,
        follow_redirects: Optional[bool] = None,
        idempotent: Optional[bool] = None,
        max_bytes: MaxBytes = _MAX_BYTES,
        credentials: bool = True,
        word: Word = OF_APP,
        deadline: Optional[Deadline] = None,
        fresh: bool = False,
    ) -> Response:
        """Send a request and read the whole answer. No status raises.

        Args:
            url: absolute. Userinfo in it is sent as basic auth.
            headers: win over what the transport would send itself.
            body: bytes, or chunks; see `SizedBody`.
            timeout, follow_redirects: None for the transport's.
            idempotent: whether it may be sent twice; see `Exchanger`. None: GET, HEAD and OPTIONS may.
            credentials: False sends neither cookies nor basic auth, and keeps no cookie.
            word: who named the URL. Only the origin of the base URL and what the caller names may be at any
                address; nothing else leads further in than the server that names it.
            deadline: of several requests together.
            fresh: whether to make a new connection for it, and leave kept ones to others.

        Raises:
            ArgumentError: URL, method or headers cannot be sent; nothing was.
            ConnectFailed, TLSError, ProxyError, ConnectTimeout: there is no connection.
            ConnectionLost: it broke before the answer was whole.
            ReadTimeout, DeadlineExceeded: it took too long.
            TooManyRedirects, ResponseTooLarge, ProtocolError: the answer is not acceptable.
            ForbiddenAddress: a server named what is further in than it is.
            ClientClosed: the transport was closed.
        """
        response = self.stream(
            method,
            url,
            headers=headers,
            body=body,
            timeout=timeout,
            follow_redirects=follow_redirects,
            idempotent=idempotent,
            max_bytes=max_bytes,
            credentials=credentials,
            word=word,
            deadline=deadline,
            fresh=fresh,
        )
        # Closed after any error, and given back after the last byte: nothing is left to clean up.
        return Response(response.status, response.headers, response.url, response.read_all())

    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Optional[Mapping[str, str]] = None,
        body: Optional[Body] = None,
        timeout: Optional[Timeout] = None,
        follow_redirects: Optional[bool] = None,
        idempotent: Optional[bool] = None,
        max_bytes: MaxBytes = None,
        credentials: bool = True,
        word: Word = OF_APP,
        deadline: Optional[Deadline] = None,
        fresh: bool = False,
    ) -> StreamingResponse:
        """Send a request and return once the headers of the answer are there; see `request`.

        Use the result as a context manager, or close it.
        """
        if isinstance(body, str):
            raise ArgumentError("The body must be bytes; encode the text first.")
        fields = request_fields(headers)
        if "accept-encoding" not in fields:
            # Compression could hold events back.
            events = "event-stream" in fields.get("accept", "")
            fields["accept-encoding"] = "identity" if events else "gzip, deflate"
        target = self._targets.get(url) or self._target(url)
        hop = Hop(check_method(method), target, fields, body, credentials, credentials, word, None, fresh)
        return self._open(hop, timeout, follow_redirects, idempotent, max_bytes, deadline)

    def open_ahead(self, url: str) -> float:
        """Open a connection for requests to come; return how many seconds that took. Raises as `request`."""
        return self._exchanger.open_ahead(self._target(url), self.timeout, self._never)

    def replace_closed(self, url: str) -> None:
        """Open connections for a call and its stream, where a server far away has closed those there were."""
        self._exchanger.replace_closed(self._target(url), self.timeout, self._never)

    def renew_with(self, url: str) -> None:
        """Ask for this, which must do no harm, where an old connection is to be used for what must not be
        sent twice, rather than open another one to a server far away.
        """
        self._exchanger.harmless = self._target(url)

    def drop(self, connection: Connection) -> None:
        """Close a connection that `StreamingResponse.take_connection` has given out."""
        self._pool.drop(connection)

    def close(self) -> None:
        """Close all connections. Requests under way, and later ones, raise ClientClosed. Idempotent."""
        self._pool.close()
        self.renewal = self.liveness = None

    def _target(self, url: str) -> Target:
        url = hide(url)
        target = parse_url(url)
        if len(self._targets) >= _MAX_URLS:
            self._targets.clear()
        self._targets[url] = target
        return target

    def _open(
        self,
        hop: Hop,
        timeout: Optional[Timeout],
        follow: Optional[bool],
        idempotent: Optional[bool],
        max_bytes: MaxBytes,
        shared: Optional[Deadline],
    ) -> StreamingResponse:
        """Follow redirects until there is an answer to give out."""
        limits = timeout or self.timeout
        deadline = (shared or self._never).sooner(limits.total, limits.name)
        opening = deadline if limits.head is None else deadline.sooner(limits.head, limits.name)
        if hop.word is not OF_APP or hop.target.origin != self._base.origin:  # which may be anywhere
            hop = self._bounds.first(hop)
        first, renewal = hop, self.renewal
        mark = 0 if renewal is None else renewal.mark()
        for _ in range(MAX_REDIRECTS + 1):
            response = self._answer(hop, limits, deadline, opening, idempotent, max_bytes)
            if renewal is not None and _denied(hop, response):
                try:
                    again = renewal.renew(mark, hop.target, opening)
                except BaseException:
                    response.close()
                    raise
                if again:
                    response.close()
                    hop, renewal = first, None  # once
                    continue
            wanted = self._follow if follow is None else follow
            if response.status not in REDIRECTS or not wanted or "location" not in response.headers:
                return response
            response.close()
            onward = next_hop(hop, response.status, response.headers["location"])
            hop = self._bounds.next(hop, response.peer, onward)
        raise TooManyRedirects(
            f"More than {MAX_REDIRECTS} redirects, the last to {hop.target.label}; check the URL."
        )

    def _answer(
        self,
        hop: Hop,
        limits: Timeout,
        deadline: Deadline,
        opening: Deadline,
        idempotent: Optional[bool],
        max_bytes: MaxBytes,
    ) -> StreamingResponse:
        """Send one request and return its answer, its head read by `opening`, and its cookies kept."""
        started = self._clock()
        target = hop.target
        liveness = self.liveness if limits.asks else None
        if liveness is not None and liveness.origin != target.origin:
            liveness = None
        connection, head = self._exchanger.send(hop, limits, opening, idempotent, liveness)
        if opening is deadline:
            deadline = connection.raw.deadline  # which the limit of the answer may have brought forward
        else:
            connection.raw.deadline = deadline
        try:
            headers = head.fields
            body = BodyReader(connection, hop.method, head)
            inflater = None
            if "content-encoding" in headers and not body.done:
                from .inflate import inflater_for  # few answers come compressed

                asked = hop.fields["accept-encoding"]
                inflater = inflater_for(headers["content-encoding"], asked, target.label)
            proxy = connection.route.proxy
            if proxy is not None and connection.route.reader is proxy:
                check_proxy_status(head.status, proxy, tunnel=False)
        except FOREIGN as exc:
            self._pool.drop(connection)
            raise translate_exchange(exc, target.label, deadline) from exc
        except BaseException:
            self._pool.drop(connection)
            raise
        if hop.cookies and "set-cookie" in headers:
            self.cookies.store(target, headers.get_all("set-cookie"))
        if logger.isEnabledFor(logging.DEBUG):
            spent = (self._clock() - started) * 1000
            label = shorten(self.secrets.blank(target.label))
            logger.debug("%s %s -> %d in %.1f ms", hop.method, label, head.status, spent)
        return StreamingResponse(
            status=head.status,
            headers=headers,
            target=target,
            connection=connection,
            body=body,
            inflater=inflater,
            pool=self._pool,
            deadline=deadline,
            max_bytes=max_bytes,
        )

    def after_fork(self) -> None:
        """In a child after fork: close the parent's idle connections here, and make new locks."""
        self._pool.forget()
        self.cookies.forget_lock()
        self._tls.forget_lock()

    def __repr__(self) -> str:
        idle, active = self._pool.counts()
        return f"<Transport {self._base.label} idle={idle} active={active}>"
