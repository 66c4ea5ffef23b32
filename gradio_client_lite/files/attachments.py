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
    NamedTuple,
    Optional,
    Sequence,
    Union,
)

from ..app.app import App
from ..errors import ClientClosed, FolderError
from ..wire.config import EndpointSpec
from ..wire.filedata import (
    IsFile,
    Survey,
    argument_files,
    file_outputs,
    file_word,
    has_files,
    holding_outputs,
    mark_results,
    mentions,
    survey,
    takes_files,
)
from ..wire.messages import LARGE
from ..workers import call_after_fork

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Literal

    from .downloads import Downloads, JobFiles
    from .handle import Source
    from .uploads import Uploads

    Folder = Union[str, Path, Literal[False], None]

Progress = Callable[[int, int], object]
_Shape = Callable[[List[Any]], List[Any]]


class Outputs(NamedTuple):
    """The output values of one message, looked at once.

    Args:
        data: one for each output component.
        files: whether there are files to fetch; None where looking takes long and has still to be done.
    """

    data: List[Any]
    files: Optional[bool]


class _Kind(NamedTuple):
    """What there is to know of an endpoint's results.

    Args:
        is_file: what is a file in them.
        holders: the outputs that may hold some.
        word: what the text of a result with files mentions; None where that tells nothing.
        mark: gives files that are not fetched their kind; None where there can be none.
        decode: gives the outputs the form they have for the caller; None where they have it already.
    """

    is_file: IsFile
    holders: FrozenSet[int]
    word: Optional[str]
    mark: Optional[_Shape]
    decode: Optional[Callable[[Sequence[Any]], List[Any]]]


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
        # Guards the two fields below it.
        self._lock = threading.Lock()
        self._uploads: Optional[Uploads] = None
        self._downloads: Optional[Downloads] = None
        self._kinds: Dict[int, _Kind] = {}
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
        from ..legacy.wire.values import reshapes_any, takes_v3_files

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
            from ..legacy.uploads import V3Uploads

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
        kind = self._kinds.get(spec.fn_index)
        if kind is None:  # two threads may make it, both alike
            kind = self._kinds[spec.fn_index] = self._kind_of(spec)
        return JobAttachments(spec, kind, None if self._folder is False else self._make_downloads)

    def _kind_of(self, spec: EndpointSpec) -> _Kind:
        version = self._app.spec.version
        if self._speaks_v3:
            from ..legacy.wire.results import V3Results, is_v3_file

            results = V3Results(spec, self._app.routes, version)
            mark = self._marking(is_v3_file, results.holders)
            return _Kind(is_v3_file, results.holders, None, mark, results.decode)
        is_file, holders = file_outputs(spec, version), holding_outputs(spec)
        mark = self._marking(is_file, holders)
        if self._folder is not False:
            # The mark tells files in any output, declared or not.
            holders = frozenset(place for place, output in enumerate(spec.outputs) if not output.skip)
        return _Kind(is_file, holders, file_word(spec, version), mark, None)

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
        from .handle import PathSource, spooled

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
        kind: what is known of its results.
        downloads: gives the client's downloads; None when files are not fetched.
    """

    def __init__(self, spec: EndpointSpec, kind: _Kind, downloads: Optional[Callable[[], Downloads]]) -> None:
        self._spec = spec
        self._kind = kind
        self._downloads = downloads
        self._lock = threading.Lock()
        self._files: Optional[JobFiles] = None

    def look(self, data: List[Any], text: Union[str, bytes] = "") -> Outputs:
        """Look for files among output values, unless it is plain that there are none, or that it takes long.

        Args:
            data: the values, as the server sent them.
            text: the JSON they come from, which the server may have sent; "" where they come from several.
        """
        kind = self._kind
        if text and not (kind.word and kind.holders and mentions(text, kind.word)) and kind.decode is None:
            return Outputs(data, False)
        return Outputs(data, None) if len(text) >= LARGE else self._look(data)

    def _look(self, data: List[Any]) -> Outputs:
        kind = self._kind
        if kind.decode is not None:
            data = kind.decode(data)
        if self._downloads is None:
            return Outputs(data if kind.mark is None else kind.mark(data), False)
        return Outputs(data, has_files(data, kind.is_file, kind.holders))

    def reading(self) -> Callable[[Union[Outputs, List[Any]]], List[Any]]:
        """A function that fetches the files of the values before the result, called with each in order."""
        return partial(self.fetch, chunks={})

    def fetch(self, outputs: Union[Outputs, List[Any]], chunks: Optional[Dict[str, int]] = None) -> List[Any]:
        """The values with a ResultPath, or else a ResultFile, in place of each file. See `JobFiles.fetch`.

        Args:
            outputs: what `look` gave, or the values.
            chunks: see there.
        """
        if not isinstance(outputs, Outputs):
            outputs = self._look(outputs)
        elif outputs.files is None:
            outputs = self._look(outputs.data)
        if not outputs.files or self._downloads is None:
            return outputs.data
        downloads = self._downloads()
        with self._lock:
            if self._files is None:
                self._files = downloads.of_job(self._spec, self._kind.is_file)
            files = self._files
        return files.fetch(outputs.data, chunks)
