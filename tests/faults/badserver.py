"""A Gradio server of raw sockets that misbehaves where a test says so.

It speaks just enough of the wire of Gradio 6: `BadServer()` runs an app well; `BadServer(join=silent)`
never answers a join, and so on. A behaviour is a function of a `Peer` and the `Request` it has read.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from typing import Any, Callable, Dict, List, Optional, Tuple
from urllib.parse import parse_qs

from transport.peers import PATIENCE, Peer, PeerServer, Request, answer

Behaviour = Callable[[Peer, Request], Any]

_TEXT = {"type": "string"}
_COMPONENTS = [
    {"id": 1, "type": "textbox", "props": {"label": "text"}, "skip_api": False, "api_info": _TEXT},
    {"id": 2, "type": "textbox", "props": {"label": "output"}, "skip_api": False, "api_info": _TEXT},
]
_FUNCTIONS: List[Dict[str, Any]] = [
    {"id": 0, "api_name": "echo"},
    {"id": 1, "api_name": "direct", "queue": False},
    {"id": 2, "api_name": False},
    {"id": 3, "api_name": "inner", "api_visibility": "private"},
]
_PARAMETER = {
    "label": "text",
    "parameter_name": "text",
    "parameter_has_default": False,
    "parameter_default": None,
    "type": _TEXT,
    "python_type": {"type": "str", "description": ""},
    "component": "Textbox",
    "example_input": "Hello",
}


def config(**changes: Any) -> Dict[str, Any]:
    """The config of an app with /echo, the unqueued /direct, and two private functions."""
    plain = {"backend_fn": True, "inputs": [1], "outputs": [2], "queue": True}
    return {
        "version": "6.31.0",
        "protocol": "sse_v3",
        "api_prefix": "/gradio_api",
        "connect_heartbeat": False,
        "components": _COMPONENTS,
        "dependencies": [{**plain, **function} for function in _FUNCTIONS],
        **changes,
    }


def info() -> Dict[str, Any]:
    endpoint = {"parameters": [_PARAMETER], "returns": [{**_PARAMETER, "label": "output"}]}
    return {"named_endpoints": {"/echo": endpoint, "/direct": endpoint}, "unnamed_endpoints": {}}


# --- behaviours


def reply(content: Any, status: str = "200 OK", **headers: str) -> Behaviour:
    """Answer with bytes, or with JSON."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return lambda peer, request: peer.send(answer(body, status, **headers))


def raw(data: bytes) -> Behaviour:
    """Send exactly this and hang up."""

    def behave(peer: Peer, request: Request) -> None:
        peer.send(data)
        raise Hangup

    return behave


def silent(peer: Peer, request: Request) -> None:
    """Never answer."""
    peer.closed()
    raise Hangup


def hang_up(peer: Peer, request: Request) -> None:
    """Close the connection without an answer."""
    raise Hangup


def reset(peer: Peer, request: Request) -> None:
    """Break the connection without an answer."""
    peer.reset()
    raise Hangup


def streaming(*pieces: bytes, then: Optional[Behaviour] = None) -> Behaviour:
    """Stream these pieces, then end well or do something else."""

    def behave(peer: Peer, request: Request) -> None:
        peer.send(STREAM_HEAD + b"".join(chunk(piece) for piece in pieces))
        if then is None:
            peer.send(chunk(b""))
        else:
            then(peer, request)

    return behave


def for_ever(peer: Peer, request: Request) -> None:
    """Stream heartbeats until the client hangs up."""
    peer.send(STREAM_HEAD)
    stopped = threading.Event()
    while not stopped.wait(0.02):
        peer.send(chunk(event("heartbeat")))


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(msg: str, event_id: Optional[str] = None, **fields: Any) -> bytes:
    return b"data: " + json.dumps({"msg": msg, "event_id": event_id, **fields}).encode() + b"\n\n"


class Hangup(OSError):
    """Raised by a behaviour: close this connection."""


class BadServer(PeerServer):
    """A Gradio app at `url`.

    Args:
        wrap: makes it speak TLS.
        behaviours: by route: config, page, login, info, join, data, predict, cancel, reset, heartbeat.

    Attributes:
        told: (route, body) of every POST, in order.
    """

    def __init__(self, *, wrap: Any = None, **behaviours: Behaviour) -> None:
        super().__init__(self._serve, wrap=wrap)
        self.told: List[Tuple[str, Any]] = []
        self._behaviours: Dict[str, Behaviour] = {
            "config": reply(config()),
            "info": reply(info()),
            "login": reply({"success": True}, set_cookie="access-token=granted; Path=/"),
            "join": self._join,
            "data": self._data,
            "predict": self._predict,
            "cancel": reply({"success": True}),
            "reset": reply({"success": True}),
            "heartbeat": for_ever,
            **behaviours,
        }
        # Guards the fields below it.
        self._changed = threading.Lock()
        self._count = 0
        self._pending: Dict[str, List[Tuple[str, Any]]] = {}

    def behave(self, **behaviours: Behaviour) -> None:
        """Change what happens from the next request on."""
        self._behaviours = {**self._behaviours, **behaviours}

    def routes(self) -> List[str]:
        """The routes that were asked for, in order."""
        return [_route(request.path) for request in list(self.requests)]

    def stop_listening(self) -> None:
        """Refuse every new connection; those there are go on."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self, peer: Peer) -> None:
        while True:
            request = peer.request()
            if request is None:
                return
            route = _route(request.path)
            if request.method == "POST" and request.body.startswith(b"{"):
                self.told.append((route, json.loads(request.body)))
            self._behaviours.get(route, _nothing)(peer, request)

    # -- how a good server behaves

    def _join(self, peer: Peer, request: Request) -> None:
        body = json.loads(request.body)
        with self._changed:
            event_id = f"e{self._count}"
            self._count += 1
            self._pending.setdefault(body["session_hash"], []).append((event_id, body["data"]))
        reply({"event_id": event_id})(peer, request)

    def _data(self, peer: Peer, request: Request) -> None:
        (session_hash,) = parse_qs(request.path.partition("?")[2])["session_hash"]
        with self._changed:
            pending = self._pending.pop(session_hash, [])
        if not pending:
            lost = event("unexpected_error", message="404: Session not found.", session_not_found=True)
            streaming(lost)(peer, request)
            return
        messages = []
        for event_id, data in pending:
            messages.append(event("process_starts", event_id, eta=None))
            messages.append(event("process_completed", event_id, output={"data": data}, success=True))
        streaming(*messages, event("close_stream"))(peer, request)

    def all_but(self, text: str) -> Behaviour:
        """Stream for ever, and complete every job of the session but those with this argument."""

        def behave(peer: Peer, request: Request) -> None:
            (session_hash,) = parse_qs(request.path.partition("?")[2])["session_hash"]
            peer.send(STREAM_HEAD)
            stopped = threading.Event()
            while not stopped.wait(0.02):
                with self._changed:
                    pending = self._pending.pop(session_hash, [])
                for event_id, data in pending:
                    if data != [text]:
                        done = event("process_completed", event_id, output={"data": data}, success=True)
                        peer.send(chunk(done))
                peer.send(chunk(event("heartbeat")))

        return behave

    def _predict(self, peer: Peer, request: Request) -> None:
        reply({"data": json.loads(request.body)["data"]})(peer, request)


def _nothing(peer: Peer, request: Request) -> None:
    peer.send(answer(b'{"detail":"Not Found"}', "404 Not Found"))


def _route(path: str) -> str:
    # Without urlsplit, which keeps what it is given in a cache of the process.
    parts = path.partition("?")[0].strip("/").split("/")
    return "heartbeat" if "heartbeat" in parts else parts[-1] or "page"


__all__ = [
    "PATIENCE",
    "STREAM_HEAD",
    "BadServer",
    "Behaviour",
    "Hangup",
    "Peer",
    "Request",
    "chunk",
    "config",
    "event",
    "for_ever",
    "hang_up",
    "info",
    "raw",
    "reply",
    "reset",
    "silent",
    "streaming",
]
