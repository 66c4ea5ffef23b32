"""Redirects: what the next request is, and what must not travel with it."""

from __future__ import annotations

from contextlib import suppress
from typing import Dict, NamedTuple, Optional

from ..errors import ArgumentError, ProtocolError
from ..wire.urls import join_reference
from .connection import Body
from .url import Target, parse_url

MAX_REDIRECTS = 20
REDIRECTS = frozenset({301, 302, 303, 307, 308})
# What is harmless, as nobody can list what is secret: tokens travel in headers of any name.
HARMLESS = frozenset(
    {"accept", "accept-encoding", "accept-language", "content-type", "if-range", "range", "user-agent"}
)


class Word(NamedTuple):
    """On whose word a URL is asked for: that of the app, unless this says otherwise.

    Args:
        caller: whether it is the caller's own, and so may be at any address.
        peer: the address of the server whose word it is, a `StreamingResponse.peer`; None for the app.
        only_host: the one host that may be asked, redirects included; None for any.
    """

    caller: bool = False
    peer: Optional[str] = None
    only_host: Optional[str] = None


OF_APP = Word()
OF_CALLER = Word(caller=True)


class Hop(NamedTuple):
    """One request of a chain of redirects.

    Args:
        method: upper case.
        target: where it goes.
        fields: the caller's headers that still apply, names in lower case.
        body: to be sent; None for none.
        cookies: whether the jar's cookies may be sent, and its answer's cookies kept.
        auth: whether basic auth may be sent.
        word: on whose word the chain began.
        within: how far in its address may be; see `reach`. None for anywhere.
        fresh: whether it is to have a connection of its own.
    """

    method: str
    target: Target
    fields: Dict[str, str]
    body: Optional[Body] = None
    cookies: bool = True
    auth: bool = True
    word: Word = OF_APP
    within: Optional[int] = None
    fresh: bool = False

    def __repr__(self) -> str:
        return f"<Hop {self.method} {self.target.label}>"  # headers and body may hold secrets


def next_hop(hop: Hop, status: int, location: str) -> Hop:
    """Return the request a redirect asks for (RFC 9110 section 15.4).

    Args:
        hop: what was answered.
        status: one of REDIRECTS.
        location: the Location header as received.

    Raises:
        ProtocolError: it leads to no http(s) URL, or would show a body to another server, or in clear.
    """
    target = resolve(hop.target, location)
    method, body, fields = hop.method, hop.body, hop.fields
    if (status == 303 and method != "HEAD") or (status in (301, 302) and method == "POST"):
        method, body = "GET", None
        fields = {name: value for name, value in fields.items() if name != "content-type"}
    if same_place(hop.target, target):
        target = target._replace(userinfo=hop.target.userinfo)
        return Hop(method, target, fields, body, hop.cookies, hop.auth, hop.word)
    downgrade = hop.target.scheme == "https" and target.scheme == "http"
    if body is not None:
        why = "where anybody could read it" if downgrade else "another server"
        raise ProtocolError(
            f"{hop.target.label} redirects what was sent to {target.label}, {why}; it was not followed. If "
            "the app is there, make the client with that URL."
        )
    fields = {name: value for name, value in fields.items() if name in HARMLESS}
    return Hop(method, target, fields, None, hop.cookies and not downgrade, auth=False, word=hop.word)


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
    # Joining keeps what it is given in a cache of the process: no query, as it may hold a session hash.
    place, mark, query = location.strip().partition("?")
    if not mark and (not place or place.startswith("#")):
        return asked._replace(userinfo=None)
    try:
        return parse_url(join_reference(asked.label, place) + mark + query)._replace(userinfo=None)
    except (ArgumentError, ValueError) as exc:
        raise ProtocolError(f"{asked.label} redirects to what is no http(s) URL; report it.") from exc
