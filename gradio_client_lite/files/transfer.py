"""Transfer: the bytes of one file, from the server to where they are saved."""

from __future__ import annotations

import logging
import re
from typing import Optional, Tuple

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
from ..transport.redirect import Word
from ..transport.sockets import Deadline
from ..transport.url import parse_url
from ..wire.fileurls import Location, is_own
from ..wire.refusal import epoch, stated_wait, status_error
from ..wire.urls import bare_url
from .saving import Saving

_log = logging.getLogger(__name__)

_CHUNK = 1 << 18
#: How often one file is begun again or gone on with; each time some bytes must have come.
_MAX_RETRIES = 4
#: Seconds before a file that seems not to be whole is asked for again. Servers write files of one content
#: anew for each job, in place, and give what there is (gradio/processing_utils.py 4.0 – 6.31).
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
#: What is the same after so many seconds is as it was meant to be: sizes may be stated wrongly.
_SETTLED = 0.4
#: A file that was last changed so many seconds ago is not being written.
_OLD = 60.0
#: Kinds of content that an empty file cannot have.
_NEVER_EMPTY = re.compile(r"(?:image|audio|video|font|model)/|application/(?:pdf|zip|gzip|x-tar)\b")
#: The server of a live stream gives up after 120 seconds without a chunk (gradio/routes.py 4.16, `stream`).
_LIVE = Timeout(connect=10.0, read=130.0)
_SIZE = "[0-9]{1,18}"  # int refuses thousands of digits with an error of its own
_CONTENT_LENGTH = re.compile(rf"{_SIZE}\Z")
_CONTENT_RANGE = re.compile(rf"bytes ({_SIZE})-({_SIZE})/({_SIZE})\Z")


class Transfer:
    """Fetches one file; goes on where a broken connection left off, if the server can do that safely.

    Args:
        app: whose transport and headers are used.
        location: where the file is; elsewhere than at the app it is asked for without any credentials.
        limit: which of the app's limits its size has.

    Attributes:
        peer: the address of the server that gave it; None where that is the app, at its own origin.
    """

    def __init__(self, app: App, location: Location, limit: str = "max_download_size") -> None:
        self._app = app
        self._location = location
        self._limit = limit
        self.peer: Optional[str] = None
        self._largest: Optional[int] = getattr(app.limits, limit)
        self._deadline = Deadline(Timeout(total=app.limits.downloading).total)
        # The strong validator of the representation being fetched, and its size; None when it has none.
        self._etag: Optional[str] = None
        self._total: Optional[int] = None
        self._begun = False
        # What the last answer said of the file, and whether those before said the same.
        self._type = ""
        self._dates: Tuple[Optional[str], Optional[str]] = (None, None)
        self._seen: Optional[Tuple[Optional[str], Optional[int]]] = None
        self._changed = False

    @property
    def _shown(self) -> str:
        """The URL for error texts; what the app is asked to hand on has its own query encoded."""
        return bare_url(self._location.url).partition("%3F")[0]

    def into(self, saving: Saving) -> None:
        """Write the whole file into `saving`.

        Raises:
            ResponseTooLarge, DeadlineExceeded: it is larger, or took longer, than the app's limits say.
            RetryLater: the app is writing it, as often as it is asked for.
            GradioClientError: of the kind that tells what went wrong.
        """
        try:
            self._settle(saving)
        except DeadlineExceeded as exc:
            if not self._deadline.passed():
                raise
            raise DeadlineExceeded(
                f"{self._shown} took longer to download than "
                f"Limits(downloading={self._app.limits.downloading}); make the client with a larger one."
            ) from exc

    def _settle(self, saving: Saving) -> None:
        """Fetch the file until it is plain that it is whole."""
        waited, before = 0.0, b""
        for pause in (*_PAUSES, None):
            cause: Optional[ConnectionLost] = None
            try:
                self._fetch_all(saving)
                doubt = self._doubt(saving)
            except ConnectionLost as exc:
                if not self._changed or self._location.live:
                    raise
                doubt, cause = f"{self._shown} was cut short, as the app is writing it", exc
            digest = saving.digest if saving.size and cause is None else b""
            if not doubt or (digest and digest == before and waited >= _SETTLED):
                return
            if pause is None:
                raise RetryLater(f"{doubt}. Try again.") from cause
            _log.info("a file is fetched again: %s", self._app.transport.secrets.blank(doubt))
            left = self._seconds_left()
            self._app.threads.pause(pause if left is None else min(pause, left))
            waited, before = pause, digest
            saving.restart()
            self._etag, self._begun = None, False

    def _doubt(self, saving: Saving) -> str:
        """Why a file may not be whole that came as it was announced; "" where nothing speaks for that."""
        size, stated = saving.size, self._location.size
        doubt = ""
        if not self._location.own or not self._location.steady:
            return doubt
        if stated is not None:
            if size != stated:
                doubt = f"{self._shown} gave {size} bytes of a file of {stated}"
        elif size:
            if _is_part(*saving.ends(), size):
                doubt = f"{self._shown} gave a part of a file"
        elif _never_empty(self._type, self._location.name):
            doubt = f"{self._shown} gave an empty file of a kind that cannot be empty"
        return doubt if doubt and _age(*self._dates) < _OLD else ""

    def _fetch_all(self, saving: Saving) -> None:
        retries = 0
        while not self._attempt(saving, may_retry=retries < _MAX_RETRIES):
            retries += 1

    def _attempt(self, saving: Saving, *, may_retry: bool) -> bool:
        """Fetch all, or what is still to come; False when another attempt may do better."""
        before, begun = saving.size, self._begun
        try:
            return self._fetch(saving)
        except (ConnectionLost, ReadTimeout) as exc:
            # Without a validator everything is fetched again, which is worth trying once.
            gained = saving.size > before
            hopeful = (
                (gained and self._etag is not None) if begun else gained or isinstance(exc, ConnectionLost)
            )
            if self._location.live or not hopeful or not may_retry:
                raise
            _log.info("a download is gone on with: %s", self._app.transport.secrets.shown(exc))
            return False

    def _fetch(self, saving: Saving) -> bool:
        self._begun = True
        with self._open(saving.size) as response:
            self.peer = None if is_own(response.url, self._app.routes) else response.peer
            if response.status == 200:
                self._begin(response, saving)
            elif saving.size and response.status in (206, 416) and not self._continues(response, saving.size):
                self._etag = None  # the file has changed: from the start again
                saving.restart()
                return False
            elif response.status != 206 or not saving.size:
                raise self._refused(response)
            self._copy(response, saving)
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
        """Start from the first byte.

        Raises:
            AuthenticationError: it is not of the file, but of a page to sign in at.
        """
        check_signed_in(self._location.url, response, b"")
        if saving.size:
            saving.restart()
        headers = response.headers
        encoded = "content-encoding" in headers
        etag, length = headers.get("etag", ""), headers.get("content-length", "")
        strong = len(etag) > 2 and etag.startswith('"') and etag.endswith('"')
        total = int(length) if _CONTENT_LENGTH.match(length) and not encoded else None
        tag = etag if strong and not encoded else None
        self._changed = self._changed or (self._seen is not None and self._seen != (tag, total))
        self._seen = self._etag, self._total = tag, total
        self._type = headers.get("content-type", "")
        self._dates = (headers.get("last-modified"), headers.get("date"))
        self._check_size(self._total or 0)

    def _check_size(self, size: int) -> None:
        if self._largest is not None and size > self._largest:
            raise ResponseTooLarge(
                f"{self._shown} is larger than Limits({self._limit}={self._largest}); make "
                "the client with a larger one."
            )

    def _continues(self, response: StreamingResponse, offset: int) -> bool:
        """Whether a partial answer is exactly the rest of what has been fetched."""
        found = _CONTENT_RANGE.match(response.headers.get("content-range", ""))
        if found is None or self._etag is None:
            return False
        first, last, total = (int(number) for number in found.groups())
        whole = self._total is None or total == self._total
        rest: Tuple[int, int] = (offset, total - 1)
        return (first, last) == rest and whole and response.headers.get("etag") == self._etag

    def _copy(self, response: StreamingResponse, saving: Saving) -> None:
        while True:
            chunk = response.read_some(_CHUNK)
            if not chunk:
                return
            self._check_size(saving.size + len(chunk))
            saving.write(chunk)

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


def _never_empty(type_: str, name: str) -> bool:
    """Whether no file of this kind is empty, as its server or its name tells that."""
    from mimetypes import guess_type

    return any(map(_NEVER_EMPTY.match, (type_, guess_type(name)[0] or "")))


def _age(then: Optional[str], now: Optional[str]) -> float:
    """Seconds since a file was changed, by the server's own clock; 0 where it does not say."""
    changed, sent = epoch(then), epoch(now)
    return 0.0 if changed is None or sent is None else sent - changed


def _is_part(first: bytes, last: bytes, size: int) -> bool:
    """Whether a file ends too early, of a format that Gradio itself writes and that tells where it ends.

    Args:
        first: its first twelve bytes.
        last: its last twelve bytes.
        size: in bytes.
    """
    if first.startswith(b"\x89PNG\r\n\x1a\n"):
        return not last.endswith(b"IEND\xaeB`\x82")
    # WebP and WAVE. One that was made without knowing its size says 0, or as much as can be said.
    told = int.from_bytes(first[4:8], "little")
    return first.startswith(b"RIFF") and size < told + 8 and told < 0xFFFFFF00
