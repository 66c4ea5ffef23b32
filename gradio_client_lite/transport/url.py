"""URLs as requests need them: checked, percent-encoded, without credentials; and what a redirect names."""

from __future__ import annotations

import re
import socket
from contextlib import suppress
from typing import Optional, Tuple
from urllib.parse import quote, unquote

from ..errors import ArgumentError, ProtocolError, shown
from ..light import NamedTuple, pattern
from ..secrecy import Hidden, hide
from ..wire.texts import sendable
from ..wire.urls import UrlParts, join_reference, split_url

_PORTS = {"http": 80, "https": 443}
_CONTROL = pattern("[\x00-\x1f\x7f\ud800-\udfff]")
_HOST_NAME = pattern(r"[a-z0-9._-]+\Z")
#: In characters (RFC 1035, section 2.3.4); in IDNA form a name may be longer than it was.
_LONGEST_NAME = 253
_STRAY_PERCENT = pattern(r"%(?![0-9A-Fa-f]{2})")
# RFC 3986 section 3.3 and 3.4, with "%" because what is encoded already stays as it is.
_PATH_SAFE = "/:@!$&'()*+,;=~%"
_QUERY_SAFE = _PATH_SAFE + "?[]"


class Target(NamedTuple):
    """Where a request goes; made by `parse_url`.

    Args:
        host: lower-case ASCII name or address, an IPv6 one without brackets.
        path: what the request line asks for: path and query, encoded.
        netloc: the value of the Host header.
        url: the whole URL without userinfo and fragment.
        origin: scheme, host and port: what credentials are bound to.
        label: the URL for error texts and logs: without the query, which may hold secrets.
        userinfo: user and password that stood in the URL, decoded.
    """

    scheme: str
    host: str
    port: int
    path: str
    netloc: str
    url: str
    origin: Tuple[str, str, int]
    label: str
    userinfo: Optional[Tuple[str, str]] = None

    def __repr__(self) -> str:
        return f"<Target {self.label}>"  # userinfo and query may hold secrets


def scrub(text: str) -> str:
    """Return a URL that may be malformed without what could be its userinfo or query."""
    text = re.sub(r"\A(\w*:?//)?.*@", r"\1", text.partition("?")[0], flags=re.DOTALL)
    return _CONTROL.sub("?", text)


def parse_url(url: str) -> Target:
    """Check an absolute URL and split it.

    Spaces and non-ASCII characters are percent-encoded (UTF-8), a host name becomes its IDNA form, and a
    fragment is dropped.

    Raises:
        ArgumentError: another scheme, no host, a bad port, or a control character or half of a surrogate
            pair anywhere.
    """
    url = hide(url)
    try:
        return _parse(url)
    except ValueError as error:
        # Not chained: the texts of urlsplit and of the codecs quote the URL, and with it a password.
        reason = "not Unicode" if isinstance(error, UnicodeError) else "malformed"
        raise ArgumentError(f"The URL {_quoted(url)} is {reason}; correct it.") from None


def _parse(url: str) -> Target:
    if not (url.isascii() and url.isprintable()) and _CONTROL.search(url):
        url = sendable(url, f"The URL {_quoted(url)}")
        if _CONTROL.search(url):
            raise ArgumentError(f"The URL {_quoted(url)} holds a control character; remove or encode it.")
    parts = split_url(url)
    if parts.scheme not in _PORTS:
        raise ArgumentError(f"The URL {_quoted(url)} must begin with http:// or https://.")
    if not parts.host or "\\" in parts.authority or "\\" in (parts.userinfo or ""):
        raise ArgumentError(f"The URL {_quoted(url)} names no host.")
    port = _PORTS[parts.scheme] if parts.port is None else parts.port
    host = _ascii_host(parts.host, url)
    netloc = host_text(host)
    if port != _PORTS[parts.scheme]:
        netloc = f"{netloc}:{port}"
    path = _encode(parts.path, _PATH_SAFE) or "/"
    label = whole = f"{parts.scheme}://{netloc}{path}"
    if parts.query:
        query = Hidden(_encode(parts.query, _QUERY_SAFE))
        path, whole = Hidden(f"{path}?{query}"), Hidden(f"{whole}?{query}")
    origin = (parts.scheme, host, port)
    return Target(*origin, path, netloc, whole, origin, label, _userinfo(parts))


def host_text(host: str) -> str:
    """Return a host as URLs write it: an IPv6 address in brackets, without its zone."""
    return f"[{host.partition('%')[0]}]" if ":" in host else host


def _userinfo(parts: UrlParts) -> Optional[Tuple[str, str]]:
    if parts.userinfo is None:
        return None
    # A NamedTuple is looked into by what reports tracebacks, whatever its `repr`: both parts hide themselves.
    user, _, password = map(Hidden, parts.userinfo.partition(":"))
    return Hidden(unquote(user)), Hidden(unquote(password))


def _quoted(url: str) -> str:
    return shown(scrub(url))


def _encode(text: str, safe: str) -> str:
    return quote(_STRAY_PERCENT.sub("%25", text) if "%" in text else text, safe=safe)


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
    name = host[:-1] if host.endswith(".") else host
    labels_fit = len(name) <= _LONGEST_NAME and all(0 < len(label) < 64 for label in name.split("."))
    if not (labels_fit and _HOST_NAME.match(host)):
        raise ArgumentError(f"The URL {_quoted(url)} holds a bad host name.")
    return host


def same_place(old: Target, new: Target) -> bool:
    """Whether credentials for one URL may be sent to another: the same origin, or the host's TLS side."""
    upgraded = (old.scheme, old.port, new.scheme, new.port) == ("http", 80, "https", 443)
    return old.origin == new.origin or (upgraded and old.host == new.host)


def resolve(asked: Target, location: str) -> Target:
    """Return where the Location in the answer to a request leads; its userinfo is not used.

    Raises:
        ProtocolError: it is no http(s) URL.
    """
    with suppress(UnicodeError):
        # http.client decodes headers as latin-1, servers that do not encode a URL send UTF-8.
        location = location.encode("latin-1").decode("utf-8")
    # Joining keeps what it is given in a cache of the process: no query, as it may hold a session hash. A "?"
    # behind a "#" begins none.
    place, mark, query = location.partition("#")[0].strip().partition("?")
    if not mark and not place:
        return asked._replace(userinfo=None)
    try:
        return parse_url(join_reference(asked.label, place) + mark + query)._replace(userinfo=None)
    except (ArgumentError, ValueError) as exc:
        raise ProtocolError(f"{asked.label} redirects to what is no http(s) URL; report it.") from exc
