"""Header fields, of answers and of requests."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

from ..errors import ArgumentError, shown
from ..secrecy import PLAIN_FIELDS, Hidden, HiddenBytes, hide
from ..wire.texts import sendable

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z").match
_BREAK = re.compile("[\x00\r\n]").search
_ODD = re.compile("[\x00\r\n\ud800-\udfff]").search
# Fields of answers that hold what is secret: cookies, and the URL that a login leads on to.
_SECRET = frozenset({"set-cookie", "location"})
# These describe the message on the wire, which only the transport knows.
_OWN = frozenset({"content-length", "transfer-encoding"})


class Headers(Mapping[str, str]):
    """The header fields of an answer; names match in any case.

    A field sent several times reads as one text joined with ", "; `get_all` keeps the values apart, as
    Set-Cookie needs.

    Example:
        >>> Headers([("Content-Type", "text/plain")])["content-type"]
        'text/plain'
    """

    __slots__ = ("_fields",)

    def __init__(self, fields: Iterable[Tuple[str, str]] = ()) -> None:
        self._fields: Dict[str, List[str]] = {}
        for name, value in fields:
            name = name.lower()
            self._fields.setdefault(name, []).append(hide(value) if name in _SECRET else value)

    def __getitem__(self, name: str) -> str:
        values = self._fields[name.lower()]
        return values[0] if len(values) == 1 else ", ".join(values)

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __repr__(self) -> str:
        # Names only: values may be cookies or tokens.
        return f"<Headers {', '.join(self._fields)}>"

    def get_all(self, name: str) -> List[str]:
        """Return every value of `name` in the order received; an empty list when there is none."""
        return list(self._fields.get(name.lower(), ()))


def request_fields(headers: Optional[Mapping[str, Any]]) -> Dict[str, str]:
    """Check a caller's headers and return them under lower-case names.

    Raises:
        ArgumentError: a name is no token, or a value is no text or holds a line break, NUL or half of a
            surrogate pair. The text names the header, never its value.
    """
    fields: Dict[str, str] = {}
    for name, value in (headers or {}).items():
        if not isinstance(name, str) or not _TOKEN(name):
            raise ArgumentError(f"{shown(name)} is not a header name.")
        if not isinstance(value, str):
            raise ArgumentError(f"The value of header {name!r} must be a str, not {type(value).__name__}.")
        if _ODD(value):
            value = _checked(name, value)
        name = name.lower()
        if name not in _OWN:
            fields[name] = value if name in PLAIN_FIELDS else hide(value)
    return fields


def _checked(name: str, value: str) -> str:
    """A value with characters in it that cannot, or not all of them, be sent."""
    value = sendable(value, f"The value of header {name!r}")
    if _BREAK(value):
        raise ArgumentError(
            f"The value of header {name!r} holds a line break or NUL; strip it (nothing was sent)."
        )
    return value


def encode_head(method: str, path: str, netloc: str, fields: Mapping[str, str]) -> bytes:
    """Return request line and header fields as bytes, the empty line included.

    Values are latin-1 where they fit, as HTTP/1.1 has it, and UTF-8 where not.
    """
    try:
        return HiddenBytes("\r\n".join(_lines(method, path, netloc, fields)).encode("latin-1"))
    except UnicodeEncodeError:
        return HiddenBytes(b"\r\n".join(map(_encode, map(Hidden, _lines(method, path, netloc, fields)))))


def _lines(method: str, path: str, netloc: str, fields: Mapping[str, str]) -> List[str]:
    # In one expression, so that no local variable holds a line with a secret in it.
    return [
        f"{method} {path} HTTP/1.1",
        *(() if "host" in fields else (f"host: {netloc}",)),
        *[f"{name}: {value}" for name, value in fields.items()],
        "\r\n",
    ]


def _encode(line: str) -> bytes:
    try:
        return line.encode("latin-1")
    except UnicodeEncodeError:
        return line.encode()


def check_method(method: str) -> str:
    """Return the method in upper case.

    Raises:
        ArgumentError: it is no HTTP token.
    """
    if not _TOKEN(method):
        raise ArgumentError(f"{shown(method)} is not an HTTP method.")
    return method.upper()


def basic_auth(user: str, password: str) -> str:
    """Return the value of an Authorization header (RFC 7617, UTF-8)."""
    from binascii import b2a_base64

    return Hidden("Basic " + b2a_base64(f"{user}:{password}".encode(), newline=False).decode("ascii"))
