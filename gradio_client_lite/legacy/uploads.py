"""Uploads to Gradio 3: a file goes in the form its component takes, as text, as JSON or as an upload."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Dict, Hashable, List, Mapping, Optional, Sequence

from ..errors import InvalidFile
from ..files.handle import Source, guess_type
from ..files.uploads import File, Upload, Uploads, name_of
from ..transport.reach import OF_CALLER
from ..wire.config import EndpointSpec
from ..wire.copies import IsFile
from ..wire.filedata import argument_files, find_files
from ..wire.names import make_data_url
from ..wire.provenance import FileArgument, ResultFile, V3File, content_url
from .wire.values import argument_kinds, carriage, encode, takes_v3_files, uploaded_file, v3_location


class V3Uploads(Uploads):
    """Sends arguments to an app of Gradio 3.

    Those servers do not fetch URLs for every component, so URLs that `handle_file` was given are fetched
    here, without any credentials where they are not the app's.
    """

    def upload(self, values: Sequence[Any], spec: EndpointSpec, headers: Mapping[str, str]) -> List[Any]:
        """See `Uploads.upload`."""
        kinds = argument_kinds(spec)
        kinds += [""] * (len(values) - len(kinds))
        copy, slots = find_files(values, self._is_file(spec))
        uploads: Dict[Hashable, Upload] = {}
        for slot in slots:
            file = slot.file
            way = carriage(
                kinds[slot.top],
                whole=slot.container is copy,
                uploads=self._app.dialect.upload_route,
            )
            if self._stays(file) and (way != "text" or isinstance(file, V3File)):
                slot.put(self._given(file))
            elif way == "text" and isinstance(file, ResultFile) and content_url(file.file):
                slot.put(content_url(file.file))
            elif way != "uploaded":
                slot.put(_inside(file, way, self._source(file, headers)))
            else:
                self._add(uploads, slot, spec, partial(self._source, file, headers))
        self._send_all(list(uploads.values()), headers)
        return [encode(value, kind) for value, kind in zip(copy, kinds)]

    def _is_file(self, spec: EndpointSpec) -> IsFile:
        return argument_files(partial(takes_v3_files, spec))

    def _placed(self, file: File, path: str, upload: Upload) -> Dict[str, Any]:  # noqa: ARG002
        return uploaded_file(path, upload.name, upload.source.size(), upload.mime_type)

    def _fetch(self, url: str, headers: Mapping[str, str]) -> Source:
        """Copy the file at a URL. Credentials go to the app alone, and then no redirect is followed."""
        location = v3_location({"path": url}, self._app.routes, self._app.dialect.file_route)
        if location.own:
            return super()._fetch(location.url, headers)
        fields = self._app.headers_elsewhere({"accept-encoding": "identity"})
        return self._spool(location.url, fields, credentials=False, word=OF_CALLER)


def _inside(file: File, way: str, source: Source) -> Any:
    """The content of a file as it stands in the body of the call; see `carriage`."""
    name = name_of(file)
    if way == "json":
        return _json_of(source, name)
    whole = inline_file(name, file.get("mime_type") if isinstance(file, FileArgument) else None, source)
    return whole.get("data") if way == "text" else whole


def _json_of(source: Source, name: str) -> Any:
    try:
        return json.loads(b"".join(source.read()))
    except (ValueError, RecursionError) as exc:
        raise InvalidFile(
            f"File {name} is not JSON, so it is no value of this component: {exc}. Pass the value itself, or "
            "a JSON file."
        ) from exc


def inline_file(name: str, mime_type: Optional[str], source: Source) -> Dict[str, Any]:
    """Make a file value with its content in it, as base64: what Gradio 3 takes in place of an upload.

    Raises:
        InvalidFile: the source cannot be read.
    """
    mime_type = mime_type or guess_type(name)
    content = b"".join(source.read())
    return {
        "name": name,
        "data": make_data_url(content, mime_type),
        "size": len(content),
        "is_file": False,
        "orig_name": name,
        "mime_type": mime_type,
        "is_stream": False,
    }
