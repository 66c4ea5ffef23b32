"""Bodies of `multipart/form-data` (RFC 7578), whose size is known before their chunks are made."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Callable, Iterable, Iterator, List, Optional, Sequence, Tuple

from ..errors import InvalidFile

#: Called with the bytes of files sent so far, and with how many there are in all.
Progress = Callable[[int, int], object]

_END_OF_PART = b"\r\n"


@dataclass(frozen=True)
class Part:
    """One file of a form; `read` iterates over its content in chunks, from the beginning each time."""

    filename: str
    content_type: str
    size: int
    read: Callable[[], Iterable[bytes]]


class MultipartBody:
    """A form whose every part is a file of one field; may be iterated again to send it again.

    Args:
        field: the name of the form field.
        parts: the files.
        progress: called between chunks, on the thread that sends them; what it raises ends the upload.

    Attributes:
        size: of the whole body, in bytes.
        content_type: the value of the Content-Type header.
    """

    def __init__(self, field: str, parts: Sequence[Part], progress: Optional[Progress] = None) -> None:
        boundary = secrets.token_hex(16)  # nobody can put it into a file beforehand
        self._parts: List[Tuple[bytes, Part]] = [(_head(boundary, field, part), part) for part in parts]
        self._end = f"--{boundary}--\r\n".encode("ascii")
        self._progress = progress
        self._files_size = sum(part.size for part in parts)
        frames = sum(len(head) + len(_END_OF_PART) for head, _ in self._parts)
        self.size = self._files_size + frames + len(self._end)
        self.content_type = f"multipart/form-data; boundary={boundary}"

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[bytes]:
        sent = 0
        self._report(sent)
        for head, part in self._parts:
            yield head
            for chunk in _exactly(part):
                yield chunk
                sent += len(chunk)
                self._report(sent)
            yield _END_OF_PART
        yield self._end

    def _report(self, sent: int) -> None:
        if self._progress is not None:
            self._progress(sent, self._files_size)


def _exactly(part: Part) -> Iterator[bytes]:
    """Yield as many bytes as were announced; what was appended to the file meanwhile is left out."""
    left = part.size
    if left:
        for chunk in part.read():
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0:
                return
        raise InvalidFile(
            f"File {part.filename} has become {left} bytes shorter while it was sent. Send it again once "
            "nobody writes to it any more."
        )


def _head(boundary: str, field: str, part: Part) -> bytes:
    return (
        f"--{boundary}\r\n"
        f'Content-Disposition: form-data; name="{_quoted(field)}"; filename="{_quoted(part.filename)}"\r\n'
        f"Content-Type: {_type(part.content_type)}\r\n\r\n"
    ).encode()


def _type(text: str) -> str:
    """A type that can stand in a header: a data: URL may have been written by anybody, and names its own."""
    return text if text.isascii() and text.isprintable() else "application/octet-stream"


def _quoted(text: str) -> str:
    """Quote as browsers do (HTML standard, "multipart/form-data encoding algorithm")."""
    return text.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")
