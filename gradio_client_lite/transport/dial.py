"""Making a connection: which proxy it goes through, then TCP, the proxy's tunnel and TLS.

    ProxyChoice.choose   the proxy for an origin, from the arguments, the environment or the system
    Dialer.dial          resolve -> judge the addresses (`reach`) -> connect_first -> [_tunnel] -> [TLS.wrap]

All of it happens within the connect timeout.
"""

from __future__ import annotations

import os
import socket
import sys
from contextlib import contextmanager
from typing import Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from ..errors import ArgumentError, ProxyError, shown
from ..light import NamedTuple
from ..secrecy import Hidden, hide, value_secrets
from .connection import Connection
from .failures import FOREIGN, translate_connect
from .headers import basic_auth, encode_head, request_pieces
from .reach import LOOPBACK, Address, judge, judge_name, reach_of
from .sockets import Deadline, SocketLike, tune
from .tls import TLS, MoreAuthorities
from .url import Target, host_text, parse_url, scrub

Proxies = Union[str, Mapping[str, Optional[str]]]


class Proxy(NamedTuple):
    """One proxy.

    Args:
        authorization: the value of Proxy-Authorization.
        found: where it is set, when the caller has not passed it, as texts say it.
    """

    scheme: str
    host: str
    port: int
    authorization: Optional[str] = None
    found: str = ""

    def __repr__(self) -> str:
        return f"<Proxy {self.label}>"  # never its credentials

    @property
    def label(self) -> str:
        """Its URL for error texts."""
        return f"{self.scheme}://{host_text(self.host)}:{self.port}"

    @property
    def advice(self) -> str:
        """What error texts add about a proxy that the caller may not know of; "" for one that was passed."""
        return _without(self.found) if self.found else ""


def _without(found: str) -> str:
    return (
        f" This proxy comes from {found}: to do without it, name the host in the environment variable "
        "NO_PROXY, or pass httpx_kwargs={'trust_env': False}."
    )


def parse_proxy(text: str) -> Proxy:
    """Read a proxy's URL; without a scheme it is http. SOCKS is not supported."""
    text = hide(text)
    scheme = text.partition("://")[0].lower() if "://" in text else ""
    if scheme not in ("", "http", "https"):
        raise ArgumentError(
            f"The proxy {shown(scrub(text))} is of a kind that is not supported; use an http:// or https:// "
            "proxy."
        )
    target = parse_url(text if scheme else "http://" + text)
    authorization = basic_auth(*target.userinfo) if target.userinfo else None
    return Proxy(target.scheme, target.host, target.port, authorization)


class ProxyChoice:
    """Chooses a proxy for a target.

    Args:
        proxies: the URL of one proxy for everything, or a mapping. Its keys are "http", "https", "all" (also
            with "://" behind) or name hosts: "all://host", "https://host:port", "all://*.domain"; the most
            exact key wins, the value None means no proxy; "no_proxy" lists what is excepted. With None the
            environment is asked.
        trust_env: whether it may be: <scheme>_PROXY, ALL_PROXY and NO_PROXY, lower case first. It is read
            once, here. Where it has none of these, the settings of Windows and macOS count, which are asked
            for when they are first needed; never for this machine itself, as browsers do it there.

    Raises:
        ArgumentError: a proxy URL is wrong, or of an unsupported kind such as SOCKS.
    """

    def __init__(self, proxies: Optional[Proxies] = None, *, trust_env: bool = True) -> None:
        proxies = hide(proxies)
        self._explicit: Optional[Dict[str, Optional[Proxy]]] = None
        # The proxies of the environment that were chosen, by their text, for `secrets`.
        self._used: Dict[str, Proxy] = {}
        self._environ: Dict[str, str] = {}
        self._asks_system = False
        self._bypass: List[str] = []
        if isinstance(proxies, str):
            proxies = {"all": proxies}
        if proxies is not None:
            keys = {key.lower().replace("://", " ").strip(): value for key, value in proxies.items()}
            self._bypass = _entries(keys.pop("no_proxy", None))
            self._explicit = {key: parse_proxy(value) if value else None for key, value in keys.items()}
        elif trust_env:
            self._environ = _proxy_environment()
            self._asks_system = not self._environ and sys.platform in ("win32", "darwin")
            self._bypass = _entries(self._environ.get("no"))

    def choose(self, target: Target) -> Optional[Proxy]:
        """Return the proxy for a target; None to connect directly. Raises as `parse_proxy` does."""
        if any(_matches(entry, target) for entry in self._bypass):
            return None
        if self._explicit is not None:
            return self._explicit.get(self._best_key(self._explicit, target))
        if self._asks_system:
            text, found = _system_proxy(target), "the settings of the system"
        else:
            scheme = target.scheme if self._environ.get(target.scheme) else "all"
            text = self._environ.get(scheme)
            found = f"the environment variable {scheme.upper()}_PROXY"
        if not text:
            return None
        try:
            proxy = parse_proxy(text)
        except ArgumentError as exc:
            raise ArgumentError(f"{exc}{_without(found)}") from exc
        self._used[text] = proxy = proxy._replace(found=found)
        return proxy

    def secrets(self) -> Iterator[str]:
        """Yield what texts must not show: the passwords of the proxies."""
        for proxy in [*(self._explicit or {}).values(), *self._used.copy().values()]:
            if proxy is not None and proxy.authorization:
                yield from value_secrets(proxy.authorization)

    @staticmethod
    def _best_key(keys: Mapping[str, object], target: Target) -> str:
        host = target.host
        parents = ["*." + host.split(".", n)[n] for n in range(1, host.count(".") + 1)]
        hosts = [f"{host}:{target.port}", host, "*" + host, *parents]
        candidates = [f"{scheme} {name}" for name in hosts for scheme in (target.scheme, "all")]
        candidates += [f"{target.scheme} *", "all *", target.scheme]
        return next((key for key in candidates if key in keys), "all")


def _system_proxy(target: Target) -> Optional[str]:
    """Return the proxy that the settings of Windows or macOS name for a target."""
    if reach_of(target.host) == LOOPBACK:
        return None
    from urllib.request import getproxies, proxy_bypass  # which takes long to import

    text: Optional[str] = None
    try:
        text = hide(getproxies().get(target.scheme))
        return None if not text or proxy_bypass(target.host) else text
    except Exception:  # of settings that cannot be read, or a pattern or host it cannot look at
        return text


def _entries(text: Optional[str]) -> List[str]:
    return (text or "").lower().replace(",", " ").split()


def _proxy_environment() -> Dict[str, str]:
    """Return the proxy variables by their part before "_proxy"."""
    found: Dict[str, str] = {}
    # Where Windows' environment is blind to case, this is not. Only the names: a frame would show the values.
    names = frozenset(os.environ)
    for name in ("http", "https", "all", "no"):
        lower, upper = f"{name}_proxy", f"{name.upper()}_PROXY"
        value = hide(os.environ.get(lower)) if lower in names else None
        # A CGI server turns a request's "Proxy:" header into HTTP_PROXY (CVE-2016-5385).
        if value is None and upper in names and not (name == "http" and "REQUEST_METHOD" in names):
            value = hide(os.environ.get(upper))
        if value and value.strip():
            found[name] = Hidden(value.strip())
    return found


def _matches(entry: str, target: Target) -> bool:
    """Whether one entry of NO_PROXY covers a target: `*`, domain, host:port, address or network."""
    if entry == "*":
        return True
    if "/" in entry:
        return _in_network(entry, target.host)
    host, port = entry, ""
    if entry.startswith("["):
        host, _, port = entry[1:].partition("]")
        port = port.lstrip(":")
    elif entry.count(":") == 1:
        host, _, port = entry.partition(":")
    if port and port != str(target.port):
        return False
    host = host.lstrip("*").lstrip(".")
    if not host:
        return False
    return target.host == host or (target.host.endswith("." + host) and not _is_address(target.host))


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()


def _in_network(entry: str, host: str) -> bool:
    if not _is_address(host):
        return False
    import ipaddress

    try:
        return ipaddress.ip_address(host.partition("%")[0]) in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False


# Returns the addresses of a host and port, best first.
Resolve = Callable[[str, int], Sequence[Address]]
# Returns a socket connected to an address; the deadline is the moment to give up.
Connect = Callable[[Address, Deadline], SocketLike]


class Route(NamedTuple):
    """Two requests may share a connection where their routes are equal.

    Args:
        tunnel: whether a proxy must only pass bytes on, for http too: it would not understand what they are.
        within: how far in its address may be; None for anywhere. So a connection that one request was allowed
            takes no other request to where that one may not go.
    """

    scheme: str
    host: str
    port: int
    proxy: Optional[Proxy]
    tunnel: bool = False
    within: Optional[int] = None

    @property
    def reader(self) -> Optional[Proxy]:
        """The proxy that reads the requests, as they are plain http and in no tunnel; None for none."""
        return None if self.tunnel or self.scheme != "http" else self.proxy


def resolve_host(host: str, port: int) -> List[Address]:
    """Ask the system for the addresses of a host."""
    # As bytes, since a str makes Python load its IDNA codec first.
    found = socket.getaddrinfo(host.encode("ascii"), port, 0, socket.SOCK_STREAM)
    return [Address(family, place) for family, _, _, _, place in found]


def connect_tcp(address: Address, deadline: Deadline) -> SocketLike:
    """Connect to one address."""
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
    """Connect to the first address that answers, or raise the last one's error.

    The addresses still to be tried share the time left, so that a silent IPv6 route leaves some for IPv4.
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
    """Opens connections; `resolve` finds the addresses of a host, `connect` connects to one."""

    def __init__(self, tls: TLS, resolve: Resolve = resolve_host, connect: Connect = connect_tcp) -> None:
        self._tls = tls
        self._resolve = resolve
        self._connect = connect

    def dial(self, route: Route, target: Target, timeout: Optional[float], deadline: Deadline) -> Connection:
        """Open a connection for a route within `timeout` seconds, and the whole request's `deadline`."""
        soon = deadline.sooner(timeout)
        try:
            return self._dial(route, target, soon, deadline)
        except MoreAuthorities:
            return self._dial(route, target, soon, deadline)

    def _dial(self, route: Route, target: Target, soon: Deadline, deadline: Deadline) -> Connection:
        if route.proxy is not None:
            judge_name(target, route.within)
            connection = self._dial_proxy(route, route.proxy, target, soon, deadline)
            connection.peer = route.host
            return connection
        with _translated(target, deadline):
            # What was judged is what is connected to: the name is not resolved again.
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
        if route.reader is not None:
            return Connection(sock, route)
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
    place = f"{host_text(route.host)}:{route.port}"
    fields = {"proxy-authorization": proxy.authorization} if proxy.authorization else {}
    connection = Connection(sock, route, owns=False)
    connection.prepare(None, deadline)
    connection.send(request_pieces(encode_head("CONNECT", place, place, fields), None))
    check_proxy_status(connection.read_head().status, proxy, tunnel=True)


def check_proxy_status(status: int, proxy: Proxy, *, tunnel: bool) -> None:
    """Raise ProxyError when a proxy wants credentials (407), or refused a tunnel."""
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
