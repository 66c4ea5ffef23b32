"""Files: their names, where results say that they are, values of Gradio 3, playlists and data: URLs."""

from __future__ import annotations

import base64
import json
import os.path
import re
from pathlib import PureWindowsPath
from typing import Any, List
from urllib.parse import unquote_to_bytes

from gradio_client_lite.errors import ArgumentError
from gradio_client_lite.legacy.wire.values import V3Results, decode_default, encode, is_v3_file, v3_location
from gradio_client_lite.transport.url import parse_url
from gradio_client_lite.wire.config import AppSpec, parse_config
from gradio_client_lite.wire.copies import Copies
from gradio_client_lite.wire.filedata import (
    argument_files,
    file_outputs,
    file_word,
    find_files,
    has_files,
    holding_outputs,
    holds_foreign,
    mark_results,
    mentions,
)
from gradio_client_lite.wire.fileurls import (
    Location,
    is_own,
    location_of,
    own_file,
    segment_names,
    segment_of,
)
from gradio_client_lite.wire.names import (
    MAX_BYTES,
    PREFIX,
    download_name,
    extension_of,
    form_name,
    make_data_url,
    parse_data_url,
    strip_invalid_filename_characters,
    upload_name,
)
from gradio_client_lite.wire.provenance import ResultFile
from gradio_client_lite.wire.urls import Routes, origin_of_url

from .target import assert_short, pieces_of, same, target, value_of

_SRC = "http://host:7860/app/"
_ROUTES = Routes(_SRC, "gradio_api/")
_ORIGIN = parse_url(_SRC).origin
_NAME_WORDS = (
    b"../",
    b"..\\",
    b"C:",
    b"CON",
    b"nul.txt",
    b".",
    b" ",
    b"\x00",
    b"%2e%2e%2f",
    b"a" * 300,
    b".tar.gz",
)


# -- names


@target(words=_NAME_WORDS)
def names(data: bytes) -> None:
    """A name that a server chose is saved as one path component that every system can store, where saving
    it once more changes nothing; and it goes up as one component, too.
    """
    text = data.decode("utf-8", "surrogateescape" if len(data) % 2 else "replace")
    _check_saved(download_name(text))
    assert download_name(download_name(text)) == download_name(text)
    for name in (upload_name(text), form_name(upload_name(text))):
        assert name.encode()
        assert not re.search(r'[<>:"/\\|?*\x00-\x1f\x7f]', name), name
        assert name not in ("", ".", "..")
    assert len(upload_name(text).encode()) <= MAX_BYTES
    stripped = strip_invalid_filename_characters(text, 20)
    assert len(stripped.encode("utf-8", "surrogatepass")) <= 20
    assert os.path.basename(stripped) == stripped


def _check_saved(name: str) -> None:
    assert name.encode()
    assert 0 < len(name.encode()) <= MAX_BYTES
    assert not re.search(r'[<>:"/\\|?*\x00-\x1f\x7f]', name), name
    assert name not in (".", "..")
    assert os.path.normpath(os.path.join("/folder", name)) == os.path.join("/folder", name)
    assert PureWindowsPath("C:/folder", name).parent == PureWindowsPath("C:/folder")
    assert not name.endswith((" ", "."))
    assert not re.fullmatch(
        r"(?i)(con|prn|aux|nul|(com|lpt)[0-9¹²³]|conin\$|conout\$) *(\..*)?", name
    ) or name[-5:] in (
        "com0",
        "lpt0",
    ), name


# -- results


def _endpoint() -> AppSpec:
    """An app whose function has an output that may hold files, one that may not, and one that is skipped."""
    file = {"properties": {key: {} for key in ("path", "url", "size", "orig_name", "mime_type", "meta")}}
    components = [
        {"id": 0, "type": "file", "skip_api": False, "api_info": file},
        {
            "id": 1,
            "type": "json",
            "skip_api": False,
            "api_info": {"type": {}, "description": "any valid json"},
        },
        {"id": 2, "type": "state", "skip_api": True},
        {"id": 3, "type": "custom", "skip_api": False},
    ]
    dependency = {
        "id": 0,
        "api_name": "predict",
        "inputs": [0, 1],
        "outputs": [0, 1, 2, 3],
        "backend_fn": True,
    }
    raw = {"version": "4.16.0", "protocol": "sse_v1", "components": components, "dependencies": [dependency]}
    return parse_config(raw, _SRC)


_SPEC = _endpoint().endpoints[0]
_FILE_WORDS = (
    b"path",
    b"url",
    b"meta",
    b"_type",
    b"gradio.FileData",
    b"orig_name",
    b"size",
    b"is_stream",
    b"mime_type",
    b"/tmp/gradio/a.png",
    b"http://other/a.png",
    b"http://host:7860/app/x",
    b"/proxy=http://other/a",
    b"/playlist.m3u8",
    b"../../etc/passwd",
)


@target("json", words=_FILE_WORDS)
def file_data(data: bytes) -> None:
    """Any JSON as the outputs of a function: each file in it is at a URL that is the app's own only by its
    origin, and has a harmless name. Nothing in it is a file of this machine, or is sent as one. The values
    stay as they were, and a text without the mark of files has none.
    """
    given = value_of(data)
    values: List[Any] = given if isinstance(given, list) else [given]
    text = json.dumps(values)
    for marks_files in (True, False):
        is_file = file_outputs(_SPEC, marks_files=marks_files)
        found = has_files(values, is_file)
        copy, slots = find_files(values, is_file)
        assert bool(slots) == found
        assert not found or mentions(text, file_word(_SPEC, marks_files=marks_files))
        assert not found or mentions(text.encode(), file_word(_SPEC, marks_files=marks_files))
        for slot in slots:
            for live in (True, False):
                _check_location(location_of(slot.file, _ROUTES, live_streams=live, hands_on=not live))
            url = slot.file.get("url")
            if isinstance(url, str):
                _check_own(url)
            slot.put("file")
        taken = Copies().of(values, is_file)
        assert same(taken.data, values)
        assert bool(taken.slots) == found
        for slot in taken.slots:
            slot.put("file")
        assert same(taken.data, copy)
        marked = mark_results(values, is_file, holding_outputs(_SPEC), _SRC, lambda: None)
        assert same(marked, values)
        assert not any(argument_files(lambda _: False)(slot.file, 0) for slot in slots)
        assert not any(isinstance(value, ResultFile) for value in values)
    assert holds_foreign(values) in (True, False)
    assert json.dumps(values) == text


def _check_location(found: Location) -> None:
    _check_saved(found.name)
    for place in (found, found.whole, found.through):
        if place is None:
            continue
        _check_saved(place.name)
        try:
            there = parse_url(place.url)
        except ArgumentError:
            continue
        assert not place.own or there.origin == _ORIGIN, place.url
    assert found.size is None or found.size >= 0
    assert found.through is None or found.through.own


def _check_own(url: str) -> None:
    """What is taken for a file of the app has its host, and the path that the server takes."""
    found = own_file(url, _ROUTES)
    if found is None:
        return
    _check_saved(found.name)
    assert origin_of_url(found.url) == _ORIGIN
    assert found.path is None or isinstance(found.path, str)


# -- values of Gradio 3

_KINDS = (
    *(
        "annotatedimage",
        "audio",
        "chatbot",
        "dataframe",
        "file",
        "gallery",
        "highlightedtext",
        "image",
        "json",
    ),
    *("label", "model3d", "plot", "timeseries", "uploadbutton", "video", "textbox", "custom"),
)


def _v3_endpoint() -> AppSpec:
    components = [{"id": number, "type": type_, "props": {}} for number, type_ in enumerate(_KINDS)]
    ids = list(range(len(_KINDS)))
    dependency = {"api_name": "predict", "inputs": ids, "outputs": ids, "backend_fn": True}
    raw = {"version": "3.50.2", "components": components, "dependencies": [dependency]}
    return parse_config(raw, _SRC)


_V3_SPEC = _v3_endpoint().endpoints[0]
_V3_ROUTES = Routes(_SRC)
_V3_RESULTS = V3Results(_V3_SPEC, _V3_ROUTES, "file=")
_V3_WORDS = (
    b"name",
    b"data",
    b"is_file",
    b"orig_name",
    b"alt_text",
    b"__type__",
    b"update",
    b"value",
    b"data:image/png;base64,iVBO",
)


@target("json", words=_V3_WORDS)
def legacy_values(data: bytes) -> None:
    """Any JSON as a value of each component of Gradio 3: it has a form for callers, in which each file has a
    harmless name, a place and the value that the server gave; it stays as it was, and can be sent back.
    """
    value = value_of(data)
    decoded = _V3_RESULTS.decode([value] * len(_KINDS))
    assert len(decoded) == len(_KINDS)
    assert same(value, value_of(data))
    _, slots = find_files(decoded, is_v3_file)
    for slot in slots:
        found = v3_location(slot.file, _V3_ROUTES, "file=")
        _check_saved(found.name)
        assert found.url.startswith((PREFIX, "http://", "https://", _SRC))
        assert not found.own or parse_url(found.url).origin == _ORIGIN
        assert slot.file.given is not None
        _check_data_url(found.url)
    for kind, one in zip(_KINDS, decoded):
        encode(one, kind)
        decode_default(value, kind, _V3_ROUTES, "file=")
    pairs = isinstance(value, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in value)
    if pairs:
        assert same(encode(decoded[_KINDS.index("highlightedtext")], "highlightedtext"), value)


def _check_data_url(url: str) -> None:
    if url.startswith(PREFIX):
        try:
            content, mime_type = parse_data_url(url)
        except ValueError:
            return
        assert len(content) <= len(url)
        assert isinstance(mime_type, str)


# -- playlists and data: URLs


@target(
    words=(
        b"#EXTM3U\n",
        b"#EXTINF:1.0,\n",
        b"a.aac\n",
        b"http://other/a\n",
        b"//other/a\n",
        b"file:///etc/passwd\n",
        b"\r\n",
    )
)
def playlists(data: bytes) -> None:
    """Each segment that a playlist names is at an http(s) URL, and the app's own only by its origin."""
    lines = data.decode("utf-8", "replace").splitlines()
    playlist = Location(_ROUTES.api + "stream/s/1/playlist.m3u8?__sign=x", "playlist.m3u8", own=True)
    found = segment_names(lines)
    assert len(found) <= len(lines)
    for name in found:
        segment = segment_of(name, playlist, None, _ROUTES)
        _check_saved(segment.name)
        assert segment.url.lower().startswith(("http://", "https://"))
        assert segment.own == is_own(segment.url, _ROUTES)
        try:
            there = parse_url(segment.url)
        except ArgumentError:
            continue
        assert segment.own == (there.origin == _ORIGIN), segment.url


@target(words=(b"data:", b";base64,", b",", b"image/png", b"%2C", b"=", b"iVBORw0KGgo=", b";charset=utf-8"))
def data_urls(data: bytes) -> None:
    """A data: URL is the content that the standard library reads in it, or malformed; and content that is
    written as one is read again as it was.
    """
    url = PREFIX + data.decode("utf-8", "replace")
    assert re.fullmatch(r"|\.[!-~]+", extension_of(url))
    try:
        content, mime_type = parse_data_url(url)
    except ValueError as exc:
        assert_short(exc)
    else:
        head, _, text = url[len(PREFIX) :].partition(",")
        if "base64" not in head.lower():
            assert content == unquote_to_bytes(text)
        elif re.fullmatch("[A-Za-z0-9+/]*={0,2}", text) and len(text) % 4 == 0:
            assert content in (base64.b64decode(text), unquote_to_bytes(text))
        assert len(content) <= 4 * len(url)
        assert mime_type == mime_type.strip()
    for piece in pieces_of(data)[:2]:
        assert parse_data_url(make_data_url(piece, "image/png")) == (piece, "image/png")
