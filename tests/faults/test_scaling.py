"""Twice as much from a server is at most two and a half times the work, for every parser of its words."""

from __future__ import annotations

import gzip
import json
import zlib
from datetime import datetime
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest
from scaling import assert_linear
from transport.peers import Peer, PeerServer
from transport.sockets import CONT, PING, frame

from gradio_client_lite.app.endpoint import Endpoint
from gradio_client_lite.app.listing import render
from gradio_client_lite.app.loading import _PAGE_CONFIG
from gradio_client_lite.errors import AppError, ProtocolError, shown
from gradio_client_lite.generations import dialect_of, plan_cancel
from gradio_client_lite.legacy.websocket import load_library
from gradio_client_lite.legacy.wire.frames import FrameDecoder
from gradio_client_lite.legacy.wire.info import derive_v3_info
from gradio_client_lite.legacy.wire.values import decode as decode_v3
from gradio_client_lite.legacy.wire.values import decode_default
from gradio_client_lite.legacy.wire.values import encode as encode_v3
from gradio_client_lite.secrecy import Secrets
from gradio_client_lite.spaces.rest import advised_wait, message_of
from gradio_client_lite.transport.headers import CookieJar, Headers, request_fields
from gradio_client_lite.transport.http import Transport
from gradio_client_lite.transport.inflate import Inflater
from gradio_client_lite.transport.response import Response
from gradio_client_lite.transport.url import parse_url, resolve, scrub
from gradio_client_lite.wire.arguments import bind
from gradio_client_lite.wire.config import parse_config
from gradio_client_lite.wire.decoding import SSEDecoder, read_json
from gradio_client_lite.wire.dialect import Version
from gradio_client_lite.wire.diff import apply_diff, are_edits, mend_deletions, replacements
from gradio_client_lite.wire.filedata import find_files, has_files, holds_foreign, is_marked, survey
from gradio_client_lite.wire.fileurls import is_own, location_of, own_file, segment_names
from gradio_client_lite.wire.info import clean_info, derive_info, sanitize_parameter_names
from gradio_client_lite.wire.lifecycle import Lifecycle, OutputLog, app_error
from gradio_client_lite.wire.messages import decode
from gradio_client_lite.wire.names import download_name, extension_of, form_name, parse_data_url, upload_name
from gradio_client_lite.wire.refusal import refusal
from gradio_client_lite.wire.schema import contains_file, json_schema_to_python_type, with_choices
from gradio_client_lite.wire.texts import text_of
from gradio_client_lite.wire.urls import Routes, bare_url

# What it holds is the same on every Python; it takes long.
pytestmark = pytest.mark.whole

ROUTES = Routes("http://host/app/", "gradio_api/")
NOW = datetime(2026, 1, 1)
LIBRARY = load_library()
FILE = {"path": "/tmp/a", "meta": {"_type": "gradio.FileData"}}

#: What is done with an input, and how an input of a size is made.
Row = Tuple[Callable[[Any], object], Callable[[int], Any]]


def marked(value: Any, index: int) -> bool:
    return isinstance(value, dict) and is_marked(value)


def nested(depth: int, inner: Any = None, wrap: Callable[[Any], Any] = lambda value: [value]) -> Any:
    for _ in range(depth):
        inner = wrap(inner)
    return inner


def pieces(data: bytes, size: int) -> List[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


# --- streams


def read_events(chunks: List[bytes]) -> None:
    decoder = SSEDecoder()
    for chunk in chunks:
        decoder.feed(chunk)


def read_frames(chunks: List[bytes]) -> None:
    decoder = FrameDecoder(LIBRARY)
    for chunk in chunks:
        decoder.feed(chunk)


def fragments(count: int) -> bytes:
    return frame(b"a", fin=False) + frame(b"b", CONT, fin=False) * count + frame(b"", CONT)


STREAMS: Dict[str, Row] = {
    "a byte at a time": (read_events, lambda n: pieces(b"data: " + b"x" * n, 1)),
    "a long line in pieces": (read_events, lambda n: pieces(b"data: " + b"x" * n * 50 + b"\n\n", 64)),
    "short events": (read_events, lambda n: pieces(b"data: x\n\n" * n, 1000)),
    "empty data lines": (read_events, lambda n: [b"data\n" * n + b"\n"]),
    "carriage returns": (read_events, lambda n: pieces(b"\r" * n, 3)),
    "halves of line ends": (read_events, lambda n: pieces(b"data: x\r\n\r\n" * n, 8)),
    "comments": (read_events, lambda n: pieces(b":\n" * n, 999)),
    "ids": (read_events, lambda n: [b"id: 1\nevent: a\nretry: 1\n" * n]),
    "frames": (read_frames, lambda n: [frame(b"x") * n]),
    "frames a byte at a time": (read_frames, lambda n: pieces(frame(b"x" * n * 2), 1)),
    "a large frame in pieces": (read_frames, lambda n: pieces(frame(b"x" * n * 100), 100)),
    "fragments": (read_frames, lambda n: [fragments(n)]),
    "fragments in pieces": (read_frames, lambda n: pieces(fragments(n), 7)),
    "pings": (read_frames, lambda n: pieces(frame(b"", PING) * n, 100)),
}

# --- messages and values


def messages(kind: str, **fields: Any) -> str:
    return json.dumps({"msg": kind, "event_id": "e", **fields})


def live(texts: List[str]) -> None:
    lifecycle = Lifecycle(diffs=True, now=NOW)
    for text in texts:
        envelope = decode(text)
        assert envelope is not None
        lifecycle.feed(envelope.message, NOW)


def log_of(entries: List[Tuple[List[Any], bool]]) -> OutputLog:
    log = OutputLog()
    for values, diff in entries:
        log.append(values, diff=diff)
    return log


def edit(pair: Tuple[Any, List[Any]]) -> None:
    apply_diff(*pair)


def mend(pair: Tuple[Any, List[Any]]) -> None:
    mend_deletions(*pair)


MESSAGES: Dict[str, Row] = {
    "many messages": (live, lambda n: [messages("log", log="a", level="info")] * n),
    "bars": (decode, lambda n: messages("progress", progress_data=[{"index": 1, "desc": "a"}] * n)),
    "values": (decode, lambda n: messages("process_completed", output={"data": ["a"] * n}, success=True)),
    "keys": (decode, lambda n: messages("log", **{f"k{i}": i for i in range(n)})),
    "escapes": (decode, lambda n: '{"msg": "log", "log": "' + "\\u00e9" * n + '"}'),
    "digits": (decode, lambda n: '{"msg": "estimation", "rank": ' + "1" * n + "}"),
    "fractions": (decode, lambda n: '{"msg": "estimation", "rank_eta": 0.' + "1" * n + "}"),
    "exponents": (decode, lambda n: '{"msg": "estimation", "rank_eta": 1e' + "1" * n + "}"),
    "brackets": (decode, lambda n: "[" * n),
    "spaces": (decode, lambda n: " " * n * 10 + "{}"),
    "no message": (decode, lambda n: json.dumps({"a": "x" * n * 10})),
    "unknown kind": (decode, lambda n: messages("x" * n * 10)),
    "generated values": (
        live,
        lambda n: [messages("process_generating", output={"data": ["a"]}, success=True)] * n,
    ),
    "no data in the end": (
        live,
        lambda n: [messages("process_completed", success=True, output={f"k{i}": 1 for i in range(n)})],
    ),
    "error fields": (app_error, lambda n: {"error": "a" * n, **{f"k{i}": i for i in range(n)}}),
    "error text": (lambda text: repr(AppError(text)), lambda n: "<b>" * n * 20),
    "shown values": (shown, lambda n: [["a" * n] * 3, {"k": "b" * n}]),
    "edits that append": (edit, lambda n: ("a", [["append", [], "b"]] * n)),
    "edits that insert first": (edit, lambda n: ([], [["add", [0], 1]] * n)),
    "edits that insert last": (edit, lambda n: ([], [["add", [i], 1] for i in range(n)])),
    "edits that insert and append": (
        edit,
        lambda n: (["a"], [e for _ in range(n) for e in (["append", [0], "b"], ["add", [1], 1])]),
    ),
    "edits that delete first": (edit, lambda n: ([0] * n, [["delete", [0], None]] * n)),
    "edits that delete last": (edit, lambda n: ([0] * n, [["delete", [n - 1 - i], None] for i in range(n)])),
    "edits that come and go": (
        edit,
        lambda n: ([0] * n, [e for _ in range(n) for e in (["add", [0], 1], ["delete", [0], None])]),
    ),
    "edits of keys": (edit, lambda n: ({}, [["add", [f"k{i}"], i] for i in range(n)])),
    "edits of many parts": (edit, lambda n: ([[0]] * n, [["replace", [i, 0], 1] for i in range(n)])),
    "edits of texts in turn": (
        edit,
        lambda n: (["a", "b"], [["append", [i % 2], "c"] for i in range(n)]),
    ),
    "edits deep below": (edit, lambda n: (nested(n), [["replace", [0] * n, 1]])),
    "deletions in one list": (mend, lambda n: ([0] * n, [["delete", [i], None] for i in range(n)])),
    "deletions in nested lists": (
        mend,
        lambda n: ([[0, 1] for _ in range(n)], [["delete", [i, 1], None] for i in range(n)]),
    ),
    "what looks like edits": (
        lambda values: (are_edits(values), replacements(values)),
        lambda n: [[["replace", [], 1]] for _ in range(n)],
    ),
    "logged values": (lambda log: log.values(), lambda n: log_of([(["a"], False)] * n)),
    "logged edits": (
        lambda log: log.values(),
        lambda n: log_of([(["a"], False), *[([[["replace", [], "b"]]], True)] * n]),
    ),
    "files in a list": (lambda v: find_files(v, marked), lambda n: [[FILE] * n]),
    "files deep below": (lambda v: find_files(v, marked), lambda n: [nested(n, FILE)]),
    "a look at arguments": (
        lambda v: (survey(v, marked), holds_foreign(v)),
        lambda n: [{str(i): [FILE] for i in range(n)}],
    ),
    "a search for files": (lambda v: has_files(v, marked), lambda n: [{str(i): [i] for i in range(n)}]),
}

# --- what an app says of itself


def config_of(dependencies: int, *, components: int = 1, **fields: Any) -> Dict[str, Any]:
    each = {"backend_fn": True, "inputs": [0], "outputs": [0], **fields}
    return {
        "version": "6.31.0",
        "protocol": "sse_v3",
        "components": [
            {
                "id": i,
                "type": "state" if i == 7 else "textbox",
                "props": {"label": "text", "name": "textbox"},
                "api_info": {},
            }
            for i in range(components)
        ],
        "dependencies": [{"api_name": f"f{i}", **each} for i in range(dependencies)],
    }


def old(config: Dict[str, Any]) -> None:
    derive_v3_info({**config, "version": "3.50.2"}, ROUTES, "file=")


def parse(config: Any) -> Any:
    return parse_config(config, "http://host/")


def cancel(config: Dict[str, Any]) -> None:
    spec = parse({**config, "version": "4.20.0"})
    plan_cancel(spec, dialect_of(spec, ""), spec.endpoints[0])


def info_of(endpoints: int, parameters: int = 1, **fields: Any) -> Dict[str, Any]:
    parameter = {
        "label": "Text: ä!",
        "parameter_name": "text",
        "python_type": {"type": "str", "description": "d"},
        "component": "Textbox",
        **fields,
    }
    endpoint = {"parameters": [parameter] * parameters, "returns": [parameter] * parameters}
    return {"named_endpoints": {f"/f{i}": endpoint for i in range(endpoints)}, "unnamed_endpoints": {}}


def references(count: int) -> Dict[str, Any]:
    """Each of them leads to the next twice."""
    return {
        "$ref": "#/$defs/d0",
        "$defs": {
            f"d{i}": {"anyOf": [{"$ref": f"#/$defs/d{i + 1}"}, {"$ref": f"#/$defs/d{i + 1}"}]}
            for i in range(count)
        },
    }


APPS: Dict[str, Row] = {
    "functions": (parse, lambda n: config_of(n)),
    "components": (parse, lambda n: config_of(1, components=n, inputs=list(range(n)))),
    "inputs": (parse, lambda n: config_of(1, inputs=[0] * n)),
    "unknown inputs": (parse, lambda n: config_of(1, inputs=list(range(1, n)))),
    "functions that cancel": (cancel, lambda n: config_of(n, cancels=[0])),
    "a function that cancels many": (cancel, lambda n: config_of(2, cancels=list(range(n)))),
    "functions described by the config": (derive_info, lambda n: config_of(n)),
    "components described by the config": (derive_info, lambda n: config_of(1, components=n)),
    "functions of Gradio 3": (old, lambda n: config_of(n)),
    "inputs of one name on Gradio 3": (old, lambda n: config_of(1, inputs=[0] * n)),
    "described functions": (clean_info, lambda n: info_of(n)),
    "described parameters": (clean_info, lambda n: info_of(1, n)),
    "parameters": (lambda info: render(info), lambda n: info_of(1, n)),
    "endpoints": (lambda info: render(info), lambda n: info_of(n)),
    "a long name": (lambda info: render(info), lambda n: info_of(1, 1, parameter_name="ä !" * n * 10)),
    "a deep default": (
        lambda info: render(info),
        lambda n: info_of(1, 1, parameter_has_default=True, parameter_default=nested(n)),
    ),
    "a wide default": (
        lambda info: render(info),
        lambda n: info_of(1, 1, parameter_has_default=True, parameter_default=[FILE] * n),
    ),
    "parameter names": (sanitize_parameter_names, lambda n: "A b!_" * n),
    "arguments among State": (
        lambda endpoint: endpoint.arguments(("a",) * len(endpoint.spec.inputs), {}),
        lambda n: Endpoint(parse(config_of(1, inputs=[7] * n + [0] * n, components=8)).endpoints[0], dict),
    ),
    "arguments": (
        lambda info: bind(info["named_endpoints"]["/f0"]["parameters"], ("a",), {}),
        lambda n: info_of(1, n, parameter_has_default=True),
    ),
    "type of a deep schema": (json_schema_to_python_type, lambda n: nested(n, {}, _array)),
    "type of choices": (json_schema_to_python_type, lambda n: {"enum": ["a"] * n}),
    "type of properties": (
        json_schema_to_python_type,
        lambda n: {"type": "object", "properties": {f"k{i}": {"type": "string"} for i in range(n)}},
    ),
    "type of references": (json_schema_to_python_type, references),
    "type of types": (json_schema_to_python_type, lambda n: {"type": [f"t{i}" for i in range(n)]}),
    "files of a deep schema": (contains_file, lambda n: nested(n, {}, _array)),
    "files of references": (contains_file, references),
    "files of properties": (contains_file, lambda n: {"properties": {f"k{i}": {} for i in range(n)}}),
    "config in a page": (_PAGE_CONFIG.search, lambda n: "window.gradio_config" + " " * n * 20 + "="),
    "configs in a page": (_PAGE_CONFIG.search, lambda n: "window.gradio_config = " * n),
    "version of numbers": (Version.parse, lambda n: "1." * n),
    "version of digits": (Version.parse, lambda n: "1" * n),
    "version of stages": (Version.parse, lambda n: "1.0" + "a1" * n),
    "version of spaces": (Version.parse, lambda n: " " * n + "x"),
}


def _array(schema: Any) -> Dict[str, Any]:
    return {"type": "array", "items": schema}


# --- values of Gradio 3

OLD_FILE = {"name": "/tmp/a", "data": None, "is_file": True}
OLD_VALUES: Dict[str, Any] = {
    "file": OLD_FILE,
    "gallery": [OLD_FILE, "a"],
    "chatbot": ["a", [{"name": "/tmp/a", "mime_type": "", "alt_text": ""}, None]],
    "highlightedtext": ["a", "b"],
    "annotatedimage": [OLD_FILE, "a"],
    "dataframe": [1, 2],
}


def of_kind(function: Callable[[Any, str], object], kind: str) -> Row:
    return lambda value: function(value, kind), lambda n: [OLD_VALUES[kind]] * n


OLD: Dict[str, Row] = {
    **{f"results of {kind}": of_kind(decode_v3, kind) for kind in OLD_VALUES},
    **{f"values of {kind}": of_kind(encode_v3, kind) for kind in OLD_VALUES},
    "defaults": (
        lambda value: decode_default(value, "gallery", ROUTES, "file="),
        lambda n: [[OLD_FILE, ""]] * n,
    ),
    "data URL": (parse_data_url, lambda n: "data:text/plain;base64," + "QUJD" * n * 10),
    "data URL of parameters": (parse_data_url, lambda n: "data:text/plain" + ";a=b" * n + ",QUJD"),
    "data URL that is escaped": (parse_data_url, lambda n: "data:," + "%41" * n),
    "type of a data URL": (extension_of, lambda n: "data:" + "a/" * n + ";base64,"),
}

# --- answers


def inflate(coding: str, size: int) -> Callable[[bytes], None]:
    """Reads as streams do: so many bytes of input and 64 KiB of output at a time."""

    def run(data: bytes) -> None:
        left = iter(pieces(data, size))
        inflater = Inflater(coding)
        while inflater.read(lambda _: next(left, b""), 65536):
            pass

    return run


def keep(lines: List[str]) -> None:
    jar = CookieJar("host")
    target = parse_url("http://host/a/b")
    jar.store(target, lines)
    jar.header(target)


def answer_of(kind: str, body: bytes) -> Response:
    return Response(200, Headers([("content-type", kind)]), "http://host/", body)


def refused(status: int) -> Callable[[bytes], object]:
    return lambda body: str(refusal(status, body, "http://host/", "calling /f"))


def counted(data: bytes) -> Any:
    return read_json(data, "The answer", 1000)


def details(n: int) -> bytes:
    entry = {"__type__": "validate", "is_valid": False, "message": "no", "parameter_name": "a"}
    return json.dumps({"detail": [entry] * n}).encode()


ANSWERS: Dict[str, Row] = {
    "gzip": (inflate("gzip", 65536), lambda n: gzip.compress(b"0123456789" * n * 10)),
    "gzip a byte at a time": (inflate("gzip", 1), lambda n: gzip.compress(bytes(range(256)) * n, 0)[: n * 4]),
    "a bomb": (inflate("gzip", 65536), lambda n: gzip.compress(b"\0" * n * 2000)),
    "empty members": (inflate("gzip", 65536), lambda n: gzip.compress(b"") * n),
    "deflate": (inflate("deflate", 4096), lambda n: zlib.compress(b"0123456789" * n * 10)),
    "fields": (Headers, lambda n: [(f"X-{i}", "a") for i in range(n)]),
    "fields of one name": (lambda f: Headers(f)["x-a"], lambda n: [("X-A", "a")] * n),
    "request fields": (request_fields, lambda n: {f"x-{i}": "a" for i in range(n)}),
    "cookies": (keep, lambda n: [f"k{i}=v; Path=/" for i in range(n)]),
    "cookies of one name": (keep, lambda n: [f"k={i}" for i in range(n)]),
    "attributes": (keep, lambda n: ["k=v" + "; a" * min(n, 2600)] * (n // 2600 + 1)),
    "dates": (keep, lambda n: ["k=v; expires=" + "1 " * 4000] * (n // 500 + 1)),
    "a caller's cookies": (
        lambda own: CookieJar("host", {"a": "b"}).header(parse_url("http://host/"), own),
        lambda n: "; ".join(f"k{i}=v" for i in range(n)),
    ),
    "charset": (lambda r: r.text, lambda n: answer_of("text/html; charset=punycode", b"ab-" * n)),
    "another charset": (lambda r: r.text, lambda n: answer_of("text/html; charset=idna", b"ab." * n)),
    "content type": (lambda r: r.text, lambda n: answer_of("charset=" * n, b"")),
    "JSON of lists": (lambda r: r.json(), lambda n: answer_of("", b"[" + b"[]," * n + b"[]]")),
    "JSON of keys": (
        lambda r: r.json(),
        lambda n: answer_of("", json.dumps(dict.fromkeys(map(str, range(n)))).encode()),
    ),
    "JSON of digits": (lambda r: r.json(), lambda n: answer_of("", b"9" * n)),
    "JSON of fractions": (lambda r: r.json(), lambda n: answer_of("", b"0." + b"9" * n * 10)),
    "JSON of brackets": (lambda r: r.json(), lambda n: answer_of("", b"[" * n)),
    "JSON of escapes": (lambda r: r.json(), lambda n: answer_of("", b'"' + b"\\ud83d\\ude00" * n + b'"')),
    "no JSON": (lambda r: r.json(), lambda n: answer_of("", b"[" + b"1," * n)),
    "count of values": (counted, lambda n: b"[" + b"1," * n * 10 + b"1]"),
    "count in texts": (counted, lambda n: b'["' + b",[{:" * n * 10 + b'"]'),
    "count in many texts": (counted, lambda n: b'["' + b'",","' * n + b'"]'),
    "count of quotes": (counted, lambda n: b'"' * n * 10 + b"," * 2000),
    "count of backslashes": (counted, lambda n: b'["' + b"\\\\" * n * 10 + b"," * 2000 + b'"]'),
    "count of escaped quotes": (counted, lambda n: b'["' + b'\\",' * n * 10 + b'"]'),
    "a list of uploads": (json.loads, lambda n: json.dumps(["/tmp/a"] * n)),
    "validation": (refused(422), details),
    "a refusal of blanks": (refused(400), lambda n: b" \n" * n * 10),
    "a refusal in JSON": (
        refused(400),
        lambda n: json.dumps({"detail": nested(900, ["a" * n * 10])}).encode(),
    ),
    "an error of a call": (refused(500), lambda n: json.dumps({"error": "a" * n, "x": ["b"] * n}).encode()),
    "the Hub's word": (
        lambda body: message_of({}, body, Secrets("s3cret")),
        lambda n: json.dumps({"errors": [{"message": "s3cret"}] * n}).encode(),
    ),
    "translated labels": (text_of, lambda n: '__i18n__{"key":' * n),
    "choices": (lambda schema: with_choices("Literal[x]", schema), lambda n: {"enum": ["a", 1] * n}),
    "advice to wait": (lambda text: advised_wait(429, {"ratelimit": text}), lambda n: "r=1;t=5," * n),
    "advice of blanks": (lambda text: advised_wait(429, {"ratelimit": text}), lambda n: "r" + " " * n * 20),
    "date to wait for": (lambda text: advised_wait(429, {"retry-after": text}), lambda n: "1 " * n),
}


# --- names and URLs

LONG: Dict[str, Callable[[int], str]] = {
    "letters": lambda n: "a" * n * 20,
    "drives": lambda n: "C:" * n,
    "dots": lambda n: "." * n,
    "dots and blanks": lambda n: " ." * n,
    "slashes": lambda n: "/" * n,
    "steps up": lambda n: "../" * n,
    "percents": lambda n: "%" * n,
    "escapes": lambda n: "%C3%A9" * n,
    "letters of others": lambda n: "é" * n,
    "surrogates": lambda n: "\ud800" * n,
    "at signs": lambda n: "@" * n,
    "brackets": lambda n: "[" * n,
    "colons": lambda n: ":" * n,
    "labels": lambda n: "a." * n,
    "questions": lambda n: "?" * n,
    "controls": lambda n: "\x01" * n,
}
READERS: Dict[str, Callable[[str], object]] = {
    "name to save": download_name,
    "name to send": upload_name,
    "name in a form": form_name,
    "host": lambda text: parse_url(f"http://{text}"),
    "path": lambda text: parse_url(f"http://host/{text}?{text}#{text}"),
    "text of a URL": lambda text: (scrub(text), scrub(f"http://{text}")),
    "bare URL": lambda text: bare_url(f"http://{text}/{text}"),
    "redirect": lambda text: resolve(parse_url("http://host/a/b"), text),
    "redirect to a host": lambda text: resolve(parse_url("http://host/a/b"), f"//{text}/"),
    "file": lambda text: location_of({"path": text}, ROUTES, live_streams=False),
    "file with a URL": lambda text: location_of({"path": f"http://h/{text}"}, ROUTES, live_streams=False),
    "stream": lambda text: location_of(
        {"path": text, "url": f"stream/{text}", "is_stream": True}, ROUTES, live_streams=False
    ),
    "origin": lambda text: (
        is_own(f"http://{text}", ROUTES),
        own_file(f"{ROUTES.api}file={text}", ROUTES),
    ),
    "playlist": lambda text: segment_names(text.splitlines()),
}
NAMES: Dict[str, Row] = {
    f"{reader} of {kind}": (READERS[reader], LONG[kind]) for reader in READERS for kind in LONG
}
NAMES["playlist of lines"] = (lambda text: segment_names(text.splitlines()), lambda n: "a.ts\n#x\n" * n)

# --- texts

SECRETS = Secrets("s3cret-token", "pass&word", "aaaaaaaaaaaa")


def error_with(fields: Any) -> Exception:
    error = AppError("text", x=fields)
    error.__cause__ = ProtocolError("s3cret-token")
    return error


TEXTS: Dict[str, Row] = {
    "quoted secrets": (SECRETS.blank, lambda n: "s3cret-token " * n),
    "cuts": (SECRETS.blank, lambda n: "s3cr…" * n),
    "halves": (SECRETS.blank, lambda n: "a" * n * 10 + "…" + "a" * n * 10),
    "fields": (lambda error: SECRETS.blank_error(error), lambda n: error_with(["pass&word"] * n)),
    "deep fields": (lambda error: SECRETS.blank_error(error), lambda n: error_with(nested(n))),
    "secrets": (lambda known: Secrets(*known).blank("text"), lambda n: [f"secret-{i}" for i in range(n)]),
}

ROWS: Dict[str, Row] = {
    f"{group}: {name}": row
    for group, rows in {
        "stream": STREAMS,
        "message": MESSAGES,
        "app": APPS,
        "old": OLD,
        "answer": ANSWERS,
        "name": NAMES,
        "text": TEXTS,
    }.items()
    for name, row in rows.items()
}


#: These make large dicts, whose every access is slower once they have outgrown the processor's cache.
TABLES = {
    "message: keys",
    "message: error fields",
    "message: no data in the end",
    "message: edits of keys",
    "answer: fields",
    "answer: JSON of keys",
}


def enough_for(name: str) -> float:
    """The seconds that show how the work grows; less where there are many rows, or tables."""
    return 0.0015 if name in TABLES else 0.003 if name.startswith("name: ") else 0.01


@pytest.mark.parametrize("name", ROWS)
def test_work_grows_with_the_size(name: str) -> None:
    function, make = ROWS[name]
    assert_linear(function, make, enough=enough_for(name))


# --- whole answers, which are read from a connection

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
WIRE: Dict[str, Callable[[int], bytes]] = {
    "chunks of a byte": lambda n: CHUNKED + b"1\r\nx\r\n" * n + b"0\r\n\r\n",
    "chunks with extensions": lambda n: CHUNKED + (b"1;" + b"e" * 90 + b"\r\nx\r\n") * n + b"0\r\n\r\n",
    "a body": lambda n: HEAD + b"content-length: %d\r\n\r\n" % (n * 500) + b"x" * n * 500,
    "a field": lambda n: HEAD + b"x-a: " + b"a" * min(n, 60_000) + b"\r\ncontent-length: 0\r\n\r\n",
}


@pytest.fixture
def wire() -> Iterator[Callable[[bytes], None]]:
    """A function that receives raw bytes as an answer, from a server beside."""
    said: List[bytes] = []

    def script(peer: Peer) -> None:
        while peer.request() is not None:
            peer.send(said[0])

    with PeerServer(script) as server:
        transport = Transport(base_url=server.url)

        def receive(data: bytes) -> None:
            said[:] = [data]
            transport.request("GET", server.url)

        yield receive
        transport.close()


@pytest.mark.parametrize("kind", WIRE)
def test_work_of_an_answer_grows_with_its_size(wire: Callable[[bytes], None], kind: str) -> None:
    assert_linear(wire, WIRE[kind])
