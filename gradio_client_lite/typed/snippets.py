"""Snippets: a call of an endpoint to copy, in Python, for a shell with curl, or in JavaScript.

Arguments are the defaults, or else the examples, that the app describes. A file is always one of the caller's
own, with a name of the kind that is wanted: the examples of apps are URLs, which nobody is to fetch unasked.
A password or token is read of the environment.
"""

from __future__ import annotations

import json
import re
import shlex
from typing import Any, Mapping, NamedTuple, Optional, Sequence
from urllib.parse import quote

from .._version import PACKAGE
from ..errors import ArgumentError
from ..wire.schema import MAX_DEPTH, contains_file, mapping
from ..wire.texts import json_text
from .module import go_by_name
from .source import identifier

#: Files by the component that wants one.
_FILES = {
    "Image": "image.png",
    "Imageeditor": "image.png",
    "Gallery": "image.png",
    "Audio": "audio.wav",
    "Video": "video.mp4",
    "Model3d": "model.glb",
}
#: Values by their type.
_SIMPLE = {"string": "text", "integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}
#: Such a file in a value that is written as Python or JSON; no text of a server's has a null character.
_FILE = re.compile(r"""['"]\\(?:x00|u0000)([a-z0-9]+)\.([a-z0-9]+)['"]""")

_PYTHON = """{environ}from {package} import Client{imported}

with Client({app}{options}) as client:
    result = client.predict({arguments}
    )
print(result)
"""
_CURL = """app={app}{login}{uploads}
event=$(curl -fsS{options} "$app/call/{name}" -H 'Content-Type: application/json' \\
  -d '{{"data": {data}}}' | sed 's/.*"event_id": *"\\([^"]*\\)".*/\\1/')
curl -fsSN{options} "$app/call/{name}/$event"
"""
_CURL_LOGIN = """
cookies=$(mktemp)
curl -fsS -o /dev/null -c "$cookies" {url} \\
  --data-urlencode "username=$APP_USER" --data-urlencode "password=$APP_PASSWORD\""""
_CURL_FILE = """
{name}=$(curl -fsS{options} "$app/upload" -F files=@{name}.{ending} | sed 's/^\\[//; s/\\]$//')"""
_JS = """{upload}const app = {app};
{headers}
const answer = await fetch(`${{app}}/call/{name}`, {{
  method: "POST",
  headers: {{ {more}"Content-Type": "application/json" }},
  body: JSON.stringify({{ data: {data} }}),
}});
if (!answer.ok) throw new Error(await answer.text());
const {{ event_id }} = await answer.json();
const events = await (await fetch(`${{app}}/call/{name}/${{event_id}}`{options})).text();
const [, kind, data] = events.match(/^event: (complete|error)\\r?\\ndata: (.*)$/m);
if (kind === "error") throw new Error(data);
console.log(JSON.stringify(JSON.parse(data)));
"""
_JS_LOGIN = """const body = new URLSearchParams({{
  username: process.env.APP_USER,
  password: process.env.APP_PASSWORD,
}});
const login = await fetch({url}, {{ method: "POST", body }});
if (!login.ok) throw new Error(await login.text());
const cookie = login.headers.getSetCookie().map((each) => each.split(";")[0]).join("; ");
"""
_JS_UPLOAD = """import {{ readFile }} from "node:fs/promises";

async function upload(name) {{
  const body = new FormData();
  body.append("files", new Blob([await readFile(name)]), name);
  const answer = await fetch(`${{app}}/upload`, {{ method: "POST", body{more} }});
  const [path] = await answer.json();
  return {{ path, meta: {{ _type: "gradio.FileData" }} }};
}}

"""


class Target(NamedTuple):
    """What is called: how a Client of the app is made, the URL of its API without a slash at its end, that of
    its login if it has one, whether a token is sent, and what `Client.predict` takes to name the endpoint.
    """

    src: str
    api: str
    login: Optional[str]
    token: bool
    address: Mapping[str, Any]

    @property
    def route(self) -> str:
        """The endpoint's name, as a part of a URL; raises ArgumentError where it has none."""
        name = self.address.get("api_name")
        if not isinstance(name, str):
            raise ArgumentError("An endpoint without a name needs --lang python.")
        return quote(name[1:], safe="", errors="replace")


def python_snippet(target: Target, parameters: Sequence[Mapping[str, Any]]) -> str:
    """Write a call with this package."""
    names = [parameter.get("parameter_name") for parameter in parameters]
    by_name = go_by_name(names) and all(identifier(name, "field", {}) == name for name in names)
    values = [_FILE.sub(r"handle_file('\1.\2')", repr(_argument(parameter))) for parameter in parameters]
    arguments = [f"{name}={value}" for name, value in zip(names, values)] if by_name else values
    arguments += [f"{name}={value!r}" for name, value in target.address.items()]
    source = "".join([f"\n        {argument}," for argument in arguments])
    options = ', auth=(os.environ["APP_USER"], os.environ["APP_PASSWORD"])' if target.login else ""
    options += ', hf_token=os.environ["HF_TOKEN"]' if target.token else ""
    return _PYTHON.format(
        environ="import os\n\n" if options else "",
        package=PACKAGE,
        imported=", handle_file" if "handle_file(" in source else "",
        app=repr(target.src),
        options=options,
        arguments=source,
    )


def curl_snippet(target: Target, parameters: Sequence[Mapping[str, Any]]) -> str:
    """Write a call for a POSIX shell, which prints the server's events."""
    data = _json(list(map(_argument, parameters)))
    options = ' -b "$cookies"' if target.login else ""
    options += ' -H "x-hf-authorization: Bearer $HF_TOKEN"' if target.token else ""
    files = sorted({match.groups() for match in _FILE.finditer(data)})
    uploads = [_CURL_FILE.format(name=name, ending=ending, options=options) for name, ending in files]
    return _CURL.format(
        app=shlex.quote(target.api),
        login=_CURL_LOGIN.format(url=shlex.quote(target.login)) if target.login else "",
        uploads="".join(uploads),
        options=options,
        name=target.route,
        data=_FILE.sub(r"""{"path": '"$\1"', "meta": {"_type": "gradio.FileData"}}""", data),
    )


def js_snippet(target: Target, parameters: Sequence[Mapping[str, Any]]) -> str:
    """The same as a JavaScript module for Node.js."""
    data = _json(list(map(_argument, parameters)))
    headers = ["cookie"] if target.login else []
    headers += ['"x-hf-authorization": `Bearer ${process.env.HF_TOKEN}`'] if target.token else []
    login = _JS_LOGIN.format(url=_json(target.login)) if target.login else ""
    upload = _JS_UPLOAD.format(more=", headers" if headers else "") if _FILE.search(data) else ""
    return _JS.format(
        app=_json(target.api),
        headers=f"{login}const headers = {{ {', '.join(headers)} }};\n" if headers else "",
        upload=upload,
        more="...headers, " if headers else "",
        options=", { headers }" if headers else "",
        name=target.route,
        data=_FILE.sub(r'await upload("\1.\2")', data),
    )


LANGUAGES = {"python": python_snippet, "curl": curl_snippet, "js": js_snippet}


def _json(value: Any) -> str:
    """JSON in ASCII, for JavaScript and for a place between single quotes of a shell."""
    return json.dumps(value).replace("'", "\\u0027")


def _argument(parameter: Mapping[str, Any]) -> Any:
    """A value for a parameter."""
    file = "\0" + _FILES.get(str(parameter.get("component")), "file.txt")
    if parameter.get("parameter_has_default"):
        return _written(parameter.get("parameter_default"), file)
    schema, example = mapping(parameter.get("type")), _written(parameter.get("example_input"), file)
    is_told = example not in (None, "...")  # that stands where a function says nothing
    # Before 4.20 the example of a file is a URL.
    if contains_file(schema) and not (is_told and "://" not in json_text(example)):
        return [file] if schema.get("type") == "array" else file
    choices = schema.get("enum")
    choice = choices[0] if isinstance(choices, list) and choices else _SIMPLE.get(str(schema.get("type")))
    return example if is_told else _written(choice, file)


def _written(value: Any, file: str, depth: int = 0) -> Any:
    """A value as it can be written, with the caller's file in place of each of the server's.

    What has no literal, or is nested too deep, is None.
    """
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, (list, dict)) and depth > MAX_DEPTH:
        return None
    if isinstance(value, list):
        return [_written(part, file, depth + 1) for part in value]
    if isinstance(value, dict):
        if mapping(value.get("meta")).get("_type") == "gradio.FileData":
            return file
        return {key.replace("\0", ""): _written(part, file, depth + 1) for key, part in value.items()}
    return value if not isinstance(value, float) or abs(value) < float("inf") else None
