"""Servers for the transport's tests: raw sockets that follow a script, byte by byte."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, List, Optional, Union

PATIENCE = 10.0
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@dataclass(frozen=True)
class Request:
    """What a peer received."""

    method: str
    path: str
    headers: Dict[str, str]
    body: bytes
    raw: bytes


class Peer:
    """The server's end of one connection."""

    def __init__(self, sock: socket.socket, server: PeerServer) -> None:
        self.sock = sock
        self.server = server
        self._buffer = b""

    def head(self) -> Optional[Request]:
        """Read a request's head; None when the client has closed."""
        while b"\r\n\r\n" not in self._buffer:
            data = self._recv()
            if not data:
                return None
            self._buffer += data
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ")
        headers = dict(line.split(": ", 1) for line in lines)
        return Request(method, path, headers, b"", head)

    def request(self) -> Optional[Request]:
        """Read a whole request and note it; None when the client has closed."""
        head = self.head()
        if head is None:
            return None
        body = self.body(int(head.headers.get("content-length", "0")))
        if body is None:
            return None
        request = Request(head.method, head.path, head.headers, body, head.raw)
        self.server.requests.append(request)
        return request

    def body(self, size: int) -> Optional[bytes]:
        """Read so many bytes; None when the client has closed."""
        received = bytearray(self._buffer)
        while len(received) < size:
            data = self._recv()
            if not data:
                return None
            received += data
        self._buffer = bytes(received[size:])
        return bytes(received[:size])

    def skip(self, size: int, pause: float) -> None:
        """Read a body slowly: `pause` seconds after every piece."""
        size -= len(self._buffer)
        while size > 0:
            data = self._recv()
            if not data:
                return
            size -= len(data)
            time.sleep(pause)

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def answer(self, body: bytes = b"ok", status: str = "200 OK", **headers: str) -> None:
        self.send(answer(body, status, **headers))

    def reset(self) -> None:
        """Close with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def closed(self) -> bool:
        """Wait until the client closes its end; whether it did."""
        return self._recv() == b""

    def _recv(self) -> bytes:
        try:
            return self.sock.recv(65536)
        except ConnectionError:
            return b""


Script = Callable[[Peer], Any]


def answer(body: bytes = b"ok", status: str = "200 OK", **headers: str) -> bytes:
    """A complete answer; header names with "_" for "-"."""
    fields = {"content-length": str(len(body))}
    fields.update({name.replace("_", "-"): value for name, value in headers.items()})
    lines = [f"HTTP/1.1 {status}"] + [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def chunk(data: bytes) -> bytes:
    """A chunk of a body that is sent in chunks."""
    return b"%x\r\n%s\r\n" % (len(data), data)


def always(reply: Union[bytes, Callable[[Request], bytes]] = b"ok") -> Script:
    """A script that keeps the connection alive and answers every request the same way."""

    def script(peer: Peer) -> None:
        while True:
            request = peer.request()
            if request is None:
                return
            peer.send(answer(reply) if isinstance(reply, bytes) else reply(request))

    return script


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def later(function: Callable[[], Any]) -> Callable[[], Any]:
    """Run a function in a thread and return one that waits for its result or exception."""
    outcome: List[Any] = []

    def run() -> None:
        try:
            outcome.append(function())
        except Exception as exc:
            outcome.append(exc)

    thread = threading.Thread(target=run)
    thread.start()

    def wait() -> Any:
        thread.join(PATIENCE)
        assert not thread.is_alive()
        return outcome[0]

    return wait


class PeerServer:
    """Runs one script per connection, the last one for all that follow.

    Attributes:
        requests: what `Peer.request` read, in order.
        connections: how many were accepted.
    """

    def __init__(
        self,
        *scripts: Script,
        wrap: Optional[Callable[[socket.socket], socket.socket]] = None,
        host: str = "127.0.0.1",
    ) -> None:
        self._scripts = scripts
        self._wrap = wrap
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self.port = self._listener.getsockname()[1]
        self.requests: List[Request] = []
        self.connections = 0
        self.failures: List[BaseException] = []
        self._threads: List[threading.Thread] = []
        self._sockets: List[socket.socket] = []

    @property
    def url(self) -> str:
        return f"{'https' if self._wrap else 'http'}://127.0.0.1:{self.port}/"

    def __enter__(self) -> PeerServer:
        self._start(self._accept)
        return self

    def __exit__(self, *exc: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()
        assert not self.failures, self.failures

    def _start(self, work: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            script = self._scripts[min(self.connections, len(self._scripts) - 1)]
            self.connections += 1
            self._sockets.append(sock)
            self._start(self._run, sock, script)

    def _run(self, sock: socket.socket, script: Script) -> None:
        sock.settimeout(PATIENCE)
        try:
            if self._wrap is not None:
                sock = self._wrap(sock)
                self._sockets.append(sock)
            script(Peer(sock, self))
        except OSError:
            pass
        except BaseException as exc:
            self.failures.append(exc)
        finally:
            sock.close()


@contextlib.contextmanager
def unused_port() -> Iterator[int]:
    """A port nothing listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]
