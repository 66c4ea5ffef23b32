"""Making a connection: TCP, the proxy's tunnel, TLS, all within the connect timeout."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import Callable, Iterator, NamedTuple, Optional

from ..errors import ProxyError
from .connection import Connection
from .failures import FOREIGN, translate_connect
from .headers import encode_head
from .proxy import Proxy
from .sockets import SocketLike, tune
from .timeout import Deadline
from .tls import TLS
from .url import Target

# Returns a connected socket; the deadline is the moment to give up.
Connect = Callable[[str, int, Deadline], SocketLike]


class Route(NamedTuple):
    """What makes two requests able to share a connection.

    Args:
        tunnel: whether a proxy must only pass bytes on, for http too: it would not understand what they are.
    """

    scheme: str
    host: str
    port: int
    proxy: Optional[Proxy]
    tunnel: bool = False


def connect_tcp(host: str, port: int, deadline: Deadline) -> SocketLike:
    """Connect to the first address that answers.

    The time left is shared evenly by the addresses still to be tried, so that a silent IPv6 route leaves
    time for IPv4.

    Raises:
        OSError: the last address's error.
    """
    failure: Optional[OSError] = None
    # As bytes, since a str makes Python load its IDNA codec first.
    addresses = socket.getaddrinfo(host.encode("ascii"), port, 0, socket.SOCK_STREAM)
    for index, (family, kind, protocol, _, address) in enumerate(addresses):
        left = deadline.left()
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError as exc:  # names may have addresses of a family that this system has not
            failure = exc
            continue
        try:
            sock.settimeout(None if left is None else left / (len(addresses) - index))
            tune(sock)
            sock.connect(address)
        except OSError as exc:
            sock.close()
            failure = exc
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failure or OSError("the host name has no address")


class Dialer:
    """Opens connections.

    Args:
        tls: the TLS settings.
        connect: makes the TCP connection; a seam for tests.
    """

    def __init__(self, tls: TLS, connect: Connect = connect_tcp) -> None:
        self._tls = tls
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
        """
        soon = deadline.sooner(timeout)
        if route.proxy is not None:
            return self._dial_proxy(route, route.proxy, target, soon, deadline)
        with _translated(target, deadline):
            return Connection(self._open(route.scheme, route.host, route.port, soon), route)

    def _dial_proxy(
        self, route: Route, proxy: Proxy, target: Target, soon: Deadline, deadline: Deadline
    ) -> Connection:
        with _translated(target, deadline, proxy):
            sock = self._open(proxy.scheme, proxy.host, proxy.port, soon)
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

    def _open(self, scheme: str, host: str, port: int, deadline: Deadline) -> SocketLike:
        """Return a connected socket, TLS done for https."""
        sock = self._connect(host, port, deadline)
        if scheme == "http":
            return sock
        try:
            return self._tls.wrap(sock, host, deadline)
        except BaseException:
            sock.close()
            raise


@contextmanager
def _translated(target: Target, deadline: Deadline, proxy: Optional[Proxy] = None) -> Iterator[None]:
    try:
        yield
    except FOREIGN as exc:
        raise translate_connect(exc, target.label, deadline, proxy=proxy.label if proxy else None) from exc


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
        raise ProxyError(
            f"The proxy {proxy.label} refused the credentials (407). Put user and password into its URL: "
            "http://user:password@host:port."
        )
    if tunnel and not 200 <= status < 300:
        raise ProxyError(f"The proxy {proxy.label} refused a tunnel with status {status}; check its rules.")
