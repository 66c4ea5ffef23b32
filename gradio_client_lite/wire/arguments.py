"""The arguments of a call: bound to the parameters an endpoint declares, and written as a request's body.

Errors of binding have the official client's texts, which users' code and tests match against.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ..errors import ArgumentError
from ..secrecy import HiddenBytes
from .texts import lone_half, utf8

_HINT = "Please click on 'view API' in the footer of the Gradio app to see usage."
_MISSING = object()


def bind(
    parameters_info: Optional[Sequence[Mapping[str, Any]]], args: Tuple[Any, ...], kwargs: Mapping[str, Any]
) -> List[Any]:
    """Order the arguments as the endpoint declares them, defaults filled in.

    Args:
        parameters_info: the endpoint's `parameters` of `/info`; None when nothing is known of it.
        args: positional arguments; those beyond the declared ones pass through.
        kwargs: arguments by parameter name.

    Raises:
        ArgumentError: an argument is missing, unknown or given twice.
    """
    if parameters_info is None:
        if kwargs:
            raise ArgumentError(f"This endpoint does not support key-word arguments. {_HINT}")
        return list(args)
    values = list(args) + [
        parameter.get("parameter_default") if parameter.get("parameter_has_default") else _MISSING
        for parameter in parameters_info[len(args) :]
    ]
    indexes = {
        parameter["parameter_name"]: index
        for index, parameter in enumerate(parameters_info)
        if isinstance(parameter.get("parameter_name"), str)
    }
    for name, value in kwargs.items():
        index = indexes.get(name)
        if index is None:
            raise ArgumentError(f"Parameter `{name}` is not a valid key-word argument. {_HINT}")
        if index < len(args):
            raise ArgumentError(f"Parameter `{name}` is already set as a positional argument. {_HINT}")
        values[index] = value
    for index, value in enumerate(values):
        if value is _MISSING:
            name = parameters_info[index].get("parameter_name") or f"argument {index}"
            raise ArgumentError(f"No value provided for required argument: {name}")
    return values


def encode_body(
    body: Dict[str, Any], endpoint: str, name_of: Callable[[int], str] = "argument {}".format
) -> bytes:
    """Write a body as JSON in UTF-8.

    Args:
        body: what the route expects; the arguments of the call are under "data".
        endpoint: what an error calls the endpoint.
        name_of: what an error calls the argument with an index.

    Raises:
        ArgumentError: an argument cannot be written as JSON, or holds half of a surrogate pair.
    """
    try:
        return HiddenBytes(_dumped(body).encode())
    except UnicodeEncodeError:
        pass  # half of a surrogate pair, or both; see `texts`
    except (TypeError, ValueError, RecursionError) as exc:
        raise ArgumentError(
            f"An argument of {endpoint} cannot be sent as JSON: {exc}. Pass plain values (str, int, float, "
            "bool, None, list, dict), and files with handle_file(path)."
        ) from exc
    encoded = utf8(_dumped(body))
    if encoded is None:
        raise lone_half(f"The {_holder_of_half(body, name_of)} of {endpoint}")
    return HiddenBytes(encoded)


def _holder_of_half(body: Dict[str, Any], name_of: Callable[[int], str]) -> str:
    """Name the argument, or else the field, that holds half of a surrogate pair."""
    data = body.get("data")
    named = [(name_of(index), value) for index, value in enumerate(data if isinstance(data, list) else ())]
    named += [(f"`{key}`", value) for key, value in body.items()]
    return next((name for name, value in named if utf8(_dumped(value)) is None), "body")


_dumped = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def with_event_id(body: bytes, event_id: str) -> bytes:
    """Add to an encoded body the id of the event that it belongs to (4.0 – 4.8)."""
    return HiddenBytes(body[:-1] + b"," + json.dumps({"event_id": event_id}).encode("ascii")[1:])


def join_body(data: Any, fn_index: int, session_hash: str, extra: Dict[str, Any]) -> Dict[str, Any]:
    """The body of `queue/join` and `run/predict` (`PredictBody` of gradio/data_classes.py)."""
    return {"data": list(data), "fn_index": fn_index, "session_hash": session_hash, **extra}
