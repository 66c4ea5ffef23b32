"""Tests `sockets.py`: silence counts from the last byte that was of use, and kinds of request have limits."""

from __future__ import annotations

import gzip
import threading
import time
import zlib

import pytest

from gradio_client_lite.errors import ConnectionLost, DeadlineExceeded, ProtocolError, ReadTimeout
from gradio_client_lite.limits import Bound
from gradio_client_lite.transport.dial import connect_tcp
from gradio_client_lite.transport.http import Timeout
from gradio_client_lite.transport.sockets import Deadline

from .peers import answer, chunk

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
#: Seconds of silence, and between two bytes.
READ, PAUSE = 0.3, 0.02


@pytest.fixture
def trickling(serve):
    """The URL of a server that sends something at once, and then the rest, byte by byte, again and again."""
    done = threading.Event()

    def make(begin, rest):
        def script(peer):
            peer.request()
            peer.send(begin)
            while not done.is_set():
                for byte in rest:
                    peer.send(bytes([byte]))
                    if done.wait(PAUSE):
                        return

        return serve(script).url

    yield make
    done.set()


def encoded(coding, data):
    return OK + f"content-encoding: {coding}\r\ncontent-length: 999999\r\n\r\n".encode() + data


def sync_blocks():
    """The beginning of compressed data, and a block without content that may follow it again and again."""
    engine = zlib.compressobj()
    engine.compress(b"x")
    begin = engine.flush(zlib.Z_SYNC_FLUSH)
    return begin, engine.flush(zlib.Z_FULL_FLUSH)[-5:]


TRICKLES = {
    "status": (b"HTTP/1.1 ", b"2"),
    "headers": (OK, b"x: y\r\n"),
    "informational": (b"", CONTINUE),
    "chunk-size": (CHUNKED, b"0"),
    "chunk-extension": (CHUNKED + b"5;", b"x"),
    "chunk-end": (CHUNKED + b"1\r\na", b"\r"),
    "trailers": (CHUNKED + b"0\r\n", b"x: yyyyyyyyyyy\r\n"),
    "gzip-members": (encoded("gzip", b""), gzip.compress(b"")),
    "gzip-header": (encoded("gzip", gzip.compress(b"", mtime=0)[:3] + b"\x08" + b"\0" * 6), b"name"),
    "deflate-blocks": (encoded("deflate", sync_blocks()[0]), b"\x00\x00\x00\xff\xff"),
}


@pytest.mark.parametrize("name", TRICKLES)
def test_bytes_that_are_of_no_use_are_silence(trickling, connect_to, name):
    url = trickling(*TRICKLES[name])
    with pytest.raises((ReadTimeout, ProtocolError), match=url) as caught:
        connect_to(url).request("GET", url, timeout=Timeout(read=READ))
    assert isinstance(caught.value, ReadTimeout) or name == "chunk-end"


def test_every_byte_of_a_body_is_of_use(serve, connect_to):
    def script(peer):
        peer.request()
        peer.send(OK + b"content-length: 20\r\n\r\n")
        for _ in range(20):
            time.sleep(READ / 10)
            peer.send(b"x")

    server = serve(script)
    assert connect_to(server.url).request("GET", server.url, timeout=Timeout(read=READ)).body == b"x" * 20


def test_the_silence_of_a_stream_begins_anew_with_each_read(serve, connect_to):
    def script(peer):
        peer.request()
        peer.send(CHUNKED)
        for _ in range(6):
            time.sleep(READ / 3)
            peer.send(chunk(b"x"))
        peer.send(chunk(b""))

    server = serve(script)
    with connect_to(server.url).stream("GET", server.url, timeout=Timeout(read=READ)) as stream:
        assert stream.read_all() == b"x" * 6


def test_time_between_two_reads_is_no_silence(serve, connect_to):
    def script(peer):
        peer.request()
        peer.send(CHUNKED + chunk(b"x"))
        time.sleep(READ * 1.5)
        peer.send(chunk(b"y") + chunk(b""))

    server = serve(script)
    with connect_to(server.url).stream("GET", server.url, timeout=Timeout(read=READ)) as stream:
        assert stream.read_some() == b"x"
        time.sleep(READ)
        assert stream.read_all() == b"y"


@pytest.mark.parametrize(
    "head", [CONTINUE, b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"], ids=["continue", "hints"]
)
def test_informational_answers_have_an_end(serve, connect_to, head):
    sent = []

    def script(peer):
        peer.request()
        while True:
            peer.send(head * 100)
            sent.append(head)

    server = serve(script)
    with pytest.raises(ProtocolError, match=server.url):
        connect_to(server.url).request("GET", server.url)
    assert len(sent) < 10_000


def test_a_few_informational_answers_are_skipped(serve, connect_to):
    server = serve(lambda peer: peer.request() and peer.send(CONTINUE * 10 + answer(b"ok")))
    assert connect_to(server.url).request("GET", server.url).body == b"ok"


def test_the_heads_of_an_answer_are_bounded_together(serve, connect_to):
    hints = b"HTTP/1.1 103 Early Hints\r\n" + (b"x: " + b"y" * 60_000 + b"\r\n") * 2 + b"\r\n"
    server = serve(lambda peer: peer.request() and peer.send(hints * 2 + answer(b"ok")))
    with pytest.raises(ProtocolError):
        connect_to(server.url).request("GET", server.url)


@pytest.mark.parametrize("piece", [gzip.compress(b""), sync_blocks()[1]], ids=["members", "blocks"])
def test_a_flood_of_compressed_nothing_has_an_end(serve, connect_to, piece):
    begin = encoded("gzip", b"") if piece.startswith(b"\x1f") else encoded("deflate", sync_blocks()[0])
    sent = []

    def script(peer):
        peer.request()
        peer.send(begin.replace(b"999999", b"9" * 12))
        while True:
            peer.send(piece * 1000)
            sent.append(piece)

    server = serve(script)
    with pytest.raises(ProtocolError, match="without content"):
        connect_to(server.url).request("GET", server.url, timeout=Timeout(read=60))
    assert len(sent) * len(piece) * 1000 < 50_000_000


# --- limits by kind


def test_a_passed_limit_is_named(trickling, connect_to):
    url = trickling(OK + b"content-length: 999\r\n\r\n", b"x")
    timeout = Timeout().whole(Bound(0.2, "Limits(describing=0.2)"))
    with pytest.raises(DeadlineExceeded, match=r"within Limits\(describing=0\.2\); make the client"):
        connect_to(url).request("GET", url, timeout=timeout)


def test_requests_may_share_a_deadline(serve, connect_to):
    def script(peer):
        while peer.request():
            time.sleep(0.15)
            peer.answer()

    server = serve(script)
    transport, deadline = connect_to(server.url), Deadline(0.4, name="Limits(connecting=0.4)")
    for _ in range(2):
        transport.request("GET", server.url, deadline=deadline)
    for _ in range(2):
        with pytest.raises(DeadlineExceeded, match="connecting"):
            transport.request("GET", server.url, deadline=deadline)


def test_a_stream_that_has_begun_in_time_lives_on(serve, connect_to):
    def script(peer):
        peer.request()
        peer.send(CHUNKED + chunk(b"x"))
        time.sleep(0.5)
        peer.send(chunk(b"y") + chunk(b""))

    server = serve(script)
    timeout = Timeout().opening(Bound(0.3, "Limits(joining=0.3)"))
    with connect_to(server.url).stream("GET", server.url, timeout=timeout) as stream:
        assert stream.read_all() == b"xy"


def test_a_stream_has_to_begin_in_time(trickling, connect_to):
    url = trickling(OK, b"x: y\r\n")
    timeout = Timeout(read=None).opening(Bound(0.2, "Limits(joining=0.2)"))
    with pytest.raises(DeadlineExceeded, match="joining"):
        connect_to(url).stream("GET", url, timeout=timeout)


# --- answers that take a function's run


def running(answering=None, read=READ):
    return Timeout(read=read).running(Bound(answering, f"Limits(answering={answering})"))


def test_a_function_may_run_longer_than_any_silence(serve, connect_to):
    def script(peer):
        while peer.request():
            time.sleep(READ * 2)
            peer.answer()

    server = serve(script)
    transport = connect_to(server.url)
    for _ in range(2):  # on a new connection, and on a kept one
        assert transport.request("POST", server.url, timeout=running(answering=READ)).body == b"ok"


@pytest.mark.parametrize(
    "begin", [b"H", OK, OK + b"content-length: 9\r\n\r\n", OK + b"content-length: 9\r\n\r\nabc"]
)
def test_an_answer_that_has_begun_must_not_stall(serve, connect_to, begin):
    def script(peer):
        peer.request()
        time.sleep(READ * 1.5)
        peer.send(begin)
        peer.closed()

    server = serve(script)
    with pytest.raises(ReadTimeout):
        connect_to(server.url).request("POST", server.url, timeout=running())


@pytest.mark.parametrize("begin", [OK, OK + b"content-length: 999\r\n\r\n"], ids=["head", "body"])
def test_an_answer_that_has_begun_has_a_limit(trickling, connect_to, begin):
    url = trickling(begin, b"x")
    with pytest.raises(DeadlineExceeded, match="answering"):
        connect_to(url).request("POST", url, timeout=running(0.2, read=None))


def test_an_answer_may_come_along_with_an_informational_one(serve, connect_to):
    server = serve(lambda peer: peer.request() and peer.send(CONTINUE + OK + b"content-length: 9\r\n\r\n"))
    with pytest.raises((ReadTimeout, ConnectionLost)):
        connect_to(server.url).request("POST", server.url, timeout=running())


@pytest.mark.parametrize("packets", [1, 2])
def test_a_function_may_run_on_after_an_informational_answer(serve, connect_to, packets):
    def script(peer):
        peer.request()
        for _ in range(packets):
            peer.send(CONTINUE)
            time.sleep(0.05)
        time.sleep(READ * 2)
        peer.answer()

    server = serve(script)
    assert connect_to(server.url).request("POST", server.url, timeout=running(READ)).body == b"ok"


def test_a_redirect_does_not_use_up_the_limit_of_the_answer(serve, connect_to):
    def script(peer):
        peer.request()
        peer.send(answer(status="307 Temporary Redirect", location="/there"))
        peer.request()
        time.sleep(0.4)
        peer.answer()

    server = serve(script)
    assert connect_to(server.url).request("POST", server.url, body=b"x", timeout=running(0.2)).body == b"ok"


def test_arguments_that_nobody_reads_are_a_stall(serve, connect_to):
    server = serve(lambda peer: peer.head() and threading.Event().wait(READ * 4))
    with pytest.raises(ReadTimeout):
        connect_to(server.url).request("POST", server.url, body=b"x" * 50_000_000, timeout=running())


# --- what it costs


class Counting:
    """A socket that counts how often its timeout is set."""

    def __init__(self, sock):
        self._sock = sock
        self.settings = []

    def settimeout(self, seconds):
        self.settings.append(seconds)
        self._sock.settimeout(seconds)

    def __getattr__(self, name):
        return getattr(self._sock, name)


def test_an_answer_in_many_pieces_sets_no_timer(serve, connect_to):
    def script(peer):
        while peer.request():
            for byte in answer(b"abc"):
                peer.send(bytes([byte]))
                time.sleep(0.001)

    sockets = []

    def connect(address, deadline):
        sockets.append(Counting(connect_tcp(address, deadline)))
        return sockets[-1]

    server = serve(script)
    transport = connect_to(server.url, connect=connect)
    for _ in range(2):
        transport.request("GET", server.url)
        settings, sockets[0].settings = sockets[0].settings, []
    assert settings == []
