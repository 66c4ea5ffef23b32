"""Downloads: the files of a result, saved and named by their content."""

from __future__ import annotations

import logging
import os
import threading
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, Callable, Dict, List, Literal, Mapping, NamedTuple, Optional, Sequence, Union

from ..app.app import App
from ..errors import (
    AuthenticationError,
    FolderError,
    ForbiddenAddress,
    HTTPStatusError,
    ProtocolError,
    ResponseTooLarge,
    RetryLater,
    for_waiters,
)
from ..wire.config import EndpointSpec
from ..wire.filedata import IsFile, Slot, file_outputs, find_files
from ..wire.fileurls import Location, segment_names, segment_of
from ..wire.names import PREFIX, parse_data_url
from ..wire.provenance import ResultPath, origin_of
from ..workers import Workers, call_after_fork
from .saving import Savings, own_folder, own_folder_name
from .transfer import Transfer

_log = logging.getLogger(__name__)

#: Threads of one client that help with results of several files; the thread that wants them works too.
_HELPERS = 3

#: Where a file of a result of an app is; see `generations.locate`.
Locate = Callable[[App, Mapping[str, Any]], Location]


def default_folder() -> str:
    """Where downloads go: the environment variable GRADIO_TEMP_DIR, else the user's own temporary folder."""
    return os.environ.get("GRADIO_TEMP_DIR") or own_folder()


def _savings(folder: Union[str, os.PathLike[str]]) -> Savings:
    """Saves in a folder; in the user's own only where it is that."""
    path = _checked(folder)
    chosen = os.environ.get("GRADIO_TEMP_DIR") or path.name != own_folder_name()
    return Savings(path, private=not chosen and str(path) == own_folder())


class _Wanted(NamedTuple):
    """A file to fetch, the place that wants it, and which chunk of a stream it stands for; None for all."""

    slot: Slot
    location: Location
    chunk: Optional[int]


class _Segments(NamedTuple):
    """The segments of a stream, as its playlist names them, and the address of the playlist's server.

    It is None for the app itself.
    """

    names: List[str]
    peer: Optional[str]


class Downloads:
    """Fetches the files of an app's results.

    Args:
        app: where from.
        folder: where to; made when the first file comes. False leaves the server's dicts as they are.
        locate: finds the file of a FileData.

    Attributes:
        helpers: threads for results of several files.

    Raises:
        FolderError: `folder` is no folder, or cannot be written to. It is a ValueError.
    """

    def __init__(
        self, app: App, folder: Union[str, os.PathLike[str], Literal[False]], locate: Locate
    ) -> None:
        self._app = app
        self._locate = locate
        self._savings = None if folder is False else _savings(folder)
        self.helpers = Workers(_HELPERS, "gradio-download", threads=app.threads)

    def of_job(self, spec: EndpointSpec, is_file: Optional[IsFile] = None) -> JobFiles:
        """The files of one job's results.

        Args:
            spec: the endpoint that gives them.
            is_file: what is a file in them; None leaves that to what the app declares.
        """
        if is_file is None:
            is_file = file_outputs(spec, marks_files=self._app.dialect.marks_files)
        return JobFiles(self._app, is_file, self._savings, self.helpers, self._locate)

    def fetch_one(self, file: Mapping[str, Any]) -> str:
        """The path of a copy of one file of a result; see `JobFiles.fetch`."""
        files = JobFiles(self._app, lambda value, _: value is file, self._savings, self.helpers, self._locate)
        return str(files.fetch([file])[0])


class JobFiles:
    """Fetches the files of one job, each once, however often its values are asked for."""

    def __init__(
        self, app: App, is_file: IsFile, savings: Optional[Savings], helpers: Workers, locate: Locate
    ) -> None:
        self._app = app
        self._savings = savings
        self._helpers = helpers
        self._is_file = is_file
        self._locate = locate
        self.after_fork()
        call_after_fork(self)

    def after_fork(self) -> None:
        """In a child: nothing is being fetched, as the parent's threads do not exist here."""
        # Guards the dicts: of what is fetched or being fetched, by URL, and of the segments that a
        # playlist had when it was last looked at.
        self._lock = threading.Lock()
        self._fetched: Dict[str, Future[str]] = {}
        self._segments: Dict[str, _Segments] = {}

    def fetch(self, data: List[Any], chunks: Optional[Dict[str, int]] = None) -> List[Any]:
        """The output values with the paths of local copies in place of the server's files. Blocks.

        Args:
            data: one value for each output component; it is not changed.
            chunks: for a value before the result, how many chunks of each stream of segments the values
                before it stood for, by URL; counted on here. Such a value is the next chunk alone. None for
                the result, which has the whole stream as one file.

        Raises:
            HTTPStatusError, AuthenticationError: the server refuses a file.
            ConnectionFailed, DeadlineExceeded: the network; or one file takes longer than the limits say.
            RetryLater: the app is writing one anew, and has not done so for some seconds.
            ForbiddenAddress: the server names one that is further inside than it is, or on another host.
            ResponseTooLarge: one is larger than the limits say.
            ProtocolError: what came is not what the server announced, or no base64.
            FolderError: it cannot be saved.
        """
        copy, slots = find_files(data, self._is_file) if self._savings is not None else (data, [])
        if not slots:
            return data
        wanted = [self._wanted(slot, chunks) for slot in slots]
        if len(wanted) == 1:
            self._fill(wanted[0])
        else:
            _SideBySide(wanted, self._fill).run(self._helpers)
        return copy

    def _wanted(self, slot: Slot, chunks: Optional[Dict[str, int]]) -> _Wanted:
        location = self._locate(self._app, slot.file)
        chunk = None
        if location.whole is not None and chunks is not None:
            chunk = chunks.get(location.url, 0)
            chunks[location.url] = chunk + 1
        return _Wanted(slot, location, chunk)

    def _fill(self, wanted: _Wanted) -> None:
        slot, location, chunk = wanted
        if location.whole is None:
            kept = location.steady or location.live
            path = self._once(location) if kept else self._download(location)
        elif chunk is None:
            path = self._joined(location, location.whole)
        else:
            path = self._chunk(location, chunk)
        slot.put(ResultPath(path, origin_of(slot.file, self._app.src)))

    def _joined(self, playlist: Location, whole: Location) -> str:
        try:
            return self._download(whole)
        except HTTPStatusError:
            # A server that cannot join the segments; the playlist names every one of them.
            return self._download(playlist)

    def _chunk(self, playlist: Location, number: int) -> str:
        """One segment, or the playlist where there is none: an encoder may hold a value back."""
        with self._lock:
            found = self._segments.get(playlist.url)
        if found is None or number >= len(found.names):
            found = self._read_playlist(playlist)
        if number >= len(found.names):
            return self._download(playlist)
        return self._once(segment_of(found.names[number], playlist, found.peer, self._app.routes))

    def _read_playlist(self, playlist: Location) -> _Segments:
        assert self._savings is not None  # noqa: S101 - nothing is wanted without them
        with self._savings.new() as saving:
            transfer = Transfer(self._app, playlist, limit="playlist_bytes")
            transfer.into(saving)
            found = _Segments(segment_names(saving.lines()), transfer.peer)
        with self._lock:
            self._segments[playlist.url] = found
        return found

    def _once(self, location: Location) -> str:
        while True:
            with self._lock:
                future = self._fetched.get(location.url)
                mine = future is None
                if future is None:
                    future = self._fetched[location.url] = Future()
            if mine:
                self._resolve(location, future)
            path = future.result()
            if mine or location.live or os.path.exists(path):
                return path
            with self._lock:  # somebody has removed the file: fetch it again
                if self._fetched.get(location.url) is future:
                    del self._fetched[location.url]

    def _resolve(self, location: Location, future: Future[str]) -> None:
        try:
            future.set_result(self._download(location))
        except BaseException as exc:
            with self._lock:
                self._fetched.pop(location.url, None)
            future.set_exception(for_waiters(exc, "Fetching a file"))
            if not isinstance(exc, Exception):
                raise

    def _download(self, location: Location) -> str:
        """A file, from the app itself where that hands it on, else from where it is."""
        if location.through is not None:
            try:
                return self._save(location.through)
            except (HTTPStatusError, AuthenticationError, RetryLater, ForbiddenAddress) as exc:
                told = self._app.transport.secrets.shown(exc)
                _log.info("the app does not hand on a file that is elsewhere: %s", told)
        return self._save(location)

    def _save(self, location: Location) -> str:
        assert self._savings is not None  # noqa: S101 - nothing is wanted without them
        with self._savings.new() as saving:
            if location.url.startswith(PREFIX):
                saving.write(_content(location, self._app.limits.max_download_size))
            else:
                Transfer(self._app, location).into(saving)
            return saving.keep(location.name)


def _content(location: Location, largest: Optional[int]) -> bytes:
    """What is in a data: URL, at most `largest` bytes."""
    try:
        content = parse_data_url(location.url)[0]
    except ValueError as exc:
        raise ProtocolError(f"The content of {location.name} in the result is no data: URL: {exc}.") from exc
    if largest is not None and len(content) > largest:
        raise ResponseTooLarge(
            f"The content of {location.name} in the result is larger than "
            f"Limits(max_download_size={largest}); make the client with a larger one."
        )
    return content


class _SideBySide:
    """Does one thing for several files, on this thread and on helpers as far as they are free.

    The thread that waits works too, so it never waits for a thread that has not begun.
    """

    def __init__(self, wanted: Sequence[_Wanted], work: Callable[[_Wanted], None]) -> None:
        self._work = work
        # Guards the three fields below it.
        self._changed = threading.Condition(threading.Lock())
        self._left = list(reversed(wanted))
        self._busy = 0
        self._error: Optional[BaseException] = None

    def run(self, helpers: Workers) -> None:
        """Do all; raise the first error once nothing is under way any more."""
        for _ in range(min(len(self._left) - 1, _HELPERS)):
            with suppress(RuntimeError):  # the system has no thread to spare; this one does it all
                helpers.submit(self._take_turns)
        self._take_turns()
        with self._changed:
            while self._busy:
                self._changed.wait()
            if self._error is not None:
                raise self._error

    def _take_turns(self) -> None:
        while True:
            with self._changed:
                if not self._left or self._error is not None:
                    return
                wanted = self._left.pop()
                self._busy += 1
            error: Optional[BaseException] = None
            try:
                self._work(wanted)
            except BaseException as exc:
                error = exc
            with self._changed:
                self._busy -= 1
                self._error = self._error or error
                self._changed.notify_all()


def _checked(folder: Union[str, os.PathLike[str]]) -> Path:
    """The folder, unless it is plain that nothing can be saved there; it need not exist yet."""
    try:
        if "\0" in os.fspath(folder):
            raise TypeError("a null character")
        path = Path(folder).absolute()
        if path.exists() and not path.is_dir():
            raise FolderError(f"Path: {folder} is not a directory.")
        there = next(parent for parent in (path, *path.parents) if parent.exists())
        writable = there.is_dir() and os.access(there, os.W_OK | os.X_OK)
    except (OSError, TypeError) as exc:
        raise FolderError(
            f"download_files must be the path of a folder, or False; it is {folder!r}."
        ) from exc
    if not writable:
        raise FolderError(
            f"Nothing can be saved in {folder}: {there} cannot be written to. Pass another folder as "
            "download_files, or False."
        )
    return path
