"""Where the content of a file to send comes from: a path, memory, or a file object."""

from __future__ import annotations

import os
import stat
import threading
import weakref
from typing import IO, Any, Iterator, NamedTuple, Protocol, Tuple, cast

from .errors import ArgumentError, InvalidFile

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
