"""Tests `headers.py`: the cookie jar."""

from __future__ import annotations

import threading
from collections.abc import MutableMapping

import pytest

from gradio_client_lite.errors import ArgumentError
from gradio_client_lite.transport.headers import CookieJar
from gradio_client_lite.transport.url import parse_url

from .peers import always, answer

APP = "https://app.hf.space/sub/page"


@pytest.fixture
def clock():
    now = [1_000_000.0]

    def read():
        return now[0]

    read.now = now
    return read


@pytest.fixture
def jar(clock):
    return CookieJar("app.hf.space", clock=clock)


def stored(jar, *lines, url=APP):
    jar.store(parse_url(url), lines)
    return dict(jar)


def test_it_is_a_mapping(jar):
    assert isinstance(jar, MutableMapping)
    jar["a"] = "1"
    jar.update({"b": "2"})
    assert (jar["a"], "b" in jar, len(jar), sorted(jar)) == ("1", True, 2, ["a", "b"])
    del jar["a"]
    assert dict(jar) == {"b": "2"}
    assert jar.pop("b") == "2"
    assert jar.get("b") is None
    with pytest.raises(KeyError):
        del jar["b"]
    jar["c"] = "3"
    jar.clear()
    assert not jar


def test_its_repr_shows_no_values(jar):
    jar["session"] = "s3cret"
    assert repr(jar) == "<CookieJar session>"


@pytest.mark.parametrize(
    ("name", "value"), [("a b", "x"), ("a", "x;y"), ("a", "x\n"), ("", "x"), ("a", 5), ("a=b", "x")]
)
def test_cookies_that_cannot_be_sent_are_refused(jar, name, value):
    with pytest.raises(ArgumentError):
        jar[name] = value


def test_cookies_without_domain_belong_to_the_host_of_the_base_url(jar):
    jar["a"] = "1"
    assert jar.header(parse_url("http://app.hf.space/x")) == "a=1"
    assert jar.header(parse_url("https://other.hf.space/")) == ""
    assert jar.header(parse_url("https://x.app.hf.space/")) == ""


def test_they_belong_to_its_port_too(clock):
    jar = CookieJar("localhost", {"a": "1"}, port=7860, clock=clock)
    assert jar.header(parse_url("http://localhost:7860/")) == "a=1"
    assert jar.header(parse_url("http://localhost:7861/")) == ""
    assert jar.header(parse_url("http://localhost/")) == ""


@pytest.mark.parametrize("domain", ["", "; Domain=example.com"])
def test_a_server_at_another_port_neither_gets_nor_replaces_them(jar, domain):
    stored(jar, f"a=1; Path=/{domain}", url="http://www.example.com:7860/")
    stored(jar, f"a=2; Path=/{domain}", url="http://www.example.com:9999/")
    assert jar.header(parse_url("http://www.example.com:7860/")) == "a=1"
    assert jar.header(parse_url("http://www.example.com:9999/")) == "a=2"
    assert jar.header(parse_url("http://www.example.com/")) == ""


def test_the_standard_ports_are_one(jar):
    stored(jar, "a=1; Path=/", url="http://www.example.com/")
    assert jar.header(parse_url("https://www.example.com/")) == "a=1"


def test_a_set_cookie_without_domain_belongs_to_its_host_alone(jar):
    assert stored(jar, "a=1") == {"a": "1"}
    assert jar.header(parse_url("https://app.hf.space/sub/x")) == "a=1"
    assert jar.header(parse_url("https://x.app.hf.space/sub/")) == ""


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://www.example.com/", ".Example.com"),
        ("https://www.example.com/", "com"),
        ("https://app.hf.space/", "hf.space"),
        ("https://app.hf.space/", "space"),
        ("https://abc.gradio.live/", "gradio.live"),
        ("https://www.example.co.uk/", "co.uk"),
    ],
)
def test_a_domain_shares_nothing_with_other_hosts(jar, url, domain):
    """Whether strangers have hosts below it takes a list to know, so that no domain counts."""
    target = parse_url(url)
    assert stored(jar, f"a=1; Domain={domain}; Path=/", url=url) == {"a": "1"}
    assert jar.header(target) == "a=1"
    name = domain.lstrip(".").lower()
    for host in (name, f"x.{name}", f"x.{target.host}", f"bad{name}"):
        assert jar.header(parse_url(f"https://{host}/")) == ""


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://app.hf.space/", "other.hf.space"),
        ("https://app.hf.space/", "x.app.hf.space"),
        ("https://app.hf.space/", "evil.com"),
        ("https://1.2.3.4/", "2.3.4.5"),
        ("http://localhost/", "host"),
    ],
)
def test_foreign_domains_are_rejected(jar, url, domain):
    assert stored(jar, f"a=1; Domain={domain}", url=url) == {}


@pytest.mark.parametrize(
    "url", ["http://localhost/", "http://127.0.0.1/", "https://hf.space/", "http://[::1]/"]
)
def test_a_host_may_name_itself(jar, url):
    target = parse_url(url)
    assert stored(jar, f"a=1; Domain={target.host}; Path=/", url=url) == {"a": "1"}
    assert jar.header(target) == "a=1"


def test_a_host_with_a_shared_name_shares_nothing(jar):
    stored(jar, "a=1; Domain=hf.space; Path=/", url="https://hf.space/")
    assert jar.header(parse_url("https://app.hf.space/")) == ""


@pytest.mark.parametrize(
    ("attribute", "path", "sent"),
    [
        ("; Path=/sub", "/sub", True),
        ("; Path=/sub", "/sub/x?q", True),
        ("; Path=/sub", "/subway", False),
        ("; Path=/sub/", "/sub/x", True),
        ("; Path=/", "/", True),
        ("", "/sub/x", True),
        ("", "/other", False),
        ("; Path=relative", "/sub/x", True),
    ],
)
def test_paths_are_matched(jar, attribute, path, sent):
    stored(jar, "a=1" + attribute)
    assert (jar.header(parse_url("https://app.hf.space" + path)) == "a=1") is sent


def test_longer_paths_come_first(jar):
    stored(jar, "a=1; Path=/", "b=2; Path=/sub")
    assert jar.header(parse_url(APP)) == "b=2; a=1"


def test_secure_cookies_travel_over_https_only(jar):
    stored(jar, "a=1; Secure; Path=/")
    assert jar.header(parse_url("https://app.hf.space/")) == "a=1"
    assert jar.header(parse_url("http://app.hf.space/")) == ""


def test_http_can_neither_set_nor_replace_secure_cookies(jar):
    stored(jar, "a=1; Secure; Path=/")
    stored(jar, "a=2; Path=/", "b=2; Secure", url="http://app.hf.space/")
    assert dict(jar) == {"a": "1"}


def test_cookies_expire(jar, clock):
    stored(jar, "a=1; Max-Age=10", "b=2; Expires=Tue, 13-Jan-1970 00:00:00 GMT", "c=3")
    assert set(jar) == {"a", "b", "c"}
    clock.now[0] += 11
    assert set(jar) == {"b", "c"}
    assert jar.header(parse_url(APP)) == "b=2; c=3"
    clock.now[0] += 100_000
    assert set(jar) == {"c"}


@pytest.mark.parametrize(
    "attribute", ["Max-Age=0", "Max-Age=-5", "Expires=Thu, 01 Jan 1970 00:00:00 GMT", "Expires=x; max-age=0"]
)
def test_a_cookie_from_the_past_removes_the_known_one(jar, attribute):
    stored(jar, "a=1", "b=2")
    assert stored(jar, f"a=; {attribute}") == {"b": "2"}


def test_a_cookie_from_the_past_that_nobody_knows_is_none(jar):
    assert stored(jar, "a=1; Max-Age=0") == {}


@pytest.mark.parametrize(
    "attribute", ["Expires=rubbish", "Max-Age=soon", "Expires=Wed, 99 Foo 2099 00:00:00 GMT"]
)
def test_an_unreadable_expiry_is_ignored(jar, attribute):
    assert stored(jar, f"a=1; {attribute}") == {"a": "1"}


@pytest.mark.parametrize("line", ["", "a", "=1", "; a=1", "a\x00=1", "a=1\x01", "a=" + "x" * 9000])
def test_malformed_lines_are_ignored(jar, line):
    assert stored(jar, line) == {}


def test_the_newest_value_wins(jar):
    assert stored(jar, "a=1", "a=2") == {"a": "2"}


def test_the_number_of_cookies_is_bounded(jar):
    stored(jar, *(f"c{n}=x" for n in range(400)))
    assert len(jar) == 300
    assert "c399" in jar
    assert "c0" not in jar


def test_what_servers_set_stays_below_what_a_request_may_hold(jar):
    stored(jar, *(f"c{n}={'x' * 8000}" for n in range(10)))
    assert list(jar) == ["c6", "c7", "c8", "c9"]


def test_no_server_drives_out_what_the_caller_gave(jar):
    jar["mine"] = "y" * 40000
    stored(jar, *(f"c{n}={'x' * 100}" for n in range(400)))
    assert "mine" in jar
    assert "c399" in jar


def test_reading_prefers_the_host_of_the_base_url(jar):
    jar["a"] = "own"
    stored(jar, "a=other", url="https://elsewhere.test/")
    assert jar["a"] == "own"


def test_the_callers_cookie_header_wins(jar):
    jar["a"] = "1"
    jar["b"] = "2"
    assert jar.header(parse_url(APP), "b=mine; c=3") == "b=mine; c=3; a=1"


def test_answers_set_cookies_and_requests_send_them(serve, connect_to):
    reply = answer().replace(
        b"content-length", b"set-cookie: x=1; Path=/\r\nSet-Cookie: y=2\r\ncontent-length"
    )
    server = serve(always(lambda _: reply))
    transport = connect_to(server.url, cookies={"z": "3"})
    transport.request("GET", server.url)
    assert dict(transport.cookies) == {"x": "1", "y": "2", "z": "3"}
    transport.request("GET", server.url)
    assert server.requests[0].headers["cookie"] == "z=3"
    assert server.requests[1].headers["cookie"] == "z=3; x=1; y=2"


def test_other_hosts_get_no_cookies(serve, connect_to):
    server = serve(always())
    transport = connect_to("http://localhost:1/", cookies={"a": "1"})
    transport.request("GET", server.url)
    assert "cookie" not in server.requests[0].headers


def test_threads_may_share_it(jar):
    target = parse_url(APP)

    def work(number):
        for turn in range(200):
            jar.store(target, [f"c{number}={turn}"])
            jar.header(target)
            jar[f"own{number}"] = str(turn)
            dict(jar)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert dict(jar) == {f"{kind}{n}": "199" for kind in ("c", "own") for n in range(4)}
