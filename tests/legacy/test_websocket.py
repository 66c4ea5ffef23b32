"""WebSockets: the handshake is a request like any other."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Callable, Iterator

import pytest
from transport.peers import answer
from transport.sockets import CLOSE, accept, frame, read_frame

from gradio_client_lite.errors import (
    AuthenticationError,
    ConnectionLost,
    HTTPStatusError,
    MissingPackageError,
    ProtocolError,
    ProxyError,
    ReadTimeout,
    ServerUnavailable,
)
from gradio_client_lite.legacy import websocket
from gradio_client_lite.legacy.websocket import load_library, open_websocket
from gradio_client_lite.legacy.wire.frames import Frame
from gradio_client_lite.transport.http import Timeout

SENDING = Timeout(read=10.0)

# --- the package


@pytest.fixture
def not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has called no 3.x app yet."""
    monkeypatch.setattr(websocket, "_loaded", None)


@pytest.mark.usefixtures("not_looked_for")
def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "websocket", None)
    with pytest.raises(MissingPackageError, match=r"Gradio 3\.x.*pip install websocket-client") as caught:
        load_library()
    assert isinstance(caught.value, ImportError)


FOREIGN = {
    "a file of the user's": ("websocket.py", "answer = 42"),
    "another package": ("websocket/__init__.py", "class WebSocket: pass"),
    "one that lacks what it needs": ("websocket/__init__.py", "import no_such_module_at_all"),
    "one that breaks": ("websocket.py", "1 / 0"),
    "no module at all": ("websocket.py", "if True"),
}


@pytest.fixture
def module_in_the_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Puts a module before websocket-client."""
    before = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "websocket"}

    def put(name: str, content: str) -> Path:
        for known in before:
            del sys.modules[known]
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
        monkeypatch.syspath_prepend(str(tmp_path))
        return path

    yield put
    sys.modules.pop("websocket", None)
    sys.modules.update(before)


@pytest.mark.usefixtures("not_looked_for")
@pytest.mark.parametrize("kind", list(FOREIGN))
def test_another_module_in_the_way_is_named_with_its_file(
    kind: str, module_in_the_way: Callable[..., Path]
) -> None:
    path = module_in_the_way(*FOREIGN[kind])
    with pytest.raises(MissingPackageError, match="Another module named websocket is in its way") as caught:
        load_library()
    assert str(path) in str(caught.value)
    assert "pip uninstall websocket" in str(caught.value)


@pytest.mark.usefixtures("not_looked_for")
def test_module_without_a_file_is_in_the_way_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "websocket", ModuleType("websocket"))
    with pytest.raises(MissingPackageError, match="in its way: one without a file"):
        load_library()


@pytest.mark.usefixtures("not_looked_for")
def test_websocket_client_that_is_too_old_is_called_that(module_in_the_way: Callable[..., Path]) -> None:
    module_in_the_way(
        "websocket.py", "class WebSocketApp: pass\ndef create_connection(): pass\n__version__ = '0.23.0'\n"
    )
    with pytest.raises(MissingPackageError, match=r"'0\.23\.0' is too old.*pip install -U") as caught:
        load_library()
    assert "in its way" not in str(caught.value)


def test_package_that_was_found_is_not_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    # A child that was forked while a thread looked for it would wait for a lock of the import system.
    found = load_library()
    monkeypatch.setitem(sys.modules, "websocket", None)
    assert load_library() is found


# --- the handshake


def open_at(transport, server, **headers):
    return open_url(transport, f"{server.url}queue/join", **headers)


def open_url(transport, url, **headers):
    timeout = transport.timeout
    return open_websocket(transport, url, headers, "calling /echo", timeout=timeout, max_bytes=None)


def wait_for(websocket):
    """Read until there is something, as the tests have no multiplexer."""
    limit = time.monotonic() + 10
    while time.monotonic() < limit:
        found = websocket.read_arrived()
        if found:
            return found
        time.sleep(0.005)
    raise AssertionError("nothing came")


def echo(peer):
    """Agree, and send back what comes."""
    accept(peer, peer.request())
    while True:
        opcode, data = read_frame(peer)
        if opcode == CLOSE:
            return
        peer.send(frame(data, opcode))


def test_messages_go_both_ways(serve, connect_to):
    websocket = open_at(connect_to(), serve(echo))
    assert websocket.read_arrived() is None
    for text in (b"hello", b"x" * 300_000):
        websocket.send("text", text, SENDING)
        assert wait_for(websocket) == [Frame("text", text)]
    websocket.send("ping", b"", SENDING)
    assert wait_for(websocket) == [Frame("ping", b"")]
    websocket.send("pong", b"data", SENDING)
    assert wait_for(websocket) == [Frame("pong", b"data")]
    websocket.close()
    websocket.close()


def test_frames_behind_the_answer_are_not_lost(serve, connect_to):
    def script(peer):
        request = peer.request()
        held, peer.send = [], lambda data: held.append(data)
        accept(peer, request)
        peer.sock.sendall(held[0] + frame(b"early"))
        peer.closed()

    websocket = open_at(connect_to(), serve(script))
    assert wait_for(websocket) == [Frame("text", b"early")]
    websocket.close()


def test_handshake_carries_headers_cookies_and_credentials(serve, connect_to):
    def script(peer):
        accept(peer, peer.request(), set_cookie="seen=1; Path=/")
        peer.closed()

    server = serve(script)
    transport = connect_to(server.url, cookies={"session": "abc"}, auth=("user", "pass"))
    open_at(transport, server, **{"x-call": "1"}).close()
    (request,) = server.requests
    assert request.headers["x-call"] == "1"
    assert request.headers["cookie"] == "session=abc"
    assert request.headers["authorization"] == "Basic dXNlcjpwYXNz"
    assert transport.cookies["seen"] == "1"


def test_cookies_of_one_client_are_not_sent_by_another(serve, connect_to):
    def script(peer):
        accept(peer, peer.request(), set_cookie="secret=1; Domain=127.0.0.1; Path=/")
        peer.closed()

    server = serve(script)
    for _ in range(2):
        open_at(connect_to(server.url), server).close()
    assert [request.headers.get("cookie") for request in server.requests] == [None, None]


def test_redirect_to_the_same_app_is_followed(serve, connect_to):
    def script(peer):
        peer.request()
        peer.answer(b"", "307 Temporary Redirect", location="/moved/queue/join")
        accept(peer, peer.request())
        peer.closed()

    server = serve(script)
    open_at(connect_to(), server).close()
    assert server.requests[1].headers["upgrade"] == "websocket"


def test_redirect_to_another_host_gets_no_credentials_and_is_refused(serve, connect_to):
    def other(peer):
        peer.request()
        peer.answer(b"no", "200 OK")

    target = serve(other)

    def script(peer):
        peer.request()
        peer.answer(b"", "302 Found", location=target.url)

    server = serve(script)
    transport = connect_to(server.url, cookies={"session": "abc"}, auth=("user", "pass"))
    with pytest.raises(HTTPStatusError, match="200"):
        open_at(transport, server, **{"x-token": "secret"})
    assert not {"authorization", "x-token", "upgrade"} & set(target.requests[0].headers)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("401 Unauthorized", AuthenticationError),
        ("403 Forbidden", AuthenticationError),
        ("404 Not Found", HTTPStatusError),
        ("503 Service Unavailable", ServerUnavailable),
        ("200 OK", HTTPStatusError),
    ],
)
def test_refused_handshake_is_what_its_status_stands_for(serve, connect_to, status, kind):
    def script(peer):
        peer.request()
        peer.answer(b"no", status)

    with pytest.raises(kind) as caught:
        open_at(connect_to(), serve(script))
    assert type(caught.value) is kind


def test_answer_that_is_no_websockets_is_refused(serve, connect_to):
    def script(peer):
        peer.request()
        peer.send(b"HTTP/1.1 101 Yes\r\nupgrade: websocket\r\nsec-websocket-accept: x\r\n\r\n")
        assert peer.closed()

    transport = connect_to()
    with pytest.raises(ProtocolError, match="WebSocket"):
        open_at(transport, serve(script))
    assert "idle=0 active=0" in repr(transport)


def test_handshake_that_is_not_answered_ends_with_the_read_timeout(serve, connect_to):
    server = serve(lambda peer: peer.request() and peer.closed())
    with pytest.raises(ReadTimeout):
        open_at(connect_to(timeout=Timeout(read=0.1)), server)


def test_socket_that_ends_without_a_word_is_lost(serve, connect_to):
    websocket = open_at(connect_to(), serve(lambda peer: accept(peer, peer.request())))
    with pytest.raises(ConnectionLost, match="without a word"):
        wait_for(websocket)
    websocket.close()


def test_abort_wakes_and_close_comes_after_it(serve, connect_to):
    websocket = open_at(connect_to(), serve(echo))
    websocket.abort()
    with pytest.raises(ConnectionLost):
        wait_for(websocket)
    websocket.close()
    websocket.abort()


def test_closing_the_transport_ends_the_socket(serve, connect_to):
    transport = connect_to()
    websocket = open_at(transport, serve(echo))
    transport.close()
    with pytest.raises(ConnectionLost):
        wait_for(websocket)
    websocket.close()


def test_socket_is_no_idle_connection_afterwards(serve, connect_to):
    transport = connect_to()
    websocket = open_at(transport, serve(echo))
    assert "idle=0 active=1" in repr(transport)
    websocket.close()
    assert "idle=0 active=0" in repr(transport)


# --- proxies


def tunnel(peer):
    """A proxy that is the target too: it agrees to the tunnel and then to the WebSocket."""
    connect = peer.request()
    peer.answer(b"", "200 OK")
    assert connect.method == "CONNECT"
    accept(peer, peer.request())
    peer.send(frame(b"through"))
    peer.closed()


def test_plain_http_goes_through_a_tunnel(serve, connect_to):
    proxy = serve(tunnel)
    transport = connect_to(proxies=f"http://user:pass@127.0.0.1:{proxy.port}")
    websocket = open_url(transport, "http://gradio.invalid/queue/join")
    assert wait_for(websocket) == [Frame("text", b"through")]
    websocket.close()
    first, second = proxy.requests
    assert first.path == "gradio.invalid:80"
    assert first.headers["proxy-authorization"] == "Basic dXNlcjpwYXNz"
    assert second.path == "/queue/join"
    assert "proxy-authorization" not in second.headers


def test_proxy_of_the_environment_is_used(serve, connect_to, monkeypatch):
    proxy = serve(tunnel)
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
    open_url(connect_to(), "http://gradio.invalid/queue/join").close()
    assert proxy.requests[0].method == "CONNECT"


def test_proxy_that_refuses_the_tunnel(serve, connect_to):
    def script(peer):
        peer.request()
        peer.send(answer(b"no", "403 Forbidden"))

    transport = connect_to(proxies=f"http://127.0.0.1:{serve(script).port}")
    with pytest.raises(ProxyError):
        open_url(transport, "http://gradio.invalid/queue/join")
