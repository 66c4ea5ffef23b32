"""How far in an address is, and that no server's word leads further in than the server itself is."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from typing import Iterator, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradio_client_lite.errors import ConnectFailed, ForbiddenAddress
from gradio_client_lite.transport.dial import resolve_host
from gradio_client_lite.transport.reach import (
    LINK_LOCAL,
    LOOPBACK,
    OF_CALLER,
    PRIVATE,
    PUBLIC,
    Bounds,
    Word,
    reach_of,
)
from gradio_client_lite.transport.url import parse_url

from .nets import Net
from .peers import Request, Script, always, answer

# One address of each kind that stands for it, from outside to inside.
PLACES = ["8.8.8.8", "10.0.0.5", "169.254.169.254", "127.0.0.2"]
APP, OTHER = "http://app.test/", "http://other.test/"


@pytest.fixture
def net() -> Iterator[Net]:
    with contextlib.ExitStack() as stack:
        yield Net(stack)


def moved(location: str) -> Script:
    """A server that redirects everything."""
    return always(lambda _: answer(b"", "302 Found", location=location))


# --- addresses

KINDS = {
    PUBLIC: "8.8.8.8 1.1.1.1 100.63.255.255 100.128.0.0 172.32.0.1 192.0.0.9 2606:4700::1111 2001:20::1 "
    "::ffff:8.8.8.8 64:ff9b::8.8.8.8 2002:808:808::1 2001:0:808:808::f7f7:f7f7",
    PRIVATE: "10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 100.127.255.255 192.0.0.1 192.0.2.1 "
    "198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 255.255.255.255 240.0.0.1 fc00::1 fdff::1 fec0::1 ff02::1 "
    "2001:db8::1 3fff::1 100::1 5f00::1 4000::1 ::ffff:10.0.0.1 ::10.0.0.1 64:ff9b::10.0.0.1 "
    "64:ff9b:1::808:808 2002:a00:1::1",
    LINK_LOCAL: "169.254.0.1 169.254.169.254 fe80::1 fe80::1%eth0 febf::1 ::ffff:169.254.169.254 "
    "64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::",
    LOOPBACK: "127.0.0.1 127.255.255.255 0.0.0.0 0.1.2.3 ::1 :: ::ffff:127.0.0.1 ::ffff:0.0.0.0 ::127.0.0.1 "
    "::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b:1::7f00:1 2002:7f00:1:: 2001:0:7f00:1::1 "
    "2001:0:808:808::80ff:fffe",
}


@pytest.mark.parametrize(
    ("address", "kind"), [(text, kind) for kind, texts in KINDS.items() for text in texts.split()]
)
def test_each_address_has_its_kind(address: str, kind: int) -> None:
    assert reach_of(address) == kind


@given(st.ip_addresses(v=4))
def test_what_python_calls_inside_is_not_public(address: ipaddress.IPv4Address) -> None:
    inside = address.is_private or address.is_reserved or address.is_multicast
    assert (reach_of(str(address)) > PUBLIC) >= inside
    assert (reach_of(str(address)) >= LINK_LOCAL) >= address.is_link_local
    assert (reach_of(str(address)) == LOOPBACK) >= (address.is_loopback or address.is_unspecified)


@given(st.ip_addresses(v=6))
def test_an_address_that_holds_another_is_judged_by_it(address: ipaddress.IPv6Address) -> None:
    held = address.ipv4_mapped or address.sixtofour
    if held is not None:
        assert reach_of(str(address)) == reach_of(str(held))
    elif address.is_link_local or address.is_loopback or address.is_unspecified:
        assert reach_of(str(address)) >= LINK_LOCAL


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "017700000001", "127.1", "0x7f.1", "0177.0.0.1", "127.0.0.1."]
)
def test_odd_spellings_are_resolved_before_they_are_judged(host: str) -> None:
    """The system takes them for addresses; nothing is asked of a name server for them."""
    assert [reach_of(address.text) for address in resolve_host(host.rstrip("."), 80)] == [LOOPBACK]
    assert reach_of(host) == LOOPBACK


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST", "localhost.", "x.localhost", "ip6-localhost"])
def test_names_of_the_machine_itself(name: str) -> None:
    assert reach_of(name) == LOOPBACK


@pytest.mark.parametrize(
    "name", ["example.org", "localhost.example.org", "1.2.3.4.example.org", "notlocalhost"]
)
def test_any_other_name_tells_nothing(name: str) -> None:
    assert reach_of(name) == PUBLIC


# --- one request on a server's word


@pytest.mark.parametrize("app", PLACES)
@pytest.mark.parametrize("there", PLACES)
def test_an_app_names_what_is_no_further_in_than_it_is(net: Net, app: str, there: str) -> None:
    net.put("app.test", app, script=always())
    server = net.put("other.test", there, port=81, script=always(b"there"))
    transport = net.transport(APP)
    transport.request("GET", APP)
    if PLACES.index(there) <= PLACES.index(app):
        assert transport.request("GET", "http://other.test:81/").body == b"there"
    else:
        with pytest.raises(ForbiddenAddress):
            transport.request("GET", "http://other.test:81/")
        assert net.dialled == [app]
        assert server.connections == 0


@pytest.mark.parametrize("app", PLACES)
@pytest.mark.parametrize("there", PLACES)
def test_a_redirect_leads_no_further_in_than_the_app_is(net: Net, app: str, there: str) -> None:
    net.put("app.test", app, script=moved("http://other.test:81/x?token=s3cr3t"))
    server = net.put("other.test", there, port=81, script=always(b"there"))
    transport = net.transport(APP)
    if PLACES.index(there) <= PLACES.index(app):
        assert transport.request("GET", APP).body == b"there"
    else:
        with pytest.raises(ForbiddenAddress) as caught:
            transport.request("GET", APP)
        assert net.dialled == [app]
        assert server.connections == 0
        assert "http://other.test:81/x, which is at" in str(caught.value)
        assert "file_urls='any'" in str(caught.value)
        assert "s3cr3t" not in str(caught.value)


def test_the_error_tells_both_kinds(net: Net) -> None:
    net.put("app.test", "10.0.0.5", script=moved("http://169.254.169.254/latest/meta-data"))
    with pytest.raises(ForbiddenAddress, match=r"A server at a private address.*is at a link-local one"):
        net.transport(APP).request("GET", APP)


def test_a_redirect_is_judged_by_who_redirects(net: Net) -> None:
    """An app on this machine may name anything; what it names elsewhere may not."""
    net.put("127.0.0.1", script=moved(OTHER))
    net.put("other.test", "8.8.8.8", script=moved("http://127.0.0.2/"))
    inside = net.put("127.0.0.2", script=always())
    with pytest.raises(ForbiddenAddress):
        net.transport("http://127.0.0.1/").request("GET", "http://127.0.0.1/")
    assert inside.connections == 0


def test_what_another_server_names_is_judged_by_that_one(net: Net) -> None:
    net.put("127.0.0.1", script=always())
    net.put("127.0.0.2", script=always(b"inside"))
    transport = net.transport("http://127.0.0.1/")
    with pytest.raises(ForbiddenAddress):
        transport.stream("GET", "http://127.0.0.2/", word=Word(peer="8.8.8.8"))
    with transport.stream("GET", "http://127.0.0.2/", word=Word(peer="127.0.0.3")) as response:
        assert response.read_all() == b"inside"


def test_only_the_addresses_that_may_be_are_connected_to(net: Net) -> None:
    net.put("app.test", "8.8.8.8", script=always())
    net.put("other.test", "9.9.9.9", script=always(b"outside"))
    net.names["other.test"] = ["127.0.0.1", "10.0.0.5", "9.9.9.9"]
    transport = net.transport(APP)
    assert transport.request("GET", OTHER).body == b"outside"
    assert net.dialled == ["9.9.9.9"]


def test_what_was_judged_is_what_is_connected_to(net: Net) -> None:
    """A name server that answers otherwise the next time gains nothing: it is asked once."""
    net.put("app.test", "8.8.8.8", script=always())
    net.put("9.9.9.9", script=always(b"outside"))
    answers = [["9.9.9.9"], ["127.0.0.1"]]

    def resolve(host: str, port: int) -> List[object]:
        net.names["other.test"] = answers.pop(0) if host == "other.test" else []
        return net.resolve(host, port)  # type: ignore[return-value]

    transport = net.transport(APP, resolve=resolve)
    assert transport.request("GET", OTHER).body == b"outside"
    assert len(answers) == 1


def test_a_name_that_changes_its_address_is_judged_anew(net: Net) -> None:
    net.put("app.test", "8.8.8.8", script=always())
    net.put("other.test", "9.9.9.9", script=always(lambda _: answer(connection="close")))
    transport = net.transport(APP)
    transport.request("GET", OTHER)
    net.names["other.test"] = ["127.0.0.1"]
    with pytest.raises(ForbiddenAddress):
        transport.request("GET", OTHER)


def test_a_name_without_an_address_is_no_forbidden_one(net: Net) -> None:
    net.put("app.test", "8.8.8.8", script=always())
    transport = net.transport(APP, resolve=lambda *_: [])
    with pytest.raises(ConnectFailed):
        transport.request("GET", OTHER)


def test_streams_are_judged_as_requests_are(net: Net) -> None:
    net.put("app.test", "8.8.8.8", script=moved("http://127.0.0.1/"))
    with pytest.raises(ForbiddenAddress):
        net.transport(APP).stream("GET", APP)


# --- what is exempt


def test_the_apps_own_origin_may_be_anywhere(net: Net) -> None:
    """The caller gave it; a machine that moves into the network of its app goes on."""
    net.put("app.test", "8.8.8.8", script=always(lambda _: answer(connection="close")))
    net.put("10.0.0.5", script=always(b"inside"))
    transport = net.transport(APP)
    transport.request("GET", APP)
    net.names["app.test"] = ["10.0.0.5"]
    assert transport.request("GET", APP).body == b"inside"


def test_the_app_is_as_far_out_as_it_was_ever_seen(net: Net) -> None:
    net.put("app.test", "8.8.8.8", script=always(lambda _: answer(connection="close")))
    net.put("10.0.0.5", script=always(lambda _: answer(connection="close")))
    transport = net.transport(APP)
    transport.request("GET", APP)
    net.names["app.test"] = ["10.0.0.5"]
    transport.request("GET", APP)
    with pytest.raises(ForbiddenAddress):
        transport.request("GET", "http://10.0.0.6/")


def test_an_app_of_any_number_of_addresses(net: Net) -> None:
    bounds = Bounds(parse_url(APP), judged=True)
    for number in range(1000):
        bounds.connected("app.test", f"10.0.{number // 256}.{number % 256}")
        bounds.connected("other.test", "8.8.8.8")
    assert bounds.of_app() == PRIVATE
    bounds.connected("app.test", "8.8.8.8")
    assert bounds.of_app() == PUBLIC


def test_an_app_that_was_found_elsewhere_is_judged_there(net: Net) -> None:
    net.put("127.0.0.1", script=moved(OTHER))
    net.put("other.test", "8.8.8.8", script=always())
    transport = net.transport("http://127.0.0.1/")
    transport.request("GET", "http://127.0.0.1/")
    transport.move_to(OTHER)
    transport.request("GET", OTHER)
    with pytest.raises(ForbiddenAddress):
        transport.request("GET", "http://127.0.0.2/")


@pytest.mark.parametrize("there", PLACES)
def test_what_the_caller_names_may_be_anywhere(net: Net, there: str) -> None:
    net.put("app.test", "8.8.8.8", script=always())
    net.put("other.test", there, script=always(b"there"))
    transport = net.transport(APP)
    transport.request("GET", APP)
    assert transport.request("GET", OTHER, word=OF_CALLER).body == b"there"


@pytest.mark.parametrize("named", PLACES)
@pytest.mark.parametrize("there", PLACES)
def test_redirects_of_it_count_from_there(net: Net, named: str, there: str) -> None:
    net.put("127.0.0.1", script=always())
    net.put("named.test", named, port=82, script=moved("http://other.test:81/"))
    server = net.put("other.test", there, port=81, script=always(b"there"))
    transport = net.transport("http://127.0.0.1/")
    if PLACES.index(there) <= PLACES.index(named):
        assert transport.request("GET", "http://named.test:82/", word=OF_CALLER).body == b"there"
    else:
        with pytest.raises(ForbiddenAddress):
            transport.request("GET", "http://named.test:82/", word=OF_CALLER)
        assert server.connections == 0


def test_not_even_to_the_app(net: Net) -> None:
    app = net.put("127.0.0.1", script=always())
    net.put("named.test", "8.8.8.8", script=moved("http://127.0.0.1/"))
    with pytest.raises(ForbiddenAddress):
        net.transport("http://127.0.0.1/").request("GET", "http://named.test/", word=OF_CALLER)
    assert app.connections == 0


def test_any_address_where_that_is_wanted(net: Net) -> None:
    net.put("app.test", "8.8.8.8", script=moved("http://127.0.0.1/"))
    net.put("127.0.0.1", script=always(b"inside"))
    assert net.transport(APP, bounded=False).request("GET", APP).body == b"inside"


def test_one_host_where_that_is_wanted(net: Net) -> None:
    net.put("app.test", "8.8.8.8", script=moved(OTHER))
    net.put("other.test", "9.9.9.9", script=always())
    transport = net.transport(APP)
    with pytest.raises(ForbiddenAddress, match="file_urls='same-host'"):
        transport.stream("GET", APP, word=Word(only_host="app.test"))
    with pytest.raises(ForbiddenAddress, match="file_urls='same-host'"):
        transport.stream("GET", OTHER, word=Word(only_host="app.test"))
    assert net.dialled == ["8.8.8.8"]


# --- kept connections and proxies


def test_a_kept_connection_is_no_way_in(net: Net) -> None:
    """What the caller may ask, and asked, is not there for what a server names."""
    net.put("app.test", "8.8.8.8", script=always())
    server = net.put("10.0.0.5", script=always(b"inside"))
    transport = net.transport(APP)
    transport.request("GET", APP)
    transport.request("GET", "http://10.0.0.5/", word=OF_CALLER)
    with pytest.raises(ForbiddenAddress):
        transport.request("GET", "http://10.0.0.5/secret")
    assert [request.path for request in server.requests] == ["/"]


def test_requests_on_one_word_share_connections(net: Net) -> None:
    net.put("app.test", "8.8.8.8", script=always())
    server = net.put("other.test", "9.9.9.9", script=always())
    transport = net.transport(APP)
    for _ in range(3):
        transport.request("GET", APP)
        transport.request("GET", OTHER)
    assert server.connections == 1


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://[::1]/", "http://2130706433/", "http://localhost./", "http://10.0.0.5/"],
)
def test_a_proxy_is_not_asked_for_addresses_further_in(net: Net, url: str) -> None:
    proxy = net.put("127.0.0.9", port=3128, script=always(b"proxied"))
    transport = net.transport(APP, proxies="http://127.0.0.9:3128")
    transport.request("GET", APP)
    with pytest.raises(ForbiddenAddress):
        transport.request("GET", url)
    assert [request.path for request in proxy.requests] == [APP]


def test_a_proxy_is_asked_for_other_names(net: Net) -> None:
    """It resolves them; what they are is not known here."""
    net.put("127.0.0.9", port=3128, script=always(b"proxied"))
    transport = net.transport(APP, proxies="http://127.0.0.9:3128")
    assert transport.request("GET", OTHER).body == b"proxied"


def test_a_proxy_itself_may_be_anywhere(net: Net) -> None:
    def reply(request: Request) -> bytes:
        return answer(b"", "302 Found", location=OTHER) if "app" in request.path else answer(b"proxied")

    net.put("127.0.0.9", port=3128, script=always(reply))
    transport = net.transport(APP, proxies="http://127.0.0.9:3128")
    assert transport.request("GET", APP).body == b"proxied"


def test_an_app_behind_a_proxy_by_its_address(net: Net) -> None:
    net.put("127.0.0.9", port=3128, script=always(b"proxied"))
    transport = net.transport("http://10.0.0.5/", proxies="http://127.0.0.9:3128")
    assert transport.request("GET", "http://10.0.0.6/").body == b"proxied"
    with pytest.raises(ForbiddenAddress):
        transport.request("GET", "http://127.0.0.1/")


def test_the_system_is_asked_for_addresses_of_both_families(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fe80::1%eth0", 80, 0, 2)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 80)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: found)
    assert [(a.family, a.text, a.place) for a in resolve_host("h", 80)] == [
        (socket.AF_INET6, "fe80::1%eth0", ("fe80::1%eth0", 80, 0, 2)),
        (socket.AF_INET, "10.0.0.1", ("10.0.0.1", 80)),
    ]


def test_an_address_of_an_unknown_form_is_trusted_least() -> None:
    assert reach_of("fe80::no:address") == LOOPBACK


def test_other_hosts_of_any_number_are_forgotten_in_time() -> None:
    bounds = Bounds(parse_url("http://app.test/"), judged=True)
    for number in range(200):
        bounds.connected(f"h{number}.test", "10.0.0.1")
    bounds.add_host("h199.test")
    assert bounds.of_app() == PRIVATE
