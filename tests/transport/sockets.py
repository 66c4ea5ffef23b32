"""The server's side of a WebSocket, frame by frame, so that it can do what no library would."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any, Tuple

from .peers import Peer, Request

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept_key(key: str) -> str:
    return base64.b64encode(hashlib.sha1((key + _GUID).encode()).digest()).decode()


def accept(peer: Peer, request: Request, **headers: str) -> None:
    """Agree to a handshake."""
    fields = {
        "upgrade": "websocket",
        "connection": "Upgrade",
        "sec-websocket-accept": accept_key(request.headers["sec-websocket-key"]),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    lines = ["HTTP/1.1 101 Switching Protocols", *(f"{name}: {value}" for name, value in fields.items())]
    peer.send("\r\n".join([*lines, "", ""]).encode())


def frame(data: bytes, opcode: int = TEXT, *, fin: bool = True) -> bytes:
    size = len(data)
    if size < 126:
        length = bytes((size,))
    elif size < 65536:
        length = b"\x7e" + size.to_bytes(2, "big")
    else:
        length = b"\x7f" + size.to_bytes(8, "big")
    return bytes(((128 if fin else 0) | opcode,)) + length + data


def message(msg: str, **fields: Any) -> bytes:
    """A message of Gradio's queue in a frame."""
    return frame(json.dumps({"msg": msg, **fields}).encode())


def begin_job(peer: Peer, request: Request) -> Any:
    """Agree to a handshake, and ask as Gradio 3 does for a job's session, which is returned, and its data."""
    accept(peer, request)
    peer.send(message("send_hash"))
    session = read_json(peer)
    peer.send(message("send_data"))
    return session


def close(code: int = 1000, reason: str = "") -> bytes:
    return frame(code.to_bytes(2, "big") + reason.encode(), CLOSE)


def read_frame(peer: Peer) -> Tuple[int, bytes]:
    """The next frame of the client, which must be masked; (CLOSE, b"") when it has closed the connection."""

    def take(size: int) -> bytes:
        while len(peer._buffer) < size:
            data = peer._recv()
            if not data:
                raise EOFError
            peer._buffer += data
        taken, peer._buffer = peer._buffer[:size], peer._buffer[size:]
        return taken

    try:
        first, second = take(2)
        assert second & 128, "a client's frame must be masked"
        size = second & 127
        if size >= 126:
            size = int.from_bytes(take(2 if size == 126 else 8), "big")
        mask = take(4)
        data = take(size)
    except EOFError:
        return CLOSE, b""
    return first & 15, bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))


def read_json(peer: Peer) -> Any:
    """The client's next message.

    Raises:
        ConnectionError: it has closed the connection, which ends a peer's script without further ado.
    """
    opcode, data = read_frame(peer)
    if opcode == CLOSE:
        raise ConnectionError("closed")
    assert opcode == TEXT, opcode
    return json.loads(data)
