"""Files as arguments: `handle_file`, its deprecated name `file`, and FileData.

`handle_file` gives a FileArgument: a dict that equals the official client's for a path or a URL, has the same
shape for content that has no path, and carries where the content is, which never goes into JSON. Only such a
dict is ever opened; see `wire/provenance.py`.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import IO, Any, Dict, Optional, Tuple, TypedDict, Union, cast

from .errors import InvalidFile
from .sources import BytesSource, Link, PathSource, Source, missing, shown, source_of_stream
from .wire.filedata import new_meta
from .wire.fileurls import is_url
from .wire.names import upload_name
from .wire.provenance import FileArgument
from .wire.texts import sendable


class FileData(TypedDict, total=False):
    """What stands for a file in the values of a call; which fields there are depends on the server's age."""

    name: Optional[str]
    data: Optional[str]
    size: Optional[int]
    is_file: bool
    orig_name: Optional[str]
    mime_type: Optional[str]
    is_stream: bool
    path: str
    url: Optional[str]
    meta: Dict[str, str]


def handle_file(
    filepath_or_url: Union[str, os.PathLike[str], bytes, IO[bytes]],
    *,
    name: Optional[str] = None,
    mime_type: Optional[str] = None,
) -> Dict[str, Any]:
    """Mark an argument as a file, so that its content is sent and not the text.

    The dict it returns, its copies and what a pickle of it gives are the one kind of value whose file is
    opened here. A dict that was written by hand, came as JSON or was built from the items of this one
    (`{**file}`) goes to the server as it is, and means a file that the server has.

    Args:
        filepath_or_url: a path; an http(s) URL, which the server fetches; a data: URL; the content as bytes;
            or a binary file object, which is read from its present position when the call is made, and must
            stay open until then. One that cannot seek is read at once.
        name: what the server is to call it; None takes the name it has, or makes one up.
        mime_type: such as "image/png"; None leaves it to the name.

    Raises:
        InvalidFile: there is no such file, or it is a text file object. It is a ValueError.
        ArgumentError: the URL, `name` or `mime_type` holds half of a surrogate pair; a path may.

    Example:
        >>> handle_file(b"hello", name="hello.txt")["orig_name"]
        'hello.txt'
    """
    given = filepath_or_url
    name, mime_type = sendable(name, "name"), sendable(mime_type, "mime_type")
    if isinstance(given, (bytes, bytearray, memoryview)):
        return _content(BytesSource(bytes(given)), name, mime_type)
    if hasattr(given, "read"):
        return _content(source_of_stream(given), name or _stream_name(given), mime_type)
    path = str(given)
    source: Union[Source, Link]
    if is_url(path):
        path = sendable(path, "The URL of a file")
        source = Link(path)
        fields: Dict[str, Any] = {"orig_name": path.rsplit("/", maxsplit=1)[-1], "url": path}
    elif os.path.exists(path):
        source = PathSource(path)
        fields = {"orig_name": Path(path).name}
    elif path[:5].lower() == "data:":
        content, declared = _from_data_url(path)
        return _content(BytesSource(content), name, mime_type or declared)
    else:
        raise missing(path)
    file = FileArgument.of({"path": path, "meta": new_meta(), **fields}, source)
    if name is not None:
        file["orig_name"] = name
    if mime_type is not None:
        file["mime_type"] = mime_type
    return file


def file(filepath_or_url: Union[str, os.PathLike[str], bytes, IO[bytes]]) -> Dict[str, Any]:
    """Deprecated: the old name of `handle_file`."""
    warnings.warn(
        "file() is deprecated and will be removed in a future version. Use handle_file() instead.",
        stacklevel=2,
    )
    return handle_file(filepath_or_url)


def source_of(file: FileArgument) -> Union[Source, Link]:
    """Where the content of a file that was given is."""
    return cast(Union[Source, Link], file.source)


def inline_file(name: str, mime_type: Optional[str], source: Source) -> FileData:
    """A FileData that has its content in it, as base64: what Gradio 3 takes in place of an upload.

    Args:
        name: what the server is to call it.
        mime_type: None takes what the name suggests.
        source: the content.

    Raises:
        InvalidFile: it cannot be read.

    Example:
        >>> inline_file("hi.txt", None, BytesSource(b"hi"))["data"]
        'data:text/plain;base64,aGk='
    """
    from .wire.dataurl import make_data_url

    mime_type = mime_type or guess_type(name)
    content = b"".join(source.read())
    return {
        "name": name,
        "data": make_data_url(content, mime_type),
        "size": len(content),
        "is_file": False,
        "orig_name": name,
        "mime_type": mime_type,
        "is_stream": False,
    }


def guess_type(name: str) -> str:
    """The MIME type a file name suggests."""
    import mimetypes

    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _content(source: Source, name: Optional[str], mime_type: Optional[str]) -> FileArgument:
    name = upload_name(name if name else "file" + _extension(mime_type))
    fields = {"path": name, "meta": new_meta(), "orig_name": name}
    if mime_type is not None:
        fields["mime_type"] = mime_type
    return FileArgument.of(fields, source)


def _extension(mime_type: Optional[str]) -> str:
    import mimetypes

    return (mimetypes.guess_extension(mime_type) if mime_type else None) or ""


def _stream_name(stream: Any) -> Optional[str]:
    name = getattr(stream, "name", None)
    if not isinstance(name, str) or (name.startswith("<") and name.endswith(">")):
        return None
    return os.path.basename(name) or None


def _from_data_url(url: str) -> Tuple[bytes, str]:
    from .wire.dataurl import parse_data_url

    try:
        return parse_data_url(url)
    except ValueError as exc:
        raise InvalidFile(f"{shown(url)} is not a data: URL: {exc}.") from exc
