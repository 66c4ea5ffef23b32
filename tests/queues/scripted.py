"""A transport in memory: answers and streams are given by the test, and nothing leaves the process."""

from __future__ import annotations

import json
import queue
import threading
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Union

from gradio_client_lite.errors import ConnectionLost, ReadTimeout
from gradio_client_lite.secrecy import Secrets
from gradio_client_lite.transport.headers import Headers
from gradio_client_lite.transport.http import Response, Timeout

PATIENCE = 10.0

JSON = Dict[str, Any]


@dataclass(frozen=True)
class Sent:
    """A request that was made."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.url.partition("?")[0].rpartition("/")[2]

    def json(self) -> Any:
        return json.loads(self.body)


def answer(content: Any, status: int = 200) -> Response:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Response(status, Headers(), "http://host/", body)


def event(msg: str, event_id: Optional[str] = None, **fields: Any) -> bytes:
    """One server-sent event as Gradio writes it."""
    raw: JSON = {"msg": msg, **({} if event_id is None else {"event_id": event_id}), **fields}
    return b"data: " + json.dumps(raw).encode() + b"\n\n"


def completed(event_id: str, *data: Any) -> bytes:
    return event("process_completed", event_id, output={"data": list(data)}, success=True)


def generating(event_id: str, *data: Any) -> bytes:
    return event("process_generating", event_id, output={"data": list(data)}, success=True)


CLOSE = event("close_stream")


class ScriptedStream:
    """The answer to one request for a stream.

    Args:
        pieces: what is read: bytes, exceptions to raise, or b"" for the clean end. More can be sent later.
        status: of the answer.
    """

    def __init__(self, *pieces: Union[bytes, Exception], status: int = 200) -> None:
        self.status = status
        self.headers = Headers()
        self.url = "http://host/queue/data"
        self.opened = threading.Event()
        self.closed = threading.Event()
        self._timeout: Optional[float] = None
        self._pieces: queue.Queue[Union[bytes, Exception]] = queue.Queue()
        self.send(*pieces)

    def read_arrived(self, size: int = 65536) -> Optional[bytes]:
        return None if self._pieces.empty() else self.read_some(size)

    def send(self, *pieces: Union[bytes, Exception]) -> None:
        for piece in pieces:
            self._pieces.put(piece)

    def end(self) -> None:
        self.send(b"")

    def cut(self) -> None:
        self.send(ConnectionLost("cut"))

    # -- what a StreamingResponse has

    def open(self, timeout: Optional[Timeout]) -> ScriptedStream:
        self._timeout = timeout.read if timeout else None
        self.opened.set()
        return self

    def set_read_timeout(self, seconds: Optional[float]) -> None:
        self._timeout = seconds

    def read_some(self, size: int = 65536) -> bytes:
        limit = PATIENCE if self._timeout is None else min(self._timeout, PATIENCE)
        try:
            piece = self._pieces.get(timeout=limit)
        except queue.Empty:
            raise ReadTimeout("nothing was sent") from None
        if isinstance(piece, Exception):
            raise piece
        return piece

    def abort(self) -> None:
        self.send(ConnectionLost("aborted"))

    def close(self) -> None:
        self.closed.set()

    def __enter__(self) -> ScriptedStream:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


Reply = Union[Response, Exception]
Handler = Callable[[Sent], Reply]


class ScriptedTransport:
    """Answers requests by the last part of their path, and streams in the order they were given.

    Attributes:
        requests: those for whole answers, in order.
        opened: how many streams were asked for.
        repeatable: whether the transport may send the request for each of them again.
        limits: of each request and stream, in order.
    """

    timeout = Timeout()
    liveness = None

    def __init__(self) -> None:
        self.limits: List[Optional[Timeout]] = []
        self.secrets = Secrets()
        self.requests: List[Sent] = []
        self.opened = 0
        self.repeatable: List[Optional[bool]] = []
        self.stream_requests: List[Sent] = []
        self._handlers: Dict[str, Handler] = {}
        self._streams: queue.Queue[Union[ScriptedStream, Exception]] = queue.Queue()
        self._closed = False

    def on(self, path: str, reply: Union[Reply, Handler]) -> None:
        """Answer requests for `path` so: always the same, or what a function makes of the request."""
        self._handlers[path] = reply if callable(reply) else lambda _: reply

    def offer(self, *streams: Union[ScriptedStream, Exception]) -> None:
        """Give these to the next requests for a stream; one that comes too early waits."""
        for stream in streams:
            self._streams.put(stream)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Optional[Mapping[str, str]] = None,
        body: bytes = b"",
        timeout: Optional[Timeout] = None,
        max_bytes: Any = None,
    ) -> Response:
        sent = Sent(method, url, dict(headers or {}), body)
        self.requests.append(sent)
        self.limits.append(timeout)
        reply = self._handlers[sent.path](sent)
        if isinstance(reply, Exception):
            raise reply
        return reply

    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Optional[Mapping[str, str]] = None,
        timeout: Optional[Timeout] = None,
        idempotent: Optional[bool] = None,
    ) -> ScriptedStream:
        self.repeatable.append(idempotent)
        self.opened += 1
        self.limits.append(timeout)
        self.stream_requests.append(Sent(method, url, dict(headers or {}), b""))
        try:
            stream = self._streams.get(timeout=PATIENCE)
        except queue.Empty:
            raise AssertionError("a stream was asked for that the script does not have") from None
        if isinstance(stream, Exception):
            raise stream
        return stream.open(timeout)

    def sent(self, path: str) -> List[Sent]:
        """The requests for `path` so far."""
        return [sent for sent in list(self.requests) if sent.path == path]


class Joins:
    """Answers joins with the event ids e0, e1, … in the order of the requests."""

    def __init__(self, first: int = 0) -> None:
        self._lock = threading.Lock()
        self._next = first

    def __call__(self, sent: Sent) -> Response:
        with self._lock:
            number, self._next = self._next, self._next + 1
        return answer({"event_id": f"e{number}"})


class HeldJoin:
    """A join whose answer waits until the test lets it go."""

    def __init__(self, event_id: str) -> None:
        self.event_id = event_id
        self.arrived = threading.Event()
        self.let_go = threading.Event()

    def __call__(self, sent: Sent) -> Response:
        self.arrived.set()
        assert self.let_go.wait(PATIENCE)
        return answer({"event_id": self.event_id})
