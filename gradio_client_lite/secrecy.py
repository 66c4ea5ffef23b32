"""Secrets: the kinds of value that carry them, and keeping them out of texts.

Two things could show a secret to somebody who was never to have it, and each has its defence.

**A traceback with local variables**, as error reporters and debuggers make it, shows the `repr` of every
variable. So a token, a password, a header's value or a session hash travels through this package as a
`Hidden`, a `str` in every other way. It must be one before it is first bound to a name, and after each method
that makes a plain `str` of it again.

**The text of an error or of a log line** may quote what a server said, which may be what the server was sent.
So every error passes a client's `Secrets` before it leaves, and there

1. every form of every known secret is replaced by MARK: servers quote in URLs, JSON, HTML, `repr` and base64,
also
   base64 of a secret with something before it, whose digits depend on where the secret begins (`_forms`);
2. what a cut has left of one is replaced as well. Texts are shortened before and after they come here, so a
   piece before a cut may end with the beginning of a secret, a piece after it may begin with the end of one,
   and one between two cuts may lie inside (`_blank_cuts`);
3. this is done for the arguments and fields of the error and of all that it is chained to, since
   `traceback.format_exception` shows those as well.

A secret of fewer than SHORTEST characters stays where it is: it would blank parts of ordinary words.
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
    cast,
)

from .errors import CUT, GradioClientError, shorten
from .light import pattern

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Type

_T = TypeVar("_T")

#: What stands in a text in place of a secret.
MARK = "[hidden]"
#: Characters; shorter secrets are left in texts.
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
#: Characters that URLs of this package leave as they are.
_URL_SAFE = "/:@!$&'()*+,;=~%?[]"
_SCHEME = pattern(r"(bearer|basic|token|apikey|api-key)\s+(?=\S)", re.IGNORECASE)
#: What stands for what was cut out: the mark of this package, and that of `reprlib`.
_CUT = pattern(rf"({CUT}|\.\.\.)")
#: Characters of a text that is searched for halves of secrets; a text that was cut is shorter.
_LONGEST_CUT = 20_000
#: How deep lists and dicts are searched; what is deeper is dropped from an error's fields.
_DEEPEST = 50
#: Texts that C code keeps beside `args`, and shows in place of them.
_SLOTS = ((OSError, ("strerror", "filename", "filename2")), (UnicodeError, ("object", "reason")))


# --- values that hide themselves


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
    """Return the value with every text in it as a `Hidden`; dicts, lists and tuples are searched."""
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


# --- header fields


def hide_fields(fields: Any) -> Any:
    """Copy header fields, with values that may be secret hidden; return anything but a mapping as it is."""
    if fields is None or not (isinstance(fields, dict) or isinstance(fields, Mapping)):  # noqa: SIM101
        return fields
    return {
        name: hide(value) if isinstance(value, str) and is_secret_field(name) else value
        for name, value in fields.items()
    }


def is_secret_field(name: Any) -> bool:
    """Whether the value of a request's header may be a secret: any may, but for those of PLAIN_FIELDS."""
    return not (isinstance(name, str) and name.lower() in PLAIN_FIELDS)


def field_secrets(fields: Mapping[str, str]) -> Iterator[str]:
    """The secrets in header fields; see `value_secrets`."""
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


# --- texts without secrets


class Secrets:
    """The secrets that one client, or one connection to the Hub, keeps out of texts.

    As a context manager it blanks the errors that leave the block. Threads share it without a lock: lists
    only grow, and two threads may make the forms of the same secrets twice.

    Args:
        secrets: those known now; None, and what is shorter than SHORTEST characters, is left out.

    Example:
        >>> Secrets("s3cret").blank("token s3cret is wrong")
        'token [hidden] is wrong'
    """

    __slots__ = ("__weakref__", "_forms", "_known", "_sources")

    def __init__(self, *secrets: Any) -> None:
        self._known: List[str] = []
        self._sources: List[Callable[[], Iterable[Any]]] = []
        # The secrets of the last text, and their forms; replaced as a pair.
        self._forms: Tuple[Tuple[Any, ...], Tuple[str, ...]] = ((), ())
        self.add(*secrets)

    def add(self, *secrets: Any) -> None:
        """Keep these out of texts from now on."""
        self._known.extend(hide(secret) for secret in secrets if _counts(secret))

    def ask(self, source: Callable[[], Iterable[Any]]) -> None:
        """Call `source` for the secrets that change, whenever a text is looked at."""
        self._sources.append(source)

    def blank(self, text: str, also: Iterable[Any] = ()) -> str:
        """Put MARK in place of every secret in `text`, in time linear in its length.

        Args:
            also: more secrets, for this text alone.
        """
        return _blanked(text, self._all_forms(also))

    def blank_value(self, value: Any) -> Any:
        """The same for every text in a JSON value; what is nested very deep is left out."""
        return _blank_value(value, self._all_forms(()), False)

    def shown(self, error: BaseException, also: Iterable[Any] = ()) -> str:
        """The text of an error, fit for a log: bounded, and without secrets."""
        return shorten(self.blank(str(error), also))

    def blank_error(self, error: BaseException, also: Iterable[Any] = ()) -> None:
        """Blank the texts of an error, of its fields, and of the errors it is chained to, in place."""
        forms = self._all_forms(also)
        # With each error, whether it is behind one of this package's: then it is none of the user's own, and
        # its texts, which may hold all that a server sent, are shortened as well.
        left: List[Tuple[BaseException, bool]] = [(error, False)]
        seen: Set[int] = set()
        while left:
            one, ours = left.pop()
            if id(one) in seen:
                continue
            seen.add(id(one))
            is_typed = isinstance(one, GradioClientError)  # these bound their texts themselves
            with suppress(Exception):  # an exception of somebody's that cannot be changed stays as it is
                _blank_one(one, forms, bound=ours and not is_typed)
            chained = (one.__cause__, one.__context__, *getattr(one, "exceptions", ()))
            left.extend((other, ours or is_typed) for other in chained if isinstance(other, BaseException))

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
        secrets = (*self._known, *(value for source in self._sources for value in source()), *also)
        known, forms = self._forms
        if known != secrets:
            forms = _forms_of(secrets)
            self._forms = (secrets, forms)
        return forms


def _counts(secret: Any) -> bool:
    return isinstance(secret, str) and len(secret) >= SHORTEST and secret.lower() not in _PLAIN_VALUES


def _forms_of(secrets: Sequence[Any]) -> Tuple[str, ...]:
    """Every form in which a text may hold these, longest first, so that no part of a longer one is left."""
    found = {form for secret in secrets if _counts(secret) for form in _forms(str(secret))}
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
    """As base64, without padding: by itself, and behind other bytes, whose number counts modulo 3."""
    from binascii import b2a_base64

    data = secret.encode("utf-8", "replace")
    yield b2a_base64(data, newline=False).decode("ascii").rstrip("=")
    for before in range(3):
        text = b2a_base64(bytes(before) + data, newline=False).decode("ascii")
        # Without the digits that hold bits of what stands around it.
        whole = text[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        yield whole
        yield whole.replace("+", "-").replace("/", "_")


def _blanked(text: str, forms: Sequence[str]) -> str:
    # By no regular expression: `re` would keep the pattern, and so the secret, for the whole process.
    pieces = [text]
    for form in forms:
        if form in text:
            pieces = [part for piece in pieces for part in piece.split(form)]
    text = MARK.join(pieces)
    if len(text) <= _LONGEST_CUT and (CUT in text or "..." in text):
        return _blank_cuts(text, forms)
    return text


def _blank_cuts(text: str, forms: Sequence[str]) -> str:
    """Blank what cuts have left of a secret: its beginning before a cut, its end after one, its middle.

    A server may put marks of its own into a text, and beginnings of secrets, so all of them are looked at.
    """
    backwards = [form[::-1] for form in forms]
    pieces = _CUT.split(text)  # with the marks at the odd indices
    last = len(pieces) - 1
    for index in range(0, last + 1, 2):
        piece = pieces[index]
        if len(piece) < SHORTEST:
            continue
        if 0 < index < last and any(piece in form for form in forms):
            pieces[index] = MARK
            continue
        if index < last:
            begins = _begun_at(piece, forms)
            piece = piece[:begins] + MARK if begins < len(piece) else piece
        if index > 0:
            ends = len(piece) - _begun_at(piece[::-1], backwards)
            piece = MARK + piece[ends:] if ends else piece
        pieces[index] = piece
    return "".join(pieces)


def _begun_at(piece: str, forms: Sequence[str]) -> int:
    """Where the longest beginning of a form starts that the piece ends with; the piece's length for none."""
    found = len(piece)
    for form in forms:
        at = piece.find(form[:SHORTEST], max(0, len(piece) - len(form)))
        while 0 <= at < found:
            if form.startswith(piece[at:]):
                found = at
            else:
                at = piece.find(form[:SHORTEST], at + 1)
    return found


def _blank_one(error: BaseException, forms: Sequence[str], *, bound: bool) -> None:
    """Blank the texts of one error; with `bound`, also shorten them."""
    args = tuple(_blank_value(arg, forms, bound) for arg in error.args)
    if args != error.args:
        error.args = args
    fields: Dict[str, Any] = vars(error)
    for name, value in list(fields.items()):
        if isinstance(value, (str, bytes, list, dict)):  # not the tuple of ids, by which jobs are known
            fields[name] = _blank_value(value, forms, bound)
    for kind, names in _SLOTS:
        for name in names if isinstance(error, kind) else ():
            value = getattr(error, name, None)
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
    if type(value) is not tuple and not isinstance(value, (list, dict)):
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
