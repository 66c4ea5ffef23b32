"""Tests `response.py`: what has arrived of an answer, read without waiting."""

from __future__ import annotations

import gzip
import socket
import time

import pytest

from gradio_client_lite.errors import ConnectionLost
from gradio_client_lite.transport.http import Timeout

from .peers import CHUNKED, always, answer, chunk, later


def arrived(stream, patience=10):
    """Everything up to the end, read without waiting."""
    limit = time.monotonic() + patience
    pieces = []
    while time.monotonic() < limit:
        data = stream.read_arrived()
        if data == b"":
            return b"".join(pieces)
        if data is None:
            time.sleep(0.001)
        else:
            pieces.append(data)
    raise AssertionError("no end came")


BODY = b"first" * 4000 + b"second"
BODIES = {
    "chunked": CHUNKED
    + chunk(BODY[:7])
    + b"a;ext=1\r\n"
    + BODY[7:17]
    + b"\r\n"
    + chunk(BODY[17:])
    + b"0\r\ntrailer: 1\r\n\r\n",
    "length": answer(BODY),
    "gzip": answer(gzip.compress(BODY), content_encoding="gzip"),
}


@pytest.mark.parametrize("framing", BODIES)
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
def test_body_is_whole_however_it_arrives(serve, connect_to, framing, size):
    wire = BODIES[framing]
    head, body = wire[: wire.index(b"\r\n\r\n") + 4], wire[wire.index(b"\r\n\r\n") + 4 :]
    # Every boundary at the edges, where the framing is, and big steps through the middle.
    edge = 60
    tail = max(edge, len(body) - edge)

    def script(peer):
        peer.request()
        peer.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.send(head)
        for start in range(0, edge, size):
            peer.send(body[start : min(start + size, edge)])
            time.sleep(0.0005)
        peer.send(body[edge:tail])
        for start in range(tail, len(body), size):
            peer.send(body[start : start + size])
            time.sleep(0.0005)
        peer.closed()

    transport = connect_to()
    with transport.stream("GET", serve(script).url) as stream:
        assert arrived(stream) == BODY
    assert "idle=1 active=0" in repr(transport)


def test_body_up_to_the_close_is_whole(serve, connect_to):
    def script(peer):
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\nsome")
        time.sleep(0.02)
        peer.send(b" more")

    with connect_to().stream("GET", serve(script).url) as stream:
        assert arrived(stream) == b"some more"


@pytest.mark.parametrize("cut", [b"", b"5", b"5\r\n", b"5\r\nhel", b"5\r\nhello", b"5\r\nhello\r\n0\r\n"])
def test_body_cut_short_is_lost(serve, connect_to, cut):
    def script(peer):
        peer.request()
        peer.send(CHUNKED + chunk(b"start"))
        time.sleep(0.01)
        peer.send(cut)

    with connect_to().stream("GET", serve(script).url) as stream, pytest.raises(ConnectionLost):
        arrived(stream)


def test_lull_is_no_end_and_waiting_still_works(steps, connect_to):
    steps.send(CHUNKED + chunk(b"one") + b"3")
    with connect_to().stream("GET", steps.url) as stream:
        while stream.read_arrived() is None:
            time.sleep(0.001)
        assert stream.read_arrived() is None
        assert stream.fileno() >= 0
        wait = later(stream.read_some)
        steps.send(b"\r\ntwo\r\n")
        assert wait() == b"two"
        assert stream.read_arrived() is None
        stream.abort()
        with pytest.raises(ConnectionLost):
            arrived(stream)
        assert stream.fileno() == -1
    steps.end()


def test_half_a_compressed_chunk_is_a_lull(steps, connect_to):
    packed = gzip.compress(b"text")
    steps.send(CHUNKED[:-2] + b"content-encoding: gzip\r\n\r\n" + chunk(packed[:5]))
    with connect_to().stream("GET", steps.url, timeout=Timeout(read=10)) as stream:
        for _ in range(50):
            assert stream.read_arrived() is None
            time.sleep(0.001)
        steps.send(chunk(packed[5:]) + chunk(b""))
        assert arrived(stream) == b"text"
    steps.end()


def test_only_an_answer_that_switches_gives_its_connection_away(serve, connect_to):
    with connect_to().stream("GET", serve(always()).url) as stream, pytest.raises(ConnectionLost):
        stream.take_connection()


def test_connection_that_switched_unasked_is_not_kept(serve, connect_to):
    server = serve(always(lambda _: b"HTTP/1.1 101 Yes\r\nupgrade: x\r\n\r\n"))
    transport = connect_to(server.url)
    assert transport.request("GET", server.url).status == 101
    assert "idle=0 active=0" in repr(transport)
