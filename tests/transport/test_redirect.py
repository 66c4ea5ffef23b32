"""Tests `reach.py` and `http.py`: redirects, and what does not travel with them."""

from __future__ import annotations

import pytest

from gradio_client_lite.errors import ProtocolError, TooManyRedirects
from gradio_client_lite.transport.headers import CookieJar
from gradio_client_lite.transport.pool import HeadMaker
from gradio_client_lite.transport.reach import OF_CALLER, Hop, next_hop
from gradio_client_lite.transport.url import parse_url, resolve

from .peers import always, answer


def to(location, status="302 Found", **headers):
    return answer(b"moved", status, location=location, **headers)


def site(pages):
    """A script that answers by path."""
    return always(lambda request: pages.get(request.path) or answer(b"end"))


SECRETS = {
    "Authorization": "Bearer t",
    "Cookie": "c=1",
    "x-hf-authorization": "Bearer t",
    "x-ip-token": "t",
    "My-Key": "t",
}
HARMLESS = {"Accept": "text/x", "User-Agent": "agent", "Accept-Language": "de", "Range": "bytes=0-"}


def test_a_redirect_is_followed_and_the_last_url_reported(serve, connect_to):
    server = serve(site({"/": to("/a/b"), "/a/b": to("c?d=e#f")}))
    response = connect_to(server.url).request("GET", server.url)
    assert (response.body, response.url) == (b"end", server.url + "a/c?d=e")
    assert server.connections == 1


def test_a_redirect_is_returned_when_not_to_be_followed(serve, connect_to):
    server = serve(site({"/": to("/a")}))
    response = connect_to(server.url).request("GET", server.url, follow_redirects=False)
    assert (response.status, response.headers["location"], response.body) == (302, "/a", b"moved")
    transport = connect_to(server.url, follow_redirects=False)
    assert transport.request("GET", server.url).status == 302
    assert transport.request("GET", server.url, follow_redirects=True).status == 200


def test_streams_follow_redirects(serve, connect_to):
    server = serve(site({"/": to("/a")}))
    with connect_to(server.url).stream("GET", server.url) as stream:
        assert (stream.url, stream.read_all()) == (server.url + "a", b"end")


def test_a_redirect_without_location_is_an_answer(serve, connect_to):
    server = serve(always(lambda _: answer(b"where", "302 Found")))
    assert connect_to(server.url).request("GET", server.url).body == b"where"


def test_twenty_redirects_are_followed_but_not_more(serve, connect_to):
    def reply(request):
        left = int(request.path[1:])
        return to(f"/{left - 1}") if left else answer(b"end")

    server = serve(always(reply))
    transport = connect_to(server.url)
    assert transport.request("GET", server.url + "20").body == b"end"
    with pytest.raises(TooManyRedirects, match="20"):
        transport.request("GET", server.url + "21")
    assert "active=0" in repr(transport)


@pytest.mark.parametrize(
    ("status", "method", "then"),
    [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"),
        (301, "PUT", "PUT"),
        (302, "HEAD", "HEAD"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
    ],
)
def test_the_method_after_a_redirect(serve, connect_to, status, method, then):
    server = serve(site({"/": to("/a", f"{status} Moved")}))
    body = None if method == "HEAD" else b"data"
    headers = {"content-type": "text/x"}
    transport = connect_to(server.url)
    with transport.stream(method, server.url, body=body, headers=headers):
        pass
    last = server.requests[-1]
    assert (last.path, last.method) == ("/a", then)
    assert last.body == (b"data" if then == method and body else b"")
    if then == "GET":
        assert not {"content-type", "content-length"} & set(last.headers)


def test_a_body_of_chunks_is_sent_again(serve, connect_to):
    class Body:
        size = 6

        def __len__(self):
            return 6

        def __iter__(self):
            return iter([b"abc", b"def"])

    server = serve(site({"/": to("/a", "307 Temporary")}))
    connect_to(server.url).request("POST", server.url, body=Body())
    assert [request.body for request in server.requests] == [b"abcdef", b"abcdef"]


def test_the_same_origin_keeps_headers_and_auth(serve, connect_to):
    server = serve(site({"/": to("/a")}))
    transport = connect_to(server.url, auth=("u", "p"))
    transport.request("GET", server.url, headers={"x-hf-authorization": "Bearer t"})
    assert server.requests[1].headers["x-hf-authorization"] == "Bearer t"
    assert server.requests[1].headers["authorization"] == server.requests[0].headers["authorization"]


def test_another_origin_gets_harmless_headers_only(serve, connect_to):
    away = serve(always(b"away"))
    home = serve(always(lambda _: to(away.url)))
    transport = connect_to(home.url, auth=("u", "p"))
    transport.request("GET", home.url, headers={**SECRETS, **HARMLESS})
    got = away.requests[0].headers
    assert {name.lower(): value for name, value in HARMLESS.items()}.items() <= got.items()
    assert set(got) == {"host", "accept", "user-agent", "accept-language", "range", "accept-encoding"}


def test_basic_auth_is_gone_even_after_coming_back(serve, connect_to):
    pages = {}
    home = serve(always(lambda request: pages[request.path]))
    away = serve(always(lambda _: to(home.url + "back")))
    pages.update({"/": to(away.url), "/back": answer(b"end")})
    transport = connect_to(home.url, auth=("u", "p"))
    transport.request("GET", home.url, headers=SECRETS)
    assert "authorization" in home.requests[0].headers
    assert not {"authorization", "x-ip-token"} & set(home.requests[1].headers)


def test_userinfo_in_a_location_is_not_sent(serve, connect_to):
    away = serve(always())
    home = serve(always(lambda _: to(away.url.replace("//", "//evil:pw@"))))
    response = connect_to(home.url).request("GET", home.url)
    assert "authorization" not in away.requests[0].headers
    assert response.url == away.url


def test_userinfo_of_the_first_url_lasts_within_its_origin(serve, connect_to):
    server = serve(site({"/": to("/a")}))
    transport = connect_to("http://other.test/")
    transport.request("GET", server.url.replace("//", "//u:p@"), word=OF_CALLER)
    assert server.requests[1].headers["authorization"] == "Basic dTpw"


def test_cookies_set_by_a_redirect_are_kept_and_sent(serve, connect_to):
    server = serve(site({"/": to("/a", set_cookie="login=yes; Path=/")}))
    transport = connect_to(server.url)
    transport.request("GET", server.url)
    assert server.requests[1].headers["cookie"] == "login=yes"
    assert dict(transport.cookies) == {"login": "yes"}


@pytest.mark.parametrize(
    "location", ["ftp://h/", "file:///etc/passwd", "javascript:x", "https://", "http://a\x01b/"]
)
def test_only_http_urls_are_followed(serve, connect_to, location):
    server = serve(always(lambda _: to(location)))
    transport = connect_to(server.url)
    with pytest.raises(ProtocolError, match="redirects"):
        transport.request("GET", server.url)
    assert "active=0" in repr(transport)


def test_a_location_in_utf8_is_encoded(serve, connect_to):
    location = "/é b".encode().decode("latin-1")
    server = serve(site({"/": to(location)}))
    connect_to(server.url).request("GET", server.url)
    assert server.requests[1].path == "/%C3%A9%20b"


def hop(url, **changes):
    fields = {"method": "GET", "target": parse_url(url), "fields": {"x-key": "k", "accept": "a"}}
    return Hop(**{**fields, **changes})


def test_from_https_to_http_nothing_confidential_travels():
    after = next_hop(hop("https://h/"), 302, "http://h/")
    assert (after.fields, after.cookies, after.auth) == ({"accept": "a"}, False, False)


def test_from_https_to_http_no_body_travels():
    with pytest.raises(ProtocolError, match="anybody could read"):
        next_hop(hop("https://h/", method="POST", body=b"x"), 307, "http://h/")
    after = next_hop(hop("https://h/", method="POST", body=b"x"), 303, "http://h/")
    assert (after.method, after.body) == ("GET", None)


@pytest.mark.parametrize("url", ["http://other/", "http://h:81/", "https://h:444/", "https://other/"])
def test_scheme_host_and_port_make_an_origin(url):
    after = next_hop(hop("http://h/"), 302, url)
    assert (after.fields, after.auth, after.cookies) == ({"accept": "a"}, False, True)


def test_the_tls_side_of_a_host_is_no_other_server():
    before = hop("http://h/", method="POST", body=b"x")
    after = next_hop(before, 308, "https://h/a")
    assert after == before._replace(target=parse_url("https://h/a"))


def test_the_tls_side_of_a_host_gets_its_basic_auth():
    heads = HeadMaker(parse_url("http://u:p@h/"), CookieJar("h"), None)
    assert b"\r\nauthorization: Basic dTpw\r\n" in heads.make(hop("https://h/"), None)
    assert b"authorization" not in heads.make(hop("https://h:444/"), None)


@pytest.mark.parametrize("url", ["http://other/", "http://h:81/"])
def test_another_server_gets_no_body(url):
    with pytest.raises(ProtocolError, match=f"redirects what was sent to {url}, another server"):
        next_hop(hop("http://h/", method="POST", body=b"x"), 307, url)
    after = next_hop(hop("http://h/", method="POST", body=b"x"), 302, url)
    assert (after.method, after.body) == ("GET", None)


def test_a_default_port_is_the_same_origin():
    assert next_hop(hop("http://h/"), 302, "http://H:80/x").fields == {"x-key": "k", "accept": "a"}


@pytest.mark.parametrize(
    ("location", "path"), [("#?a", "/x/y"), ("z#?a", "/x/z"), ("z?b#c?d", "/x/z?b"), ("?b#?d", "/x/y?b")]
)
def test_a_fragment_is_no_part_of_the_request_whatever_it_holds(location, path):
    assert resolve(parse_url("http://host/x/y"), location).path == path


@pytest.mark.parametrize("location", ["", "#top", " "])
def test_a_redirect_to_nowhere_leads_to_the_same_url(location):
    target = resolve(parse_url("http://user:pw@h/a?q"), location)
    assert (target.url, target.userinfo) == ("http://h/a?q", None)
