"""Attachments: the files of a client's calls. Loads the room `files` when a call or a result has some."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Union

from ..app.app import App
from ..errors import ClientClosed, FolderError
from ..generations import endpoint_files, locate, make_uploads
from ..wire.config import EndpointSpec
from ..wire.copies import Taken, copy_json
from ..wire.filedata import EndpointFiles, Outputs, put_results
from ..workers import call_after_fork

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

    from ..files.downloads import Downloads, JobFiles
    from ..files.handle import Source
    from ..files.uploads import Uploads

    Folder = Union[str, Path, Literal[False], None]

Sending = Callable[[int, int], object]
Fetching = Callable[[int, Optional[int]], object]


class Attachments:
    """Sends the files among the arguments and fetches those of results.

    Args:
        app: where they go to and come from.
        folder: where results go; None is the default folder, False leaves the server's dicts, as ResultFiles.
        sending: called with the bytes sent so far and in all.
        fetching: the same for what is received; None where nobody knows how much there is.

    Attributes:
        known: what there is to know of endpoints that were called, by fn_index; see `learn`.

    Raises:
        FolderError: a folder was given and nothing can be saved there.
    """

    def __init__(
        self,
        app: App,
        folder: Folder,
        *,
        sending: Optional[Sending] = None,
        fetching: Optional[Fetching] = None,
    ) -> None:
        self._app = app
        self._sending = sending
        self._fetching = fetching
        self._folder: Folder = folder
        self.known: Dict[int, EndpointFiles] = {}
        # Guards the two fields below it, so that there is one of each.
        self._lock = threading.Lock()
        self._uploads: Optional[Uploads] = None
        self._downloads: Optional[Downloads] = None
        if folder is not None and folder is not False:
            self._load_downloads()
        call_after_fork(self)

    def after_fork(self) -> None:
        """In a child: replace a lock that another thread may have held."""
        self._lock = threading.Lock()

    @property
    def closed(self) -> bool:
        """Whether the client is."""
        return self._app.threads.closed

    @property
    def folder(self) -> Union[str, Path, Literal[False]]:
        """Where the files of results go; False when they are not fetched."""
        if isinstance(self._folder, bool):
            return False
        if self._folder is not None:
            return self._folder
        from ..files.saving import default_folder

        return default_folder()

    def learn(self, spec: EndpointSpec) -> EndpointFiles:
        """Find out where an endpoint's values may hold files; keeps the answer in `known`."""
        home = weakref.ref(self) if self._folder is False else None
        files = endpoint_files(self._app, spec, home)
        self.known[spec.fn_index] = files  # two threads may do so, with equal ones
        return files

    # -- arguments

    def uploads(self) -> Uploads:
        """What checks and sends the files among arguments."""
        uploads = self._uploads
        if uploads is None:
            made = make_uploads(self._app, self._sending, weakref.proxy(self))
            with self._lock:
                uploads = self._uploads = self._uploads or made
        return uploads

    # -- results

    def read(
        self,
        spec: EndpointSpec,
        job: List[JobFiles],
        outputs: Union[Outputs, Taken, List[Any]],
        chunks: Optional[Dict[str, int]] = None,
    ) -> List[Any]:
        """The values with a ResultPath, or else a ResultFile, in place of each file. Blocks.

        Args:
            spec: the endpoint.
            job: empty at first; keeps what was fetched for the job, so that each file is fetched once.
            outputs: what `EndpointFiles.look` or a cursor gave, or the values.
            chunks: see `JobFiles.fetch`.
        """
        files = self.known[spec.fn_index]
        if isinstance(outputs, list):
            outputs = files.search(outputs)
        elif outputs.files is None:
            outputs = files.search(outputs.data)
        if not outputs.files:
            return outputs.data
        if isinstance(outputs, Taken) and files.home is not None:
            slots = [slot._replace(file=copy_json(slot.file)) for slot in outputs.slots]
            put_results(slots, files.src, files.home)
            return outputs.data
        downloads = self._load_downloads()
        with self._lock:
            if not job:
                job.append(downloads.of_job(files.is_file))
        if isinstance(outputs, Taken):
            job[0].fill(outputs.slots, chunks)
            return outputs.data
        return job[0].fetch(outputs.data, chunks)

    def _load_downloads(self) -> Downloads:
        from ..files.downloads import Downloads
        from ..files.saving import default_folder

        folder = self._folder
        if folder is None or folder is False:  # nothing is fetched where it is False
            folder = default_folder()
        with self._lock:
            if self._downloads is None:
                self._downloads = Downloads(self._app, folder, locate, progress=self._fetching)
            return self._downloads

    def fetch(self, file: Mapping[str, Any]) -> Source:
        """A copy of a file of this app, for another app that is given it. See `Downloads.fetch_one`.

        Raises:
            ClientClosed: the client is closed.
        """
        import tempfile

        from ..files.downloads import Downloads
        from ..files.handle import PathSource, spooled

        if self.closed:
            raise ClientClosed(f"The client of {self._app.src} is closed.")
        try:
            place = tempfile.TemporaryDirectory(prefix="gradio-")
        except OSError as exc:
            raise FolderError(f"No folder can be made for a copy of a file: {exc}.") from exc
        with place as folder:
            return spooled(PathSource(Downloads(self._app, folder, locate).fetch_one(file)).read())
