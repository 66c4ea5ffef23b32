"""A light server: what it sends costs it little, so that what is measured is the client's. Runs as a script.

    python light.py URL         of the app of app.py, whose config and description it answers with

It prints one line, READY and its URL, and ends when its standard input closes. It has the session streams of
Gradio 6.31: messages of all calls of a session in one stream, each message a chunk, and the stream ends when
no call is left. `/held` is answered once somebody posts to /release; /arrived is how many wait.
"""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.request
import uuid
from collections import deque
from typing import Any, Callable, Deque, Dict, Iterator, List, Tuple
from urllib.parse import parse_qs, urlsplit

_LIMIT = 1 << 20  # bytes of a head
_BATCH = 64  # messages that are written before the client's pace is looked at

#: The kind of a message and its other fields.
Message = Tuple[str, Dict[str, Any]]


def generating(change: Any) -> Message:
    """An update; from the second on `change` is a list of edits."""
    output = {"data": [change], "is_generating": True, "duration": 0.1, "average_duration": 0.1}
    return "process_generating", {"output": output, "success": True, "time_limit": None}


def completed(value: Any) -> Message:
    """The end, with the result."""
    output = {"data": [value], "is_generating": False, "duration": 0.1, "average_duration": 0.1}
    return "process_completed", {"output": output, "success": True}


def growing(count: int) -> Iterator[Message]:
    """A text that grows by ten characters with each update."""
    pieces = [f"{number:09d} " for number in range(count)]
    yield generating(pieces[0])
    for piece in pieces[1:]:
        yield generating([["append", [], piece]])
    yield completed("".join(pieces))


def tiny(count: int) -> Iterator[Message]:
    """Another number with each update."""
    yield generating("0")
    for number in range(1, count):
        yield generating([["replace", [], str(number)]])
    yield completed("done")


def chat(count: int) -> Iterator[Message]:
    """The history of a chat that grows by a message with each update."""
    history = [_said(number) for number in range(count)]
    yield generating(history[:1])
    for number in range(1, count):
        yield generating([["add", [number], history[number]]])
    yield completed(history)


def _said(number: int) -> Dict[str, Any]:
    role = "assistant" if number % 2 else "user"
    content = [{"text": f"What was said as number {number}.", "type": "text"}]
    return {"role": role, "metadata": None, "content": content, "options": None}


def whole(count: int) -> Iterator[Message]:
    """A list that grows by an item with each update, sent whole each time."""
    rows = [{"number": number, "text": f"item {number}"} for number in range(count)]
    yield generating(rows[:1])
    for number in range(2, count + 1):
        yield generating([["replace", [], rows[:number]]])
    yield completed(rows)


def progress(count: int) -> Iterator[Message]:
    """Many steps, and a result."""
    for number in range(count):
        step = {"index": number, "length": count, "unit": "steps", "progress": None, "desc": "Working"}
        yield "progress", {"progress_data": [step]}
    yield completed("done")


STREAMS: Dict[str, Callable[[int], Iterator[Message]]] = {
    function.__name__: function for function in (growing, tiny, chat, whole, progress)
}


class Session:
    """The calls of one session hash, and what is to be sent for them."""

    def __init__(self) -> None:
        self.pending = 0
        self.waiting: Deque[Tuple[str, Iterator[Message]]] = deque()
        self.changed = asyncio.Event()

    def add(self, event_id: str, messages: Iterator[Message]) -> None:
        """Have the messages of a call sent."""
        self.waiting.append((event_id, messages))
        self.changed.set()


class Server:
    """Answers for the app.

    Args:
        config: of the app.
        info: its description.
    """

    def __init__(self, config: Dict[str, Any], info: bytes) -> None:
        self._config = config
        self._info = info
        self._names = {item["id"]: item["api_name"] for item in config["dependencies"]}
        self._sessions: Dict[str, Session] = {}
        self._held: List[Tuple[Session, str, Any]] = []
        self._released = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                line, *fields = head.decode("latin-1").split("\r\n")
                method, target, _ = line.split(" ")
                lengths = [field for field in fields if field.lower().startswith("content-length:")]
                body = await reader.readexactly(int(lengths[0].partition(":")[2]) if lengths else 0)
                await self._answer(method, urlsplit(target), body, writer)
                await writer.drain()
        except (OSError, EOFError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    async def _answer(self, method: str, target: Any, body: bytes, writer: asyncio.StreamWriter) -> None:
        route = target.path.rpartition("/")[2]
        if route == "data":
            await self._stream(parse_qs(target.query)["session_hash"][0], writer)
        elif route == "join":
            writer.write(_whole(json.dumps({"event_id": self._join(json.loads(body))}).encode()))
        elif route == "direct":
            writer.write(_whole(json.dumps({"data": json.loads(body)["data"]}).encode()))
        elif route == "config":
            writer.write(_whole(json.dumps(self._config).encode()))
        elif route == "info":
            writer.write(_whole(self._info))
        elif route == "arrived":
            writer.write(_whole(str(len(self._held)).encode()))
        elif route == "release":
            self._release(method == "POST")
            writer.write(_whole(b"null"))
        else:
            writer.write(_whole(b"{}", "404 Not Found"))

    def _join(self, call: Dict[str, Any]) -> str:
        event_id, name = uuid.uuid4().hex, self._names[call["fn_index"]]
        session = self._sessions.setdefault(call["session_hash"], Session())
        session.pending += 1
        (value,) = call["data"]
        if name in STREAMS:
            session.add(event_id, STREAMS[name](int(value)))
        elif name == "held" and not self._released:
            self._held.append((session, event_id, value))
        else:
            session.add(event_id, iter([completed(value)]))
        return event_id

    def _release(self, released: bool) -> None:
        """Answer all that are held, and hold no more; or begin to hold."""
        self._released = released
        held, self._held = self._held, []
        for session, event_id, value in held:
            session.add(event_id, iter([completed(value)]))

    async def _stream(self, session_hash: str, writer: asyncio.StreamWriter) -> None:
        session = self._sessions.setdefault(session_hash, Session())
        writer.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        done = False
        while not done:
            await session.changed.wait()
            session.changed.clear()
            while session.waiting:
                event_id, messages = session.waiting.popleft()
                await self._send(event_id, messages, writer)
                session.pending -= 1
                done = not session.pending
        del self._sessions[session_hash]
        writer.write(_chunk({"msg": "close_stream", "event_id": None}) + b"0\r\n\r\n")

    async def _send(self, event_id: str, messages: Iterator[Message], writer: asyncio.StreamWriter) -> None:
        for number, (kind, fields) in enumerate(messages, 1):
            writer.write(_chunk({"msg": kind, "event_id": event_id, **fields}))
            if not number % _BATCH:
                await writer.drain()


def _chunk(message: Dict[str, Any]) -> bytes:
    event = f"data: {json.dumps(message, separators=(',', ':'))}\n\n".encode()
    return b"%x\r\n%b\r\n" % (len(event), event)


def _whole(body: bytes, status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def _main(url: str) -> None:
    paths = ("config", "gradio_api/info?all_endpoints=True")
    config, info = (urllib.request.urlopen(url + path).read() for path in paths)
    own = {**json.loads(config), "connect_heartbeat": False}
    server = Server(own, info)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, limit=_LIMIT)
    port = listening.sockets[0].getsockname()[1]
    own["root"] = f"http://127.0.0.1:{port}"
    print(f"READY http://127.0.0.1:{port}/", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1]))
