"""Making a client of what is no app, or none that lets it in."""

from __future__ import annotations

import json
import socket
from typing import Any, Callable, Dict, Iterator, Type

import pytest
from transport.peers import Peer, PeerServer, unused_port

from gradio_client_lite import Client, handle_file
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
    RetryLater,
    ServerUnavailable,
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
    assert "Space" not in str(caught.value)


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


# --- the app, or what stands before it, answers with an error


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        ("403 Forbidden", HTTPStatusError, False),
        ("422 Unprocessable Content", HTTPStatusError, False),
        ("429 Too Many Requests", TooManyRequestsError, True),
        ("500 Internal Server Error", HTTPStatusError, False),
        ("502 Bad Gateway", ServerUnavailable, True),
        ("503 Service Unavailable", ServerUnavailable, True),
        ("504 Gateway Time-out", ServerUnavailable, True),
    ],
)
@pytest.mark.parametrize("where", ["config", "page", "login"])
def test_error_status_while_connecting_is_what_it_is_in_a_call(
    serve: Serve, connect: Connect, where: str, status: str, kind: Type[GradioClientError], retryable: bool
) -> None:
    if (where, status) == ("login", "403 Forbidden"):
        kind = AuthenticationError  # which is its answer to a wrong password
    refused = reply(b"<html><h1>No \x1b[1mentry</h1> hf_s3cr3t", status, retry_after="7")
    server = serve(**{"config": NOT_FOUND, where: refused})
    auth = ("user", "pass") if where == "login" else None
    with pytest.raises(kind) as caught:
        connect(server.url, auth=auth, hf_token="hf_s3cr3t")
    error = caught.value
    assert type(error) is kind
    assert error.retryable is retryable
    assert error.retry_after == (None if kind is AuthenticationError else 7.0)
    assert "s3cr3t" not in str(error)
    assert str(error).isprintable()
    if isinstance(error, HTTPStatusError):
        assert error.status == int(status[:3])
        assert "No [1mentry" in str(error)
    assert server.routes() == (["config", "page"] if where == "page" else [where])


def test_app_that_is_there_costs_one_request(serve: Serve, connect: Connect) -> None:
    server = serve()
    connect(server.url + "app/?__theme=dark#top")
    asked = [request.path for request in server.requests]
    # The description is fetched beside it.
    assert [path for path in asked if not path.startswith("/app/gradio_api/info")] == ["/app/config"]


def test_url_that_is_no_app_costs_three_requests(serve: Serve, connect: Connect) -> None:
    server = serve(config=NOT_FOUND, page=NOT_FOUND)
    with pytest.raises(UnsupportedAppError):
        connect(server.url + "a/b/c/")
    assert [request.path for request in server.requests] == ["/a/b/c/config", "/a/b/config", "/a/b/c/"]


def test_app_above_a_url_that_is_none_of_its_pages_is_not_taken(serve: Serve, connect: Connect) -> None:
    server = serve(page=NOT_FOUND)
    only = reply(config(pages=[["", "Home", True], ["other", "Other", True]]))
    server.behave(
        config=lambda peer, request: (only if request.path == "/config" else NOT_FOUND)(peer, request)
    )
    with pytest.raises(UnsupportedAppError):
        connect(server.url + "page")
    assert connect(server.url + "other").src == server.url


def above(answer: Any, page: Any, login: Any) -> Dict[str, Any]:
    """Behaviours of an app whose config is `answer`, and of what is below it at /page."""
    own = {"/config": answer, "/page": page, "/login": login}
    return dict.fromkeys(
        ("config", "page", "login"),
        lambda peer, request: own.get(request.path, NOT_FOUND)(peer, request),
    )


def test_password_for_what_is_no_page_does_not_go_to_the_app_above(serve: Serve, connect: Connect) -> None:
    locked = reply({"detail": "Not authenticated"}, "401 Unauthorized")
    server = serve(**above(locked, NOT_FOUND, reply({"success": True})))
    with pytest.raises(HTTPStatusError, match="404 while logging in"):
        connect(server.url + "page", auth=("user", "pass"))
    assert [request.path for request in server.requests if request.body] == ["/page/login"]


@pytest.mark.parametrize(("name", "is_page"), [("page", True), ("other", False)])
def test_app_that_was_logged_in_to_for_a_page_must_have_it(
    serve: Serve, connect: Connect, name: str, is_page: bool
) -> None:
    pages = reply(config(pages=[["", "Home", True], [name, "Page", True]]))
    locked = reply({"detail": "Not authenticated"}, "401 Unauthorized")

    def answer(peer: Peer, request: Any) -> None:
        (pages if "cookie" in request.headers else locked)(peer, request)

    login = reply({"success": True}, set_cookie="access-token=granted; Path=/")
    server = serve(**above(answer, reply(HTML), login))
    if is_page:
        assert connect(server.url + "page", auth=("user", "pass")).src == server.url
    else:
        with pytest.raises(UnsupportedAppError, match="has no page 'page'"):
            connect(server.url + "page", auth=("user", "pass"))


# --- what stands before the app wants a sign-in


@pytest.mark.parametrize("auth", [None, ("user", "pass")])
def test_sign_in_page_of_another_host_is_named(serve: Serve, connect: Connect, auth: Any) -> None:
    provider = serve(authorize=reply(b"<form>", content_type="text/html"))
    onward = reply(b"", "302 Found", location=provider.url + "authorize?state=s3cr3t")
    server = serve(config=onward, login=onward)
    with pytest.raises(AuthenticationError, match=f"sign-in page {provider.url}authorize") as caught:
        connect(server.url, auth=auth)
    assert "s3cr3t" not in str(caught.value)
    assert not caught.value.retryable


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_sign_in_page_that_is_away_is_asked_again_later(serve: Serve, connect: Connect, status: str) -> None:
    away = reply(b"away", status, retry_after="7")
    server = serve(config=reply(b"", "302 Found", location="/login?rd=s3cr3t"), login=away)
    with pytest.raises(RetryLater) as caught:
        connect(server.url)
    assert caught.value.retry_after == 7.0


def test_sign_in_that_has_run_out_is_told_of_a_call(serve: Serve, connect: Connect) -> None:
    page = reply(b"<html><input type=password>", content_type="text/html")
    server = serve(join=reply(b"", "302 Found", location="/start?rd=s3cr3t"), start=page)
    with pytest.raises(AuthenticationError, match=f"sign-in page {server.url}start") as caught:
        connect(server.url).predict("a", api_name="/echo")
    assert "s3cr3t" not in str(caught.value)


def test_sign_in_that_has_run_out_is_told_of_an_upload(serve: Serve, connect: Connect) -> None:
    page = reply(b"<html><input type=password>", content_type="text/html")
    server = serve(upload=reply(b"", "302 Found", location="/start?rd=s3cr3t"), start=page)
    with pytest.raises(AuthenticationError, match=f"sign-in page {server.url}start"):
        connect(server.url).predict([handle_file(b"content")], api_name="/echo")


@pytest.mark.parametrize("place", ["login-demo", "LOGIN demo/", "sso/app"])
def test_app_whose_url_speaks_of_signing_in_is_no_sign_in_page(
    serve: Serve, connect: Connect, place: str
) -> None:
    onward = reply(b"", "301 Moved Permanently", location="/login-elsewhere")
    pages = {"login-demo": onward, "LOGIN%20demo": onward, "app": reply(HTML), "login-elsewhere": reply(HTML)}
    server = serve(config=NOT_FOUND, **pages)
    with pytest.raises(UnsupportedAppError):
        connect(server.url + place)


def test_other_page_that_the_app_redirects_to_is_named(serve: Serve, connect: Connect) -> None:
    onward = reply(b"", "302 Found", location="/welcome?s3cr3t")
    server = serve(config=onward, page=onward, welcome=reply(HTML))
    with pytest.raises(UnsupportedAppError, match=f"redirects to {server.url}welcome") as caught:
        connect(server.url)
    assert "s3cr3t" not in str(caught.value)


# --- the other kind of port


def test_port_for_tls_says_to_use_https(serve: Serve, connect: Connect) -> None:
    nginx = b"<html><title>400 The plain HTTP request was sent to HTTPS port</title></html>"
    server = serve(config=reply(nginx, "400 Bad Request"), login=reply(nginx, "400 Bad Request"))
    for auth in (None, ("user", "pass")):
        with pytest.raises(HTTPStatusError, match=server.url.replace("http:", "https:")):
            connect(server.url, auth=auth)


def test_error_status_may_be_that_of_a_proxy_of_the_environment(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(config=reply(b"no route", "502 Bad Gateway"))
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    with pytest.raises(ServerUnavailable, match=r"no route.*HTTP_PROXY.*NO_PROXY.*trust_env"):
        connect("http://app.test/")
