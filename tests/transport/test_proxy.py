"""Tests `dial.py`: requests through real proxies."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time

import pytest

from gradio_client_lite.errors import ConnectTimeout, ProxyError, TLSError
from gradio_client_lite.legacy.websocket import open_websocket
from gradio_client_lite.transport.http import Timeout

from .peers import always, answer, unused_port
from .sockets import CLOSE, accept, frame, read_frame


@contextlib.contextmanager
def running_proxy(folder, *options):
    """Run proxy.py and give its port."""
    port_file = folder / "port"
    command = [sys.executable, "-m", "proxy", "--hostname", "127.0.0.1", "--port", "0", "--num-workers", "1"]
    command += ["--num-acceptors", "1", "--port-file", str(port_file), "--log-level", "ERROR", *options]
    log = folder / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        limit = time.monotonic() + 30
        while not (port_file.exists() and port_file.read_text().strip()):
            assert process.poll() is None, f"proxy.py ended:\n{log.read_text()}"
            assert time.monotonic() < limit, f"proxy.py did not start:\n{log.read_text()}"
            time.sleep(0.02)
        yield int(port_file.read_text())
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def proxy(tmp_path_factory):
    with running_proxy(tmp_path_factory.mktemp("proxy"), "--basic-auth", "us@er:p:w") as port:
        yield f"127.0.0.1:{port}"


@pytest.fixture(scope="module")
def tls_proxy(tmp_path_factory, authority):
    folder = tmp_path_factory.mktemp("tls_proxy")
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    options = ["--cert-file", str(folder / "cert.pem"), "--key-file", str(folder / "key.pem")]
    with running_proxy(folder, *options) as port:
        yield f"https://127.0.0.1:{port}"


LOGIN = "http://us%40er:p%3Aw@"


def test_http_goes_through_with_credentials(serve, connect_to, proxy):
    server = serve(always(lambda request: answer(request.path.encode())))
    transport = connect_to(server.url, proxies=LOGIN + proxy)
    assert transport.request("GET", server.url + "a?b").body == b"/a?b"
    assert transport.request("POST", server.url + "c", body=b"x").body == b"/c"
    assert "proxy-authorization" not in {name.lower() for name in server.requests[0].headers}


def test_https_goes_through_a_tunnel(serve, connect_to, proxy, wrap, ca_file):
    server = serve(always(b"secret"), wrap=wrap)
    transport = connect_to(server.url, proxies={"https": LOGIN + proxy}, verify=ca_file)
    for _ in range(3):
        assert transport.request("GET", server.url).body == b"secret"
    assert server.connections == 1


def test_the_environment_names_the_proxy(serve, connect_to, proxy, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", LOGIN + proxy)
    server = serve(always())
    assert connect_to(server.url).request("GET", server.url).body == b"ok"
    assert "via" in {name.lower() for name in server.requests[0].headers}


@pytest.mark.parametrize("login", ["", "http://us%40er:wrong-pw@"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_refusal_of_the_proxy_is_a_proxy_error(serve, connect_to, proxy, login, scheme):
    server = serve(always())
    url = server.url.replace("http:", scheme + ":")
    transport = connect_to(url, proxies=login + proxy)
    with pytest.raises(ProxyError, match="407") as caught:
        transport.request("GET", url)
    assert proxy in str(caught.value)
    assert "wrong-pw" not in str(caught.value)
    assert server.connections == 0
    assert "idle=0 active=0" in repr(transport)


def test_http_goes_through_an_https_proxy(serve, connect_to, tls_proxy, ca_file):
    server = serve(always(b"plain"))
    transport = connect_to(server.url, proxies=tls_proxy, verify=ca_file)
    assert transport.request("GET", server.url).body == b"plain"


def test_https_goes_through_an_https_proxy(serve, connect_to, tls_proxy, wrap, ca_file):
    """TLS inside TLS."""
    body = bytes(range(256)) * 4000
    server = serve(always(lambda request: answer(request.body)), wrap=wrap)
    transport = connect_to(server.url, proxies=tls_proxy, verify=ca_file)
    for _ in range(2):
        assert transport.request("POST", server.url, body=body).body == body
    assert server.connections == 1


def test_an_upload_arrives_whole_through_tls_in_tls_that_is_full(serve, connect_to, tls_proxy, wrap, ca_file):
    """What the proxy does not take at once goes out later, nothing twice."""
    body = bytes(range(256)) * 40_000

    def slow(peer):
        head = peer.head()
        size = int(head.headers["content-length"])
        time.sleep(0.2)  # until all buffers on the way are full
        received = peer.body(size)
        peer.answer(str(received == body).encode())

    server = serve(slow, wrap=wrap)
    transport = connect_to(server.url, proxies=tls_proxy, verify=ca_file)
    assert transport.request("POST", server.url, body=body).body == b"True"


def test_a_stream_through_tls_in_tls_can_be_aborted(serve, connect_to, tls_proxy, wrap, ca_file):
    def script(peer):
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
        peer.closed()

    server = serve(script, wrap=wrap)
    stream = connect_to(server.url, proxies=tls_proxy, verify=ca_file).stream("GET", server.url)
    assert stream.read_some() == b"abc"
    caught = []

    def read():
        try:
            stream.read_some()
        except ConnectionError as exc:
            caught.append(type(exc).__name__)

    thread = threading.Thread(target=read)
    thread.start()
    stream.abort()
    thread.join(10)
    assert caught == ["ConnectionLost"]


def test_an_untrusted_proxy_is_a_tls_error(serve, connect_to, tls_proxy):
    with pytest.raises(TLSError, match="proxy"):
        connect_to(proxies=tls_proxy).request("GET", "http://127.0.0.1:1/")


def test_an_untrusted_target_behind_a_tunnel_is_a_tls_error(serve, connect_to, proxy, wrap):
    server = serve(always(), wrap=wrap)
    with pytest.raises(TLSError) as caught:
        connect_to(server.url, proxies=LOGIN + proxy).request("GET", server.url)
    assert "proxy" not in str(caught.value)


def test_a_refused_proxy_says_so(connect_to):
    with unused_port() as port, pytest.raises(ProxyError, match="refused") as caught:
        connect_to(proxies=f"http://user:hunter2@127.0.0.1:{port}").request("GET", "http://h.test/")
    assert f"http://127.0.0.1:{port}" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("reply", [b"HTTP/1.1 403 Forbidden\r\n\r\n", b"HTTP/1.1 502 Bad Gateway\r\n\r\n"])
def test_a_refused_tunnel_is_a_proxy_error(serve, connect_to, reply):
    def script(peer):
        assert peer.head().raw.startswith(b"CONNECT [::1]:8443 HTTP/1.1\r\nhost: [::1]:8443")
        peer.send(reply)

    server = serve(script)
    with pytest.raises(ProxyError, match=reply[9:12].decode()):
        connect_to(proxies=server.url).request("GET", "https://[::1]:8443/")


@pytest.mark.parametrize("reply", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\nx"])
def test_a_tunnel_that_breaks_is_a_proxy_error(serve, connect_to, reply):
    def script(peer):
        peer.head()
        peer.send(reply)

    server = serve(script)
    with pytest.raises(ProxyError):
        connect_to(proxies=server.url).request("GET", "https://h.test/")


def test_a_silent_proxy_is_a_connect_timeout(serve, connect_to):
    done = threading.Event()
    server = serve(lambda peer: done.wait(10))
    with pytest.raises(ConnectTimeout, match="proxy"):
        connect_to(proxies=server.url).request("GET", "https://h.test/", timeout=Timeout(connect=0.1))
    done.set()


def test_http_requests_are_in_absolute_form_without_userinfo(serve, connect_to):
    server = serve(always())
    transport = connect_to(proxies=server.url.replace("//", "//u:p@"))
    transport.request("GET", "http://me:pw@h.test:81/a b?c")
    request = server.requests[0]
    assert request.path == "http://h.test:81/a%20b?c"
    assert request.headers["host"] == "h.test:81"
    assert request.headers["proxy-authorization"] == "Basic dTpw"
    assert request.headers["authorization"] == "Basic bWU6cHc="


def test_a_redirect_to_another_host_asks_again_which_proxy(serve, connect_to):
    target = serve(always(b"direct"))
    proxy = serve(always(lambda _: answer(status="302 Found", location=target.url)))
    transport = connect_to(proxies={"all": proxy.url, "no_proxy": "127.0.0.1"}, bounded=False)
    assert transport.request("GET", "http://h.test/").body == b"direct"
    assert (proxy.connections, target.connections) == (1, 1)


# --- WebSockets


def echo(peer):
    accept(peer, peer.request())
    while True:
        opcode, data = read_frame(peer)
        if opcode == CLOSE:
            return
        peer.send(frame(data))


@pytest.mark.parametrize("way", ["http", "https", "http by https", "https by https"])
def test_websocket_goes_through_a_tunnel(serve, connect_to, proxy, tls_proxy, wrap, ca_file, way):
    server = serve(echo, wrap=wrap if way.startswith("https") else None)
    by = tls_proxy if "by" in way else LOGIN + proxy
    transport = connect_to(server.url, proxies=by, verify=ca_file)
    websocket = open_websocket(
        transport, server.url, {}, "calling /echo", timeout=Timeout(read=10.0), max_bytes=None
    )
    # More than a TLS record, so that decrypted bytes wait where the socket does not show them.
    for text in (b"a", b"b" * 300_000):
        websocket.send("text", text, Timeout(read=10.0))
        limit = time.monotonic() + 10
        frames = []
        while not frames and time.monotonic() < limit:
            frames = websocket.read_arrived() or []
        assert [found.data for found in frames] == [text]
    websocket.close()
    assert "via" not in {name.lower() for name in server.requests[0].headers}


# --- a proxy that the caller may not know of


def test_a_refused_proxy_of_the_environment_says_how_to_do_without(connect_to, monkeypatch):
    with unused_port() as port:
        monkeypatch.setenv("HTTP_PROXY", f"http://user:hunter2@127.0.0.1:{port}")
        with pytest.raises(ProxyError, match=r"refused.*HTTP_PROXY.*NO_PROXY.*trust_env") as caught:
            connect_to().request("GET", "http://h.test/")
    assert "hunter2" not in str(caught.value)
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("status", "retryable"), [("407 Denied", False), ("403 Forbidden", False), ("502 Bad Gateway", True)]
)
def test_a_tunnel_that_the_environments_proxy_refuses_says_so(
    serve, connect_to, monkeypatch, status, retryable
):
    server = serve(lambda peer: (peer.head(), peer.answer(b"", status)))
    monkeypatch.setenv("HTTPS_PROXY", server.url)
    with pytest.raises(ProxyError, match=f"{status[:3]}.*HTTPS_PROXY.*NO_PROXY.*trust_env") as caught:
        connect_to().request("GET", "https://h.test/")
    assert caught.value.retryable is retryable


def test_a_proxy_that_was_passed_is_not_called_one_of_the_environment(connect_to):
    with unused_port() as port, pytest.raises(ProxyError) as caught:
        connect_to(proxies=f"http://127.0.0.1:{port}").request("GET", "http://h.test/")
    assert "NO_PROXY" not in str(caught.value)
