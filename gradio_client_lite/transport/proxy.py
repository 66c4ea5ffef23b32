"""Which proxy a request goes through, from arguments, from the environment or from the system's settings."""

from __future__ import annotations

import os
import sys
from typing import Dict, Iterator, List, Mapping, NamedTuple, Optional, Union

from ..errors import ArgumentError, shown
from ..secrecy import Hidden, hide, value_secrets
from .headers import basic_auth
from .url import Target, parse_url, scrub

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
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def advice(self) -> str:
        """What error texts say of a proxy that the caller may not know of; "" of one that was passed."""
        return _without(self.found) if self.found else ""


def _without(found: str) -> str:
    return (
        f" This proxy comes from {found}: to do without it, name the host in the environment variable "
        "NO_PROXY, or pass httpx_kwargs={'trust_env': False}."
    )


def parse_proxy(text: str) -> Proxy:
    """Read a proxy's URL; without a scheme it is http.

    Raises:
        ArgumentError: it is no URL, or not http or https (SOCKS is not supported).
    """
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
        # Of the environment; those that were given are found where they are kept.
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
            self._bypass = [
                entry for entry in self._environ.get("no", "").lower().replace(",", " ").split() if entry
            ]

    def choose(self, target: Target) -> Optional[Proxy]:
        """Return the proxy for a target; None to connect directly.

        Raises:
            ArgumentError: the environment names a proxy that cannot be used.
        """
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
        """What texts must not show: the passwords of the proxies."""
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
    """The proxy that the settings of Windows or macOS name for a target."""
    from .reach import LOOPBACK, reach_of  # which builds on this module

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
