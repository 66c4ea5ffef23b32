"""Tests `app.py` and `loading.py`: an app that is elsewhere than the caller said; logging in, connecting."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import ssl
import threading
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest
import trustme
from app_of import CONFIG, unconnected_app
from transport.peers import PATIENCE, PeerServer, Request, always, answer

from gradio_client_lite.app import app as app_module
from gradio_client_lite.app.app import App
from gradio_client_lite.errors import (
    AuthenticationError,
    ConnectionFailed,
    ProtocolError,
    TooManyRedirects,
    UnsupportedAppError,
)
from gradio_client_lite.transport import pool
from gradio_client_lite.transport.http import Transport
from gradio_client_lite.transport.reach import Address

Site = Callable[[Request], bytes]

HTTP, TLS, OTHER = "http://app.test", "https://app.test", "http://other.test"
LOGIN = ("user", "s3cr3t")
HEADERS = {"x-hf-authorization": "Bearer s3cr3t", "x-gradio-user": "api", "user-agent": "me"}
MOVED = ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"]


def moved(location: str, status: str = "307 Temporary Redirect") -> bytes:
    return answer(b"", status, location=location)


def site(**pages: bytes) -> Site:
    """An app with a login, with other answers for some of its pages."""
    config = answer(json.dumps(CONFIG).encode())
    all_pages = {"login": answer(b"{}", set_cookie="login=yes; Path=/"), "config": config, **pages}
    return lambda request: all_pages[request.path.strip("/")]


def away(origin: str, status: str = "307 Temporary Redirect") -> Site:
    """A server that sends every request to the same path of another one."""
    return lambda request: moved(origin + request.path, status)


class Net:
    """A network of names; each origin is a server of its own."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        self._ports: Dict[Tuple[str, int], int] = {}
        self._authority = trustme.CA()

    def put(self, origin: str, reply: Site) -> PeerServer:
        scheme, _, host = origin.partition("://")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(host).configure_cert(context)
        wrap = (lambda sock: context.wrap_socket(sock, server_side=True)) if scheme == "https" else None
        server = self._stack.enter_context(PeerServer(always(reply), wrap=wrap))
        self._ports[host, 443 if wrap else 80] = server.port
        return server

    def app(self, origin: str) -> App:
        trust = ssl.create_default_context()
        self._authority.configure_trust(trust)
        transport = Transport(base_url=origin, verify=trust, trust_env=False, resolve=self._resolve)
        self._stack.callback(transport.close)
        return unconnected_app(transport, origin + "/", HEADERS)

    def _resolve(self, host: str, port: int) -> List[Address]:
        return [Address(socket.AF_INET, ("127.0.0.1", self._ports[host, port]))]


@pytest.fixture
def net() -> Iterator[Net]:
    with contextlib.ExitStack() as stack:
        yield Net(stack)


def asked(server: PeerServer) -> List[str]:
    return [f"{request.method} {request.path}" for request in server.requests]


@pytest.mark.parametrize("status", MOVED)
def test_login_and_credentials_go_on_to_the_tls_side_of_the_host(net: Net, status: str) -> None:
    net.put(HTTP, away(TLS, status))
    server = net.put(TLS, site())
    app = net.app(HTTP)
    app.login(LOGIN)
    app.connect()
    assert app.src == TLS + "/"
    assert asked(server) == ["POST /login", "GET /config"]
    login, config = server.requests
    assert login.body == b"username=user&password=s3cr3t"
    assert config.headers["cookie"] == "login=yes"
    assert {request.headers["x-hf-authorization"] for request in server.requests} == {"Bearer s3cr3t"}
    assert not app.headers.confined


def test_login_without_tls_holds_for_sockets_of_old_servers(net: Net) -> None:
    """They look at the cookie that is meant for TLS; the other one has the same value."""
    cookies = "access-token=t; Secure; HttpOnly\r\nset-cookie: access-token-unsecure=t; HttpOnly"
    server = net.put(HTTP, site(login=answer(b"{}", set_cookie=cookies)))
    app = net.app(HTTP)
    app.login(LOGIN)
    app.connect()
    assert server.requests[-1].headers["cookie"] == "access-token-unsecure=t; access-token=t"


@pytest.mark.parametrize("status", MOVED)
@pytest.mark.parametrize(("src", "to"), [(HTTP, OTHER), (TLS, HTTP)])
def test_password_does_not_go_to_another_server(net: Net, src: str, to: str, status: str) -> None:
    server = net.put(src, away(to, status))
    other = net.put(to, site())
    with pytest.raises(AuthenticationError, match=f"was redirected to {to}/login.*make the client") as caught:
        net.app(src).login(LOGIN)
    assert asked(server) == ["POST /login"]
    assert not other.requests
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("location", ["/", OTHER + "/", "/login?error=1", "/login"])
def test_redirect_that_answers_a_login_is_not_one_of_the_login(net: Net, location: str) -> None:
    """Apps that want no login lead to their page; a password is not tried again and again."""
    server = net.put(HTTP, site(login=moved(location, "302 Found")))
    net.app(HTTP).login(LOGIN)
    assert asked(server) == ["POST /login"]


def test_login_that_moved_within_the_server_is_sent_there(net: Net) -> None:
    server = net.put(HTTP, site(login=moved("/a/login"), **{"a/login": answer(b"{}")}))
    net.app(HTTP).login(LOGIN)
    assert asked(server) == ["POST /login", "POST /a/login"]


def test_login_that_leads_nowhere_ends(net: Net) -> None:
    net.put(HTTP, site(login=moved("/login")))
    with pytest.raises(TooManyRedirects):
        net.app(HTTP).login(LOGIN)


def test_other_server_gets_nothing_secret(net: Net, caplog: pytest.LogCaptureFixture) -> None:
    net.put(HTTP, away(OTHER))
    other = net.put(OTHER, site())
    app = net.app(HTTP)
    with caplog.at_level(logging.WARNING):
        app.connect()
    assert (app.src, app.headers.confined) == (OTHER + "/", True)
    assert app.headers({}) == {"x-gradio-user": "api", "user-agent": "me"}
    call = {"x-ip-token": "t", "My-Key": "k", "Content-Type": "text/x", "X-Gradio-User": "api"}
    assert set(app.headers(call)) == {"user-agent", "Content-Type", "x-gradio-user"}
    assert f"{HTTP}/ redirects to {OTHER}/, another server" in caplog.text
    app.headers.base["x-mine"] = "known to go there"
    assert "x-mine" in app.headers({})
    assert not {"x-hf-authorization", "cookie"} & set(other.requests[0].headers)


@pytest.mark.parametrize(
    ("place", "src"),
    [
        (HTTP + "/below/config", HTTP + "/below/"),
        (HTTP + "/below/config/", HTTP + "/below/"),
        (HTTP + "/myconfig", HTTP + "/"),
        ("http://1config.test/x", HTTP + "/"),
    ],
)
def test_an_app_is_where_its_config_route_is(net: Net, place: str, src: str) -> None:
    """Not whatever stands before "config" in a URL, which need not be one."""
    config = answer(json.dumps(CONFIG).encode())
    net.put(HTTP, lambda request: moved(place) if request.path == "/config" else config)
    net.put("http://1config.test", lambda _: config)
    app = net.app(HTTP)
    app.connect()
    assert app.src == src


@pytest.mark.parametrize("name", ["user-agent", "User-Agent"])
def test_other_hosts_are_told_who_asks_and_no_more(name: str) -> None:
    transport = Transport(base_url=HTTP)
    app = unconnected_app(transport, HTTP + "/", {name: "me", "x-mine": "s3cr3t"})
    assert app.headers_elsewhere({"range": "bytes=5-"}) == {name: "me", "range": "bytes=5-"}
    app.headers.base.clear()
    assert app.headers_elsewhere({}) == {}


def test_app_that_turns_out_to_be_none_is_not_adopted(net: Net) -> None:
    """A Space is tried again when it has woken: by its own name, with its password."""
    net.put(HTTP, away(OTHER))
    net.put(OTHER, site(config=answer(b'{"hello": "world"}')))
    app = net.app(HTTP)
    with pytest.raises(UnsupportedAppError, match=OTHER):
        app.connect()
    assert app.src == HTTP + "/"


def test_app_behind_tls_is_not_called_without_it(net: Net) -> None:
    net.put(TLS, away(HTTP))
    net.put(HTTP, site())
    app = net.app(TLS)
    with pytest.raises(ProtocolError, match="anybody could read"):
        app.connect()
    assert app.src == TLS + "/"


def test_other_server_that_wants_credentials_is_named(net: Net) -> None:
    net.put(HTTP, away(OTHER))
    net.put(OTHER, site(config=answer(b"{}", "401 Unauthorized")))
    with pytest.raises(AuthenticationError, match=f"Please login. Pass .* They do not go .* {OTHER}/config"):
        net.app(HTTP).connect()


def test_interrupt_while_the_description_is_fetched_concerns_that_thread_alone(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = net.app(HTTP)
    told: List[Any] = []

    def fetch(_: App) -> Dict[str, Any]:
        app.describe(told.append)  # another waits for it meanwhile
        raise KeyboardInterrupt

    monkeypatch.setattr(App, "_fetch_info", fetch)
    with pytest.raises(KeyboardInterrupt):
        app.info()
    (error,) = told
    assert isinstance(error, ConnectionFailed)
    assert "Fetching the API description was interrupted" in str(error)


def test_config_is_as_it_was_sent_and_the_readers_own(net: Net) -> None:
    net.put(HTTP, site())
    app = net.app(HTTP)
    app.connect()
    config = app.config
    assert config == CONFIG
    config.clear()
    assert app.config == CONFIG


def test_config_that_is_nested_too_deeply_is_refused(net: Net) -> None:
    deep: List[Any] = []
    for _ in range(10_000):
        deep = [deep]
    app = net.app(HTTP)
    with pytest.raises(ProtocolError, match=f"The config of {HTTP}/ is nested too deeply"):
        app.config = {"deep": deep}


def test_old_connection_to_a_server_far_away_is_asked_for_the_number_of_the_app(
    net: Net, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "FAR", 0.0)
    server = net.put(TLS, site(**{"gradio_api/app_id": answer(b"1"), "call": answer()}))
    app = net.app(TLS)
    app.connect()
    monkeypatch.setattr(app.transport._pool, "_expiry", -1.0)
    app.transport.request("POST", TLS + "/call")
    assert asked(server) == ["GET /config", "GET /gradio_api/app_id", "POST /call"]
    assert server.connections == 1


# --- the description, fetched beside the config

INFO, OLD_INFO = "gradio_api/info?serialize=False", "info?serialize=False"
DESCRIBED = {"named_endpoints": {"/f": {"parameters": [], "returns": []}}, "unnamed_endpoints": {}}
OLD = {**CONFIG, "version": "4.44.1", "api_prefix": ""}
OF_3 = {**CONFIG, "version": "3.50.2", "protocol": "ws", "components": [], "dependencies": []}


class Described:
    """An app whose config is not answered before its description is asked for, and that is held."""

    def __init__(self, **pages: bytes) -> None:
        self.asked, self.let_go = threading.Event(), threading.Event()
        self.let_go.set()
        self.site = site(**{INFO: answer(json.dumps(DESCRIBED).encode()), **pages})

    def __call__(self, request: Request) -> bytes:
        if "info" in request.path:
            self.asked.set()
            assert self.let_go.wait(PATIENCE)
        if request.path == "/config":
            assert self.asked.wait(PATIENCE)
        return self.site(request)


@pytest.fixture
def far(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every server is far away."""
    monkeypatch.setattr(app_module, "_SOON", 0.0)
    monkeypatch.setattr(app_module, "FAR", 0.0)


def connected(app: App) -> App:
    app.connect_and_describe(app.connecting())
    return app


def ended(app: App) -> bool:
    app.threads.join(PATIENCE)
    return not any(thread.name == "gradio-description" for thread in threading.enumerate())


@pytest.mark.usefixtures("far")
def test_description_of_an_app_far_away_is_asked_for_beside_its_config(net: Net) -> None:
    server = net.put(TLS, Described())
    app = connected(net.app(TLS))
    assert app.info()["named_endpoints"].keys() == {"/f"}
    assert sorted(asked(server)) == ["GET /config", f"GET /{INFO}"]
    assert server.connections == 2


@pytest.mark.usefixtures("far")
def test_connecting_does_not_wait_for_the_description(net: Net) -> None:
    site = Described()
    net.put(HTTP, site)
    site.let_go.clear()
    app = connected(net.app(HTTP))
    assert not app.description.ready()
    site.let_go.set()
    assert app.info()["named_endpoints"].keys() == {"/f"}


@pytest.mark.usefixtures("far")
@pytest.mark.parametrize(
    "early",
    [answer(b"{}", "404 Not Found"), answer(b"{}"), b"what?\r\n\r\n"],
    ids=["none", "another", "not HTTP"],
)
def test_description_of_an_app_of_gradio_4_is_where_its_config_says(net: Net, early: bytes) -> None:
    info, config = (answer(json.dumps(value).encode()) for value in (DESCRIBED, OLD))
    server = net.put(HTTP, Described(config=config, **{INFO: early, OLD_INFO: info}))
    assert connected(net.app(HTTP)).info()["named_endpoints"].keys() == {"/f"}
    assert sorted(asked(server)) == ["GET /config", f"GET /{INFO}", f"GET /{OLD_INFO}"]


@pytest.mark.usefixtures("far")
def test_app_of_gradio_3_is_described_though_it_does_not_answer_what_was_asked(net: Net) -> None:
    site = Described(config=answer(json.dumps(OF_3).encode()))
    server = net.put(HTTP, site)
    site.let_go.clear()
    app = connected(net.app(HTTP))
    assert app.description.ready()
    assert not app.info()["named_endpoints"]
    site.let_go.set()
    assert ended(app)
    assert sorted(asked(server)) == ["GET /config", f"GET /{INFO}"]


@pytest.mark.usefixtures("far")
def test_another_server_that_is_asked_for_the_description_gets_nothing_secret(net: Net) -> None:
    net.put(HTTP, away(OTHER))
    server = net.put(OTHER, Described())
    app = connected(net.app(HTTP))
    assert app.info()["named_endpoints"].keys() == {"/f"}
    assert sorted(asked(server)) == ["GET /config", f"GET /{INFO}"]
    assert not any("x-hf-authorization" in request.headers for request in server.requests)


@pytest.mark.usefixtures("far")
def test_app_that_cannot_be_connected_to_is_asked_no_more(net: Net) -> None:
    site = Described(config=answer(b"{}", "401 Unauthorized"))
    server = net.put(HTTP, site)
    site.let_go.clear()
    app = net.app(HTTP)
    with pytest.raises(AuthenticationError):
        connected(app)
    site.let_go.set()
    assert ended(app)
    assert sorted(asked(server)) == ["GET /config", f"GET /{INFO}"]


@pytest.mark.usefixtures("far")
def test_second_attempt_at_connecting_is_described_though_the_first_one_asked_in_vain(net: Net) -> None:
    described = Described(config=answer(b"{}", "401 Unauthorized"))
    net.put(HTTP, described)
    described.let_go.clear()
    app = net.app(HTTP)
    with pytest.raises(AuthenticationError):
        connected(app)
    assert described.asked.wait(PATIENCE)
    described.site = Described().site
    threading.Timer(0.1, described.let_go.set).start()
    assert connected(app).info()["named_endpoints"].keys() == {"/f"}
    assert ended(app)


@pytest.mark.parametrize(("soon", "far"), [(PATIENCE, 0.0), (0.0, PATIENCE)], ids=["answers soon", "is near"])
def test_description_of_an_app_near_by_is_asked_for_when_its_config_is_there(
    net: Net, monkeypatch: pytest.MonkeyPatch, soon: float, far: float
) -> None:
    monkeypatch.setattr(app_module, "_SOON", soon)
    monkeypatch.setattr(app_module, "FAR", far)
    site = Described()
    server = net.put(HTTP, site)
    site.asked.set()
    app = connected(net.app(HTTP))
    assert app.info()["named_endpoints"].keys() == {"/f"}
    assert asked(server) == ["GET /config", f"GET /{INFO}"]
    assert server.connections <= 2
