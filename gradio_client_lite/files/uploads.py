"""Uploads: the files among a call's arguments, sent before the call is."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Callable, Dict, Hashable, Iterator, List, Mapping, Optional, Protocol, Sequence, Union

from ..app.app import App
from ..errors import ClientClosed, ConnectionLost, FileTooLarge, InvalidFile, ProtocolError
from ..queues.base import check_signed_in
from ..transport.http import StreamingResponse
from ..transport.redirect import OF_APP, Word
from ..transport.response import Response
from ..wire.config import EndpointSpec
from ..wire.filedata import IsFile, Slot, argument_files, find_files, new_meta, takes_files
from ..wire.fileurls import OwnFile, own_file
from ..wire.multipart import MultipartBody, Part, Progress
from ..wire.names import download_name, form_name, parse_data_url, upload_name
from ..wire.provenance import FileArgument, ResultFile, ResultPath, V3File, content_url
from ..wire.refusal import status_error
from ..wire.texts import utf8
from ..wire.urls import bare_url, is_url
from .handle import BytesSource, Link, PathSource, SavedSource, Source, guess_type, shown, source_of, spooled

_log = logging.getLogger(__name__)

#: Servers take no more files in one request (gradio/route_utils.py, `GradioMultiPartParser`).
_MAX_FILES = 1000
_CHUNK = 1 << 18


#: What is sent in another form than it was given; see `wire/provenance.py`.
File = Union[FileArgument, ResultPath, ResultFile, V3File]


class Home(Protocol):
    """The client that a ResultFile belongs to."""

    @property
    def closed(self) -> bool:
        """Whether nothing can be fetched any more."""
        ...

    def fetch(self, file: Mapping[str, Any]) -> Source:
        """A copy of a file of its app, fetched with its credentials and by its rules. Blocks."""
        ...


@dataclass(frozen=True)
class Upload:
    """One file to send, and every place that wants it."""

    source: Source
    name: str
    mime_type: str
    slots: List[Slot] = field(default_factory=list)


class Uploads:
    """Sends the files of calls to an app.

    Args:
        app: where to.
        progress: called with the bytes sent so far and in all, of the files of one request, on the thread
            that sends them.
        home: fetches a ResultFile of this app whose own client is not known; None where that is not done.
    """

    def __init__(
        self,
        app: App,
        *,
        progress: Optional[Progress] = None,
        home: Optional[Home] = None,
    ) -> None:
        self._app = app
        self._progress = progress
        self._home = home

    def check(self, values: Sequence[Any], spec: EndpointSpec) -> None:
        """Find out what is wrong with the files before anything is sent.

        Args:
            values: the arguments, one for each input component.
            spec: the endpoint.

        Raises:
            InvalidFile: a file is missing, cannot be read, or is one that no client can fetch any more.
            FileTooLarge: it is larger than the app takes.
        """
        for slot in find_files(values, self._is_file(spec))[1]:
            file = slot.file
            if self._stays(file):
                continue
            if isinstance(file, ResultFile) and not content_url(file.file):
                self._home_of(file)
                continue
            source = self._content(file)
            if not isinstance(source, Link):
                self._check_size(source, slot, spec)

    def _check_size(self, source: Source, slot: Slot, spec: EndpointSpec) -> None:
        limit, size = self._app.spec.max_file_size, source.size()
        if limit is not None and size > limit:
            components = spec.arguments
            component = components[slot.top].label if slot.top < len(components) else ""
            raise FileTooLarge(
                f"File {_shown_name(slot.file)} exceeds the maximum file size of {limit} bytes set in "
                f"{component} component."
            )

    def _is_file(self, spec: EndpointSpec) -> IsFile:
        return argument_files(partial(takes_files, spec))

    def upload(self, values: Sequence[Any], spec: EndpointSpec, headers: Mapping[str, str]) -> List[Any]:
        """Send the files, and return the arguments with their places on the server. Blocks.

        Args:
            values: the arguments, one for each input component; they are not changed.
            spec: the endpoint.
            headers: of this call alone.

        Raises:
            InvalidFile: a file is missing, cannot be read or was changed meanwhile.
            FileTooLarge: the app refuses a file for its size.
            AuthenticationError, HTTPStatusError, ProtocolError: its answer was no list of paths.
            ConnectionFailed, DeadlineExceeded: the network; a deadline counts from the last byte that moved.
        """
        copy, slots = find_files(values, self._is_file(spec))
        uploads: Dict[Hashable, Upload] = {}
        for slot in slots:
            file = slot.file
            if self._stays(file):
                slot.put(self._given(file))
            elif (link := self._link(file)) is not None:
                slot.put(_payload(file, link, self._name_of(file)))
            else:
                self._add(uploads, slot, spec, partial(self._source, file, headers))
        self._send_all(list(uploads.values()), headers)
        return copy

    def unnamed(self, values: Sequence[Any], spec: EndpointSpec) -> List[Any]:
        """A copy of the arguments without the paths and names that files have on this machine.

        They need not be UTF-8, and go up as `name_of` has them. What the caller named stays.
        """
        copy, slots = find_files(values, self._is_file(spec))
        for slot in slots:
            file = slot.file
            if isinstance(file, ResultPath):
                slot.put(None)
            elif isinstance(file, FileArgument) and not isinstance(file.source, Link):
                own = os.path.basename(str(file.get("path", "")))
                slot.put({n: value for n, value in file.items() if n != "path" and value != own})
        return copy

    def _stays(self, file: File) -> bool:
        """Whether the server has a file that came from it."""
        if isinstance(file, (ResultPath, ResultFile)) and file.origin is not None:
            return file.origin.src == self._app.src and file.origin.given is not None
        return isinstance(file, V3File)

    def _given(self, file: Union[ResultPath, ResultFile, V3File]) -> Any:
        """What the server takes as a file that it has."""
        if isinstance(file, V3File):
            return file.given
        return file.origin.given if file.origin is not None else file

    def _link(self, file: File) -> Optional[str]:
        """The URL, or path of its own, by which the server gets a file itself; None when it cannot."""
        if not isinstance(file, FileArgument) or not isinstance(file.source, Link):
            return None
        own = self._own(file)
        return file.source.url if own is None else own.path

    def _own(self, file: File) -> Optional[OwnFile]:
        source = file.source if isinstance(file, FileArgument) else None
        return own_file(source.url, self._app.routes) if isinstance(source, Link) else None

    def _name_of(self, file: File) -> str:
        """What the server is told a file is called."""
        own = self._own(file)
        if own is not None and isinstance(file, FileArgument) and file.get("orig_name") == _last_part(file):
            return upload_name(own.name)  # which `handle_file` has left as the URL has it
        return name_of(file)

    def _source(self, file: File, headers: Mapping[str, str]) -> Source:
        """The content to send; a file that is somewhere else is fetched."""
        if isinstance(file, ResultFile) and not content_url(file.file):
            return self._fetch_result(file)
        source = self._content(file)
        return self._fetch(source.url, headers) if isinstance(source, Link) else source

    def _content(self, file: File) -> Union[Source, Link]:
        """The content of a file that is at hand, or its URL."""
        if isinstance(file, FileArgument):
            return source_of(file)
        if isinstance(file, ResultPath):
            return SavedSource(str(file))
        assert isinstance(file, ResultFile)  # noqa: S101 - a V3File stays
        try:
            return BytesSource(parse_data_url(content_url(file.file) or "")[0])
        except ValueError as exc:
            raise ProtocolError(f"The content of {name_of(file)} is no data: URL: {exc}.") from exc

    def _fetch_result(self, file: ResultFile) -> Source:
        try:
            return self._home_of(file).fetch(file.file)
        except ClientClosed as exc:
            raise _unreachable(file) from exc

    def _home_of(self, file: ResultFile) -> Home:
        """The client that can fetch a file of a result."""
        home: Optional[Home] = file.home() if file.home is not None else None
        if home is None and file.origin is not None and file.origin.src == self._app.src:
            home = self._home
        if home is None or home.closed:
            raise _unreachable(file)
        return home

    def _add(
        self, uploads: Dict[Hashable, Upload], slot: Slot, spec: EndpointSpec, source: Callable[[], Source]
    ) -> None:
        """Plan to send a file, once however often it was given."""
        file, name = slot.file, self._name_of(slot.file)
        mime_type = (file.get("mime_type") if isinstance(file, FileArgument) else None) or guess_type(name)
        key = (_identity(file), name, mime_type)
        upload = uploads.get(key)
        if upload is None:
            upload = uploads[key] = Upload(source(), name, mime_type)
            if isinstance(file, ResultFile) or self._own(file):  # nobody knew its size before
                self._check_size(upload.source, slot, spec)
        upload.slots.append(slot)

    def _send_all(self, uploads: Sequence[Upload], headers: Mapping[str, str]) -> None:
        for start in range(0, len(uploads), _MAX_FILES):
            self._send(uploads[start : start + _MAX_FILES], headers)

    def _send(self, uploads: Sequence[Upload], headers: Mapping[str, str]) -> None:
        parts = [
            Part(form_name(upload.name), upload.mime_type, upload.source.size(), upload.source.read)
            for upload in uploads
        ]
        body = MultipartBody("files", parts, self._progress)
        paths = self._post(body, headers, parts)
        for upload, path in zip(uploads, paths):
            for slot in upload.slots:
                slot.put(self._placed(slot.file, path, upload))

    def _placed(self, file: File, path: str, upload: Upload) -> Dict[str, Any]:
        """What goes to the server in place of a file that is at `path` there now."""
        return _payload(file, path, upload.name)

    def _post(self, body: MultipartBody, headers: Mapping[str, str], parts: Sequence[Part]) -> List[str]:
        url = self._app.routes.api + "upload"
        with self._open(url, body, headers) as response:
            content = response.read_all()
        if not 200 <= response.status < 300:
            raise _refused(response, content, url, parts)
        answer = Response(response.status, response.headers, response.url, content)
        check_signed_in(url, answer, content)
        paths = answer.json()
        if _is_list_of_paths(paths, len(parts)) and None not in map(utf8, paths):
            return list(paths)
        raise ProtocolError(f"{bare_url(url)} did not answer with a path for each of the {len(parts)} files.")

    def _open(self, url: str, body: MultipartBody, headers: Mapping[str, str]) -> StreamingResponse:
        """Send the body, once more if the connection dies before an answer: uploading twice does no harm."""
        fields = self._app.headers({**headers, "content-type": body.content_type})
        transport, limits = self._app.transport, self._app.limits
        timeout, size = transport.timeout.whole(limits.bound("uploading")), limits.bound("answer_bytes")
        try:
            return transport.stream("POST", url, headers=fields, body=body, timeout=timeout, max_bytes=size)
        except ConnectionLost as exc:
            _log.info("an upload is sent again: %s", transport.secrets.shown(exc))
            return transport.stream("POST", url, headers=fields, body=body, timeout=timeout, max_bytes=size)

    def _fetch(self, url: str, headers: Mapping[str, str]) -> Source:
        """Copy a file of the app's; never follows a redirect, which could lead the credentials away."""
        own = own_file(url, self._app.routes)
        url = url if own is None else own.url
        fields = self._app.headers({**headers, "accept-encoding": "identity"})
        return self._spool(url, fields, follow_redirects=False)

    def _spool(
        self,
        url: str,
        fields: Mapping[str, str],
        *,
        follow_redirects: Optional[bool] = None,
        credentials: bool = True,
        word: Word = OF_APP,
    ) -> Source:
        """Copy what is at a URL. Options are those of `Transport.stream`."""
        transport, limits = self._app.transport, self._app.limits
        with transport.stream(
            "GET",
            url,
            headers=fields,
            follow_redirects=follow_redirects,
            credentials=credentials,
            word=word,
            timeout=transport.timeout.whole(limits.bound("downloading")),
            max_bytes=limits.bound("max_download_size"),
        ) as response:
            if response.status != 200:
                doing = "fetching a file to send"
                raise status_error(response.status, b"", url, doing, response.headers)
            return spooled(_chunks(response))


def _identity(file: File) -> Hashable:
    """What is the same for values with the same content."""
    if isinstance(file, ResultPath):
        return os.path.realpath(file)
    if isinstance(file, ResultFile):
        return file.origin and file.origin.src, file.file.get("path"), str(file.file.get("url"))
    source = file.source if isinstance(file, FileArgument) else None
    if isinstance(source, PathSource):
        return os.path.realpath(source.path)
    return source if isinstance(source, Link) else id(source)


def _last_part(file: FileArgument) -> str:
    return str(file.get("url")).rsplit("/", maxsplit=1)[-1]


def _unreachable(file: ResultFile) -> InvalidFile:
    src = file.origin.src if file.origin is not None else "another app"
    return InvalidFile(
        f"{name_of(file)} is a file of {src}, and the client that got it is closed or in another process, so "
        "it cannot be fetched from there. Download it first: make that client without download_files=False."
    )


def _chunks(response: StreamingResponse) -> Iterator[bytes]:
    while True:
        chunk = response.read_some(_CHUNK)
        if not chunk:
            return
        yield chunk


def _payload(file: File, path: str, name: str) -> Dict[str, Any]:
    """What goes to the server: the place of the file, and what it was called."""
    payload: Dict[str, Any] = {"path": path, "orig_name": name, "meta": new_meta()}
    if isinstance(file, FileArgument) and file.get("mime_type"):
        payload["mime_type"] = file["mime_type"]
    return payload


def name_of(file: File) -> str:
    """The name a file is sent under."""
    if isinstance(file, ResultPath):
        return upload_name(os.path.basename(file))
    told: Mapping[str, Any] = file.file if isinstance(file, ResultFile) else file
    name, path = told.get("orig_name"), str(told.get("path", ""))
    if isinstance(file, ResultFile):  # a server's words
        return upload_name(download_name(name if isinstance(name, str) and name else path))
    if isinstance(name, str) and name:
        return upload_name(name)
    return upload_name(path.rstrip("/").rpartition("/")[2] if is_url(path) else os.path.basename(path))


def _shown_name(file: File) -> str:
    """What an error text calls a file: its path, where that is one of this machine's."""
    if isinstance(file, ResultPath):
        return shown(str(file))
    return str(file.get("path", "")) if isinstance(file, FileArgument) else name_of(file)


def _is_list_of_paths(paths: Any, count: int) -> bool:
    return isinstance(paths, list) and len(paths) == count and all(isinstance(path, str) for path in paths)


def _refused(response: StreamingResponse, content: bytes, url: str, parts: Sequence[Part]) -> Exception:
    if response.status != 413:
        return status_error(response.status, content, url, "uploading files", response.headers)
    largest = max(parts, key=lambda part: part.size)
    return FileTooLarge(
        f"{bare_url(url)} answered 413: it takes no upload of this size. The largest file is "
        f"{largest.filename} with {largest.size} bytes; send a smaller one."
    )
