"""Request bodies: Python values in, JSON bytes out."""

from __future__ import annotations

import json
from typing import Any, Dict

from ..errors import ArgumentError


def encode_body(body: Dict[str, Any], endpoint: str) -> bytes:
    """`body` as JSON.

    Args:
        body: what the route expects; the arguments of the call are under "data".
        endpoint: what the error text calls the endpoint.

    Raises:
        ArgumentError: an argument cannot be written as JSON; nothing was sent.
    """
    try:
        return json.dumps(body, separators=(",", ":")).encode("ascii")
    except (TypeError, ValueError, RecursionError) as exc:
        raise ArgumentError(
            f"An argument of {endpoint} cannot be sent as JSON: {exc}. Pass plain values (str, int, float, "
            "bool, None, list, dict), and files with handle_file(path)."
        ) from exc


def with_event_id(body: bytes, event_id: str) -> bytes:
    """A body of `join_body`, encoded, with the id of the event that it belongs to.

    Example:
        >>> with_event_id(b'{"data":[]}', "e1")
        b'{"data":[],"event_id": "e1"}'
    """
    return body[:-1] + b"," + json.dumps({"event_id": event_id}).encode("ascii")[1:]


def join_body(data: Any, fn_index: int, session_hash: str, extra: Dict[str, Any]) -> Dict[str, Any]:
    """The body of `queue/join` and `run/predict` (`PredictBody` of gradio/data_classes.py)."""
    return {"data": list(data), "fn_index": fn_index, "session_hash": session_hash, **extra}
