"""The API description of an app of Gradio 3, made from its config.

Those servers know neither parameter names nor defaults, and before about 3.30 they have no `/info` at all.
Where they have one it is made from the config too (`get_api_info` of gradio/blocks.py in 3.35.2 and 3.50.2),
and describes values as they are on the wire. This one describes them as callers pass and get them, which is
as on Gradio 4.44 (see `values`). Parameters are named by their labels, which people see of them; in a
`gr.Interface` they are the names in its function.
"""

from __future__ import annotations

import keyword
import re
from typing import Any, Dict, List, Mapping, Set

from ...wire.info import derive_info, sanitize_parameter_names
from ...wire.urls import Routes
from .values import decode_default, kind_of_type

#: Names of arguments of `Client.predict` and `Client.submit` themselves.
_TAKEN = frozenset(("api_name", "fn_index", "headers", "result_callbacks"))

#: The label that Gradio gives a component without one.
_NO_LABEL = re.compile(r"parameter_[0-9]+\Z")

_STRING: Dict[str, Any] = {"type": "string"}
_OPTIONAL_STRING: Dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "null"}]}
_FILE: Dict[str, Any] = {
    "type": "object",
    "title": "FileData",
    "properties": {
        "path": {"type": "string"},
        "url": _OPTIONAL_STRING,
        "orig_name": _OPTIONAL_STRING,
        "meta": {"type": "object", "properties": {"_type": {"const": "gradio.FileData", "type": "string"}}},
    },
    "required": ["path"],
}
_OPTIONAL_FILE: Dict[str, Any] = {"anyOf": [_FILE, {"type": "null"}]}
_JSON: Dict[str, Any] = {"type": {}, "description": "any valid json"}


def _list_of(items: Mapping[str, Any]) -> Dict[str, Any]:
    return {"type": "array", "items": items}


def _dict_of(**properties: Mapping[str, Any]) -> Dict[str, Any]:
    return {"type": "object", "properties": properties}


_MESSAGE: Dict[str, Any] = {
    "anyOf": [{"type": "string"}, _dict_of(file=_FILE, alt_text=_OPTIONAL_STRING), {"type": "null"}]
}
_CLASS: Dict[str, Any] = {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]}

#: Schemas by kind, of components whose values the client gives another form.
_FORMED: Dict[str, Dict[str, Any]] = {
    "annotatedimage": _dict_of(image=_FILE, annotations=_list_of(_dict_of(image=_FILE, label=_STRING))),
    "chatbot": _list_of(_list_of(_MESSAGE)),
    "dataframe": _dict_of(headers=_list_of(_STRING), data=_list_of(_list_of({}))),
    "file": _FILE,
    "gallery": _list_of(_dict_of(image=_FILE, caption=_OPTIONAL_STRING)),
    "highlightedtext": _list_of(_dict_of(token=_STRING, class_or_confidence=_CLASS)),
    "image": _FILE,
    "json": _JSON,
    "label": _dict_of(
        label=_OPTIONAL_STRING,
        confidences={
            "anyOf": [_list_of(_dict_of(label=_STRING, confidence={"type": "number"})), {"type": "null"}]
        },
    ),
    "timeseries": _dict_of(headers=_list_of(_STRING), data=_list_of(_list_of({}))),
    "video": _dict_of(video=_FILE, subtitles=_OPTIONAL_FILE),
}
#: Schemas by type, of the other components.
_PLAIN: Dict[str, Dict[str, Any]] = {
    "button": _STRING,
    "checkbox": {"type": "boolean"},
    "code": _STRING,
    "colorpicker": _STRING,
    "html": _STRING,
    "markdown": _STRING,
    "number": {"type": "number"},
    "textbox": _STRING,
}


def derive_v3_info(raw_config: Mapping[str, Any], routes: Routes, file_route: str) -> Dict[str, Any]:
    """Describe the API of an app, as `clean_info` does. The result shares parts of the config."""
    listed = raw_config.get("components")
    components = [
        _described(component, routes, file_route)
        for component in (listed if isinstance(listed, list) else [])
        if isinstance(component, dict)
    ]
    info = derive_info({**raw_config, "components": components})
    for group in info.values():
        for endpoint in group.values():
            _name(endpoint["parameters"])
    return info


def _described(component: Dict[str, Any], routes: Routes, file_route: str) -> Dict[str, Any]:
    """A component of the config with the schemas that Gradio 4 would give it."""
    type_, serializer = component.get("type"), component.get("serializer")
    kind = kind_of_type(
        type_ if isinstance(type_, str) else "", serializer if isinstance(serializer, str) else ""
    )
    found = component.get("props")
    props: Dict[str, Any] = found if isinstance(found, dict) else {}
    described = {**component, "props": {**props, "value": None}}
    if props.get("value") not in (None, "", {}):  # nobody has entered anything
        described["props"]["value"] = decode_default(props["value"], kind, routes, file_route)
    schema = _schema(type_, kind, props)
    if schema is not None:
        described.update(api_info=schema, api_info_as_output=schema, example_inputs=None)
    if kind == "image" and props.get("tool") == "sketch" and props.get("source") in ("upload", "webcam"):
        described["api_info"] = _dict_of(image=_FILE, mask=_FILE)
    return described


def _schema(type_: Any, kind: str, props: Mapping[str, Any]) -> Any:
    """The schema of a component's values; None leaves it to the config, if that has one."""
    if kind == "file" and props.get("file_count", "single") != "single":
        return _list_of(_FILE)
    if kind:
        return _FORMED[kind]
    if type_ == "slider":
        lowest, highest = props.get("minimum"), props.get("maximum")
        return {"type": "number", "description": f"numeric value between {lowest} and {highest}"}
    if type_ in ("radio", "dropdown", "checkboxgroup"):
        option = _option(props)
        several = type_ == "checkboxgroup" or props.get("multiselect")
        return _list_of(option) if several else option
    return _PLAIN.get(type_) if isinstance(type_, str) else None


def _option(props: Mapping[str, Any]) -> Dict[str, Any]:
    """The schema of one choice; choices are pairs of a name and a value in the last releases."""
    choices = props.get("choices")
    if not isinstance(choices, list) or props.get("allow_custom_value"):
        return _STRING
    values = [choice[1] if isinstance(choice, list) and len(choice) == 2 else choice for choice in choices]
    return {"type": "string", "enum": values}


def _name(parameters: List[Dict[str, Any]]) -> None:
    """Name the parameters of an endpoint by their labels; others keep theirs."""
    used: Set[str] = set()
    # The number that the last parameter of a name got; those below it are taken.
    numbers: Dict[str, int] = {}
    for parameter in parameters:
        name = sanitize_parameter_names(parameter["label"])
        if not name.isidentifier() or _NO_LABEL.match(name):
            name = parameter["parameter_name"]
        elif keyword.iskeyword(name) or name in _TAKEN:
            name += "_"
        number = numbers.get(name, 1)
        unique = name
        while unique in used:
            unique, number = f"{name}_{number}", number + 1
        numbers[name] = number
        used.add(unique)
        parameter["parameter_name"] = unique
