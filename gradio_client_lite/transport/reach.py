"""How far a request may reach: who named its URL, where a redirect may lead it, which addresses it may use.

A server names URLs: of files, of the segments of a playlist, of redirects. It can name what it cannot reach
itself and this machine can: a router, another program's port, the metadata service of a cloud. So whoever
names a URL may lead as far in as it is itself, and no further. Names of hosts prove nothing; what counts is
the address that is connected to.

    Word              who named the first URL of a chain
    Bounds.first      how far in that may lead        -> Hop.within
    next_hop          the request a redirect asks for, without what must not travel with it
    Bounds.next       how far in the redirect may lead -> Hop.within
    judge             the addresses of its host that `within` allows; only these are dialled

Source of the ranges: the special-purpose address registries of IANA (RFC 6890 and its updates, 2025). What
they do not call globally reachable is not public.
"""

from __future__ import annotations

import socket
from typing import Dict, List, Optional, Sequence, Set, Tuple

from ..errors import ForbiddenAddress, ProtocolError
from ..light import NamedTuple
from .headers import Body
from .url import Target, resolve, same_place

PUBLIC, PRIVATE, LINK_LOCAL, LOOPBACK = range(4)
KINDS = ("a public", "a private", "a link-local", "a loopback")

_Range = Tuple[str, int, int]  # the first address of a range, how many bits are fixed, and its reach
# Later ones win. 0.0.0.0/8 is this machine: Linux connects 0.0.0.0 to itself.
_V4: Sequence[_Range] = (
    ("0.0.0.0", 8, LOOPBACK),  # noqa: S104 - nothing is bound to it
    ("10.0.0.0", 8, PRIVATE),
    ("100.64.0.0", 10, PRIVATE),
    ("127.0.0.0", 8, LOOPBACK),
    ("169.254.0.0", 16, LINK_LOCAL),
    ("172.16.0.0", 12, PRIVATE),
    ("192.0.0.0", 24, PRIVATE),
    ("192.0.0.9", 32, PUBLIC),
    ("192.0.0.10", 32, PUBLIC),
    ("192.0.2.0", 24, PRIVATE),
    ("192.168.0.0", 16, PRIVATE),
    ("198.18.0.0", 15, PRIVATE),
    ("198.51.100.0", 24, PRIVATE),
    ("203.0.113.0", 24, PRIVATE),
    ("224.0.0.0", 3, PRIVATE),
)
_V6: Sequence[_Range] = (
    ("::", 0, PRIVATE),
    ("::", 127, LOOPBACK),
    ("2000::", 3, PUBLIC),
    ("2001::", 23, PRIVATE),
    ("2001:1::1", 128, PUBLIC),
    ("2001:1::2", 128, PUBLIC),
    ("2001:1::3", 128, PUBLIC),
    ("2001:3::", 32, PUBLIC),
    ("2001:4:112::", 48, PUBLIC),
    ("2001:20::", 28, PUBLIC),
    ("2001:30::", 28, PUBLIC),
    ("2001:db8::", 32, PRIVATE),
    ("3fff::", 20, PRIVATE),
    ("fe80::", 10, LINK_LOCAL),
)
# IPv6 ranges that hold an IPv4 address, and the byte it begins at: mapped and compatible ones, SIIT, NAT64
# (RFC 6052, RFC 8215), 6to4, and the server of Teredo.
_EMBEDDING: Sequence[_Range] = (
    ("::ffff:0:0", 96, 12),
    ("::", 96, 12),
    ("::ffff:0:0:0", 96, 12),
    ("64:ff9b::", 96, 12),
    ("64:ff9b:1::", 48, 12),
    ("2002::", 16, 2),
    ("2001::", 32, 4),
)
_TEREDO, _LOCAL_NAT64 = bytes.fromhex("20010000"), bytes.fromhex("0064ff9b0001")
_LOCAL_NAMES = ("localhost", "localhost.localdomain", "localhost6", "ip6-localhost", "ip6-loopback")
# How many addresses are kept; an app may have any number in the course of time.
_KEPT = 64


class Address(NamedTuple):
    """What a host name was resolved to; `place` is what `socket.connect` takes."""

    family: int
    place: Tuple[object, ...]

    @property
    def text(self) -> str:
        """The address alone, such as "127.0.0.1"."""
        return str(self.place[0])


def reach_of(host: str) -> int:
    """How far in a host is: PUBLIC < PRIVATE < LINK_LOCAL < LOOPBACK.

    Args:
        host: an address. Where a proxy resolves names, it may be one: those of this machine and odd spellings
            of IPv4 addresses are recognised, and any other counts as public.
    """
    if ":" in host:
        try:
            return _reach_of_v6(socket.inet_pton(socket.AF_INET6, host.partition("%")[0]))
        except OSError:
            return LOOPBACK  # of a form that is not known here
    name = host.rstrip(".").lower()
    if name in _LOCAL_NAMES or name.endswith(".localhost"):
        return LOOPBACK
    try:
        return _reach_of_v4(socket.inet_aton(name))  # takes 2130706433, 0x7f.1 and 0177.0.0.1 as well
    except OSError:
        return PUBLIC


def _reach_of_v4(packed: bytes) -> int:
    return _look_up(packed, socket.AF_INET, _V4, PUBLIC)


def _reach_of_v6(packed: bytes) -> int:
    found = _look_up(packed, socket.AF_INET6, _V6, PRIVATE)
    start = _look_up(packed, socket.AF_INET6, _EMBEDDING, 0)
    if not start or found == LOOPBACK:
        return found
    embedded = [_reach_of_v4(packed[start : start + 4])]
    if packed.startswith(_TEREDO):
        embedded.append(_reach_of_v4(bytes(255 - byte for byte in packed[12:])))
    elif packed.startswith(_LOCAL_NAT64):
        embedded.append(PRIVATE)
    return max(embedded)


def _look_up(packed: bytes, family: int, ranges: Sequence[_Range], default: int) -> int:
    number, size = int.from_bytes(packed, "big"), len(packed) * 8
    for first, bits, value in ranges:
        start = int.from_bytes(socket.inet_pton(family, first), "big")
        if (number ^ start) >> (size - bits) == 0:
            default = value
    return default


def judge(target: Target, addresses: Sequence[Address], within: Optional[int]) -> List[Address]:
    """Return those addresses of a host that are no further in than `within`; None allows all.

    Raises:
        ForbiddenAddress: there are addresses, but they are all further in.
    """
    if within is None:
        return list(addresses)
    reaches = [reach_of(address.text) for address in addresses]
    allowed = [address for address, reach in zip(addresses, reaches) if reach <= within]
    if addresses and not allowed:
        raise _forbidden(target, min(reaches), within)
    return allowed


def judge_name(target: Target, within: Optional[int]) -> None:
    """Judge a host that a proxy resolves by itself: it may be an address, or the proxy's own machine."""
    reach = PUBLIC if within is None else reach_of(target.host)
    if within is not None and reach > within:
        raise _forbidden(target, reach, within)


def _forbidden(target: Target, reach: int, within: int) -> ForbiddenAddress:
    return ForbiddenAddress(
        f"A server at {KINDS[within]} address names {target.label}, which is at {KINDS[reach]} one, so it "
        "was not asked. If that is wanted, make the client with file_urls='any'."
    )


def _judge_host(target: Target, only_host: str) -> None:
    if target.host != only_host:
        raise ForbiddenAddress(
            f"The app names {target.label}, which is on another host, so it was not asked, as "
            "file_urls='same-host' says. If that is wanted, make the client with file_urls='public'."
        )


MAX_REDIRECTS = 20
REDIRECTS = frozenset({301, 302, 303, 307, 308})
# The headers another server may see. What is secret cannot be listed: tokens travel in headers of any name.
HARMLESS = frozenset(
    {"accept", "accept-encoding", "accept-language", "content-type", "if-range", "range", "user-agent"}
)


class Word(NamedTuple):
    """Who named the URL of a request: the app, unless this says otherwise.

    Args:
        caller: whether the caller did, so that it may be at any address.
        peer: the address of the server that did, a `StreamingResponse.peer`; None for the app.
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
        fields: the caller's headers that still apply, names in lower case.
        cookies: whether the jar's cookies may be sent, and its answer's cookies kept.
        auth: whether basic auth may be sent.
        word: who named the URL that the chain began with.
        within: how far in its address may be, such as PRIVATE; None for anywhere.
        fresh: whether it gets a new connection.
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


class Bounds:
    """Knows how far in the app is, and so how far in the URLs that it names may lead.

    Threads share it without a lock: sets and dicts are only added to, by single operations.

    Args:
        base: the URL that the caller gave; its server is the app.
        judged: whether servers are held to their own reach at all.
    """

    def __init__(self, base: Target, *, judged: bool) -> None:
        self._base = base
        self._judged = judged
        self._hosts = {base.host}
        # The addresses of the app's connections; judged when another host is asked, as most apps name none.
        self._peers: Set[str] = set()
        self._reaches: Set[int] = set()
        # The last address of each other host; the app may turn out to be one of them.
        self._elsewhere: Dict[str, str] = {}

    def add_host(self, host: str) -> None:
        """Count a host as the app's too, since the app was found there; its URLs are judged all the same."""
        self._hosts.add(host)
        peer = self._elsewhere.get(host)
        if peer is not None:
            self.connected(host, peer)

    def connected(self, host: str, peer: str) -> None:
        """Record where a new connection to a host led; `peer` is the host itself where a proxy knows that."""
        if host not in self._hosts:
            if len(self._elsewhere) >= _KEPT:
                self._elsewhere.clear()
            self._elsewhere[host] = peer
        elif peer not in self._peers:
            if len(self._peers) < _KEPT:
                self._peers.add(peer)
            else:
                self._reaches.add(reach_of(peer))

    def of_app(self) -> int:
        """Return how far in the app is: the most outward address that it was found at."""
        seen = self._reaches.union(map(reach_of, self._peers.copy()))
        return min(seen) if seen else reach_of(self._base.host)

    def first(self, hop: Hop) -> Hop:
        """Return the first request of a chain with how far in its address may be.

        The app's own origin may be anywhere, as the caller gave it, and what the caller names as well.
        """
        word, target = hop.word, hop.target
        if word.only_host is not None:
            _judge_host(target, word.only_host)
        if word.caller or not self._judged or (word.peer is None and same_place(self._base, target)):
            return hop
        within = self.of_app()
        return hop._replace(within=within if word.peer is None else min(within, reach_of(word.peer)))

    def next(self, hop: Hop, peer: str, onward: Hop) -> Hop:
        """Do so for a redirect, which leads no further in than the server at `peer` that redirects.

        Back to the app's own origin it may lead only what began there, such as a login by way of another
        server, and so has its credentials: what the app names elsewhere may not lead into the app either.
        """
        caller = hop.word.caller
        back = hop.cookies and not caller and same_place(self._base, onward.target)
        if hop.word.only_host is not None:
            _judge_host(onward.target, hop.word.only_host)
        if back or not self._judged:
            return onward
        within = self.of_app() if hop.within is None and not caller else hop.within
        reach = reach_of(peer)
        return onward._replace(within=reach if within is None else min(within, reach))
