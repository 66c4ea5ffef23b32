"""The description of an app's API: cleaned from its `/info`, or derived from its config.

Sources: `get_api_info` of gradio/blocks.py in 4.16.0, 4.44.1, 5.0.2, 5.50.0 and 6.31.0. `/info` exists from
about Gradio 3.30 and, before 6, one component with a broken schema makes all of it fail; the config has
nearly everything it says, except the parameter names and None defaults of the app's own functions.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from ..errors import ProtocolError
from .config import endpoint_visibility, is_skipped
from .schema import is_index, json_schema_to_python_type, mapping
from .texts import text_of

_GROUPS = ("named_endpoints", "unnamed_endpoints")
# The most that a description may take, and an estimate for each value in it. A component may stand in many
# functions, and many times in one, so that without this a small config could have a description of any size.
_MOST_BYTES = 128 << 20
_BYTES_OF_VALUE = 64
# Fields of an endpoint in an `/info` that are for Gradio's own pages.
_NOT_SHOWN = frozenset(("show_api", "api_visibility", "code_snippets"))


def clean_info(raw_info: Any) -> Dict[str, Any]:
    """Read an app's `/info`, keeping the endpoints a caller may see; the result shares its parts.

    Returns:
        {"named_endpoints": {"/predict": endpoint}, "unnamed_endpoints": {"3": endpoint}}, where an endpoint
        has the lists "parameters" and "returns" and whatever else the server says of it.

    Raises:
        ProtocolError: it is not an `/info`; `derive_info` can stand in for it.
    """
    if not isinstance(raw_info, dict) or not any(isinstance(raw_info.get(key), dict) for key in _GROUPS):
        raise ProtocolError(
            "The app's /info lists no endpoints, so it is not that of a Gradio app. "
            "Its config can be used to describe the API instead."
        )
    return {**raw_info, **{key: _clean_endpoints(raw_info.get(key)) for key in _GROUPS}}


def _clean_endpoints(raw: Any) -> Dict[str, Any]:
    endpoints = raw.items() if isinstance(raw, dict) else ()
    return {
        name: _clean_endpoint(endpoint)
        for name, endpoint in endpoints
        if isinstance(endpoint, dict) and endpoint_visibility(endpoint) == "public"
    }


def _clean_endpoint(raw: Mapping[str, Any]) -> Dict[str, Any]:
    endpoint = {key: value for key, value in raw.items() if key not in _NOT_SHOWN}
    for key in ("parameters", "returns"):
        endpoint[key] = [_labelled(item) for item in _dicts(endpoint.get(key))]
    return endpoint


def _labelled(item: Dict[str, Any]) -> Dict[str, Any]:
    """A parameter or return whose label is a text."""
    label = text_of(item.get("label"))
    return item if label is None or label == item["label"] else {**item, "label": label}


def derive_info(raw_config: Any) -> Dict[str, Any]:
    """Make from an app's config what `clean_info` makes of its `/info`; the result shares its parts.

    A config does not know the names and None defaults in the app's functions: parameters are called
    param_0, param_1, … by their index among the inputs, and only a component's own value is a default.
    Endpoints without a name (Gradio 3) stand under their number.

    Raises:
        ProtocolError: it would be larger than that of any app.
    """
    config = mapping(raw_config)
    components = _Describer(
        {item["id"]: item for item in _dicts(config.get("components")) if is_index(item.get("id"))}
    )
    # The pages of Gradio 3 do not list the unnamed functions that make up an Interface either.
    lists_unnamed = config.get("mode") not in ("interface", "tabbed_interface")
    info: Dict[str, Any] = {key: {} for key in _GROUPS}
    for position, dependency in enumerate(_dicts(config.get("dependencies"))):
        if not dependency.get("backend_fn") or endpoint_visibility(dependency) != "public":
            continue
        endpoint = _derive_endpoint(dependency, components)
        name = dependency.get("api_name")
        if endpoint is not None and isinstance(name, str):
            info["named_endpoints"].setdefault("/" + name, endpoint)
        elif endpoint is not None and lists_unnamed:
            index = dependency.get("id")
            info["unnamed_endpoints"][str(index if is_index(index) else position)] = endpoint
    return info


def sanitize_parameter_names(original_name: Any) -> str:
    """Make a parameter name of a label.

    Args:
        original_name: a parameter name, or the label a component shows to people.

    Example:
        >>> sanitize_parameter_names("Your Name!")
        'your_name'
    """
    kept = [character for character in str(original_name) if character.isalnum() or character in " _"]
    return "".join(kept).replace(" ", "_").lower()


class _Describer:
    """Describes the components of a config as parameters and returns; each once, however many name it."""

    def __init__(self, raw: Dict[int, Dict[str, Any]]) -> None:
        self._raw = raw
        self._made: Dict[Tuple[Callable[..., Any], int], Tuple[Dict[str, Any], int]] = {}
        self._left = _MOST_BYTES

    def shown(self, ids: Any) -> Optional[List[Tuple[int, int]]]:
        """The ids of components that are part of the API, each with its index; None if one is not listed."""
        listed = ids if isinstance(ids, list) else []
        if not all(is_index(id_) and id_ in self._raw for id_ in listed):
            return None
        return [(index, id_) for index, id_ in enumerate(listed) if not is_skipped(self._raw[id_])]

    def described(self, id_: int, describe: Callable[[Mapping[str, Any]], Dict[str, Any]]) -> Dict[str, Any]:
        """Describe one component; the dict is the caller's own.

        Raises:
            ProtocolError: all descriptions together are too large.
        """
        made = self._made.get((describe, id_))
        if made is None:
            description = describe(self._raw[id_])
            made = self._made[describe, id_] = description, _size(description)
        self._left -= made[1]
        if self._left < 0:
            raise ProtocolError(
                "The app's config names its components so often that its API cannot be described; report it "
                "to the app's author. Calls with all arguments by position need no description."
            )
        return made[0].copy()


def _size(value: Any) -> int:
    """About how many bytes a JSON value takes."""
    size, todo = 0, [value]
    while todo:
        item = todo.pop()
        size += _BYTES_OF_VALUE
        if isinstance(item, str):
            size += len(item)
        elif isinstance(item, list):
            todo.extend(item)
        elif isinstance(item, dict):
            size += sum(map(len, item))
            todo.extend(item.values())
    return size


def _derive_endpoint(dependency: Mapping[str, Any], components: _Describer) -> Optional[Dict[str, Any]]:
    """None when the config lacks one of its components: servers leave such an endpoint out too."""
    inputs = components.shown(dependency.get("inputs"))
    outputs = components.shown(dependency.get("outputs"))
    if inputs is None or outputs is None:
        return None
    parameters = [components.described(id_, _derive_parameter) for _, id_ in inputs]
    for parameter, (index, _) in zip(parameters, inputs):
        parameter["parameter_name"] = f"param_{index}"
    return {
        "parameters": parameters,
        "returns": [components.described(id_, _derive_return) for _, id_ in outputs],
    }


def _derive_parameter(component: Mapping[str, Any]) -> Dict[str, Any]:
    schema, example = _schema(component, "api_info_as_input")
    # Gradio 5 shows only what a component adds for the API; before it, the schema's own description.
    source = "additional_description" if "api_info_as_input" in component else "description"
    default = mapping(component.get("props")).get("value")
    return {
        "label": _label(component, "parameter"),
        "parameter_name": "",  # set for each endpoint
        "parameter_has_default": default is not None,
        "parameter_default": default,
        **_type(component, schema, source),
        "example_input": example,
    }


def _derive_return(component: Mapping[str, Any]) -> Dict[str, Any]:
    schema, _ = _schema(component, "api_info_as_output")
    return {"label": _label(component, "value"), **_type(component, schema, "description")}


def _type(component: Mapping[str, Any], schema: Any, description: str) -> Dict[str, Any]:
    name = mapping(component.get("props")).get("name", component.get("type"))
    return {
        "type": schema,
        "python_type": {
            "type": json_schema_to_python_type(schema),
            "description": mapping(schema).get(description, ""),
        },
        "component": name.capitalize() if isinstance(name, str) else "Any",
    }


def _schema(component: Mapping[str, Any], key: str) -> Tuple[Any, Any]:
    """A component's schema in one direction, and an example; Gradio 3 wraps both."""
    schema = component.get(key, component.get("api_info"))
    example = component.get("example_inputs")
    if isinstance(schema, dict) and isinstance(schema.get("info"), dict) and "type" not in schema:
        return schema["info"], mapping(example).get("serialized", example)
    return schema, example


def _label(component: Mapping[str, Any], kind: str) -> str:
    label = text_of(mapping(component.get("props")).get("label"))
    return f"{kind}_{component['id']}" if label is None else label


def _dicts(value: Any) -> List[Dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
