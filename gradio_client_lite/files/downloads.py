"""The files of results: fetched, saved and named by their content.

    Downloads      of a client: the folder, and threads that help
    JobFiles       of a job: what is fetched, or was
      fetch        on the thread that wants the values; several files side by side
        locate     which URL stands for a file (generations.py, wire/fileurls.py)
        _once      each URL once in a job
          Transfer into a Saving (transfer.py, saving.py)

In a job a URL is absent, being fetched or fetched: a Future, which the first thread to want it resolves,
while the others wait for it. A failure makes it absent again, so that the next who asks tries anew. So does
the loss of the file on disk, except for a live stream, which cannot be read twice.

A streamed medium is a playlist of segments. A value before the result stands for the next segment alone; the
result for all of them in one file if the server can join them, else for the playlist. A second pass over the
values finds the segments on disk.
"""

from __future__ import annotations

import logging
import os
import threading
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from ..app.app import App
from ..errors import (
    AuthenticationError,
    ForbiddenAddress,
    HTTPStatusError,
    ProtocolError,
    ResponseTooLarge,
    RetryLater,
    for_waiters,
)
from ..wire.copies import IsFile, Slot
from ..wire.filedata import find_files
from ..wire.fileurls import Location, segment_names, segment_of
from ..wire.names import PREFIX, parse_data_url
from ..wire.provenance import ResultPath, origin_of
from ..workers import Workers, call_after_fork
from .saving import DownloadFolder
from .transfer import PACING, Pacing, Progress, Transfer

_log = logging.getLogger(__name__)

#: Threads of one client that help with results of several files; the thread that wants them works too.
_HELPERS = 3

#: Where a file of a result of an app is; see `generations.locate`.
Locate = Callable[[App, Mapping[str, Any]], Location]


class Downloads:
    """Where the files of a client's results go.

    Args:
        app: where from.
        folder: where to; made when the first file comes.
        locate: finds out where the file of a FileData is.
        pacing, progress: see `Transfer`.

    Attributes:
        helpers: threads for results of several files.

    Raises:
        FolderError: `folder` is no folder, or cannot be written to. It is a ValueError.
    """

    def __init__(
        self,
        app: App,
        folder: Union[str, os.PathLike[str]],
        locate: Locate,
        pacing: Pacing = PACING,
        progress: Optional[Progress] = None,
    ) -> None:
        self.app = app
        self.folder = DownloadFolder(folder)
        self.locate = locate
        self.pacing = pacing
        self.progress = progress
        self.helpers = Workers(_HELPERS, "gradio-download", threads=app.threads)

    def of_job(self, is_file: IsFile) -> JobFiles:
        """The files of one job's results; `is_file` tells what is one."""
        return JobFiles(self, is_file)

    def fetch_one(self, file: Mapping[str, Any]) -> str:
        """Fetch one file of a result and return the path of the copy; see `JobFiles.fetch`."""
        return str(self.of_job(lambda value, _: value is file).fetch([file])[0])


class JobFiles:
    """Fetches the files of one job, each once, however often its values are asked for."""

    def __init__(self, downloads: Downloads, is_file: IsFile) -> None:
        self._downloads = downloads
        self._app = downloads.app
        self._is_file = is_file
        self.after_fork()
        call_after_fork(self)

    def after_fork(self) -> None:
        """In a child: nothing is being fetched, as the parent's threads do not exist here."""
        # Guards the dicts, by URL: of what is fetched or being fetched; of the segments that playlists had
        # when they were last read, and the address of the server (None for the app itself).
        self._lock = threading.Lock()
        self._fetched: Dict[str, Future[str]] = {}
        self._segments: Dict[str, Tuple[List[str], Optional[str]]] = {}
        # By the identity of a FileData in streamed values, which is kept alive with it.
        self._placed: Dict[int, Tuple[Any, ResultPath]] = {}

    def fetch(self, data: List[Any], chunks: Optional[Dict[str, int]] = None) -> List[Any]:
        """Return a copy of the output values with a ResultPath in place of each file. Blocks.

        Args:
            data: one value for each output component.
            chunks: for a value before the result, how many segments of each stream the values before it stood
                for, by URL; counted on here. None for the result.
        """
        copy, slots = find_files(data, self._is_file)
        if not slots:
            return data
        self._fill_all(slots, chunks)
        return copy

    def fill(self, slots: Sequence[Slot], chunks: Optional[Dict[str, int]]) -> None:
        """Put a ResultPath in each slot of a value before the result. Blocks.

        Args:
            slots: of the value's copy; their files stay as they are, and many are in the next value too.
            chunks: see `fetch`.
        """
        new = []
        for slot in slots:
            _, path = self._placed.get(id(slot.file), (None, None))
            if path is not None and os.path.exists(path):
                slot.put(path)
            else:
                new.append(slot)
        if new:
            self._fill_all(new, chunks)
        for slot in new:
            if not slot.file.get("is_stream"):
                self._placed[id(slot.file)] = (slot.file, slot.container[slot.key])

    def _fill_all(self, slots: Sequence[Slot], chunks: Optional[Dict[str, int]]) -> None:
        tasks = []
        for slot in slots:
            location, chunk = self._downloads.locate(self._app, slot.file), None
            if location.whole is not None and chunks is not None:
                chunk = chunks.get(location.url, 0)
                chunks[location.url] = chunk + 1
            tasks.append(partial(self._fill, slot, location, chunk))
        if len(tasks) == 1:
            tasks[0]()
        else:
            _run_side_by_side(tasks, self._downloads.helpers)

    def _fill(self, slot: Slot, location: Location, chunk: Optional[int]) -> None:
        """Fetch what a slot wants: a file, a stream, or one chunk of a stream."""
        if location.whole is None:
            fetch = self._once if location.steady or location.live else self._download
            path = fetch(location)
        elif chunk is not None:
            path = self._chunk(location, chunk)
        else:
            try:
                path = self._download(location.whole)
            except HTTPStatusError:  # of a server that cannot join the segments
                path = self._download(location)
        slot.put(ResultPath(path, origin_of(slot.file, self._app.src)))

    def _chunk(self, playlist: Location, number: int) -> str:
        """Fetch one segment, or the playlist where there is none yet: an encoder may hold a value back."""
        with self._lock:
            names, peer = self._segments.get(playlist.url, ([], None))
        if number >= len(names):
            transfer = Transfer(self._app, playlist, limit="playlist_bytes")
            with self._downloads.folder.new() as saving:
                transfer.into(saving)
                names, peer = segment_names(saving.lines()), transfer.peer
            with self._lock:
                self._segments[playlist.url] = names, peer
        if number >= len(names):
            return self._download(playlist)
        return self._once(segment_of(names[number], playlist, peer, self._app.routes))

    def _once(self, location: Location) -> str:
        """Fetch a file unless this job has it; wait for another thread that is fetching it."""
        url = location.url
        while True:
            with self._lock:
                future = self._fetched.get(url)
                mine = future is None
                if future is None:
                    future = self._fetched[url] = Future()
            if mine:
                try:
                    future.set_result(self._download(location))
                except BaseException as exc:
                    with self._lock:
                        self._fetched.pop(url, None)
                    future.set_exception(for_waiters(exc, "Fetching a file"))
                    raise
            path = future.result()
            if mine or location.live or os.path.exists(path):
                return path
            with self._lock:  # somebody has removed the file; another thread may be fetching it again
                if self._fetched.get(url) is future:
                    del self._fetched[url]

    def _download(self, location: Location) -> str:
        """Fetch a file from the app itself where that hands it on, else from where it is."""
        if location.through is not None:
            try:
                return self._save(location.through)
            except (HTTPStatusError, AuthenticationError, RetryLater, ForbiddenAddress) as exc:
                told = self._app.transport.secrets.shown(exc)
                _log.info("the app does not hand on a file that is elsewhere: %s", told)
        return self._save(location)

    def _save(self, location: Location) -> str:
        with self._downloads.folder.new() as saving:
            if location.url.startswith(PREFIX):
                saving.write(self._content(location))
            else:
                pacing, progress = self._downloads.pacing, self._downloads.progress
                Transfer(self._app, location, pacing=pacing, progress=progress).into(saving)
            return saving.keep(location.name)

    def _content(self, location: Location) -> bytes:
        """Decode a data: URL."""
        largest, limit = self._app.limits.bound("max_download_size")
        what = f"The content of {location.name} in the result"
        try:
            content = parse_data_url(location.url)[0]
        except ValueError as exc:
            raise ProtocolError(f"{what} is no data: URL: {exc}.") from exc
        if largest is not None and len(content) > largest:
            raise ResponseTooLarge(f"{what} is larger than {limit}; make the client with a larger one.")
        return content


def _run_side_by_side(tasks: Sequence[Callable[[], None]], helpers: Workers) -> None:
    """Run tasks on this thread, and on helpers as far as they are free.

    This thread takes tasks too, and at the end waits only for helpers that are in the midst of one. So it
    never waits for a helper that has not begun, which may be busy with the files of another job. After an
    error no more tasks are begun; the first error is raised once none is under way.
    """
    # Guards the three variables below it.
    changed = threading.Condition(threading.Lock())
    left = list(reversed(tasks))
    running = 0
    first_error: Optional[BaseException] = None

    def take_turns() -> None:
        nonlocal running, first_error
        while True:
            with changed:
                if not left or first_error is not None:
                    return
                task = left.pop()
                running += 1
            error: Optional[BaseException] = None
            try:
                task()
            except BaseException as exc:
                error = exc
            with changed:
                running -= 1
                first_error = first_error or error
                changed.notify_all()

    for _ in range(min(len(tasks) - 1, _HELPERS)):
        with suppress(RuntimeError):  # the system has no thread to spare
            helpers.submit(take_turns)
    take_turns()
    with changed:
        while running:
            changed.wait()
        if first_error is not None:
            raise first_error
