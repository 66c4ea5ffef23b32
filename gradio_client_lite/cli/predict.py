"""The command predict: makes one call and prints its result."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Dict, List, NoReturn, Optional, Tuple

from ..app.console import write_line
from ..errors import ArgumentError

if TYPE_CHECKING:
    import argparse

#: What `Client.predict` calls its own parameters, so that a function's cannot be given by these names.
_TAKEN = frozenset({"self", "api_name", "fn_index", "headers"})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", metavar="URL", help="the app, such as http://127.0.0.1:7860")
    parser.add_argument("api_name", metavar="NAME", help="the endpoint, such as /predict")
    parser.add_argument("arguments", metavar="ARG", nargs="*", help="JSON, or else text")
    parser.add_argument("--json", metavar="JSON", help="arguments as a JSON array, or an object of names")


def run(options: argparse.Namespace) -> None:
    from ..client import Client

    args, kwargs = _arguments(options.arguments, options.json)
    with Client(options.url, verbose=False) as client:
        result = client.predict(*args, api_name=options.api_name, **kwargs)
    write_line(result if isinstance(result, str) else json.dumps(result, ensure_ascii=False, default=str))


def _arguments(texts: List[str], whole: Optional[str]) -> Tuple[List[Any], Dict[str, Any]]:
    args = [_value(text) for text in texts]
    if whole is None:
        return args, {}
    try:
        more = json.loads(whole)
    except (ValueError, RecursionError) as error:
        raise ArgumentError(f"--json holds no JSON: {error}.") from error
    if isinstance(more, dict):
        taken = sorted(_TAKEN & more.keys())
        if taken:
            raise ArgumentError(f"--json cannot name {', '.join(taken)}; give the arguments in order.")
        return args, more
    if isinstance(more, list):
        return [*args, *more], {}
    raise ArgumentError("--json must hold an array or an object.")


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return text


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
