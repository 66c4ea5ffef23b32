"""The files among a call's arguments, sent before the call is.

What becomes of a value depends on where its content is. Only values of these kinds (`wire/provenance.py`) are
files; all other dicts and texts are data.

    value                         for the app it comes from            for another app
    ----------------------------  -----------------------------------  ---------------------------------
    FileArgument of a path,       -                                    uploaded
    of content or a file object
    FileArgument of a URL         its path on the server, else         the URL, which the server fetches
                                  fetched here and uploaded
    ResultPath, of a download     as the server called it              uploaded
    ResultFile, not downloaded    as the server called it              fetched by the client that got it,
                                                                       and uploaded

A stream has no name on its server that lasts, so it is sent there as to another app. A file that stands in
several places is uploaded once. An upload whose connection breaks before its answer is sent once more:
uploading twice does no harm.
"""

from __future__ import annotations

import logging
import os
from functools import partial
from typing import (
    Any,
    Callable,
    Dict,
    Hashable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Protocol,
    Sequence,
    Union,
)

from ..app.app import App
from ..errors import ClientClosed, ConnectionLost, FileTooLarge, InvalidFile, ProtocolError
from ..queues.base import check_signed_in
from ..transport.reach import OF_APP, Word
from ..transport.response import Response
from ..wire.config import EndpointSpec
from ..wire.copies import IsFile, Slot
from ..wire.filedata import argument_files, find_files, new_meta, takes_files
from ..wire.fileurls import OwnFile, own_file
from ..wire.multipart import MultipartBody, Part, Progress
from ..wire.names import download_name, form_name, parse_data_url, upload_name
from ..wire.provenance import FileArgument, ResultFile, ResultPath, V3File, content_url
from ..wire.refusal import status_error
from ..wire.texts import utf8
from ..wire.urls import bare_url, is_url
from .handle import BytesSource, Link, PathSource, Source, brief, guess_type, read_chunks, source_of, spooled

_log = logging.getLogger(__name__)

#: Servers take no more files in one request (gradio/route_utils.py, `GradioMultiPartParser`).
_MAX_FILES = 1000
_CHUNK = 1 << 18

File = Union[FileArgument, ResultPath, ResultFile, V3File]
#: Those that a server does not have already.
_Sent = Union[FileArgument, ResultPath, ResultFile]


class Home(Protocol):
    """The client that a ResultFile belongs to; `jobs/attachments.py` has the one implementation."""

    @property
    def closed(self) -> bool: ...

    def fetch(self, file: Mapping[str, Any]) -> Source:
        """Fetch a file of its app, with its credentials and by its rules. Blocks."""
        ...


class Upload(NamedTuple):
    """One file to send, and every slot that wants it."""

    source: Source
    name: str
    mime_type: str
    slots: List[Slot]


class Uploads:
    """Sends the files of calls to an app.

    Args:
        app: where to.
        progress: called on the thread that sends, with the bytes sent and in all of the files of one request.
        home: fetches a ResultFile of this app whose own client is not known, as after a pickle.
    """

    def __init__(self, app: App, *, progress: Optional[Progress] = None, home: Optional[Home] = None) -> None:
        self._app = app
        self._progress = progress
        self._home = home

    def check(self, values: Sequence[Any], spec: EndpointSpec) -> None:
        """Raise InvalidFile or FileTooLarge for what is wrong with the files, before anything is sent."""
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
        if limit is None or size <= limit:
            return
        file, components = slot.file, spec.arguments
        if isinstance(file, ResultPath):
            name = brief(str(file))
        else:
            name = str(file.get("path", "")) if isinstance(file, FileArgument) else name_of(file)
        component = components[slot.top].label if slot.top < len(components) else ""
        raise FileTooLarge(
            f"File {name} exceeds the maximum file size of {limit} bytes set in {component} component."
        )

    def _is_file(self, spec: EndpointSpec) -> IsFile:
        return argument_files(partial(takes_files, spec))

    def upload(self, values: Sequence[Any], spec: EndpointSpec, headers: Mapping[str, str]) -> List[Any]:
        """Send the files, and return a copy of the arguments with their paths on the server. Blocks.

        Args:
            values: the arguments, one for each input component.
            spec: the endpoint.
            headers: of this call alone.
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
        """Copy the arguments without the paths and names that files have on this machine.

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

    # -- what becomes of a value

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
        own = self._own(file)
        if own is not None:
            return own.path
        return file.source.url if isinstance(file, FileArgument) and isinstance(file.source, Link) else None

    def _own(self, file: File) -> Optional[OwnFile]:
        """The file of the app that a URL names; None for anything else."""
        source = file.source if isinstance(file, FileArgument) else None
        return own_file(source.url, self._app.routes) if isinstance(source, Link) else None

    def _name_of(self, file: File) -> str:
        """The name a file is sent under."""
        own = self._own(file)
        if own is None or not isinstance(file, FileArgument):
            return name_of(file)
        # `handle_file` takes the name from the URL, with its escapes; the caller may have given another.
        unchanged = file.get("orig_name") == str(file.get("url")).rsplit("/", maxsplit=1)[-1]
        return upload_name(own.name) if unchanged else name_of(file)

    def _add(
        self, uploads: Dict[Hashable, Upload], slot: Slot, spec: EndpointSpec, source: Callable[[], Source]
    ) -> None:
        """Plan to send a file, once however often it was given."""
        file, name = slot.file, self._name_of(slot.file)
        mime_type = (file.get("mime_type") if isinstance(file, FileArgument) else None) or guess_type(name)
        key = (_identity(file), name, mime_type)
        upload = uploads.get(key)
        if upload is None:
            upload = uploads[key] = Upload(source(), name, mime_type, [])
            if isinstance(file, ResultFile) or self._own(file):  # whose size `check` did not know
                self._check_size(upload.source, slot, spec)
        upload.slots.append(slot)

    # -- the content of a value

    def _source(self, file: _Sent, headers: Mapping[str, str]) -> Source:
        """The content to send; what is not on this machine is fetched."""
        if isinstance(file, ResultFile) and not content_url(file.file):
            try:
                return self._home_of(file).fetch(file.file)
            except ClientClosed as exc:
                raise _unreachable(file) from exc
        source = self._content(file)
        return self._fetch(source.url, headers) if isinstance(source, Link) else source

    def _content(self, file: _Sent) -> Union[Source, Link]:
        """The content of a file that is on this machine, or its URL."""
        if isinstance(file, FileArgument):
            return source_of(file)
        if isinstance(file, ResultPath):
            from .saving import SavedSource

            return SavedSource(str(file))
        try:
            return BytesSource(parse_data_url(content_url(file.file) or "")[0])
        except ValueError as exc:
            raise ProtocolError(f"The content of {name_of(file)} is no data: URL: {exc}.") from exc

    def _home_of(self, file: ResultFile) -> Home:
        """The client that can fetch a file of a result; raise InvalidFile if there is none."""
        home: Optional[Home] = file.home() if file.home is not None else None
        if home is None and file.origin is not None and file.origin.src == self._app.src:
            home = self._home
        if home is None or home.closed:
            raise _unreachable(file)
        return home

    def _fetch(self, url: str, headers: Mapping[str, str]) -> Source:
        """Copy a file of the app's; never follow a redirect, which could lead the credentials away."""
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
        """Copy what is at a URL; the options are those of `Transport.stream`."""
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
            return spooled(read_chunks(response.read_some, _CHUNK))

    # -- sending

    def _send_all(self, uploads: Sequence[Upload], headers: Mapping[str, str]) -> None:
        for start in range(0, len(uploads), _MAX_FILES):
            some = uploads[start : start + _MAX_FILES]
            parts = [
                Part(form_name(upload.name), upload.mime_type, upload.source.size(), upload.source.read)
                for upload in some
            ]
            for upload, path in zip(some, self._post(parts, headers)):
                for slot in upload.slots:
                    slot.put(self._placed(slot.file, path, upload))

    def _placed(self, file: File, path: str, upload: Upload) -> Dict[str, Any]:
        """What goes to the server in place of a file that is at `path` there now."""
        return _payload(file, path, upload.name)

    def _post(self, parts: Sequence[Part], headers: Mapping[str, str]) -> List[str]:
        """Send files in one request; return their paths on the server."""
        url, body = self._app.routes.api + "upload", MultipartBody("files", parts, self._progress)
        transport, limits = self._app.transport, self._app.limits
        send = partial(
            transport.stream,
            "POST",
            url,
            headers=self._app.headers({**headers, "content-type": body.content_type}),
            body=body,
            timeout=transport.timeout.whole(limits.bound("uploading")),
            max_bytes=limits.bound("answer_bytes"),
        )
        try:
            response = send()
        except ConnectionLost as exc:
            _log.info("an upload is sent again: %s", transport.secrets.shown(exc))
            response = send()
        with response:
            content = response.read_all()
        if response.status == 413:
            largest = max(parts, key=lambda part: part.size)
            raise FileTooLarge(
                f"{bare_url(url)} answered 413: it takes no upload of this size. The largest file is "
                f"{largest.filename} with {largest.size} bytes; send a smaller one."
            )
        if not 200 <= response.status < 300:
            raise status_error(response.status, content, url, "uploading files", response.headers)
        answer = Response(response.status, response.headers, response.url, content)
        check_signed_in(url, answer, content)
        paths = answer.json()
        if not (
            isinstance(paths, list)
            and len(paths) == len(parts)
            and all(isinstance(path, str) and utf8(path) is not None for path in paths)
        ):
            raise ProtocolError(
                f"{bare_url(url)} did not answer with a path for each of the {len(parts)} files."
            )
        return paths


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


def _unreachable(file: ResultFile) -> InvalidFile:
    src = file.origin.src if file.origin is not None else "another app"
    return InvalidFile(
        f"{name_of(file)} is a file of {src}, and the client that got it is closed or in another process, so "
        "it cannot be fetched from there. Download it first: make that client without download_files=False."
    )


def _payload(file: File, path: str, name: str) -> Dict[str, Any]:
    """The FileData that names a file to the server."""
    payload: Dict[str, Any] = {"path": path, "orig_name": name, "meta": new_meta()}
    if isinstance(file, FileArgument) and file.get("mime_type"):
        payload["mime_type"] = file["mime_type"]
    return payload


def name_of(file: File) -> str:
    """The name a file is sent under."""
    if isinstance(file, ResultPath):
        return upload_name(os.path.basename(file))
    fields: Mapping[str, Any] = file.file if isinstance(file, ResultFile) else file
    name, path = fields.get("orig_name"), str(fields.get("path", ""))
    if isinstance(file, ResultFile):  # as a server named it, so it must be made harmless first
        return upload_name(download_name(name if isinstance(name, str) and name else path))
    if isinstance(name, str) and name:
        return upload_name(name)
    return upload_name(path.rstrip("/").rpartition("/")[2] if is_url(path) else os.path.basename(path))
