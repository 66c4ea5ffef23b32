"""Servers of Gradio 3.x and 4.0 on raw sockets, which do what a test says."""

from __future__ import annotations

import contextlib
import json
from typing import Any, Callable, Iterator, List, Tuple, Type, TypeVar

from queues.calls import RecordingCall
from queues.conftest import base_headers
from queues.scripted import PATIENCE
from transport import sockets
from transport.peers import Peer, PeerServer, Request, answer

from gradio_client_lite.legacy.perjob import PerJobQueue, Shared
from gradio_client_lite.threads import Threads
from gradio_client_lite.transport.http import Timeout, Transport
from gradio_client_lite.transport.liveness import Liveness
from gradio_client_lite.transport.url import parse_url
from gradio_client_lite.wire.urls import Routes
from gradio_client_lite.workers import Workers

Queue = TypeVar("Queue", bound=PerJobQueue)
Run = Callable[[Peer], Any]

STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(msg: str, **fields: Any) -> bytes:
    """One message of a stream, in a chunk."""
    return chunk(b"data: " + json.dumps({"msg": msg, **fields}).encode() + b"\n\n")


@contextlib.contextmanager
def starting(kind: Type[Queue]) -> Iterator[Callable[..., Queue]]:
    """A function that starts a server with a script, and makes the queue of a session of it.

    `life` is what the server says beside the jobs, when it is asked for a sign of life.
    """
    with contextlib.ExitStack() as stack:

        def start(
            script: Any,
            *,
            wrap: Any = None,
            verify: Any = True,
            read: float = PATIENCE,
            idle_timeout: float = PATIENCE,
            workers: int = 4,
            closing: float = 2.0,
            life: Callable[[], int] = lambda: 200,
            **options: Any,
        ) -> Queue:
            server = stack.enter_context(PeerServer(script, wrap=wrap))
            timeout = Timeout(read=read)
            transport = Transport(base_url=server.url, timeout=timeout, verify=verify, trust_env=False)
            threads = Threads()
            transport.liveness = Liveness(parse_url(server.url).origin, life, threads)
            pool = Workers(workers, "test-worker")
            routes = Routes(server.url)
            shared = Shared(transport, routes, base_headers, pool, idle_timeout=idle_timeout, closing=closing)
            queue = kind(shared, "session", **options)
            stack.callback(pool.stop)
            stack.callback(transport.close)
            stack.callback(queue.close)
            return queue

        yield start


def run(queue: PerJobQueue, **options: Any) -> RecordingCall:
    """Submit a job."""
    call = RecordingCall(**options)
    queue.submit(call)
    return call


class Gradio3:
    """A script for a PeerServer: the queue of Gradio 3.50 over WebSockets.

    Args:
        run: what happens once the data has come; `peer.data` holds it. None completes the job with its data.
        hello: what happens before anything else, in place of asking for the hash and the data.

    Attributes:
        hashes, bodies: what the clients sent.
        posts: (route, body) of every POST.
    """

    def __init__(self, run: Any = None, hello: Any = None) -> None:
        self.hashes: List[Any] = []
        self.bodies: List[Any] = []
        self.posts: List[Tuple[str, Any]] = []
        self._run = run or complete
        self._hello = hello or self.ask

    def __call__(self, peer: Peer) -> None:
        while True:
            request = peer.request()
            if request is None:
                return
            if request.headers.get("upgrade") == "websocket":
                sockets.accept(peer, request)
                self._hello(peer)
                return
            self._post(peer, request)

    def _post(self, peer: Peer, request: Request) -> None:
        self.posts.append((request.path.rpartition("/")[2], json.loads(request.body)))
        peer.send(answer(b'{"success":true}'))

    def ask(self, peer: Peer) -> None:
        peer.send(sockets.message("send_hash"))
        self.hashes.append(sockets.read_json(peer))
        peer.send(sockets.message("estimation", rank=0, queue_size=1, rank_eta=0.5))
        peer.send(sockets.message("send_data"))
        self.take(peer)

    def take(self, peer: Peer) -> None:
        """Wait for the data and run the job."""
        body = sockets.read_json(peer)
        self.bodies.append(body)
        peer.data = body["data"]  # type: ignore[attr-defined]
        peer.send(sockets.message("process_starts"))
        self._run(peer)


def complete(peer: Peer) -> None:
    """End the job with what it was given, and the socket as Gradio does."""
    output = {"data": peer.data}  # type: ignore[attr-defined]
    peer.send(sockets.message("process_completed", output=output, success=True) + sockets.close())
    peer.closed()
