"""The token saved on this machine goes to Hugging Face's hosts over TLS, and to nobody else.

Real servers with certificates of a test authority; the names of Hugging Face and of others are looked up in a
table, so that the client itself believes to be where it is not.
"""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest
import trustme
from transport.peers import PeerServer, Request, always, answer

from gradio_client_lite import Client
from gradio_client_lite.errors import SpaceNotFound, TLSError, UnsupportedAppError
from gradio_client_lite.testing import App, serve

from .double import Hub
from .state import Space

SAVED = "".join(("hf_", "saved"))
GIVEN = "".join(("hf_", "given"))
HUB, APP, OTHER = "huggingface.co", "owner-app.hf.space", "example.com"
MARK = {"meta": {"_type": "gradio.FileData"}}

Names = Dict[str, int]
Connect = Callable[..., Client]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture(scope="module")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    """For every server: the certificate names all of them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HUB, APP, OTHER, "hub.example.com", "127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    def give_file(url: str) -> Any:
        return {"path": url, "orig_name": "f.txt", **MARK}

    with serve({"/shout": str.upper, "/file": give_file}) as app:
        yield app


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Names:
    """The ports at which the hosts of these names are, here; a token is saved."""
    table: Names = {}
    look_up = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        return look_up("127.0.0.1", table[name], *args) if name in table else look_up(host, port, *args)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    for name in ("HF_ENDPOINT", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE", "HF_HUB_DISABLE_IMPLICIT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "token"))
    (tmp_path / "token").write_text(SAVED + "\n")
    return table


@pytest.fixture
def hub(tls: ssl.SSLContext, names: Names) -> Iterator[Hub]:
    with Hub(tls) as hub:
        hub.user("owner", token=SAVED)
        hub.user("guest", token=GIVEN, orgs=("owner",))
        names[HUB] = hub.port_of(HUB) or 0
        yield hub


@pytest.fixture
def space(hub: Hub, app: App, names: Names) -> Space:
    """owner/app, at owner-app.hf.space."""
    space = hub.space("owner/app", app=app.url)
    names[APP] = hub.port_of(APP) or 0
    return space


@pytest.fixture
def other(hub: Hub, app: App, names: Names) -> Space:
    """The same app at a host that is not Hugging Face's; its `requests` are what that host saw."""
    space = hub.space("stranger/app", app=app.url)
    names[OTHER] = hub.port_of("stranger-app.hf.space") or 0
    return space


@pytest.fixture
def connect(ca: str, tmp_path: Path) -> Iterator[Connect]:
    clients: List[Client] = []

    def make(src: str, token: Any = None, **options: Any) -> Client:
        options = {"ssl_verify": ca, "download_files": tmp_path / "files", **options}
        clients.append(Client(src, token, verbose=False, **options))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


def tokens(requests: List[Any]) -> Tuple[set[str], set[str]]:
    """What came as `authorization` and as `x-hf-authorization`."""
    return (
        {request.headers.get("authorization", "") for request in requests},
        {request.headers.get("x-hf-authorization", "") for request in requests},
    )


def assert_unseen(requests: List[Any]) -> None:
    """There were requests, and no token was in any of them."""
    assert requests
    for request in requests:
        seen = f"{request.path} {request.headers} {request.body!r}"
        assert SAVED not in seen
        assert GIVEN not in seen


# --- where it goes


def test_saved_token_goes_to_the_hub_and_to_the_space(hub: Hub, space: Space, connect: Connect) -> None:
    space.private = True
    assert connect("owner/app").predict("a", api_name="/shout") == "A"
    assert tokens(hub.requests) == ({f"Bearer {SAVED}"}, {""})
    assert tokens(space.requests) == ({""}, {f"Bearer {SAVED}"})


def test_saved_token_goes_to_a_space_given_by_url(hub: Hub, space: Space, connect: Connect) -> None:
    space.private = True
    client = connect(f"https://{APP}")
    assert client.predict("a", api_name="/shout") == "A"
    assert client.space_id is None
    assert hub.requests == []
    assert tokens(space.requests) == ({""}, {f"Bearer {SAVED}"})


def test_private_space_given_by_url_says_what_may_be_missing(space: Space, connect: Connect) -> None:
    space.private = True
    with pytest.raises(UnsupportedAppError, match="private Space answers so when it gets no token"):
        connect(f"https://{APP}", False)


def test_token_that_is_passed_wins(hub: Hub, space: Space, connect: Connect) -> None:
    connect("owner/app", GIVEN).predict("a", api_name="/shout")
    assert tokens(hub.requests) == ({f"Bearer {GIVEN}"}, {""})
    assert tokens(space.requests) == ({""}, {f"Bearer {GIVEN}"})


def test_false_sends_none(hub: Hub, space: Space, connect: Connect) -> None:
    connect("owner/app", False).predict("a", api_name="/shout")
    assert_unseen(hub.requests)
    assert_unseen(space.requests)


# --- where it does not


def test_not_to_another_host(other: Space, connect: Connect) -> None:
    assert connect(f"https://{OTHER}").predict("a", api_name="/shout") == "A"
    assert_unseen(other.requests)


def test_not_in_clear(app: App, names: Names, connect: Connect) -> None:
    seen: List[Request] = []

    def note(request: Request) -> bytes:
        seen.append(request)
        return answer(b"{}", "404 Not Found")

    with PeerServer(always(note)) as server:
        names[APP] = server.port
        with pytest.raises(ValueError, match="Could not fetch config"):
            connect(f"http://{APP}")
    assert_unseen(seen)


def test_not_to_a_host_that_need_not_prove_its_name(
    hub: Hub, space: Space, connect: Connect, ca: str
) -> None:
    careless = ssl.create_default_context(cafile=ca)
    careless.check_hostname = False
    for verify in (False, careless):
        connect("owner/app", ssl_verify=verify).predict("a", api_name="/shout")
        connect(f"https://{APP}", ssl_verify=verify)
    connect("owner/app", httpx_kwargs={"verify": False})
    assert_unseen(hub.requests)
    assert_unseen(space.requests)


def test_not_to_a_host_without_the_right_certificate(hub: Hub, space: Space, connect: Connect) -> None:
    for src in ("owner/app", f"https://{APP}"):
        with pytest.raises(TLSError):
            connect(src, ssl_verify=True)
    assert (hub.requests, space.requests) == ([], [])


def test_not_to_another_hub(
    hub: Hub, space: Space, names: Names, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    names["hub.example.com"] = names[HUB]
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example.com")
    connect("owner/app")
    assert_unseen(hub.requests)
    space.private = True
    with pytest.raises(
        SpaceNotFound, match="saved on this machine is sent to Hugging Face's hosts over TLS only"
    ):
        connect("owner/app")
    assert_unseen(hub.requests)
    connect("owner/app", GIVEN)
    assert tokens(hub.requests[-1:]) == ({f"Bearer {GIVEN}"}, {""})


@pytest.mark.parametrize("stages", [["RUNNING"], ["SLEEPING"]])
def test_not_where_the_hub_says_the_app_is(
    hub: Hub, other: Space, connect: Connect, stages: List[str]
) -> None:
    other.stages = stages
    other.host = f"https://{OTHER}"
    connect("stranger/app").predict("a", api_name="/shout")
    assert_unseen(other.requests)
    connect("stranger/app", GIVEN)
    assert tokens(other.requests[-1:]) == ({""}, {f"Bearer {GIVEN}"})


# --- nor by detours


@pytest.mark.parametrize("token", [None, GIVEN])
@pytest.mark.parametrize("status", ["301 Moved Permanently", "307 Temporary Redirect"])
def test_not_where_the_app_redirects_to(
    token: Any, status: str, other: Space, names: Names, tls: ssl.SSLContext, connect: Connect
) -> None:
    def move(request: Request) -> bytes:
        location = f"https://{OTHER}{request.path}"
        return answer(b"", status, location=location, set_cookie="session=s3cr3t; Path=/; Secure")

    server = PeerServer(always(move), wrap=lambda sock: tls.wrap_socket(sock, server_side=True))
    with server:
        names[APP] = server.port
        client = connect(f"https://{APP}", token, headers={"x-mine": SAVED, "user-agent": "me"})
        assert client.src == f"https://{OTHER}/"
        assert client.predict("a", api_name="/shout") == "A"
        client.view_api(print_info=False)
    assert f"Bearer {token or SAVED}" in tokens(server.requests)[1]
    assert_unseen(other.requests)
    assert not any("cookie" in request.headers for request in other.requests)
    assert {request.headers["user-agent"] for request in other.requests} == {"me"}


def test_not_with_a_file_of_another_host(space: Space, other: Space, connect: Connect, names: Names) -> None:
    client = connect("owner/app", GIVEN, httpx_kwargs={"cookies": {"session": "s3cr3t"}})
    with pytest.raises(ValueError, match="no credentials were sent"):
        client.predict(f"https://{OTHER}/no/such/file.txt", api_name="/file")
    assert_unseen(other.requests)
    assert not any("cookie" in request.headers for request in other.requests)
    assert all(request.headers["cookie"] == "session=s3cr3t" for request in space.requests)


def test_cookies_of_one_space_do_not_go_to_another(
    hub: Hub, app: App, names: Names, tls: ssl.SSLContext, connect: Connect, authority: trustme.CA
) -> None:
    seen: List[Request] = []

    def note(request: Request) -> bytes:
        seen.append(request)
        return answer(b"text")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("evil.hf.space").configure_cert(context)
    hub.space("owner/app", app=app.url)
    names[APP] = hub.port_of(APP) or 0
    client = connect(f"https://{APP}", GIVEN)
    client.cookies["session"] = "s3cr3t"
    with PeerServer(always(note), wrap=lambda sock: context.wrap_socket(sock, server_side=True)) as server:
        names["evil.hf.space"] = server.port
        client.predict("https://evil.hf.space/f.txt", api_name="/file")
    assert_unseen(seen)
    assert "cookie" not in seen[0].headers
