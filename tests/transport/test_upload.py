"""Tests `connection.py`: request bodies, and servers that answer before they have read them."""

from __future__ import annotations

import socket
import threading

import pytest

from gradio_client_lite.errors import ArgumentError, ConnectionLost
from gradio_client_lite.transport.dial import connect_tcp

from .peers import always, answer

BIG = 8_000_000


class Chunks:
    """A body of chunks; `size` wins over the length."""

    def __init__(self, *chunks, size=None):
        self.chunks = chunks
        self.size = sum(map(len, chunks)) if size is None else size
        self.iterations = 0

    def __len__(self):
        return 0

    def __iter__(self):
        self.iterations += 1
        return iter(self.chunks)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("size", [0, 1, 65536, 65537, BIG])
def test_bytes_arrive_whole(serve, connect_to, kind, size):
    server = serve(always())
    body = (b"0123456789abcdef" * (size // 16 + 1))[:size]
    connect_to(server.url).request("POST", server.url, body=kind(body))
    assert server.requests[0].body == body


@pytest.mark.parametrize(
    "chunks",
    [
        (),
        (b"",),
        (b"abc",),
        (b"", b"a", b"", b"bc"),
        (b"x" * 100_000, b"y" * 10),
        (b"a", b"x" * 3_000_000, b"z"),
    ],
    ids=["none", "empty", "one", "some-empty", "large-first", "large-second"],
)
def test_chunks_arrive_whole(serve, connect_to, chunks):
    server = serve(always())
    transport = connect_to(server.url)
    for _ in range(2):
        assert transport.request("POST", server.url, body=Chunks(*chunks)).status == 200
    assert [request.body for request in server.requests] == [b"".join(chunks)] * 2
    assert server.connections == 1


def test_the_first_chunk_leaves_with_the_head(serve, connect_to):
    packets = []

    def script(peer):
        packets.append(peer.sock.recv(65536))
        peer.answer()

    server = serve(script)
    connect_to(server.url).request("POST", server.url, body=Chunks(b"abc"))
    assert packets[0].endswith(b"content-length: 3\r\n\r\nabc")


@pytest.mark.parametrize("size", [2, 4])
def test_a_body_of_another_size_than_it_says_is_an_error_of_the_caller(serve, connect_to, size):
    def script(peer):
        peer.request()

    server = serve(script)
    transport = connect_to(server.url)
    with pytest.raises(ArgumentError, match="size"):
        transport.request("POST", server.url, body=Chunks(b"abc", size=size))
    assert "idle=0 active=0" in repr(transport)


def test_what_the_body_raises_comes_out_as_it_is(serve, connect_to):
    class Broken(Chunks):
        def __iter__(self):
            yield b"abc"
            raise FileNotFoundError(2, "gone", "name.png")

    server = serve(always())
    transport = connect_to(server.url)
    with pytest.raises(FileNotFoundError, match=r"name\.png"):
        transport.request("POST", server.url, body=Broken(size=10))
    assert "idle=0 active=0" in repr(transport)


def refuse(how):
    """Answer 413 after the head alone."""

    def script(peer):
        peer.head()
        peer.send(answer(b"too large", "413 Too Large", connection="close"))
        if how == "half-close":
            peer.sock.shutdown(socket.SHUT_WR)
            peer.closed()
        elif how == "stay":
            threading.Event().wait(0.2)

    return script


@pytest.mark.parametrize("how", ["half-close", "stay"])
@pytest.mark.parametrize(
    "body", [b"x" * 50_000_000, Chunks(*[b"x" * 1_000_000] * 50)], ids=["bytes", "chunks"]
)
def test_an_early_answer_is_returned_while_uploading(serve, connect_to, how, body):
    server = serve(refuse(how))
    transport = connect_to(server.url)
    response = transport.request("POST", server.url, body=body)
    assert (response.status, response.body) == (413, b"too large")
    assert "idle=0 active=0" in repr(transport)


def test_an_early_answer_counts_even_when_sending_fails(serve, connect_to):
    failed = threading.Event()

    class Breaking(socket.socket):
        """Its second `send` fails, as after a reset; what has arrived can be read."""

        def send(self, data):
            if len(data) < 100_000:
                return super().send(data)
            failed.set()
            raise BrokenPipeError(32, "broken pipe")

    def script(peer):
        peer.head()
        assert failed.wait(10)
        peer.answer(b"too large", "413 Too Large")

    def connect(*where):
        return Breaking(fileno=connect_tcp(*where).detach())

    server = serve(script)
    transport = connect_to(server.url, connect=connect)
    assert transport.request("POST", server.url, body=b"x" * 200_000).status == 413
    assert "idle=0 active=0" in repr(transport)


def test_a_connection_lost_while_uploading_is_said_so(serve, connect_to):
    def script(peer):
        peer.head()
        peer.reset()

    server = serve(script)
    transport = connect_to(server.url)
    with pytest.raises(ConnectionLost):
        transport.request("POST", server.url, body=b"x" * 50_000_000)
    assert server.connections == 1


def test_a_body_is_read_again_for_a_second_attempt(serve, connect_to):
    def script(peer):
        peer.request()
        peer.answer()
        peer.head()

    server = serve(script, always())
    transport = connect_to(server.url)
    transport.request("GET", server.url)
    body = Chunks(b"abc", b"def")
    transport.request("PUT", server.url, body=body, idempotent=True)
    assert server.requests[-1].body == b"abcdef"
    assert body.iterations == 2


def test_a_large_body_gets_a_connection_of_its_own(serve, connect_to):
    server = serve(always(), always(), always())
    transport = connect_to(server.url)
    for size, connections in [(1, 1), (BIG, 1), (9 << 20, 2), (1, 2)]:
        assert transport.request("POST", server.url, body=bytes(size)).status == 200
        assert server.connections == connections
