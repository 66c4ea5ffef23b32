"""No frame of the package shows a secret, whatever is called and whatever goes wrong."""

from __future__ import annotations

import base64
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest
from spaces.answers import failed, refused
from spaces.double import Hub
from spaces.double import hang_up as hub_hangs_up
from transport import sockets
from transport.peers import unused_port

from gradio_client_lite import Client, handle_file
from gradio_client_lite.errors import GradioClientError
from gradio_client_lite.spaces.rest import HubAccess
from gradio_client_lite.testing import App
from gradio_client_lite.testing import serve as serve_app
from gradio_client_lite.transport import connection, dial, headers, http, pool

from .badserver import BadServer, Behaviour, hang_up, info, raw, reply, reset, silent, streaming
from .frames import leaks, package_frames
from .test_old_servers import old_config, socket_that

# What it holds is the same on every Python; it takes long.
pytestmark = pytest.mark.whole

Serve = Callable[..., BadServer]

# Put together here, so that no line of source holds one of them; longer than reporters show of a text.
SECRETS = {
    name: "".join(("s3cr3t-", name, "0" * 90))
    for name in (
        "token",
        "url",
        "query",
        "login",
        "cookie",
        "header",
        "call",
        "oauth",
        "proxy",
        "key",
        "session",
        "space",
        "discord",
    )
}
PLANTED = [f"s3cr3t-{name}" for name in SECRETS]
PLANTED += [
    base64.b64encode(f"user:s3cr3t-{name}".encode()).decode()[:20] for name in ("url", "login", "proxy")
]


class Interrupted(BaseException):
    """What a signal may raise, at any place."""


def interrupt(*_: Any, **__: Any) -> Any:
    raise Interrupted


def assert_nothing_is_shown(error: BaseException) -> None:
    assert list(package_frames(error)), "the package has no part in it"
    assert leaks(error, PLANTED) == []


def caught(call: Callable[..., Any], *args: Any, **kwargs: Any) -> BaseException:
    with pytest.raises((GradioClientError, Interrupted)) as raised:
        call(*args, **kwargs)
    return raised.value


def options(**changes: Any) -> Dict[str, Any]:
    """Every credential that the constructor takes."""
    return {
        "hf_token": SECRETS["token"],
        "auth": ("user", SECRETS["login"]),
        "headers": {"x-secret": SECRETS["header"], "Authorization": f"Bearer {SECRETS['header']}"},
        "oauth_token": SECRETS["oauth"],
        "httpx_kwargs": {
            "timeout": 0.3,
            "cookies": {"session": SECRETS["cookie"]},
            "headers": {"x-more": SECRETS["header"]},
        },
        "verbose": False,
        "stream_grace": 0.1,
        **changes,
    }


def url_of(server: BadServer) -> str:
    return server.url.replace("//", f"//user:{SECRETS['url']}@") + f"?key={SECRETS['query']}"


FAILURES: Dict[str, Behaviour] = {
    "hang up": hang_up,
    "reset": reset,
    "silent": silent,
    "401": reply({}, "401 Unauthorized"),
    "404": reply({"detail": "no"}, "404 Not Found"),
    "429": reply({}, "429 Too Many Requests"),
    "500": reply(b"oops", "500 Internal Server Error"),
    "not JSON": reply(b"<html>"),
    "not HTTP": raw(b"nonsense\r\n\r\n"),
    "cut": raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"),
    "cut head": raw(f"HTTP/1.1 200 OK\r\nset-cookie: session={SECRETS['cookie']}".encode()),
    "bad gzip": reply(b"garbage", content_encoding="gzip"),
    "redirect": reply(b"", "307 Temporary Redirect", location="http://127.0.0.1:9/x"),
    "bad redirect": reply(b"", "307 Temporary Redirect", location="http://[/"),
}

# --- making a client


@pytest.mark.parametrize("route", ["config", "login"])
@pytest.mark.parametrize("failure", FAILURES)
def test_constructor(serve: Serve, route: str, failure: str) -> None:
    behaviours = {route: FAILURES[failure]}
    if route == "config":
        behaviours["page"] = FAILURES[failure]
    server = serve(**behaviours)
    if (route, failure) in {("login", "not JSON")}:
        return  # its status alone counts
    assert_nothing_is_shown(caught(Client, url_of(server), **options()))


def test_constructor_with_nobody_there() -> None:
    with unused_port() as port:
        url = f"http://user:{SECRETS['url']}@127.0.0.1:{port}/?key={SECRETS['query']}"
        assert_nothing_is_shown(caught(Client, url, **options()))


@pytest.mark.parametrize(
    "changes",
    [
        {"httpx_kwargs": {"proxy": f"http://user:{SECRETS['proxy']}@127.0.0.1:9"}},
        {"httpx_kwargs": {"proxies": {"all": f"socks5://user:{SECRETS['proxy']}@127.0.0.1:9"}}},
        {"httpx_kwargs": {"auth": ("user", SECRETS["login"], "more")}},
        {"httpx_kwargs": {"auth": ("user", SECRETS["login"]), "unknown": 1}},
        {"httpx_kwargs": {"headers": {"x-a": f"{SECRETS['header']}\r\n"}}},
        {"httpx_kwargs": {"cookies": {"a": f"{SECRETS['cookie']};"}}},
        {"headers": {"x-a": f"{SECRETS['header']}\r\n"}},
        {"auth": (SECRETS["login"],)},
        {"max_workers": 0},
        {"timeout": -1},
        {"stream_grace": -1},
        {"download_files": "\0"},
    ],
    ids=str,
)
def test_constructor_with_wrong_options(serve: Serve, changes: Any) -> None:
    assert_nothing_is_shown(caught(Client, url_of(serve()), **options(**changes)))


@pytest.mark.parametrize(
    "src", ["http://user:{}@[/", "http://user:{}@a b/", "ftp://user:{}@host/", "user:{}@host"]
)
def test_constructor_with_a_wrong_url(src: str) -> None:
    assert_nothing_is_shown(caught(Client, src.format(SECRETS["url"]), **options()))


def test_constructor_with_the_password_of_a_key(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("no key")
    cert = (str(tmp_path / "key.pem"), str(tmp_path / "key.pem"), SECRETS["key"])
    url = url_of(serve()).replace("http:", "https:")
    error = caught(Client, url, **options(httpx_kwargs={"cert": cert}))
    assert_nothing_is_shown(error)


def test_constructor_with_a_proxy_of_the_environment(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    with unused_port() as port:
        monkeypatch.setenv("http_proxy", f"http://user:{SECRETS['proxy']}@127.0.0.1:{port}")
        assert_nothing_is_shown(caught(Client, url_of(serve()), **options()))


# --- calls


@pytest.fixture
def client(serve: Serve) -> Iterator[Callable[..., Client]]:
    """Make clients in a session whose hash is a secret, which are closed after the test."""
    described = info()
    for endpoint in described["named_endpoints"].values():
        endpoint["oauth_token"] = True
    made: List[Client] = []

    def make(**behaviours: Behaviour) -> Client:
        granted = reply({"success": True}, set_cookie=f"access-token={SECRETS['cookie']}; Path=/")
        server = serve(**{"info": reply(described), "login": granted, **behaviours})
        made.append(Client(url_of(server), **options()))
        made[-1].session_hash = SECRETS["session"]
        return made[-1]

    yield make
    for each in made:
        each.close()


def predict(client: Client, api_name: str) -> Any:
    return client.predict("a", api_name=api_name, headers={"x-call": SECRETS["call"]})


@pytest.mark.parametrize("failure", FAILURES)
def test_join(client: Callable[..., Client], failure: str) -> None:
    assert_nothing_is_shown(caught(predict, client(join=FAILURES[failure]), "/echo"))


# Not one that is silent: a direct call waits for its answer as long as the server holds the connection.
@pytest.mark.parametrize("failure", [failure for failure in FAILURES if failure != "silent"])
def test_direct_call(client: Callable[..., Client], failure: str) -> None:
    assert_nothing_is_shown(caught(predict, client(predict=FAILURES[failure]), "/direct"))


@pytest.mark.parametrize("failure", ["hang up", "401", "404", "redirect", "cut"])
def test_stream(client: Callable[..., Client], failure: str) -> None:
    assert_nothing_is_shown(caught(predict, client(data=FAILURES[failure]), "/echo"))


def test_stream_with_garbage(client: Callable[..., Client]) -> None:
    assert_nothing_is_shown(caught(predict, client(data=streaming(b"data: nonsense\n\n")), "/echo"))


@pytest.mark.parametrize("failure", ["reset", "401", "redirect"])
def test_submit(client: Callable[..., Client], failure: str) -> None:
    app = client(join=FAILURES[failure])
    job = app.submit("a", api_name="/echo", headers={"x-call": SECRETS["call"]})
    assert_nothing_is_shown(caught(job.result, 10))
    assert_nothing_is_shown(caught(list, app.stream_messages("a", api_name="/echo")))


@pytest.mark.parametrize("failure", ["hang up", "429", "silent"])
def test_description(client: Callable[..., Client], failure: str) -> None:
    assert_nothing_is_shown(
        caught(client(info=FAILURES[failure]).view_api, print_info=False, return_format="str")
    )


@pytest.mark.parametrize("failure", ["hang up", "401", "not JSON", "redirect"])
def test_upload(client: Callable[..., Client], tmp_path: Path, failure: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a")
    app = client(upload=FAILURES[failure])
    call = partial(app.predict, handle_file(str(path)), api_name="/echo", headers={"x-call": SECRETS["call"]})
    assert_nothing_is_shown(caught(call))


@pytest.mark.parametrize("failure", ["hang up", "401", "redirect"])
def test_sending_by_hand(client: Callable[..., Client], failure: str) -> None:
    app = client(join=FAILURES[failure])
    data = {"data": ["a"], "fn_index": 0, "session_hash": SECRETS["session"]}
    more = {"oauth_token": SECRETS["oauth"]}
    assert_nothing_is_shown(caught(app.send_data, data, more, "sse_v3", {"x-call": SECRETS["call"]}))


@pytest.mark.parametrize(
    "behaviour",
    [
        hang_up,
        reset,
        silent,
        FAILURES["401"],
        FAILURES["redirect"],
        socket_that(sockets.close(1011)),
        socket_that(sockets.frame(b"garbage")),
        socket_that(then=lambda peer: peer.reset()),
    ],
    ids=["hang up", "reset", "silent", "401", "redirect", "close", "garbage", "reset later"],
)
def test_websocket(client: Callable[..., Client], behaviour: Behaviour) -> None:
    assert_nothing_is_shown(caught(predict, client(config=old_config(), join=behaviour), "/echo"))


# --- interrupted at the places where threads wait, and where requests are made


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (dial, "tune"),
        (pool.HeadMaker, "make"),
        (pool, "encode_head"),
        (headers, "hide"),
        (http, "request_fields"),
        (http, "BodyReader"),
        (connection, "Headers"),
        (connection.SocketReader, "_await_bytes"),
        (connection.Connection, "_send"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_interruption(
    client: Callable[..., Client], monkeypatch: pytest.MonkeyPatch, place: Any, name: str
) -> None:
    app = client()
    app.view_api(print_info=False)  # whose connection would be used
    app._app.transport._pool.forget()
    with monkeypatch.context() as patch:
        patch.setattr(place, name, interrupt)
        assert_nothing_is_shown(caught(predict, app, "/direct"))
        assert_nothing_is_shown(
            caught(Client, app.src.replace("//", f"//user:{SECRETS['url']}@"), **options())
        )


# --- the Hub


@pytest.fixture(scope="module")
def shouting() -> Iterator[App]:
    with serve_app({"/shout": str.upper}) as app:
        yield app


@pytest.fixture
def hub(shouting: App, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(HubAccess, "pause", staticmethod(lambda seconds: None))
    with Hub() as hub:
        hub.user("me", token=SECRETS["token"])
        hub.space("owner/app", app=shouting.url)
        monkeypatch.setenv("HF_ENDPOINT", hub.url.replace("//", f"//user:{SECRETS['url']}@"))
        yield hub


HUB_FAILURES = {
    "hang up": hub_hangs_up,
    "refused": refused(403, "Forbidden"),
    "failed": failed(400),
}


def hub_options() -> Dict[str, Any]:
    return {name: value for name, value in options(httpx_kwargs={"timeout": 2}).items() if name != "auth"}


@pytest.mark.parametrize("failure", HUB_FAILURES)
def test_space(hub: Hub, failure: str) -> None:
    hub.next("GET", "/api/spaces/owner/app", HUB_FAILURES[failure])
    assert_nothing_is_shown(caught(Client, "owner/app", **hub_options()))


@pytest.mark.parametrize("failure", HUB_FAILURES)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", ".*whoami.*"), ("POST", ".*duplicate"), ("GET", "/api/spaces/me/app")]
)
def test_duplicate(hub: Hub, method: str, path: str, failure: str) -> None:
    hub.next(method, path, *[HUB_FAILURES[failure]] * 2)
    secrets = {"KEY": SECRETS["space"]}
    assert_nothing_is_shown(caught(Client.duplicate, "owner/app", secrets=secrets, **hub_options()))


@pytest.mark.parametrize("failure", HUB_FAILURES)
@pytest.mark.parametrize("path", [".*repos/create", ".*secrets", ".*commit.*"])
def test_deploy_discord(hub: Hub, path: str, failure: str) -> None:
    with Client("owner/app", **hub_options()) as client:
        hub.next("POST", path, HUB_FAILURES[failure])
        deploy = partial(client.deploy_discord, api_names="shout", hf_token=SECRETS["token"])
        assert_nothing_is_shown(caught(deploy, SECRETS["discord"]))
