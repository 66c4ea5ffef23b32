"""Files as arguments: `handle_file`, its deprecated name `file`, and FileData.

`handle_file` gives a plain dict for a path or a URL, equal to the official client's. For content that has no
path it gives a FileContent: a dict of the same shape that carries where to read the content from, which never
goes into JSON.
"""

from __future__ import annotations

import os
import stat
import threading
import warnings
import weakref
from pathlib import Path
from typing import IO, Any, Dict, Iterator, Optional, Protocol, Tuple, TypedDict, Union, cast

from .errors import InvalidFile
from .wire.filedata import new_meta
from .wire.fileurls import is_url
from .wire.names import upload_name

#: Gradio's servers take larger chunks no faster, but need more memory and time for each.
_CHUNK = 1 << 16
_SPOOL = 1 << 20
_SHOWN = 300


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


class PathSource:
    """A file on this machine, opened anew for each reading."""

    def __init__(self, path: str) -> None:
        self._path = path

    def size(self) -> int:
        try:
            if not stat.S_ISREG(os.stat(self._path).st_mode):
                raise InvalidFile(f"{_shown(self._path)} is not a regular file, so it cannot be sent.")
            with open(self._path, "rb", buffering=0) as file:
                return os.fstat(file.fileno()).st_size
        except InvalidFile:
            raise
        except (FileNotFoundError, ValueError) as exc:  # ValueError: a null character
            raise missing(self._path) from exc
        except OSError as exc:
            raise self._unreadable(exc) from exc

    def read(self) -> Iterator[bytes]:
        try:
            with open(self._path, "rb", buffering=0) as file:
                while chunk := file.read(_CHUNK):
                    yield chunk
        except (OSError, ValueError) as exc:
            raise self._unreadable(exc) from exc

    def _unreadable(self, exc: Exception) -> InvalidFile:
        reason = getattr(exc, "strerror", None) or type(exc).__name__
        return InvalidFile(f"File {_shown(self._path)} cannot be read: {reason}.")


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


class FileContent(Dict[str, Any]):
    """A FileData whose content is not at its `path`.

    Args:
        fields: the dict itself.
        source: where the content is.
    """

    def __init__(self, fields: Dict[str, Any], source: Source) -> None:
        super().__init__(fields)
        self.source = source


def handle_file(
    filepath_or_url: Union[str, os.PathLike[str], bytes, IO[bytes]],
    *,
    name: Optional[str] = None,
    mime_type: Optional[str] = None,
) -> Dict[str, Any]:
    """Mark an argument as a file, so that its content is sent and not the text.

    Args:
        filepath_or_url: a path; an http(s) URL, which the server fetches; a data: URL; the content as bytes;
            or a binary file object, which is read from its present position when the call is made, and must
            stay open until then. One that cannot seek is read at once.
        name: what the server is to call it; None takes the name it has, or makes one up.
        mime_type: such as "image/png"; None leaves it to the name.

    Raises:
        InvalidFile: there is no such file, or it is a text file object. It is a ValueError.

    Example:
        >>> handle_file(b"hello", name="hello.txt")["orig_name"]
        'hello.txt'
    """
    given = filepath_or_url
    if isinstance(given, (bytes, bytearray, memoryview)):
        return _content(BytesSource(bytes(given)), name, mime_type)
    if hasattr(given, "read"):
        return _content(_stream_source(given), name or _stream_name(given), mime_type)
    path = str(given)
    if is_url(path):
        fields: Dict[str, Any] = {"orig_name": path.rsplit("/", maxsplit=1)[-1], "url": path}
    elif os.path.exists(path):
        fields = {"orig_name": Path(path).name}
    elif path[:5].lower() == "data:":
        content, declared = _from_data_url(path)
        return _content(BytesSource(content), name, mime_type or declared)
    else:
        raise missing(path)
    file = {"path": path, "meta": new_meta(), **fields}
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


def source_of(file: Any) -> Source:
    """Where the content of a FileData that is to be sent comes from."""
    return file.source if isinstance(file, FileContent) else PathSource(file["path"])


def inline_file(file: Dict[str, Any]) -> FileData:
    """A FileData that has its content in it, as base64: what Gradio 3 takes in place of an upload.

    Args:
        file: of `handle_file`, with content on this machine.

    Raises:
        InvalidFile: it cannot be read.

    Example:
        >>> inline_file(handle_file(b"hi", name="hi.txt"))["data"]
        'data:text/plain;base64,aGk='
    """
    from .wire.dataurl import make_data_url

    name = upload_name(file.get("orig_name") or os.path.basename(file["path"]))
    mime_type = file.get("mime_type") or guess_type(name)
    content = b"".join(source_of(file).read())
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


def missing(path: str) -> InvalidFile:
    """The error for a path that leads nowhere."""
    return InvalidFile(f"File {_shown(path)} does not exist on local filesystem and is not a valid URL.")


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


def _content(source: Source, name: Optional[str], mime_type: Optional[str]) -> FileContent:
    name = upload_name(name if name else "file" + _extension(mime_type))
    fields = {"path": name, "meta": new_meta(), "orig_name": name}
    if mime_type is not None:
        fields["mime_type"] = mime_type
    return FileContent(fields, source)


def _extension(mime_type: Optional[str]) -> str:
    import mimetypes

    return (mimetypes.guess_extension(mime_type) if mime_type else None) or ""


def _stream_source(stream: Any) -> Source:
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


def _stream_name(stream: Any) -> Optional[str]:
    name = getattr(stream, "name", None)
    if not isinstance(name, str) or (name.startswith("<") and name.endswith(">")):
        return None
    return os.path.basename(name) or None


def _unreadable_stream(exc: Exception) -> InvalidFile:
    return InvalidFile(f"A file object cannot be read ({exc}). Keep it open until the call has been made.")


def _from_data_url(url: str) -> Tuple[bytes, str]:
    from .wire.dataurl import parse_data_url

    try:
        return parse_data_url(url)
    except ValueError as exc:
        raise InvalidFile(f"{_shown(url)} is not a data: URL: {exc}.") from exc


def _shown(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
