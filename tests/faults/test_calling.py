"""Calls of an app that breaks somewhere on the way.

Tests `jobs/calls.py`.
"""

from __future__ import annotations

import concurrent.futures
import json
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Type

import pytest
from transport.peers import answer

from gradio_client_lite import Client
from gradio_client_lite.errors import (
    AppError,
    ArgumentError,
    AuthenticationError,
    ConnectionLost,
    DeadlineExceeded,
    GradioClientError,
    HTTPStatusError,
    ProtocolError,
    QueueError,
    ReadTimeout,
    ServerStopped,
    StreamLost,
    TooManyRequestsError,
    UnknownEndpointError,
    ValidationError,
)
from gradio_client_lite.queues import session as session_module
from gradio_client_lite.queues.stream import Times
from gradio_client_lite.transport import liveness

from .badserver import (
    PATIENCE,
    BadServer,
    Peer,
    Request,
    chunk,
    config,
    event,
    for_ever,
    hang_up,
    info,
    raw,
    reply,
    reset,
    silent,
    streaming,
)

Serve = Callable[..., BadServer]
Connect = Callable[..., Client]
Promptly = Callable[..., Any]

LOST = streaming(event("unexpected_error", message="404: Session not found.", session_not_found=True))


def truncated(*pieces: bytes) -> Any:
    """A stream that ends in the middle of a chunk."""
    return streaming(*pieces, then=raw(b"40\r\ndata: {"))


def in_turn(*behaviours: Any) -> Any:
    """One behaviour after the other, the last one for all that follow."""
    left = list(behaviours)
    return lambda peer, request: (left.pop(0) if len(left) > 1 else left[0])(peer, request)


# --- the good server, so that the others are known to differ from it by what they say


def test_good_server_is_understood(serve: Serve, connect: Connect) -> None:
    client = connect(serve().url)
    assert client.predict("a", api_name="/echo") == "a"
    assert client.predict("b", api_name="/direct") == "b"
    assert client.predict(text="c", api_name="/echo") == "c"
    jobs = [client.submit(str(number), api_name="/echo") for number in range(50)]
    assert [job.result(PATIENCE) for job in jobs] == [str(number) for number in range(50)]


def test_heartbeat_asks_for_no_compression_which_might_hold_it_back(serve: Serve, connect: Connect) -> None:
    server = serve(config=reply(config(connect_heartbeat=True)))
    connect(server.url)
    wait_until(lambda: "heartbeat" in server.routes())
    (beat,) = [request for request in server.requests if "heartbeat" in request.path]
    assert beat.headers["accept-encoding"] == "identity"


# --- the call is wrong, and nothing is sent


@pytest.mark.parametrize(
    ("args", "kwargs", "kind"),
    [
        ((), {"api_name": "/echo"}, ArgumentError),
        ((), {"api_name": "/echo", "nope": 1}, ArgumentError),
        (("a",), {"api_name": "/echo", "text": "b"}, ArgumentError),
        ((object(),), {"api_name": "/echo"}, ArgumentError),
        ((b"bytes",), {"api_name": "/direct"}, ArgumentError),
        (("a",), {}, UnknownEndpointError),
        (("a",), {"api_name": "/nope"}, UnknownEndpointError),
        (("a",), {"api_name": "echo"}, UnknownEndpointError),
        (("a",), {"fn_index": 99}, UnknownEndpointError),
    ],
)
@pytest.mark.parametrize("method", ["predict", "submit", "stream_messages"])
def test_wrong_call_is_refused_before_anything_is_sent(
    serve: Serve, connect: Connect, method: str, args: Any, kwargs: Dict[str, Any], kind: Type[Exception]
) -> None:
    server = serve()
    client = connect(server.url)
    assert client.view_api(print_info=False) is None  # which waits for the description
    with pytest.raises(kind):
        getattr(client, method)(*args, **kwargs)
    assert set(server.routes()) <= {"config", "info"}


@pytest.mark.parametrize("kwargs", [{"fn_index": 2}, {"fn_index": 3}, {"api_name": "/inner"}])
def test_private_endpoint_cannot_be_called(serve: Serve, connect: Connect, kwargs: Dict[str, Any]) -> None:
    client = connect(serve().url)
    with pytest.raises(GradioClientError) as caught:
        client.predict("a", **kwargs)
    assert isinstance(caught.value, ValueError)


# --- the description is broken, which breaks nothing else


@pytest.mark.parametrize(
    "behaviour",
    [
        reply(b"oops", "500 Internal Server Error"),
        reply({"detail": "Not Found"}, "404 Not Found"),
        reply(b"<html>"),
        reply(b'{"named_endpoints": {'),
        reply(b"[" * 100_000),
        reply([]),
        reply({"named_endpoints": None}),
        reply({"named_endpoints": {"/echo": {"parameters": None}}, "unnamed_endpoints": {}}),
        reply(b"no gzip", content_encoding="gzip"),
    ],
)
def test_broken_description_breaks_no_call(serve: Serve, connect: Connect, behaviour: Any) -> None:
    client = connect(serve(info=behaviour).url)
    assert client.predict("a", api_name="/echo") == "a"
    assert isinstance(client.view_api(print_info=False, return_format="str"), str)
    assert client.predict("a", api_name="/echo") == "a"


def test_description_is_made_from_the_config_where_it_is_broken(serve: Serve, connect: Connect) -> None:
    client = connect(serve(info=reply(b"oops", "500 Internal Server Error")).url)
    assert client.predict(param_0="a", api_name="/echo") == "a"


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (reset, ConnectionLost),
        (silent, ReadTimeout),
        (raw(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"), ConnectionLost),
        (reply(b"", "429 Too Many Requests"), TooManyRequestsError),
    ],
    ids=["reset", "silent", "truncated", "429"],
)
def test_description_that_does_not_come_is_asked_for_again(
    serve: Serve, connect: Connect, promptly: Promptly, behaviour: Any, kind: Type[Exception]
) -> None:
    server = serve(info=behaviour)
    client = connect(server.url, httpx_kwargs={"timeout": 0.5})
    assert client.predict("a", api_name="/echo") == "a"
    with promptly(), pytest.raises(kind):
        client.predict(text="a", api_name="/echo")
    server.behave(info=reply({"named_endpoints": {"/echo": {"parameters": [{"parameter_name": "text"}]}}}))
    assert client.predict(text="a", api_name="/echo") == "a"


# --- the join goes wrong


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (silent, ReadTimeout),
        (reset, ConnectionLost),
        (hang_up, ConnectionLost),
        (raw(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"), ConnectionLost),
        (raw(b"220 smtp ready\r\n"), ProtocolError),
        (reply({"detail": "Queue is full."}, "503 Service Unavailable"), QueueError),
        (reply({}, "429 Too Many Requests"), TooManyRequestsError),
        (reply({"detail": "no"}, "422 Unprocessable Entity"), ValidationError),
        (reply({"detail": "Not authenticated"}, "401 Unauthorized"), AuthenticationError),
        (reply(b"oops", "500 Internal Server Error"), HTTPStatusError),
        (reply(b"<html>"), ProtocolError),
        (reply({"event_id": None}), ProtocolError),
    ],
    ids=[
        "silent",
        "reset",
        "hang up",
        "truncated",
        "smtp",
        "503",
        "429",
        "422",
        "401",
        "500",
        "html",
        "no id",
    ],
)
def test_join_that_fails_is_the_error_of_the_call(
    serve: Serve, connect: Connect, promptly: Promptly, behaviour: Any, kind: Type[Exception]
) -> None:
    server = serve(join=behaviour)
    client = connect(server.url, httpx_kwargs={"timeout": 0.5})
    with promptly(), pytest.raises(kind):
        client.predict("a", api_name="/echo")
    job = client.submit("a", api_name="/echo")
    with promptly():
        assert type(job.exception(PATIENCE)) is kind
    with promptly(), pytest.raises(kind):
        list(client.stream_messages("a", api_name="/echo"))


def test_server_that_closes_after_each_answer_is_no_problem(serve: Serve, connect: Connect) -> None:
    server = serve()
    good = server._join

    def join(peer: Any, request: Any) -> None:
        good(peer, request)
        hang_up(peer, request)

    server.behave(join=join)
    client = connect(server.url)
    assert [client.predict(text, api_name="/echo") for text in "abcde"] == list("abcde")


# --- the stream goes wrong


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (LOST, StreamLost),
        (reset, StreamLost),
        (hang_up, StreamLost),
        (streaming(b'data: {"msg": "proc', then=reset), StreamLost),
        (truncated(event("process_starts", "e0")), StreamLost),
        (streaming(b'data: {"msg": "process_completed"'), StreamLost),
        (reply(b"oops", "500 Internal Server Error"), StreamLost),
        (reply(b"busy", "503 Service Unavailable"), StreamLost),
        (reply({}, "429 Too Many Requests"), StreamLost),
        (reply({"detail": "Not authenticated"}, "401 Unauthorized"), AuthenticationError),
        (reply({"detail": "Not Found"}, "404 Not Found"), HTTPStatusError),
        (reply(b"<html>an error page</html>"), StreamLost),
        (streaming(b"data: <html>\n\n"), ProtocolError),
        (streaming(chunk(b"\x00\xff") * 10, then=raw(b"zz\r\n")), ProtocolError),
        (streaming(event("unexpected_error", message="Server stopped unexpectedly.")), ServerStopped),
        (streaming(event("process_completed", "e0", output={"error": "bad"}, success=False)), AppError),
        (streaming(event("process_completed", "e0", output={}, success=False)), ProtocolError),
        (streaming(event("queue_full", "e0")), QueueError),
    ],
    ids=[
        "session lost",
        "reset",
        "hang up",
        "reset in an event",
        "truncated chunk",
        "ends in an event",
        "500",
        "503",
        "429",
        "401",
        "404",
        "html",
        "html event",
        "bad chunk",
        "stopped",
        "app error",
        "no data",
        "queue full",
    ],
)
def test_stream_that_fails_is_the_error_of_the_call(
    serve: Serve, connect: Connect, promptly: Promptly, behaviour: Any, kind: Type[Exception]
) -> None:
    client = connect(serve(data=behaviour).url)
    with promptly(), pytest.raises(kind) as caught:
        client.predict("a", api_name="/echo")
    assert type(caught.value) is kind
    if isinstance(caught.value, StreamLost):
        assert caught.value.event_ids == ("e0",)


def test_stream_that_stalls_is_lost(
    serve: Serve, connect: Connect, promptly: Promptly, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(liveness, "_MOMENT", 0.05)
    monkeypatch.setattr(session_module, "TIMES", Times(beat=0.1))
    stalling = streaming(event("process_starts", "e0"), then=silent)
    client = connect(serve(data=stalling).url, stream_idle_timeout=0.2)
    with promptly(), pytest.raises(StreamLost):
        client.predict("a", api_name="/echo")


def test_server_that_dies_between_join_and_stream(serve: Serve, connect: Connect, promptly: Promptly) -> None:
    server = serve(info=raw(answer(json.dumps(info()).encode())))  # which leaves no connection
    good = server._join

    def join(peer: Any, request: Any) -> None:
        server.stop_listening()
        good(peer, request)
        hang_up(peer, request)

    server.behave(join=join)
    client = connect(server.url)
    with promptly(), pytest.raises(StreamLost) as caught:
        client.predict("a", api_name="/echo")
    assert caught.value.event_ids == ("e0",)


def test_values_before_the_break_are_kept(serve: Serve, connect: Connect) -> None:
    value = event("process_generating", "e0", output={"data": ["partial"]}, success=True)
    server = serve(data=in_turn(streaming(value, then=reset), LOST))
    job = connect(server.url).submit("a", api_name="/echo")
    assert list(job) == ["partial"]
    assert job.outputs() == ["partial"]
    assert isinstance(job.exception(PATIENCE), StreamLost)


def test_all_jobs_of_a_lost_stream_fail(serve: Serve, connect: Connect, promptly: Promptly) -> None:
    client = connect(serve(data=truncated()).url)
    jobs = [client.submit("a", api_name="/echo") for _ in range(20)]
    with promptly():
        done, waiting = concurrent.futures.wait(jobs, timeout=PATIENCE)
    assert not waiting
    assert {type(job.exception(0)) for job in done} == {StreamLost}


@pytest.mark.parametrize("chosen", [None, "shared with others"])
def test_calls_after_a_cut_belong_to_another_session_unless_it_was_chosen(
    serve: Serve, connect: Connect, chosen: Optional[str]
) -> None:
    server = serve()
    server.behave(data=in_turn(truncated(), LOST, server._data))
    client = connect(server.url)
    if chosen is not None:
        client.session_hash = chosen
    before = client.session_hash
    with pytest.raises(StreamLost):
        client.predict("a", api_name="/echo")
    assert client.predict("a", api_name="/echo") == "a"
    assert (client.session_hash == before) is (chosen is not None)


def test_one_event_id_in_two_sessions_is_a_job_of_each(serve: Serve, connect: Connect) -> None:
    """Their messages come on streams of their own."""
    go_on = threading.Event()

    def tell(peer: Peer, request: Request) -> None:
        session = request.path.rpartition("=")[2]
        assert session == "two" or go_on.wait(PATIENCE)
        done = event("process_completed", "same", output={"data": [session]}, success=True)
        streaming(done, event("close_stream"))(peer, request)

    server = serve(join=reply({"event_id": "same"}), data=tell)
    client = connect(server.url)
    jobs = []
    for session in ("one", "two"):
        client.session_hash = session
        jobs.append(client.submit("a", api_name="/echo"))
    first, second = jobs
    assert second.result(PATIENCE) == "two"
    assert not first.done()
    go_on.set()
    assert first.result(PATIENCE) == "one"


def test_client_works_again_after_a_lost_stream(serve: Serve, connect: Connect) -> None:
    server = serve(data=LOST)
    client = connect(server.url)
    with pytest.raises(StreamLost):
        client.predict("a", api_name="/echo")
    server.behave(data=server._data)
    client.reset_session()
    assert client.predict("a", api_name="/echo") == "a"


def test_stream_messages_yields_what_came_before_the_break(serve: Serve, connect: Connect) -> None:
    log = event("log", "e0", log="careful", level="warning")
    updates = connect(serve(data=in_turn(streaming(log, then=reset), LOST)).url).stream_messages(
        "a", api_name="/echo"
    )
    assert next(updates).log == ("careful", "warning")  # type: ignore[union-attr]
    with pytest.raises(StreamLost):
        list(updates)


def test_result_whose_file_takes_long_is_not_lost_with_its_stream(
    serve: Serve, connect: Connect, tmp_path: Path
) -> None:
    """The server has closed the stream by then, and knows its session no more."""
    asked, let_go = threading.Event(), threading.Event()
    file = {"path": "/made.txt", "meta": {"_type": "gradio.FileData"}}
    done = event("process_completed", "e0", output={"data": [file]}, success=True)

    def slow(peer: Any, request: Any) -> None:
        asked.set()
        assert let_go.wait(PATIENCE)
        reply(b"content")(peer, request)

    server = serve(data=in_turn(streaming(done, event("close_stream")), LOST), **{"made.txt": slow})
    job = connect(server.url, download_files=tmp_path).submit("a", api_name="/echo")
    assert asked.wait(PATIENCE)
    with pytest.raises(concurrent.futures.TimeoutError):
        job.result(0.2)  # time enough to open the stream again
    let_go.set()
    assert Path(job.result(PATIENCE)).read_bytes() == b"content"
    assert server.routes().count("data") == 1


# --- direct calls go wrong


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (reply({"error": "bad"}, "500 Internal Server Error"), AppError),
        (reset, ConnectionLost),
        (reply(b"<html>"), ProtocolError),
        (reply({}), ProtocolError),
        (reply({"detail": "Not authenticated"}, "401 Unauthorized"), AuthenticationError),
    ],
    ids=["app error", "reset", "html", "empty", "401"],
)
def test_direct_call_that_fails_is_the_error_of_the_call(
    serve: Serve, connect: Connect, promptly: Promptly, behaviour: Any, kind: Type[Exception]
) -> None:
    client = connect(serve(predict=behaviour).url)
    with promptly(), pytest.raises(kind):
        client.predict("a", api_name="/direct")


# --- the client's own deadline


@pytest.mark.parametrize(
    ("behaviours", "api_name"),
    [
        ({"data": for_ever}, "/echo"),
        ({"data": silent}, "/echo"),
        ({"join": silent}, "/echo"),
        ({"predict": silent}, "/direct"),
        ({"data": for_ever, "cancel": silent}, "/echo"),
    ],
    ids=["endless stream", "silent stream", "silent join", "silent direct call", "silent cancel"],
)
def test_timeout_bounds_the_whole_call(
    serve: Serve, connect: Connect, promptly: Promptly, behaviours: Dict[str, Any], api_name: str
) -> None:
    client = connect(serve(**behaviours).url, timeout=0.3)
    with promptly(2.0), pytest.raises(DeadlineExceeded, match=r"within 0\.3 seconds") as caught:
        client.predict("a", api_name=api_name)
    assert isinstance(caught.value, TimeoutError)


def test_call_that_took_too_long_is_cancelled_on_the_server(serve: Serve, connect: Connect) -> None:
    server = serve(data=for_ever)
    client = connect(server.url, timeout=0.2)
    session_hash = client.session_hash
    with pytest.raises(DeadlineExceeded):
        client.predict("a", api_name="/echo")
    wait_until(lambda: [route for route, _ in server.told] == ["join", "cancel"])
    assert server.told[1] == ("cancel", {"fn_index": 0, "session_hash": session_hash, "event_id": "e0"})


def wait_until(condition: Callable[[], bool], limit: float = PATIENCE) -> None:
    """Wait for what another process or thread does without saying so."""
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


# --- closing


def test_close_ends_everything_at_once(serve: Serve, connect: Connect, promptly: Promptly) -> None:
    server = serve(data=for_ever, predict=silent)
    client = connect(server.url)
    jobs = [client.submit("a", api_name=name) for name in ("/echo", "/direct", "/echo")]
    wait_until(lambda: {"data", "predict"} <= set(server.routes()))
    with promptly():
        client.close()
        errors = [job.exception(PATIENCE) for job in jobs]
    assert all(isinstance(error, ConnectionError) for error in errors), errors


def test_closed_client_refuses_calls(serve: Serve, connect: Connect, promptly: Promptly) -> None:
    client = connect(serve(config=reply(config(connect_heartbeat=True))).url)
    client.close()
    client.reset_session()
    for name in ("/echo", "/direct"):
        with promptly(), pytest.raises(ConnectionError, match="closed"):
            client.predict("a", api_name=name)


# --- what servers tell programs by


@pytest.mark.parametrize("name", ["x-gradio-user", "X-Gradio-User"])
def test_every_request_is_a_programs_whatever_headers_say(serve: Serve, connect: Connect, name: str) -> None:
    server = serve()
    web = {name: "web", "x-a": "1"}
    client = connect(server.url, headers=web, httpx_kwargs={"headers": web})
    client.headers[name] = "web"
    client.predict("a", api_name="/echo", headers=web)
    list(client.stream_messages("a", api_name="/direct", headers=web))
    client.send_data({"data": ["a"], "fn_index": 0, "session_hash": "a"}, {}, "sse_v3", web)
    requests = list(server.requests)
    assert {request.headers["x-gradio-user"] for request in requests} == {"api"}
    assert {request.headers["x-a"] for request in requests} == {"1"}
