"""The helper functions of the official client 2.7. Calls use none; Gradio 3 carried files as base64."""

from __future__ import annotations

import binascii
import copy
import os
from enum import Enum
from typing import IO, Any, Callable, Optional, Tuple, Union

from ..wire import diff as edit_lists
from ..wire.filedata import is_marked
from ..wire.names import make_data_url, strip_invalid_filename_characters
from ..wire.urls import is_url


def traverse(json_obj: Any, func: Callable[[Any], Any], is_root: Callable[[Any], bool]) -> Any:
    """A copy of a JSON value in which `func` has replaced what `is_root` picks, from the outside in.

    What was picked is not searched any further. Tuples become lists.

    Example:
        >>> traverse({"a": [1, (2,)]}, lambda number: -number, lambda value: isinstance(value, int))
        {'a': [-1, [-2]]}
    """
    if is_root(json_obj):
        return func(json_obj)
    if isinstance(json_obj, dict):
        return {key: traverse(value, func, is_root) for key, value in json_obj.items()}
    if isinstance(json_obj, (list, tuple)):
        return [traverse(item, func, is_root) for item in json_obj]
    return json_obj


def apply_diff(obj: Any, diff: Any) -> Any:
    """Apply a list of `[action, path, value]` to a JSON value; the result shares nothing with either.

    Raises:
        ProtocolError: an edit is malformed or does not fit the value. It is a ValueError.

    Example:
        >>> apply_diff({"text": "a"}, [["append", ["text"], "b"]])
        {'text': 'ab'}
    """
    edits = [list(edit) if isinstance(edit, tuple) else edit for edit in diff]
    return copy.deepcopy(edit_lists.apply_diff(obj, edits))


def is_file_obj(d: Any) -> bool:
    """Whether a value may be a file of Gradio up to 4.20: a dict with a `path`.

    Example:
        >>> is_file_obj({"path": "a.png"}), is_file_obj_with_meta({"path": "a.png"})
        (True, False)
    """
    return isinstance(d, dict) and isinstance(d.get("path"), str)


def is_file_obj_with_meta(d: Any) -> bool:
    """Whether a value is a file of Gradio 4.21 and later: a dict with a `path` and the mark of a FileData."""
    return isinstance(d, dict) and is_marked(d)


def is_http_url_like(possible_url: Any) -> bool:
    """Whether a value is text that begins as an http(s) URL does.

    Example:
        >>> is_http_url_like("https://example.com/a.png"), is_http_url_like("a.png")
        (True, False)
    """
    return isinstance(possible_url, str) and is_url(possible_url)


class ServerMessage(str, Enum):
    """What `msg` says in a message of the queue (gradio/server_messages.py).

    Example:
        >>> "process_completed" == ServerMessage.process_completed
        True
    """

    send_hash = "send_hash"
    queue_full = "queue_full"
    estimation = "estimation"
    send_data = "send_data"
    process_starts = "process_starts"
    process_generating = "process_generating"
    process_completed = "process_completed"
    log = "log"
    progress = "progress"
    heartbeat = "heartbeat"
    server_stopped = "Server stopped unexpectedly."
    unexpected_error = "unexpected_error"
    close_stream = "close_stream"
    process_streaming = "process_streaming"


#: Bytes of a fetched file, which is held in memory, and again as base64, which takes a third more.
_MAX_FILE = 256 << 20
_LONGEST = 3600.0  # seconds for fetching it
_Path = Union[str, "os.PathLike[str]"]


def get_mimetype(filename: str) -> Optional[str]:
    """The MIME type a file name or a URL suggests; None when it suggests none.

    Example:
        >>> get_mimetype("a.png")
        'image/png'
    """
    import mimetypes

    lowered = filename.lower()
    if lowered.endswith(".vtt"):
        return "text/vtt"
    if lowered.endswith(".webp"):
        return "image/webp"
    guessed = mimetypes.guess_type(filename)[0]
    # Browsers play these under their newer names only.
    return guessed and guessed.replace("x-wav", "wav").replace("x-flac", "flac")


def get_extension(encoding: str) -> Optional[str]:
    """The file extension, without a dot, for the MIME type of a data: URL; None when there is none.

    Example:
        >>> get_extension("data:image/png;base64,AAAA")
        'png'
    """
    import mimetypes

    guessed = mimetypes.guess_type(encoding.replace("audio/wav", "audio/x-wav"))[0]
    if guessed == "audio/flac":  # which not every Python knows
        return "flac"
    extension = mimetypes.guess_extension(guessed) if guessed else None
    return extension and extension.lstrip(".")


def encode_file_to_base64(f: _Path) -> str:
    """A local file as a data: URL, of the MIME type of its name, or none. OSError: it cannot be read."""
    with open(f, "rb") as file:
        return make_data_url(file.read(), get_mimetype(str(f)) or "")


def encode_url_to_base64(url: str) -> str:
    """The file at an http(s) URL as a data: URL; nothing but the request itself is sent.

    Raises:
        HTTPStatusError, AuthenticationError, RetryLater: the server does not give it.
        ConnectionFailed, DeadlineExceeded: it cannot be reached.
    """
    from ..transport.http import Timeout, Transport
    from ..wire.refusal import status_error

    transport = Transport(base_url=url)
    try:
        response = transport.request("GET", url, timeout=Timeout(total=_LONGEST), max_bytes=_MAX_FILE)
    finally:
        transport.close()
    if not 200 <= response.status < 300:
        raise status_error(response.status, response.body, url, "fetching a file", response.headers)
    return make_data_url(response.body, get_mimetype(url) or "")


def encode_url_or_file_to_base64(path: _Path) -> str:
    """A local file, or the one at an http(s) URL, as a data: URL. Raises as the other two."""
    text = str(path)
    return encode_url_to_base64(text) if is_http_url_like(text) else encode_file_to_base64(text)


def decode_base64_to_binary(encoding: str) -> Tuple[bytes, Optional[str]]:
    """The content of a data: URL, or of base64 alone, and the file extension for its MIME type, or None.

    Raises:
        ValueError: it is no base64.

    Example:
        >>> decode_base64_to_binary("data:text/plain;base64,aGk=")
        (b'hi', 'txt')
    """
    return binascii.a2b_base64(encoding.rsplit(",", 1)[-1]), get_extension(encoding)


def decode_base64_to_file(
    encoding: str,
    file_path: Optional[str] = None,
    dir: Optional[_Path] = None,  # noqa: A002 - the official name
    prefix: Optional[str] = None,
) -> IO[bytes]:
    """Write the content of a data: URL to a new file, in a new folder of its own.

    Args:
        encoding: a data: URL in base64, or base64 alone.
        file_path: gives the new file the beginning of its name, and its extensions; None: the extension is
            that of the MIME type.
        dir: where to make the folder; None is the system's temporary folder.
        prefix: how the new file's name begins; wins over that of `file_path`, extension included.

    Returns:
        The file, open for writing, its content flushed; `name` is its path. It is not deleted when closed.

    Raises:
        ValueError: it is no base64.
        OSError: it cannot be written.
    """
    import tempfile

    content, extension = decode_base64_to_binary(encoding)
    if file_path is not None and prefix is None:
        prefix, dot, rest = os.path.basename(file_path).partition(".")
        extension = rest if dot else extension
    if prefix is not None:
        prefix = strip_invalid_filename_characters(prefix)
    folder = os.path.join(dir or tempfile.gettempdir(), os.urandom(20).hex())
    os.makedirs(folder)
    suffix = None if extension is None else f".{extension}"
    file: Any = tempfile.NamedTemporaryFile(delete=False, prefix=prefix, suffix=suffix, dir=folder)  # noqa: SIM115
    file.write(content)
    file.flush()
    return file  # type: ignore[no-any-return]
