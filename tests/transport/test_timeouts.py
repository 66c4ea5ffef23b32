"""Tests `sockets.py`: limits of time."""

from __future__ import annotations

import math
import socket
import threading
import time

import pytest

from gradio_client_lite.errors import ArgumentError, ConnectTimeout, DeadlineExceeded, ReadTimeout
from gradio_client_lite.transport.dial import connect_first, connect_tcp
from gradio_client_lite.transport.http import Timeout
from gradio_client_lite.transport.reach import Address
from gradio_client_lite.transport.sockets import Deadline, SocketReader, ready

from .peers import Clock, always, answer


@pytest.mark.parametrize("value", [0, -1, math.nan, "5"])
@pytest.mark.parametrize("name", ["connect", "read", "total"])
def test_a_limit_must_be_a_positive_number(name, value):
    with pytest.raises(ArgumentError, match=name):
        Timeout(**{name: value})


@pytest.mark.parametrize("value", [math.inf, 1e10, 3_000_000])
def test_a_limit_that_no_system_can_wait_for_is_none(serve, connect_to, value):
    limits = Timeout(connect=value, read=value, total=value)
    assert limits == Timeout(None, None, None)
    body = b"x" * (16 << 20)  # larger than all buffers, so that sending has to wait

    def slow(peer):
        size = int(peer.head().headers["content-length"])
        time.sleep(0.1)
        peer.body(size)
        peer.answer()

    server = serve(slow)
    assert connect_to().request("POST", server.url, body=body, timeout=limits).status == 200


def test_a_deadline_gives_the_time_left_capped_by_a_limit():
    now = [100.0]
    deadline = Deadline(10, lambda: now[0])
    assert deadline.left() == 10
    assert deadline.left(3) == 3
    now[0] += 8
    assert deadline.left(3) == 2
    assert not deadline.passed()
    now[0] += 2
    assert deadline.passed()
    with pytest.raises(socket.timeout):
        deadline.left(3)


def test_no_deadline_never_passes():
    deadline = Deadline(None)
    assert deadline.left() is None
    assert deadline.left(3) == 3
    assert not deadline.passed()


def test_the_sooner_deadline_wins():
    deadline = Deadline(10, lambda: 0.0)
    assert deadline.sooner(3).left() == 3
    assert deadline.sooner(30).left() == 10
    assert deadline.sooner(None).left() == 10
    assert Deadline(None, lambda: 0.0).sooner(3).left() == 3


@pytest.fixture
def silent(serve):
    """A server that reads a request, sends some bytes and then nothing."""
    done = threading.Event()

    def make(data=b""):
        def script(peer):
            peer.request()
            peer.send(data)
            done.wait(10)

        return serve(script).url

    yield make
    done.set()


@pytest.mark.parametrize("data", [b"", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab"])
def test_silence_is_a_read_timeout(silent, connect_to, data):
    url = silent(data)
    transport = connect_to(url, timeout=Timeout(read=0.05))
    with pytest.raises(ReadTimeout, match=url):
        transport.request("GET", url)
    assert "idle=0 active=0" in repr(transport)


def test_a_read_timeout_is_a_timeout_error(silent, connect_to):
    url = silent()
    with pytest.raises(TimeoutError):
        connect_to(url).request("GET", url, timeout=Timeout(read=0.05))


def test_a_kept_connection_that_times_out_is_not_tried_again(serve, connect_to):
    done = threading.Event()

    def script(peer):
        peer.request()
        peer.answer()
        peer.request()
        done.wait(10)

    server = serve(script)
    transport = connect_to(server.url)
    transport.request("GET", server.url)
    with pytest.raises(ReadTimeout):
        transport.request("GET", server.url, timeout=Timeout(read=0.05))
    done.set()
    assert server.connections == 1


def trickle(data, done):
    """A script that sends one byte every few milliseconds, for ever within any read timeout."""

    def script(peer):
        peer.request()
        for byte in data:
            peer.send(bytes([byte]))
            if done.wait(0.01):
                return

    return script


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 5000,
        b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n" + b"y" * 5000,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"1\r\ny\r\n" * 1000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 300,
    ],
    ids=["headers", "body", "chunks", "informational"],
)
def test_a_trickling_server_does_not_extend_the_deadline(serve, connect_to, data):
    done = threading.Event()
    server = serve(trickle(data, done))
    started = time.monotonic()
    with pytest.raises(DeadlineExceeded) as caught:
        connect_to(server.url).request("GET", server.url, timeout=Timeout(read=5, total=0.15))
    done.set()
    assert type(caught.value) is DeadlineExceeded
    assert 0.1 < time.monotonic() - started < 2


def test_the_deadline_covers_redirects(serve, connect_to):
    def script(peer):
        while peer.request():
            time.sleep(0.1)
            peer.send(answer(status="302 Found", location="/again"))

    server = serve(script)
    with pytest.raises(DeadlineExceeded):
        connect_to(server.url).request("GET", server.url, timeout=Timeout(total=0.5))
    assert 1 < len(server.requests) < 8


def test_a_stalled_upload_is_a_read_timeout(serve, connect_to):
    done = threading.Event()

    def script(peer):
        peer.head()
        done.wait(10)

    server = serve(script)
    with pytest.raises(ReadTimeout):
        connect_to(server.url).request("POST", server.url, body=b"x" * 50_000_000, timeout=Timeout(read=0.1))
    done.set()


def test_a_slow_upload_may_take_longer_than_the_read_timeout(serve, connect_to):
    def script(peer):
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 50_000)
        peer.head()
        started = time.monotonic()
        peer.skip(3_000_000, pause=0.015)
        peer.answer(str(time.monotonic() - started).encode())

    def connect(address, deadline):
        sock = connect_tcp(address, deadline)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 50_000)
        return sock

    server = serve(script)
    body, timeout = b"x" * 3_000_000, Timeout(read=0.5)
    response = connect_to(server.url, connect=connect).request("POST", server.url, body=body, timeout=timeout)
    assert float(response.body) > 0.5


@pytest.fixture
def full_listener():
    """The address of a listener whose queue is full: connecting to it takes for ever."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        yield listener.getsockname()
        for sock in waiting:
            sock.close()


def test_connecting_for_too_long_is_a_connect_timeout(full_listener, connect_to):
    url = "http://{}:{}/".format(*full_listener)
    with pytest.raises(ConnectTimeout, match="connect timeout"):
        connect_to(url).request("GET", url, timeout=Timeout(connect=0.1))


def test_the_deadline_covers_connecting(full_listener, connect_to):
    url = "http://{}:{}/".format(*full_listener)
    with pytest.raises(DeadlineExceeded) as caught:
        connect_to(url).request("GET", url, timeout=Timeout(connect=5, total=0.1))
    assert type(caught.value) is DeadlineExceeded


def test_a_silent_address_leaves_time_for_the_next(full_listener, serve):
    server = serve(always())
    places = [full_listener, ("127.0.0.1", server.port)]
    sock, address = connect_first([Address(socket.AF_INET, place) for place in places], Deadline(0.4))
    with sock:
        assert sock.getpeername() == address.place == places[1]


def test_equal_limits_are_one():
    assert len({Timeout(1, 2), Timeout(1, 2), Timeout(1, 3)}) == 2


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_no_byte_of_use_in_time_is_silence_whatever_comes_then(pair):
    reader = SocketReader(pair[0], Deadline(None))
    reader.limit = 0.05
    for _ in range(2):  # bytes of use, told by `renew`
        pair[1].send(b"x" * 100)
        reader.renew()
        assert reader.read(1) == b"x"
    time.sleep(0.06)
    with pytest.raises(socket.timeout, match="of use"):
        reader.read(1)
    reader.renew()
    assert reader.read(1) == b"x"


def test_a_thread_kept_from_waiting_for_all_the_time_it_was_granted_looks_once_more(pair):
    reader = SocketReader(pair[0], Deadline(None))
    reader.limit = 0.05

    def silence():
        pair[1].send(b"x")
        return 0.0  # has passed before the thread comes to wait

    reader.silence = silence
    assert reader.read(1) == b"x"


def test_a_closed_socket_is_ready_to_fail(pair):
    pair[0].close()
    assert ready(pair[0], write=False, timeout=None) == (True, True)


class _Flood:
    """A socket, TLS for example, that has more at each read."""

    def recv_into(self, buffer):
        return len(buffer)

    def settimeout(self, seconds):
        pass


def test_a_deadline_ends_an_answer_that_is_never_waited_for():
    clock = Clock()
    reader = SocketReader(_Flood(), Deadline(5, clock))
    assert reader.read(10)
    clock.now += 6
    with pytest.raises(socket.timeout, match="deadline"):
        reader.read(10)


class _Records(_Flood):
    """A socket that gives nothing before two more bytes have come, as TLS does with half a record."""

    def __init__(self, sock):
        self._sock = sock
        self._part = b""
        self.fileno = sock.fileno
        sock.setblocking(False)

    def recv_into(self, buffer):
        self._part += self._sock.recv(2 - len(self._part))
        if len(self._part) < 2:
            raise BlockingIOError
        buffer[:2], self._part = self._part, b""
        return 2


def test_half_a_record_is_not_what_came_of_no_use(pair):
    reader = SocketReader(_Records(pair[0]), Deadline(None))
    reader.limit = 0.4
    asked = []

    def silence():
        asked.append(True)
        pair[1].send(b"b")
        return 5.0

    reader.silence = silence
    timer = threading.Timer(0.3, pair[1].send, [b"a"])
    timer.start()
    assert reader.read(2) == b"ab"
    assert asked == [True]
    timer.join()
