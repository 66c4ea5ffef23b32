"""Descriptions: an app's page and config, its API, the types in it, and the Python that is written of it."""

from __future__ import annotations

import ast
import json
import re
import shlex
from typing import Any, Callable, cast

from typed.modules import check_source

from gradio_client_lite.app.listing import render
from gradio_client_lite.app.loading import Loader
from gradio_client_lite.errors import (
    ArgumentError,
    AuthenticationError,
    GradioClientError,
    ProtocolError,
    UnsupportedAppError,
)
from gradio_client_lite.generations import dialect_of
from gradio_client_lite.legacy.wire.info import derive_v3_info
from gradio_client_lite.limits import Limits
from gradio_client_lite.transport.headers import Headers
from gradio_client_lite.transport.response import Response
from gradio_client_lite.transport.sockets import Deadline
from gradio_client_lite.transport.url import parse_url
from gradio_client_lite.typed.module import write_module
from gradio_client_lite.typed.snippets import Target, curl_snippet, js_snippet, python_snippet
from gradio_client_lite.typed.source import members, union
from gradio_client_lite.wire.config import AppSpec, parse_config
from gradio_client_lite.wire.info import clean_info, derive_info
from gradio_client_lite.wire.schema import contains_file, json_schema_to_python_type, with_choices
from gradio_client_lite.wire.urls import Routes

from .target import assert_short, target, value_of

_URL = "http://host:7860/"
_CONFIG_WORDS = (
    b"version",
    b"protocol",
    b"api_prefix",
    b"components",
    b"dependencies",
    b"id",
    b"type",
    b"props",
    b"inputs",
    b"outputs",
    b"api_name",
    b"api_info",
    b"backend_fn",
    b"queue",
    b"state",
    b"gradio_api/",
    b"sse_v3",
    b"auth_required",
)
_SCHEMA_WORDS = (
    b"type",
    b"enum",
    b"const",
    b"anyOf",
    b"allOf",
    b"oneOf",
    b"items",
    b"prefixItems",
    b"properties",
    b"additionalProperties",
    b"$ref",
    b"$defs",
    b"#/$defs/a",
    b"array",
    b"object",
    b"string",
    b"description",
    b"meta",
    b"path",
    b"gradio.FileData",
)
_INFO_WORDS = (
    *_SCHEMA_WORDS,
    b"named_endpoints",
    b"unnamed_endpoints",
    b"parameters",
    b"returns",
    b"label",
    b"parameter_name",
    b"parameter_has_default",
    b"parameter_default",
    b"python_type",
    b"component",
    b"example_input",
    b"api_visibility",
    b'"""',
    b"'''",
    b"{x}",
    b"class",
    b"client",
    b"\\",
)


@target("json", longest=1 << 14, words=_CONFIG_WORDS)
def configs(data: bytes) -> None:
    """Any JSON is an app of which every part has its type, or an error that says why not; and its API can be
    described and printed. Its prefix leads nowhere but below the app.
    """
    raw = value_of(data)
    try:
        spec = parse_config(raw, _URL)
    except (UnsupportedAppError, AuthenticationError) as exc:
        assert_short(exc)
        return
    _check_spec(spec)
    try:
        dialect_of(spec, _URL)
    except UnsupportedAppError as exc:
        assert_short(exc)
    _check_described(lambda: derive_info(raw))
    _check_described(lambda: derive_v3_info(raw, Routes(_URL), "file="))


def _check_described(describe: Callable[[], Any]) -> None:
    try:
        info = describe()
    except ProtocolError as exc:
        assert_short(exc)
    else:
        _check_info(info)


def _check_spec(spec: AppSpec) -> None:
    place = parse_url(Routes(_URL, spec.api_prefix).api)
    assert place.url.startswith(_URL)
    assert ".." not in place.path.split("/")
    assert spec.max_file_size is None or isinstance(spec.max_file_size, int)
    assert spec.version >= spec.version
    assert len(str(spec.version)) <= 200
    for fn_index, endpoint in spec.endpoints.items():
        assert type(fn_index) is int
        assert endpoint.fn_index == fn_index
        assert endpoint.api_name is None or endpoint.api_name is False or isinstance(endpoint.api_name, str)
        assert all(type(other) is int for other in endpoint.cancels)
        for component in (*endpoint.inputs, *endpoint.outputs):
            assert type(component.id) is int
            assert isinstance(component.type, str)
            assert isinstance(component.label, str)
        assert len(endpoint.arguments) <= len(endpoint.inputs)


def _check_info(info: Any) -> None:
    for group in ("named_endpoints", "unnamed_endpoints"):
        for endpoint in info[group].values():
            for part in ("parameters", "returns"):
                assert all(isinstance(item, dict) for item in endpoint[part])
    for all_endpoints in (None, True):
        assert isinstance(render(info, all_endpoints), str)


@target("json", longest=1 << 14, words=_INFO_WORDS)
def infos(data: bytes) -> None:
    """Any JSON is a description with both groups of endpoints, which can be printed, or a ProtocolError."""
    try:
        info = clean_info(value_of(data))
    except ProtocolError as exc:
        assert_short(exc)
        return
    _check_info(info)


@target("json", words=_SCHEMA_WORDS)
def type_names(data: bytes) -> None:
    """Any JSON as a schema is a type in the notation of `view_api`, bounded in what it grows to, and in that
    of generated modules, where it consists of names, literals and brackets alone.
    """
    schema = value_of(data)
    written = json_schema_to_python_type(schema)
    assert len(written) <= 3_000_000
    assert isinstance(contains_file(schema), bool)
    assert isinstance(with_choices(written, schema), str)
    for given in (True, False):
        type_ = union(members(schema, given=given))
        tree = ast.parse(type_, mode="eval")
        for node in ast.walk(tree):
            assert isinstance(node, _TYPE_NODES), ast.dump(node)


_TYPE_NODES = (
    ast.Expression,
    ast.Name,
    ast.Subscript,
    ast.Load,
    ast.Tuple,
    ast.Constant,
    ast.BinOp,
    ast.BitOr,
    ast.UnaryOp,
    ast.USub,
    *((ast.Index,) if hasattr(ast, "Index") and ast.Index is not object else ()),
)


@target("json", longest=1 << 14, words=_INFO_WORDS)
def modules(data: bytes) -> None:
    """Any JSON as a description makes a module that compiles and holds no code of the server's, and snippets
    in which every value of the server's is one literal.
    """
    info = value_of(data)
    groups = info if isinstance(info, dict) else {}
    named = groups.get("named_endpoints")
    source = write_module(info, _URL, {})
    check_source(source, len(named) if isinstance(named, dict) and named else None)
    try:
        cleaned = clean_info(info)
    except ProtocolError:
        return
    for name, endpoint in cleaned["named_endpoints"].items():
        _check_snippets(name, endpoint["parameters"])


def _check_snippets(name: str, parameters: Any) -> None:
    called = Target("owner/name", _URL + "gradio_api", None, False, {"api_name": name})
    tree = ast.parse(python_snippet(called, parameters).encode("utf-8", "backslashreplace").decode())
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert calls <= {"Client", "client.predict", "print", "handle_file"}
    try:
        curl, js = curl_snippet(called, parameters), js_snippet(called, parameters)
    except ArgumentError as exc:
        assert_short(exc)
        return
    assert len(shlex.split(re.sub(r"\$\([^\n]*\n?[^\n]*\)", "x", curl))) > 1
    found = re.search(r"JSON\.stringify\(\{ data: (.*) \}\),$", js, re.MULTILINE)
    assert found is not None
    json.loads(re.sub(r'await upload\("[a-z0-9]*\.[a-z0-9]*"\)', "0", found[1]))


class _Answers:
    """Stands for the transport of a loader: every route of the server has the same answer."""

    def __init__(self, response: Response) -> None:
        self._response = response

    def request(self, method: str, url: str, **_: Any) -> Response:
        return self._response

    def proxy_advice(self, url: str) -> str:
        return ""


_PAGE_WORDS = (
    b"window.gradio_config = {",
    b"window.gradio_config={}",
    b"</script>",
    b'"version": "3.1.7"',
    b'"dependencies": []',
    b"<input type=password>",
    b"Not authenticated",
)


@target(longest=1 << 14, words=_PAGE_WORDS)
def pages(data: bytes) -> None:
    """The body of an answer, whose first byte says the status: what a client is made for is a config, alone
    or in a page, or an error of this package.
    """
    status = (200, 200, 200, 404, 401, 500, 302, 429)[data[0] % 8] if data else 200
    headers = Headers([("content-type", "text/html; charset=latin-1" if len(data) % 5 == 0 else "text/html")])
    response = Response(status, headers, _URL + "config", data[1:])
    loader = Loader(cast(Any, _Answers(response)), cast(Any, dict), Limits())
    try:
        config, src = loader.load(_URL + "page/", Deadline(None))
    except GradioClientError as exc:
        assert_short(exc)
        return
    assert isinstance(config, dict)
    assert src.startswith("http://host:7860/")
