"""File names that are safe on Linux, macOS and Windows, and data: URLs.

A name that is uploaded loses what the official client 2.7 takes away (gradio_client/utils.py), so that both
send the same. A name of a download was chosen by a server, so it loses everything that could lead out of the
folder it is saved in, or that some system cannot store.

data: URLs (RFC 2397) are content inside a text, as Gradio 3 sends images and, long ago, all files.
"""

from __future__ import annotations

from os.path import splitext
from typing import Tuple

from ..light import pattern

#: Below the 255 bytes of Linux and macOS and the 255 UTF-16 units of Windows.
MAX_BYTES = 200

#: Characters that are read at each end of a longer name; no system can store as much.
_LONG = 4096

_FALLBACK = "file"
_CONTROLS = "\x00-\x1f\x7f"
_NOT_UP = pattern(rf'[<>:"/\\|?*{_CONTROLS}`$!{{}}]')
_NOT_DOWN = pattern(rf'[<>:"|?*{_CONTROLS}]')
_DRIVES = pattern(r"(?:[A-Za-z]:)*")
_LONE_SURROGATE = pattern("[\ud800-\udfff]")

# Names of devices on Windows, with any extension ("Naming Files, Paths, and Namespaces" of its manual).
_DEVICES = frozenset(
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"]
    + [f"{port}{number}" for port in ("COM", "LPT") for number in "123456789\u00b9\u00b2\u00b3"]
)


def strip_invalid_filename_characters(filename: str, max_bytes: int = MAX_BYTES) -> str:
    """A file name without path separators, control characters and what shells or Windows trip over.

    Letters of any script, spaces, parentheses, `%`, `#`, `&` and `'` stay. The rules, odd corners included,
    are those of gradio_client 2.7, whose servers apply them too.

    Args:
        filename: the last part of a path.
        max_bytes: what the result may take in UTF-8; the extension is kept for as long as it fits.

    Example:
        >>> strip_invalid_filename_characters("Größe (1)/a?.png")
        'Größe (1)a.png'
    """
    stem, suffix = splitext(_shortened(filename, max_bytes))
    stem = _NOT_UP.sub("", stem)
    if suffix:
        suffix = "." + _NOT_UP.sub("", suffix[1:])
        stem = stem or _FALLBACK
    if stem + suffix == "..":
        return ".."
    return _bounded(_portable(stem + suffix), max_bytes)


def upload_name(filename: str) -> str:
    """The name to send a file under: never empty, never `..`, always UTF-8."""
    name = strip_invalid_filename_characters(_LONE_SURROGATE.sub("_", filename))
    return _FALLBACK if name == ".." else name


def form_name(name: str) -> str:
    """The name in an upload's form of a file whose `upload_name` is this.

    The same, unless older servers would leave nothing of it: up to 5.x they keep letters, digits and `._-, `
    of the stem (gradio_client/utils.py 1.12), and a file without a name cannot be fetched from them.
    """
    stem, suffix = splitext(name)
    kept = "".join(char for char in stem if char.isalnum() or char in "._-, ") + suffix
    return _FALLBACK + name if kept in ("", ".", "..") else name


def download_name(path: str) -> str:
    """The name to save a file under: one harmless path component.

    Args:
        path: a path of the server's system, whichever that is, or the decoded path of a URL.
    """
    name = path[max(path.rfind("/"), path.rfind("\\")) + 1 :]
    name = _DRIVES.sub("", _shortened(name, MAX_BYTES), count=1)
    name = _NOT_DOWN.sub("", _LONE_SURROGATE.sub("_", name))
    # Once more, because a cut may end in a space or leave the name of a device.
    return _portable(_bounded(_portable(name), MAX_BYTES))


def _shortened(name: str, limit: int) -> str:
    """Keep the two ends of a name that is far longer than `limit`, so that all else is quick."""
    kept = max(_LONG, limit)
    return name if len(name) <= 2 * kept else name[:kept] + name[-kept:]


def _portable(name: str) -> str:
    """Take off the trailing dots and spaces that Windows drops, and let no name be that of a device."""
    name = name.rstrip(" .") or _FALLBACK
    if name.partition(".")[0].rstrip(" ").upper() in _DEVICES:
        return "_" + name
    return name


def _bounded(name: str, limit: int) -> str:
    stem, suffix = splitext(name)
    room = limit - _size(suffix)
    if room < 0:
        stem = _cut(_FALLBACK, limit)
        return stem + _cut(suffix, limit - _size(stem))
    return _cut(stem, room) + suffix


def _cut(text: str, limit: int) -> str:
    """The longest beginning of `text` that takes at most `limit` bytes in UTF-8."""
    return text.encode("utf-8", "surrogatepass")[:limit].decode("utf-8", "ignore")


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


PREFIX = "data:"


def make_data_url(content: bytes, mime_type: str) -> str:
    """Write content in base64."""
    import binascii

    return f"data:{mime_type};base64,{binascii.b2a_base64(content, newline=False).decode('ascii')}"


def parse_data_url(url: str) -> Tuple[bytes, str]:
    """Read the content and its MIME type; "text/plain" where none is named.

    Raises:
        ValueError: it is malformed; the text says how, and does not quote it.
    """
    import binascii
    from urllib.parse import unquote_to_bytes

    head, comma, data = url[len(PREFIX) :].partition(",")
    if not comma:
        raise ValueError("there is no comma in it")
    mime_type, *parameters = [part.strip() for part in head.split(";")]
    if not any(parameter.lower() == "base64" for parameter in parameters):
        return unquote_to_bytes(data), mime_type or "text/plain"
    try:
        # Base64 as servers write it has no percent signs, and unquoting a large text takes long.
        content = binascii.a2b_base64(unquote_to_bytes(data) if "%" in data else data)
    except ValueError as exc:
        raise ValueError("its base64 is malformed") from exc
    return content, mime_type or "text/plain"


def extension_of(url: str) -> str:
    """The extension that suits its MIME type, with the dot; "" when none is known."""
    import mimetypes

    mime_type = url[len(PREFIX) :].partition(",")[0].partition(";")[0].strip()
    return mimetypes.guess_extension(mime_type) or ""
