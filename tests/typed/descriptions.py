"""Descriptions of APIs: those recorded of real apps, and some that no app in its right mind has.

Run as a script it writes the module of each into a folder, for type checkers (`tox -e types`).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple

from gradio_client_lite.legacy.wire.info import derive_v3_info
from gradio_client_lite.typed.module import write_module
from gradio_client_lite.wire.config import EndpointSpec, parse_config
from gradio_client_lite.wire.info import clean_info
from gradio_client_lite.wire.urls import Routes

SAMPLES = Path(__file__).parents[1] / "samples"
RELEASES = sorted(path.name for path in SAMPLES.iterdir() if path.is_dir())
URL = "http://127.0.0.1:7860/"

STRING = {"type": "string"}
FILE = {
    "type": "object",
    "title": "FileData",
    "properties": {"path": STRING, "meta": {"properties": {"_type": {"const": "gradio.FileData"}}}},
}
#: A label may name what is imported for annotations.
PYRIGHT = {
    "typeCheckingMode": "strict",
    "pythonVersion": "3.9",
    "reportUnnecessaryTypeIgnoreComment": True,
    "reportUnusedImport": False,
}
#: What would end a text, a line, a name or a format, or turn the order of letters.
ODD = [
    '"""',
    "'''",
    "\\",
    '\\"""',
    "\n",
    "\r",
    "\x00",
    "\x1b]0;x\x07",
    "\u202e",
    "\u2028",
    "\ud83d",
    "{x}",
    "#",
    "'",
]
CODE = [f"{odd}\nimport os; os.abort(){odd}" for odd in ODD]
NAMES = [
    *(
        "class",
        "None",
        "client",
        "self",
        "str",
        "str_",
        "Any",
        "File",
        "Sequence",
        "headers",
        "api_name",
        "cast",
    ),
    *(
        "os",
        "_x",
        "__y",
        "__init__",
        "1st",
        "",
        " ",
        "-",
        "a-b",
        "a_b",
        "a b",
        "größe",
        "名前",
        "x" * 500,
        "A",
    ),
    *CODE,
]


class Api(NamedTuple):
    """What is known of an app's API: its description, and what its config says of the endpoints."""

    info: Any
    endpoints: Mapping[Any, EndpointSpec] = {}

    def module(self) -> str:
        return write_module(self.info, URL, self.endpoints)


def recorded(release: str) -> Api:
    """The API of the app that was recorded of a release."""
    config = json.loads((SAMPLES / release / "config.json").read_text(encoding="utf-8"))
    if release.startswith("3."):
        info = derive_v3_info(config, Routes(URL, ""), "file=")
    else:
        info = clean_info(json.loads((SAMPLES / release / "info.json").read_text(encoding="utf-8")))
    specs = parse_config(config, URL).endpoints.values()
    return Api(info, {spec.api_name or spec.fn_index: spec for spec in specs})


def parameter(schema: Any = STRING, name: Any = "value", **fields: Any) -> Dict[str, Any]:
    return {"parameter_name": name, "label": "Value", "type": schema, "component": "Textbox", **fields}


def default(value: Any, schema: Any = STRING, name: Any = "value") -> Dict[str, Any]:
    return parameter(schema, name, parameter_has_default=True, parameter_default=value)


def endpoint(*parameters: Any, returns: Any = (STRING,), **fields: Any) -> Dict[str, Any]:
    results = [{"label": "Result", "type": schema, "component": "Textbox"} for schema in returns]
    return {"parameters": list(parameters), "returns": results, **fields}


def info(**endpoints: Any) -> Dict[str, Any]:
    return {
        "named_endpoints": {f"/{name}": each for name, each in endpoints.items()},
        "unnamed_endpoints": {},
    }


def streaming(name: str) -> EndpointSpec:
    """What the config says of a generator."""
    dependency = {"api_name": name, "backend_fn": True, "types": {"generator": True}}
    raw = {"version": "6.31.0", "protocol": "sse_v3", "components": [], "dependencies": [dependency]}
    return parse_config(raw, URL).endpoints[0]


def laughing(depth: int) -> Dict[str, Any]:
    """A schema of which each definition names the next one twice, in every way."""
    defs = {}
    for level in range(depth):
        ref = {"$ref": f"#/$defs/{level + 1}"}
        both: List[Any] = [{"type": "array", "prefixItems": [ref, {"type": "array", "items": ref}]}, ref]
        defs[str(level)] = {"anyOf": both}
    return {"$ref": "#/$defs/0", "$defs": {**defs, str(depth): {"enum": ["a" * 50, "b"]}}}


def fields(*names: str, **more: Any) -> Dict[str, Any]:
    return {"type": "object", "title": "Frame", "properties": dict.fromkeys(names, STRING), **more}


def _nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def hostile() -> Dict[str, Api]:
    """By name: names, texts, defaults, choices and schemas as an enemy would choose them."""
    many = {f"/{name}": endpoint(*[parameter(name=each) for each in NAMES]) for name in NAMES}
    texts = [
        endpoint(parameter(label=code, component=code, python_type={"description": code}), description=code)
        for code in CODE
    ]
    values = [1e400, float("nan"), 10**30, True, 1.5, None, _nested(500), "x" * 1000, {"a": CODE}, *CODE]
    taken = [default([], name=name) for name in ("headers", "self", "value", "value", None, 3)]
    choices = [
        [str(number) for number in range(10_000)],
        CODE,
        ["x" * 9999],
        [1, "1", True, None, 1.5],
        [[]],
        [],
    ]
    schemas: List[Any] = [
        None,
        True,
        {"type": ["string", "null", {}, "nonsense"]},
        {"type": "array", "items": False, "prefixItems": 3},
        {"const": {}},
        {"anyOf": []},
        {"$ref": 3},
        {"$ref": "#/$defs/A", "$defs": {"A": {"type": "array", "items": {"$ref": "#/$defs/A"}}}},
        fields("a", "str", required=["a", {}]),
        fields("Frame", "FrameInput", "a", "list"),
        fields(*NAMES, required=3),
        fields("a", title=CODE[0]),
        fields(properties={"a": fields("b"), "b": FILE, "c": {"default": 1}}),
        {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": FILE}},
        laughing(18),
        laughing(60),
    ]
    return {
        "names": Api({"named_endpoints": many, "unnamed_endpoints": {}}, {"/A": streaming("A")}),
        "numbers": Api({"unnamed_endpoints": {"3": endpoint(), "x; import os": endpoint(), "9" * 99: {}}}),
        "texts": Api(info(**{f"t{number}": each for number, each in enumerate(texts)})),
        "defaults": Api(
            info(plain=endpoint(*[default(value, name=f"p{n}") for n, value in enumerate(values)]))
        ),
        "taken": Api(info(taken=endpoint(*taken), late=endpoint(parameter(), default([], name="self")))),
        "choices": Api(info(choices=endpoint(*[default("a", {"enum": each}) for each in choices]))),
        "schemas": Api(
            info(
                schemas=endpoint(*map(parameter, schemas), returns=schemas),
                none=endpoint(returns=()),
                null=None,
            )
        ),
        "nonsense": Api({"named_endpoints": 3, "unnamed_endpoints": [{}]}),
    }


def main(folder: Path) -> None:
    """Write the modules, and what uses one, into a folder, with what pyright is to demand of them."""
    folder.mkdir(parents=True, exist_ok=True)
    uses = Path(__file__).with_name("uses.py")
    (folder / uses.name).write_bytes(uses.read_bytes())
    (folder / "pyrightconfig.json").write_text(json.dumps(PYRIGHT), encoding="utf-8")
    apis = {f"app_{release.replace('.', '_')}": recorded(release) for release in RELEASES}
    apis.update({f"hostile_{name}": api for name, api in hostile().items()})
    for name, api in apis.items():
        (folder / f"{name}.py").write_text(api.module(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
