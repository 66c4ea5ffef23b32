"""Tests `url.py` and `headers.py`: URLs and header fields."""

from __future__ import annotations

import pytest

from gradio_client_lite.errors import ArgumentError
from gradio_client_lite.transport.headers import Headers, basic_auth, encode_head
from gradio_client_lite.transport.url import parse_url

from .peers import always


@pytest.mark.parametrize(
    ("url", "host", "port", "netloc", "path"),
    [
        ("http://Host", "host", 80, "host", "/"),
        ("https://host:443/a", "host", 443, "host", "/a"),
        ("http://host:7860/a?b=c#d", "host", 7860, "host:7860", "/a?b=c"),
        ("http://[::1]:7860/", "::1", 7860, "[::1]:7860", "/"),
        ("http://[fe80::1%25eth0]/", "fe80::1%eth0", 80, "[fe80::1]", "/"),
        ("http://bücher.example/", "xn--bcher-kva.example", 80, "xn--bcher-kva.example", "/"),
        ("http://my_host.local./", "my_host.local.", 80, "my_host.local.", "/"),
        ("http://host?q", "host", 80, "host", "/?q"),
    ],
)
def test_urls_are_split(url, host, port, netloc, path):
    target = parse_url(url)
    assert (target.host, target.port, target.netloc, target.path) == (host, port, netloc, path)
    assert target.url == f"{target.scheme}://{netloc}{path}"


@pytest.mark.parametrize(
    ("path", "encoded"),
    [
        ("/a b", "/a%20b"),
        ("/é日", "/%C3%A9%E6%97%A5"),
        ("/a%20b", "/a%20b"),
        ("/100%", "/100%25"),
        ("/100%zz", "/100%25zz"),
        ("/file=/tmp/a'(1)&b.png", "/file=/tmp/a'(1)&b.png"),
        ("/a?b=é c&d=[1]", "/a?b=%C3%A9%20c&d=[1]"),
        ('/"<>^`{|}\\', "/%22%3C%3E%5E%60%7B%7C%7D%5C"),
    ],
)
def test_what_is_unsafe_is_percent_encoded(path, encoded):
    assert parse_url("http://h" + path).path == encoded


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:7860",
        "ftp://h/",
        "http://",
        "http:///path",
        "http://h:port/",
        "http://h:99999/",
        "http://h\r\nx: y/",
        "http://h/a\nb",
        "http://h/a\tb",
        "\x00http://h/",
        "http://h/\x7f",
        "http://[::1/",
        "http://[::zz]/",
        "http://good\\@evil/",
        "http://a b/",
        "http://a..b/",
        "http://" + "a" * 64 + ".com/",
        "http://" + "a." * 127 + "a/",
        "http://" + "\xe9." * 50 + "com/",  # 103 characters, 350 in IDNA form
        "http://h%41/",
        "http://h/\ud800",
    ],
)
def test_bad_urls_are_refused(url):
    with pytest.raises(ArgumentError):
        parse_url(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("ftp://user:s3cr3t@h/?t=s3cr3t", "'ftp://h/'"),
        ("user:s3cr3t@h:1/a", "'h:1/a'"),
        ("//user:s3cr3t@h", "'//h'"),
        ("user:s3cr3t//@h/a//b", "'h/a//b'"),
    ],
)
def test_password_of_a_bad_url_is_not_shown(url, shown):
    with pytest.raises(ArgumentError) as caught:
        parse_url(url)
    assert shown in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://user:hunter2@h:x/",
        "http://user:hun/ter2@h/",
        "ftp://user:hunter2@h/?q=hunter2",
        "http://u:hunter2@/",
    ],
)
def test_texts_and_causes_hold_no_password(url):
    with pytest.raises(ArgumentError) as caught:
        parse_url(url)
    assert "hunter2" not in str(caught.value)
    assert "hun" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_the_repr_of_a_target_holds_no_password():
    target = parse_url("http://user:hunter2@h/a?token=x")
    assert target.userinfo == ("user", "hunter2")
    assert "hunter2" not in repr(target)
    assert target.label == "http://h/a"


def test_headers_match_in_any_case_and_join_repeated_fields():
    headers = Headers([("Set-Cookie", "a=1"), ("X", "1"), ("set-cookie", "b=2")])
    assert headers["SET-COOKIE"] == "a=1, b=2"
    assert headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert headers.get_all("none") == []
    assert dict(headers) == {"set-cookie": "a=1, b=2", "x": "1"}
    assert len(headers) == 2
    assert "x" in headers
    assert headers.get("none") is None


def test_the_repr_of_headers_shows_names_only():
    assert repr(Headers([("Authorization", "s3cret")])) == "<Headers authorization>"


def test_a_head_is_one_block_of_bytes():
    head = encode_head("GET", "/a", "h:1", {"x-a": "é", "x-b": "日"})
    assert head == b"GET /a HTTP/1.1\r\nhost: h:1\r\nx-a: \xe9\r\nx-b: \xe6\x97\xa5\r\n\r\n"


def test_basic_auth_is_utf8_in_base64():
    assert basic_auth("u", "ü" * 60).startswith("Basic dTrDvM")
    assert "\n" not in basic_auth("u", "p" * 200)


def test_an_ipv6_server_is_reached(serve, connect_to):
    server = serve(always(b"six"), host="::1")
    url = f"http://[::1]:{server.port}/"
    assert connect_to(url).request("GET", url).body == b"six"
    assert server.requests[0].headers["host"] == f"[::1]:{server.port}"
