"""Calls the helper functions of a `gradio_client` and describes what came of it, exactly, as JSON.

The tests import it to call ours through `compat`; run as a script in an environment that has the official
client, it reads the cases from standard input and writes the outcomes.
"""

from __future__ import annotations

import builtins
import importlib
import inspect
import json
import os
import sys
import warnings
from enum import Enum
from typing import Any, Callable, Dict, List

from oracle_worker import encode

Json = Dict[str, Any]


def outcomes(cases: List[Json]) -> List[Json]:
    """What each case comes to: {"module", "call", "args", "kwargs"} of a JSON file."""
    return [_outcome(case) for case in cases]


def signatures(names: Dict[str, List[str]]) -> Json:
    """The parameters of the functions, and the values of the enumerations, among these names of modules."""
    described = {}
    for module, members in names.items():
        for name in members:
            member = getattr(importlib.import_module(module), name)
            if inspect.isfunction(member):
                described[f"{module}.{name}"] = _parameters(member)
            elif isinstance(member, type) and issubclass(member, Enum):
                described[f"{module}.{name}"] = sorted([item.name, item.value] for item in member)
            elif isinstance(member, type) and issubclass(member, Exception):
                bases = [base.__name__ for base in member.__mro__]
                described[f"{module}.{name}"] = [base for base in bases if hasattr(builtins, base)]
    return described


def _parameters(function: Callable[..., Any]) -> List[Any]:
    return [
        [parameter.name, repr(parameter.default), parameter.kind.name]
        for parameter in inspect.signature(function).parameters.values()
    ]


def _outcome(case: Json) -> Json:
    arguments = [_argument(value) for value in case["args"]]
    keywords = {name: _argument(value) for name, value in case.get("kwargs", {}).items()}
    target: Any = importlib.import_module(f"gradio_client.{case.get('module', 'utils')}")
    for part in case["call"].split("."):
        target = getattr(target, part)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = target(*arguments, **keywords)
    except Exception as error:
        return {"error": [base.__name__ for base in type(error).__mro__]}
    if hasattr(result, "flush"):
        return _describe_file(result)
    return {"result": encode(result)}


def _argument(value: Any) -> Any:
    """A function by its name, anything else as it is."""
    return _FUNCTIONS[value["function"]] if isinstance(value, dict) and "function" in value else value


_FUNCTIONS: Dict[str, Callable[[Any], Any]] = {
    "is a string": lambda value: isinstance(value, str),
    "is a dict with a path": lambda value: isinstance(value, dict) and "path" in value,
    "in brackets": lambda value: f"<{value}>",
    "is the root": lambda value: True,
}


def _describe_file(file: Any) -> Json:
    """What is certain of a file with a random part in its name; it is removed."""
    file.close()
    name = os.path.basename(file.name)
    with open(file.name, "rb") as content:
        described = {"content": content.read().hex(), "begins": name[:3], "ends": name.partition(".")[1:]}
    folder = os.path.dirname(file.name)
    os.remove(file.name)
    os.rmdir(folder)
    return {**described, "folder": len(os.path.basename(folder)), "in": os.path.dirname(folder)}


if __name__ == "__main__":
    request = json.load(sys.stdin)
    json.dump(
        {"outcomes": outcomes(request["cases"]), "signatures": signatures(request["names"])}, sys.stdout
    )
