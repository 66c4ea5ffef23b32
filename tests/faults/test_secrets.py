"""No error shows a credential, whatever it is caused by."""

from __future__ import annotations

import base64
import gc
import json
import logging
import threading
import traceback
from types import CellType, FrameType
from typing import Any, Callable, Dict, List

import pytest
from transport.peers import unused_port

from gradio_client_lite import Client
from gradio_client_lite.errors import GradioClientError

from .badserver import BadServer, config, event, hang_up, raw, reply, reset, silent, streaming

Serve = Callable[..., BadServer]

# Put together here, so that no line of source that a traceback quotes holds one of them.
TOKEN, PASSWORD, LOGIN, COOKIE = ("".join(("s3cr3t", kind)) for kind in ("token", "url", "login", "cookie"))
SECRETS = [TOKEN, PASSWORD, LOGIN, COOKIE, base64.b64encode(f"user:{PASSWORD}".encode()).decode()]
NOT_FOUND = reply({"detail": "Not Found"}, "404 Not Found")

BEHAVIOURS: Dict[str, Dict[str, Any]] = {
    "config reset": {"config": reset},
    "config silent": {"config": silent},
    "config 401": {"config": reply({}, "401 Unauthorized")},
    "config not http": {"config": raw(b"nonsense\r\n\r\n")},
    "config truncated": {"config": raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{")},
    "config of nothing": {"config": reply({}), "page": reply(b"<html>")},
    "config in the page": {"config": NOT_FOUND, "page": reply(b'window.gradio_config = {"a": 1}')},
    "old protocol": {
        "config": NOT_FOUND,
        "page": reply(b'window.gradio_config = {"dependencies": [], "protocol": "ws"}'),
    },
    "redirect loop": {"config": reply(b"", "302 Found", location="/config")},
    "login refused": {"login": reply({}, "400 Bad Request")},
    "login broken": {"login": reply(b"oops", "500 Internal Server Error")},
    "login reset": {"login": reset},
    "join reset": {"join": reset},
    "join silent": {"join": silent},
    "join 404": {"join": NOT_FOUND},
    "join 422": {"join": reply({"detail": "no"}, "422 Unprocessable Entity")},
    "join garbage": {"join": reply(b"<html>")},
    "stream cut": {"data": hang_up},
    "stream 401": {"data": reply({}, "401 Unauthorized")},
    "stream 500": {"data": reply(b"", "500 Internal Server Error")},
    "stream garbage": {"data": streaming(b"data: nonsense\n\n")},
    "server stops": {"data": streaming(event("unexpected_error", message="Server stopped unexpectedly."))},
}


def fail_with_all_credentials(url: str) -> GradioClientError:
    with (
        pytest.raises(GradioClientError) as caught,
        Client(
            url.replace("//", f"//user:{PASSWORD}@") + f"?secret={PASSWORD}",
            hf_token=TOKEN,
            auth=("user", LOGIN),
            verbose=False,
            httpx_kwargs={"timeout": 0.3, "cookies": {"session": COOKIE}},
            headers={"x-secret": TOKEN},
            stream_grace=0.1,
        ) as client,
    ):
        client.predict("a", api_name="/echo")
    return caught.value


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_no_error_shows_a_credential(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for variable in ("HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)
    with caplog.at_level(logging.DEBUG), BadServer(**BEHAVIOURS[name]) as server:
        error = fail_with_all_credentials(server.url)
    shown = [str(error), repr(error), repr(vars(error)), caplog.text]
    shown += traceback.format_exception(type(error), error, error.__traceback__)
    assert_none_is_shown(shown)


def test_refused_connection_shows_no_credential() -> None:
    with unused_port() as port:
        error = fail_with_all_credentials(f"http://127.0.0.1:{port}/")
    assert_none_is_shown(traceback.format_exception(type(error), error, error.__traceback__))


def test_client_shows_no_credential(capsys: pytest.CaptureFixture[str]) -> None:
    in_page = reply(b"window.gradio_config = " + json.dumps(config()).encode())
    with (
        BadServer(config=NOT_FOUND, page=in_page) as server,
        Client(
            server.url.replace("//", f"//user:{PASSWORD}@"), hf_token=TOKEN, auth=("user", LOGIN)
        ) as client,
    ):
        job = client.submit("a", api_name="/echo")
        job.result(10)
        shown = [repr(client), str(client), client.src, repr(job), repr(client.cookies)]
    assert_none_is_shown([*shown, capsys.readouterr().out])


@pytest.mark.usefixtures("_plain_environment")
def test_closed_client_leaves_no_credential_in_the_process() -> None:
    plant = "".join(("pl4nted", "-password"))
    with BadServer() as server:
        client = Client(
            server.url.replace("//", f"//user:{plant}@") + f"?key={plant}", verbose=False, hf_token=plant
        )
        client.session_hash = plant
        assert client.predict("a", api_name="/echo") == "a"
        client.close()
        server.requests.clear()
        server._pending.clear()
        server.told.clear()
    del client, server
    for thread in threading.enumerate():
        if thread.name.startswith("gradio-"):
            thread.join(10)
    gc.collect()
    left = [
        (type(holder), text[:60])
        for holder in gc.get_objects()
        if not isinstance(holder, (FrameType, CellType))  # this test's own
        for text in gc.get_referents(holder)
        if isinstance(text, (str, bytes)) and (plant if isinstance(text, str) else plant.encode()) in text
    ]
    assert left == []


def assert_none_is_shown(texts: List[str]) -> None:
    for text in texts:
        for secret in SECRETS:
            assert secret not in text


def test_credentials_are_sent_where_they_belong() -> None:
    with (
        BadServer() as server,
        Client(
            server.url.replace("//", f"//user:{PASSWORD}@"),
            token=TOKEN,
            verbose=False,
            httpx_kwargs={"cookies": {"session": COOKIE}},
        ) as client,
    ):
        assert client.predict("a", api_name="/echo") == "a"
    for request in server.requests:
        assert request.headers["authorization"] == "Basic " + SECRETS[-1]
        assert request.headers["x-hf-authorization"] == f"Bearer {TOKEN}"
        assert request.headers["cookie"] == f"session={COOKIE}"
