"""Tests `headers.py` and `pool.py`: what a request says about itself, and about who makes it."""

from __future__ import annotations

import pytest

from gradio_client_lite.errors import ArgumentError

from .peers import always, answer


def test_head_and_small_body_leave_in_one_packet(serve, connect_to):
    packets = []

    def script(peer):
        packets.append(peer.sock.recv(65536))
        peer.answer()

    server = serve(script)
    connect_to(server.url).request("POST", server.url, body=b"x" * 1000)
    assert packets[0].startswith(b"POST / HTTP/1.1\r\nhost: 127.0.0.1:")
    assert packets[0].endswith(b"\r\n\r\n" + b"x" * 1000)


def test_headers_of_the_caller_are_sent_and_win(serve, connect_to):
    server = serve(always())
    headers = {"X-Gradio-User": "api", "Accept-Encoding": "identity", "Host": "other.test"}
    connect_to(server.url).request("GET", server.url, headers=headers)
    sent = server.requests[0].headers
    assert sent == {"x-gradio-user": "api", "accept-encoding": "identity", "host": "other.test"}


def test_gzip_and_deflate_are_asked_for(serve, connect_to):
    server = serve(always())
    connect_to(server.url).request("GET", server.url)
    assert server.requests[0].headers["accept-encoding"] == "gzip, deflate"


def test_a_post_without_body_says_length_zero(serve, connect_to):
    server = serve(always())
    connect_to(server.url).request("POST", server.url)
    assert server.requests[0].headers["content-length"] == "0"


def test_header_values_are_latin1_or_else_utf8(serve, connect_to):
    server = serve(always())
    connect_to(server.url).request("GET", server.url, headers={"x-a": "é", "x-b": "日本"})
    raw = server.requests[0].raw
    assert b"x-a: \xe9" in raw
    assert "x-b: 日本".encode() in raw


@pytest.mark.parametrize("value", ["a\r\nb: c", "a\nb", "a\0b", "tok\n", 5, None, b"bytes"])
def test_bad_header_values_are_refused_and_nothing_is_sent(serve, connect_to, value):
    server = serve(always())
    with pytest.raises(ArgumentError) as caught:
        connect_to(server.url).request("GET", server.url, headers={"x-secret": value})
    assert "x-secret" in str(caught.value)
    assert "tok" not in str(caught.value)
    assert server.connections == 0


@pytest.mark.parametrize("name", ["a b", "a:", "a\r\n", "", "é"])
def test_bad_header_names_are_refused(connect_to, name):
    with pytest.raises(ArgumentError):
        connect_to().request("GET", "http://127.0.0.1/", headers={name: "x"})


@pytest.mark.parametrize("method", ["GET /", "G\r\n", ""])
def test_bad_methods_are_refused(connect_to, method):
    with pytest.raises(ArgumentError):
        connect_to().request(method, "http://127.0.0.1/")


def test_a_text_body_is_refused(connect_to):
    with pytest.raises(ArgumentError, match="bytes"):
        connect_to().request("POST", "http://127.0.0.1/", body="text")


def test_the_transport_computes_the_length_itself(serve, connect_to):
    server = serve(always())
    connect_to(server.url).request("POST", server.url, body=b"abc", headers={"Content-Length": "1"})
    assert server.requests[0].body == b"abc"


def test_basic_auth_goes_to_the_origin_of_the_base_url_only(serve, connect_to):
    home, away = serve(always()), serve(always())
    transport = connect_to(home.url, auth=("user", "pässword"))
    transport.request("GET", home.url)
    transport.request("GET", away.url)
    assert home.requests[0].headers["authorization"] == "Basic dXNlcjpww6Rzc3dvcmQ="
    assert "authorization" not in away.requests[0].headers


def test_userinfo_in_a_url_is_basic_auth_and_appears_nowhere(serve, connect_to):
    server = serve(always())
    url = server.url.replace("//", "//us%40er:p%3Aw@") + "x"
    transport = connect_to(url)
    response = transport.request("GET", url)
    assert server.requests[0].headers["authorization"] == "Basic dXNAZXI6cDp3"
    assert response.url == server.url + "x"
    assert "p%3Aw" not in repr(transport)
    transport.request("GET", server.url)
    assert server.requests[1].headers["authorization"] == "Basic dXNAZXI6cDp3"


def test_the_callers_authorization_wins(serve, connect_to):
    server = serve(always())
    transport = connect_to(server.url, auth=("u", "p"))
    transport.request("GET", server.url, headers={"Authorization": "Bearer t"})
    assert server.requests[0].headers["authorization"] == "Bearer t"


def test_without_credentials_no_cookie_and_no_auth_is_sent_or_kept(serve, connect_to):
    server = serve(always(lambda _: answer(set_cookie="new=1")))
    transport = connect_to(server.url, auth=("u", "p"), cookies={"a": "1"})
    transport.request("GET", server.url.replace("//", "//x:y@"), credentials=False)
    assert not {"cookie", "authorization"} & set(server.requests[0].headers)
    assert dict(transport.cookies) == {"a": "1"}
