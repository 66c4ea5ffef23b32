"""Tests `app.py`, `server.py` and `handlers.py` over sockets."""

from __future__ import annotations

import gc
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from typing import Any, Dict, Iterator, List, Tuple
from urllib.parse import urlsplit

import pytest
from forking import fork

from gradio_client_lite.testing import App, AppError, Function, progress, serve, server
from gradio_client_lite.workers import Workers

from .wire_recording import ask, connect, stream

_PATIENCE = 10.0  # seconds; only a failing test waits this long
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def has_ipv6() -> bool:
    """Whether this machine does; many containers do not."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


HOSTS = [("127.0.0.1", "127.0.0.1"), ("localhost", "localhost"), *([("::1", "[::1]")] if has_ipv6() else [])]


def join(app: App, index: int = 0, *data: Any, session_hash: str = "s") -> str:
    body = {"data": data, "fn_index": index, "session_hash": session_hash}
    status, _, text = ask(app.url, "POST", "/gradio_api/queue/join", body)
    assert status == 200, text
    event_id: str = json.loads(text)["event_id"]
    return event_id


def messages(app: App, session_hash: str = "s") -> Iterator[Dict[str, Any]]:
    return stream(app.url, f"/gradio_api/queue/data?session_hash={session_hash}")


def test_the_url_is_that_of_the_client_and_says_the_port() -> None:
    with serve({"/echo": str.upper}) as app:
        assert app.url == f"http://127.0.0.1:{urlsplit(app.url).port}/"
        assert repr(app) == f"<App {app.url} [/echo]>"
    assert repr(app) == f"<App {app.url} [closed]>"


def test_a_given_port_is_used_and_free_again_after_closing() -> None:
    with serve({}) as app:
        port = urlsplit(app.url).port
    with serve({}, port=port or 0) as again:
        assert again.url == app.url


def test_a_port_in_use_is_an_error() -> None:
    with serve({}) as app, pytest.raises(OSError, match="in use"):
        serve({}, port=urlsplit(app.url).port or 0)


@pytest.mark.parametrize(("host", "shown"), HOSTS)
def test_it_listens_on_the_given_host(host: str, shown: str) -> None:
    with serve({"/echo": str.upper}, host=host) as app:
        assert app.url.startswith(f"http://{shown}:")
        assert ask(app.url, "POST", "/gradio_api/run/echo", {"data": ["a"]})[0] == 200


@pytest.mark.parametrize("host", ["0.0.0.0", ""])
def test_the_url_of_one_that_listens_on_all_addresses_is_usable_everywhere(host: str) -> None:
    with serve({}, host=host) as app:
        assert app.url.startswith("http://127.0.0.1:")
        assert ask(app.url, "GET", "/config")[0] == 200


def test_a_connection_serves_queued_calls_streams_and_direct_calls() -> None:
    with serve({"/echo": str.upper, "/direct": Function(str.upper, queue=False)}) as app:
        connection = connect(app.url)
        used = set()
        for _ in range(3):
            event = json.dumps({"data": ["a"], "fn_index": 0, "session_hash": "s"})
            for method, target, body in (
                ("POST", "/gradio_api/queue/join", event),
                ("GET", "/gradio_api/queue/data?session_hash=s", None),
                ("POST", "/gradio_api/run/direct", event),
                ("GET", "/unknown", None),
            ):
                connection.request(method, target, body)
                used.add(connection.sock.getsockname())
                connection.getresponse().read()
        connection.close()
        assert len(used) == 1


def test_requests_sent_together_are_answered_in_turn() -> None:
    with serve({"/echo": str.upper}) as app, _raw(app) as client:
        client.sendall(b"GET /config HTTP/1.1\r\n\r\nGET /unknown HTTP/1.1\r\nConnection: close\r\n\r\n")
        received = client.makefile("rb").read()
        assert received.index(b" 200 ") < received.index(b" 404 ")


def test_an_http_1_0_client_gets_a_stream_that_ends_with_the_connection() -> None:
    with serve({"/echo": str.upper}) as app, _raw(app) as client:
        join(app, 0, "a")
        client.sendall(b"GET /gradio_api/queue/data?session_hash=s HTTP/1.0\r\n\r\n")
        head, _, body = client.makefile("rb").read().partition(b"\r\n\r\n")
        assert b"chunked" not in head
        assert body.startswith(b"data: ")
        assert body.endswith(b'"close_stream","event_id":null}\n\n')


@pytest.mark.parametrize("header", [b"Transfer-Encoding: chunked", b"Content-Length: -1"])
def test_a_body_without_a_length_is_refused(header: bytes) -> None:
    with serve({"/echo": str.upper}) as app, _raw(app) as client:
        client.sendall(b"POST /gradio_api/queue/join HTTP/1.1\r\n" + header + b"\r\n\r\n0\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 411 ")


def test_a_body_that_is_no_json_is_refused() -> None:
    with serve({"/echo": str.upper}) as app:
        connection = connect(app.url)
        for body, status in ((b"{bad", 422), (b"\xff\xfe{", 400)):
            connection.request("POST", "/gradio_api/queue/join", body)
            response = connection.getresponse()
            response.read()
            assert response.status == status
        connection.close()


def test_the_page_names_the_functions() -> None:
    with serve({"/echo": str.upper}) as app:
        assert "<li>/echo</li>" in ask(app.url, "GET", "/")[2]


def call(app: App, name: str, *data: Any) -> List[Tuple[str, Any]]:
    """The events of a call by hand."""
    status, _, text = ask(app.url, "POST", f"/gradio_api/call/{name}", {"data": data})
    assert status == 200, text
    target = f"/gradio_api/call/{name}/{json.loads(text)['event_id']}"
    events = ask(app.url, "GET", target)[2].strip().split("\n\n")
    lines = [event.split("\n") for event in events]
    return [(kind.replace("event: ", ""), json.loads(data.replace("data: ", ""))) for kind, data in lines]


def test_a_call_by_hand_takes_two_plain_requests() -> None:
    def grow(text: str) -> Iterator[str]:
        for end in range(1, 4):
            yield text[:end]

    def fail() -> None:
        raise AppError("no", title="Sorry")

    with serve({"/echo": str.upper, "/grow": grow, "/fail": fail}) as app:
        assert call(app, "echo", "a") == [("complete", ["A"])]
        whole = [("generating", [text]) for text in ("a", "ab", "abc")]
        assert call(app, "grow", "abc") == [*whole, ("complete", ["abc"])]
        ((kind, output),) = call(app, "fail")
        assert (kind, output["error"], output["title"]) == ("error", "no", "Sorry")


def test_a_wrong_call_by_hand_is_refused() -> None:
    with serve({"/echo": str.upper}) as app:
        assert ask(app.url, "POST", "/gradio_api/call/unknown", {"data": []})[0] == 404
        assert ask(app.url, "POST", "/gradio_api/call/echo", {"data": "a"})[0] == 422
        assert (
            ask(app.url, "GET", "/gradio_api/call/echo/unknown")[2]
            == 'event: error\ndata: "404: Not Found"\n\n'
        )


def test_the_stream_of_a_call_by_hand_beats() -> None:
    started = threading.Event()
    with serve({"/wait": lambda: started.wait(_PATIENCE)}, heartbeat=0.05) as app:
        text = ask(app.url, "POST", "/gradio_api/call/wait", {"data": []})[2]
        connection = connect(app.url)
        connection.request("GET", f"/gradio_api/call/wait/{json.loads(text)['event_id']}")
        response = connection.getresponse()
        assert response.readline() == b"event: heartbeat\n"
        started.set()
        assert b"event: complete\n" in response.read()
        connection.close()


def test_a_call_by_hand_of_an_app_that_stops_is_refused() -> None:
    with serve({"/echo": str.upper}) as app:
        app._queue.stop()
        assert ask(app.url, "POST", "/gradio_api/call/echo", {"data": ["a"]})[0] == 503


def test_progress_reaches_the_stream() -> None:
    def work() -> None:
        progress(1, 2, desc="half")

    with serve({"/work": work}) as app:
        join(app)
        found = [message["progress_data"][0] for message in messages(app) if message["msg"] == "progress"]
    assert [(unit["index"], unit["length"], unit["desc"]) for unit in found] == [(1, 2, "half")]


def test_hidden_errors_say_nothing() -> None:
    def crash() -> None:
        raise ValueError("secret")

    with serve({"/crash": crash}, show_error=False) as app:
        join(app)
        completed = [message for message in messages(app) if message["msg"] == "process_completed"]
        assert json.loads(ask(app.url, "GET", "/config")[2])["show_error"] is False
    assert completed[0]["output"] == {"error": None}
    assert completed[0]["title"] == "Error"


def test_undocumented_functions_are_described_on_request_and_private_ones_never() -> None:
    functions = {
        "/a": str.upper,
        "/b": Function(str.upper, api_visibility="undocumented"),
        "/c": Function(str.upper, api_visibility="private"),
    }
    with serve(functions) as app:
        shown = [
            list(json.loads(ask(app.url, "GET", f"/gradio_api/info{query}")[2])["named_endpoints"])
            for query in ("", "?all_endpoints=True")
        ]
    assert shown == [["/a"], ["/a", "/b"]]


def test_the_config_asks_for_a_heartbeat_if_wanted() -> None:
    with serve({}, connect_heartbeat=True) as app:
        assert json.loads(ask(app.url, "GET", "/config")[2])["connect_heartbeat"] is True


def test_the_heartbeat_goes_on_until_the_app_closes() -> None:
    with serve({}, heartbeat=0.01) as app:
        connection = connect(app.url)
        connection.request("GET", "/gradio_api/heartbeat/s")
        response = connection.getresponse()
        assert [response.readline() for _ in range(4)] == [b"data: ALIVE\n", b"\n"] * 2
        app.close()
        rest = response.read()  # raises if the stream is cut
        assert rest == b"data: ALIVE\n\n" * (len(rest) // 13)
        connection.close()


def log_in(app: App, form: str) -> Tuple[int, str, str]:
    connection = connect(app.url)
    connection.request("POST", "/login", form, _FORM)
    response = connection.getresponse()
    text = response.read().decode()
    cookies = "; ".join(value.partition(";")[0] for value in response.headers.get_all("Set-Cookie", []))
    connection.close()
    return response.status, cookies, text


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/config"),
        ("GET", "/gradio_api/info"),
        ("POST", "/gradio_api/queue/join"),
        ("GET", "/gradio_api/queue/data?session_hash=s"),
        ("POST", "/gradio_api/run/echo"),
    ],
)
def test_without_a_login_an_app_with_auth_answers_401(method: str, target: str) -> None:
    with serve({"/echo": str.upper}, auth=("user", "pass")) as app:
        status, _, text = ask(app.url, method, target)
    assert (status, json.loads(text)) == (
        401,
        {"detail": {"error": "Not authenticated", "auth_message": None}},
    )


def test_either_cookie_of_a_login_lets_its_user_in() -> None:
    with serve({"/echo": str.upper}, auth=("ünï", "p@ss wörd&=")) as app:
        status, cookies, _ = log_in(app, "username=%C3%BCn%C3%AF&password=p%40ss+w%C3%B6rd%26%3D")
        assert status == 200
        for cookie in cookies.split("; "):
            connection = connect(app.url)
            connection.request("GET", "/config", headers={"Cookie": f"other=1; {cookie}"})
            assert json.loads(connection.getresponse().read())["username"] == "ünï"
            connection.close()


def test_wrong_credentials_are_refused_with_400() -> None:
    with serve({}, auth=("user", "pass")) as app:
        for form in ("username=user&password=wrong", "username=other&password=pass"):
            assert log_in(app, form) == (400, "", '{"detail":"Incorrect credentials."}')
        assert log_in(app, "username=user")[0] == 422


def test_a_login_that_is_not_needed_leads_to_the_app() -> None:
    with serve({}) as app:
        assert log_in(app, "username=a&password=b")[0] == 302


class Stuck:
    """A function that runs until it is let go."""

    def __init__(self) -> None:
        self.running = threading.Event()
        self.release = threading.Event()
        self.released = False

    def __call__(self) -> None:
        self.running.set()
        self.release.wait(_PATIENCE)
        self.released = True


def test_closing_ends_open_streams_with_a_message() -> None:
    stuck = Stuck()
    with serve({"/stuck": stuck}) as app:
        join(app)
        received = messages(app)
        assert [next(received)["msg"] for _ in range(2)] == ["estimation", "process_starts"]
        app.close()
        assert not stuck.released
        rest = [(message["msg"], message["message"]) for message in received]
    stuck.release.set()
    assert rest == [("unexpected_error", "Server stopped unexpectedly.")]


def test_closing_does_not_wait_for_a_direct_call() -> None:
    stuck = Stuck()
    with serve({"/stuck": Function(stuck, queue=False)}) as app:
        connection = connect(app.url)
        connection.request("POST", "/gradio_api/run/stuck", '{"data": []}')
        assert stuck.running.wait(_PATIENCE)
        app.close()
        assert not stuck.released
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            connection.getresponse()
        connection.close()
    stuck.release.set()


def test_closing_ends_kept_connections_at_once_and_leaves_nothing_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "CLOSE_TIMEOUT", 10 * _PATIENCE)
    before = set(threading.enumerate())
    with serve({"/echo": str.upper}) as app:
        kept = [connect(app.url) for _ in range(5)]
        for connection in kept:
            connection.request("GET", "/config")
            connection.getresponse().read()
        began = time.monotonic()
        app.close()
        assert time.monotonic() - began < _PATIENCE
        for connection in kept:
            assert connection.sock.recv(1) == b""
            connection.close()
    app.close()  # once more does no harm
    gc.collect()  # an open socket would warn here, and warnings are errors
    assert [thread.name for thread in set(threading.enumerate()) - before] == []


def test_closing_waits_for_threads_of_connections_that_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = server.Server.closed

    def closed_slowly(self: server.Server) -> None:
        closed(self)
        time.sleep(0.2)

    monkeypatch.setattr(server.Server, "closed", closed_slowly)
    before = set(threading.enumerate())
    with serve({}) as app:
        assert ask(app.url, "GET", "/config")[0] == 200
    assert set(threading.enumerate()) <= before


def test_closing_ends_the_threads_that_functions_ran_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Workers.__init__, "__defaults__", (10 * _PATIENCE, None, None)
    )  # how long they wait for work
    before = set(threading.enumerate())
    with serve({"/echo": str.upper}) as app:
        join(app, 0, "a")
        assert [message["msg"] for message in messages(app)][-1] == "close_stream"
    for thread in set(threading.enumerate()) - before:
        thread.join(_PATIENCE)
        assert not thread.is_alive()


def test_a_client_that_hangs_up_does_not_disturb_the_others() -> None:
    endless = threading.Event()

    def numbers() -> Iterator[int]:
        while not endless.is_set():
            yield 1

    with serve({"/numbers": numbers, "/echo": str.upper}) as app:
        join(app)
        received = messages(app)
        next(received)
        received.close()  # type: ignore[attr-defined]
        join(app, 1, "a", session_hash="other")
        assert [message["msg"] for message in messages(app, "other")][-1] == "close_stream"
        endless.set()


def test_a_process_ends_although_its_app_and_a_function_still_run() -> None:
    code = """
import json, threading, time, urllib.request
from gradio_client_lite.testing import serve
running = threading.Event()
def stuck():
    running.set()
    time.sleep(60)
app = serve({"/stuck": stuck})
body = json.dumps({"data": [], "fn_index": 0, "session_hash": "s"}).encode()
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
opener.open(app.url + "gradio_api/queue/join", body).close()
assert running.wait(10)
"""
    assert subprocess.run([sys.executable, "-c", code], timeout=20, check=False).returncode == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forked_child_leaves_the_app_to_its_parent() -> None:
    let_go = threading.Event()
    with serve({"/wait": lambda: let_go.wait(_PATIENCE)}) as app:
        join(app)
        coming = messages(app)
        next(coming)
        pid = fork()
        if pid == 0:
            app.close()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        let_go.set()
        assert [message["msg"] for message in coming][-2:] == ["process_completed", "close_stream"]


def _raw(app: App) -> socket.socket:
    parts = urlsplit(app.url)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=_PATIENCE)
