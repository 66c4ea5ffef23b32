"""Files as arguments: what `handle_file` returns, and where the content of such a file comes from.

`handle_file` returns a FileArgument: a dict that equals the official client's for a path or a URL, and has
the same shape for content without a path. It carries its source, which never goes into JSON. Only the file of
such a dict is ever opened; `wire/provenance.py` says why.

A source is one of

    Link           a URL; the server fetches it, or this client for a server that cannot
    PathSource     a file of this machine, opened anew for each reading
    BytesSource    content in memory
    StreamSource   a seekable file object, from its position when it was handed over to its end; anything
                   else that can only be read once is first copied into a temporary file (`spooled`)

All but a Link can be read more than once, because an upload is sent again when its connection breaks. The
size is asked for first, as the Content-Length of the upload; a source that gives another number of bytes
later fails the upload (`wire/multipart.py`).
"""

from __future__ import annotations

import os
import stat
import threading
import warnings
import weakref
from pathlib import Path
from typing import IO, Any, Callable, Dict, Iterator, NamedTuple, Optional, Protocol, Tuple, Union, cast

from ..errors import ArgumentError, InvalidFile
from ..wire.filedata import new_meta
from ..wire.names import parse_data_url, upload_name
from ..wire.provenance import FileArgument
from ..wire.texts import sendable
from ..wire.urls import is_url

#: Bytes. Gradio's servers take larger chunks no faster, but need more memory and time for each.
_CHUNK = 1 << 16
#: Bytes of a spooled source that are kept in memory.
_SPOOL = 1 << 20
#: Characters of a path or URL in an error text.
_SHOWN = 300


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
        return _argument_without_path(BytesSource(bytes(given)), name, mime_type)
    if hasattr(given, "read"):
        return _argument_without_path(source_of_stream(given), name or _stream_name(given), mime_type)
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
        try:
            content, declared = parse_data_url(path)
        except ValueError as exc:
            raise InvalidFile(f"{brief(path)} is not a data: URL: {exc}.") from exc
        return _argument_without_path(BytesSource(content), name, mime_type or declared)
    else:
        raise _missing(path)
    argument = FileArgument.of({"path": path, "meta": new_meta(), **fields}, source)
    if name is not None:
        argument["orig_name"] = name
    if mime_type is not None:
        argument["mime_type"] = mime_type
    return argument


def file(filepath_or_url: Union[str, os.PathLike[str], bytes, IO[bytes]]) -> Dict[str, Any]:
    """Deprecated: the old name of `handle_file`."""
    warnings.warn(
        "file() is deprecated and will be removed in a future version. Use handle_file() instead.",
        stacklevel=2,
    )
    return handle_file(filepath_or_url)


def _argument_without_path(source: Source, name: Optional[str], mime_type: Optional[str]) -> FileArgument:
    if not name:
        import mimetypes

        name = "file" + ((mimetypes.guess_extension(mime_type) if mime_type else None) or "")
    name = upload_name(name)
    fields = {"path": name, "meta": new_meta(), "orig_name": name}
    if mime_type is not None:
        fields["mime_type"] = mime_type
    return FileArgument.of(fields, source)


def _stream_name(stream: Any) -> Optional[str]:
    name = getattr(stream, "name", None)
    if not isinstance(name, str) or (name.startswith("<") and name.endswith(">")):
        return None
    return os.path.basename(name) or None


def guess_type(name: str) -> str:
    """Guess the MIME type from a file name."""
    import mimetypes

    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def brief(text: str) -> str:
    """Cut a path or URL to what an error text may hold."""
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


# -- sources


class Source(Protocol):
    """Content to send, which can be read more than once."""

    def size(self) -> int:
        """Return its size in bytes; raise InvalidFile if it cannot be read."""
        ...

    def read(self) -> Iterator[bytes]:
        """Give its content in chunks, from the beginning; raise as `size` does."""
        ...


class Link(NamedTuple):
    """An http(s) URL in place of content."""

    url: str


def source_of(argument: FileArgument) -> Union[Source, Link]:
    """Return the source that `handle_file` gave an argument."""
    return cast(Union[Source, Link], argument.source)


def read_chunks(read: Callable[[int], bytes], size: int) -> Iterator[bytes]:
    """Call `read(size)` until it returns nothing."""
    while chunk := read(size):
        yield chunk


class PathSource:
    """A file of this machine."""

    def __init__(self, path: str) -> None:
        self.path = path

    def size(self) -> int:
        try:
            if not stat.S_ISREG(os.stat(self.path).st_mode):
                raise InvalidFile(f"{brief(self.path)} is not a regular file, so it cannot be sent.")
            with self._open() as opened:
                return os.fstat(opened.fileno()).st_size
        except InvalidFile:
            raise
        except (FileNotFoundError, ValueError) as exc:  # ValueError: a null character
            raise _missing(self.path) from exc
        except OSError as exc:
            raise self._unreadable(exc) from exc

    def read(self) -> Iterator[bytes]:
        try:
            with self._open() as opened:
                yield from read_chunks(opened.read, _CHUNK)
        except (OSError, ValueError) as exc:
            raise self._unreadable(exc) from exc

    def _open(self) -> IO[bytes]:
        return open(self.path, "rb", buffering=0)

    def _unreadable(self, exc: Exception) -> InvalidFile:
        reason = getattr(exc, "strerror", None) or type(exc).__name__
        return InvalidFile(f"File {brief(self.path)} cannot be read: {reason}.")


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
    """A seekable binary file object, from its position when it was handed over to its end."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        # Makes seeking and reading one step: two calls with the same file object share its position.
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

        def read_on(size: int) -> bytes:
            nonlocal position
            with self._lock:
                self._stream.seek(position)
                chunk = self._stream.read(size)
            position += len(chunk)
            return chunk

        try:
            yield from read_chunks(read_on, _CHUNK)
        except (OSError, ValueError) as exc:
            raise _unreadable_stream(exc) from exc


def source_of_stream(stream: Any) -> StreamSource:
    """Make a source of what a file object still has to give; one that cannot seek is read at once."""
    try:
        if isinstance(stream.read(0), str):
            raise InvalidFile("A file object must give bytes: open it with mode 'rb'.")
        if stream.seekable():
            return StreamSource(stream)
    except AttributeError:
        pass  # it has no more than a read method
    except InvalidFile:
        raise
    except (OSError, ValueError) as exc:
        raise _unreadable_stream(exc) from exc

    def read(size: int) -> bytes:
        try:
            return cast(bytes, stream.read(size))
        except (OSError, ValueError) as exc:
            raise _unreadable_stream(exc) from exc

    return spooled(read_chunks(read, _CHUNK))


def spooled(chunks: Iterator[bytes]) -> StreamSource:
    """Copy chunks into a temporary file, which is on disk if it is large and goes with the source."""
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


def _missing(path: str) -> InvalidFile:
    return InvalidFile(f"File {brief(path)} does not exist on local filesystem and is not a valid URL.")


def _unreadable_stream(exc: Exception) -> InvalidFile:
    return InvalidFile(f"A file object cannot be read ({exc}). Keep it open until the call has been made.")
