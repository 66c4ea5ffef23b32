"""Texts: excerpts for errors, texts that a request may hold, and texts as servers mean them.

Half of a surrogate pair (such as "\\ud83d", which JSON and `os.fsdecode` may give) is in no UTF-8. A server
that is sent one cannot write it into its event stream and breaks that off, for every job of the session
(gradio/routes.py 4.16 - 6.31, `sse_stream`). So no request holds any. Two halves side by side are the
character that they stand for, as in JSON.
"""

from __future__ import annotations

import json
import reprlib
from typing import Any, Mapping, Optional

from ..errors import CUT, ArgumentError, shorten, shown
from ..light import pattern
from ..secrecy import hide

_LIMIT = 200

_short = reprlib.Repr()
_short.maxlevel = 3
_short.maxlist = _short.maxdict = 4
_short.maxstring = _short.maxother = 80


def show(value: Any) -> str:
    """Show a JSON value in an error, without what lies deep or far behind; costs the same for any size."""
    try:
        return excerpt(_short.repr(value))
    except ValueError:  # an int of thousands of digits
        return type(value).__name__


def excerpt(text: str, limit: int = _LIMIT) -> str:
    """The beginning of a text, with a mark where it was cut."""
    return text if len(text) <= limit else text[:limit] + "…"


def one_line(text: str) -> str:
    """A text of anybody's for one line: without control characters, those of a terminal's escape sequences
    among them, and without those that turn its direction round.

    Example:
        >>> one_line("two\\nlines, \\x1b[31mred")
        'two lines, [31mred'
    """
    return " ".join("".join([c for c in text if c.isprintable() or c.isspace()]).split())


def quoted(text: str, limit: int = _LIMIT) -> str:
    """The beginning of what a server says, for the text of an error: one line that moves no terminal."""
    part = excerpt(text, limit)
    return part if part.isprintable() else one_line(part)


def printable(name: str) -> str:
    """A name that a server has chosen, or its `repr` where a terminal would not just show it."""
    return name if name.isprintable() else repr(name)


#: Bytes of a body that are searched for words; all that errors quote of one.
_LONGEST_BODY = 16384
#: Characters that errors quote of a page, and of any other body.
_FEW_WORDS, _EXCERPT = 160, 300
#: What begins a part of a page that nobody sees, and what ends it.
_UNSEEN = {"!--": "-->", "script": "/script>", "style": "/style>"}


def in_words(body: bytes) -> str:
    """Quote the beginning of an answer's body in one line; of a page a few words, without its markup."""
    text = body[:_LONGEST_BODY].decode("utf-8", "replace")
    if len(body) > _LONGEST_BODY:  # marked, as half of a secret may stand before it
        text = text.rstrip("\ufffd") + CUT
    if _is_page(body):
        return shorten(one_line(_without_markup(text)), _FEW_WORDS)
    return shorten(one_line(text), _EXCERPT)


def _is_page(body: bytes) -> bool:
    return body[:100].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")


def page_in_words(body: bytes) -> str:
    """A sentence on a body that is a page, after a space; "" for any other."""
    words = in_words(body) if _is_page(body) else ""
    return f' It is a page that says "{words}".' if words else ""


def _without_markup(page: str) -> str:
    """What a reader of a page sees, in time linear in its length, whatever it holds."""
    from html import unescape

    seen = []
    end = ">"  # of the tag, or of what nobody sees
    for piece in page.split("<"):
        if end == ">":
            start = piece[:6].lower()
            end = next((end for begin, end in _UNSEEN.items() if start.startswith(begin)), ">")
        at = piece.lower().find(end)
        if at >= 0:
            seen.append(piece[at + len(end) :])
            end = ">"
    # Cut before, as Python reads no number of thousands of digits, such as a page's "&#999…" may have.
    return unescape(shorten(one_line(" ".join(seen))))


#: Before the JSON that stands in a config for a text which pages translate (gradio/i18n.py 5.50 - 6.31,
#: `I18nData`); in an `/info` its fields stand there, `_type` and `key`.
_TRANSLATED = "__i18n__"
_first_json = json.JSONDecoder().raw_decode
#: Control characters but for tab and line feed, separators of lines, and marks that turn the direction.
_CONTROL = pattern("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_SURROGATE = pattern("[\ud800-\udfff]")


def harmless(text: str) -> str:
    """A text for a terminal: what would move its cursor, or the order of its letters, is spelled out.

    Line breaks and tabs stay.

    Example:
        >>> harmless("\\x1b[2J wiped")
        '\\\\x1b[2J wiped'
    """
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def utf8(text: str) -> Optional[bytes]:
    """Encode a text, pairs of surrogates joined; None where half of one has no other half."""
    try:
        return str.encode(text)  # not by the method of a subclass of the caller's
    except UnicodeEncodeError:
        pass
    try:
        return str.encode(text, "utf-16", "surrogatepass").decode("utf-16").encode()
    except UnicodeDecodeError:
        return None


def lone_half(what: str) -> ArgumentError:
    """The error for a text that cannot be sent; `what` names the parameter or option, never its value."""
    return ArgumentError(
        f"{what} holds half of a surrogate pair, which is no character; nothing was sent. Replace it, for "
        "example with text.encode('utf-8', 'replace').decode()."
    )


def sendable(value: Any, what: str) -> Any:
    """Join pairs of surrogates in every text of a value; dicts, lists and tuples are searched.

    Args:
        value: a parameter or option; what holds no text is left as it is.
        what: its name, as the error says it.

    Raises:
        ArgumentError: half of a pair has no other half.
    """
    if isinstance(value, str):
        if value.isascii() or not _SURROGATE.search(value):
            return value
        joined = utf8(value)
        if joined is None:
            raise lone_half(what)
        return hide(joined.decode())
    if isinstance(value, Mapping):
        return {
            sendable(key, f"A name in {what}"): sendable(part, f"{what}[{shown(key)}]")
            for key, part in value.items()
        }
    if type(value) in (list, tuple):
        return type(value)([sendable(part, what) for part in value])
    return value


def text_of(value: Any) -> Optional[str]:
    """Read what stands where a text should be; None for null.

    A `gr.I18n`, as the whole or within a text, is its key; what is no text is its JSON.

    Example:
        >>> text_of({"__type__": "translation_metadata", "key": "name"}), text_of(["a", 1])
        ('name', '["a", 1]')
    """
    if isinstance(value, str):
        return _with_keys(value) if _TRANSLATED in value else value
    if value is None:
        return None
    key = _key(value)
    return json_text(value) if key is None else key


def json_text(value: Any) -> str:
    """Write a server's value as JSON; the name of its type where it is too deep for that."""
    try:
        return json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        return type(value).__name__


def _with_keys(text: str) -> str:
    first, *rest = text.split(_TRANSLATED)
    return first + "".join(map(_with_key, rest))


def _with_key(text: str) -> str:
    """The text after a mark, with the key in place of its JSON."""
    try:
        value, end = _first_json(text) if text.startswith("{") else (None, 0)
    except (ValueError, RecursionError):
        value, end = None, 0
    key = _key(value)
    return _TRANSLATED + text if key is None else key + text[end:]


def _key(value: Any) -> Optional[str]:
    fields: Mapping[str, Any] = value if isinstance(value, dict) else {}
    key = fields.get("key")
    translated = "translation_metadata" in (fields.get("__type__"), fields.get("_type"))
    return key if translated and isinstance(key, str) else None
