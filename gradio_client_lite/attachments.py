"""Attachments: the files of a client's calls.

Most calls have none, so what moves files is loaded when there are some.
"""

from __future__ import annotations

import threading
import weakref
from functools import partial
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    FrozenSet,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Union,
)

from .app import App
from .errors import ClientClosed, FolderError
from .wire.config import EndpointSpec
from .wire.filedata import (
    IsFile,
    Survey,
    argument_files,
    file_outputs,
    has_files,
    holding_outputs,
    mark_results,
    survey,
    takes_files,
)
from .workers import call_after_fork

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

    from .downloads import Downloads, JobFiles
    from .sources import Source
    from .uploads import Uploads

    Folder = Union[str, Path, Literal[False], None]

Progress = Callable[[int, int], object]
_Shape = Callable[[List[Any]], List[Any]]


class Attachments:
    """Sends the files among the arguments and fetches those of results.

    Args:
        app: where they go to and come from.
        folder: where results go; None is the default folder, False leaves the server's dicts, of a kind that
            knows their app.
        progress: called with the bytes sent so far and in all.

    Raises:
        FolderError: a folder was given and nothing can be saved there.
    """

    def __init__(self, app: App, folder: Folder, *, progress: Optional[Progress]) -> None:
        self._app = app
        self._progress = progress
        self._folder = folder
        # Guards the three fields below it.
        self._lock = threading.Lock()
        self._uploads: Optional[Uploads] = None
        self._downloads: Optional[Downloads] = None
        self._shapes: Dict[int, Tuple[IsFile, Optional[_Shape]]] = {}
        if folder is not None and folder is not False:
            self._make_downloads()
        call_after_fork(self)

    def after_fork(self) -> None:
        """In a child: let go of a lock that another thread may have held."""
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
        from .downloads import default_folder

        return default_folder()

    # -- arguments

    def check(self, values: Sequence[Any], spec: EndpointSpec) -> Survey:
        """What there is among the arguments; their files can all be sent.

        Raises:
            InvalidFile: a file is missing or cannot be read.
            FileTooLarge: one is larger than the app takes.
        """
        found = self._look_through(values, spec)
        if found.files:
            self._make_uploads().check(values, spec)
        return found

    def _look_through(self, values: Sequence[Any], spec: EndpointSpec) -> Survey:
        if not self._speaks_v3:
            return survey(values, argument_files(partial(takes_files, spec)))
        from .wire.v3_values import reshapes_any, takes_v3_files

        found = survey(values, argument_files(partial(takes_v3_files, spec)))
        return found._replace(files=found.files or reshapes_any(values, spec))

    def unnamed(self, values: Sequence[Any], spec: EndpointSpec) -> List[Any]:
        """The arguments without the paths and names here of files to send. See `Uploads.unnamed`."""
        return self._make_uploads().unnamed(values, spec)

    def upload(self, values: Sequence[Any], spec: EndpointSpec, headers: Mapping[str, str]) -> List[Any]:
        """Send the files and return the arguments with their places on the server. See `Uploads.upload`."""
        return self._make_uploads().upload(values, spec, headers)

    def _make_uploads(self) -> Uploads:
        from .uploads import Uploads

        kind = Uploads
        if self._speaks_v3:
            from .v3_uploads import V3Uploads

            kind = V3Uploads
        with self._lock:
            if self._uploads is None:
                home = weakref.proxy(self)
                self._uploads = kind(self._app, progress=self._progress, home=home)
            return self._uploads

    @property
    def _speaks_v3(self) -> bool:
        return self._app.spec.protocol == "ws"

    # -- results

    def of_job(self, spec: EndpointSpec) -> JobAttachments:
        """The files of one job's results."""
        downloads = None if self._folder is False else self._make_downloads
        if self._speaks_v3:
            from .wire.v3_results import V3Results, is_v3_file

            results = V3Results(spec, self._app.routes, self._app.spec.version)
            mark = self._marking(is_v3_file, results.holders)
            return JobAttachments(spec, is_v3_file, downloads, mark, results.decode)
        with self._lock:
            known = self._shapes.get(spec.fn_index)
            if known is None:
                is_file = file_outputs(spec, self._app.spec.version)
                known = (is_file, self._marking(is_file, holding_outputs(spec)))
                self._shapes[spec.fn_index] = known
        is_file, mark = known
        return JobAttachments(spec, is_file, downloads, mark)

    def _marking(self, is_file: IsFile, holders: FrozenSet[int]) -> Optional[_Shape]:
        """What gives files that are not fetched their kind; None where there can be none."""
        if self._folder is not False or not holders:
            return None
        return partial(
            mark_results, is_file=is_file, among=holders, src=self._app.src, home=weakref.ref(self)
        )

    def _make_downloads(self) -> Downloads:
        from .downloads import Downloads

        with self._lock:
            if self._downloads is None:
                self._downloads = Downloads(self._app, self.folder)
            return self._downloads

    def fetch(self, file: Mapping[str, Any]) -> Source:
        """A copy of a file of this app, for another app that is given it. See `Downloads.fetch_one`.

        Raises:
            ClientClosed: the client is closed.
        """
        import tempfile

        from .downloads import Downloads
        from .sources import PathSource, spooled

        if self.closed:
            raise ClientClosed(f"The client of {self._app.src} is closed.")
        try:
            place = tempfile.TemporaryDirectory(prefix="gradio-")
        except OSError as exc:
            raise FolderError(f"No folder can be made for a copy of a file: {exc}.") from exc
        with place as folder:
            return spooled(PathSource(Downloads(self._app, folder).fetch_one(file)).read())


class JobAttachments:
    """The files of one job's results, each fetched once.

    Args:
        spec: the endpoint.
        is_file: what is a file among its outputs.
        downloads: gives the client's downloads; None when files are not fetched.
        mark: gives files that are not fetched their kind; None where there can be none.
        decode: gives the outputs the form they have for the caller; None where they have it already.
    """

    def __init__(
        self,
        spec: EndpointSpec,
        is_file: IsFile,
        downloads: Optional[Callable[[], Downloads]],
        mark: Optional[_Shape] = None,
        decode: Optional[Callable[[Sequence[Any]], List[Any]]] = None,
    ) -> None:
        self._spec = spec
        self._is_file = is_file
        self._downloads = downloads
        self._mark = mark
        self._decode = decode
        self._lock = threading.Lock()
        self._files: Optional[JobFiles] = None

    def wanted(self, data: Sequence[Any]) -> bool:
        """Whether there is anything to fetch for these output values."""
        if self._downloads is None:
            return False
        return has_files(data if self._decode is None else self._decode(data), self._is_file)

    def reading(self) -> Callable[[List[Any]], List[Any]]:
        """A function that fetches the files of the values before the result, called with each in order."""
        return partial(self.fetch, chunks={})

    def fetch(self, data: List[Any], chunks: Optional[Dict[str, int]] = None) -> List[Any]:
        """The values with a ResultPath, or else a ResultFile, in place of each file. See `JobFiles.fetch`."""
        if self._decode is not None:
            data = self._decode(data)
        if self._downloads is None:
            return data if self._mark is None else self._mark(data)
        if not has_files(data, self._is_file):
            return data
        downloads = self._downloads()
        with self._lock:
            if self._files is None:
                self._files = downloads.of_job(self._spec, self._is_file)
            files = self._files
        return files.fetch(data, chunks)
