"""Tests `response.py`: answers read as they arrive."""

from __future__ import annotations

import gc
import gzip
import socket
import threading
import zlib

import pytest

from gradio_client_lite.errors import ClientClosed, ConnectionLost, ReadTimeout, ResponseTooLarge
from gradio_client_lite.transport.dial import connect_tcp
from gradio_client_lite.transport.http import Timeout

from .peers import CHUNKED, always, answer, chunk, later


def test_a_stream_returns_after_the_headers_and_gives_what_has_arrived(steps, connect_to):
    transport = connect_to(steps.url)
    steps.send(CHUNKED)
    with transport.stream("GET", steps.url) as stream:
        assert (stream.status, stream.url) == (200, steps.url)
        assert "idle=0 active=1" in repr(transport)
        steps.send(chunk(b"first"))
        assert stream.read_some() == b"first"
        steps.send(chunk(b"sec")[:-3])
        assert stream.read_some() == b"se"
        steps.send(b"c\r\n" + b"0\r\n\r\n")
        assert stream.read_some() == b"c"
        assert stream.read_some() == b""
        assert stream.read_some() == b""
        assert "idle=1 active=0" in repr(transport)
    assert "idle=1 active=0" in repr(transport)
    steps.end()


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_no_more_is_returned_than_asked_for(serve, connect_to, size):
    server = serve(always(b"abcdefgh"))
    with connect_to(server.url).stream("GET", server.url) as stream:
        pieces = list(iter(lambda: stream.read_some(size), b""))
    assert b"".join(pieces) == b"abcdefgh"
    assert max(map(len, pieces)) <= size


def test_the_connection_returns_with_the_last_byte_without_asking_for_the_end(serve, connect_to):
    replies = iter([answer(b"abc"), CHUNKED + chunk(b"abc") + b"0\r\n\r\n"])
    server = serve(always(lambda _: next(replies)))
    transport = connect_to(server.url)
    for _ in range(2):
        stream = transport.stream("GET", server.url)
        assert stream.read_some() == b"abc"
        assert "idle=1 active=0" in repr(transport)


def test_a_connection_is_kept_when_its_answer_had_arrived_at_closing(serve, connect_to):
    server = serve(always(lambda _: CHUNKED + chunk(b"abc") + chunk(b"def") + b"0\r\n\r\n"))
    transport = connect_to(server.url)
    with transport.stream("GET", server.url) as stream:
        assert stream.read_some(3) == b"abc"
    assert "idle=1 active=0" in repr(transport)


def test_a_connection_is_closed_when_its_answer_goes_on(steps, connect_to):
    transport = connect_to(steps.url)
    steps.send(CHUNKED + chunk(b"abc"))
    steps.end("wait")
    with transport.stream("GET", steps.url) as stream:
        assert stream.read_some() == b"abc"
    assert "idle=0 active=0" in repr(transport)
    assert steps.closed.wait(10)
    with pytest.raises(ConnectionLost, match="closed"):
        stream.read_some()


def test_closing_twice_does_no_harm(serve, connect_to):
    server = serve(always())
    stream = connect_to(server.url).stream("GET", server.url)
    stream.close()
    stream.close()
    stream.abort()


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize(
    "head", [CHUNKED + chunk(b"abc"), b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"]
)
def test_a_cut_is_never_a_clean_end(steps, connect_to, how, head):
    steps.send(head)
    transport = connect_to(steps.url)
    with transport.stream("GET", steps.url) as stream:
        assert stream.read_some() == b"abc"
        steps.end(how)
        for _ in range(2):
            with pytest.raises(ConnectionLost):
                stream.read_some()
    assert "idle=0 active=0" in repr(transport)


class Watched(socket.socket):
    """A socket that tells when it is about to wait for data."""

    def __init__(self, sock):
        super().__init__(fileno=sock.detach())
        self.waiting = threading.Event()

    def recv_into(self, *args):
        self.waiting.set()
        return super().recv_into(*args)


@pytest.fixture
def blocked(steps, connect_to):
    """A transport, a stream of its, and the outcome of a `read_some` that waits in the socket."""

    def make(head):
        sockets = []

        def connect(*where):
            sockets.append(Watched(connect_tcp(*where)))
            return sockets[0]

        steps.send(head)
        steps.end("wait")
        transport = connect_to(steps.url, connect=connect)
        stream = transport.stream("GET", steps.url)
        sockets[0].waiting.clear()
        wait = later(stream.read_some)
        assert sockets[0].waiting.wait(10)
        return transport, stream, wait

    return make


@pytest.mark.parametrize("head", [CHUNKED, b"HTTP/1.1 200 OK\r\n\r\n"], ids=["chunked", "until-close"])
def test_abort_wakes_a_blocked_read(blocked, head):
    transport, stream, wait = blocked(head)
    stream.abort()
    assert isinstance(wait(), ConnectionLost)
    assert "idle=0 active=0" in repr(transport)
    with pytest.raises(ConnectionLost):
        stream.read_some()


def test_close_from_another_thread_wakes_a_blocked_read(steps, blocked):
    _, stream, wait = blocked(CHUNKED)
    stream.close()
    assert isinstance(wait(), ConnectionLost)
    assert steps.closed.wait(10)


def test_abort_without_reader_closes_at_once(steps, connect_to):
    steps.send(CHUNKED + chunk(b"abc"))
    steps.end("wait")
    transport = connect_to(steps.url)
    stream = transport.stream("GET", steps.url)
    stream.abort()
    stream.abort()
    assert "idle=0 active=0" in repr(transport)
    with pytest.raises(ConnectionLost):
        stream.read_some()


def test_abort_after_the_end_spares_the_connection_given_back(serve, connect_to):
    server = serve(always(b"abc"))
    transport = connect_to(server.url)
    stream = transport.stream("GET", server.url)
    stream.read_some()
    stream.abort()
    assert transport.request("GET", server.url).body == b"abc"
    assert server.connections == 1


def test_closing_the_transport_wakes_a_blocked_read(blocked):
    transport, _, wait = blocked(CHUNKED)
    transport.close()
    assert isinstance(wait(), ClientClosed)


def test_a_forgotten_stream_closes_its_socket(steps, connect_to):
    steps.send(CHUNKED)
    steps.end("wait")
    transport = connect_to(steps.url)
    transport.stream("GET", steps.url)
    gc.collect()
    assert steps.closed.wait(10)
    assert "active=0" in repr(transport)


def test_silence_ends_a_stream_after_the_read_timeout(steps, connect_to):
    steps.send(CHUNKED + chunk(b"abc"))
    transport = connect_to(steps.url)
    with transport.stream("GET", steps.url, timeout=Timeout(read=0.3)) as stream:
        assert stream.read_some() == b"abc"
        with pytest.raises(ReadTimeout):
            stream.read_some()
        with pytest.raises(ConnectionLost):
            stream.read_some()
    steps.end()


def test_the_read_timeout_of_an_open_stream_can_be_changed(steps, connect_to):
    steps.send(CHUNKED + chunk(b"abc"))
    with connect_to(steps.url).stream("GET", steps.url, timeout=Timeout(read=None)) as stream:
        assert stream.read_some() == b"abc"
        stream.set_read_timeout(0.05)
        with pytest.raises(ReadTimeout):
            stream.read_some()
    stream.set_read_timeout(1)
    steps.end()


def test_event_streams_ask_for_no_compression_other_streams_do(serve, connect_to):
    server = serve(always())
    transport = connect_to(server.url)
    transport.stream("GET", server.url, headers={"Accept": "text/event-stream"}).close()
    transport.stream("GET", server.url).close()
    codings = [request.headers["accept-encoding"] for request in server.requests]
    assert codings == ["identity", "gzip, deflate"]


def test_a_flushed_event_of_a_compressed_stream_is_not_held_back(steps, connect_to):
    engine = zlib.compressobj(wbits=31)
    steps.send(CHUNKED.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n"))
    transport = connect_to(steps.url)
    with transport.stream("GET", steps.url) as stream:
        for text in (b"data: 1\n\n", b"data: 2\n\n"):
            steps.send(chunk(engine.compress(text) + engine.flush(zlib.Z_SYNC_FLUSH)))
            assert stream.read_some() == text
        steps.send(chunk(engine.flush()) + b"0\r\n\r\n")
        assert stream.read_some() == b""
    assert "idle=1 active=0" in repr(transport)
    steps.end()


@pytest.mark.parametrize("size", [1, 100, 65536])
@pytest.mark.parametrize("body", [bytes(range(200)) * 50, b"a" * 10_000], ids=["varied", "repetitive"])
def test_a_compressed_stream_gives_no_more_than_asked_for(serve, connect_to, size, body):
    server = serve(always(lambda _: answer(gzip.compress(body), content_encoding="gzip")))
    with connect_to(server.url).stream("GET", server.url) as stream:
        pieces = list(iter(lambda: stream.read_some(size), b""))
    assert b"".join(pieces) == body
    assert max(map(len, pieces)) <= size


def test_a_compressed_stream_that_is_cut_says_so(serve, connect_to):
    cut = gzip.compress(b"abc" * 1000)[:-9]
    server = serve(always(lambda _: answer(cut, content_encoding="gzip")))
    with connect_to(server.url).stream("GET", server.url) as stream:
        stream.read_some()
        for _ in range(2):
            with pytest.raises(ConnectionLost):
                stream.read_some()


def test_a_stream_may_be_limited(serve, connect_to):
    server = serve(always(lambda _: CHUNKED + chunk(b"x" * 50) + chunk(b"x" * 51) + b"0\r\n\r\n"))
    with connect_to(server.url).stream("GET", server.url, max_bytes=100) as stream:
        assert stream.read_some() == b"x" * 50
        for _ in range(2):
            with pytest.raises(ResponseTooLarge):
                stream.read_some()


def test_the_repr_tells_the_state(serve, connect_to):
    server = serve(always())
    stream = connect_to(server.url).stream("GET", server.url + "a?token=s3cret")
    assert repr(stream) == f"<StreamingResponse 200 {server.url}a open>"
    stream.read_all()
    assert repr(stream) == f"<StreamingResponse 200 {server.url}a ended>"
