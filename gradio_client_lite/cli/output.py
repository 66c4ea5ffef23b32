"""Output: results on standard output, as they are; on a terminal without control characters."""

from __future__ import annotations

import json
import sys
from typing import Any

from ..app.console import write_line
from ..wire.texts import harmless


def write(value: Any, *, as_json: bool = False) -> None:
    """Write a text as it is, and all else, or everything for `as_json`, as JSON on one line.

    Raises:
        OSError: the disk is full, or nobody reads any more.
    """
    write_text(value if isinstance(value, str) and not as_json else json_of(value))


def write_text(text: str) -> None:
    """Write a text of an app's. Raises as `write`."""
    write_line(harmless(text) if is_terminal(sys.stdout) else text)


def is_terminal(stream: Any) -> bool:
    """Whether somebody sees what is written to a stream, of which there may be none."""
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):  # there is none, or it is closed
        return False


def json_of(value: Any) -> str:
    """A value as JSON on one line; letters are escaped only where standard output cannot show them."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:  # halves of surrogate pairs among them
        return json.dumps(value, default=str)
    return text
