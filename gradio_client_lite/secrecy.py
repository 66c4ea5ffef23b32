"""Secrets: the kinds of value that carry them, and the texts they are kept out of.

Two things could show a secret to somebody who was never to have it. Whatever reports a traceback with its
local variables shows the `repr` of each: so a token, a password, a header's value or a session hash travels
through this package as a `Hidden`, which is a `str` in every other way. And an error may quote what a server
said, which may be what the server was sent: so every error passes a client's `Secrets` before it leaves.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Set,
    Tuple,
    TypeVar,
    Union,
    cast,
)

from .errors import CUT, GradioClientError, shorten

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Type

_T = TypeVar("_T")

#: What stands in a text in place of a secret.
MARK = "[hidden]"
#: Shorter secrets are left in texts: they would blank parts of ordinary words, and guard nothing.
SHORTEST = 4
#: Names of request headers, in lower case, whose values are no secrets.
PLAIN_FIELDS = frozenset(
    {
        "accept",
        "accept-charset",
        "accept-encoding",
        "accept-language",
        "cache-control",
        "connection",
        "content-length",
        "content-type",
        "host",
        "if-range",
        "range",
        "upgrade",
        "user-agent",
        "x-gradio-user",
    }
)
#: Values that say nothing, whatever they are the value of.
_PLAIN_VALUES = frozenset({"true", "false", "none", "null", "yes"})
#: What URLs of our own leave as it is.
_URL_SAFE = "/:@!$&'()*+,;=~%?[]"
_SCHEME = re.compile(r"(bearer|basic|token|apikey|api-key)\s+(?=\S)", re.IGNORECASE)
#: What stands for what was cut out: our own mark, and that of `reprlib`.
_CUT = re.compile(rf"({CUT}|\.\.\.)")
#: Characters of a text that is looked through for halves of secrets. What was cut is shorter.
_LONGEST_CUT = 20_000
#: How deep lists and dicts are looked into; what is deeper is dropped from an error's fields.
_DEEPEST = 50


class Hidden(str):
    """A text that is a secret: a `str`, but for its `repr`.

    What `str` methods and formatting make of it is a plain `str` again, except for its slices.

    Example:
        >>> Hidden("abc"), Hidden("abc") == "abc", f"{Hidden('abc')}"
        ('[hidden]', True, 'abc')
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(MARK)

    def __getitem__(self, key: Any) -> str:
        return Hidden(super().__getitem__(key))  # reporters show the beginning of what is long


class HiddenBytes(bytes):
    """Bytes that hold a secret; see `Hidden`."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"b{MARK!r}"

    def __getitem__(self, key: Any) -> Any:
        part: Any = super().__getitem__(key)
        return HiddenBytes(part) if isinstance(part, bytes) else part


def hide(value: _T) -> _T:
    """The same value with every text in it, dicts, lists and tuples searched, of a kind that hides itself."""
    return cast(_T, _hide(value))


def _hide(value: Any) -> Any:
    if isinstance(value, (Hidden, HiddenBytes)):
        return value
    if isinstance(value, str):
        return Hidden(str.__str__(value))
    if isinstance(value, bytes):
        return HiddenBytes(value)
    if isinstance(value, dict) or isinstance(value, Mapping):  # noqa: SIM101 - a dict is told quickly
        return {key: _hide(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_hide(part) for part in value]
    if type(value) is tuple:
        return tuple(_hide(part) for part in value)
    return value


def hide_fields(fields: Any) -> Any:
    """A copy of header fields with the values that may be secret hidden; anything but a mapping as it is."""
    if fields is None or not (isinstance(fields, dict) or isinstance(fields, Mapping)):  # noqa: SIM101
        return fields
    return {
        name: hide(value) if isinstance(value, str) and is_secret_field(name) else value
        for name, value in fields.items()
    }


def is_secret_field(name: Any) -> bool:
    """Whether the value of a request's header may be a secret: those of any name may, but for a few."""
    return not (isinstance(name, str) and name.lower() in PLAIN_FIELDS)


class Secrets:
    """What one client, or one connection to the Hub, keeps out of texts.

    As a context manager it blanks the errors that pass out of the block.

    Args:
        secrets: those known now; None and what is shorter than SHORTEST characters is left out.

    Example:
        >>> Secrets("s3cret").blank("token s3cret is wrong")
        'token [hidden] is wrong'
    """

    __slots__ = ("__weakref__", "_forms", "_known", "_sources", "_values")

    def __init__(self, *secrets: Any) -> None:
        self._known: List[str] = []
        self._sources: List[Callable[[], Iterable[Any]]] = []
        # The secrets for which the forms were made. Replaced as a pair; threads may make them twice.
        self._values: Optional[Tuple[str, ...]] = None
        self._forms: Tuple[str, ...] = ()
        self.add(*secrets)

    def add(self, *secrets: Any) -> None:
        """Keep these out of texts from now on."""
        self._known.extend(hide(secret) for secret in secrets if _counts(secret))

    def ask(self, source: Callable[[], Iterable[Any]]) -> None:
        """Ask for secrets whenever a text is looked at: those that change."""
        self._sources.append(source)

    def blank(self, text: str, also: Iterable[Any] = ()) -> str:
        """`text` with MARK in place of every secret, however it is encoded.

        Args:
            text: may be long; the time it takes grows with its length and no faster.
            also: more secrets, for this text alone.
        """
        return _blanked(text, self._all_forms(also))

    def shown(self, error: BaseException, also: Iterable[Any] = ()) -> str:
        """The text of an error, fit for a log: bounded, and without secrets."""
        return shorten(self.blank(str(error), also))

    def blank_error(self, error: BaseException, also: Iterable[Any] = ()) -> None:
        """Blank the texts of an error, of its fields, and of the errors it is chained to, in place."""
        forms = self._all_forms(also)
        # Whether an error of this package is the reason for it: then it is none of the user's own.
        left: List[Tuple[BaseException, bool]] = [(error, False)]
        seen: Set[int] = set()
        while left:
            one, ours = left.pop()
            if id(one) in seen:
                continue
            seen.add(id(one))
            ours = ours or isinstance(one, GradioClientError)
            with suppress(Exception):  # an exception of somebody's that cannot be changed stays as it is
                _blank_one(one, forms, bound=ours and not isinstance(one, GradioClientError))
            chained = (one.__cause__, one.__context__, *getattr(one, "exceptions", ()))
            left.extend((other, ours) for other in chained if isinstance(other, BaseException))

    def __enter__(self) -> Secrets:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        exc: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        if exc is not None:
            self.blank_error(exc)

    def __repr__(self) -> str:
        return "<Secrets>"

    def _all_forms(self, also: Iterable[Any]) -> Tuple[str, ...]:
        values = (*self._known, *(value for source in self._sources for value in source()), *also)
        known, forms = self._values, self._forms
        if known != values:
            forms = _forms_of(values)
            self._values, self._forms = None, forms
            self._values = values
        return forms


def field_secrets(fields: Mapping[str, str]) -> Iterator[str]:
    """The secrets in header fields: the values, and what a value is made of that holds credentials."""
    for name, value in fields.items():
        if isinstance(value, str) and is_secret_field(name):
            yield from value_secrets(value, cookies=name.lower() == "cookie")


def value_secrets(value: str, *, cookies: bool = False) -> Iterator[str]:
    """A header's value and its parts: the token behind "Bearer", the password in "Basic", each cookie."""
    yield Hidden(value)
    if cookies:
        for pair in value.split(";"):
            yield Hidden(pair.partition("=")[2].strip(' "'))
    scheme = _SCHEME.match(value)
    if scheme is not None:
        rest = Hidden(value[scheme.end() :].strip())
        yield rest
        if scheme.group(1).lower() == "basic":
            yield Hidden(_decoded(rest).partition(":")[2])


def _decoded(text: str) -> str:
    from binascii import a2b_base64

    try:
        return a2b_base64(text).decode("utf-8", "replace")
    except ValueError:
        return ""


def _counts(secret: Any) -> bool:
    return isinstance(secret, str) and len(secret) >= SHORTEST and secret.lower() not in _PLAIN_VALUES


def _forms_of(secrets: Sequence[Any]) -> Tuple[str, ...]:
    """Every way in which a text may hold these, longest first."""
    found: Set[str] = set()
    for secret in secrets:
        if _counts(secret):
            found.update(_forms(str(secret)))
    return tuple(sorted((Hidden(form) for form in found if len(form) >= SHORTEST), key=len, reverse=True))


def _forms(secret: str) -> Iterator[str]:
    """The secret as it is, and as URLs, JSON, HTML, `repr` and a Basic header write it."""
    yield secret
    yield secret.lower()  # as host names are written
    yield secret.strip()
    yield " ".join(secret.split())  # texts are put on one line
    yield from _base64(secret)
    if secret.isalnum() and secret.isascii():
        return
    import json
    from urllib.parse import quote

    for safe in ("", "/", _URL_SAFE):
        quoted = quote(secret, safe, errors="replace")
        yield quoted
        yield re.sub("%[0-9A-F]{2}", lambda found: found.group().lower(), quoted)
        yield quoted.replace("%20", "+")
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield repr(secret)[1:-1]
    markup = secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    yield markup
    yield markup.replace('"', "&quot;").replace("'", "&#x27;")
    for sent, read in (("latin-1", "utf-8"), ("utf-8", "latin-1")):
        yield secret.encode(sent, "replace").decode(read, "replace")


def _base64(secret: str) -> Iterator[str]:
    """As base64, without padding: by itself, and behind one byte, two bytes or none of something else."""
    from binascii import b2a_base64

    data = secret.encode("utf-8", "replace")
    yield b2a_base64(data, newline=False).decode("ascii").rstrip("=")
    for before in range(3):
        text = b2a_base64(bytes(before) + data, newline=False).decode("ascii")
        # But for the digits that hold bits of what stands around it.
        whole = text[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        yield whole
        yield whole.replace("+", "-").replace("/", "_")


def _blanked(text: str, forms: Sequence[str]) -> str:
    found = [form for form in forms if form in text]
    if found:
        text = re.sub("|".join(map(re.escape, found)), MARK, text)
    if len(text) <= _LONGEST_CUT and (CUT in text or "..." in text):
        return _blank_cuts(text, forms)
    return text


def _blank_cuts(text: str, forms: Sequence[str]) -> str:
    """Blank what cuts have left of a secret: its beginning before a cut, its end after one, its middle.

    A server may put marks of its own into a text, and beginnings of secrets, so all of them are looked at.
    """
    pieces = _CUT.split(text)  # with the marks at the odd places
    last = len(pieces) - 1
    for place in range(0, last + 1, 2):
        piece = pieces[place]
        if len(piece) < SHORTEST:
            continue
        if 0 < place < last and any(piece in form for form in forms):
            pieces[place] = MARK
            continue
        if place < last:
            piece = _without_start(piece, forms)
        if place > 0:
            piece = _without_end(piece, forms)
        pieces[place] = piece
    return "".join(pieces)


def _without_start(piece: str, forms: Sequence[str]) -> str:
    """A piece of text without the beginning of a secret at its end; of several the longest counts."""
    kept = len(piece)
    for form in forms:
        place = max(0, len(piece) - len(form)) - 1
        while True:
            place = piece.find(form[:SHORTEST], place + 1)
            if not 0 <= place < kept:
                break
            if form.startswith(piece[place:]):
                kept = place
                break
    return piece if kept == len(piece) else piece[:kept] + MARK


def _without_end(piece: str, forms: Sequence[str]) -> str:
    """A piece of text without the end of a secret at its beginning; of several the longest counts."""
    dropped = 0
    for form in forms:
        end = len(form) + 1
        while True:
            end = piece.rfind(form[-SHORTEST:], 0, end - 1) + SHORTEST
            if end < SHORTEST or end <= dropped:
                break
            if form.endswith(piece[:end]):
                dropped = end
                break
    return MARK + piece[dropped:] if dropped else piece


def _blank_one(error: BaseException, forms: Sequence[str], *, bound: bool) -> None:
    """Blank the texts of one error; with `bound`, also shorten them, and the document it is about."""
    args = tuple(_blank_value(arg, forms, bound) for arg in error.args)
    if args != error.args:
        error.args = args
    fields: Dict[str, Any] = vars(error)
    for name, value in list(fields.items()):
        if isinstance(value, (str, bytes, list, dict)):  # not the tuple of ids, by which jobs are known
            fields[name] = _blank_value(value, forms, bound)
    # These are kept beside `args`, and shown in place of them.
    for kind, names in (
        (OSError, ("strerror", "filename", "filename2")),
        (UnicodeError, ("object", "reason")),
    ):
        if isinstance(error, kind):
            for name in names:
                value = getattr(error, name, None)
                if isinstance(value, (str, bytes)):
                    _change(error, name, value, forms)


def _change(error: BaseException, name: str, value: Union[str, bytes], forms: Sequence[str]) -> None:
    blanked = _blank_value(value, forms, False)
    if blanked != value:
        setattr(error, name, blanked)


def _blank_value(value: Any, forms: Sequence[str], bound: bool, depth: int = 0) -> Any:
    if isinstance(value, str):
        text = _blanked(value, forms)
        return shorten(text) if bound else text
    if isinstance(value, bytes):
        text = _blanked(value.decode("latin-1"), forms)
        return (shorten(text) if bound else text).encode("latin-1", "replace")
    if not isinstance(value, (list, tuple, dict)) or (isinstance(value, tuple) and type(value) is not tuple):
        return value
    if depth >= _DEEPEST:
        return MARK
    if isinstance(value, dict):
        return {
            _blank_value(key, forms, bound, depth + 1): _blank_value(part, forms, bound, depth + 1)
            for key, part in value.items()
        }
    parts = [_blank_value(part, forms, bound, depth + 1) for part in value]
    return tuple(parts) if isinstance(value, tuple) else parts
