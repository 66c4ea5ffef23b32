"""Output: results on standard output, as they are; on a terminal without control characters."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from typing import Any, Optional

from ..app.console import write_line
from ..wire.texts import harmless


def write(value: Any, *, as_json: bool = False) -> None:
    """Write one value: a text as it is, and all else, or everything for `as_json`, as JSON on one line.

    Raises:
        OSError: the disk is full, or nobody reads any more.
    """
    write_text(value if isinstance(value, str) and not as_json else json_of(value))


def write_text(text: str) -> None:
    """Write a text of an app's. Raises as `write`."""
    write_line(harmless(text) if is_terminal(sys.stdout) else text)


def complain(text: str, stream: Any = None) -> None:
    """Write a line to a stream, else to standard error; if there is one, and somebody reads it."""
    with suppress(AttributeError, OSError, ValueError):
        stream = stream or sys.stderr
        stream.write(text + "\n")
        stream.flush()


def is_terminal(stream: Any) -> bool:
    """Whether a stream is one; there may be none, or it may be closed."""
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False


def json_of(value: Any, encoding: Optional[str] = None) -> str:
    """A value as JSON on one line; what the encoding, else that of stdout, lacks is escaped."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    try:
        text.encode(encoding or getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:  # halves of surrogate pairs among them
        return json.dumps(value, default=str)
    return text
