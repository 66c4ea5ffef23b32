"""Making a client of what is no app, or none that lets it in."""

from __future__ import annotations

import json
import socket
from typing import Any, Callable, Iterator, Type

import pytest
from transport.peers import Peer, PeerServer, unused_port

from gradio_client_lite import Client
from gradio_client_lite.errors import (
    ArgumentError,
    AuthenticationError,
    ConnectFailed,
    ConnectionLost,
    ConnectTimeout,
    GradioClientError,
    HTTPStatusError,
    ProtocolError,
    ReadTimeout,
    TLSError,
    TooManyRedirects,
    TooManyRequestsError,
    UnsupportedAppError,
)

from .badserver import BadServer, config, hang_up, info, raw, reply, reset, silent

Serve = Callable[..., BadServer]
Connect = Callable[..., Client]
Promptly = Callable[..., Any]

HTML = b"<!doctype html><html><body>Hello</body></html>"
NOT_FOUND = reply({"detail": "Not Found"}, "404 Not Found")
OLD = {"allow_flagging": "never", "input_components": [], "mode": "interface", "version": "2.9.4"}


def page(content: Any) -> bytes:
    text = content if isinstance(content, str) else json.dumps(content)
    return f"<html><script>window.gradio_config = {text};</script><p>{{}}</p></html>".encode()


# --- nobody is there


def test_refused_connection(connect: Connect, promptly: Promptly) -> None:
    with unused_port() as port, promptly(), pytest.raises(ConnectFailed, match=f"127.0.0.1:{port}"):
        connect(f"http://127.0.0.1:{port}")


@pytest.fixture
def black_hole() -> Iterator[int]:
    """A port whose connections are never accepted, and whose backlog is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
        for filler in fillers:
            filler.close()


def test_connection_that_nobody_answers(black_hole: int, connect: Connect, promptly: Promptly) -> None:
    with promptly(), pytest.raises(ConnectTimeout) as caught:
        connect(f"http://127.0.0.1:{black_hole}", httpx_kwargs={"timeout": 0.3})
    assert isinstance(caught.value, TimeoutError)


def test_tls_to_a_port_that_speaks_http(connect: Connect, promptly: Promptly) -> None:
    def refuse(peer: Peer) -> None:
        peer.sock.recv(1)
        peer.answer(b"", "400 Bad Request")

    with PeerServer(refuse) as server, promptly(), pytest.raises(TLSError):
        connect(server.url.replace("http:", "https:"))


# --- somebody else is there


@pytest.mark.parametrize(
    ("answer_config", "answer_page"),
    [
        (reply(HTML), reply(HTML)),
        (NOT_FOUND, NOT_FOUND),
        (NOT_FOUND, reply(HTML)),
        (reply({"hello": "world"}), reply(HTML)),
        (reply([1, 2, 3]), reply(HTML)),
        (reply(b"null"), reply(b"null")),
        (reply(bytes(range(256)) * 20), reply(bytes(range(256)) * 20)),
        (reply(b""), reply(b"")),
        (reply(b'{"version": "6.31.0", "dependen'), reply(HTML)),
        (reply(b"{" * 100_000), reply(HTML)),
        (reply(b'{"a":' * 100_000 + b"}" * 100_000), reply(HTML)),
        (reply({"dependencies": "many"}), reply(HTML)),
        (reply(b"oops", "500 Internal Server Error"), reply(b"oops", "500 Internal Server Error")),
        (NOT_FOUND, reply(page("{nonsense"))),
        (NOT_FOUND, reply(page('{"a":' * 100_000))),
        (NOT_FOUND, reply(page({"hello": "world"}))),
        (NOT_FOUND, reply(b"window.gradio_config = [1, 2]")),
    ],
)
def test_what_is_no_app_is_said_to_be_none(
    serve: Serve, connect: Connect, promptly: Promptly, answer_config: Any, answer_page: Any
) -> None:
    server = serve(config=answer_config, page=answer_page)
    with promptly(), pytest.raises(UnsupportedAppError, match=server.url) as caught:
        connect(server.url)
    assert isinstance(caught.value, ValueError)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("where", ["page", "config"])
def test_gradio_2_is_named(serve: Serve, connect: Connect, promptly: Promptly, where: str) -> None:
    behaviours = (
        {"config": NOT_FOUND, "page": reply(page(OLD))} if where == "page" else {"config": reply(OLD)}
    )
    server = serve(**behaviours)
    with promptly(), pytest.raises(UnsupportedAppError, match=r"Gradio 2\.x is not supported"):
        connect(server.url)


def test_protocol_that_is_not_spoken_is_named(serve: Serve, connect: Connect, promptly: Promptly) -> None:
    server = serve(config=reply(config(protocol="sse_v99")))
    with promptly(), pytest.raises(UnsupportedAppError, match="sse_v99"):
        connect(server.url)


def test_server_that_does_not_speak_http(serve: Serve, connect: Connect, promptly: Promptly) -> None:
    server = serve(config=raw(b"SSH-2.0-OpenSSH_9.6\r\n"))
    with promptly(), pytest.raises(ProtocolError, match="HTTP"):
        connect(server.url)


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (silent, ReadTimeout),
        (hang_up, ConnectionLost),
        (reset, ConnectionLost),
        (raw(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"), ConnectionLost),
        (reply(b"", "302 Found", location="/config"), TooManyRedirects),
        (reply(b"", "429 Too Many Requests"), TooManyRequestsError),
        (reply(b"", "302 Found", location="ftp://host/config"), ProtocolError),
    ],
    ids=["silent", "hang up", "reset", "truncated", "redirect loop", "429", "ftp"],
)
def test_config_that_does_not_come(
    serve: Serve, connect: Connect, promptly: Promptly, behaviour: Any, kind: Type[GradioClientError]
) -> None:
    server = serve(config=behaviour)
    with promptly(), pytest.raises(kind):
        connect(server.url, httpx_kwargs={"timeout": 0.5})


# --- the app is there, but lets nobody in


@pytest.mark.parametrize("stub", [reply({}, "401 Unauthorized"), reply({"auth_required": True})])
def test_app_with_a_login_asks_for_it(serve: Serve, connect: Connect, promptly: Promptly, stub: Any) -> None:
    server = serve(config=stub)
    with promptly(), pytest.raises(AuthenticationError, match="Please login"):
        connect(server.url)


@pytest.mark.parametrize("status", ["400 Bad Request", "401 Unauthorized", "403 Forbidden"])
def test_wrong_credentials(serve: Serve, connect: Connect, promptly: Promptly, status: str) -> None:
    server = serve(login=reply({"detail": "Incorrect credentials."}, status))
    with promptly(), pytest.raises(AuthenticationError, match="Invalid credentials"):
        connect(server.url, auth=("user", "wrong"))
    assert server.routes() == ["login"]


def test_login_that_is_broken_is_told_from_wrong_credentials(
    serve: Serve, connect: Connect, promptly: Promptly
) -> None:
    server = serve(login=reply(b"oops", "500 Internal Server Error"))
    with promptly(), pytest.raises(HTTPStatusError, match="500"):
        connect(server.url, auth=("user", "pw"))


def test_login_gives_the_cookie_to_every_later_request(serve: Serve, connect: Connect) -> None:
    server = serve()
    client = connect(server.url, auth=("user", "p&ss=word"))
    assert client.predict("a", api_name="/echo") == "a"
    login, *others = server.requests
    assert login.body == b"username=user&password=p%26ss%3Dword"
    assert "cookie" not in login.headers
    assert {request.headers.get("cookie") for request in others} == {"access-token=granted"}


# --- redirects


def test_redirected_app_stays_where_it_was_found(serve: Serve, connect: Connect) -> None:
    server = serve()
    moved = serve(config=reply(b"", "307 Temporary Redirect", location=server.url + "config"))
    client = connect(moved.url + "?old=1")
    assert client.src == server.url
    assert client.predict("a", api_name="/echo") == "a"
    assert moved.routes() == ["config"]


def test_app_on_another_server_gets_no_secrets_of_single_calls(serve: Serve, connect: Connect) -> None:
    endpoints = {
        name: {**value, "oauth_token": "optional"} for name, value in info()["named_endpoints"].items()
    }
    server = serve(info=reply({**info(), "named_endpoints": endpoints}))
    moved = serve(config=reply(b"", "307 Temporary Redirect", location=server.url + "config"))
    for src, seen in ((server.url, True), (moved.url, False)):
        client = connect(src, oauth_token="hf_s3cr3t")
        for api_name in ("/echo", "/direct"):
            assert client.predict("a", api_name=api_name, headers={"x-mine": "s3cr3t"}) == "a"
            call = server.requests[-1 if api_name == "/direct" else -2]
            assert ("x-mine" in call.headers, b"hf_s3cr3t" in call.body) == (seen, seen)
            assert call.headers["x-gradio-user"] == "api"


def test_redirect_to_another_path_of_the_host_is_followed(serve: Serve, connect: Connect) -> None:
    server = serve()

    def move(peer: Any, request: Any) -> None:
        if request.path.startswith("/app/"):
            reply(config())(peer, request)
        else:
            reply(b"", "301 Moved Permanently", location="/app/config")(peer, request)

    server.behave(config=move)
    client = connect(server.url)
    assert client.src == server.url + "app/"
    assert client.predict("a", api_name="/echo") == "a"
    assert server.requests[-1].path.startswith("/app/gradio_api/")


# --- the arguments are wrong


@pytest.mark.parametrize("src", ["http://", "http://[::1", "http://ho st/", "http://host:port/", "http:///x"])
def test_malformed_url_is_an_argument_error(connect: Connect, src: str) -> None:
    with pytest.raises(ArgumentError):
        connect(src)


def test_failed_constructor_leaves_no_connection(serve: Serve, connect: Connect) -> None:
    server = serve(config=reply({"hello": "world"}), page=reply(HTML))
    with pytest.raises(UnsupportedAppError):
        connect(server.url)
    # The server's `__exit__` joins its threads, which end when the client's connections are closed.
    assert server.connections == 1
