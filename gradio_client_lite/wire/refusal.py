"""An HTTP answer that is no success, as the exception it stands for."""

from __future__ import annotations

from typing import Any, Optional

from ..errors import (
    CUT,
    AuthenticationError,
    GradioClientError,
    HTTPStatusError,
    ProtocolError,
    QueueError,
    TooManyRequestsError,
    ValidationError,
    shorten,
)
from .lifecycle import app_error
from .serverjson import FEW_VALUES, read_json
from .urlparts import bare_url

__all__ = ["bare_url", "refusal", "validation_message"]

_EXCERPT = 300


def refusal(status: int, body: bytes, url: str, doing: str) -> GradioClientError:
    """The exception for an answer with `status`, which is not 2xx.

    Args:
        status: the HTTP status code.
        body: the body of the answer; only a bounded part of it reaches a text.
        url: what was requested.
        doing: what the request was for, such as "calling /predict".
    """
    where = f"{bare_url(url)} answered {status} while {doing}"
    if status == 401:
        return AuthenticationError(f"{where}: it wants credentials. Pass auth=(user, password) or a token.")
    if status == 429:
        return TooManyRequestsError("Too many requests to the API, please try again later.")
    if status == 503:
        return QueueError("Queue is full! Please try again.")
    content = _json(body)
    if status == 422:
        return ValidationError(validation_message(content) or f"{where}: {_text(content, body)}")
    # Direct calls report the function's exception as {"error": text} with status 500.
    if status == 500 and isinstance(content, dict) and "error" in content:
        return app_error(content)
    return HTTPStatusError(f"{where}: {_text(content, body)}", status=status, url=bare_url(url))


def validation_message(content: Any) -> Optional[str]:
    """The text for a 422 answer of a function's validator; None when it is another kind of 422.

    Source: gradio/queueing.py 6.31, `process_validation_response`.
    """
    detail = content.get("detail") if isinstance(content, dict) else None
    if not isinstance(detail, list):
        return None
    lines = [
        f"- {entry.get('parameter_name', f'parameter_{index}')}: {entry.get('message', '')}"
        for index, entry in enumerate(detail)
        if isinstance(entry, dict) and entry.get("__type__") == "validate" and entry.get("is_valid") is False
    ]
    return "\n".join([f"{len(lines)} parameter(s) failed validation:", *lines]) if lines else None


def _json(body: bytes) -> Any:
    try:
        return read_json(body, "The answer", FEW_VALUES)
    except ProtocolError:
        return None


def _text(content: Any, body: bytes) -> str:
    detail = content.get("detail") if isinstance(content, dict) else None
    text = str(detail) if detail is not None else _beginning(body)
    text = " ".join(text.split())
    return shorten(text, _EXCERPT) or "(no text)"


def _beginning(body: bytes) -> str:
    """The text that a body begins with, marked where it was cut: there may be half of a secret."""
    text = body[: 4 * _EXCERPT].decode("utf-8", "replace")
    return text if len(body) <= 4 * _EXCERPT else text.rstrip("\ufffd") + CUT
