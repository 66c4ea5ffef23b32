"""Endless answers: those that trickle, and those that come as fast as they are taken."""

from __future__ import annotations

from typing import Any, List, Tuple

from gradio_client_lite import Limits
from gradio_client_lite.errors import (
    DeadlineExceeded,
    EventTooLarge,
    HTTPStatusError,
    ProtocolError,
    ResponseTooLarge,
    StreamLost,
)

from .case import ROUTES, Case
from .server import FLOODS, TRICKLES

_SECONDS = 0.2
_BEFORE_BODIES = ("1xx answers", "a status line", "header lines")


def _trickles() -> List[Case]:
    """Whatever trickles, the limit of the request's kind ends it."""
    rows = []
    for does, behaviour in TRICKLES.items():
        for route in ROUTES:
            act, limit = ROUTES[route]
            options = {"limits": Limits(**{limit: _SECONDS}), "httpx_kwargs": {"timeout": None}}
            text = rf"Limits\({limit}={_SECONDS}\)"
            ends: Any = DeadlineExceeded
            if does == "members of gzip" and route in ("stream", "file"):
                ends, text = ProtocolError, "which was not asked for"
            elif route == "stream":
                options, ends, text = (
                    {"stream_idle_timeout": _SECONDS},
                    StreamLost,
                    "nothing of use|less than 4096 bytes",
                )
            elif " of " in route and does not in _BEFORE_BODIES:
                continue
            rows.append(Case("trickles", does, route, act(behaviour, options), ends, text))
    return rows


def _floods() -> List[Case]:
    """What stands before a body is refused as no HTTP, and a body by its size."""
    rows = []
    for does, behaviour in FLOODS.items():
        for route, (act, _) in ROUTES.items():
            ends, text = _end_of_flood(does, route)
            options = {"limits": _SMALL if does == "chunks of one byte" else _LIMITS}
            most = 24.0 if does in _BODIES else 8.0
            rows.append(Case("floods", does, route, act(behaviour, options), ends, text, megabytes=most))
    return rows


_BODIES = ("chunks of one byte", "a body", "a body of gzip")
_LIMITS = Limits(result_bytes=16 << 20, event_bytes=16 << 20, max_download_size=1 << 20)
_SMALL = Limits(answer_bytes=5_000, result_bytes=5_000, max_download_size=5_000, event_bytes=5_000)
_SIZES = {
    "direct call": "result_bytes",
    "stream": "event_bytes",
    "join of 4.0": "event_bytes",
    "file": "max_download_size",
}


def _end_of_flood(does: str, route: str) -> Tuple[Any, str]:
    if route == "info":  # it is made from the config
        return ["/echo", "/direct"], ""
    if "gzip" in does and route in ("stream", "join of 4.0", "file"):
        return ProtocolError, "which was not asked for"
    if does == "empty members of gzip":
        return ProtocolError, "holds gzip data without content"
    if does in _BODIES:
        if route == "join of 3.50":  # which is no answer to a handshake
            return HTTPStatusError, "answered 200"
        kind = EventTooLarge if _SIZES.get(route) == "event_bytes" else ResponseTooLarge
        return kind, rf"Limits\({_SIZES.get(route, 'answer_bytes')}="
    return ProtocolError, "did not answer in HTTP/1.1"


CASES = [*_trickles(), *_floods()]
