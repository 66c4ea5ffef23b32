"""Apps of Gradio 3.x and 4.0 that misbehave, and an environment that lacks what 3.x needs."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Callable, List

import pytest
from transport import sockets
from transport.peers import Peer, Request

from gradio_client_lite import Client, Limits
from gradio_client_lite.errors import (
    ArgumentError,
    AuthenticationError,
    ClientClosed,
    DeadlineExceeded,
    EventTooLarge,
    MissingPackageError,
    ProtocolError,
    ServerUnavailable,
    StreamLost,
)
from gradio_client_lite.legacy import websocket

from .badserver import PATIENCE, BadServer, Behaviour, Hangup, config, hang_up, reply, reset, silent

Serve = Callable[..., BadServer]
Connect = Callable[..., Client]
Promptly = Callable[..., Any]

TEXT = [{"id": 1, "type": "textbox", "props": {"label": "text"}}]
GONE = sockets.message("process_generating", output={"data": ["partial"]}, success=True)


def old_config(**changes: Any) -> Behaviour:
    """The config of a Gradio 3.50 app with /echo and the unqueued /direct."""
    functions = [{"api_name": "echo"}, {"api_name": "direct", "queue": False}]
    plain = {"backend_fn": True, "inputs": [1], "outputs": [1]}
    fields = {
        "version": "3.50.2",
        "enable_queue": True,
        "components": TEXT,
        "dependencies": [{**plain, **function} for function in functions],
        **changes,
    }
    return reply(fields)


def socket_that(*pieces: bytes, then: Any = None) -> Behaviour:
    """Agree to a WebSocket, ask for hash and data, then send these frames and hang up, or do as told."""

    def behave(peer: Peer, request: Request) -> None:
        sockets.begin_job(peer, request)
        sockets.read_json(peer)
        for piece in pieces:
            peer.send(piece)
        if then is not None:
            then(peer)
        raise Hangup

    return behave


def wait_for_client(peer: Peer) -> None:
    while sockets.read_frame(peer)[0] != sockets.CLOSE:
        pass


def huge(peer: Peer) -> None:
    """Send a frame of 100 MB, for as long as the client listens."""
    peer.send(b"\x81\x7f" + (100_000_000).to_bytes(8, "big"))
    for _ in range(100):
        peer.send(b" " * 1_000_000)


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (socket_that(GONE), StreamLost),
        (socket_that(GONE, sockets.close(1011)), StreamLost),
        (socket_that(GONE, then=lambda peer: peer.reset()), StreamLost),
        (socket_that(GONE, b"\xf0garbage" * 100), ProtocolError),
        (socket_that(GONE, sockets.frame(b"garbage")), ProtocolError),
        (socket_that(GONE, sockets.frame(b"\x00\x01", sockets.BINARY)), ProtocolError),
        (socket_that(GONE, then=huge), EventTooLarge),
    ],
    ids=["early end", "early close", "reset", "garbage", "no json", "binary", "100 MB"],
)
def test_socket_that_goes_wrong_is_a_typed_error_and_keeps_what_came(
    serve: Serve, connect: Connect, promptly: Promptly, behaviour: Any, kind: Any
) -> None:
    job = connect(serve(config=old_config(), join=behaviour).url).submit("a", api_name="/echo")
    with promptly():
        error = job.exception(PATIENCE)
    assert type(error) is kind
    assert list(job) == job.outputs() == ["partial"]
    if isinstance(error, StreamLost):
        assert error.event_ids == (job.event_id,)


def sipping(peer: Peer, request: Request) -> None:
    """Ask for the data, and take them in sips."""
    sockets.begin_job(peer, request)
    stopped = threading.Event()
    while peer.sock.recv(1000):
        stopped.wait(0.01)


def test_arguments_that_are_taken_in_sips_have_a_limit(
    serve: Serve, connect: Connect, promptly: Promptly
) -> None:
    """Though the network is never silent."""
    server = serve(config=old_config(), join=sipping)
    client = connect(server.url, limits=Limits(uploading=0.3))
    with promptly(), pytest.raises(StreamLost, match=r"not done within Limits\(uploading=0.3\)") as caught:
        client.predict("x" * 20_000_000, api_name="/echo")
    assert isinstance(caught.value.__cause__, DeadlineExceeded)


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (silent, DeadlineExceeded),
        (hang_up, ConnectionError),
        (reset, ConnectionError),
        (reply(b"no", "403 Forbidden"), AuthenticationError),
        (reply(b"no", "503 Service Unavailable"), ServerUnavailable),
    ],
    ids=["silent", "hang up", "reset", "403", "503"],
)
def test_handshake_that_fails_is_a_typed_error(
    serve: Serve, connect: Connect, promptly: Promptly, behaviour: Any, kind: Any
) -> None:
    server = serve(config=old_config(), join=behaviour)
    client = connect(server.url, httpx_kwargs={"timeout": 0.5})
    with promptly(), pytest.raises(kind):
        client.predict("a", api_name="/echo")


@pytest.mark.parametrize(
    "behaviour", [silent, socket_that(then=wait_for_client)], ids=["handshake", "answer"]
)
def test_socket_that_never_answers_ends_at_the_deadline(
    serve: Serve, connect: Connect, promptly: Promptly, behaviour: Any
) -> None:
    client = connect(serve(config=old_config(), join=behaviour).url, timeout=0.3)
    with promptly(), pytest.raises(DeadlineExceeded):
        client.predict("a", api_name="/echo")


def test_closing_the_client_ends_jobs_on_sockets(serve: Serve, connect: Connect) -> None:
    client = connect(serve(config=old_config(), join=socket_that(then=wait_for_client)).url)
    jobs = [client.submit("a", api_name="/echo") for _ in range(5)]
    next(jobs[0].updates())
    client.close()
    for job in jobs:
        assert isinstance(job.exception(PATIENCE), ClientClosed)


@pytest.mark.parametrize("state", [False, True])
def test_cancelled_job_closes_its_socket_and_is_told_where_its_session_lives_on(
    serve: Serve, connect: Connect, state: bool
) -> None:
    closed = threading.Event()

    def wait(peer: Peer) -> None:
        wait_for_client(peer)
        closed.set()

    server = serve_with_state(serve, state, wait)
    client = connect(server.url)
    job = client.submit("a", api_name="/echo")
    assert next(job) == "partial"
    with pytest.warns(UserWarning, match="will not stop the server"):
        assert job.cancel()
    assert closed.wait(PATIENCE)
    told = [("reset", {"fn_index": 0, "session_hash": client.session_hash})]
    assert job.cancel(wait=PATIENCE) is state
    assert server.told == (told if state else [])


def test_cancelled_job_is_told_to_the_server_though_warnings_are_errors(
    serve: Serve, connect: Connect
) -> None:
    server = serve_with_state(serve, True, wait_for_client)
    job = connect(server.url).submit("a", api_name="/echo")
    assert next(job) == "partial"
    with pytest.raises(UserWarning, match="will not stop the server"):
        job.cancel()
    assert job.cancel(wait=PATIENCE)
    assert [route for route, _ in server.told] == ["reset"]


def serve_with_state(serve: Serve, state: bool, then: Any) -> BadServer:
    """An app whose /echo has a State, or none; it yields a value and does as told."""
    components = [*TEXT, {"id": 2, "type": "state", "props": {}}]
    echo = {"api_name": "echo", "backend_fn": True, "inputs": [1], "outputs": [1, 2] if state else [1]}
    gone = sockets.message(
        "process_generating", output={"data": ["partial", None][: 1 + state]}, success=True
    )
    return serve(
        config=old_config(components=components, dependencies=[echo]), join=socket_that(gone, then=then)
    )


def test_session_that_was_reset_has_sockets_of_its_own(serve: Serve, connect: Connect) -> None:
    hashes: List[Any] = []

    def join(peer: Peer, request: Request) -> None:
        sockets.accept(peer, request)
        peer.send(sockets.message("send_hash"))
        hashes.append(sockets.read_json(peer)["session_hash"])
        peer.send(sockets.message("process_completed", output={"data": ["ok"]}, success=True))
        raise Hangup

    client = connect(serve(config=old_config(), join=join).url)
    for _ in range(2):
        assert client.predict("a", api_name="/echo") == "ok"
    client.reset_session()
    assert client.predict("a", api_name="/echo") == "ok"
    assert hashes[0] == hashes[1] != hashes[2] == client.session_hash


@pytest.mark.parametrize("arguments", [(object(),), (), ("a",)], ids=["no JSON", "missing", "fits"])
def test_call_that_is_refused_takes_no_session_hash_out_of_use(
    serve: Serve, connect: Connect, arguments: Any
) -> None:
    hashes: List[str] = []

    def join(peer: Peer, request: Request) -> None:
        hashes.append(sockets.begin_job(peer, request)["session_hash"])
        sent = sockets.read_json(peer)
        assert sent["session_hash"] == hashes[-1]
        output = {"data": sent["data"]}
        peer.send(sockets.message("process_completed", output=output, success=True) + sockets.close())
        wait_for_client(peer)
        raise Hangup

    with connect(serve(config=old_config(), join=join).url) as client:
        for _ in range(2):
            with contextlib.suppress(ArgumentError):
                client.predict(*arguments, api_name="/echo")
        assert client.predict("a", api_name="/echo") == "a"
        assert hashes[-1] == client.session_hash


def test_wrong_argument_is_raised_at_once_as_no_request_is_needed(serve: Serve, connect: Connect) -> None:
    server = serve(config=old_config(), info=silent)
    client = connect(server.url)
    with pytest.raises(ArgumentError):
        client.submit(nope="a", api_name="/echo")
    assert set(server.routes()) <= {"config", ""}


def test_app_without_a_queue_is_called_directly(serve: Serve, connect: Connect) -> None:
    client = connect(serve(config=old_config(enable_queue=False), join=hang_up).url)
    assert client.predict("a", api_name="/echo") == "a"


def test_config_in_the_page_alone_is_enough(serve: Serve, connect: Connect) -> None:
    content = json.dumps({"version": "3.1.0\n", "enable_queue": None, "root": "wrong/", "components": TEXT})
    dependency = '"dependencies": [{"api_name": "echo", "backend_fn": true, "inputs": [1], "outputs": [1]}]'
    page = f"<script>window.gradio_config = {content[:-1]}, {dependency}}};</script>".encode()
    server = serve(config=reply(b"no", "404 Not Found"), page=reply(page))
    client = connect(server.url)
    assert str(client.app_version) == "3.1.0"
    assert client.predict("a", api_name="/echo") == "a"
    assert server.requests[-1].path == "/api/predict"


# --- sse


def test_stream_of_a_job_that_is_never_answered_ends_at_the_deadline(
    serve: Serve, connect: Connect, promptly: Promptly
) -> None:
    server = serve(config=reply(config(version="4.0.2", protocol="sse", api_prefix="")), join=silent)
    with promptly(), pytest.raises(DeadlineExceeded):
        connect(server.url, timeout=0.3).predict("a", api_name="/echo")


def test_job_cancelled_in_the_queue_closes_its_stream(serve: Serve, connect: Connect) -> None:
    closed = threading.Event()

    def join(peer: Peer, request: Request) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
        peer.send(head + b'data: {"msg": "estimation", "rank": 3}\n\n')
        if peer.closed():
            closed.set()
        raise Hangup

    server = serve(config=reply(config(version="4.0.2", protocol="sse", api_prefix="")), join=join)
    job = connect(server.url).submit("a", api_name="/echo")
    next(job.updates())
    assert job.cancel(wait=PATIENCE)
    assert closed.wait(PATIENCE)
    assert server.told == []


# --- without websocket-client


def test_missing_package_is_told_by_the_call(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(config=old_config())
    monkeypatch.setattr(websocket, "_loaded", None)
    monkeypatch.setitem(sys.modules, "websocket", None)
    client = connect(server.url)
    assert client.predict("a", api_name="/direct") == "a"
    with pytest.raises(MissingPackageError, match="pip install websocket-client"):
        client.predict("a", api_name="/echo")
    assert "join" not in server.routes()


WITHOUT = """
import sys
assert "websocket" not in sys.modules
from gradio_client_lite import Client, Limits
from gradio_client_lite.errors import MissingPackageError
old, new = Client(sys.argv[1], verbose=False), Client(sys.argv[2], verbose=False)
assert new.predict("a", api_name="/echo") == "a"
assert old.predict("a", api_name="/direct") == "a"
try:
    old.predict("a", api_name="/echo")
except MissingPackageError as exc:
    print("websocket-client" in str(exc))
"""


def test_environment_without_the_package_runs_everything_else(serve: Serve) -> None:
    """Isolated and without site-packages, as if nothing but the interpreter were installed."""
    old, new = serve(config=old_config()), serve()
    root = str(Path(__file__).resolve().parents[2])
    program = f"import sys; sys.path.append({root!r})\n{WITHOUT}"
    command = [sys.executable, "-I", "-S", "-c", program, old.url, new.url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


def test_newer_apps_load_nothing_of_the_old_ones(serve: Serve) -> None:
    root = str(Path(__file__).resolve().parents[2])
    program = (
        f"import sys; sys.path.insert(0, {root!r})\n"
        "from gradio_client_lite import Client\n"
        "Client(sys.argv[1], verbose=False).predict('a', api_name='/echo')\n"
        "print(*(name.split('.', 1)[1] for name in sys.modules if name.startswith('gradio_client_lite.')))"
    )
    command = [sys.executable, "-c", program, serve().url]
    loaded = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.split()
    assert "queues.session" in loaded
    assert [name for name in loaded if name.startswith(("legacy", "files"))] == []
