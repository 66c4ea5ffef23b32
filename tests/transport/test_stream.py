"""Answers read as they arrive."""

from __future__ import annotations

import gc
import gzip
import socket
import threading
import time
import zlib

import pytest

from gradio_client_lite.errors import ClientClosed, ConnectionLost, ReadTimeout, ResponseTooLarge
from gradio_client_lite.transport.dial import connect_tcp
from gradio_client_lite.transport.http import Timeout

from .peers import always, answer

CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def later(function):
    """Run a function in a thread and return one that waits for its result or exception."""
    outcome = []

    def run():
        try:
            outcome.append(function())
        except Exception as exc:
            outcome.append(exc)

    thread = threading.Thread(target=run)
    thread.start()

    def wait():
        thread.join(10)
        assert not thread.is_alive()
        return outcome[0]

    return wait


@pytest.fixture
def steps(serve):
    """A server that sends the next piece of its answer when told to."""

    class Steps:
        def __init__(self):
            self.asked = threading.Event()
            self._next = threading.Semaphore(0)
            self._pieces = []
            self.closed = threading.Event()
            self.server = serve(self._script)
            self.url = self.server.url

        def send(self, piece):
            self._pieces.append(piece)
            self._next.release()

        def end(self, how="close"):
            self.send(how)

        def _script(self, peer):
            peer.request()
            self.asked.set()
            while self._next.acquire(timeout=10):
                piece = self._pieces.pop(0)
                if piece == "close":
                    return
                if piece == "reset":
                    peer.reset()
                    return
                if piece == "wait":
                    if peer.closed():
                        self.closed.set()
                    return
                peer.send(piece)

    return Steps()


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
        assert stream.read_some() == b"abc"
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


# --- without waiting


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
