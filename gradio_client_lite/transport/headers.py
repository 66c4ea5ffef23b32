"""What messages consist of behind their first line: header fields, cookies among them, and a request's body.

Cookies follow RFC 6265, but for two things, both stricter. One goes only to the host that set it, whatever
Domain says: a client has one host, and to know which domains are shared by strangers takes a list of
thousands. And it goes to the port that it came from and no other, as another port of a host may be somebody
else's server; the standard ports of http and https count as one.
"""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Mapping, MutableMapping
from typing import (
    Any,
    Callable,
    Deque,
    Dict,
    Iterable,
    Iterator,
    List,
    Optional,
    Protocol,
    Sequence,
    Tuple,
    Union,
    cast,
)

from ..errors import ArgumentError, shown
from ..light import NamedTuple, pattern
from ..secrecy import PLAIN_FIELDS, Hidden, HiddenBytes, hide
from ..wire.refusal import epoch
from ..wire.texts import sendable
from .url import Target

_TOKEN = pattern(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_BREAK = pattern("[\x00\r\n]")
_ODD = pattern("[\x00\r\n\ud800-\udfff]")
# Fields of answers that hold what is secret: cookies, and the URL that a login leads on to.
_SECRET = frozenset({"set-cookie", "location"})
# These describe the message on the wire, which only the transport knows.
_OWN = frozenset({"content-length", "transfer-encoding"})
# Bodies up to this size go out together with the head.
_ONE_SEND = 65536


class Headers(Mapping[str, str]):
    """The header fields of an answer; names match in any case.

    A field sent several times reads as one text joined with ", "; `get_all` keeps the values apart.

    Attributes:
        count: how many fields there are, those of one name counted apart.
    """

    __slots__ = ("_fields", "count")

    def __init__(self, fields: Sequence[Tuple[str, str]] = ()) -> None:
        self._fields: Dict[str, List[str]] = {}
        self.count = len(fields)
        for name, value in fields:
            name, value = name.lower(), value.strip(" \t")
            self._fields.setdefault(name, []).append(hide(value) if name in _SECRET else value)

    def __getitem__(self, name: str) -> str:
        value: Optional[str] = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._fields

    def get(self, name: str, default: Any = None) -> Any:
        """The value of `name`, or the default; that of `Mapping` would raise and catch an error for it."""
        values = self._fields.get(name.lower())
        if values is None:
            return default
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
        if name in PLAIN_FIELDS and name not in _OWN and value.__class__ is str and not _ODD.search(value):
            fields[name] = value  # as of most, in short
            continue
        if not isinstance(name, str) or not _TOKEN.match(name):
            raise ArgumentError(f"{shown(name)} is not a header name.")
        if not isinstance(value, str):
            raise ArgumentError(f"The value of header {name!r} must be a str, not {type(value).__name__}.")
        if not (value.isascii() and value.isprintable()) and _ODD.search(value):
            value = _checked(name, value)
        name = name.lower()
        if name not in _OWN:
            fields[name] = value if name in PLAIN_FIELDS else hide(value)
    return fields


def _checked(name: str, value: str) -> str:
    """Return an odd value as it is sent; refuse what would begin another line."""
    value = sendable(value, f"The value of header {name!r}")
    if _BREAK.search(value):
        raise ArgumentError(
            f"The value of header {name!r} holds a line break or NUL; strip it (nothing was sent)."
        )
    return value


def encode_head(method: str, path: str, netloc: str, fields: Mapping[str, str]) -> bytes:
    """Return a head, the empty line included: values in latin-1, as HTTP/1.1 has it, or else in UTF-8."""
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
    """Return the method in upper case."""
    if not _TOKEN.match(method):
        raise ArgumentError(f"{shown(method)} is not an HTTP method.")
    return method.upper()


def basic_auth(user: str, password: str) -> str:
    """Return the value of an Authorization header (RFC 7617, UTF-8)."""
    from binascii import b2a_base64

    return Hidden("Basic " + b2a_base64(f"{user}:{password}".encode(), newline=False).decode("ascii"))


# The most cookies, and the longest line that sets one, in characters.
_MAX_COOKIES = 300
_MAX_LINE = 8192
#: Of all names and values that servers have set, in bytes; uvicorn takes requests with heads of 64 KiB.
_MAX_TOTAL = 32768
# Values that were replaced lately, which an answer on its way may still quote.
_FORMER = 32
_NAME = pattern(r"[^\x00-\x20\x7f;=,]+\Z")
_VALUE = pattern(r"[^\x00-\x1f\x7f;]*\Z")

_Key = Tuple[str, str, str, int]
#: 0 stands for both of these.
_STANDARD_PORTS, _STANDARD = (80, 443), 0


class _Cookie(NamedTuple):
    name: str
    value: str
    host: str
    port: int
    path: str = "/"
    secure: bool = False
    expires: Optional[float] = None
    given: bool = False  # by the caller, not by a server

    def __repr__(self) -> str:
        return f"<cookie {self.name!r} of {self.host}{self.path}>"  # never its value

    @property
    def key(self) -> _Key:
        return self.host, self.path, self.name, self.port

    def matches(self, target: Target) -> bool:
        if (self.secure and target.scheme != "https") or target.host != self.host:
            return False
        path = target.path.partition("?")[0]
        return self.port == _port(target.port) and (
            path == self.path or path.startswith(self.path.rstrip("/") + "/")
        )


class CookieJar(MutableMapping[str, str]):
    """The cookies of one transport.

    As a mapping it holds names and values: setting one gives it to the host and port of the base URL, reading
    prefers that host's. Only matching cookies are sent. Safe to use from several threads.

    Args:
        host, port: of the base URL.
        cookies: to begin with, for that host.
        clock: seconds since the epoch, as cookies expire by the calendar.

    Attributes:
        empty: whether there are none at all, so that requests need not look for any.

    Example:
        >>> jar = CookieJar("localhost", {"a": "1"})
        >>> jar["b"] = "2"
        >>> dict(jar)
        {'a': '1', 'b': '2'}
    """

    def __init__(
        self,
        host: str,
        cookies: Optional[Mapping[str, str]] = None,
        *,
        port: int = 80,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._host = host
        self._port = _port(port)
        self._clock = clock
        self._cookies: Dict[_Key, _Cookie] = {}
        self.empty = True
        self._former: Deque[str] = deque(maxlen=_FORMER)
        # Reentrant, as a signal handler may cancel a job, with a request, on a thread that holds it.
        self._lock = threading.RLock()
        for name, value in (cookies or {}).items():
            self[name] = value

    def forget_lock(self) -> None:
        """In a child after fork: the lock may be held by a thread that does not exist there."""
        self._lock = threading.RLock()

    def __getitem__(self, name: str) -> str:
        found = [cookie for cookie in self._live() if cookie.name == name]
        if not found:
            raise KeyError(name)
        own = [cookie for cookie in found if cookie.host == self._host]
        return (own or found)[-1].value

    def __setitem__(self, name: str, value: str) -> None:
        texts = isinstance(name, str) and isinstance(value, str)
        if not (texts and _NAME.match(name) and _VALUE.match(value)):
            raise ArgumentError(f"The cookie {shown(name)} has a name or value that cannot be sent.")
        name, value = sendable(name, "A cookie's name"), sendable(value, f"The cookie {name!r}")
        with self._lock:
            self._put(_Cookie(name, hide(value), self._host, self._port, given=True))

    def __delitem__(self, name: str) -> None:
        with self._lock:
            keys = [key for key in self._cookies if key[2] == name]
            for key in keys:
                self._former.append(self._cookies.pop(key).value)
        if not keys:
            raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(cookie.name for cookie in self._live()))

    def __len__(self) -> int:
        return len({cookie.name for cookie in self._live()})

    def __repr__(self) -> str:
        return f"<CookieJar {', '.join(self)}>"

    def secrets(self) -> List[str]:
        """Return the values that texts must not show: the present ones, and those replaced lately."""
        # Without the lock, as an error may pass while a thread holds it. Each copy is made in one step.
        return [*(cookie.value for cookie in self._cookies.copy().values()), *self._former.copy()]

    def _live(self) -> List[_Cookie]:
        now = self._clock()
        with self._lock:
            cookies = list(self._cookies.values())
        return [cookie for cookie in cookies if cookie.expires is None or cookie.expires > now]

    def _put(self, cookie: _Cookie) -> None:
        """Store under the lock; the newest goes last, the oldest that a server has set make room."""
        former = self._cookies.pop(cookie.key, None)
        if former is not None and former.value != cookie.value:
            self._former.append(former.value)
        self._cookies[cookie.key] = cookie
        self.empty = False
        of_servers = [other for other in self._cookies.values() if not other.given]
        total = sum(len(other.name) + len(other.value) for other in of_servers)
        for other in of_servers:
            if len(self._cookies) <= _MAX_COOKIES and total <= _MAX_TOTAL:
                break
            total -= len(other.name) + len(other.value)
            del self._cookies[other.key]

    def header(self, target: Target, own: str = "") -> str:
        """Return the Cookie header for a request, or ""; the cookies of the caller's `own` header win."""
        taken = {part.partition("=")[0].strip() for part in map(Hidden, own.split(";"))}
        found = [cookie for cookie in self._live() if cookie.matches(target) and cookie.name not in taken]
        found.sort(key=lambda cookie: -len(cookie.path))
        return Hidden("; ".join([*filter(None, [own]), *[f"{each.name}={each.value}" for each in found]]))

    def store(self, target: Target, lines: Iterable[str]) -> None:
        """Take over the Set-Cookie lines of an answer; what is malformed or another host's is ignored."""
        for line in map(hide, lines):
            cookie = _parse(line, target, self._clock) if len(line) <= _MAX_LINE else None
            if cookie is None:
                continue
            with self._lock:
                known = self._cookies.get(cookie.key)
                if known is not None and known.secure and target.scheme != "https":
                    continue
                if cookie.expires is not None and cookie.expires <= self._clock():
                    if known is not None:
                        self._former.append(self._cookies.pop(cookie.key).value)
                else:
                    self._put(cookie)


def _parse(line: str, target: Target, clock: Callable[[], float]) -> Optional[_Cookie]:
    """Read one Set-Cookie line (RFC 6265 section 5.2); None when it must be ignored."""
    name, equals, value = (Hidden(part.strip()) for part in line.partition(";")[0].partition("="))
    if not equals or not _NAME.match(name) or not _VALUE.match(value):
        return None
    attributes: Dict[str, str] = {}
    for part in line.partition(";")[2].split(";"):
        key, _, text = part.partition("=")
        attributes[key.strip().lower()] = text.strip()
    secure = "secure" in attributes
    if secure and target.scheme != "https":
        return None
    domain = attributes.get("domain", "").lstrip(".").lower()
    if domain and domain != target.host and not target.host.endswith("." + domain):
        return None  # for another host
    return _Cookie(
        str(name),
        value,
        target.host,
        _port(target.port),
        path=_cookie_path(attributes.get("path", ""), target),
        secure=secure,
        expires=_expiry(attributes, clock),
    )


def _port(port: int) -> int:
    return _STANDARD if port in _STANDARD_PORTS else port


def _cookie_path(path: str, target: Target) -> str:
    if path.startswith("/"):
        return path
    return target.path.partition("?")[0].rpartition("/")[0] or "/"


def _expiry(attributes: Mapping[str, str], clock: Callable[[], float]) -> Optional[float]:
    age = attributes.get("max-age", "")
    if re.fullmatch(r"-?[0-9]{1,12}", age):
        return clock() + int(age)
    if "expires" in attributes:
        return epoch(attributes["expires"].replace("-", " "))
    return None


class SizedBody(Protocol):
    """A request body made of chunks.

    Each iteration starts at the beginning, so it can be sent again. An attribute `size` wins over len().
    """

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[bytes]: ...


Body = Union[bytes, bytearray, memoryview, SizedBody]


class BodyFailed(Exception):
    """Carries an exception out of the caller's body, so that it is not taken for the network's."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


def body_size(body: Body) -> int:
    """Return the length of a body in bytes: its attribute `size` or else its len()."""
    if isinstance(body, bytes):
        return len(body)
    if isinstance(body, memoryview):
        return body.nbytes
    size = getattr(body, "size", None)
    return size if isinstance(size, int) else len(body)


def request_pieces(head: bytes, body: Optional[Body]) -> Iterable[memoryview]:
    """A request in the pieces it is sent in: the head leaves with the first chunk, if that is small.

    Raises:
        BodyFailed: the caller's body raised, or is not as long as it says; as the pieces are asked for.
    """
    if body is None:
        return (memoryview(head),)
    if isinstance(body, bytes) and len(body) <= _ONE_SEND:
        return (memoryview(head + body),)
    return _pieces(head, body)


def _pieces(head: bytes, body: Body) -> Iterator[memoryview]:
    left = body_size(body)
    for chunk in _chunks(body):
        left -= len(chunk)
        if left < 0:
            break
        if head and len(chunk) <= _ONE_SEND:
            yield memoryview(head + chunk)
        else:
            if head:
                yield memoryview(head)
            yield memoryview(chunk)
        head = b""
    if left:
        raise BodyFailed(ArgumentError("The request body did not yield as many bytes as its size says."))
    if head:
        yield memoryview(head)


def _chunks(body: Body) -> Iterator[Union[bytes, memoryview]]:
    """Yield a body's chunks, none empty; what the body raises is marked as the caller's."""
    if isinstance(body, (bytes, bytearray, memoryview)):
        body = cast(SizedBody, (memoryview(body).cast("B"),))
    try:
        yield from (chunk for chunk in body if chunk)
    except Exception as exc:
        raise BodyFailed(exc) from exc
