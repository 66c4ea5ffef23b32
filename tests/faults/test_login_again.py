"""An app that was started anew has forgotten the login."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest
from transport.peers import Peer, Request

from gradio_client_lite import Client, handle_file
from gradio_client_lite.app.login import Credentials
from gradio_client_lite.errors import AuthenticationError, ConnectionFailed, StreamLost

from .badserver import (
    BadServer,
    Behaviour,
    Hangup,
    config,
    for_ever,
    info,
    reply,
    reset,
)

Connect = Callable[..., Client]
AUTH = ("user", "s3cr3tpass")


class LoginServer(BadServer):
    """An app with a login; `restart` makes it forget who has logged in."""

    def __init__(self, **behaviours: Behaviour) -> None:
        super().__init__()
        self.password = AUTH[1]
        self.cookie = "access-token"
        self.lives = 1
        self._lock = threading.Lock()
        self.logins = 0
        behaviours = {**self._behaviours, "upload": reply(["/tmp/x/a.txt"]), **behaviours}
        guarded = {route: self._guard(behaviour) for route, behaviour in behaviours.items()}
        self.behave(**{**guarded, "login": self._login, "page": behaviours.get("page", reply(b""))})

    def restart(self) -> None:
        self.lives += 1

    def _login(self, peer: Peer, request: Request) -> None:
        with self._lock:
            self.logins += 1
        if f"password={self.password}" not in request.body.decode():
            reply({"detail": "Incorrect credentials."}, "400 Bad Request")(peer, request)
            return
        assert "cookie" not in request.headers
        cookie = f"{self.cookie}=life{self.lives}; Path=/"
        reply({"success": True}, set_cookie=cookie)(peer, request)

    def _guard(self, behaviour: Behaviour) -> Behaviour:
        def behave(peer: Peer, request: Request) -> None:
            if request.headers.get("cookie") == f"{self.cookie}=life{self.lives}":
                behaviour(peer, request)
            else:
                reply({"detail": "Not authenticated"}, "401 Unauthorized")(peer, request)

        return behave


@pytest.fixture
def connect(connect: Connect) -> Connect:
    """Make clients that have their description: fetching it in the background would log in again, too."""

    def make(url: str, **options: Any) -> Client:
        client = connect(url, **options)
        client.view_api(print_info=False)
        return client

    return make


@pytest.fixture
def guarded() -> Iterator[LoginServer]:
    with LoginServer() as server:
        yield server


@pytest.mark.parametrize("api_name", ["/echo", "/direct"])
@pytest.mark.parametrize("cookie", ["access-token", "access-token-another"])
def test_call_after_a_restart_logs_in_again(
    guarded: LoginServer, connect: Connect, api_name: str, cookie: str
) -> None:
    client = connect(guarded.url, auth=AUTH)
    assert client.predict("a", api_name=api_name) == "a"
    for _ in range(3):
        guarded.restart()
        guarded.cookie = cookie
        assert client.predict("b", api_name=api_name) == "b"
    assert guarded.logins == 4
    assert list(client._app.transport.cookies) == [cookie]  # those of former logins are gone


def test_many_calls_that_are_refused_make_one_login(guarded: LoginServer, connect: Connect) -> None:
    client = connect(guarded.url, auth=AUTH)
    guarded.restart()
    jobs = [client.submit(f"{number}", api_name="/direct") for number in range(30)]
    assert [job.result(10) for job in jobs] == [f"{number}" for number in range(30)]
    assert guarded.logins == 2


def test_password_that_is_wrong_now_is_told_and_tried_once(guarded: LoginServer, connect: Connect) -> None:
    client = connect(guarded.url, auth=AUTH)
    guarded.restart()
    guarded.password = "changed"
    for count in (2, 3):
        with pytest.raises(AuthenticationError, match="Invalid credentials"):
            client.predict("a", api_name="/echo")
        assert guarded.logins == count
    guarded.password = AUTH[1]
    assert client.predict("a", api_name="/echo") == "a"


def test_many_calls_learn_of_a_wrong_password_each_by_an_error_of_its_own(
    guarded: LoginServer, connect: Connect
) -> None:
    client = connect(guarded.url, auth=AUTH)
    guarded.restart()
    guarded.password = "changed"
    jobs = [client.submit("a", api_name="/direct") for _ in range(10)]
    errors = [job.exception(10) for job in jobs]
    assert {type(error) for error in errors} == {AuthenticationError}
    assert len({id(error) for error in errors}) == 10
    assert not any(AUTH[1] in str(error) for error in errors)


def test_app_that_refuses_after_the_login_too_is_asked_once_more_only(connect: Connect) -> None:
    with LoginServer(predict=reply({"detail": "Not authenticated"}, "401 Unauthorized")) as server:
        client = connect(server.url, auth=AUTH)
        with pytest.raises(AuthenticationError):
            client.predict("a", api_name="/direct")
        assert server.routes().count("predict") == 2
        assert server.logins == 2


def test_login_that_fails_is_told_as_what_it_is(guarded: LoginServer, connect: Connect) -> None:
    client = connect(guarded.url, auth=AUTH)
    guarded.restart()
    guarded.behave(login=reset)
    with pytest.raises(ConnectionFailed):
        client.predict("a", api_name="/direct")


def test_client_without_a_login_makes_none(guarded: LoginServer, connect: Connect) -> None:
    client = connect(guarded.url, httpx_kwargs={"cookies": {"access-token": "life1"}})
    guarded.restart()
    with pytest.raises(AuthenticationError):
        client.predict("a", api_name="/direct")
    assert guarded.logins == 0


def test_files_are_sent_again_after_the_login(connect: Connect, tmp_path: Any) -> None:
    uploads: List[bytes] = []

    def upload(peer: Peer, request: Request) -> None:
        uploads.append(request.body)
        reply(["/tmp/x/a.txt"])(peer, request)

    with LoginServer(upload=upload) as server:
        client = connect(server.url, auth=AUTH, download_files=False)
        server.restart()
        file = tmp_path / "a.txt"
        file.write_bytes(b"content")
        client.predict(handle_file(str(file)), api_name="/direct")
        assert [b"content" in body for body in uploads] == [True]
        assert server.routes().count("upload") == 2


def test_file_of_a_result_is_fetched_after_the_login(connect: Connect, tmp_path: Any) -> None:
    def predict(peer: Peer, request: Request) -> None:
        server.restart()
        file = {"path": "/tmp/x/a.txt", "url": None, "meta": {"_type": "gradio.FileData"}}
        reply({"data": [file]})(peer, request)

    with LoginServer(predict=predict) as server:
        server.behave(**{"a.txt": server._guard(reply(b"content"))})
        client = connect(server.url, auth=AUTH, download_files=str(tmp_path))
        path = client.predict("a", api_name="/direct")
        assert Path(path).read_bytes() == b"content"
        assert server.logins == 2


def test_description_is_fetched_after_the_login(guarded: LoginServer) -> None:
    def restart(peer: Peer, request: Request) -> None:
        guarded.behave(info=reply(info()))
        guarded.restart()
        reply({"detail": "Not authenticated"}, "401 Unauthorized")(peer, request)

    guarded.behave(info=restart)
    with Client(guarded.url, auth=AUTH, verbose=False) as client:
        assert client.view_api(print_info=False, return_format="dict") == info()
        assert guarded.logins == 2


def test_stream_is_opened_again_after_the_login(connect: Connect) -> None:
    """The job is lost with the server's memory, as ever; it is no AuthenticationError."""

    def broken(peer: Peer, request: Request) -> None:
        server.restart()
        server.behave(data=server._guard(server._data))
        peer.reset()
        raise Hangup

    with LoginServer() as server:
        client = connect(server.url, auth=AUTH)
        server.behave(data=broken)
        server._join = reply({"event_id": "lost"})  # type: ignore[method-assign,assignment]
        server.behave(join=server._guard(reply({"event_id": "lost"})))
        with pytest.raises(StreamLost):
            client.predict("a", api_name="/echo")
        assert server.logins == 2


def test_heartbeat_ends_where_the_password_is_wrong_now(connect: Connect) -> None:
    beating = threading.Event()

    def beat(peer: Peer, request: Request) -> None:
        beating.set()
        raise Hangup

    app = reply(config(connect_heartbeat=True))
    with LoginServer(config=app, heartbeat=beat) as server:
        connect(server.url, auth=AUTH)
        assert beating.wait(5)
        server.restart()
        server.password = "changed"
        for thread in threading.enumerate():
            if thread.name == "gradio-heartbeat":
                thread.join(5)
                assert not thread.is_alive()
        assert server.logins == 2


def test_heartbeat_goes_on_after_a_login(connect: Connect) -> None:
    beats = threading.Semaphore(0)

    def beat(peer: Peer, request: Request) -> None:
        beats.release()
        if server.lives == 1:
            server.restart()
            raise Hangup
        for_ever(peer, request)

    app = reply(config(connect_heartbeat=True))
    with LoginServer(config=app, heartbeat=beat) as server:
        connect(server.url, auth=AUTH)
        assert beats.acquire(timeout=5)
        assert beats.acquire(timeout=5)


def test_password_does_not_go_to_another_server(guarded: LoginServer, connect: Connect) -> None:
    with BadServer(predict=reply({"detail": "Not authenticated"}, "401 Unauthorized")) as other:
        client = connect(guarded.url, auth=AUTH)
        guarded.behave(config=reply(b"", "302 Found", location=other.url + "config"))
        elsewhere = connect(guarded.url, auth=AUTH)
        with pytest.raises(AuthenticationError):
            elsewhere.predict("a", api_name="/direct")
        assert "login" not in other.routes()
        client.close()


def test_credentials_are_not_shown() -> None:
    credentials = Credentials(*AUTH)
    assert AUTH[1] not in repr(credentials)
    assert AUTH[1] not in repr(credentials.form())
    assert credentials.form() == b"username=user&password=s3cr3tpass"
