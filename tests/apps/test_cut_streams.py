"""A stream that a proxy cuts without telling the server, as cuts behind proxies look for a while."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import Iterator, List, Tuple

import pytest

from gradio_client_lite import Client, Job, Limits
from gradio_client_lite.errors import EventTooLarge, StreamLost
from gradio_client_lite.queues import session as session_module
from gradio_client_lite.queues.stream import Times
from gradio_client_lite.updates import Status

from .servers import Server

_DEADLINE = 60.0  # seconds, for what takes a few


class DeafProxy:
    """Forwards TCP connections, and can cut event streams on the client's side alone."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._streams: List[Tuple[socket.socket, socket.socket]] = []
        self._cut: List[socket.socket] = []
        self._spawn(self._listen)

    def cut_streams(self) -> None:
        """Hang up on the client; the server goes on sending and is listened to."""
        streams, self._streams = self._streams, []
        for client, server in streams:
            self._cut.append(server)
            _hang_up(client)

    def keep_from_server(self) -> None:
        """Tell the server nothing when the client hangs up on the streams there are."""
        self._cut += [server for _, server in self._streams]

    def tell_server(self) -> None:
        """Hang up on the server too."""
        for server in self._cut:
            _hang_up(server)

    def close(self) -> None:
        self.cut_streams()
        self.tell_server()
        self._listener.close()

    def _spawn(self, function: object, *args: object) -> None:
        threading.Thread(target=function, args=args, daemon=True).start()  # type: ignore[arg-type]

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            server = socket.create_connection(("127.0.0.1", self._port))
            self._spawn(self._up, client, server)
            self._spawn(self._down, client, server)

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                if b"queue/data" in data:
                    self._streams.append((client, server))
                server.sendall(data)
        if server not in self._cut:
            with suppress(OSError):
                server.shutdown(socket.SHUT_WR)

    def _down(self, client: socket.socket, server: socket.socket) -> None:
        with server, client, suppress(OSError):
            while data := server.recv(65536):
                with suppress(OSError):
                    client.sendall(data)


def _hang_up(side: socket.socket) -> None:
    with suppress(OSError):  # it may have ended by itself
        side.shutdown(socket.SHUT_RDWR)


@contextmanager
def deaf_proxy(server: Server) -> Iterator[DeafProxy]:
    proxy = DeafProxy(int(server.url.rstrip("/").rpartition(":")[2]))
    try:
        yield proxy
    finally:
        proxy.close()


def _start(client: Client, seconds: float) -> Job:
    """A job that runs when this returns."""
    job = client.submit(seconds, api_name="/slow")
    next(update for update in job.updates(_DEADLINE) if update["code"] is Status.PROCESSING)
    return job


@pytest.mark.servers("4.16.0", "4.44.1", "6.31.0")
def test_calls_after_a_cut_get_their_results_in_another_session(file_server: Server) -> None:
    with deaf_proxy(file_server) as proxy, Client(proxy.url, verbose=False, stream_grace=1.0) as client:
        before = client.session_hash
        lost = _start(client, 3)
        proxy.cut_streams()
        assert isinstance(lost.exception(_DEADLINE), StreamLost)
        assert client.session_hash != before
        jobs = [client.submit(seconds, api_name="/slow") for seconds in (2, 0.1)]
        assert jobs[1].result(_DEADLINE) == 0.1
        proxy.tell_server()
        assert jobs[0].result(_DEADLINE) == 2


@pytest.mark.servers("4.44.1", "6.31.0")
def test_calls_after_a_cut_end_in_a_session_that_stays(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "TIMES", Times(unnoticed=3.0))
    with deaf_proxy(server) as proxy, Client(proxy.url, verbose=False, stream_grace=1.0) as client:
        before = client.session_hash
        lost = _start(client, 30)
        proxy.cut_streams()
        assert isinstance(lost.exception(_DEADLINE), StreamLost)
        later = client.submit(30, api_name="/slow")
        proxy.tell_server()
        assert isinstance(later.exception(_DEADLINE), StreamLost)
        assert client.session_hash == before  # for there is State


@pytest.mark.servers("4.44.1", "6.31.0")
def test_calls_after_an_event_that_was_refused_get_their_results(file_server: Server) -> None:
    """Its stream was left, to which the server still writes what is for the session."""
    limits = Limits(event_bytes=20_000)
    with deaf_proxy(file_server) as proxy, Client(proxy.url, verbose=False, limits=limits) as client:
        other = _start(client, 12)
        proxy.keep_from_server()
        job = client.submit("x" * 30_000, api_name="/text")
        error = job.exception(_DEADLINE)
        # Lost with the stream when the event came before the answer to its call.
        assert isinstance(error.__cause__ if isinstance(error, StreamLost) else error, EventTooLarge)
        assert isinstance(other.exception(_DEADLINE), EventTooLarge)
        jobs = [client.submit(str(number), api_name="/text") for number in range(5)]
        assert [job.result(_DEADLINE) for job in jobs] == list("01234")
