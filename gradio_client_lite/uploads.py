"""Uploads: the files among a call's arguments, sent before the call is."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from typing import Any, Dict, Hashable, Iterator, List, Mapping, Optional, Sequence

from .app import App
from .errors import ConnectionLost, FileTooLarge, HTTPStatusError, ProtocolError
from .files import FileContent, guess_type, source_of
from .sources import Source, spooled
from .transport.http import StreamingResponse
from .transport.redirect import OF_APP, Word
from .transport.response import Response
from .wire.config import EndpointSpec
from .wire.filedata import Slot, find_files, has_files, marked_only, new_meta
from .wire.fileurls import is_own, is_own_file, is_url
from .wire.multipart import MultipartBody, Part, Progress
from .wire.names import form_name, upload_name
from .wire.refusal import bare_url, refusal

_log = logging.getLogger(__name__)

#: Servers take no more files in one request (gradio/route_utils.py, `GradioMultiPartParser`).
_MAX_FILES = 1000
_MAX_ANSWER = 16 << 20
_CHUNK = 1 << 18


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
        private: whether the app's files can be fetched only with this client's credentials. Arguments that
            are URLs of such files are then fetched here and sent, since the server cannot do that itself.
        progress: called with the bytes sent so far and in all, of the files of one request, on the thread
            that sends them.
    """

    def __init__(self, app: App, *, private: bool = False, progress: Optional[Progress] = None) -> None:
        self._app = app
        self._private = private
        self._progress = progress

    def has_files(self, values: Sequence[Any]) -> bool:
        """Whether any argument is, or holds, a file."""
        return has_files(values, marked_only)

    def check(self, values: Sequence[Any], spec: EndpointSpec) -> None:
        """Find out what is wrong with the files before anything is sent.

        Args:
            values: the arguments, one for each input component.
            spec: the endpoint.

        Raises:
            InvalidFile: a file is missing or cannot be read.
            FileTooLarge: it is larger than the app takes.
        """
        limit = self._app.spec.max_file_size
        for slot in find_files(values, marked_only)[1]:
            if self._stays(slot.file, spec):
                continue
            size = source_of(slot.file).size()
            if limit is not None and size > limit:
                component = spec.inputs[slot.top].label if slot.top < len(spec.inputs) else ""
                raise FileTooLarge(
                    f"File {slot.file['path']} exceeds the maximum file size of {limit} bytes set in "
                    f"{component} component."
                )

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
        copy, slots = find_files(values, marked_only)
        uploads: Dict[Hashable, Upload] = {}
        for slot in slots:
            file = slot.file
            if self._must_copy(file):
                source = self._fetch(file["path"], headers)
                self._add(uploads, slot, source, name_of(file))
            elif is_url(file["path"]):
                slot.put(_payload(file, file["path"], name_of(file)))
            elif not self._stays(file, spec):
                self._add(uploads, slot, source_of(file), name_of(file))
        self._send_all(list(uploads.values()), headers)
        return copy

    def _stays(self, file: Mapping[str, Any], spec: EndpointSpec) -> bool:
        """Whether the server can get at the file by itself: a URL, or a file it already has."""
        path, url = file["path"], file.get("url")
        if is_url(path):
            return True
        if isinstance(file, FileContent) or not isinstance(url, str) or not url:
            return False
        on_server = is_own(url, self._app.routes) or not os.path.exists(path)
        return on_server or file in self._defaults(spec)

    def _defaults(self, spec: EndpointSpec) -> List[Mapping[str, Any]]:
        """The files among the parameters' defaults, which are the server's."""
        info = self._app.info()
        endpoint = info.get("named_endpoints", {}).get(spec.api_name) or {}
        values = [parameter.get("parameter_default") for parameter in endpoint.get("parameters", [])]
        return [slot.file for slot in find_files(values, marked_only)[1]]

    def _must_copy(self, file: Mapping[str, Any]) -> bool:
        return self._private and not file.get("is_stream") and is_own_file(file["path"], self._app.routes)

    def _add(self, uploads: Dict[Hashable, Upload], slot: Slot, source: Source, name: str) -> None:
        """Plan to send a file, once however often it was given."""
        mime_type = slot.file.get("mime_type") or guess_type(name)
        key = (_identity(slot.file), name, mime_type)
        uploads.setdefault(key, Upload(source, name, mime_type)).slots.append(slot)

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

    def _placed(self, file: Mapping[str, Any], path: str, upload: Upload) -> Dict[str, Any]:
        """What goes to the server in place of a file that is at `path` there now."""
        return _payload(file, path, upload.name)

    def _post(self, body: MultipartBody, headers: Mapping[str, str], parts: Sequence[Part]) -> List[str]:
        url = self._app.routes.api + "upload"
        with self._open(url, body, headers) as response:
            content = response.read_all()
        if not 200 <= response.status < 300:
            raise _refused(response.status, content, url, parts)
        paths = Response(response.status, response.headers, response.url, content).json()
        if _is_list_of_paths(paths, len(parts)):
            return list(paths)
        raise ProtocolError(f"{bare_url(url)} did not answer with a path for each of the {len(parts)} files.")

    def _open(self, url: str, body: MultipartBody, headers: Mapping[str, str]) -> StreamingResponse:
        """Send the body, once more if the connection dies before an answer: uploading twice does no harm."""
        fields = self._app.headers({**headers, "content-type": body.content_type})
        transport = self._app.transport
        try:
            return transport.stream("POST", url, headers=fields, body=body, max_bytes=_MAX_ANSWER)
        except ConnectionLost as exc:
            _log.info("an upload is sent again: %s", exc)
            return transport.stream("POST", url, headers=fields, body=body, max_bytes=_MAX_ANSWER)

    def _fetch(self, url: str, headers: Mapping[str, str]) -> Source:
        """Copy a file of the app's; never follows a redirect, which could lead the credentials away."""
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
        with self._app.transport.stream(
            "GET",
            url,
            headers=fields,
            follow_redirects=follow_redirects,
            credentials=credentials,
            word=word,
        ) as response:
            if response.status != 200:
                raise _status_error(response.status, b"", url, "fetching a file to send")
            return spooled(_chunks(response))


def _identity(file: Mapping[str, Any]) -> Hashable:
    if isinstance(file, FileContent):
        return id(file.source)
    path: str = file["path"]
    return path if is_url(path) else os.path.realpath(path)


def _chunks(response: StreamingResponse) -> Iterator[bytes]:
    while True:
        chunk = response.read_some(_CHUNK)
        if not chunk:
            return
        yield chunk


def _payload(file: Mapping[str, Any], path: str, name: str) -> Dict[str, Any]:
    """What goes to the server: the place of the file, and what it was called."""
    payload: Dict[str, Any] = {"path": path, "orig_name": name, "meta": new_meta()}
    if file.get("mime_type"):
        payload["mime_type"] = file["mime_type"]
    return payload


def name_of(file: Mapping[str, Any]) -> str:
    """The name a file is sent under."""
    name, path = file.get("orig_name"), file["path"]
    if isinstance(name, str) and name:
        return upload_name(name)
    return upload_name(path.rstrip("/").rpartition("/")[2] if is_url(path) else os.path.basename(path))


def _is_list_of_paths(paths: Any, count: int) -> bool:
    return isinstance(paths, list) and len(paths) == count and all(isinstance(path, str) for path in paths)


def _refused(status: int, content: bytes, url: str, parts: Sequence[Part]) -> Exception:
    if status != 413:
        return _status_error(status, content, url, "uploading files")
    largest = max(parts, key=lambda part: part.size)
    return FileTooLarge(
        f"{bare_url(url)} answered 413: it takes no upload of this size. The largest file is "
        f"{largest.filename} with {largest.size} bytes; send a smaller one."
    )


def _status_error(status: int, content: bytes, url: str, doing: str) -> Exception:
    if status == 503:  # not the queue's: this is no call
        return HTTPStatusError(f"{bare_url(url)} answered 503 while {doing}.", status=503, url=bare_url(url))
    return refusal(status, content, url, doing)
