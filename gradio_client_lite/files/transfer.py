"""The transfer of one file from its server into a `Saving`.

    FETCHING ────── all of it ─────► JUDGED ── no doubt, or the same again ──► done
     │    ▲                            │
     │    ├── drop it and pause ◄──────┼─ doubt
     │    │                            └─ no pause left ──► give up, RetryLater
     │    └── resume or restart ◄──┐
     └─ cut or silent ─────────────┴──► give up, the connection's error

Fetching takes one request, or up to five where connections break:

- Resume: the rest is asked for (Range) where the answer before had a strong ETag. It counts if it is a 206
  with exactly the rest of what has that ETag.
- Restart: a 200 is the whole file anew. Any other 206, and 416, mean that the file has changed: what there is
  is dropped, and the file asked for once more.
- Give up: when the first request ends in silence without a byte; when a later one brings no new byte, or
  there is no ETag, so that each would begin from the start. A live stream of Gradio 4 is never asked for
  twice, as reading consumes it.

A file is whole if it has the size of its Content-Length, no more and no less, and there is no doubt. Servers
write files of the same content anew for each job, in place, and serve what there is, with a Content-Length
that suits (gradio/processing_utils.py 4.0 – 6.31). So a file of the app itself is doubted if its size is not
what the result states, if it lacks the end that its format has, or if it is empty and of a kind that never
is; unless it was last changed a minute ago. A file that is cut is doubted if two answers differ. It is
fetched again until there is no doubt, or the same comes after a while: then the doubt was wrong.
"""

from __future__ import annotations

import logging
import re
from typing import Callable, NamedTuple, Optional, Tuple

from ..app.app import App
from ..errors import (
    ArgumentError,
    ConnectionLost,
    DeadlineExceeded,
    GradioClientError,
    HTTPStatusError,
    ProtocolError,
    ReadTimeout,
    ResponseTooLarge,
    RetryLater,
)
from ..queues.base import check_signed_in
from ..transport.http import StreamingResponse, Timeout
from ..transport.reach import Word
from ..transport.sockets import Deadline
from ..transport.url import parse_url
from ..wire.fileurls import Location, is_own
from ..wire.refusal import epoch, stated_wait, status_error
from ..wire.urls import bare_url
from .handle import read_chunks
from .saving import Saving

_log = logging.getLogger(__name__)

_CHUNK = 1 << 18
_MAX_REQUESTS = 5
#: Seconds since its last change after which a file is not being written any more.
_OLD = 60.0
#: Kinds of content that an empty file cannot have.
_NEVER_EMPTY = re.compile(r"(?:image|audio|video|font|model)/|application/(?:pdf|zip|gzip|x-tar)\b")
#: The server of a live stream gives up after 120 seconds without a chunk (gradio/routes.py 4.16, `stream`).
_LIVE = Timeout(connect=10.0, read=130.0)
_SIZE = "[0-9]{1,18}"  # int refuses thousands of digits with an error of its own
_CONTENT_LENGTH = re.compile(rf"{_SIZE}\Z")
_CONTENT_RANGE = re.compile(rf"bytes ({_SIZE})-({_SIZE})/({_SIZE})\Z")


#: Called with the bytes received so far and in all; None where the server does not say.
Progress = Callable[[int, Optional[int]], object]


class Pacing(NamedTuple):
    """How a doubted file is asked for again.

    Args:
        pauses: seconds before each further time.
        settled: what is the same after a pause of so many seconds is whole, whatever speaks against it.
    """

    pauses: Tuple[float, ...] = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
    settled: float = 0.4


PACING = Pacing()


class Transfer:
    """Fetches one file.

    Args:
        app: whose transport and headers are used.
        location: where the file is; elsewhere than at the app it is asked for without any credentials.
        limit: the name of the limit of its size.
        pacing: of the requests for a file that is not whole.
        progress: called between chunks, on this thread; what it raises ends the transfer.

    Attributes:
        peer: the address of the server that gave it; None where that is the app, at its own origin.
    """

    def __init__(
        self,
        app: App,
        location: Location,
        limit: str = "max_download_size",
        pacing: Pacing = PACING,
        progress: Optional[Progress] = None,
    ) -> None:
        self._app = app
        self._location = location
        self._largest = app.limits.bound(limit)
        self._pacing = pacing
        self._progress = progress
        self._deadline = Deadline(Timeout(total=app.limits.downloading).total)
        self.peer: Optional[str] = None
        # What the last 200 said of the file: its strong ETag and size, None where it said none; its type and
        # dates. And whether one before it said something else.
        self._etag: Optional[str] = None
        self._total: Optional[int] = None
        self._type = ""
        self._dates: Tuple[Optional[str], Optional[str]] = (None, None)
        self._seen: Optional[Tuple[Optional[str], Optional[int]]] = None
        self._changed = False

    @property
    def _shown(self) -> str:
        """The URL for error texts; what the app is asked to hand on has its own query encoded."""
        return bare_url(self._location.url).partition("%3F")[0]

    def into(self, saving: Saving) -> None:
        """Write the whole file into `saving`; raise RetryLater if the app does not end writing it."""
        try:
            self._fetch_until_whole(saving)
        except DeadlineExceeded as exc:
            if not self._deadline.passed():
                raise
            limit = self._app.limits.bound("downloading").name
            raise DeadlineExceeded(
                f"{self._shown} took longer to download than {limit}; make the client with a larger one."
            ) from exc
        if self._progress is not None:
            self._progress(saving.size, saving.size)

    def _fetch_until_whole(self, saving: Saving) -> None:
        pauses = iter(self._pacing.pauses)
        paused, before = 0.0, b""
        while True:
            cause: Optional[ConnectionLost] = None
            digest = b""
            try:
                self._fetch(saving)
                doubt = self._doubt(saving)
                if saving.size:
                    digest = saving.digest
            except ConnectionLost as exc:
                if not self._changed or self._location.live:
                    raise
                doubt, cause = f"{self._shown} was cut short, as the app is writing it", exc
            if not doubt or (digest and digest == before and paused >= self._pacing.settled):
                return
            pause = next(pauses, None)
            if pause is None:
                raise RetryLater(f"{doubt}. Try again.") from cause
            _log.info("a file is fetched again: %s", self._app.transport.secrets.blank(doubt))
            left = self._seconds_left()
            self._app.threads.pause(pause if left is None else min(pause, left))
            paused, before = pause, digest
            saving.restart()

    def _doubt(self, saving: Saving) -> str:
        """Say why a file may not be whole that has the size of its Content-Length; "" where nothing does."""
        size, stated = saving.size, self._location.size
        doubt = ""
        if not self._location.own or not self._location.steady:
            return doubt
        if stated is not None:
            if size != stated:
                doubt = f"{self._shown} gave {size} bytes of a file of {stated}"
        elif size:
            if _lacks_its_end(*saving.ends(), size):
                doubt = f"{self._shown} gave a part of a file"
        elif _is_never_empty(self._type, self._location.name):
            doubt = f"{self._shown} gave an empty file of a kind that cannot be empty"
        if not doubt:
            return doubt
        changed, sent = map(epoch, self._dates)  # by the server's own clock, so that ours may be wrong
        return "" if changed is not None and sent is not None and sent - changed >= _OLD else doubt

    def _fetch(self, saving: Saving) -> None:
        """Fetch all of the file once, in as many requests as are worth it."""
        self._etag = None
        requests = 0
        while True:
            requests += 1
            before = saving.size
            try:
                if self._request(saving):
                    return
            except (ConnectionLost, ReadTimeout) as exc:
                gained = saving.size > before
                if requests == 1:
                    # Without an ETag everything is fetched again, which is worth trying once.
                    hopeful = gained or isinstance(exc, ConnectionLost)
                else:
                    hopeful = gained and self._etag is not None
                if not hopeful or requests >= _MAX_REQUESTS or self._location.live:
                    raise
                _log.info("a download is gone on with: %s", self._app.transport.secrets.shown(exc))

    def _request(self, saving: Saving) -> bool:
        """Ask for what is still to come; False if the file has changed and what there was is dropped."""
        with self._open(saving.size) as response:
            self.peer = None if is_own(response.url, self._app.routes) else response.peer
            if response.status == 200:
                self._begin(response, saving)
            elif not saving.size or response.status not in (206, 416):
                raise self._refused(response)
            elif not self._continues(response, saving.size):
                self._etag = None
                saving.restart()
                return False
            for chunk in read_chunks(response.read_some, _CHUNK):
                self._check_size(saving.size + len(chunk))
                saving.write(chunk)
                if self._progress is not None and saving.size != self._total:
                    self._progress(saving.size, self._total)
            if response.overrun:
                raise ProtocolError(
                    f"{self._shown} sent more than the {saving.size} bytes it announced, so "
                    "the file may not be whole; report it to the server."
                )
        if self._total is not None and saving.size != self._total:
            raise ProtocolError(
                f"{self._shown} gave {saving.size} bytes of a file of {self._total}; "
                "it may have changed. Try again."
            )
        return True

    def _open(self, offset: int) -> StreamingResponse:
        location, fields = self._location, {"accept-encoding": "identity"}
        if offset and self._etag is not None:
            fields.update({"range": f"bytes={offset}-", "if-range": self._etag})
        headers = self._app.headers(fields) if location.own else self._app.headers_elsewhere(fields)
        transport, here = self._app.transport, parse_url(self._app.src).host
        word = Word(peer=location.named_at, only_host=here if self._app.file_urls == "same-host" else None)
        usual = _LIVE if location.live else transport.timeout
        try:
            return transport.stream(
                "GET",
                location.url,
                headers=headers,
                timeout=Timeout(usual.connect, usual.read, self._seconds_left(), asks=usual.asks),
                credentials=location.own,
                word=word,
            )
        except ArgumentError as exc:  # of the URL, which is the server's, not the caller's
            raise ProtocolError(f"The app gave a file whose place is no URL. {exc}") from exc

    def _seconds_left(self) -> Optional[float]:
        try:
            return self._deadline.left()
        except OSError as exc:
            raise DeadlineExceeded("There is no time left for another attempt.") from exc

    def _begin(self, response: StreamingResponse, saving: Saving) -> None:
        """Start from the first byte, unless the answer is a page to sign in at."""
        check_signed_in(self._location.url, response, b"")
        if saving.size:
            saving.restart()
        headers = response.headers
        etag, length = headers.get("etag", ""), headers.get("content-length", "")
        strong = len(etag) > 2 and etag.startswith('"') and etag.endswith('"')
        self._etag = etag if strong else None
        self._total = int(length) if _CONTENT_LENGTH.match(length) else None
        seen = self._etag, self._total
        self._changed = self._changed or self._seen not in (None, seen)
        self._seen = seen
        self._type = headers.get("content-type", "")
        self._dates = (headers.get("last-modified"), headers.get("date"))
        self._check_size(self._total or 0)

    def _check_size(self, size: int) -> None:
        largest, limit = self._largest
        if largest is not None and size > largest:
            raise ResponseTooLarge(
                f"{self._shown} is larger than {limit}; make the client with a larger one."
            )

    def _continues(self, response: StreamingResponse, offset: int) -> bool:
        """Whether a partial answer is exactly the rest of what has been fetched."""
        found = _CONTENT_RANGE.match(response.headers.get("content-range", ""))
        if response.status != 206 or found is None or self._etag is None:
            return False
        first, last, total = map(int, found.groups())
        fits = first == offset and last == total - 1 and self._total in (None, total)
        return fits and response.headers.get("etag") == self._etag

    def _refused(self, response: StreamingResponse) -> GradioClientError:
        url, status = self._shown, response.status
        if status in (401, 429, 502, 503, 504):
            return status_error(status, b"", url, "downloading a file", response.headers)
        if status == 206:
            return ProtocolError(f"{url} answered with a part of a file that was not asked for.")
        advice = "" if self._location.own else " It is not at the app, so no credentials were sent."
        error = HTTPStatusError(
            f"{url} answered {status} while a file was downloaded.{advice}", status=status, url=url
        )
        error.retry_after = stated_wait(response.headers)
        return error


def _is_never_empty(type_: str, name: str) -> bool:
    """Whether no file of a kind is empty, as told by the Content-Type or the name."""
    from mimetypes import guess_type

    return any(map(_NEVER_EMPTY.match, (type_, guess_type(name)[0] or "")))


def _lacks_its_end(first: bytes, last: bytes, size: int) -> bool:
    """Whether a file ends too early, of a format that Gradio itself writes and that tells where it ends.

    `first` and `last` are its first and last twelve bytes.
    """
    if first.startswith(b"\x89PNG\r\n\x1a\n"):
        return not last.endswith(b"IEND\xaeB`\x82")
    # WebP and WAVE. One that was made without knowing its size says 0, or as much as can be said.
    stated = int.from_bytes(first[4:8], "little")
    return first.startswith(b"RIFF") and size < stated + 8 and stated < 0xFFFFFF00
