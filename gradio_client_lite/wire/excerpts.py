"""Short texts of what a server sent, for error messages; made from its beginning, however much there is."""

from __future__ import annotations

import reprlib
from typing import Any

_LIMIT = 200

_short = reprlib.Repr()
_short.maxlevel = 3
_short.maxlist = _short.maxdict = 4
_short.maxstring = _short.maxother = 80


def show(value: Any) -> str:
    """How a JSON value looks, what lies deep or far behind left out.

    Example:
        >>> show(["a", 3])
        "['a', 3]"
    """
    try:
        return excerpt(_short.repr(value))
    except ValueError:  # an int of thousands of digits
        return type(value).__name__


def excerpt(text: str, limit: int = _LIMIT) -> str:
    """The beginning of a text, with a mark where it was cut.

    Example:
        >>> excerpt("abcdef", 3)
        'abc…'
    """
    return text if len(text) <= limit else text[:limit] + "…"
