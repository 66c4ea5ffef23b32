"""An App that needs no server to be connected to."""

from __future__ import annotations

from typing import Any, Mapping

from gradio_client_lite.app.app import App
from gradio_client_lite.app.headers import RequestHeaders
from gradio_client_lite.files.downloads import Downloads, JobFiles
from gradio_client_lite.generations import derive_info, dialect_of
from gradio_client_lite.transport.http import Transport
from gradio_client_lite.wire.config import parse_config
from gradio_client_lite.wire.dialect import Dialect
from gradio_client_lite.wire.filedata import file_outputs
from gradio_client_lite.wire.urls import Routes

FILE = {
    "type": "object",
    "properties": {
        "path": {"type": "string"},
        "url": {},
        "size": {},
        "orig_name": {},
        "mime_type": {},
        "meta": {"default": {"_type": "gradio.FileData"}},
    },
}


def component(number: int, kind: str, label: str = "", **fields: Any) -> Mapping[str, Any]:
    """A component of a config."""
    return {"id": number, "type": kind, "props": {"label": label}, "skip_api": False, **fields}


CONFIG = {
    "version": "6.31.0",
    "protocol": "sse_v3",
    "api_prefix": "/gradio_api",
    "components": [
        component(1, "file", "Your file", api_info=FILE),
        component(2, "json", "Data", api_info={"description": "any valid json"}),
        component(3, "state", skip_api=True),
    ],
    "dependencies": [{"id": 0, "api_name": "f", "backend_fn": True, "inputs": [1, 2], "outputs": [1, 2, 3]}],
}


def unconnected_app(transport: Transport, src: str, headers: Mapping[str, str] = {}) -> App:
    """An app at `src` of which nothing is known yet."""
    return App(transport, src, RequestHeaders(headers), dialect_of=dialect_of, derive_info=derive_info)


def dialect_for(version: str, protocol: str = "ws") -> Dialect:
    """How an app of a release is spoken to that has no functions."""
    return dialect_of(parse_config({"version": version, "protocol": protocol, "dependencies": []}, ""), "")


def app_of(transport: Transport, src: str, headers: Mapping[str, str] = {}, **changes: Any) -> App:
    """An app at `src` whose config is CONFIG with changes; its one endpoint has fn_index 0."""
    app = unconnected_app(transport, src, headers)
    app.config = {**CONFIG, **changes}
    app.spec = parse_config(app.config, src)
    app.dialect = dialect_of(app.spec, src)
    app.routes = Routes(src, app.spec.api_prefix, app.dialect.direct_route)
    return app


def files_of(downloads: Downloads) -> JobFiles:
    """The files of one job of such an app."""
    app = downloads.app
    return downloads.of_job(file_outputs(app.spec.endpoints[0], marks_files=app.dialect.marks_files))
