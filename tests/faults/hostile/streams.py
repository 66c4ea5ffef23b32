"""Streams that go on for ever: of events, of comments, of frames, and what a job keeps of them."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from transport import sockets

from gradio_client_lite import Limits
from gradio_client_lite.errors import DeadlineExceeded, EventTooLarge, ProtocolError, StreamLost

from ..badserver import STREAM_HEAD, Behaviour, chunk, config, reply
from .case import V3, V4, Act, Case, Options, predicting
from .server import flooding, on_socket, telling_for_ever, trickling

_SECONDS = 0.3
#: The queue of each protocol: the app's config, where its jobs hear of it, and the id of the first job.
_QUEUES: Dict[str, Tuple[Behaviour, str, Any]] = {
    "sse_v3": (reply(config()), "data", "e0"),
    "sse_v1": (reply(config(protocol="sse_v1")), "data", "e0"),
    "sse": (reply(V4), "join", None),
    "ws": (reply(V3), "join", None),
}
_UPDATES: Dict[str, Any] = {
    "estimations": {"msg": "estimation"},
    "logs": {"msg": "log", "log": "x" * 1000, "level": "info"},
    "progress": {"msg": "progress", "progress_data": [{}] * 1000},
    "values": {"msg": "process_generating", "output": {"data": [[[]] * 1000]}, "success": True},
}


def _job(protocol: str, behaviour: Behaviour, options: Options) -> Act:
    said, route, _ = _QUEUES[protocol]
    return predicting("/echo", options, **{"config": said, route: behaviour})


def _row(
    does: str, protocol: str, behaviour: Behaviour, ends: Any, text: str, most: float = 8.0, **options: Any
) -> Case:
    act = _job(protocol, behaviour, options)
    return Case("streams", does, protocol, act, ends, text, seconds=20.0, megabytes=most)


def _updates() -> List[Case]:
    """What is kept of a job is counted, whatever it is."""
    limits = Limits(job_bytes=1 << 20)
    return [
        _row(
            does,
            protocol,
            telling_for_ever({**update, "event_id": _QUEUES[protocol][2]}),
            EventTooLarge,
            r"Limits\(job_bytes=1048576\)",
            24.0,
            limits=limits,
        )
        for does, update in _UPDATES.items()
        for protocol in (
            "sse_v1",
            "sse",
            "ws",
        )  # later ones send edits of the value before, which cost little
    ]


_LOST = r"was lost .*(nothing of use|less than 4096 bytes)"
_TIMEOUT = "no result within .* seconds"
_ENDLESS_EVENT = Limits(event_bytes=200_000)
_EVENT_TEXT = r"Limits\(event_bytes=200000\)"


def _rows() -> List[Case]:
    rows = []
    for protocol in ("sse_v3", "sse"):
        lines = {
            "an event without end": b"data: x\n",
            "empty lines of an event": b"data\n",
            "a line without end": b"x" * 100,
        }
        for does, line in lines.items():
            behaviour = flooding(STREAM_HEAD, chunk(line * 1000))
            rows.append(_row(does, protocol, behaviour, EventTooLarge, _EVENT_TEXT, limits=_ENDLESS_EVENT))
        idle = {"stream_idle_timeout": _SECONDS}
        trickle = trickling(STREAM_HEAD + chunk(b"data: "), chunk(b"x"))
        rows.append(_row("an event, a byte at a time", protocol, trickle, StreamLost, _LOST, **idle))
    for protocol in ("sse_v3", "sse"):
        for does, line in {
            "comments": b": a comment\n",
            "blank lines": b"\n",
            "ids and retries": b"id: 1\nretry: 1\nevent: x\n",
            "heartbeats": b'data: {"msg": "heartbeat", "event_id": null}\n\n',
            "events of no kind known": b'data: {"msg": "new", "event_id": null}\n\n',
        }.items():
            behaviour = flooding(STREAM_HEAD, chunk(line * 1000))
            rows.append(_row(does, protocol, behaviour, DeadlineExceeded, _TIMEOUT, timeout=_SECONDS))
    early = {"msg": "log", "event_id": "of nobody", "log": "x" * 1000, "level": "info"}
    rows.append(
        _row(
            "events of a job of nobody",
            "sse_v3",
            telling_for_ever(early),
            DeadlineExceeded,
            _TIMEOUT,
            16.0,
            timeout=1.0,
            limits=Limits(early_bytes=4 << 20),
        )
    )
    pings = sockets.frame(b"x" * 100, sockets.PING)
    frames: Dict[str, Tuple[Behaviour, Any, str, Options]] = {
        "pings": (flooding(b"", pings), DeadlineExceeded, _TIMEOUT, {"timeout": _SECONDS}),
        "heartbeats": (
            flooding(b"", sockets.message("heartbeat")),
            DeadlineExceeded,
            _TIMEOUT,
            {"timeout": _SECONDS},
        ),
        "a frame without end": (
            flooding(b"\x81\x7f" + (1 << 40).to_bytes(8, "big"), b"x"),
            EventTooLarge,
            _EVENT_TEXT,
            {"limits": _ENDLESS_EVENT},
        ),
        "fragments": (
            flooding(sockets.frame(b"x", fin=False), sockets.frame(b"x" * 100, sockets.CONT, fin=False)),
            EventTooLarge,
            _EVENT_TEXT,
            {"limits": _ENDLESS_EVENT},
        ),
        "empty fragments": (
            flooding(sockets.frame(b"x", fin=False), sockets.frame(b"", sockets.CONT, fin=False)),
            DeadlineExceeded,
            _TIMEOUT,
            {"timeout": _SECONDS},
        ),
        "a frame, a byte at a time": (
            trickling(sockets.frame(b"x" * 60_000)[:4]),
            StreamLost,
            _LOST,
            {"stream_idle_timeout": _SECONDS},
        ),
        "requests for the arguments": (
            flooding(b"", sockets.message("send_data")),
            ProtocolError,
            "asked twice for the data",
            {},
        ),
    }
    for does, (behaviour, ends, text, options) in frames.items():
        rows.append(_row(does, "ws", on_socket(behaviour), ends, text, **options))
    return rows


CASES = [*_rows(), *_updates()]
