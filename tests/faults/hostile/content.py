"""Content that is more, or other, than it seems: compressed floods, and JSON that no honest server writes."""

from __future__ import annotations

import json
from typing import Any, Dict, List, NamedTuple

from gradio_client_lite import Limits
from gradio_client_lite.errors import (
    EventTooLarge,
    HTTPStatusError,
    ProtocolError,
    ResponseTooLarge,
    UnsupportedAppError,
)

from ..badserver import config, reply
from .case import ROUTES, V3, V4, Act, Case, connecting, predicting
from .server import BOMBS, DENSE, bomb, saying, telling

_DERIVED = ["/echo", "/direct"]


def _bombs() -> List[Case]:
    rows = []
    for name in BOMBS:
        for route in ("login", "config", "page", "info", "upload", "join", "stream", "direct call", "file"):
            act, _ = ROUTES[route]
            ends: Any = ResponseTooLarge
            text = r"Limits\(answer_bytes=16777216\)|more than 200 times"
            if name in ("gzip in gzip", "gzip in gzip in name only", "br") or route in ("stream", "file"):
                ends, text = ProtocolError, "which was not asked for"
            if route == "info":
                ends, text = _DERIVED, ""
            rows.append(
                Case(
                    "bombs",
                    name,
                    route,
                    act(bomb(name), {}),
                    ends,
                    text,
                    megabytes=64.0 if route == "direct call" else 32.0,
                    dear=name in _DEAR,
                )
            )
    return rows


#: A bomb of each kind is counted by the system, too.
_DEAR = ("gzip", "deflate", "deflate without its head", "gzip in gzip")

_LEVELS = 30_000
_DIGITS = b"1" * 100_000
_NOT_JSON = "not JSON|nested too deeply|not UTF-8|0 values for 1 outputs|instead of JSON"
_LIMITS = {"limits": Limits(json_values=1_000_000)}


class _Json(NamedTuple):
    """What stands where a value should, and what it is read as; `...` for what is no JSON."""

    sent: bytes
    read: Any = ...


_VALUES: Dict[str, _Json] = {
    "30,000 levels of lists": _Json(b"[" * _LEVELS + b"]" * _LEVELS),
    "30,000 levels of objects": _Json(b'{"a":' * _LEVELS + b"1" + b"}" * _LEVELS),
    "levels that never close": _Json(b"[" * _LEVELS),
    "a number of 100,000 digits": _Json(_DIGITS),
    "a fraction of 100,000 digits": _Json(b"0." + _DIGITS, 0.1111111111111111),
    "an exponent of 100,000 digits": _Json(b"1e" + _DIGITS, float("inf")),
    "a name of 1 MB": _Json(b'{"' + b"k" * 1_000_000 + b'": 1}', {"k" * 1_000_000: 1}),
    "invalid UTF-8": _Json(b'"\xff\xfe\x80"'),
    "half of a surrogate": _Json(b'"\\ud800"', "\ud800"),
    "half of an escape": _Json(b'"\\u12'),
    "NaN and infinities": _Json(b"[NaN, Infinity, -Infinity]", [float("nan"), float("inf"), -float("inf")]),
    "a name twice": _Json(b'{"a": 1, "a": 2}', {"a": 2}),
    "two values": _Json(b"1 2"),
    "UTF-16": _Json(json.dumps({"data": ["a"]}).encode("utf-16")),
    "a byte order mark": _Json(b"\xef\xbb\xbf"),
    "nothing": _Json(b""),
    "NUL bytes": _Json(b"\x00" * 1000),
    "100,000 spaces": _Json(b" " * 100_000),
    "escape sequences of a terminal": _Json(b"\x1b[2J\x1b]0;title\x07"),
}


def _said(value: bytes, event_id: bytes) -> bytes:
    """The message that completes a job with this value."""
    head = b'{"msg": "process_completed", "event_id": %s, "success": true, "output": {"data": [' % event_id
    return head + value + b"]}}"


def _called(value: bytes) -> Dict[str, Act]:
    """The calls of which the value is the result."""
    new, old = telling(_said(value, b'"e0"')), telling(_said(value, b"null"))
    return {
        "direct call": predicting("/direct", _LIMITS, predict=saying(b'{"data": [' + value + b"]}")),
        "event": predicting("/echo", _LIMITS, data=new),
        "event of 4.0": predicting("/echo", _LIMITS, config=reply(V4), join=old),
        "frame of 3.50": predicting("/echo", _LIMITS, config=reply(V3), join=old),
    }


def _json() -> List[Case]:
    rows = []
    for does, (sent, read) in _VALUES.items():
        broken = read is ...
        for call, act in _called(sent).items():
            ends: Any = ProtocolError if broken else read
            if does == "invalid UTF-8" and "event" in call:
                ends = "\ufffd" * 3  # as the standard of event streams has it
            rows.append(Case("JSON", does, call, act, ends, _NOT_JSON))
        whole = json.dumps(config()).encode()[:-1] + b', "extra": ' + sent + b"}"
        missing = (UnsupportedAppError, "Could not fetch config") if broken else ("connected", "")
        rows.append(Case("JSON", does, "config", connecting({}, config=saying(whole)), *missing))
        rows.append(Case("JSON", does, "info", ROUTES["info"][0](saying(sent), {}), _DERIVED))
        for call, text in {"join": "without giving it an event id", "upload": "with a path for each"}.items():
            act = ROUTES[call][0](saying(sent), {})
            rows.append(Case("JSON", does, call, act, ProtocolError, _NOT_JSON if broken else text))
    return rows


def _dense() -> List[Case]:
    """JSON is counted before it is built."""
    does = "5 million lists in 15 MB"
    acts = {
        **_called(DENSE),
        **{call: ROUTES[call][0](saying(DENSE), {}) for call in ("config", "join", "upload")},
    }
    page = saying(b"<script>window.gradio_config = " + DENSE)
    acts["page"] = ROUTES["page"][0](page, {})
    rows = [
        Case(
            "JSON",
            does,
            call,
            act,
            EventTooLarge if " of " in call or call == "event" else ResponseTooLarge,
            "holds more than [0-9]+ values",
            seconds=20.0,
            megabytes=80.0,
            dear=True,
        )
        for call, act in acts.items()
    ]
    info = ROUTES["info"][0](saying(DENSE), {})
    failing = predicting("/direct", predict=saying(DENSE, "500 Internal Server Error"))
    return [
        *rows,
        Case("JSON", does, "info", info, _DERIVED, seconds=20.0, megabytes=80.0, dear=True),
        Case("JSON", does, "failed call", failing, HTTPStatusError, "answered 500", megabytes=80.0),
    ]


CASES = [*_bombs(), *_json(), *_dense()]
