"""URLs as requests need them: checked, percent-encoded, without credentials."""

from __future__ import annotations

import re
import socket
from typing import Dict, NamedTuple, Optional, Tuple
from urllib.parse import quote, unquote

from ..errors import ArgumentError, shown
from ..secrecy import Hidden, hide
from ..wire.texts import sendable
from ..wire.urls import UrlParts, split_url

_PORTS = {"http": 80, "https": 443}
_CONTROL = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
_HOST_NAME = re.compile(r"[a-z0-9._-]+\Z")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
# RFC 3986 section 3.3 and 3.4, with "%" because what is encoded already stays as it is.
_PATH_SAFE = "/:@!$&'()*+,;=~%"
_QUERY_SAFE = _PATH_SAFE + "?[]"


class Target(NamedTuple):
    """Where a request goes.

    Args:
        scheme: "http" or "https".
        host: lower-case ASCII name or address, an IPv6 one without brackets.
        port: always a number.
        path: what the request line asks for: path and query, encoded.
        netloc: the value of the Host header.
        url: the whole URL without userinfo and fragment.
        userinfo: user and password that stood in the URL, decoded.
    """

    scheme: str
    host: str
    port: int
    path: str
    netloc: str
    url: str
    userinfo: Optional[Tuple[str, str]] = None

    def __repr__(self) -> str:
        return f"<Target {self.label}>"  # userinfo and query may hold secrets

    @property
    def origin(self) -> Tuple[str, str, int]:
        """Scheme, host and port: what credentials are bound to."""
        return self.scheme, self.host, self.port

    @property
    def label(self) -> str:
        """The URL for error texts and logs: without the query, which may hold secrets."""
        return self.url.partition("?")[0]


def scrub(text: str) -> str:
    """Return a URL that may be malformed without what could be its userinfo or query."""
    text = re.sub(r"\A(\w*:?//)?.*@", r"\1", text.partition("?")[0], flags=re.DOTALL)
    return _CONTROL.sub("?", text)


class UrlCache:
    """The targets of URLs that were asked for before.

    It belongs to one transport and ends with it: URLs may hold passwords and session hashes.

    Args:
        size: how many are kept; with one more all begin anew.
    """

    __slots__ = ("_size", "_targets")

    def __init__(self, size: int = 256) -> None:
        self._size = size
        # Changed by single operations only, which need no lock.
        self._targets: Dict[str, Target] = {}

    def target(self, url: str) -> Target:
        """What `parse_url` returns. Raises as it does."""
        target = self._targets.get(url)
        if target is None:
            url = hide(url)
            target = parse_url(url)
            if len(self._targets) >= self._size:
                self._targets.clear()
            self._targets[url] = target
        return target


def parse_url(url: str) -> Target:
    """Check a URL and split it.

    Args:
        url: absolute, http or https. Spaces and non-ASCII characters are percent-encoded (UTF-8), a
            host name becomes its IDNA form, a fragment is dropped.

    Raises:
        ArgumentError: another scheme, no host, a bad port, or a control character or half of a surrogate
            pair anywhere.

    Example:
        >>> parse_url("http://localhost:7860/a b?q=\u00e9#top").path
        '/a%20b?q=%C3%A9'
    """
    url = hide(url)
    try:
        return _parse(url)
    except ValueError as error:
        # Not chained: the texts of urlsplit and of the codecs quote the URL, and with it a password.
        reason = "not Unicode" if isinstance(error, UnicodeError) else "malformed"
        raise ArgumentError(f"The URL {_quoted(url)} is {reason}; correct it.") from None


def _parse(url: str) -> Target:
    if _CONTROL.search(url):
        url = sendable(url, f"The URL {_quoted(url)}")
    if _CONTROL.search(url):
        raise ArgumentError(f"The URL {_quoted(url)} holds a control character; remove or encode it.")
    parts = split_url(url)
    if parts.scheme not in _PORTS:
        raise ArgumentError(f"The URL {_quoted(url)} must begin with http:// or https://.")
    if not parts.host or "\\" in parts.authority or "\\" in (parts.userinfo or ""):
        raise ArgumentError(f"The URL {_quoted(url)} names no host.")
    default = _PORTS[parts.scheme]
    port = default if parts.port is None else parts.port
    host = _ascii_host(parts.host, url)
    netloc = f"[{host.partition('%')[0]}]" if ":" in host else host
    if port != default:
        netloc = f"{netloc}:{port}"
    path = _encode(parts.path, _PATH_SAFE) or "/"
    if parts.query:
        path = Hidden(f"{path}?{_encode(parts.query, _QUERY_SAFE)}")
    whole = (
        f"{parts.scheme}://{netloc}{path}" if not parts.query else Hidden(f"{parts.scheme}://{netloc}{path}")
    )
    return Target(parts.scheme, host, port, path, netloc, whole, _userinfo(parts))


def _userinfo(parts: UrlParts) -> Optional[Tuple[str, str]]:
    if parts.userinfo is None:
        return None
    # A NamedTuple is looked into by what reports tracebacks, whatever its `repr`: both parts hide themselves.
    user, _, password = map(Hidden, parts.userinfo.partition(":"))
    return Hidden(unquote(user)), Hidden(unquote(password))


def _quoted(url: str) -> str:
    return shown(scrub(url))


def _encode(text: str, safe: str) -> str:
    return quote(_STRAY_PERCENT.sub("%25", text), safe=safe)


def _ascii_host(host: str, url: str) -> str:
    """Return the host as it goes on the wire: IPv6 checked, names in IDNA form."""
    if ":" in host:
        address, _, zone = host.partition("%")
        try:
            socket.inet_pton(socket.AF_INET6, address)
        except OSError:
            raise ArgumentError(f"The URL {_quoted(url)} holds a bad IPv6 address.") from None
        zone = zone[2:] if zone.startswith("25") else zone
        return f"{address}%{zone}" if zone else address
    if not host.isascii():
        host = host.encode("idna").decode("ascii")
    host = host.lower()
    labels = host[:-1].split(".") if host.endswith(".") else host.split(".")
    if not _HOST_NAME.match(host) or not all(0 < len(label) < 64 for label in labels):
        raise ArgumentError(f"The URL {_quoted(url)} holds a bad host name.")
    return host
