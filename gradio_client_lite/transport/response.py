"""The answer to a request: whole, or read as it arrives.

`BodyReader` (in `connection`) knows where a body ends, `Inflater` undoes its compression. `StreamingResponse`
reads through both within the caller's limits. Its states:

            last byte of the body          nothing left to decompress
    OPEN -------------------------> WHOLE ----------------------------> ENDED
     |  the pool has it back then     |
     |                                |
     | close, abort, any failure      | corrupt or too much data
     +-----------> CLOSED <-----------+

So a cut is never taken for an end: only ENDED reads as b"".
"""

from __future__ import annotations

import threading
from enum import Enum
from typing import TYPE_CHECKING, Any, Dict, Optional, Union

from ..errors import ClientClosed, ConnectionLost, GradioClientError, ProtocolError, ResponseTooLarge, shorten
from ..light import NamedTuple
from ..limits import DEFAULT_LIMITS, Bound
from ..wire.decoding import read_json
from ..wire.texts import page_in_words
from .connection import BodyReader, Connection
from .failures import FOREIGN, translate_exchange
from .headers import Headers
from .sockets import BLOCK, POLL, Deadline

if TYPE_CHECKING:
    from .inflate import Inflater
    from .pool import Pool
    from .url import Target

# Others are slow, odd or both: Punycode takes the square of the size. Names as they are compared.
_CHARSETS: Dict[str, str] = dict.fromkeys(("latin1", "iso88591", "l1", "cp819", "ibm819"), "latin-1")
_CHARSETS.update(dict.fromkeys(("ascii", "usascii", "iso646us", "ansix3.41968"), "ascii"))
_MAX_VALUES = DEFAULT_LIMITS.answer_values
_PIECE = 1 << 18
# The connection speaks another protocol from here on.
_SWITCHED = 101
# What close() may read of a body that has already arrived, to keep the connection.
_DRAIN = 65536


class Response(NamedTuple):
    """A whole answer. Any status is one; nothing is raised for it.

    Args:
        url: what was asked for last, after redirects, without userinfo.
        body: decompressed.
    """

    status: int
    headers: Headers
    url: str
    body: bytes

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.url.partition('?')[0]} {len(self.body)} bytes>"

    @property
    def text(self) -> str:
        """The body as text: Latin-1 or ASCII where the Content-Type says so, else UTF-8; what is invalid is
        replaced.
        """
        _, _, charset = self.headers.get("content-type", "").lower().partition("charset=")
        name = charset.partition(";")[0].strip(" \"'").replace("-", "").replace("_", "")
        return self.body.decode(_CHARSETS.get(name, "utf-8"), "replace")

    def json(self, max_values: Optional[int] = _MAX_VALUES, limit: str = "") -> Any:
        """Return the body read as JSON; see `read_json` for the limits.

        Raises:
            ResponseTooLarge: there are too many values.
            ProtocolError: it is not JSON.
        """
        place = self.url.partition("?")[0]
        try:
            return read_json(self.body, f"The answer of {place}", max_values, limit)
        except ResponseTooLarge:
            raise
        except ProtocolError as exc:
            kind = shorten(self.headers.get("content-type", "no content type"), 80)
            raise ProtocolError(
                f"{place} answered {self.status} with {kind} instead of JSON.{page_in_words(self.body)} "
                "Check that the URL is that of a Gradio app."
            ) from exc


class _State(Enum):
    """How far a body has been read; see the drawing above."""

    OPEN = 1
    WHOLE = 2
    ENDED = 3
    CLOSED = 4


_OPEN, _WHOLE, _ENDED, _CLOSED = _State


class StreamingResponse:
    """An answer whose body is read as it arrives; made by `Transport.stream`.

    One thread reads; `abort` and `close` may be called from any. A context manager that closes.

    Attributes:
        url: what was asked for last, after redirects, without userinfo.
        peer: the address of the server that gave it, or the host where a proxy knows that.
        overrun: the server has sent more than it announced, so its announcement may be what is wrong; known
            once `read_some` has read the body.
    """

    def __init__(
        self,
        *,
        status: int,
        headers: Headers,
        target: Target,
        connection: Connection,
        body: BodyReader,
        inflater: Optional[Inflater],
        pool: Pool,
        deadline: Deadline,
        max_bytes: Union[int, Bound, None],
    ) -> None:
        self.status = status
        self.headers = headers
        self.url = target.url
        self.peer = connection.peer
        self.overrun = False
        self._label = target.label
        self._body = body
        self._inflater = inflater
        self._pool = pool
        self._deadline = deadline
        self._limit = max_bytes if isinstance(max_bytes, Bound) else Bound(max_bytes, "")
        self._left: Optional[int] = self._limit.value
        self._connection: Optional[Connection] = connection
        self._state = _OPEN
        self._watch_overrun = body.announced
        # Held while reading; guards the state.
        self._reading = threading.Lock()
        # Guards that no connection is woken once it was given back, and maybe serves another request.
        self._owning = threading.Lock()
        if body.done and status != _SWITCHED:
            self._finish(connection)

    def read_some(self, size: int = 65536) -> bytes:
        """Return what has arrived, at most `size` bytes; wait only when nothing has.

        Returns:
            b"" at the clean end of the body; the connection has then gone back to the pool.

        Raises:
            ConnectionLost: the body was cut short, or `abort` or `close` was called.
            ClientClosed: the transport was closed.
            ReadTimeout: nothing of the body came for as long as the read timeout; the stream is closed then.
            DeadlineExceeded: the total timeout passed.
            ProtocolError: the chunks or the compressed data are malformed.
            ResponseTooLarge: there is more than `max_bytes`.
        """
        with self._reading:
            return self._read(size)

    def read_arrived(self, size: int = 65536) -> Optional[bytes]:
        """Like `read_some`, but never wait.

        Returns:
            None when nothing has arrived. After anything else there may be more, which waiting for the
            socket would not show.
        """
        with self._reading:
            connection = self._connection
            if connection is None:
                return self._read(size)
            connection.raw.mode = POLL
            try:
                return self._read(size)
            except BlockingIOError:
                return None
            finally:
                if self._connection is connection:  # it may have gone back to the pool
                    connection.raw.mode = BLOCK

    def read_all(self) -> bytes:
        """Return the rest of the body; raises as `read_some` does."""
        self._watch_overrun = False  # only those who read a stream ask for it
        # Not a list of pieces: the server decides how small those are, and each takes a hundred bytes more.
        body = bytearray()
        piece = b""
        while self._state is not _ENDED:
            piece = self.read_some(_PIECE)
            body += piece
        return piece if len(piece) == len(body) else bytes(body)

    def _read(self, size: int) -> bytes:
        """Read at most `size` bytes within the limits; whatever goes wrong ends the stream for good.

        Raises:
            BlockingIOError: reads do not wait, and nothing has arrived; nothing is lost.
        """
        if self._state is _ENDED:
            return b""
        left = self._left
        try:
            if left is None:
                return self._decode(size)
            if left < 0 or (self._inflater is None and self._body.left > left):
                raise self._too_large()
            data = self._decode(min(size, left + 1))
            self._left = left - len(data)
            if self._left < 0:
                raise self._too_large()
            return data
        except BlockingIOError:
            raise
        except (*FOREIGN, GradioClientError) as exc:
            failure = self._fail(exc)
            raise failure from (None if failure is exc else exc)
        except BaseException:
            self._close()
            raise

    def _decode(self, size: int) -> bytes:
        """Read at most `size` bytes of the body, decompressed; return its connection after its last byte."""
        connection, inflater = self._connection, self._inflater
        if connection is not None:
            connection.raw.renew()
        elif self._state is not _WHOLE:
            raise ConnectionLost(f"The stream of {self._label} is closed.")
        read = self._body.read_some
        data = read(size) if inflater is None else inflater.read(read, size)
        if connection is not None:
            if connection.aborted:  # the end may be the one that abort made
                raise ConnectionLost(f"The stream of {self._label} was aborted.")
            if self._body.done:
                self._finish(connection)
        if self._state is _WHOLE and (inflater is None or not data):
            self._state = _ENDED
        return data

    def _too_large(self) -> ResponseTooLarge:
        name = self._limit.name
        limit = f"{name}; make the client with a larger one" if name else f"{self._limit.value} bytes"
        return ResponseTooLarge(f"The answer of {self._label} is larger than {limit}.")

    def _fail(self, exc: Exception) -> GradioClientError:
        """Close the stream, and return what to raise; an abort explains every other error."""
        aborted = self._connection is not None and self._connection.aborted
        self._close()
        self._state = _CLOSED
        if aborted and self._pool.closed:
            return ClientClosed(f"The client was closed while it read {self._label}.")
        if aborted:
            return ConnectionLost(f"The stream of {self._label} was aborted.")
        return translate_exchange(exc, self._label, self._deadline)

    def _finish(self, connection: Connection) -> None:
        """Give the connection back; the body is complete."""
        self._detach()
        self._state = _WHOLE
        connection.raw.mode = BLOCK  # for its next request
        if self._watch_overrun:
            self.overrun = connection.overrun()
        if self._body.keep:
            self._pool.give_back(connection)
        else:
            self._pool.drop(connection)

    def _detach(self) -> Optional[Connection]:
        with self._owning:
            connection, self._connection = self._connection, None
        return connection

    def _close(self) -> None:
        connection = self._detach()
        if connection is not None:
            self._state = _CLOSED
            self._pool.drop(connection)

    def set_read_timeout(self, seconds: Optional[float]) -> None:
        """Change the longest silence `read_some` bears, from its next wait on; None for no limit."""
        connection = self._connection
        if connection is not None:
            connection.raw.limit = seconds

    def fileno(self) -> int:
        """The number of its socket, to wait for it; -1 once the body has been read or the stream closed."""
        connection = self._connection
        return -1 if connection is None else connection.fileno()

    def take_connection(self) -> Connection:
        """Have the connection of an answer with status 101; it is the caller's to close from now on."""
        connection = self._detach() if self.status == _SWITCHED else None
        if connection is None:
            raise ConnectionLost(f"The stream of {self._label} is closed.")
        self._state = _CLOSED
        return connection

    def abort(self) -> None:
        """End the stream now: a blocked `read_some` raises ConnectionLost, and so does every later one.

        For any thread. Idempotent; without effect when the body has been read to its end.
        """
        if not self.interrupt():
            return
        if self._reading.acquire(blocking=False):
            # No thread is reading, so none will close it.
            try:
                self._close()
            finally:
                self._reading.release()

    def interrupt(self) -> bool:
        """Break the connection without closing it: the thread that waits for the socket wakes, to close it.

        For any thread. Idempotent. Returns whether there was a connection to break.
        """
        with self._owning:
            if self._connection is None:
                return False
            self._connection.abort()
            return True

    def close(self) -> None:
        """Let the answer go. A connection whose answer has already arrived to its end is kept.

        For any thread: where another one is reading, this is `abort`. Idempotent.
        """
        if self._connection is None:
            return
        if not self._reading.acquire(blocking=False):
            self.abort()
            return
        try:
            self._drain()
            self._close()
        finally:
            self._reading.release()

    def _drain(self) -> None:
        """Read, without waiting, what has arrived; it may be the end."""
        connection = self._connection
        if connection is None or connection.aborted:
            return
        budget = _DRAIN
        connection.raw.mode = POLL
        try:
            while not self._body.done and budget > 0:
                budget -= len(self._body.read_some(budget))
        except FOREIGN:
            return
        finally:
            connection.raw.mode = BLOCK
        if self._body.done:
            self._finish(connection)

    def __enter__(self) -> StreamingResponse:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "ended" if self._state is _ENDED else "closed" if self._connection is None else "open"
        return f"<StreamingResponse {self.status} {self._label} {state}>"
