"""Keeping connections, and sending again when a kept one turns out to be dead."""

from __future__ import annotations

import socket
import sys
import threading

import pytest

from gradio_client_lite.errors import ClientClosed, ConnectionLost
from gradio_client_lite.transport import pool as pool_module
from gradio_client_lite.transport.dial import connect_tcp
from gradio_client_lite.transport.http import Transport

from .peers import PATIENCE, Clock, always, answer, chunk, later


class DeadOnUse:
    """A socket that looks alive, until its peer is gone all at once: the race no check can win.

    Args:
        fail: "send" raises at sending, "read" at reading.
    """

    def __init__(self, sock, fail):
        self._sock, self._fail, self.armed = sock, fail, False
        self.tried = []

    def send(self, data):
        if self.armed:
            self.tried.append(bytes(data))
            if self._fail == "send":
                raise BrokenPipeError(32, "gone")
            return len(data)
        return self._sock.send(data)

    def recv_into(self, buffer):
        if self.armed:
            raise ConnectionResetError(104, "gone")
        return self._sock.recv_into(buffer)

    def __getattr__(self, name):
        return getattr(self._sock, name)


@pytest.fixture
def dying():
    """Make a `connect` whose first connection can be made to die."""

    def make(fail):
        sockets = []

        def connect(address, deadline):
            sock = connect_tcp(address, deadline)
            if not sockets:
                sock = DeadOnUse(sock, fail)
            sockets.append(sock)
            return sock

        return connect, sockets

    return make


def test_one_connection_serves_many_requests(serve, connect_to):
    server = serve(always())
    transport = connect_to(server.url)
    for _ in range(5):
        transport.request("GET", server.url)
        transport.request("POST", server.url, body=b"x")
    assert server.connections == 1


def test_a_kept_connection_that_cannot_be_looked_at_is_not_used(serve, connect_to, monkeypatch):
    """As with `select` alone, which takes no socket numbered 1024 or more."""
    server = serve(always(b"one"), always(b"two"))
    transport = connect_to(server.url)
    transport.request("GET", server.url)

    def refuse(*_: object, **__: object) -> None:
        raise ValueError("filedescriptor out of range in select()")

    with monkeypatch.context() as patched:
        patched.setattr("gradio_client_lite.transport.connection.ready", refuse)
        assert transport.request("GET", server.url).body == b"two"


def test_a_connection_is_not_kept_after_a_failure_of_the_server(serve, connect_to):
    # uvicorn closes it after an exception of the app, and does not say so.
    server = serve(always(lambda request: answer(b"oops", "500 Internal Server Error")))
    transport = connect_to(server.url)
    for _ in range(3):
        assert transport.request("GET", server.url).status == 500
    assert server.connections == 3


def test_nothing_is_delayed_and_a_vanished_network_noticed():
    """However long a request may wait for its answer, as one of a function without a queue does."""
    sockets = []

    def connect(address, deadline):
        sockets.append(connect_tcp(address, deadline))
        return sockets[0]

    with socket.create_server(("127.0.0.1", 0)) as listener:
        transport = Transport(base_url="http://127.0.0.1/", connect=connect)
        thread = threading.Thread(
            target=lambda: transport.request("GET", f"http://127.0.0.1:{listener.getsockname()[1]}/")
        )
        thread.start()
        peer, _ = listener.accept()
        with peer:
            peer.recv(1000)
            assert sockets[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert sockets[0].getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            if sys.platform == "linux":
                assert sockets[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30
            peer.sendall(answer())
            thread.join()
        transport.close()


def test_the_connection_used_last_is_reused_first(serve, connect_to):
    ports = []

    def script(peer):
        while peer.request():
            ports.append(peer.sock.getpeername()[1])
            peer.answer()

    server = serve(script)
    transport = connect_to(server.url)
    first, second = (transport.stream("GET", server.url) for _ in range(2))
    first.read_all()
    second.read_all()
    transport.request("GET", server.url)
    assert ports[2] == ports[1] != ports[0]


def test_origins_do_not_share_connections(serve, connect_to):
    one, two = serve(always()), serve(always())
    transport = connect_to(one.url)
    transport.request("GET", one.url)
    transport.request("GET", two.url)
    assert (one.connections, two.connections) == (1, 1)


def test_no_more_idle_connections_are_kept_than_allowed(serve, connect_to):
    server = serve(always())
    transport = connect_to(server.url, max_idle=2)
    for stream in [transport.stream("GET", server.url) for _ in range(4)]:
        stream.read_all()
    assert "idle=2 active=0" in repr(transport)


def test_as_many_are_kept_as_a_client_has_workers(serve, connect_to):
    """Else a batch, whose calls end together, would open some anew each time."""
    server = serve(always())
    transport = connect_to(server.url)
    for _ in range(2):
        for stream in [transport.stream("GET", server.url) for _ in range(40)]:
            stream.read_all()
    assert server.connections == 40


def test_a_post_avoids_a_connection_idle_for_too_long(serve, connect_to):
    clock = Clock()
    server = serve(always())
    transport = connect_to(server.url, clock=clock, calendar=clock, idle_expiry=4.0)
    transport.request("GET", server.url)
    clock.now += 3.9
    transport.request("POST", server.url)
    assert server.connections == 1
    clock.now += 4.1
    transport.request("POST", server.url)
    assert server.connections == 2


def test_a_get_may_use_it_for_longer(serve, connect_to):
    clock = Clock()
    server = serve(always())
    transport = connect_to(server.url, clock=clock, calendar=clock, idle_expiry=4.0)
    transport.request("GET", server.url)
    clock.now += 30
    transport.request("GET", server.url)
    assert server.connections == 1
    clock.now += 61
    transport.request("GET", server.url)
    assert server.connections == 2
    assert "idle=1 active=0" in repr(transport)


def test_a_post_avoids_a_connection_from_before_the_machine_slept(serve, connect_to, dying):
    """The server has closed it meanwhile, without a sign of it having come."""
    clock, calendar = Clock(), Clock()
    connect, sockets = dying("read")
    server = serve(always())
    transport = connect_to(server.url, clock=clock, calendar=calendar, connect=connect)
    transport.request("GET", server.url)
    sockets[0].armed = True
    clock.now += 0.1
    calendar.now += 8 * 3600
    assert transport.request("POST", server.url, body=b"x").body == b"ok"
    assert "idle=1 active=0" in repr(transport)
    calendar.now -= 3600  # set back by hand: no reason to trust a connection for longer
    clock.now += 4.1
    transport.request("POST", server.url, body=b"x")
    assert server.connections == 3


@pytest.mark.parametrize(
    ("slept", "connections"), [(0.4, 1), (100.0, 2), (-100.0, 1)], ids=["drift", "sleep", "set back"]
)
def test_time_asleep_counts_as_idle(serve, connect_to, slept, connections):
    clock, calendar = Clock(), Clock()
    server = serve(always())
    transport = connect_to(server.url, clock=clock, calendar=calendar)
    transport.request("GET", server.url)
    clock.now += 1.0
    calendar.now += 1.0 + slept
    transport.request("POST", server.url)
    assert server.connections == connections


@pytest.mark.parametrize("junk", [b"", b"HTTP/1.1 408 Request Timeout\r\n\r\n"])
def test_an_idle_connection_the_server_closed_or_spoke_on_is_discarded(serve, connect_to, junk):
    ended = threading.Event()

    def script(peer):
        peer.request()
        peer.answer(b"first")
        peer.send(junk)
        peer.sock.shutdown(socket.SHUT_WR)
        ended.set()
        peer.closed()

    server = serve(script, always(b"second"))
    transport = connect_to(server.url)
    assert transport.request("POST", server.url, body=b"1").body == b"first"
    assert ended.wait(10)
    assert transport.request("POST", server.url, body=b"2").body == b"second"
    assert [request.body for request in server.requests] == [b"1", b"2"]


def test_bytes_behind_an_answer_are_not_taken_for_the_next_one(serve, connect_to):
    server = serve(always(lambda _: answer(b"good") + answer(b"evil")))
    transport = connect_to(server.url)
    assert [transport.request("GET", server.url).body for _ in range(2)] == [b"good", b"good"]
    assert server.connections == 2


def test_connection_close_is_obeyed(serve, connect_to):
    server = serve(always(lambda _: answer(connection="close")))
    transport = connect_to(server.url)
    transport.request("GET", server.url)
    assert "idle=0 active=0" in repr(transport)


@pytest.mark.parametrize("fail", ["send", "read"])
def test_an_idempotent_request_is_sent_again_when_a_kept_connection_dies(serve, connect_to, dying, fail):
    connect, sockets = dying(fail)
    server = serve(always())
    transport = connect_to(server.url, connect=connect)
    transport.request("GET", server.url)
    sockets[0].armed = True
    assert transport.request("GET", server.url).body == b"ok"
    assert server.connections == 2


def test_a_post_is_sent_again_when_nothing_of_it_had_left(serve, connect_to, dying):
    connect, sockets = dying("send")
    server = serve(always())
    transport = connect_to(server.url, connect=connect)
    transport.request("GET", server.url)
    sockets[0].armed = True
    assert transport.request("POST", server.url, body=b"x").body == b"ok"
    assert [request.method for request in server.requests] == ["GET", "POST"]


def test_a_post_that_was_sent_is_never_sent_again(serve, connect_to, dying):
    connect, sockets = dying("read")
    server = serve(always())
    transport = connect_to(server.url, connect=connect)
    transport.request("GET", server.url)
    sockets[0].armed = True
    with pytest.raises(ConnectionLost, match="broke"):
        transport.request("POST", server.url, body=b"x")
    assert [data[:6] for data in sockets[0].tried] == [b"POST /"]
    assert [request.method for request in server.requests] == ["GET"]
    assert "idle=0 active=0" in repr(transport)


def test_a_post_called_idempotent_is_sent_again(serve, connect_to, dying):
    connect, sockets = dying("read")
    server = serve(always())
    transport = connect_to(server.url, connect=connect)
    transport.request("GET", server.url)
    sockets[0].armed = True
    assert transport.request("POST", server.url, body=b"x", idempotent=True).status == 200


def test_a_new_connection_that_dies_is_not_tried_again(serve, connect_to):
    def script(peer):
        peer.request()
        peer.reset()

    server = serve(script)
    with pytest.raises(ConnectionLost):
        connect_to(server.url).request("GET", server.url)
    assert server.connections == 1


def test_an_answer_that_has_begun_is_not_asked_for_again(serve, connect_to):
    def script(peer):
        peer.request()
        peer.answer(b"first")
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-le")

    server = serve(script, always())
    transport = connect_to(server.url)
    transport.request("GET", server.url)
    with pytest.raises(ConnectionLost):
        transport.request("GET", server.url)
    assert server.connections == 1


def test_threads_share_a_transport(serve, connect_to):
    server = serve(always(lambda r: answer(r.path.encode())))
    transport = connect_to(server.url)
    wrong = []

    def work(number):
        for turn in range(20):
            path = f"/{number}/{turn}"
            if transport.request("GET", server.url.rstrip("/") + path).body != path.encode():
                wrong.append(path)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert server.connections <= 8
    assert "active=0" in repr(transport)


# --- opened ahead


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_connection_opened_ahead_serves_the_next_request(serve, connect_to, wrap, method):
    """The tickets that TLS sends behind its handshake are no answer that nobody has asked for."""
    begun = threading.Event()
    server = serve(lambda peer: begun.set() or always()(peer), wrap=wrap)
    transport = connect_to(server.url, verify=False)
    assert transport.open_ahead(server.url) > 0
    assert begun.wait(PATIENCE)
    assert "idle=1 active=0" in repr(transport)
    assert transport.request(method, server.url).body == b"ok"
    assert server.connections == 1


def test_a_connection_opened_ahead_that_has_spoken_is_not_used(serve, connect_to, wrap):
    spoken = threading.Event()

    def script(peer):
        peer.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # not behind the tickets
        peer.send(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
        spoken.set()
        peer.closed()

    server = serve(script, always(b"second"), wrap=wrap)
    transport = connect_to(server.url, verify=False)
    transport.open_ahead(server.url)
    assert spoken.wait(PATIENCE)
    assert transport.request("GET", server.url).body == b"second"


def test_nothing_is_kept_of_what_is_opened_ahead_by_a_closed_transport(serve, connect_to):
    server = serve(lambda peer: peer.closed())
    transport = connect_to(server.url)
    transport.close()
    with pytest.raises(ClientClosed):
        transport.open_ahead(server.url)
    assert "idle=0 active=0" in repr(transport)


# --- old connections to a server far away


@pytest.fixture
def far(monkeypatch, connect_to, wrap, serve):
    """Serve by TLS, and make a transport whose one connection has been idle for too long."""
    monkeypatch.setattr(pool_module, "FAR", 0.0)
    monkeypatch.setattr(pool_module, "_PATIENCE", PATIENCE)

    def make(*scripts, harmless="harmless", tls=True):
        clock = Clock()
        server = serve(*scripts, wrap=wrap if tls else None)
        transport = connect_to(server.url, verify=False, clock=clock, calendar=clock)
        transport.renew_with(server.url + harmless)
        transport.request("GET", server.url + "first")
        clock.now += 10
        return server, transport

    return make


def paths(server):
    return [request.path for request in server.requests]


def test_a_post_uses_an_old_connection_that_has_answered_something_harmless(far):
    server, transport = far(always())
    headers = {"x-token": "t"}
    for number in range(2):
        assert transport.request("POST", server.url + f"{number}", headers=headers, body=b"{}").body == b"ok"
    assert paths(server) == ["/first", "/harmless", "/0", "/1"]
    assert server.connections == 1
    harmless = server.requests[1]
    assert (harmless.method, harmless.body, harmless.headers["x-token"]) == ("GET", b"", "t")
    assert "content-length" not in harmless.headers


def test_so_does_a_stream_that_must_not_be_opened_twice(far):
    server, transport = far(always())
    transport.stream("GET", server.url + "stream", idempotent=False).read_all()
    assert paths(server) == ["/first", "/harmless", "/stream"]


def test_a_get_uses_it_unasked(far):
    server, transport = far(always())
    transport.request("GET", server.url)
    assert paths(server) == ["/first", "/"]


def once(end):
    """Answer the first request, and the one after it by `end`."""

    def script(peer):
        peer.request()
        peer.answer()
        if peer.request() is not None:
            end(peer)

    return script


ENDS = {
    "closed": lambda peer: None,
    "reset": lambda peer: peer.reset(),
    "failed": lambda peer: peer.answer(b"", "500 Internal Server Error") or peer.closed(),
    "no HTTP": lambda peer: peer.send(b"what?\r\n\r\n") or peer.closed(),
    "not kept": lambda peer: peer.answer(connection="close") or peer.closed(),
    "cut": lambda peer: peer.send(answer(b"much", content_length="9")),
    "silent": lambda peer: peer.closed(),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_post_is_sent_once_where_an_old_connection_does_not_answer_well(far, end, monkeypatch):
    server, transport = far(once(end), always(b"new"))
    monkeypatch.setattr(pool_module, "_PATIENCE", 0.3)
    assert transport.request("POST", server.url + "post", body=b"x").body == b"new"
    assert paths(server) == ["/first", "/harmless", "/post"]
    assert server.connections == 2


def test_an_answer_in_chunks_is_one(far):
    pieces = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + chunk(b"1") + chunk(b"2") + chunk(b"")
    server, transport = far(always(lambda _: pieces))
    assert transport.request("POST", server.url).body == b"12"
    assert server.connections == 1


def test_a_post_in_clear_makes_a_new_connection_which_takes_as_long(far):
    server, transport = far(always(), tls=False)
    transport.request("POST", server.url)
    assert paths(server) == ["/first", "/"]
    assert server.connections == 2


def test_so_does_one_to_a_server_near_by(far, monkeypatch):
    server, transport = far(always())
    monkeypatch.setattr(pool_module, "FAR", 60.0)
    transport.request("POST", server.url)
    assert paths(server) == ["/first", "/"]
    assert server.connections == 2


def test_so_does_one_where_nothing_is_known_to_be_harmless(far, wrap, serve):
    server, transport = far(always())
    other = serve(always(), wrap=wrap)
    transport.renew_with(other.url)
    transport.request("POST", server.url)
    assert paths(server) == ["/first", "/"]
    assert not other.requests


def test_closing_ends_the_wait_for_an_old_connection(far):
    asked = threading.Event()
    server, transport = far(once(lambda peer: asked.set() or peer.closed()), lambda peer: peer.closed())
    wait = later(lambda: transport.request("POST", server.url))
    assert asked.wait(PATIENCE)
    transport.close()
    assert isinstance(wait(), ClientClosed)
    assert paths(server) == ["/first", "/harmless"]


def test_an_interrupt_closes_an_old_connection_that_was_asked(far, monkeypatch):
    server, transport = far(always())

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(pool_module, "BodyReader", interrupt)
    with pytest.raises(KeyboardInterrupt):
        transport.request("POST", server.url)
    assert "idle=0 active=0" in repr(transport)


# --- what a server has closed while the client rests


def replaced(transport, server):
    transport.replace_closed(server.url + "post")
    return repr(transport)


def test_connections_that_a_server_far_away_has_closed_are_replaced_for_a_call_and_its_stream(far):
    gone = threading.Event()

    def closes(peer):
        peer.request()
        peer.answer()
        peer.sock.shutdown(socket.SHUT_WR)
        gone.set()
        peer.closed()

    server, transport = far(closes, always())
    assert gone.wait(PATIENCE)
    for _ in range(2):
        assert "idle=2 active=0" in replaced(transport, server)
    assert server.connections == 3
    transport._pool._clock.now += 10
    transport.request("POST", server.url + "post")
    assert paths(server) == ["/first", "/harmless", "/post"]
    assert server.connections == 3


def test_those_that_are_open_are_kept_in_their_order(far):
    ports = []

    def script(peer):
        while peer.request():
            ports.append(peer.sock.getpeername()[1])
            peer.answer()

    server, transport = far(script)
    for stream in [transport.stream("GET", server.url) for _ in range(3)]:
        stream.read_all()
    assert "idle=3 active=0" in replaced(transport, server)
    transport.request("GET", server.url)
    assert ports[-1] == ports[-2]
    assert server.connections == 3


def test_nothing_is_opened_to_a_server_near_by(far, monkeypatch):
    server, transport = far(always())
    monkeypatch.setattr(pool_module, "FAR", 60.0)
    assert "idle=1 active=0" in replaced(transport, server)
    assert server.connections == 1


def test_nothing_is_kept_where_the_transport_is_closed_meanwhile(far, monkeypatch):
    server, transport = far(always())
    (idle,) = transport._pool._idle
    monkeypatch.setattr(idle, "stale", lambda: transport.close())
    with pytest.raises(ClientClosed):
        replaced(transport, server)
    assert "idle=0 active=0" in repr(transport)


def test_those_that_are_kept_are_no_younger_for_it(far):
    server, transport = far(always())
    replaced(transport, server)
    transport.request("POST", server.url + "post")
    assert paths(server) == ["/first", "/post"]  # over the one that was opened
    transport._pool._clock.now += 3
    replaced(transport, server)
    transport.request("POST", server.url + "post")
    assert paths(server) == ["/first", "/post", "/harmless", "/post"]
