"""Python annotations -> JSON schema, as Gradio's `gr.api` writes it into an app's description."""

from __future__ import annotations

import collections.abc
from enum import Enum
from typing import Any, Dict, Literal, Tuple, Union, get_args, get_origin

Schema = Dict[str, Any]

_SIMPLE: Dict[Any, Schema] = {
    type(None): {"type": "null"},
    None: {"type": "null"},
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    dict: {"type": "object", "additionalProperties": {}},
    list: {"type": "array", "items": {}},
    tuple: {"type": "array"},
}

_STREAMS = (
    collections.abc.Generator,
    collections.abc.Iterator,
    collections.abc.Iterable,
    collections.abc.AsyncGenerator,
    collections.abc.AsyncIterator,
    collections.abc.AsyncIterable,
)


def schema_of(hint: Any) -> Schema:
    """The JSON schema of an annotation; `{}`, which means anything, for what it does not know.

    Follows `python_type_to_json_schema` of gradio_client 2.7.2 (utils.py).

    Example:
        >>> schema_of(int)
        {'type': 'integer'}
    """
    try:
        simple = _SIMPLE.get(hint)
    except TypeError:  # an unhashable annotation
        return {}
    if simple is not None:
        return dict(simple)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": [member.value for member in hint]}
    return _generic(get_origin(hint), get_args(hint))


def _generic(origin: Any, arguments: Tuple[Any, ...]) -> Schema:
    if origin is Literal:
        return {"const": arguments[0]} if len(arguments) == 1 else {"enum": list(arguments)}
    if is_union(origin):
        return _union(arguments)
    if origin is list:
        return {"type": "array", "items": schema_of(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": schema_of(arguments[1])}
    if origin is tuple:
        return _tuple(arguments)
    return {}


def _union(arguments: Tuple[Any, ...]) -> Schema:
    others = [schema_of(argument) for argument in arguments if argument is not type(None)]
    if len(others) == 1:
        return {"oneOf": [{"type": "null"}, others[0]]}
    return {"anyOf": [schema_of(argument) for argument in arguments]}


def _tuple(arguments: Tuple[Any, ...]) -> Schema:
    if len(arguments) == 2 and arguments[1] is ...:
        return {"type": "array", "items": schema_of(arguments[0])}
    size = len(arguments)
    return {
        "type": "array",
        "prefixItems": [schema_of(one) for one in arguments],
        "minItems": size,
        "maxItems": size,
    }


def is_union(origin: Any) -> bool:
    """Whether `get_origin` gave a union: `Union[...]`, or `X | Y` from Python 3.10 on."""
    return origin is Union or getattr(origin, "__name__", "") == "UnionType"


def output_hints(returned: Any, *, streams: bool) -> Tuple[Any, ...]:
    """The annotation of each output, from that of the function's return value.

    Args:
        returned: the return annotation; None means no output, `Tuple[int, str]` means two.
        streams: whether the function is a generator; then what it yields counts.

    Example:
        >>> output_hints(Tuple[int, str], streams=False)
        (<class 'int'>, <class 'str'>)
    """
    if streams:
        returned = get_args(returned)[0] if get_origin(returned) in _STREAMS and get_args(returned) else Any
    if returned is None or returned is type(None):
        return ()
    arguments = get_args(returned)
    if get_origin(returned) is tuple and arguments[1:] != (...,):
        return arguments
    return (returned,)
