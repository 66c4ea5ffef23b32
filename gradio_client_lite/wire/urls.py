"""URLs, split and joined without leaving a trace of their secrets; and the URLs of an app.

`urllib.parse.urlsplit` keeps what it has split in a cache of the process, passwords and session hashes among
it, and shows them in the `repr` of its result. `split_url` splits as it does (RFC 3986 appendix B) and does
neither.

The URLs of an app (`Routes`) are built from where the caller reached it and the prefix its config names.
`config["root"]` is never used: behind proxies it is what the server believes, not what the caller can reach.
Source: gradio/routes.py of 4.16 – 6.31; from 5.0 on all but config and login live under `/gradio_api`.
"""

from __future__ import annotations

import re
from typing import Any, Optional, Tuple
from urllib.parse import quote, unquote, urljoin

from ..errors import ArgumentError
from ..light import pattern
from ..secrecy import Hidden, hide

_PARTS: Any = pattern(
    r"(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL
)
_CONTROL: Any = pattern(r"[\x00-\x1f\x7f]")
#: An address of IPv6, and its zone, is the only host in brackets (RFC 3986 section 3.2.2): what else stands
#: in or beside them might be taken for another host by others.
_BRACKETED: Any = pattern(r"\[[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*(?:%[A-Za-z0-9._~%-]+)?\](?::[^\[\]]*)?\Z")
_PORTS = {"http": 80, "https": 443}
#: The longest host of a URL, with its port, in characters; names of DNS have 253 bytes. Normalising a longer
#: one can take a time of the square of its length, as letters may combine with those before them.
_LONGEST_AUTHORITY = 512


class UrlParts:
    """A URL in parts; its `repr` shows none of them. Made by `split_url`.

    Attributes:
        scheme: in lower case.
        authority: host and port, without userinfo.
        userinfo: the text before the "@", hidden; None without one.
        path: as it is.
        query: without its question mark, hidden; "" without one.
    """

    __slots__ = ("authority", "path", "query", "scheme", "userinfo")

    def __init__(self, scheme: str, netloc: str, path: str, query: str) -> None:
        self.scheme = str(scheme).lower()
        end = netloc.rfind("@")
        self.authority = str(netloc[end + 1 :])
        self.userinfo: Optional[str] = netloc[:end] if end >= 0 else None
        self.path = str(path)
        self.query = query

    @property
    def host(self) -> str:
        """Lower case, an IPv6 address without its brackets; the zone of one is left as it is."""
        _, bracket, rest = self.authority.partition("[")
        name = rest.partition("]")[0] if bracket else self.authority.partition(":")[0]
        host, percent, zone = name.partition("%")
        return host.lower() + percent + zone

    @property
    def port(self) -> Optional[int]:
        """The number; None without one.

        Raises:
            ValueError: it is none, or too large.
        """
        _, bracket, rest = self.authority.partition("[")
        text = rest.partition("]")[2] if bracket else self.authority
        text = text.partition(":")[2]
        if not text:
            return None
        if not (text.isascii() and text.isdigit()) or len(text) > 20 or int(text) > 65535:
            raise ValueError("bad port")
        return int(text)


def split_url(url: str) -> UrlParts:
    """Split a URL.

    Raises:
        ValueError: brackets are not around an address, or the host is longer than any can be, or would be
            another one once it is normalised. The text does not quote the URL.
    """
    # No variable holds the match, as its `repr` would show the URL; each part hides itself.
    parts = UrlParts(*map(hide, _PARTS.match(hide(url)).groups("")[:4]))
    authority = parts.authority
    if len(authority) > _LONGEST_AUTHORITY:
        raise ValueError("a host longer than any can be")
    if ("[" in authority or "]" in authority) and not _BRACKETED.match(authority):
        raise ValueError("brackets around what is no address")
    if not authority.isascii():
        from unicodedata import normalize

        plain = authority.replace(":", "")
        if any(mark in normalize("NFKC", plain) for mark in "/?#@:"):
            raise ValueError("a host that turns into another")
    return parts


def is_url(path: str) -> bool:
    """Whether a path is an http(s) URL, told as the official client does."""
    return path.startswith(("http://", "https://"))


def origin_of_url(url: str) -> Optional[Tuple[str, str, int]]:
    """Scheme, host and port, which credentials belong to; None for what is no http(s) URL."""
    try:
        parts = split_url(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.host:
        return None
    return parts.scheme, parts.host, _PORTS[parts.scheme] if port is None else port


def join_reference(base: str, reference: str) -> str:
    """Resolve a reference in a page: a URL, or a path below or beside that of the page.

    Raises:
        ValueError: it holds a control character, or see `split_url`.
    """
    # Before urljoin, which leaves such characters out and normalises whatever is before the path then.
    if _CONTROL.search(reference):
        raise ValueError("a control character")
    if len(split_url(reference).userinfo or "") > _LONGEST_AUTHORITY:
        raise ValueError("a user longer than any can be")
    return urljoin(base, reference)


def bare_url(url: str) -> str:
    """The URL without user, password, query and fragment, fit for a text. Raises as `split_url`."""
    parts = split_url(url)
    return join_url(parts.scheme, parts.authority, parts.path)


def with_scheme(url: str, scheme: str) -> str:
    """The same URL, without userinfo, query and fragment, with another scheme."""
    parts = split_url(url)
    return join_url(scheme, parts.authority, parts.path)


def join_url(scheme: str, netloc: str, path: str) -> str:
    """Put a URL together."""
    if netloc or scheme in ("http", "https"):
        slash = "/" if path and not path.startswith("/") else ""
        return f"{scheme}://{netloc}{slash}{path}" if scheme else f"//{netloc}{slash}{path}"
    return f"{scheme}:{path}" if scheme else path


def normalise_src(src: str) -> str:
    """The URL with one trailing slash and without query or fragment; ArgumentError if it is malformed."""
    src = hide(src)
    try:
        parts = split_url(hide(src.strip()))
    except ValueError:
        # Not chained, and without the URL: either may quote a password.
        raise ArgumentError("src is not a well-formed URL; correct it.") from None
    path = parts.path.rstrip("/") + "/"
    if parts.userinfo is None:
        return join_url(parts.scheme, parts.authority, path)
    return hide(join_url(parts.scheme, hide(f"{parts.userinfo}@{parts.authority}"), path))


def page_of(src: str) -> Optional[Tuple[str, str]]:
    """Take a URL for that of an app's page: the app's URL and the page's name; None where it has no path.

    Example:
        >>> page_of("http://host/app/page/")
        ('http://host/app/', 'page')
    """
    parts = split_url(src)
    above, _, name = parts.path.rstrip("/").rpartition("/")
    return (join_url(parts.scheme, parts.authority, above + "/"), unquote(name)) if name else None


class Routes:
    """Every URL the client calls.

    Args:
        src: the app's URL with its trailing slash.
        api_prefix: "" or "gradio_api/".
        direct: where direct calls go, below that; the body's fn_index, not this name, chooses the function.

    Attributes:
        api: what the routes of the API start with.
        app_id: gives a number; every release answers at once, whoever asks.
        data_of_job: where the arguments of a job go whose stream has asked for them (4.0 – 4.8).
        run: direct calls.
    """

    def __init__(self, src: str, api_prefix: str = "", direct: str = "run/predict") -> None:
        self.src = src
        self.config = src + "config"
        self.login = src + "login"
        self.api = api = src + api_prefix
        self.info = api + "info?serialize=False"
        self.app_id = api + "app_id"
        self.run = api + direct
        self.join = api + "queue/join"
        self.data_of_job = api + "queue/data"
        self.cancel = api + "cancel"
        self.reset = api + "reset"

    def data(self, session_hash: str) -> str:
        """The event stream of a session."""
        return Hidden(f"{self.api}queue/data?session_hash={quote(session_hash, safe='')}")

    def join_stream(self, session_hash: str, fn_index: int) -> str:
        """The event stream of one job (4.0 – 4.8)."""
        return Hidden(f"{self.join}?fn_index={fn_index}&session_hash={quote(session_hash, safe='')}")

    def end_of_stream(self, event_id: str) -> str:
        """Tells that a job which is fed by a stream of inputs gets no more (`.stream()`, from 5.0 on)."""
        return f"{self.api}stream/{quote(event_id, safe='')}/close"

    def heartbeat(self, session_hash: str) -> str:
        """Keeps a session's State on the server."""
        return Hidden(f"{self.api}heartbeat/{quote(session_hash, safe='')}")
