"""An app on raw sockets that says of itself, and to its jobs, whatever a case wants.

It speaks to a job as its release does: over a WebSocket (`ws`), over an event stream of the job's own
(`sse`), or over the stream of its session (`sse_v1` and later ones).
"""

from __future__ import annotations

import json
import threading
from typing import Any, Dict, List
from urllib.parse import parse_qs

from transport import sockets
from transport.peers import Peer, Request, answer

from ..badserver import STREAM_HEAD, BadServer, Behaviour, Hangup, chunk, config, info, reply

#: Stands in a message for the id of the job that it is for.
JOB = "@job"
#: Seconds that a job of `sse` may take to send its arguments.
_SOON = 0.5


def saying(said: Dict[str, bytes], name: str) -> Behaviour:
    return lambda peer, request: peer.send(answer(said[name]))


class App(BadServer):
    """An app whose words can be changed between two requests.

    Attributes:
        said: its config, info, and the answer to a direct call, as they are sent.
        messages: what a job is told.
    """

    def __init__(self) -> None:
        self.said: Dict[str, bytes] = {}
        self.messages: List[Any] = []
        self.say(config=config(), info=info(), predict={"data": ["a"]})
        routes = {name: saying(self.said, name) for name in self.said}
        super().__init__(**routes, join=self._join_any, data=self._data_any)
        self._arguments: Dict[str, threading.Event] = {}

    def say(self, **said: Any) -> None:
        self.said.update({name: json.dumps(value).encode() for name, value in said.items()})

    def _told(self, event_id: str) -> List[bytes]:
        return [
            json.dumps(message).replace(f'"{JOB}"', f'"{event_id}"').encode() for message in self.messages
        ]

    def _next_id(self) -> str:
        with self._changed:
            self._count += 1
            return f"e{self._count}"

    def _join_any(self, peer: Peer, request: Request) -> None:
        if "upgrade" in request.headers:
            self._talk(peer, request)
        elif request.method == "GET":
            self._stream_of_job(peer)
        else:
            self._join(peer, request)

    def _data_any(self, peer: Peer, request: Request) -> None:
        if request.method == "POST":
            event_id = json.loads(request.body).get("event_id")
            self._arguments.setdefault(str(event_id), threading.Event()).set()
            reply({"success": True})(peer, request)
        else:
            self._stream_of_session(peer, request)

    def _talk(self, peer: Peer, request: Request) -> None:
        sockets.accept(peer, request)
        for data in self._told("e"):
            peer.send(sockets.frame(data))
            if _asks(data):
                sockets.read_json(peer)
        raise Hangup

    def _stream_of_job(self, peer: Peer) -> None:
        event_id = self._next_id()
        posted = self._arguments.setdefault(event_id, threading.Event())
        peer.send(STREAM_HEAD)
        for data in self._told(event_id):
            peer.send(chunk(b"data: " + data + b"\n\n"))
            if _asks(data) and not posted.wait(_SOON):
                raise Hangup
        peer.send(chunk(b""))

    def _stream_of_session(self, peer: Peer, request: Request) -> None:
        (session_hash,) = parse_qs(request.path.partition("?")[2])["session_hash"]
        with self._changed:
            pending = self._pending.pop(session_hash, [])
        peer.send(STREAM_HEAD)
        for event_id, _ in pending:
            peer.send(b"".join(chunk(b"data: " + data + b"\n\n") for data in self._told(event_id)))
        peer.send(chunk(b'data: {"msg": "close_stream", "event_id": null}\n\n') + chunk(b""))


def _asks(data: bytes) -> bool:
    message = json.loads(data)
    return isinstance(message, dict) and message.get("msg") in ("send_hash", "send_data")
