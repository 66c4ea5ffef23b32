"""Module: an app's API as a Python module, with a typed function for each endpoint.

A default that is a text, a number, True, False or None stands in the signature. Any other, such as a list or
a file that the server has, is left to the app: the arguments of that function go by name, others by position.

Only an `os.PathLike` is sent as a file; a text never is, since it may have come from a server, which could
then ask for any file (`wire/provenance.py`). So the paths in results have a type of their own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Sequence

from .._version import PACKAGE, __version__
from ..wire.config import ComponentSpec, EndpointSpec
from ..wire.schema import mapping
from ..wire.texts import show, text_of
from ..wire.urls import bare_url
from .source import ANY, TYPING, accepts, identifier, is_plain, line, members, union

if TYPE_CHECKING:
    from ..client import Client

#: What `Client.predict` and `Client.submit` call their own parameters.
TAKEN = frozenset(("self", "api_name", "fn_index", "headers", "result_callbacks"))

_is_number = re.compile("[0-9]{1,9}").fullmatch

# A default that is left to the app.
_LEFT = "_DEFAULT"
_HEAD = '''"""The API of {title}, as functions with types.

Written by `python -m {package} typed`, version {version}; with `--check` that tells what has changed.
A `pathlib.Path` is sent as a file, and a text as a text: `handle_file(text)` makes a file of it.
Files of results are the paths where the client has put them, and can be passed on.
"""

from __future__ import annotations

import os
from typing import {typing}

from {package} import Client, handle_file

#: What a Client of the app is made with.
APP = {app!r}
#: The path of a file of a result.
SavedFile = NewType("SavedFile", str)
#: What is sent as a file.
File = Union["os.PathLike[str]", SavedFile, Mapping[str, Any]]
# Leaves an argument to the app.
_DEFAULT: Any = ...


def _sent(value: Any) -> Any:
    """The value, with every path in it made a file."""
    if hasattr(value, "__fspath__"):
        return handle_file(value)
    kind = value.__class__
    if kind is dict:
        return {{key: _sent(part) for key, part in value.items() if part is not _DEFAULT}}
    return [_sent(part) for part in value] if kind in (list, tuple) else value
{text}'''
_FUNCTION = '''

def {name}(
    client: Client,
{signature}) -> {result}:
    """{summary}

    Args:
        client: connected to the app.
{parameters}
    Returns:
        {returns}
    """
    _result: {result} = client.predict({arguments})
    return _result
'''
_STREAM = '''

def {stream}(
    client: Client,
{signature}) -> Iterator[{result}]:
    """{call} and yield each output as it comes. Leaving the loop early cancels the call."""
    _job = client.submit({arguments})
    try:
        yield from _job
        _job.result()
    finally:
        _job.cancel()
'''


def module_of(client: Client) -> str:
    """Write the module of the app that a client is connected to. Raises as `Client.view_api`."""
    endpoints = {each.api_name or each.fn_index: each.spec for each in client.endpoints.values()}
    info = client.view_api(print_info=False, return_format="dict")
    # A server may have put a secret of the client's there.
    return write_module(client._app.transport.secrets.blank_value(info), app_of(client), endpoints)


def app_of(client: Client) -> str:
    """What another Client of the app is made with: the name of its Space, or its URL."""
    return client.space_id or bare_url(client.src)


def go_by_name(names: Sequence[Any]) -> bool:
    """Whether `predict` takes arguments by these names."""
    usable = [name for name in names if isinstance(name, str) and name not in TAKEN]
    return len({*usable}) == len(names)


def write_module(info: Any, app: str, endpoints: Mapping[Any, EndpointSpec]) -> str:
    """Write the module of an app.

    Args:
        info: what `clean_info` or `derive_info` gave.
        app: what its Client is made with.
        endpoints: what its config says of the endpoints, by name, or by number where they have none.
    """
    named, unnamed = (mapping(mapping(info).get(f"{kind}_endpoints")) for kind in ("named", "unnamed"))
    # As `view_api` has it: those without a name where there are no others.
    shown: Dict[Any, Any] = dict(named)
    if not named:
        shown = {int(key): endpoint for key, endpoint in unnamed.items() if _is_number(key)}
    taken: Dict[str, int] = {}
    names = [identifier(str(key), "call", taken) for key in shown]
    functions = [
        _function(name, key, mapping(endpoint), endpoints.get(key), taken)
        for name, (key, endpoint) in zip(names, shown.items())
    ]
    text = "".join(functions)
    # A name that stands in a text alone is imported too, which does no harm.
    words = {*re.findall(r"\w+", text), "Any", "Mapping", "NewType", "Union"}
    return _HEAD.format(
        title=line(app),
        package=PACKAGE,
        version=__version__,
        typing=", ".join([name for name in TYPING if name in words]),
        app=app,
        text=text,
    )


def _function(
    name: str, key: Any, endpoint: Dict[str, Any], spec: Optional[EndpointSpec], taken: Dict[str, int]
) -> str:
    """The function of an endpoint, which has a name or number as its key, and that which streams it."""
    parameters = _items(endpoint, "parameters", spec.inputs if spec else ())
    returns = _items(endpoint, "returns", spec.outputs if spec else ())
    stream = identifier(f"stream_{name}", "", taken) if spec and spec.generator else None
    types = [union(members(item.get("type"), given=False)) for item in returns]
    app_names = [item.get("parameter_name") for item in parameters]
    by_name = go_by_name(app_names)
    used = {"client": 1}
    own = [
        # Old releases give the label alone.
        identifier(text or (text_of(item.get("label")) or "").lower(), f"param_{index}", used)
        for index, (text, item) in enumerate(zip(app_names, parameters))
    ]
    rows: List[str] = []
    about, optional = "", False
    for parameter, item in zip(own, parameters):
        type_ = members(item.get("type"), given=True)
        default = None
        about += f"        {parameter}: {_about(item)}"
        if item.get("parameter_has_default"):
            value = item.get("parameter_default")
            if value is None and type_ != ANY:
                type_ = (*type_, "None")
            if is_plain(value) and accepts(type_, value):
                default = repr(value)
            elif by_name:
                default = _LEFT
                about += f" Default: {line(show(value))}."
        if default is None and optional and "*" not in rows:
            rows.append("*")  # what must be given behind what need not goes by name
        optional = optional or default is not None
        rows.append(f"{parameter}: {union(type_)}" + (f" = {default}" if default else ""))
        about += "\n"
    sent = f"*_sent([{', '.join(own)}])" if own else ""
    if any(row.endswith(f" = {_LEFT}") for row in rows):
        pairs = [f"{text!r}: {parameter}" for text, parameter in zip(app_names, own)]
        sent = f"**_sent({{{', '.join(pairs)}}})"
    address = f"api_name={key!r}" if isinstance(key, str) else f"fn_index={key}"
    call = f"Call `{line(str(key))}`"
    description = endpoint.get("description")
    return (_FUNCTION + (_STREAM if stream else "")).format(
        name=name,
        stream=stream,
        signature="".join([f"    {row},\n" for row in rows]),
        result=types[0] if len(types) == 1 else f"tuple[{', '.join(types) or '()'}]",
        summary=line(description if isinstance(description, str) else "") or f"{call}.",
        call=call,
        parameters=about,
        returns="\n        ".join(map(_about, returns)) or "Nothing.",
        arguments="".join([f"\n        {part}," for part in (sent, address) if part]) + "\n    ",
    )


def _items(endpoint: Dict[str, Any], key: str, components: Sequence[ComponentSpec]) -> List[Dict[str, Any]]:
    """The "parameters" or "returns" of an endpoint; without choices where the component takes others too."""
    found = endpoint.get(key)
    items = [dict(mapping(item)) for item in found] if isinstance(found, list) else []
    for item, component in zip(items, [each for each in components if not each.skip]):
        if component.is_open:
            schema = {**mapping(item.get("type")), "enum": None}
            if "items" in schema:
                schema["items"] = {**mapping(schema["items"]), "enum": None}
            item["type"] = schema
    return items


def _about(item: Dict[str, Any]) -> str:
    """The label, component and description of a parameter or a return."""
    parts = [line(item.get("label")), f"({line(item.get('component'))})"]
    text = " ".join(part for part in parts if part and part != "()") or "a value"
    description = mapping(item.get("python_type")).get("description")
    # That of files is of the class that servers have for them.
    told = description and not str(description).startswith("The FileData class")
    return f"{text}: {line(description)}" if told else f"{text}."
