"""HTTP: answers as bytes on a connection: heads, bodies in chunks, and compression."""

from __future__ import annotations

import re
import zlib
from http.client import HTTPException, HTTPResponse
from io import BytesIO
from typing import Any, Dict, List, Optional, Tuple

from gradio_client_lite.errors import ProtocolError, ResponseTooLarge
from gradio_client_lite.transport.connection import Answer, BodyReader, Connection
from gradio_client_lite.transport.failures import FOREIGN, translate_exchange
from gradio_client_lite.transport.inflate import inflater_for
from gradio_client_lite.transport.sockets import Deadline
from gradio_client_lite.transport.url import parse_url

from .target import assert_short, pieces_of, target

_URL = "http://host:7860/app/"
_APP = parse_url(_URL)
#: How much is read at once.
_SIZES = (1, 7, 64, 4096, 65536)


class ArrivingSocket:
    """A socket on which pieces arrive one after the other, and then the end; each is waited for once."""

    def __init__(self, pieces: List[bytes]) -> None:
        self._pieces = pieces[::-1]
        self._waits = False

    def recv_into(self, buffer: Any) -> int:
        self._waits = not self._waits
        if self._waits:
            raise BlockingIOError
        if not self._pieces:
            return 0
        piece = self._pieces.pop()
        size = min(len(piece), len(buffer))
        buffer[:size] = piece[:size]
        if size < len(piece):
            self._pieces.append(piece[size:])
            self._waits = True
        return size

    def fileno(self) -> int:
        return -1  # always ready

    def settimeout(self, seconds: Optional[float]) -> None: ...
    def shutdown(self, how: int) -> None: ...
    def close(self) -> None: ...
    def send(self, data: Any) -> int:
        return len(data)


class Understood:
    """What is made of the bytes of an answer: its head and body, as far as they are read, and the error."""

    status = 0
    fields: Dict[str, List[str]]
    body = b""
    whole = False
    keep = False
    error: Optional[type] = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Understood) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Understood({vars(self)})"


def _understood(pieces: List[bytes], size: int = 65536, *, method: str = "GET") -> Understood:
    """Read an answer with this package."""
    found = Understood()
    found.fields = {}
    connection = Connection(ArrivingSocket(pieces), None)
    connection.prepare(None, Deadline(None))
    connection.whole = True
    try:
        head: Answer = connection.read_head()
        found.status = head.status
        found.fields = {name: head.fields.get_all(name) for name in head.fields}
        body = BodyReader(connection, method, head)
        parts: List[bytes] = []
        try:
            while not body.done:
                parts.append(body.read_some(size))
                assert parts[-1] or body.done
                assert len(parts[-1]) <= size
        finally:
            found.body = b"".join(parts)
        found.whole, found.keep = True, body.keep
    except FOREIGN as exc:
        found.error = type(exc)
        assert_short(translate_exchange(exc, _APP.label, Deadline(None)))
    return found


class _Arrived(BytesIO):
    def makefile(self, _mode: str) -> BytesIO:
        return self


def _by_the_standard_library(data: bytes) -> Optional[Understood]:
    """Read an answer with `http.client`; None where that refuses it."""
    # It leaves spaces around a value, and lines that go on, as they are, and then knows no such coding.
    end = re.search(rb"\n\r?\n", data)
    place = end.end() if end else len(data)
    head = re.sub(rb"[ \t]+(?=\r?\n)", b"", re.sub(rb"\r?\n[ \t]+", b" ", data[:place]))
    response = HTTPResponse(_Arrived(head + data[place:]))  # type: ignore[arg-type]
    found = Understood()
    try:
        response.begin()
        body: Optional[bytes] = b""
        if response.length != 0:  # else it has none, though `http.client` looks for chunks even then
            # Behind a chunk it passes over any two bytes.
            body = _chunks_of_rfc(data[place:]) if response.chunked else response.read()
        if body is None:
            return None
        found.body = body
    except (HTTPException, OSError, ValueError, AttributeError):
        return None
    finally:
        response.close()
    found.status, found.fields = response.status, {}
    for name, value in response.headers.items():
        found.fields.setdefault(name.lower(), []).append(value.strip(" \t"))
    found.whole, found.keep = True, not response.will_close
    return found


_HEAD_WORDS = (
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"Set-Cookie: a=b; Path=/\r\n",
    b"\r\n\r\n",
    b"\n ",
    b"0\r\n\r\n",
    b"3\r\nabc\r\n",
)


#: A head that nobody may refuse, lines that go on in the next one included.
_PLAIN_HEAD = re.compile(
    rb"HTTP/1\.[01] [2-5][0-9]{2}( [ -~]*)?\r?\n(?:[A-Za-z-]+:[ -~]*(?:\r?\n[ \t]+[ -~]*)*\r?\n)*\r?\n"
)


@target(longest=1 << 15, words=_HEAD_WORDS)
def answers(data: bytes) -> None:
    """An answer means the same however its bytes arrive and are read, and what is read of it is what
    `http.client` reads; what cannot be read is one of the errors that are translated.
    """
    found = _understood([data] if data else [])
    for size in _SIZES[len(data) % 3 :: 2]:
        assert _understood(pieces_of(data), size) == found
    assert len(found.body) <= len(data)
    assert found.status or not _PLAIN_HEAD.match(data) or data.count(b"\n") > 90, "a plain head is not read"
    if found.whole and not _is_special(data, found):
        expected = _by_the_standard_library(data)
        assert expected is not None, "only this package reads it"
        assert (found.status, found.fields, found.body) == (expected.status, expected.fields, expected.body)
        # It looks at the first of these fields alone.
        assert expected.keep or not found.keep or len(found.fields.get("connection", [])) > 1


def _is_special(data: bytes, found: Understood) -> bool:
    """Whether `http.client` is known to read it in another way: informational answers, two codings alike, a
    length beside chunks or twice, and characters that its parser for mail takes for the ends of lines.
    """
    codings = found.fields.get("transfer-encoding", [])
    lengths = found.fields.get("content-length", [])
    head = data[: len(data) - len(found.body)]
    return (
        re.match(rb"HTTP/1\.[0-9][ \t]+1", data) is not None
        or (bool(codings) and [coding.lower() for coding in codings] != ["chunked"])
        or len(lengths) > (not codings)
        or re.search(rb"[\x0b\x0c\x1c-\x1f\x85]|\r(?!\n)", head) is not None
        or b"\x00" in head
    )


@target(
    longest=1 << 15,
    words=(b"3\r\nabc\r\n", b"0\r\n\r\n", b"0\r\nx: y\r\n\r\n", b"a;b=c\r\n", b"\r\n", b"ffff"),
)
def chunks(data: bytes) -> None:
    """A body in chunks is what the chunks hold, however its bytes arrive and however much is read at once; it
    is whole only behind the last chunk and its empty line, and else an error.
    """
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    found = _understood([head + data])
    for size in _SIZES[len(data) % 3 :: 2]:
        assert _understood([head, *pieces_of(data)], size) == found
    expected = _chunks_of_rfc(data)
    assert found.whole == (expected is not None)
    if expected is not None:
        assert found.body == expected


def _chunks_of_rfc(data: bytes) -> Optional[bytes]:
    """The body in these chunks; None where they are malformed or do not end."""
    body = b""
    stream = BytesIO(data)
    while True:
        line = re.fullmatch(rb"([0-9A-Fa-f]{1,16})[ \t]*(;[^\n]*)?\r?\n", stream.readline(8192))
        if line is None:
            return None
        size = int(line[1], 16)
        if not size:
            break
        part = stream.read(min(size, len(data)))
        if len(part) < size or stream.readline(3) not in (b"\r\n", b"\n"):
            return None
        body += part
    for _ in range(100):
        line_read = stream.readline(8192)
        if line_read in (b"\r\n", b"\n"):
            return body
        if not line_read.endswith(b"\n"):
            return None
    return None


_GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03"


@target(words=(_GZIP_HEAD, b"\x78\x9c", b"\x03\x00", b"\x00" * 8))
def compression(data: bytes) -> None:
    """A compressed body is what zlib makes of it, however it is cut; what is corrupt, or cut, is an error,
    and so is what grows beyond all measure. The first byte says which coding it is.
    """
    coding, data = ("gzip" if data[:1] < b"\x80" else "deflate"), data[1:]
    found, failed = _inflated([data], coding, 1 << 20)
    others, also_failed = _inflated(pieces_of(data), coding, 1000)
    assert failed == also_failed
    assert others.startswith(found) if failed else others == found  # of what is corrupt more or less is read
    expected = _by_zlib(data, coding)
    if expected is not None:
        assert (found, failed) == (expected, False)


def _inflated(pieces: List[bytes], coding: str, size: int) -> Tuple[bytes, bool]:
    """What a body decompresses to, and whether an error came behind that."""
    inflater = inflater_for(coding, "gzip, deflate", _APP.label)
    assert inflater is not None
    left = pieces[::-1]

    def read(most: int) -> bytes:
        if not left:
            return b""
        piece = left.pop()
        if len(piece) > most:
            left.append(piece[most:])
        return piece[:most]

    body = bytearray()
    try:
        while True:
            data = inflater.read(read, size)
            assert len(data) <= size
            if not data:
                return bytes(body), False
            body += data
    except (ProtocolError, ResponseTooLarge, HTTPException):
        return bytes(body), True


def _by_zlib(data: bytes, coding: str) -> Optional[bytes]:
    """What whole members, one behind the other, decompress to; None for anything else."""
    bits = 31 if coding == "gzip" else 15 if data[:1] and zlib.compress(b"")[:1] == data[:1] else -15
    body = b""
    while True:
        engine = zlib.decompressobj(bits)
        try:
            body += engine.decompress(data, 1 << 24)
        except zlib.error:
            return None
        data = engine.unused_data
        if not engine.eof or (data and (bits < 31 or not data.startswith(b"\x1f\x8b"))):
            return None
        if not data:
            return body
