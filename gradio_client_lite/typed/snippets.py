"""Snippets: a call of an endpoint to copy, in Python, for a shell with curl, or in JavaScript.

Arguments are the defaults, or else the examples, that the app describes. A file is always one of the caller's
own, with a name of the kind that is wanted: the examples of apps are URLs, which nobody is to fetch unasked.
"""

from __future__ import annotations

import json
import shlex
from keyword import iskeyword
from typing import Any, Callable, Dict, Mapping, NamedTuple, Sequence
from urllib.parse import quote

from .._version import PACKAGE
from ..errors import ArgumentError
from ..wire.schema import MAX_DEPTH, contains_file, definitions, is_any_file, mapping, ref_name
from ..wire.texts import json_text
from .annotations import required_fields
from .module import TAKEN

#: Files by the component that wants one.
_FILES = {
    "Image": "image.png",
    "Imageeditor": "image.png",
    "Gallery": "image.png",
    "Audio": "audio.wav",
    "Video": "video.mp4",
    "Model3d": "model.glb",
}
_SIMPLE = {"string": "text", "integer": 1, "number": 1, "boolean": True}

_PYTHON = """from {package} import Client{imported}

with Client({app}) as client:
    result = client.predict({arguments}
    )
print(result)
"""
_CURL = """app={app}{uploads}
event=$(curl -fsS "$app/call/{name}" -H 'Content-Type: application/json' \\
  -d '{{"data": {data}}}' | sed 's/.*"event_id": *"\\([^"]*\\)".*/\\1/')
curl -fsSN "$app/call/{name}/$event"
"""
_CURL_FILE = """
{variable}=$(curl -fsS "$app/upload" -F files=@{file} | sed 's/^\\[//; s/\\]$//')"""
_JS = """{head}const app = {app};
{upload}
const answer = await fetch(`${{app}}/call/{name}`, {{
  method: "POST",
  headers: {{ "Content-Type": "application/json" }},
  body: JSON.stringify({{ data: {data} }}),
}});
if (!answer.ok) throw new Error(await answer.text());
const {{ event_id }} = await answer.json();
const events = await (await fetch(`${{app}}/call/{name}/${{event_id}}`)).text();
const [, kind, data] = events.match(/^event: (complete|error)\\r?\\ndata: (.*)$/m);
if (kind === "error") throw new Error(data);
console.log(JSON.stringify(JSON.parse(data)));
"""
_JS_HEAD = """import { readFile } from "node:fs/promises";

"""
_JS_UPLOAD = """
async function upload(name) {
  const form = new FormData();
  form.append("files", new Blob([await readFile(name)]), name);
  const answer = await fetch(`${app}/upload`, { method: "POST", body: form });
  const [path] = await answer.json();
  return { path, meta: { _type: "gradio.FileData" } };
}
"""


class _File(str):
    """The name of a file that the caller has."""


class _Language(NamedTuple):
    """How a language writes a text, a file, and None, True and False."""

    text: Callable[[str], str]
    file: Callable[[str], str]
    words: Sequence[str]

    def write(self, value: Any, depth: int = 0) -> str:
        """A JSON value as source; what has no literal there, or is nested too deep, is None."""
        if isinstance(value, _File):
            return self.file(value)
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list) and depth <= MAX_DEPTH:
            return "[" + ", ".join([self.write(part, depth + 1) for part in value]) + "]"
        if isinstance(value, dict) and depth <= MAX_DEPTH:
            parts = [f"{self.text(key)}: {self.write(part, depth + 1)}" for key, part in value.items()]
            return "{" + ", ".join(parts) + "}"
        if isinstance(value, bool):
            return self.words[1 if value else 2]
        is_number = isinstance(value, (int, float)) and abs(value) < float("inf")
        return repr(value) if is_number else self.words[0]


def python_snippet(app: str, address: Mapping[str, Any], parameters: Sequence[Mapping[str, Any]]) -> str:
    """Write a call with this package.

    Args:
        app: what its Client is made with.
        address: what `Client.predict` takes to name the endpoint.
        parameters: of the endpoint, in the app's description.
    """
    python = _Language(repr, lambda name: f"handle_file({str(name)!r})", ("None", "True", "False"))
    names = [parameter.get("parameter_name") for parameter in parameters]
    by_name = len(set(map(str, names))) == len(names) and all(map(_can_be_given, names))
    arguments = [
        (f"{name}=" if by_name else "") + python.write(_argument(parameter))
        for name, parameter in zip(names, parameters)
    ]
    arguments += [f"{name}={value!r}" for name, value in address.items()]
    source = "".join([f"\n        {argument}," for argument in arguments])
    imported = ", handle_file" if "handle_file(" in source else ""
    return _PYTHON.format(package=PACKAGE, imported=imported, app=repr(app), arguments=source)


def curl_snippet(api: str, address: Mapping[str, Any], parameters: Sequence[Mapping[str, Any]]) -> str:
    """Write a call for a POSIX shell, which prints the server's events.

    Args:
        api: the URL of the app's API, without a slash at its end.

    Raises:
        ArgumentError: the endpoint has no name.
    """
    uploads: Dict[str, str] = {}

    def file(name: str) -> str:
        uploads[name] = name.replace(".", "_")
        return f"""{{"path": '"${uploads[name]}"', "meta": {{"_type": "gradio.FileData"}}}}"""

    data = _Language(_json, file, _JSON_WORDS).write([_argument(parameter) for parameter in parameters])
    sent = "".join([_CURL_FILE.format(variable=each, file=name) for name, each in uploads.items()])
    return _CURL.format(app=shlex.quote(api), uploads=sent, name=_route(address), data=data)


def js_snippet(api: str, address: Mapping[str, Any], parameters: Sequence[Mapping[str, Any]]) -> str:
    """The same as a JavaScript module, for Node.js 18 or, if no file is sent, a browser."""
    javascript = _Language(_json, lambda name: f"await upload({_json(name)})", _JSON_WORDS)
    data = javascript.write([_argument(parameter) for parameter in parameters])
    uses_file = "await upload(" in data
    return _JS.format(
        head=_JS_HEAD if uses_file else "",
        upload=_JS_UPLOAD if uses_file else "",
        app=_json(api),
        name=_route(address),
        data=data,
    )


LANGUAGES = {"python": python_snippet, "curl": curl_snippet, "js": js_snippet}
_JSON_WORDS = ("null", "true", "false")


def _json(text: str) -> str:
    """A text in ASCII, for JavaScript and for a place between single quotes of a shell."""
    return json.dumps(text).replace("'", "\\u0027")


def _route(address: Mapping[str, Any]) -> str:
    """The endpoint's name, as a part of a URL."""
    name = address.get("api_name")
    if not isinstance(name, str):
        raise ArgumentError("An endpoint without a name can be called from Python only: use --lang python.")
    return quote(name[1:], safe="", errors="replace")


def _can_be_given(name: Any) -> bool:
    """Whether it can be written as the name of an argument of `predict`."""
    return isinstance(name, str) and name.isidentifier() and not iskeyword(name) and name not in TAKEN


def _argument(parameter: Mapping[str, Any]) -> Any:
    """A value for a parameter."""
    schema = parameter.get("type")
    file = _File(_FILES.get(str(parameter.get("component")), "file.txt"))
    if parameter.get("parameter_has_default"):
        return _with_files(parameter.get("parameter_default"), file)
    example = _with_files(parameter.get("example_input"), file)
    # "..." stands where a function says nothing, and before 4.20 a URL where a file is wanted.
    if example in (None, "...") or (contains_file(schema) and "://" in json_text(example)):
        return _made_up(schema, definitions(schema), file)
    return example


def _with_files(value: Any, file: _File, depth: int = 0) -> Any:
    """A value with the caller's file in place of each of the server's."""
    if depth > MAX_DEPTH:
        return None
    if isinstance(value, list):
        return [_with_files(part, file, depth + 1) for part in value]
    if isinstance(value, dict):
        if mapping(value.get("meta")).get("_type") == "gradio.FileData":
            return file
        return {key: _with_files(part, file, depth + 1) for key, part in value.items()}
    return value


def _made_up(schema: Any, defs: Mapping[str, Any], file: _File, depth: int = 0) -> Any:
    """A value of a schema, the simplest there is; None where that is not easy to tell."""
    if not isinstance(schema, dict) or depth > MAX_DEPTH:
        return None
    if is_any_file(schema, defs):
        return file
    if "$ref" in schema:
        return _made_up(defs.get(ref_name(schema["$ref"])), defs, file, depth + 1)
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        return choices[0]
    either = schema.get("anyOf", schema.get("oneOf"))
    if isinstance(either, list) and either:
        return _made_up(either[0], defs, file, depth + 1)
    if schema.get("type") == "array":
        return [_made_up(schema.get("items"), defs, file, depth + 1)]
    required = required_fields(schema)
    if required:
        fields = mapping(schema.get("properties")).items()
        return {
            name: _SIMPLE.get(str(mapping(field).get("type"))) for name, field in fields if name in required
        }
    return schema.get("const", _SIMPLE.get(str(schema.get("type"))))
