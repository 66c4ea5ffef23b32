"""Uploads to Gradio 3: each file in the form its component takes, as text, as JSON or as an upload."""

from __future__ import annotations

import json
from typing import Any, Dict, Hashable, List, Mapping, Optional, Sequence

from .errors import InvalidFile
from .files import FileContent, handle_file, inline_file, source_of
from .sources import Source
from .transport.redirect import OF_CALLER
from .uploads import Upload, Uploads, name_of
from .wire.config import EndpointSpec
from .wire.dataurl import PREFIX
from .wire.filedata import Slot, find_files, marked_only
from .wire.fileurls import Location, is_url
from .wire.v3_results import v3_location
from .wire.v3_values import argument_kinds, carriage, encode, takes_uploads, uploaded_file


class V3Uploads(Uploads):
    """Sends arguments to an app of Gradio 3.

    Those servers do not fetch a URL for every component, so URLs are fetched here; elsewhere than at the app
    without any credentials.
    """

    def upload(self, values: Sequence[Any], spec: EndpointSpec, headers: Mapping[str, str]) -> List[Any]:
        """See `Uploads.upload`."""
        kinds = argument_kinds(spec)
        kinds += [""] * (len(values) - len(kinds))
        copy, slots = find_files(values, marked_only)
        uploads: Dict[Hashable, Upload] = {}
        for slot in map(_with_content, slots):
            way = carriage(
                kinds[slot.top],
                whole=slot.container is copy,
                uploads=takes_uploads(self._app.spec.version),
            )
            path = self._path_on_server(slot.file, spec)
            if way != "uploaded":
                slot.put(_inside(slot.file, way, self._source(slot.file, spec, headers)))
            elif path is not None:
                slot.put(uploaded_file(path, name_of(slot.file), None, slot.file.get("mime_type") or ""))
            else:
                self._add(uploads, slot, self._source(slot.file, spec, headers), name_of(slot.file))
        self._send_all(list(uploads.values()), headers)
        return [encode(value, kind) for value, kind in zip(copy, kinds)]

    def _placed(self, file: Mapping[str, Any], path: str, upload: Upload) -> Dict[str, Any]:  # noqa: ARG002
        return uploaded_file(path, upload.name, upload.source.size(), upload.mime_type)

    def _path_on_server(self, file: Mapping[str, Any], spec: EndpointSpec) -> Optional[str]:
        """Where the server has a file already; None when it does not."""
        path: str = file["path"]
        return path if not is_url(path) and self._stays(file, spec) else None

    def _source(self, file: Mapping[str, Any], spec: EndpointSpec, headers: Mapping[str, str]) -> Source:
        if not self._stays(file, spec):
            return source_of(file)
        return self._fetch_from(v3_location(file, self._app.routes, self._app.spec.version), headers)

    def _fetch_from(self, location: Location, headers: Mapping[str, str]) -> Source:
        """Copy a file that is on the web; with credentials from the app alone, and then nowhere else."""
        if location.own:
            return self._fetch(location.url, headers)
        fields = self._app.headers_elsewhere({"accept-encoding": "identity"})
        return self._spool(location.url, fields, credentials=False, word=OF_CALLER)


def _with_content(slot: Slot) -> Slot:
    """The same, with what an earlier result holds as base64 made an ordinary file."""
    url = slot.file.get("url")
    if isinstance(slot.file, FileContent) or not isinstance(url, str) or not url.startswith(PREFIX):
        return slot
    return slot._replace(file=handle_file(url, name=name_of(slot.file)))


def _inside(file: Mapping[str, Any], way: str, source: Source) -> Any:
    """What goes into the call itself: the content of a file, in one of several forms."""
    name = name_of(file)
    if way == "json":
        return _json_of(source, name)
    fields = {"path": name, "orig_name": name, "mime_type": file.get("mime_type")}
    whole = inline_file(FileContent(fields, source))
    return whole.get("data") if way == "text" else whole


def _json_of(source: Source, name: str) -> Any:
    try:
        return json.loads(b"".join(source.read()))
    except (ValueError, RecursionError) as exc:
        raise InvalidFile(
            f"File {name} is not JSON, so it is no value of this component: {exc}. Pass the value itself, or "
            "a JSON file."
        ) from exc
