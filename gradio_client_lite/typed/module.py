"""Module: an app's API as a Python module, with a typed function for each endpoint.

The module needs Client and `handle_file` of this package alone, whatever else a copy was made without.

Arguments go to the app by position, so that parameters may have names that Python takes. A default that is a
text, a number, True, False or None stands in the signature. Any other, such as a list or a file that the
server has, is left to the app: from the first of these on, arguments go by name.

Only an `os.PathLike` is sent as a file; a text never is, since it may have come from a server, which could
then ask for any file (`wire/provenance.py`). So the paths in results have a type of their own.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from .._version import PACKAGE, __version__
from ..wire.config import ComponentSpec, EndpointSpec
from ..wire.info import sanitize_parameter_names
from ..wire.schema import mapping
from ..wire.texts import show, text_of
from ..wire.urls import bare_url
from .annotations import ANY, Annotations, Members, accepts, union
from .source import identifier, is_plain, line

if TYPE_CHECKING:
    from ..client import Client

#: What `Client.predict` and `Client.submit` call their own parameters.
TAKEN = frozenset(("self", "api_name", "fn_index", "headers", "result_callbacks"))

_is_number = re.compile("[0-9]{1,9}").fullmatch

# A default that is left to the app.
_LEFT = "_DEFAULT"
_HEAD = '''"""The API of {title}, as functions with types.

Written by `python -m {package} typed`, version {version}. Do not edit it: write it anew.
`typed --check` with the name of this file tells whether the app's API has changed.

A path is sent as a file where it is a `pathlib.Path`; a text is not: `handle_file(text)` makes a file of it.
Files of results are the paths where the client has put them, and can be passed on.
"""

from __future__ import annotations

import os
from typing import {typing}

from {package} import Client, handle_file
{checked}
#: What a Client of the app is made with.
APP = {app!r}
#: The path of a file of a result.
SavedFile = NewType("SavedFile", str)
#: What is sent as a file.
File = Union["os.PathLike[str]", SavedFile, Mapping[str, Any]]


def _sent(value: Any) -> Any:
    """The value, with every path in it made a file."""
    if hasattr(value, "__fspath__"):
        return handle_file(value)
    kind = value.__class__
    if kind in (list, tuple):
        return [_sent(part) for part in value]
    return {{key: _sent(part) for key, part in value.items()}} if kind is dict else value
'''
_GIVEN = '''

# Leaves an argument to the app.
_DEFAULT: Any = ...


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that are not left to the app."""
    return {name: _sent(value) for name, value in values.items() if value is not _DEFAULT}
'''
# Unknown to old Pythons, which need not know them.
_CHECKED = """
if TYPE_CHECKING:
    from typing_extensions import {names}
"""
_FUNCTION = '''

def {name}(
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

def {name}(
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
    """Write the module of the app that a client is connected to; waits until its API is described.

    Raises:
        ConnectionFailed, DeadlineExceeded, RetryLater: the description cannot be fetched.
    """
    endpoints = {each.api_name or each.fn_index: each.spec for each in client.endpoints.values()}
    return write_module(described(client), app_of(client), endpoints)


def app_of(client: Client) -> str:
    """What another Client of the app is made with: the name of its Space, or its URL."""
    return client.space_id or bare_url(client.src)


def described(client: Client) -> Any:
    """The description of the app's API, without secrets of the client's that a server may have put there."""
    info = client.view_api(print_info=False, return_format="dict")
    return client._app.transport.secrets.blank_value(info)


def items(endpoint: Any, key: str) -> List[Dict[str, Any]]:
    """The "parameters" or "returns" of an endpoint."""
    found = mapping(endpoint).get(key)
    return [mapping(item) for item in found] if isinstance(found, list) else []


def write_module(info: Any, app: str, endpoints: Mapping[Any, EndpointSpec]) -> str:
    """Write the module of an app.

    Characters that are not ASCII stand only in literals and docstrings.

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
    functions = [_Function(key, endpoint, endpoints.get(key), taken) for key, endpoint in shown.items()]
    for function in functions:  # TypedDicts have other names than all these
        taken.update(dict.fromkeys(function.names, 1))
    annotations = Annotations(taken)
    text = "".join([function.written(annotations) for function in functions])
    text = "".join([f"\n\n{source}" for source in annotations.classes.values()]) + text
    checked = _used(("NotRequired", "ReadOnly"), text)
    typing = _used(("Iterator", "Literal", "Sequence", "TypedDict"), text)
    typing += ["Any", "Mapping", "NewType", "Union", *(["TYPE_CHECKING"] if checked else [])]
    head = _HEAD.format(
        title=line(app),
        package=PACKAGE,
        version=__version__,
        typing=", ".join(sorted(typing, key=_place)),
        checked=_CHECKED.format(names=", ".join(checked)) if checked else "",
        app=app,
    )
    return head + (_GIVEN if "**_given(" in text else "") + text


def _used(names: Sequence[str], text: str) -> List[str]:
    """Those names that a source may use; one in a text alone does no harm."""
    return [name for name in names if re.search(rf"\b{name}\b", text)]


def _place(name: str) -> Any:
    """Where an import stands in a list that is sorted as formatters do: constants before classes."""
    return not name.isupper(), name


class _Parameter(NamedTuple):
    """A parameter: its name in the function, its type, its default's source, and what describes it."""

    name: str
    members: Members
    default: Optional[str]
    raw: Dict[str, Any]

    def __str__(self) -> str:
        default = "" if self.default is None else f" = {self.default}"
        return f"    {self.name}: {union(self.members)}{default},\n"

    def about(self) -> str:
        """Its line in the docstring."""
        text = f"        {self.name}: {_about(self.raw)}"
        if self.default == _LEFT:
            text += f" Default: {line(show(self.raw.get('parameter_default')))}."
        return text + "\n"


class _Function:
    """The function of one endpoint, and that which streams it.

    Args:
        key: the name of the endpoint, or its number where it has none.
        endpoint: what the description says of it.
        spec: what the app's config says of it; None when it says nothing.
        taken: the names in the module, to which its own are added.

    Attributes:
        names: those of its parameters.
    """

    def __init__(self, key: Any, endpoint: Any, spec: Optional[EndpointSpec], taken: Dict[str, int]) -> None:
        self._key = key
        self._endpoint = mapping(endpoint)
        self._raw = _opened(items(endpoint, "parameters"), spec.inputs if spec else ())
        self._returns = _opened(items(endpoint, "returns"), spec.outputs if spec else ())
        self._name = identifier(str(key), "call", taken)
        self._stream = identifier(f"stream_{self._name}", "", taken) if spec and spec.generator else None
        own = {"client": 1}
        self.names = [
            identifier(_name_of(item), f"param_{index}", own) for index, item in enumerate(self._raw)
        ]

    def written(self, annotations: Annotations) -> str:
        """The source; the TypedDicts that it needs come to those of the module."""
        types = [union(annotations.of(item.get("type"), self._name, given=False)) for item in self._returns]
        parameters = [self._parameter(*each, annotations) for each in zip(self.names, self._raw)]
        left = next((i for i, each in enumerate(parameters) if each.default == _LEFT), len(parameters))
        if not self._go_by_name(parameters[left:]):
            left = len(parameters)
            parameters = [
                each._replace(default=None) if each.default == _LEFT else each for each in parameters
            ]
        description = self._endpoint.get("description")
        call = f"Call `{line(str(self._key))}`"
        fields = {
            "signature": _signature(parameters),
            "result": types[0] if len(types) == 1 else f"tuple[{', '.join(types) or '()'}]",
            "arguments": self._arguments(parameters[:left], parameters[left:]),
        }
        text = _FUNCTION.format(
            name=self._name,
            summary=(line(description) if isinstance(description, str) else "") or f"{call}.",
            parameters="".join([parameter.about() for parameter in parameters]),
            returns="\n        ".join(map(_about, self._returns)) or "Nothing.",
            **fields,
        )
        return text + (_STREAM.format(name=self._stream, call=call, **fields) if self._stream else "")

    def _parameter(self, name: str, item: Dict[str, Any], annotations: Annotations) -> _Parameter:
        members = annotations.of(item.get("type"), f"{self._name} {name}", given=True)
        if not item.get("parameter_has_default"):
            return _Parameter(name, members, None, item)
        value = item.get("parameter_default")
        if value is None and members != ANY:
            members = tuple(dict.fromkeys((*members, "None")))
        fits = is_plain(value) and (value is None or accepts(members, value))
        return _Parameter(name, members, repr(value) if fits else _LEFT, item)

    def _go_by_name(self, parameters: List[_Parameter]) -> bool:
        """Whether `predict` takes these by the names that the app has for them."""
        names = [item.get("parameter_name") for item in self._raw]
        counts = Counter(name for name in names if isinstance(name, str) and name not in TAKEN)
        own = [each.raw.get("parameter_name") for each in parameters]
        return all(isinstance(name, str) and counts[name] == 1 for name in own)

    def _arguments(self, by_position: List[_Parameter], by_name: List[_Parameter]) -> str:
        """The arguments of `predict`."""
        rows = []
        if by_position:
            rows.append(f"*_sent([{', '.join([each.name for each in by_position])}])")
        if by_name:
            pairs = ", ".join([f"{each.raw['parameter_name']!r}: {each.name}" for each in by_name])
            rows.append(f"**_given({{{pairs}}})")
        rows.append(f"api_name={self._key!r}" if isinstance(self._key, str) else f"fn_index={self._key}")
        return "".join([f"\n        {row}," for row in rows]) + "\n    "


def _name_of(item: Dict[str, Any]) -> Any:
    """What a parameter is called: by its function, or else, in old releases, by its label."""
    return item.get("parameter_name") or sanitize_parameter_names(text_of(item.get("label")) or "")


def _opened(values: List[Dict[str, Any]], components: Sequence[ComponentSpec]) -> List[Dict[str, Any]]:
    """Values without the choices of those whose components take others too, which no description tells."""
    are_open = [component.is_open for component in components if not component.skip]
    return [
        {**value, "type": _without_choices(value.get("type"))} if is_open else value
        for value, is_open in zip_longest(values, are_open[: len(values)])
    ]


def _without_choices(schema: Any) -> Any:
    """The schema of a choice, or of a list of choices, as that of any value of the type."""
    kept = {**mapping(schema), "enum": None}
    return {**kept, "items": {**mapping(kept["items"]), "enum": None}} if "items" in kept else kept


def _signature(parameters: List[_Parameter]) -> str:
    """The parameters, one a line. From one that must be given behind one that need not on, by name alone."""
    rows = ["    client: Client,\n"]
    optional = by_name = False
    for parameter in parameters:
        if parameter.default is not None:
            optional = True
        elif optional and not by_name:
            rows.append("    *,\n")
            by_name = True
        rows.append(str(parameter))
    return "".join(rows)


def _about(item: Dict[str, Any]) -> str:
    """The label, component and description of a parameter or a return."""
    parts = [line(item.get("label")), f"({line(item.get('component'))})"]
    text = " ".join(part for part in parts if part and part != "()") or "a value"
    description = mapping(item.get("python_type")).get("description")
    # That of files is of the class that servers have for them.
    told = description and not str(description).startswith("The FileData class")
    return f"{text}: {line(description)}" if told else f"{text}."
