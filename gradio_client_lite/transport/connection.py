"""One connection: sends a request, reads the head and the body of its answer, and may be used again then.

An answer is an `http.client.HTTPResponse` whose head was read as RFC 9112 has it, not by the parser for mail
of that class, which takes a quarter of a call's instructions; what may be meant in two ways is refused.
Sending is done here, because the head and a small body have to leave in one packet, deadlines have to hold
for every single read, and a failure has to tell whether anything had been sent.

A body ends after as many bytes as its Content-Length says, with its last chunk, or where the connection ends
(RFC 9112 section 6). Between chunks `BodyReader` reads lines, one at a time:

      +----- an empty line behind the data (END) -----+
      v                                               |
    SIZE -- more than 0 --> as many bytes of data ----+
      |
      +---- 0 --> TRAILER -- an empty line --> done
                   ^   |
                   +---+ any other line, up to 100
"""

from __future__ import annotations

import io
import os
from http.client import BadStatusLine, HTTPException, HTTPResponse, IncompleteRead, RemoteDisconnected
from typing import TYPE_CHECKING, Any, Iterable, List, Match, Optional, cast

from ..light import pattern
from ..secrecy import Hidden, HiddenBytes
from .headers import Headers
from .sockets import (
    BLOCK,
    BUFFER_ONLY,
    POLL,
    Deadline,
    Reading,
    Silence,
    SocketLike,
    SocketReader,
    Timeout,
    ready,
    shutdown,
    would_block,
)

if TYPE_CHECKING:
    from .liveness import Liveness

_SLICE = 262144
_BUFFER = 16384
# Of the heads of one answer, informational ones (1xx) included. Real ones have a few hundred bytes.
_MAX_HEAD = 1 << 17
_MAX_HEADS = 11
# Of one head.
_MAX_FIELDS, _MAX_FIELD = 100, 1 << 16
_NO_LIMITS = Timeout(None, None)
_SIZE_LINE = pattern(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\n]*)?\r?\n\Z")
_LENGTH = pattern(r"[0-9]{1,18}\Z")
# As servers say it, those too whose framework and proxy both do.
_CHUNKED = ("chunked", "chunked, chunked")
_MAX_LINE = 8192
_MAX_TRAILERS = 100
# What follows the data of a chunk where another one follows,
_NEXT = pattern(rb"\r\n([0-9A-Fa-f]{1,16})\r\n")
# and what follows the last one's where no trailers do.
_LAST = b"\r\n0\r\n\r\n"
# The lines between chunks.
_SIZE, _END, _TRAILER = "size", "end of a chunk", "trailer"
_STATUS = pattern(rb"HTTP/(1\.[0-9]|0\.9)[ \t]+([1-9][0-9][0-9])\s")
_OLD = (b"1.0", b"0.9")
# A CR within a value might be taken for the end of a line by others.
_FIELDS = pattern(r"(?m)^([!-9;-~]+):([^\r\n]*)\r?\n")
_FOLDED = pattern(r"\r?\n[ \t]+")


class Connection:
    """One open socket with its read buffer.

    Args:
        owns: whether it closes the socket.

    Attributes:
        route: what the pool keeps it under.
        sent: whether any byte of the request now under way may have left.
        whole: whether the request has been sent completely.
        idle_since: when the pool got it back, on its two clocks.
        aborted: some thread woke its reader; it must not be used again.
        peer: the address it leads to, or the host where a proxy knows that.
    """

    def __init__(self, sock: SocketLike, route: Any, *, owns: bool = True) -> None:
        self._sock = sock
        self._owns = owns
        self._limits, self._deadline = _NO_LIMITS, Deadline(None)
        self.raw = SocketReader(sock, self._deadline)
        self.reader: io.BufferedReader[SocketReader] = io.BufferedReader(self.raw, _BUFFER)
        self._pid = os.getpid()
        self.route = route
        self.peer = ""
        self.idle_since = (0.0, 0.0)
        self.aborted = self.failed = self.sent = self.whole = False

    def __del__(self) -> None:
        self.close()

    def prepare(
        self,
        limit: Optional[float],
        deadline: Deadline,
        limits: Timeout = _NO_LIMITS,
        liveness: Optional[Liveness] = None,
    ) -> None:
        """Set the limits of the next request; see `SocketReader`.

        Args:
            limit: the longest silence in seconds; None for ever.
            limits: whether the answer is waited for patiently, and who is asked about a silence.
        """
        raw = self.raw
        raw.limit, raw.deadline = limit, deadline
        raw.silence, raw.liveness = limits.silence, liveness
        raw.received = self.sent = self.whole = False
        self._limits, self._deadline = limits, deadline

    # -- sending

    def send(self, pieces: Iterable[memoryview]) -> None:
        """Send a request; stop early, without an error, when the server answers before it is whole.

        Raises:
            OSError: it broke; `sent` tells whether anything may have left.
        """
        for piece in pieces:
            if not self._send(piece):
                return
        self.whole = True

    def write(self, data: bytes) -> None:
        """Send all of it, within the limits, whatever arrives meanwhile."""
        self._send(memoryview(data), listen=False)

    def _send(self, data: memoryview, *, listen: bool = True) -> bool:
        """Send all of `data`; with `listen`, stop and return False when the server has answered instead.

        It is a view, as bytes would show the request's secrets in the frames of a failure.
        """
        while True:
            self.raw.deadline.left()
            try:
                count = self._sock.send(data[:_SLICE])
            except OSError as error:
                if not would_block(error):
                    raise
                count = 0
            self.sent = True  # where TLS is blocked, a part of a record may have left
            if count == len(data):
                return True
            data = data[count:]
            if not count and not self._await_room(listen=listen):
                return False

    def _await_room(self, *, listen: bool) -> bool:
        """Wait until the socket takes more; False when the server has answered instead."""
        raw = self.raw
        limit = raw.deadline.left(raw.limit)
        watch: Optional[Silence] = None
        while True:
            readable, writable = ready(self._sock, read=listen, write=True, timeout=limit)
            if listen and readable and self._answered():
                return False
            if readable or writable:
                return True
            watch = watch or raw.watch()
            limit = raw.deadline.left(raw.grant(watch))

    def _answered(self) -> bool:
        """Whether the server has sent something or hung up, when it should still be listening."""
        try:
            return bool(self._peek(POLL)) or self.raw.eof
        except OSError:
            return True

    # -- reading

    def read_head(self) -> Answer:
        """Read status line and headers; informational answers (1xx) are skipped."""
        left = _MAX_HEAD
        for number in range(_MAX_HEADS):
            self._await_answer(first=number == 0)
            lines = self._read_lines(left)
            left -= len(lines)
            http, status = _begin(lines).groups()
            if status >= b"2" or status == b"101":
                # After an exception of the app uvicorn closes without having said so.
                self.failed = status >= b"5"
                self.raw.renew()
                return Answer(int(status), _headers_of(lines), old=http in _OLD)
        raise HTTPException("too many informational answers")

    def _read_lines(self, left: int) -> bytes:
        """Read a head of at most `left` bytes, its empty line included; hidden, as it may set a cookie."""
        arrived = HiddenBytes(self.reader.peek(1))
        end = arrived.find(b"\n\r\n") + 3
        if 3 <= end <= left and arrived.find(b"\n\n", 0, end) < 0:  # all of it, as nearly always
            return HiddenBytes(self.reader.read(end))
        lines: List[bytes] = []
        while not lines or lines[-1] not in (b"\r\n", b"\n"):
            room = min(left, _MAX_FIELD)
            line = HiddenBytes(self.reader.readline(room + 1))
            left -= len(line)
            if len(line) > room:
                raise HTTPException("head too long")
            if not line.endswith(b"\n") and (lines or (line and b"HTTP/".startswith(line[:5]))):
                raise ConnectionResetError("closed within the headers")
            if not lines:
                _begin(line)  # what is none may not have any lines to wait for
            lines.append(line)
        return HiddenBytes(b"".join(lines))

    def _await_answer(self, *, first: bool) -> None:
        """Begin to wait for a head. One behind an informational answer is no new wait, as that is of no use;
        but a function may go on running after one.
        """
        raw = self.raw
        if self._limits.patient:
            raw.deadline = self._deadline
            raw.be_patient(self._limits)
            if self.buffered():
                raw.begin_answer(self._limits)
        elif first:
            raw.renew()

    def buffered(self) -> bytes:
        """Return what has been received but not read, without reading from the socket."""
        return self._peek(BUFFER_ONLY)

    def _peek(self, mode: Reading) -> bytes:
        before, self.raw.mode = self.raw.mode, mode
        try:
            return self.reader.peek(1)
        finally:
            self.raw.mode = before

    def read_arrived(self, size: int) -> Optional[bytes]:
        """Return up to `size` bytes that have arrived, without waiting.

        Returns:
            None when nothing has; b"" when the peer has closed.
        """
        self.raw.mode = POLL
        try:
            data = self.reader.read1(size)
        finally:
            self.raw.mode = BLOCK
        return data if data or self.raw.eof else None

    def overrun(self) -> bool:
        """Whether more has arrived than the answer said there would be; what comes later is not seen."""
        return self._answered() and bool(self.buffered())

    # -- its end

    def fileno(self) -> int:
        """The number of the socket, to wait for it; -1 once it is closed."""
        return self._sock.fileno()

    def reusable(self) -> bool:
        """Whether the last exchange left it clean: all sent, nothing unread, not aborted, not failed."""
        return (
            self.whole and not self.failed and not self.aborted and not self.raw.eof and not self.buffered()
        )

    def stale(self) -> bool:
        """Whether an idle connection was closed, or has received what answers no request.

        What belongs to TLS alone, such as tickets after a handshake, is read here and does not count.
        """
        try:
            return ready(self._sock, write=False, timeout=0)[0] and self._answered()
        except (OSError, ValueError):  # without `poll`, `select` looks at no socket numbered 1024 or more
            return True

    def abort(self) -> None:
        """Wake a thread that reads or writes; it gets an error. For any thread; idempotent."""
        self.aborted = True
        # Not in a child after fork: shutdown acts on the connection, which is the parent's too.
        if self._pid == os.getpid():
            shutdown(self._sock)

    def close(self) -> None:
        """Close the socket; only while no thread is using it. Idempotent."""
        if self._owns:
            self._sock.close()


class Answer(HTTPResponse):
    """The head of an answer, read to its end; `BodyReader` reads the body.

    Args:
        status: its number.
        fields: its headers.
        old: whether the server speaks a version of HTTP in which connections are closed unless they say not.
    """

    # To the library's methods nothing is left to read; where one of them closed what is dropped, an interrupt
    # would be lost in it.
    closed, fp, headers = True, cast(Any, None), cast(Any, None)

    def __init__(self, status: int, fields: Headers, *, old: bool) -> None:
        # Without the library's own, which sets what its parser needs.
        self.status = status
        self.fields = fields
        self.version = 10 if old else 11
        said = fields.get("connection", "").lower()
        self.will_close = "close" in said or (old and "keep-alive" not in said)


def _begin(head: bytes) -> Match[bytes]:
    """Check the status line that a head begins with, and find version and status in it."""
    found = _STATUS.match(head)
    if found is None:
        if not head:
            raise RemoteDisconnected("closed before an answer")
        raise BadStatusLine(head.partition(b"\n")[0].decode("latin-1"))
    return found


def _headers_of(head: bytes) -> Headers:
    """Read the fields of a head; each line but the first and the last is one."""
    text = Hidden(head.decode("latin-1"))
    if "\n " in text or "\n\t" in text:  # a line goes on in the next one, which only old servers do
        text = Hidden(_FOLDED.sub(" ", text))
    count = text.count("\n") - 2
    headers = Headers(_FIELDS.findall(text))
    if headers.count != count or count > _MAX_FIELDS:
        raise HTTPException("malformed headers")
    return headers


class BodyReader:
    """Reads the body of an answer, as it was framed; made when the head has just been read.

    Attributes:
        done: the whole body has been read; nothing of it is left on the connection.
        keep: whether the server will keep the connection open afterwards.
        until_close: the body ends where the connection ends.
        left: at least how many bytes are still to come.
        announced: whether the head has said how many bytes there are.

    Raises:
        HTTPException: the framing would have to be guessed.
    """

    def __init__(self, connection: Connection, method: str, answer: Answer) -> None:
        status, headers, self._connection = answer.status, answer.fields, connection
        # After a 101 the connection speaks another protocol, wanted or not.
        self.keep = not answer.will_close and status >= 200
        self.left = 0
        self._chunked = self.until_close = self.announced = False
        # Between chunks: what line comes next, and the part of it that has arrived.
        self._expected, self._partial, self._trailers = _SIZE, b"", 0
        if not (status < 200 or status in (204, 304) or method == "HEAD"):
            coding = headers.get("transfer-encoding", "identity").lower()
            if coding in _CHUNKED:
                self._chunked = True
                # A length beside chunks is ignored, but is how answers get mixed up (RFC 9112 section 6.3).
                self.keep = self.keep and "content-length" not in headers
            elif coding != "identity":
                raise HTTPException("unknown transfer coding")
            elif "content-length" in headers:
                self.left, self.announced = _length_of(headers.get_all("content-length")), True
            else:
                self.until_close, self.keep = True, False
        self.done = not (self._chunked or self.until_close or self.left)

    def read_some(self, size: int) -> bytes:
        """Return up to `size` bytes as soon as there are any; b"" at the end.

        Raises:
            BlockingIOError: the connection does not wait and nothing has arrived; nothing is lost, and it may
                be asked again.
            IncompleteRead: the connection ended before the body did.
            HTTPException: the chunks are malformed.
        """
        reader = self._connection.reader
        while not self.done:
            if self._chunked and not self.left:
                self._read_line()
                continue
            data = reader.read1(size if self.until_close else min(size, self.left))
            if not data:
                self._require_end()
                if not self.until_close:
                    raise IncompleteRead(b"", self.left)
                self.done = True
            elif not self.until_close:
                self.left -= len(data)
                if not self.left:
                    if self._chunked:
                        return self._with_next(data, size)
                    self.done = True
            return data
        return b""

    def _with_next(self, data: bytes, size: int) -> bytes:
        """Return the data of a chunk with that of the chunks behind it that have arrived whole, the end too.

        Events come as a chunk each, and maybe by the hundred; reading the lines between them takes longer.
        They are less than `size`, which is one byte more than a limit lets through.
        """
        arrived = self._connection.buffered()
        pieces, place, size = [data], 0, size - len(data)
        found = _NEXT.match(arrived)
        while found is not None:
            start, length = found.end(), int(found.group(1), 16)
            if not 0 < length < size or start + length > len(arrived):
                break
            place, size = start + length, size - length
            pieces.append(arrived[start:place])
            found = _NEXT.match(arrived, place)
        if arrived.startswith(_LAST, place):
            place += len(_LAST)
            self.done = True
        if place:
            self._connection.reader.read(place)
        return b"".join(pieces)

    def _read_line(self) -> None:
        """Read one line between chunks, and know what comes next; see the drawing above."""
        line = self._partial + self._connection.reader.readline(_MAX_LINE - len(self._partial))
        if not line.endswith(b"\n"):
            if len(line) >= _MAX_LINE:
                raise HTTPException("chunk header too long")
            self._partial = line
            self._require_end()
            raise IncompleteRead(b"")
        self._partial = b""
        empty = line in (b"\r\n", b"\n")
        if self._expected is _SIZE:
            match = _SIZE_LINE.match(line)
            if match is None:
                raise HTTPException("bad chunk size")
            self.left = int(match.group(1), 16)
            self._expected = _END if self.left else _TRAILER
        elif self._expected is _END:
            if not empty:
                raise HTTPException("chunk longer than its size")
            self._expected = _SIZE
        elif empty:
            self.done = True
        else:
            self._trailers += 1
            if self._trailers >= _MAX_TRAILERS:
                raise HTTPException("too many trailers")

    def _require_end(self) -> None:
        """Tell the end of the connection from a read that did not wait and found nothing."""
        if not self._connection.raw.eof:
            raise BlockingIOError("nothing has arrived")


def _length_of(lengths: List[str]) -> int:
    """Read the length of a body; refuse one that would have to be guessed."""
    for length in lengths:
        if length != lengths[0] or not _LENGTH.match(length):
            raise HTTPException("bad content length")
    return int(lengths[0])
