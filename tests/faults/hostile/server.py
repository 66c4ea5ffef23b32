"""A hostile server: what it does on one route, as behaviours of a `BadServer`."""

from __future__ import annotations

import gzip
import json
import threading
import zlib
from typing import Any, Dict

from transport import sockets
from transport.peers import Peer, Request, answer

from ..badserver import STREAM_HEAD, Behaviour, Hangup, chunk

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
#: How many bytes a flood has.
_FLOOD = 200 << 20
GZIP = OK + b"content-encoding: gzip\r\n\r\n"


def trickling(begin: bytes, rest: bytes = b"x") -> Behaviour:
    """Send something at once and then the rest, byte by byte, again and again."""

    def behave(peer: Peer, request: Request) -> None:
        peer.send(begin)
        stopped = threading.Event()
        while True:
            for byte in rest:
                peer.send(bytes((byte,)))
                stopped.wait(0.01)

    return behave


def flooding(begin: bytes, rest: bytes) -> Behaviour:
    """Send something and then the rest, as fast as it is taken.

    It ends where every limit is passed by far, so that a client without one fails and takes no machine along.
    """
    rest = rest * (1 + 65536 // len(rest))

    def behave(peer: Peer, request: Request) -> None:
        peer.send(begin)
        for _ in range(_FLOOD // len(rest)):
            peer.send(rest)
        raise Hangup

    return behave


def saying(body: bytes, status: str = "200 OK", **headers: str) -> Behaviour:
    """Answer with this; it is put together before anybody counts memory."""
    whole = answer(body, status, **headers)
    return lambda peer, request: peer.send(whole)


def telling(data: bytes) -> Behaviour:
    """Tell a job this, in a message of a WebSocket or an event of its stream, and wait for the client."""
    message, event = sockets.frame(data), STREAM_HEAD + chunk(b"data: " + data + b"\n\n")

    def behave(peer: Peer, request: Request) -> None:
        if "upgrade" in request.headers:
            sockets.accept(peer, request)
            peer.send(message)
        else:
            peer.send(event)
        peer.closed()
        raise Hangup

    return behave


def telling_for_ever(message: Any) -> Behaviour:
    """Tell a job, or the jobs of a session, this again and again."""
    data = message if isinstance(message, bytes) else json.dumps(message).encode()
    frames = sockets.frame(data) * (1 + 65536 // len(data))
    events = chunk((b"data: " + data + b"\n\n") * (1 + 65536 // len(data)))

    def behave(peer: Peer, request: Request) -> None:
        if "upgrade" in request.headers:
            sockets.accept(peer, request)
            flooding(b"", frames)(peer, request)
        flooding(STREAM_HEAD, events)(peer, request)

    return behave


def on_socket(act: Behaviour) -> Behaviour:
    """Agree to a WebSocket first."""

    def behave(peer: Peer, request: Request) -> None:
        sockets.accept(peer, request)
        act(peer, request)

    return behave


#: What trickles, a byte every hundredth of a second.
TRICKLES: Dict[str, Behaviour] = {
    "1xx answers": trickling(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a status line": trickling(b"HTTP/1.1 200 "),
    "header lines": trickling(OK, b"x: y\r\n"),
    "a body": trickling(OK + b"content-length: 99999\r\n\r\n"),
    "chunks": trickling(CHUNKED, chunk(b" ")),
    "a chunk line": trickling(CHUNKED + b"5;"),
    "trailers": trickling(CHUNKED + b"0\r\n", b"x: yyyyyyyyyyyyy\r\n"),
    "members of gzip": trickling(GZIP, gzip.compress(b"")),
}
#: What comes as fast as it is taken.
FLOODS: Dict[str, Behaviour] = {
    "1xx answers": flooding(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "103 hints": flooding(b"", b"HTTP/1.1 103 Hints\r\nlink: x\r\n\r\n"),
    "a status line": flooding(b"HTTP/1.1 200 ", b"x"),
    "a header line": flooding(OK + b"x: ", b"y"),
    "header lines": flooding(OK, b"x: y\r\n"),
    "a chunk's length": flooding(CHUNKED, b"0"),
    "a chunk's extension": flooding(CHUNKED + b"5;", b"x"),
    "trailers": flooding(CHUNKED + b"0\r\n", b"x: y\r\n"),
    "chunks of one byte": flooding(CHUNKED, chunk(b" ")),
    "empty members of gzip": flooding(GZIP, gzip.compress(b"")),
    "a body": flooding(OK + b"\r\n", b" " * 65536),
    "a body of gzip": flooding(GZIP, gzip.compress(b" " * 1_000_000)),
}

#: JSON of 15 MB that would become 5 million lists, with 320 MB.
DENSE = b'{"a":[' + b"[]," * 5_000_000 + b"0]}"
_INFLATED = b'{"a":[' + b"[]," * 12_000_000 + b"0]}"


def _raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


_PACKED = gzip.compress(_INFLATED)
#: 36 MB of JSON in 36 kB, by the name of its coding; what is packed twice is far less.
BOMBS: Dict[str, Any] = {
    "gzip": (_PACKED, "gzip"),
    "deflate": (zlib.compress(_INFLATED, 9), "deflate"),
    "deflate without its head": (_raw_deflate(_INFLATED), "deflate"),
    "gzip in gzip": (gzip.compress(_PACKED), "gzip, gzip"),
    "gzip in gzip in name only": (_PACKED, "gzip, gzip"),
    "br": (b"\x1b" + b"x" * 1000, "br"),
}
del _INFLATED, _PACKED


def bomb(name: str, head: bytes = OK) -> Behaviour:
    data, coding = BOMBS[name]
    fields = f"content-encoding: {coding}\r\ncontent-length: {len(data)}\r\n\r\n".encode()
    whole = head + fields + data

    def behave(peer: Peer, request: Request) -> None:
        peer.send(whole)
        peer.closed()
        raise Hangup

    return behave
