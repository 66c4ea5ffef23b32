"""What an app says about itself: the answers to `/config` and `/gradio_api/info`.

The shapes are those of an app made with `gr.api` under Gradio 6.31.0: `get_config_file` and
`get_api_info` of gradio/blocks.py. Fields only a browser needs are left out.
"""

from __future__ import annotations

import inspect
from typing import Any, Dict, Iterable, List

from ..wire.schema import json_schema_to_python_type
from .functions import ServedFunction, public_name

GRADIO_VERSION = "6.31.0"  # whose wire this app speaks
API_PREFIX = "/gradio_api"

_ARGUMENT_HEADINGS = ("Args:", "Arguments:", "Parameters:", "Returns:")


def config(
    functions: Iterable[ServedFunction], *, show_error: bool, connect_heartbeat: bool
) -> Dict[str, Any]:
    """The app's `/config`, all but what depends on the request (`root`, `username`)."""
    components: List[Dict[str, Any]] = []
    dependencies = [_dependency(served, components) for served in functions]
    return {
        "version": GRADIO_VERSION,
        "api_prefix": API_PREFIX,
        "mode": "blocks",
        "app_id": 1,
        "components": components,
        "connect_heartbeat": connect_heartbeat,
        "title": "Gradio",
        "space_id": None,
        "enable_queue": True,
        "show_error": show_error,
        "max_file_size": None,
        "protocol": "sse_v3",
        "dependencies": dependencies,
        "layout": {"id": 0, "children": [{"id": component["id"]} for component in components]},
    }


def info(functions: Iterable[ServedFunction], *, all_endpoints: bool) -> Dict[str, Any]:
    """The app's API description.

    Args:
        all_endpoints: whether undocumented functions are in it too; private ones never are.
    """
    shown = ("public", "undocumented") if all_endpoints else ("public",)
    named = [served for served in functions if served.function.api_visibility in shown]
    return {
        "named_endpoints": {f"/{served.api_name}": _describe(served) for served in named},
        "unnamed_endpoints": {},
    }


def _dependency(served: ServedFunction, components: List[Dict[str, Any]]) -> Dict[str, Any]:
    inputs = [
        _add_component(components, index, parameter.schema, parameter.default)
        for index, parameter in enumerate(served.parameters)
    ]
    outputs = [_add_component(components, index, schema, None) for index, schema in enumerate(served.outputs)]
    return {
        "id": served.index,
        "targets": [],
        "inputs": inputs,
        "outputs": outputs,
        "backend_fn": True,
        "js": None,
        "queue": served.function.queue,
        "api_name": served.api_name,
        "api_description": None,
        "batch": False,
        "max_batch_size": 4,
        "cancels": [],
        "types": {"generator": served.generator, "cancel": False},
        "collects_event_data": False,
        "trigger_after": None,
        "trigger_mode": "once",
        "api_visibility": served.function.api_visibility,
        "rendered_in": None,
        "connection": "sse",
        "time_limit": None,
    }


def _add_component(components: List[Dict[str, Any]], index: int, schema: Any, default: Any) -> int:
    """Add the nameless component that stands for one value; gives its id."""
    props = {"_api_info": schema, "label": _ordinal(index), "name": "api", "_selectable": False}
    if default is not None:
        props["value"] = default
    number = len(components) + 1
    components.append(
        {
            "id": number,
            "type": "api",
            "props": props,
            "skip_api": False,
            "key": None,
            "api_info": schema,
            "api_info_as_input": schema,
            "api_info_as_output": schema,
            "example_inputs": _example(default),
        }
    )
    return number


def _describe(served: ServedFunction) -> Dict[str, Any]:
    parameters = [
        {
            "parameter_name": public_name(parameter, index),
            "parameter_has_default": parameter.has_default,
            "parameter_default": parameter.default,
            **_value(index, parameter.schema),
            "example_input": _example(parameter.default),
        }
        for index, parameter in enumerate(served.parameters)
    ]
    return {
        "parameters": parameters,
        "returns": [_value(index, schema) for index, schema in enumerate(served.outputs)],
        "api_visibility": served.function.api_visibility,
        "description": _summary(served),
    }


def _value(index: int, schema: Any) -> Dict[str, Any]:
    return {
        "label": _ordinal(index),
        "type": schema,
        "python_type": {"type": json_schema_to_python_type(schema), "description": ""},
        "component": "Api",
    }


def _example(default: Any) -> Any:
    return "..." if default is None else default


def _ordinal(index: int) -> str:
    """The label `gr.api` gives a value: "1st" for index 0."""
    number = index + 1
    special = {1: "st", 2: "nd", 3: "rd"}
    return f"{number}{'th' if 10 <= number % 100 <= 20 else special.get(number % 10, 'th')}"


def _summary(served: ServedFunction) -> str:
    """The docstring up to its list of arguments, on one line."""
    lines: List[str] = []
    for line in (inspect.getdoc(served.function.fn) or "").splitlines():
        if line.strip().startswith(_ARGUMENT_HEADINGS):
            break
        lines.append(line.strip())
    return " ".join(line for line in lines if line)
