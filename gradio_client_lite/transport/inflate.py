"""Undoing the compression of an answer's body, bounded in what it may grow to."""

from __future__ import annotations

from http.client import IncompleteRead
from typing import Any, Callable, Optional

from ..errors import ProtocolError, ResponseTooLarge, shown

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_BITS = 16 + 15
# How much an answer may grow when it is decompressed, beyond a size that any may reach. A table of zeros in
# JSON grows 340 times, one with a number here and there 60, text and configs 20; deflate can do 1,032.
_MAX_GROWTH = 200
_ANY_GROWTH = 32 << 20
# Input that gives no output: empty members and blocks, and the header of a gzip file.
_MAX_BARREN = 1 << 18
# How much is decompressed at once: what follows the end of a member is copied.
_STEP = 1 << 14


class Inflater:
    """Undoes gzip or deflate step by step.

    All that can be decompressed is given out at once: an event the server has flushed is not held back.
    """

    def __init__(self, coding: str, label: str) -> None:
        import zlib

        self._label = label
        self._zlib = zlib
        self._coding = coding
        self._engine: Any = zlib.decompressobj(_GZIP_BITS) if coding == "gzip" else None
        # Input, and how far it has been used.
        self._input = b""
        self._used = 0
        # Bytes taken in all, given in all, and taken since any were given.
        self._taken = self._given = self._barren = 0
        # Whether there may be output left that needs no further input.
        self._pending = False
        # Whether padding has begun, which nothing follows.
        self._padded = False

    def read(self, read: Callable[[int], bytes], size: int) -> bytes:
        """Return up to `size` bytes of output as soon as there are any; b"" at the end.

        `read` gives up to so many bytes of input, b"" at its end. When it raises, no input is lost.

        Raises:
            IncompleteRead: the input ends too early.
            ProtocolError: it is corrupt, or much of it gives no output.
            ResponseTooLarge: it grows more than any honest data does.
        """
        while True:
            output = self._feed(b"", size) if self._pending else b""
            if output:
                return output
            data = read(size)
            output = self._feed(data, size)
            if output:
                return output
            if not data and not self._pending:
                if self._taken and not (self._engine is not None and self._engine.eof):
                    raise IncompleteRead(b"")
                return b""

    def _feed(self, data: bytes, limit: int) -> bytes:
        """Add input and return up to `limit` bytes of output; the rest stays pending."""
        self._input = self._input[self._used :] + data
        self._used = 0
        self._taken += len(data)
        if self._engine is None:
            if len(self._input) < 2:
                return b""
            self._engine = self._zlib.decompressobj(_deflate_bits(self._input))
        try:
            output = self._inflate(limit)
        except self._zlib.error as exc:
            raise ProtocolError(
                f"The answer of {self._label} holds corrupt {self._coding} data; report it to the server."
            ) from exc
        self._given += len(output)
        self._barren = 0 if output else self._barren + len(data)
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
        return output

    def _inflate(self, limit: int) -> bytes:
        parts = []
        while limit > 0 and (self._used < len(self._input) or self._pending):
            if self._engine.eof and not self._next_member():
                self._pending = False
                break
            piece = self._input[self._used : self._used + _STEP]
            out = self._engine.decompress(piece, limit)
            self._used += len(piece) - len(self._engine.unconsumed_tail or self._engine.unused_data)
            limit -= len(out)
            # Cut off by the limit: zlib may hold more, even when it has taken all the input.
            self._pending = limit == 0
            parts.append(out)
        return b"".join(parts)

    def _next_member(self) -> bool:
        """Begin another gzip member, if one follows; what else follows the data is padding (RFC 1952)."""
        if self._coding == "gzip" and not self._padded:
            if self._input.startswith(_GZIP_MAGIC, self._used):
                self._engine = self._zlib.decompressobj(_GZIP_BITS)
                return True
            if _GZIP_MAGIC.startswith(self._input[self._used : self._used + 2]):
                return False
        self._used = len(self._input)
        self._padded = True
        return False


def _deflate_bits(start: bytes) -> int:
    """Tell zlib's format (RFC 1950), which "deflate" means, from the raw one some servers send."""
    zlib_header = start[0] & 15 == 8 and (start[0] << 8 | start[1]) % 31 == 0
    return 15 if zlib_header else -15


def inflater_for(coding: str, asked: str, label: str) -> Optional[Inflater]:
    """Return what undoes a Content-Encoding, which must be one of those `asked` for; None for identity."""
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return None
    coding = "gzip" if coding == "x-gzip" else coding
    wanted = {entry.partition(";")[0].strip().lower() for entry in asked.split(",")}
    if coding in ("gzip", "deflate") and (coding in wanted or "*" in wanted):
        return Inflater(coding, label)
    raise ProtocolError(
        f"{label} used the content coding {shown(coding)}, which was not asked for; report it."
    )
