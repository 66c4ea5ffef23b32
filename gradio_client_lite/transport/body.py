"""The body of an answer: where it ends, and what it was before it was compressed."""

from __future__ import annotations

import re
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import Any, Callable, Optional

from ..errors import ProtocolError, ResponseTooLarge, shown
from .connection import Connection
from .headers import Headers

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\n]*)?\r?\n\Z")
_LENGTH = re.compile(r"[0-9]{1,18}\Z")
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_BITS = 16 + 15
_MAX_LINE = 8192
_MAX_TRAILERS = 100
# How much an answer may grow when it is decompressed, beyond a size that any may reach. A table of zeros in
# JSON grows 340 times, one with a number here and there 60, text and configs 20; deflate can do 1,032.
_MAX_GROWTH = 200
_ANY_GROWTH = 32 << 20
# Input that gives no output: empty members and blocks, and the header of a gzip file.
_MAX_BARREN = 1 << 18
# How much is decompressed at once: what follows the end of a member is copied.
_STEP = 1 << 14
# The lines between chunks.
_SIZE, _END, _TRAILER = "size", "end of a chunk", "trailer"


class BodyReader:
    """Reads a body framed by Content-Length, by chunks or by the connection's end (RFC 9112 section 6).

    Args:
        connection: its head has just been read.
        method: of the request.
        response: that head.
        headers: its header fields.

    Attributes:
        done: the whole body has been read; nothing of it is left on the connection.
        keep: whether the server will keep the connection open afterwards.
        until_close: the body ends where the connection ends.
    """

    def __init__(self, connection: Connection, method: str, response: HTTPResponse, headers: Headers) -> None:
        self._connection = connection
        self._reader = connection.reader
        self._left = 0 if response.length is None else response.length
        self._chunked = bool(response.chunked)
        # Between chunks: what line comes next, and the part of it that has arrived.
        self._expected = _SIZE
        self._partial = b""
        self._trailers = 0
        # After a 101 the connection speaks another protocol, wanted or not.
        self.keep = not response.will_close and response.status >= 200
        self.done = False
        self.until_close = False
        empty = response.status < 200 or response.status in (204, 304) or method == "HEAD"
        if empty:
            self._chunked, self._left = False, 0
        elif self._chunked:
            # A length beside chunks is ignored, but is how answers get mixed up (RFC 9112 section 6.3).
            self.keep = self.keep and "content-length" not in headers
        else:
            _check_framing(headers)
            self.until_close = response.length is None
        if not self._chunked and not self.until_close and self._left == 0:
            self.done = True

    @property
    def known_size(self) -> int:
        """At least how many bytes are still to come."""
        return self._left

    def read_some(self, size: int) -> bytes:
        """Return up to `size` bytes as soon as there are any; b"" at the end.

        Raises:
            BlockingIOError: the connection does not wait and nothing has arrived; nothing is lost, and it may
                be asked again.
            IncompleteRead: the connection ended before the body did.
            HTTPException: the chunks are malformed.
            OSError: it broke or took too long.
        """
        if self.done:
            return b""
        if self._chunked and not self._left and not self._next_chunk():
            return b""
        if self.until_close:
            data = self._reader.read1(size)
            if not data:
                self._require_end()
                self.done = True
            return data
        data = self._reader.read1(min(size, self._left))
        if not data:
            self._require_end()
            raise IncompleteRead(b"", self._left)
        self._left -= len(data)
        if not self._left:
            self._at_boundary()
        return data

    def _at_boundary(self) -> None:
        """Finish at once where no further read is needed to know that the body is over."""
        if not self._chunked:
            self.done = True
        elif self._connection.buffered().startswith(b"\r\n0\r\n\r\n"):
            self._next_chunk()

    def _next_chunk(self) -> bool:
        """Step over the frame between two chunks; False at the end of the body."""
        while True:
            line = self._line()
            empty = line in (b"\r\n", b"\n")
            if self._expected is _SIZE:
                match = _SIZE_LINE.match(line)
                if match is None:
                    raise HTTPException("bad chunk size")
                self._left = int(match.group(1), 16)
                self._expected = _END if self._left else _TRAILER
                if self._left:
                    return True
            elif self._expected is _END:
                if not empty:
                    raise HTTPException("chunk longer than its size")
                self._expected = _SIZE
            elif empty:
                self.done = True
                return False
            else:
                self._trailers += 1
                if self._trailers >= _MAX_TRAILERS:
                    raise HTTPException("too many trailers")

    def _line(self) -> bytes:
        line = self._partial + self._reader.readline(_MAX_LINE - len(self._partial))
        if not line.endswith(b"\n"):
            if len(line) >= _MAX_LINE:
                raise HTTPException("chunk header too long")
            self._partial = line
            self._require_end()
            raise IncompleteRead(b"")
        self._partial = b""
        return line

    def _require_end(self) -> None:
        """Tell an end from a lull, which only connections that do not wait have."""
        if not self._connection.raw.eof:
            raise BlockingIOError("nothing has arrived")


def _check_framing(headers: Headers) -> None:
    """Refuse framing that would have to be guessed.

    Raises:
        HTTPException: lengths that differ or are no numbers, or an unknown transfer coding.
    """
    coding = headers.get("transfer-encoding")
    if coding is not None and coding.lower() != "identity":
        raise HTTPException("unknown transfer coding")
    lengths = set(headers.get_all("content-length"))
    if len(lengths) > 1 or any(not _LENGTH.match(length.strip(" \t")) for length in lengths):
        raise HTTPException("bad content length")


class Inflater:
    """Undoes gzip or deflate step by step, bounded.

    All that can be decompressed is given out at once: an event the server has flushed is not held back.

    Args:
        coding: "gzip" or "deflate".
        label: where the answer came from, for error texts.

    Attributes:
        pending: there may be output left that needs no further input.
    """

    def __init__(self, coding: str, label: str) -> None:
        import zlib

        self._label = label
        self._zlib = zlib
        self._coding = coding
        self._engine: Any = zlib.decompressobj(_GZIP_BITS) if coding == "gzip" else None
        # Input, and how far it has been used.
        self._waiting = b""
        self._place = 0
        self._barren = 0
        self._taken = 0
        self._given = 0
        self._started = False
        self.pending = False

    def read(self, read: Callable[[int], bytes], size: int) -> bytes:
        """Return up to `size` bytes of output as soon as there are any; b"" at the end.

        Args:
            read: gives input, up to so many bytes of it; b"" at its end. What it raises may be tried again.

        Raises:
            IncompleteRead: the input ends too early.
            ProtocolError: it is corrupt.
        """
        while True:
            data = self.feed(b"", size) if self.pending else b""
            if data:
                return data
            compressed = read(size)
            data = self.feed(compressed, size)
            if data:
                return data
            if not compressed and not self.pending:
                if self._started and not (self._engine is not None and self._engine.eof):
                    raise IncompleteRead(b"")
                return b""

    def feed(self, data: bytes, limit: int) -> bytes:
        """Add input and return up to `limit` bytes of output; the rest stays pending.

        Raises:
            ProtocolError: the data is corrupt, or much of it gives no output.
            ResponseTooLarge: it grows more than any honest data does.
        """
        self._waiting = self._waiting[self._place :] + data
        self._place = 0
        self._started = self._started or bool(data)
        if self._engine is None:
            if len(self._waiting) < 2:
                return b""
            self._engine = self._zlib.decompressobj(_deflate_bits(self._waiting))
        try:
            output = self._inflate(limit)
        except self._zlib.error as exc:
            raise ProtocolError(
                f"The answer of {self._label} holds corrupt {self._coding} data; report it to the server."
            ) from exc
        self._check_growth(len(data), len(output))
        return output

    def _check_growth(self, taken: int, given: int) -> None:
        self._taken += taken
        self._given += given
        self._barren = 0 if given else self._barren + taken
        if self._barren > _MAX_BARREN:
            raise ProtocolError(
                f"The answer of {self._label} holds {self._coding} data without content; report it."
            )
        if self._given > _ANY_GROWTH and self._given > self._taken * _MAX_GROWTH:
            raise ResponseTooLarge(
                f"The answer of {self._label} grows to more than {_MAX_GROWTH} times its size when it is "
                "decompressed. If that is right, make the client with "
                "headers={'accept-encoding': 'identity'}."
            )

    def _inflate(self, limit: int) -> bytes:
        parts = []
        while limit > 0 and (self._place < len(self._waiting) or self.pending):
            if self._engine.eof and not self._next_member():
                self.pending = False
                break
            piece = self._waiting[self._place : self._place + _STEP]
            out = self._engine.decompress(piece, limit)
            self._place += len(piece) - len(self._engine.unconsumed_tail or self._engine.unused_data)
            limit -= len(out)
            # Cut off by the limit: zlib may hold more, even when it has taken all the input.
            self.pending = limit == 0
            parts.append(out)
        return b"".join(parts)

    def _next_member(self) -> bool:
        """Begin another gzip member, if one follows; what else follows the data is padding (RFC 1952)."""
        if self._coding == "gzip":
            if self._waiting.startswith(_GZIP_MAGIC, self._place):
                self._engine = self._zlib.decompressobj(_GZIP_BITS)
                return True
            if _GZIP_MAGIC.startswith(self._waiting[self._place : self._place + 2]):
                return False
        self._place = len(self._waiting)
        return False


def _deflate_bits(start: bytes) -> int:
    """Tell zlib's format (RFC 1950), which "deflate" means, from the raw one some servers send."""
    zlib_header = start[0] & 15 == 8 and (start[0] << 8 | start[1]) % 31 == 0
    return 15 if zlib_header else -15


def inflater_for(headers: Headers, asked: str, label: str) -> Optional[Inflater]:
    """Return what undoes the Content-Encoding; None when there is none.

    Args:
        headers: of the answer.
        asked: the Accept-Encoding of the request.
        label: where the answer came from, for error texts.

    Raises:
        ProtocolError: a coding nobody asked for, or one not known here.
    """
    coding = headers.get("content-encoding", "").strip().lower()
    if coding in ("", "identity"):
        return None
    coding = "gzip" if coding == "x-gzip" else coding
    wanted = {entry.partition(";")[0].strip().lower() for entry in asked.split(",")}
    if coding in ("gzip", "deflate") and (coding in wanted or "*" in wanted):
        return Inflater(coding, label)
    raise ProtocolError(
        f"{label} used the content coding {shown(coding)}, which was not asked for; report it."
    )
