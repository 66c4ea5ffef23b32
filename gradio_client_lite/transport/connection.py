"""One connection: sends a request, reads the head of its answer, and knows whether it may be used again.

`http.client.HTTPResponse` parses the answer's head. Sending is done here, because the head and a small body
have to leave in one packet, deadlines have to hold for every single read, and a failure has to tell whether
anything had been sent.
"""

from __future__ import annotations

import io
import os
import socket
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING, Any, Iterable, Iterator, Optional, Protocol, Union, cast

from ..errors import ArgumentError
from .proxy import Proxy
from .sockets import Deadline, Silence, SocketLike, SocketReader, Timeout, ready, shutdown

if TYPE_CHECKING:
    from .liveness import Liveness

# Bodies up to this size go out together with the head.
_ONE_SEND = 65536
_SLICE = 262144
_BUFFER = 16384
# Of the heads of one answer, informational ones (1xx) included. Real ones have a few hundred bytes.
_MAX_HEAD = 1 << 17
_MAX_HEADS = 11
_NO_LIMITS = Timeout(None, None)


class SizedBody(Protocol):
    """A request body made of chunks.

    Each iteration starts at the beginning, so it can be sent again. An attribute `size` wins over len().
    """

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[bytes]: ...


Body = Union[bytes, bytearray, memoryview, SizedBody]


class BodyFailed(Exception):
    """Carries an exception out of the caller's body, so that it is not taken for the network's."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


def body_size(body: Body) -> int:
    """Return the length of a body in bytes: its attribute `size` or else its len()."""
    if isinstance(body, memoryview):
        return body.nbytes
    size = getattr(body, "size", None)
    return size if isinstance(size, int) else len(body)


class Connection:
    """One open socket with its read buffer.

    Args:
        sock: connected; TLS done, where the route has it.
        route: what the pool keeps it under.
        proxy: the one that reads the requests: plain http through a proxy, not through a tunnel.

    Attributes:
        raw: tells whether anything of the answer has arrived, and whether the peer has closed.
        sent: whether any byte of the request now under way has left.
        whole: whether the request has been sent completely.
        idle_since: when the pool got it back.
        aborted: somebody woke its reader; it must not be used again.
        peer: the address it leads to, or the host where a proxy knows that.
    """

    __slots__ = (
        "__weakref__",
        "_deadline",
        "_limits",
        "_owner",
        "_pid",
        "_sock",
        "aborted",
        "failed",
        "idle_since",
        "peer",
        "proxy",
        "raw",
        "reader",
        "route",
        "sent",
        "whole",
    )

    def __init__(self, sock: SocketLike, route: Any, *, proxy: Optional[Proxy] = None) -> None:
        self._sock = sock
        self._owner = True
        self._limits, self._deadline = _NO_LIMITS, Deadline(None)
        self.raw = SocketReader(sock, self._deadline)
        self.reader: io.BufferedReader[SocketReader] = io.BufferedReader(self.raw, _BUFFER)
        self._pid = os.getpid()
        self.route = route
        self.proxy = proxy
        self.peer = ""
        self.idle_since = 0.0
        self.aborted = False
        self.failed = False
        self.sent = False
        self.whole = False

    def __del__(self) -> None:
        self.close()

    def prepare(
        self,
        limit: Optional[float],
        deadline: Deadline,
        limits: Timeout = _NO_LIMITS,
        liveness: Optional[Liveness] = None,
    ) -> None:
        """Set the limits of the request that comes.

        Args:
            limit: the longest silence in seconds; None for ever.
            deadline: of the whole request.
            limits: what they say of how an answer is waited for.
            liveness: tells whether a server that is silent for so long is waited for; None when it is not.
        """
        raw = self.raw
        raw.limit, raw.deadline = limit, deadline
        raw.silence, raw.liveness = limits.silence, liveness
        raw.received = self.sent = self.whole = False
        self._limits, self._deadline = limits, deadline

    def set_limit(self, seconds: Optional[float]) -> None:
        """Change the longest silence, in seconds; None for ever."""
        self.raw.limit = seconds

    def send(self, head: bytes, body: Optional[Body]) -> None:
        """Send a request; stop early, without an error, when the server answers before it is whole.

        Raises:
            OSError: it broke; `sent` tells whether anything had left.
            BodyFailed: the caller's body raised.
        """
        if body is None:
            self.whole = self._send_first(memoryview(head))
        elif isinstance(body, (bytes, bytearray, memoryview)):
            view = memoryview(body).cast("B")
            if len(view) <= _ONE_SEND:
                self.whole = self._send_first(memoryview(head + view))
            else:
                self.whole = self._send_first(memoryview(head)) and self._send_rest(view)
        else:
            self.whole = self._send_chunks(head, body)

    def _send_chunks(self, head: bytes, body: SizedBody) -> bool:
        left = body_size(body)
        for chunk in _chunks(body):
            left -= len(chunk)
            if left < 0:
                break
            if head and len(chunk) <= _ONE_SEND:
                done = self._send_first(memoryview(head + chunk))
            else:
                done = (not head or self._send_first(memoryview(head))) and self._send_rest(memoryview(chunk))
            head = b""
            if not done:
                return False
        if left:
            raise BodyFailed(ArgumentError("The request body did not yield as many bytes as its size says."))
        return not head or self._send_first(memoryview(head))

    def _send_first(self, data: memoryview) -> bool:
        # A view, as bytes would show the request's secrets in the frames of a failure.
        # Mostly all of it fits, and then no timer has to be set for sending.
        self.raw.deadline.left()
        try:
            count = self.raw.send_now(data)
        except BlockingIOError:
            count = 0
        self.sent = True
        return count == len(data) or self._send_rest(data[count:])

    def _send_rest(self, view: memoryview) -> bool:
        while view:
            count = self._send_some(view[:_SLICE])
            if count is None:
                return False
            view = view[count:]
        return True

    def _send_some(self, view: memoryview) -> Optional[int]:
        """Send what fits now, waiting only when nothing does; None when the server has answered instead."""
        raw = self.raw
        limit = raw.deadline.left(raw.limit)
        try:
            return raw.send_now(view)
        except BlockingIOError:
            pass
        watch: Optional[Silence] = None
        while True:
            readable, writable = ready(self._sock, write=True, timeout=limit)
            if readable and self._answered():
                return None
            if readable or writable:
                return 0
            watch = watch or raw.watch()
            limit = raw.bear(watch)

    def _answered(self) -> bool:
        """Whether the server has sent something or hung up, when it should still be listening."""
        try:
            return bool(self._peek(waiting=False)) or self.raw.eof
        except OSError:
            return True

    def _peek(self, *, waiting: Optional[bool]) -> bytes:
        before, self.raw.wait = self.raw.wait, waiting
        try:
            return self.reader.peek(1)
        finally:
            self.raw.wait = before

    def overrun(self) -> bool:
        """Whether more has arrived than the answer said there would be; what comes later is not seen."""
        return self._answered() and bool(self.buffered())

    def read_head(self, method: str) -> HTTPResponse:
        """Read status line and headers; informational answers (1xx) are skipped.

        Raises:
            OSError: it broke or took too long.
            HTTPException: this is not HTTP/1.x, or it ended within the head, or there is no end to it.
        """
        lines = _HeadLines(self)
        while True:
            response = HTTPResponse(cast(socket.socket, lines), method=method)
            try:
                response.begin()
            finally:
                # The buffer outlives the answer: leftover bytes have to be noticed.
                response.fp = cast(Any, None)
            if self.raw.eof:
                # http.client takes an end within the headers for their end.
                raise ConnectionResetError("closed within the headers")
            if not 100 <= response.status < 200 or response.status == 101:
                # After an exception of the app uvicorn closes without having said so.
                self.failed = response.status >= 500
                self.raw.renew()
                return response

    def await_answer(self, *, first: bool) -> None:
        """Begin to wait for the head of an answer.

        Args:
            first: whether it is not one that follows an informational answer. Those are of no use, but a
                function may go on running after one.
        """
        raw = self.raw
        if self._limits.patient:
            raw.deadline = self._deadline
            raw.be_patient(self._limits)
            if self.buffered():
                raw.begin_answer()
        elif first:
            raw.renew()

    def renew(self) -> None:
        """Begin another wait for something of use, such as the next bytes of a body."""
        self.raw.renew()

    def buffered(self) -> bytes:
        """Return what has been received but not read, without reading from the socket."""
        return self._peek(waiting=None)

    def set_waiting(self, waiting: bool) -> None:
        """With False, reads from `reader` return what there is, maybe nothing, where they would wait."""
        self.raw.wait = waiting

    def read_arrived(self, size: int) -> Optional[bytes]:
        """Return up to `size` bytes that have arrived, without waiting.

        Returns:
            None when nothing has; b"" when the peer has closed.
        """
        self.raw.wait = False
        try:
            data = self.reader.read1(size)
        finally:
            self.raw.wait = True
        return data if data or self.raw.eof else None

    def write(self, data: bytes) -> None:
        """Send all of it, within the limits, whatever arrives meanwhile.

        Raises:
            OSError: it broke or took too long.
        """
        view = memoryview(data)
        while view:
            self.raw.set_timeout()
            view = view[self._sock.send(view[:_SLICE]) :]

    def fileno(self) -> int:
        """The number of the socket, to wait for it; -1 once it is closed."""
        return self._sock.fileno()

    def reusable(self) -> bool:
        """Whether the last exchange left it clean: all sent, nothing unread, not aborted, not failed."""
        return (
            self.whole and not self.failed and not self.aborted and not self.raw.eof and not self.buffered()
        )

    def stale(self) -> bool:
        """Whether an idle connection was closed, or got bytes nobody asked for."""
        try:
            return ready(self._sock, write=False, timeout=0)[0]
        except (OSError, ValueError):
            return True

    def abort(self) -> None:
        """Wake a thread that reads or writes; it gets an error. For any thread; idempotent."""
        self.aborted = True
        # Not in a child after fork: shutdown acts on the connection, which is the parent's too.
        if self._pid == os.getpid():
            shutdown(self._sock)

    def close(self) -> None:
        """Close the socket; only while no thread is using it. Idempotent."""
        if self._owner:
            self._sock.close()

    def release(self) -> None:
        """Leave the socket to its maker, who will close it."""
        self._owner = False


class _HeadLines:
    """The file that `HTTPResponse` reads from, which asks for it as it would ask a socket.

    It bounds the heads of one answer together. `HTTPResponse` bounds each line and the lines of each head,
    but skips answers of status 100 without end.
    """

    __slots__ = ("_connection", "_heads", "_left", "_within")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._left = _MAX_HEAD
        self._heads = 0
        self._within = False

    def makefile(self, _mode: str) -> _HeadLines:
        return self

    def readline(self, size: int) -> bytes:
        """The next line, its end included.

        Raises:
            HTTPException: there is too much of it all.
        """
        if not self._within:
            self._begin()
        line = self._connection.reader.readline(min(size, self._left + 1))
        self._left -= len(line)
        if self._left < 0:
            raise HTTPException("head too long")
        self._within = line not in (b"\r\n", b"\n")
        return line

    def _begin(self) -> None:
        if self._heads == _MAX_HEADS:
            raise HTTPException("too many informational answers")
        self._connection.await_answer(first=self._heads == 0)
        self._heads += 1
        self._within = True

    def close(self) -> None:
        """The buffer stays open; it is the connection's."""


def _chunks(body: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a body's chunks, none empty; what the body raises is marked as the caller's."""
    try:
        yield from (chunk for chunk in body if chunk)
    except Exception as exc:
        raise BodyFailed(exc) from exc
