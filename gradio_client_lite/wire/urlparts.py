"""The parts of a URL, split without leaving it anywhere.

`urllib.parse.urlsplit` keeps what it has split in a cache of the process, passwords and session hashes among
it, and shows them in the `repr` of its result. This splits as it does (RFC 3986 appendix B) and does neither.
"""

from __future__ import annotations

import re
from typing import Any, Optional
from urllib.parse import urljoin

from ..secrecy import hide

_PARTS: Any = re.compile(
    r"(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL
).match
_CONTROL: Any = re.compile(r"[\x00-\x1f\x7f]")


#: The longest host of a URL, with its port, in characters; names of DNS have 253 bytes. Normalising a longer
#: one can take a time of the square of its length, as letters may combine with those before them.
_LONGEST_AUTHORITY = 512


class UrlParts:
    """A URL in parts; its `repr` shows none of them. Made by `split_url`.

    Attributes:
        scheme: in lower case.
        authority: host and port, without userinfo.
        userinfo: what stands before the "@", hidden; None without one.
        path: as it is.
        query: without its question mark, hidden; "" when there is none.
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
        ValueError: brackets do not match, the host is longer than any can be, or would be another one once it
            is normalised. The text does not quote the URL.
    """
    # No variable holds the match, whose `repr` shows what was matched; every text does.
    parts = UrlParts(*map(hide, _PARTS(hide(url)).groups("")[:4]))
    authority = parts.authority
    if ("[" in authority) != ("]" in authority):
        raise ValueError("brackets do not match")
    if len(authority) > _LONGEST_AUTHORITY:
        raise ValueError("a host longer than any can be")
    if not authority.isascii():
        from unicodedata import normalize

        plain = authority.replace(":", "")
        if any(mark in normalize("NFKC", plain) for mark in "/?#@:"):
            raise ValueError("a host that turns into another")
    return parts


def join_reference(base: str, reference: str) -> str:
    """What a reference in a page means: a URL, or a path below or beside that of the page.

    Args:
        base: the page's URL.
        reference: as it stands there, without blanks around it.

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
    """`url` without user, password, query and fragment, fit for a text.

    Raises:
        ValueError: see `split_url`.
    """
    parts = split_url(url)
    return join_url(parts.scheme, parts.authority, parts.path)


def with_scheme(url: str, scheme: str) -> str:
    """The same URL, without userinfo, query and fragment, with another scheme."""
    parts = split_url(url)
    return join_url(scheme, parts.authority, parts.path)


def join_url(scheme: str, netloc: str, path: str) -> str:
    """A URL of its parts."""
    if netloc or scheme in ("http", "https"):
        slash = "/" if path and not path.startswith("/") else ""
        return f"{scheme}://{netloc}{slash}{path}" if scheme else f"//{netloc}{slash}{path}"
    return f"{scheme}:{path}" if scheme else path
