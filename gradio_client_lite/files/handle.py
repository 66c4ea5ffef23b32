"""Where the content of a file to send comes from: a path, memory, or a file object.

Files as arguments: `handle_file`, its deprecated name `file`, and FileData.

`handle_file` gives a FileArgument: a dict that equals the official client's for a path or a URL, has the same
shape for content that has no path, and carries where the content is, which never goes into JSON. Only such a
dict is ever opened; see `wire/provenance.py`.
"""

from __future__ import annotations

import os
import stat
import threading
import warnings
import weakref
from pathlib import Path
from typing import IO, Any, Dict, Iterator, NamedTuple, Optional, Protocol, Tuple, TypedDict, Union, cast

from ..errors import ArgumentError, InvalidFile
from ..wire.filedata import new_meta
from ..wire.names import upload_name
from ..wire.provenance import FileArgument
from ..wire.texts import sendable
from ..wire.urls import is_url

#: Gradio's servers take larger chunks no faster, but need more memory and time for each.
_CHUNK = 1 << 16
_SPOOL = 1 << 20
_SHOWN = 300


class Source(Protocol):
    """Where the content of a file comes from."""

    def size(self) -> int:
        """Its size in bytes.

        Raises:
            InvalidFile: it cannot be read.
        """
        ...

    def read(self) -> Iterator[bytes]:
        """Its content in chunks, from the beginning; raises as `size` does."""
        ...


class Link(NamedTuple):
    """An http(s) URL in place of content: the server fetches it, or this client where no server can."""

    url: str


class PathSource:
    """A file on this machine, opened anew for each reading.

    Attributes:
        path: where it is.
    """

    def __init__(self, path: str) -> None:
        self.path = path

    def size(self) -> int:
        try:
            if not stat.S_ISREG(os.stat(self.path).st_mode):
                raise InvalidFile(f"{shown(self.path)} is not a regular file, so it cannot be sent.")
            with self._open() as file:
                return os.fstat(file.fileno()).st_size
        except InvalidFile:
            raise
        except (FileNotFoundError, ValueError) as exc:  # ValueError: a null character
            raise missing(self.path) from exc
        except OSError as exc:
            raise self._unreadable(exc) from exc

    def read(self) -> Iterator[bytes]:
        try:
            with self._open() as file:
                while chunk := file.read(_CHUNK):
                    yield chunk
        except (OSError, ValueError) as exc:
            raise self._unreadable(exc) from exc

    def _open(self) -> IO[bytes]:
        return open(self.path, "rb", buffering=0)

    def _unreadable(self, exc: Exception) -> InvalidFile:
        reason = getattr(exc, "strerror", None) or type(exc).__name__
        return InvalidFile(f"File {shown(self.path)} cannot be read: {reason}.")


class SavedSource(PathSource):
    """A download that is handed on; what somebody has put there in its place as a link is not opened."""

    def _open(self) -> IO[bytes]:
        from .saving import open_saved

        return open(open_saved(self.path), "rb", buffering=0)


class BytesSource:
    """Content in memory."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def size(self) -> int:
        return len(self._content)

    def read(self) -> Iterator[bytes]:
        for start in range(0, len(self._content), _CHUNK):
            yield self._content[start : start + _CHUNK]


class StreamSource:
    """A seekable binary file, from its position when it was handed over to its end."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        # Guards the stream's position, which two calls with the same file would otherwise share.
        self._lock = threading.Lock()
        self._start = stream.tell()

    def __reduce__(self) -> Tuple[Any, ...]:
        raise ArgumentError("A file object cannot be pickled; pass its content, handle_file(stream.read()).")

    def size(self) -> int:
        try:
            with self._lock:
                self._stream.seek(0, os.SEEK_END)
                return max(self._stream.tell() - self._start, 0)
        except (OSError, ValueError) as exc:
            raise _unreadable_stream(exc) from exc

    def read(self) -> Iterator[bytes]:
        position = self._start
        while chunk := self._read_at(position):
            position += len(chunk)
            yield chunk

    def _read_at(self, position: int) -> bytes:
        try:
            with self._lock:
                self._stream.seek(position)
                return self._stream.read(_CHUNK)
        except (OSError, ValueError) as exc:
            raise _unreadable_stream(exc) from exc


def spooled(chunks: Iterator[bytes]) -> StreamSource:
    """A source that holds these chunks, on disk if they are many; it goes with its last reference."""
    import tempfile

    store = tempfile.SpooledTemporaryFile(max_size=_SPOOL)  # noqa: SIM115 - the source closes it
    try:
        for chunk in chunks:
            store.write(chunk)
        store.seek(0)
        source = StreamSource(cast(IO[bytes], store))
    except BaseException:
        store.close()
        raise
    weakref.finalize(source, store.close)
    return source


def source_of_stream(stream: Any) -> StreamSource:
    """What a file object still has to give; one that cannot seek is read at once.

    Raises:
        InvalidFile: it gives text, or cannot be read.
    """
    try:
        if isinstance(stream.read(0), str):
            raise InvalidFile("A file object must give bytes: open it with mode 'rb'.")
        if stream.seekable():
            return StreamSource(stream)
    except AttributeError:
        pass  # no more than a read method
    except InvalidFile:
        raise
    except (OSError, ValueError) as exc:
        raise _unreadable_stream(exc) from exc
    return spooled(_chunks_of(stream))


def _chunks_of(stream: Any) -> Iterator[bytes]:
    while True:
        try:
            chunk = stream.read(_CHUNK)
        except (OSError, ValueError) as exc:
            raise _unreadable_stream(exc) from exc
        if not chunk:
            return
        yield chunk


def missing(path: str) -> InvalidFile:
    """The error for a path that leads nowhere."""
    return InvalidFile(f"File {shown(path)} does not exist on local filesystem and is not a valid URL.")


def shown(text: str) -> str:
    """A path or URL as a text may hold it."""
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _unreadable_stream(exc: Exception) -> InvalidFile:
    return InvalidFile(f"A file object cannot be read ({exc}). Keep it open until the call has been made.")


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
    from ..wire.names import make_data_url

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
    from ..wire.names import parse_data_url

    try:
        return parse_data_url(url)
    except ValueError as exc:
        raise InvalidFile(f"{shown(url)} is not a data: URL: {exc}.") from exc
