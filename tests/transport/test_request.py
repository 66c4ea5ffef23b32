"""Tests `http.py`, `connection.py` and `failures.py`: requests and whole answers."""

from __future__ import annotations

import errno
import http.server
import logging
import select
import socket
import sys
import threading

import pytest

from gradio_client_lite.errors import ClientClosed, ConnectFailed, ProtocolError
from gradio_client_lite.transport.dial import connect_tcp
from gradio_client_lite.transport.http import Transport

from .peers import always, answer, unused_port


def test_an_answer_has_status_headers_url_and_body(serve, connect_to):
    server = serve(always(lambda _: answer(b'{"a": 1}', "201 Created", content_type="application/json")))
    response = connect_to(server.url).request("GET", server.url + "config?x=1#top")
    assert (response.status, response.url) == (201, server.url + "config?x=1")
    assert response.headers["Content-Type"] == "application/json"
    assert response.json() == {"a": 1}
    assert server.requests[0].path == "/config?x=1"


def test_no_status_raises(serve, connect_to):
    server = serve(always(lambda _: answer(b"broken", "500 Oops")))
    response = connect_to(server.url).request("GET", server.url)
    assert (response.status, response.text) == (500, "broken")


def test_a_stdlib_server_keeps_the_connection_open(connect_to):
    ports = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            ports.append(self.client_address[1])
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/"
        transport = connect_to(url)
        assert [transport.request("POST", url, body=b"abc").body for _ in range(3)] == [b"abc"] * 3
        transport.close()
        server.shutdown()
        thread.join()
    assert len(set(ports)) == 1


def test_a_refused_connection_says_so(connect_to):
    with unused_port() as port, pytest.raises(ConnectFailed, match="refused") as caught:
        connect_to().request("GET", f"http://user:pw@127.0.0.1:{port}/a?token=s3cret")
    assert f"http://127.0.0.1:{port}/a" in str(caught.value)
    assert "pw" not in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)


def test_an_unknown_host_says_so(connect_to, monkeypatch):
    with pytest.raises(ConnectFailed, match="could not be resolved"):
        connect_to().request("GET", "http://no-such-host.invalid/")


@pytest.mark.parametrize("number", [errno.EHOSTUNREACH, errno.ENETUNREACH])
def test_a_python_without_ssl_tells_of_network_failures(connect_to, monkeypatch, number):
    def fail(*_):
        raise OSError(number, "unreachable")

    monkeypatch.setitem(sys.modules, "ssl", None)
    with pytest.raises(ConnectFailed, match=errno.errorcode[number]):
        connect_to(connect=fail).request("GET", "http://127.0.0.1/")


def test_an_address_of_a_family_the_system_has_not_is_passed_over(serve, connect_to, monkeypatch):
    server = serve(always())
    good = socket.getaddrinfo("127.0.0.1", server.port, 0, socket.SOCK_STREAM)
    bad = (999, *good[0][1:])
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [bad, *good])
    assert connect_to(server.url).request("GET", server.url).body == b"ok"
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [bad])
    with pytest.raises(ConnectFailed, match="EAFNOSUPPORT"):
        connect_to(server.url).request("GET", "http://h.test/")


def test_what_is_not_http_is_a_protocol_error(serve, connect_to):
    def script(peer):
        peer.request()
        peer.send(b"220 ftp ready\r\n\r\n")

    server = serve(script)
    with pytest.raises(ProtocolError, match=r"HTTP/1\.1"):
        connect_to(server.url).request("GET", server.url)


def test_informational_answers_are_skipped(serve, connect_to):
    early = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
    server = serve(always(lambda _: early + answer(b"real")))
    transport = connect_to(server.url)
    assert transport.request("GET", server.url).body == b"real"
    assert transport.request("GET", server.url).body == b"real"
    assert server.connections == 1


def test_what_is_not_json_names_url_and_type(serve, connect_to):
    server = serve(always(lambda _: answer(b"<html>", content_type="text/html")))
    with pytest.raises(ProtocolError, match="text/html instead of JSON"):
        connect_to(server.url).request("GET", server.url).json()


@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        ("text/plain; charset=ISO-8859-1", b"\xe9", "é"),
        ("text/plain", "é".encode(), "é"),
        ("text/plain; charset=no-such", "é".encode(), "é"),
        ("text/plain; charset=idna", "é".encode(), "é"),
        ("text/plain; charset=zip", "é".encode(), "é"),
        ("text/plain; charset=a\0b", "é".encode(), "é"),
        ("text/plain", b"\xff", "\ufffd"),
    ],
)
def test_text_is_decoded_by_its_charset(serve, connect_to, kind, body, text):
    server = serve(always(lambda _: answer(body, content_type=kind)))
    assert connect_to(server.url).request("GET", server.url).text == text


def test_a_closed_transport_refuses(serve, connect_to):
    server = serve(always())
    transport = connect_to(server.url)
    transport.close()
    transport.close()
    with pytest.raises(ClientClosed):
        transport.request("GET", server.url)
    assert server.connections == 0


def test_closing_ends_a_request_under_way(serve, connect_to):
    asked, done = threading.Event(), threading.Event()

    def script(peer):
        peer.request()
        asked.set()
        done.wait(10)

    server = serve(script)
    transport = connect_to(server.url)
    failures = []

    def ask():
        try:
            transport.request("GET", server.url)
        except ClientClosed as exc:
            failures.append(exc)

    thread = threading.Thread(target=ask)
    thread.start()
    assert asked.wait(10)
    transport.close()
    thread.join(10)
    done.set()
    assert len(failures) == 1


def test_closing_while_connecting_sends_nothing(serve, connect_to):
    def connect(*where):
        sock = connect_tcp(*where)
        transport.close()
        return sock

    server = serve(always())
    transport = connect_to(server.url, connect=connect)
    with pytest.raises(ClientClosed):
        transport.request("GET", server.url)
    assert server.requests == []


@pytest.mark.parametrize("at", ["head", "body"])
def test_an_interrupt_leaves_no_connection_behind(serve, connect_to, at):
    class Interrupted(socket.socket):
        def recv_into(self, buffer):
            if at == "head" or self.read:
                raise KeyboardInterrupt
            count = super().recv_into(buffer)
            self.read = True
            return count

        read = False

    def script(peer):
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")
        assert peer.closed()

    server = serve(script)
    transport = connect_to(
        server.url, connect=lambda *where: Interrupted(fileno=connect_tcp(*where).detach())
    )
    with pytest.raises(KeyboardInterrupt):
        transport.request("GET", server.url)
    assert "idle=0 active=0" in repr(transport)


def test_without_poll_select_serves(serve, connect_to, monkeypatch):
    monkeypatch.delattr(select, "poll")
    server = serve(always(lambda request: answer(request.body[:3])))
    transport = connect_to(server.url)
    for _ in range(2):
        assert transport.request("POST", server.url, body=b"abc" * 100_000).body == b"abc"
    assert server.connections == 1


def test_the_log_names_the_request_but_no_secret(serve, connect_to, caplog):
    caplog.set_level(logging.DEBUG)
    server = serve(always())
    url = server.url.replace("//", "//user:hidden@") + "a?token=s3cret"
    connect_to(server.url).request("GET", url, headers={"x-key": "s3cret"}, body=b"s3cret")
    assert f"GET {server.url}a -> 200" in caplog.text
    assert "s3cret" not in caplog.text
    assert "hidden" not in caplog.text


def test_the_repr_counts_connections(serve):
    server = serve(always())
    transport = Transport(base_url=server.url)
    assert repr(transport) == f"<Transport {server.url} idle=0 active=0>"
    with transport.stream("GET", server.url):
        pass
    transport.request("GET", server.url)
    assert repr(transport) == f"<Transport {server.url} idle=1 active=0>"
    transport.close()
    assert repr(transport) == f"<Transport {server.url} idle=0 active=0>"


def test_any_number_of_urls_may_be_asked(serve, connect_to):
    server = serve(always())
    transport = connect_to(server.url)
    for number in range(300):
        transport.request("GET", f"{server.url}{number}")
    assert [request.path for request in server.requests][-2:] == ["/298", "/299"]
