"""What a server may cost: every kind of request ends, and takes no more memory than its limit allows."""

from __future__ import annotations

import contextlib
import gzip
import json
import threading
import tracemalloc
from typing import Any, Callable, Iterator

import pytest
from transport import sockets

from gradio_client_lite import Client, Limits, handle_file
from gradio_client_lite.errors import (
    DeadlineExceeded,
    EventTooLarge,
    HTTPStatusError,
    ProtocolError,
    ReadTimeout,
    ResponseTooLarge,
    UnsupportedAppError,
)

from .badserver import STREAM_HEAD, BadServer, Behaviour, Hangup, Peer, Request, chunk, config, raw, reply

# What it holds is the same on every Python; it takes long.
pytestmark = pytest.mark.whole

Serve = Callable[..., BadServer]
Connect = Callable[..., Client]
Promptly = Callable[..., Any]

OK = b"HTTP/1.1 200 OK\r\n"
NOT_FOUND = reply({"detail": "Not Found"}, "404 Not Found")
#: 15 MB of JSON that would become 5 million lists, with 320 MB; and 36 MB of it in 36 KB.
DENSE = b'{"a":[' + b"[]," * 5_000_000 + b"0]}"
BOMB = gzip.compress(b'{"a":[' + b"[]," * 12_000_000 + b"0]}")


@contextlib.contextmanager
def at_most(size: int) -> Iterator[None]:
    """No more than so many bytes are taken meanwhile."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < size
    finally:
        tracemalloc.stop()


def trickling(begin: bytes, rest: bytes = b"x") -> Behaviour:
    """Send something at once and then the rest, byte by byte, again and again."""

    def behave(peer: Peer, request: Request) -> None:
        peer.send(begin)
        stopped = threading.Event()
        while True:
            for byte in rest:
                peer.send(bytes((byte,)))
                stopped.wait(0.01)

    return behave


def flooding(begin: bytes, rest: bytes) -> Behaviour:
    """Send something and then the rest, as fast as it is taken."""

    def behave(peer: Peer, request: Request) -> None:
        peer.send(begin)
        while True:
            peer.send(rest)

    return behave


ENDLESS = {
    "continue": trickling(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "head": trickling(OK, b"x: y\r\n"),
    "body": trickling(OK + b"content-length: 99999\r\n\r\n"),
    "chunks": trickling(OK + b"transfer-encoding: chunked\r\n\r\n", chunk(b" ")),
    "extension": trickling(OK + b"transfer-encoding: chunked\r\n\r\n5;"),
    "trailers": trickling(OK + b"transfer-encoding: chunked\r\n\r\n0\r\n", b"x: yyyyyyyyyyyyy\r\n"),
    "members": trickling(OK + b"content-encoding: gzip\r\n\r\n", gzip.compress(b"")),
}
FLOODS = {
    "continue": flooding(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
    "hints": flooding(b"", b"HTTP/1.1 103 Hints\r\n\r\n" * 100),
    "members": flooding(OK + b"content-encoding: gzip\r\n\r\n", gzip.compress(b"") * 1000),
    "body": flooding(OK + b"\r\n", b" " * 65536),
    "gzip": flooding(OK + b"content-encoding: gzip\r\n\r\n", gzip.compress(b" " * 1_000_000)),
}


# --- time


@pytest.mark.parametrize("name", ENDLESS)
@pytest.mark.parametrize("route", ["login", "config", "page"])
def test_connecting_ends(serve: Serve, connect: Connect, promptly: Promptly, route: str, name: str) -> None:
    missing = {"config": NOT_FOUND} if route == "page" else {}
    server = serve(**{**missing, route: ENDLESS[name]})
    with promptly(), pytest.raises(DeadlineExceeded, match=r"Limits\(connecting=0\.5\)"):
        connect(
            server.url,
            auth=("user", "password"),
            limits=Limits(connecting=0.5),
            httpx_kwargs={"timeout": None},
        )


def test_login_and_config_share_a_limit(serve: Serve, connect: Connect, promptly: Promptly) -> None:
    def slow(behaviour: Behaviour) -> Behaviour:
        def behave(peer: Peer, request: Request) -> None:
            threading.Event().wait(0.4)
            behaviour(peer, request)

        return behave

    server = serve(login=slow(reply({})), config=slow(reply({})))
    with promptly(), pytest.raises(DeadlineExceeded, match="connecting"):
        connect(server.url, auth=("user", "password"), limits=Limits(connecting=0.6))


def test_the_timeout_of_the_client_bounds_connecting_too(
    serve: Serve, connect: Connect, promptly: Promptly
) -> None:
    server = serve(config=ENDLESS["body"])
    with promptly(), pytest.raises(DeadlineExceeded, match=r"Client\(timeout=0\.3\)"):
        connect(server.url, timeout=0.3)
    with promptly(), pytest.raises(DeadlineExceeded, match=r"Limits\(connecting=0\.2\)"):
        connect(server.url, timeout=0.3, limits=Limits(connecting=0.2))


@pytest.mark.parametrize("name", FLOODS)
@pytest.mark.parametrize("route", ["config", "login"])
def test_a_flood_ends(serve: Serve, connect: Connect, promptly: Promptly, route: str, name: str) -> None:
    server = serve(**{route: FLOODS[name]})
    with promptly(), at_most(60 << 20), pytest.raises(ProtocolError):
        connect(server.url, auth=("user", "password"))


def test_describing_ends(serve: Serve, connect: Connect, promptly: Promptly) -> None:
    client = connect(serve(info=ENDLESS["body"]).url, limits=Limits(describing=0.3))
    with promptly(), pytest.raises(DeadlineExceeded, match="describing"):
        client.view_api(print_info=False)


@pytest.mark.parametrize("name", ["head", "body"])
def test_joining_ends(serve: Serve, connect: Connect, promptly: Promptly, name: str) -> None:
    client = connect(serve(join=ENDLESS[name]).url, limits=Limits(joining=0.3))
    with promptly(), pytest.raises(DeadlineExceeded, match="joining"):
        client.predict("a", api_name="/echo")


def test_an_answer_of_a_direct_call_that_stalls_ends(
    serve: Serve, connect: Connect, promptly: Promptly
) -> None:
    def stall(peer: Peer, request: Request) -> None:
        threading.Event().wait(0.6)  # the function runs
        peer.send(OK + b"content-length: 99\r\n\r\n{")
        peer.closed()
        raise Hangup

    client = connect(serve(predict=stall).url, httpx_kwargs={"timeout": 0.3})
    with promptly(), pytest.raises(ReadTimeout):
        client.predict("a", api_name="/direct")


@pytest.mark.parametrize("name", ["head", "body", "chunks"])
def test_an_answer_of_a_direct_call_has_a_limit(
    serve: Serve, connect: Connect, promptly: Promptly, name: str
) -> None:
    client = connect(serve(predict=ENDLESS[name]).url, limits=Limits(answering=0.3))
    with promptly(), pytest.raises(DeadlineExceeded, match="answering"):
        client.predict("a", api_name="/direct")


def test_uploading_ends(serve: Serve, connect: Connect, promptly: Promptly) -> None:
    client = connect(serve(upload=ENDLESS["body"]).url, limits=Limits(uploading=0.3))
    with promptly(), pytest.raises(DeadlineExceeded, match="uploading"):
        client.predict(handle_file(b"content", name="a.txt"), api_name="/echo")


# --- memory

COMPRESSED = {"content_encoding": "gzip"}


@pytest.mark.parametrize(
    "behaviours",
    [
        {"config": reply(DENSE)},
        {"config": reply(BOMB, **COMPRESSED)},
        {"config": NOT_FOUND, "page": reply(b"<script>window.gradio_config = " + DENSE)},
        {"config": NOT_FOUND, "page": reply(BOMB, **COMPRESSED)},
        {"login": reply(BOMB, **COMPRESSED)},
    ],
    ids=["dense config", "config", "dense page", "page", "login"],
)
def test_connecting_takes_bounded_memory(serve: Serve, connect: Connect, behaviours: Any) -> None:
    server = serve(**behaviours)
    with at_most(80 << 20), pytest.raises(ResponseTooLarge, match="answer_bytes"):
        connect(server.url, auth=("user", "password"))


@pytest.mark.parametrize("behaviour", [reply(DENSE), reply(BOMB, **COMPRESSED)], ids=["dense", "compressed"])
def test_a_description_that_is_too_large_is_made_from_the_config(
    serve: Serve, connect: Connect, behaviour: Behaviour
) -> None:
    client = connect(serve(info=behaviour).url)
    with at_most(80 << 20):
        assert client.view_api(print_info=False, return_format="dict")["named_endpoints"]["/echo"]


@pytest.mark.parametrize("behaviour", [reply(DENSE), reply(BOMB, **COMPRESSED)], ids=["dense", "compressed"])
@pytest.mark.parametrize("route", ["join", "upload"])
def test_answers_of_a_few_words_take_bounded_memory(
    serve: Serve, connect: Connect, route: str, behaviour: Behaviour
) -> None:
    client = connect(serve(**{"upload": reply(["/tmp/a.txt"]), route: behaviour}).url)
    with at_most(80 << 20), pytest.raises(ResponseTooLarge):
        client.predict(handle_file(b"content", name="a.txt"), api_name="/echo")


@pytest.mark.parametrize(
    ("behaviour", "limits", "text"),
    [
        (reply(BOMB, **COMPRESSED), {}, "grows to more than 200 times"),
        (reply(BOMB, **COMPRESSED), {"result_bytes": 10_000_000}, r"Limits\(result_bytes=10000000\)"),
        (reply(DENSE), {"json_values": 1_000_000}, "json_values"),
        (reply(DENSE, "500 Internal Server Error"), {"result_bytes": 1_000_000}, "result_bytes"),
    ],
    ids=["growth", "bytes", "values", "failure"],
)
def test_a_direct_call_takes_bounded_memory(
    serve: Serve, connect: Connect, behaviour: Behaviour, limits: Any, text: str
) -> None:
    client = connect(serve(predict=behaviour).url, limits=Limits(**limits))
    with at_most(80 << 20), pytest.raises(ResponseTooLarge, match=text):
        client.predict("a", api_name="/direct")


def test_a_failure_that_says_too_much_is_a_failure_all_the_same(serve: Serve, connect: Connect) -> None:
    client = connect(serve(predict=reply(DENSE, "500 Internal Server Error")).url)
    with at_most(80 << 20), pytest.raises(HTTPStatusError) as caught:
        client.predict("a", api_name="/direct")
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("data", "limits", "kind", "text"),
    [
        (
            b"data: " + b"x" * 1001 + b"\n\n",
            {"event_bytes": 1000},
            EventTooLarge,
            r"Limits\(event_bytes=1000\)",
        ),
        (b"data: " + DENSE + b"\n\n", {"json_values": 1_000_000}, EventTooLarge, "json_values"),
    ],
    ids=["bytes", "values"],
)
def test_an_event_takes_bounded_memory(
    serve: Serve, connect: Connect, data: bytes, limits: Any, kind: Any, text: str
) -> None:
    client = connect(serve(data=raw(STREAM_HEAD + chunk(data))).url, limits=Limits(**limits))
    with at_most(80 << 20), pytest.raises(kind, match=text):
        client.predict("a", api_name="/echo")


def test_an_event_stream_that_is_compressed_is_refused(serve: Serve, connect: Connect) -> None:
    head = STREAM_HEAD.replace(b"\r\n\r\n", b"\r\ncontent-encoding: gzip\r\n\r\n")
    client = connect(serve(data=raw(head + chunk(BOMB))).url)
    with at_most(20 << 20), pytest.raises(ProtocolError, match="not asked for"):
        client.predict("a", api_name="/echo")


def old_config(version: str) -> Behaviour:
    """The config of an app with /echo, of a release whose jobs have sockets or streams of their own."""
    text = [{"id": 1, "type": "textbox", "props": {"label": "text"}}]
    echo = {"api_name": "echo", "backend_fn": True, "inputs": [1], "outputs": [1]}
    protocol = {} if version.startswith("3.") else {"protocol": "sse"}
    fields = {"version": version, "enable_queue": True, "components": text, "dependencies": [echo]}
    return reply({**fields, **protocol})


def old_message(data: bytes) -> Behaviour:
    """Send a message on a WebSocket, or on an event stream."""

    def behave(peer: Peer, request: Request) -> None:
        if "upgrade" in request.headers:
            sockets.accept(peer, request)
            peer.send(sockets.frame(data))
        else:
            peer.send(STREAM_HEAD + chunk(b"data: " + data + b"\n\n"))
        peer.closed()
        raise Hangup

    return behave


@pytest.mark.parametrize("version", ["3.50.2", "4.0.2"])
@pytest.mark.parametrize(
    ("data", "limits", "text"),
    [
        (b" " * 1001, {"event_bytes": 1000}, r"Limits\(event_bytes=1000\)"),
        (DENSE, {"json_values": 1_000_000}, "json_values"),
    ],
    ids=["bytes", "values"],
)
def test_a_message_of_an_old_server_takes_bounded_memory(
    serve: Serve, connect: Connect, version: str, data: bytes, limits: Any, text: str
) -> None:
    client = connect(serve(config=old_config(version), join=old_message(data)).url, limits=Limits(**limits))
    with at_most(80 << 20), pytest.raises(EventTooLarge, match=text):
        client.predict("a", api_name="/echo")


#: What a job keeps until its end, however short it is.
UPDATES = [
    {"msg": "estimation"},
    {"msg": "log", "log": "x" * 1000, "level": "info"},
    {"msg": "progress", "progress_data": [{}] * 1000},
    {"msg": "process_generating", "output": {"data": [[[]] * 1000]}, "success": True},
]


def updating(update: Any) -> Behaviour:
    """Tell the job of an update again and again."""

    def behave(peer: Peer, request: Request) -> None:
        data = json.dumps(update).encode()
        if "upgrade" in request.headers:
            sockets.accept(peer, request)
            message = sockets.frame(data)
        else:
            peer.send(STREAM_HEAD)
            message = chunk(b"data: " + data + b"\n\n")
        while True:
            peer.send(message)

    return behave


@pytest.mark.parametrize("update", UPDATES, ids=lambda update: str(update["msg"]))
@pytest.mark.parametrize("version", ["3.50.2", "4.0.2", ""])
def test_updates_of_a_job_take_bounded_memory(
    serve: Serve, connect: Connect, promptly: Promptly, version: str, update: Any
) -> None:
    if version:
        server = serve(config=old_config(version), join=updating(update))
    else:
        # This protocol sends each value whole; edits of the one before would cost little.
        server = serve(config=reply(config(protocol="sse_v1")), data=updating({**update, "event_id": "e0"}))
    client = connect(server.url, limits=Limits(job_bytes=4 << 20))
    # Counting memory is slow; without a limit this would go on for ever.
    with (
        promptly(30.0),
        at_most(40 << 20),
        pytest.raises(EventTooLarge, match=r"Limits\(job_bytes=4194304\)"),
    ):
        client.predict("a", api_name="/echo")


@pytest.mark.parametrize("version", ["3.50.2", "4.0.2"])
def test_joining_an_old_server_ends(serve: Serve, connect: Connect, promptly: Promptly, version: str) -> None:
    server = serve(config=old_config(version), join=ENDLESS["head"])
    client = connect(server.url, limits=Limits(joining=0.3), httpx_kwargs={"timeout": None})
    with promptly(), pytest.raises(DeadlineExceeded, match="joining"):
        client.predict("a", api_name="/echo")


def test_larger_limits_let_more_through(serve: Serve, connect: Connect) -> None:
    text = "x" * 20_000_000
    server = serve(config=reply(config(title=text)), predict=reply({"data": [text]}))
    with pytest.raises(ResponseTooLarge, match="answer_bytes"):
        connect(server.url)
    client = connect(server.url, limits=Limits(answer_bytes=None, result_bytes=30_000_000))
    assert client.predict("a", api_name="/direct") == text


def test_codecs_that_are_slow_are_not_used(serve: Serve, connect: Connect, promptly: Promptly) -> None:
    page = reply(b"abc-" * 250_000, content_type="text/html; charset=punycode")
    with promptly(), pytest.raises(UnsupportedAppError):
        connect(serve(config=NOT_FOUND, page=page).url)
