"""JSON that a server sends: read in one place, so that what it may cost is bounded before it is built.

A text of some megabytes can become some gigabytes of lists, so its values are counted first. Most texts are
too short to hold too many. Of the others the characters that come before a value, `,`, `[`, `{` and `:`, are
counted, and only where those may be too many, they are counted again without those within texts. All of it is
linear, and done by the methods of bytes.

JSON is UTF-8 here (RFC 8259 section 8.1): with UTF-16, which `json.loads` takes too, another text would be
counted than is read.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any, Dict, Optional, Type, Union

from ..errors import ProtocolError, ResponseTooLarge

MAX_VALUES = 10_000_000
"""The default limit of the values of one event, as of one direct call's answer."""

FEW_VALUES = 100_000
"""For what has a few fields only, such as what a server says of an error."""

_BOM = b"\xef\xbb\xbf"
_BLOCK = 1 << 18
_BACKSLASHES = re.compile(rb"\\*")
# All bytes but those that the structure shows in.
_TEXT = bytes(set(range(256)) - set(b'"[{,:'))
# What Python allows since 3.11, and in late releases of those before: more take the square of their number.
_DIGITS = 4300


def read_json(
    data: Union[bytes, str],
    what: str,
    max_values: Optional[int],
    limit: str = "",
    too_large: Type[ProtocolError] = ResponseTooLarge,
) -> Any:
    """Return what a text says.

    Args:
        data: JSON; bytes in UTF-8.
        what: what it is, as a sentence begins, such as "The answer to the join of /predict".
        max_values: how many values there may be, as `count_values` counts them; None for any number.
        limit: which of the caller's limits says so, such as "json_values"; "" for none.
        too_large: what is raised when there are more.

    Raises:
        ResponseTooLarge: or `too_large`: there are too many values.
        ProtocolError: it is not JSON, is nested too deeply, or holds a number of thousands of digits.
    """
    # A value takes two characters at least, with what parts it: short texts cannot hold too many.
    if max_values is not None and len(data) >= 2 * max_values:
        _check(data, what, max_values, limit, too_large)
    try:
        text = data if isinstance(data, str) else _decoded(data)
        return json.loads(text) if len(data) <= _DIGITS else json.loads(text, **_options(data))
    except (ValueError, RecursionError) as exc:
        raise _unreadable(what, exc) from exc


def read_first_json(text: str, what: str, max_values: Optional[int], limit: str = "") -> Any:
    """Return the value that a text begins with, whatever follows; otherwise like `read_json`."""
    if max_values is not None:
        _check(text, what, max_values, limit, ResponseTooLarge)
    try:
        return json.JSONDecoder(**_options(text)).raw_decode(text)[0]
    except (ValueError, RecursionError) as exc:
        raise _unreadable(what, exc) from exc


def _unreadable(what: str, error: Exception) -> ProtocolError:
    return ProtocolError(
        f"{what} is JSON that is nested too deeply."
        if isinstance(error, RecursionError)
        else f"{what} is not JSON."
    )


def _decoded(data: bytes) -> str:
    return data[len(_BOM) if data.startswith(_BOM) else 0 :].decode("utf-8", "surrogatepass")


def _check(data: Union[bytes, str], what: str, most: int, limit: str, too_large: Type[ProtocolError]) -> None:
    encoded = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
    if 1 + sum(map(encoded.count, (b",", b"[", b"{", b":"))) > most and count_values(encoded, most) > most:
        advice = f"; make the client with a larger Limits({limit}=…)" if limit else ""
        raise too_large(f"{what} holds more than {most} values{advice}.")


def count_values(data: bytes, enough: int) -> int:
    """Count the values, and the names in objects; an empty list or object counts twice.

    Of what is no JSON, the part that a parser would build before it noticed is counted in full.

    Args:
        data: JSON.
        enough: counting may stop beyond it.
    """
    count, place, within = 1, 0, 0
    while place < len(data) and count <= enough:
        end = place + _BLOCK
        if data[end - 1 : end] == b"\\":
            # The next block begins behind the escape.
            end = _BACKSLASHES.match(data, end).end() + 1  # type: ignore[union-attr]  # matches anything
        block = data[place:end].replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _TEXT)
        pieces = block.split(b'"')
        # Every second piece is within a text, the first one where the block before ended within one.
        count += sum(map(len, pieces[within::2]))
        within ^= (len(pieces) - 1) & 1
        place = end
    return count


def _options(data: Union[bytes, str]) -> Dict[str, Any]:
    """How to read numbers where Python itself would take any number of digits."""
    if len(data) <= _DIGITS or 0 < getattr(sys, "get_int_max_str_digits", int)() <= _DIGITS:
        return {}
    return {"parse_int": _int}


def _int(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise ValueError("a number of too many digits")
    return int(digits)
