"""Values: what the texts of a command line, or of a CSV file, mean to the parameters they are given for.

The app declares a JSON schema for each parameter. A text is the first of these that it allows, and can be::

    choice      one of the listed values, as text or as JSON; any text where the component takes others
    null        also where it is not declared, but not in place of a text
    boolean, integer, number, array, object     by their JSON; true and false in any case, 3.0 for an integer
    string      the text as it stands
    file        a path or a URL, or the JSON of a file that the server has
    any         JSON, or else the text
    part        one item in place of an array; the main part of an object, such as a message's text

Only what the user has written is opened, and only where the parameter is a file or the word begins with "@".
"""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import chain, repeat
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from ..errors import ArgumentError, InvalidFile, InvalidValue, shorten, shown
from ..wire.arguments import bind
from ..wire.filedata import is_marked
from ..wire.schema import (
    MAX_DEPTH,
    definitions,
    is_any_file,
    json_schema_to_python_type,
    mapping,
    ref_name,
)
from ..wire.texts import json_text

Parameter = Mapping[str, Any]
#: The kind of value that an alternative of a schema allows, and that alternative.
_Kind = Tuple[str, Mapping[str, Any]]
#: A parameter's name, None for the next one; what makes its value of what was given; and that.
_Given = Tuple[Optional[str], Callable[[Parameter, Any], Any], Any]

#: How many schemas are tried for a text, and how many alternatives one of them has; Gradio 6.31 stays under
#: 10. Those of a hostile app may branch at every level.
_MOST = 100
_MOST_SHOWN = 300  # characters of a type in an error
#: The part of an object that a single value stands for: the first that it has, and that the value can be.
_MAIN = ("text", "files", "background", "video", "image")
#: What the JSON of the kinds is that schemas have by the same name; texts need none.
_TYPES: Dict[str, Any] = {
    "null": type(None),
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "array": list,
    "object": dict,
    "string": str,
}
#: The kinds, the one that a text is taken for first before the others.
_ORDER = ("choice", *_TYPES, "file", "any")


class _Unfit(Exception):
    """What was given is nothing that a schema allows."""


def convert(parameter: Parameter, text: str) -> Any:
    """The value of a text for a parameter, which is as the app's description or `find_function` has it.

    Raises:
        InvalidValue: the text is nothing that the parameter takes.
        InvalidFile: it must be a file, and there is none.
    """
    reader = _Reader(parameter)
    try:
        return reader.read(reader.schema, text)
    except _Unfit:
        hint = " Write it as JSON." if {"array", "object"} & dict(reader.kinds(reader.schema)).keys() else ""
        type_ = shorten(json_schema_to_python_type(reader.schema), _MOST_SHOWN)
        raise InvalidValue(
            f"Parameter `{_name(parameter)}` takes {type_}; {shown(text)} is none.{hint}"
        ) from None


def adapt(parameter: Parameter, value: Any) -> Any:
    """A value that came as JSON, with files in place of the paths and URLs in it. Raises as `convert`.

    A text is taken for one only where the declared type has a file and no text.
    """
    reader = _Reader(parameter)
    return reader.adapt(reader.schema, value)


def arguments(
    parameters: Optional[Sequence[Parameter]], words: Sequence[str], whole: Optional[str] = None
) -> List[Any]:
    """The arguments of a call, in order, from the words of a command line.

    Args:
        parameters: those of the endpoint; None where its description does not tell.
        words: VALUE, NAME=VALUE, and with @FILE as the value a file whatever the parameter is; @@ is a text
            that begins with @.
        whole: more of them, as a JSON array or an object of names.

    Raises:
        ArgumentError: one is missing, unknown, given twice or one too many.
        InvalidValue, InvalidFile: as `convert`.
    """
    known = {_name(parameter): parameter for parameter in parameters or ()}
    names = shorten(", ".join(known) or "none", _MOST_SHOWN)
    args: List[Any] = []
    kwargs: Dict[str, Any] = {}
    for name, make, given in chain(_split(words, known), _loaded(whole)):
        if name is None:
            place = len(args)
            parameter = parameters[place] if parameters and place < len(parameters) else {}
            args.append(make(parameter, given))
        elif name in kwargs:
            raise ArgumentError(f"Parameter `{name}` is given twice. A list is given as JSON.")
        elif name not in known:
            raise ArgumentError(
                f"There is no parameter `{name}`; there are {names}. Where it is a part of a value, write "
                "the parameter's name and = before that."
            )
        else:
            kwargs[name] = make(known[name], given)
    if parameters is not None and len(args) > len(parameters):
        raise ArgumentError(f"{len(args)} values were given; the parameters are {names}.")
    return bind(parameters, tuple(args), kwargs)


def _split(words: Sequence[str], known: Mapping[str, Any]) -> Iterator[_Given]:
    for word in words:
        name, equals, text = word.partition("=")
        named = equals and (name in known or name.isidentifier())
        yield (name, _word, text) if named else (None, _word, word)


def _loaded(whole: Optional[str]) -> Iterator[_Given]:
    try:
        more = _json(whole or "[]")
    except _Unfit as exc:
        raise ArgumentError(f"--args holds no JSON: {exc}.") from exc
    if not isinstance(more, (dict, list)):
        raise ArgumentError("--args must hold an array, or an object of names.")
    for name, value in more.items() if isinstance(more, dict) else zip(repeat(None), more):
        yield name, adapt, value


def _word(parameter: Parameter, text: str) -> Any:
    if not text.startswith("@") or text.startswith("@@"):
        return convert(parameter, text[text.startswith("@") :])
    reader = _Reader(parameter)
    file = reader.file(text[1:], " A text that begins with @ is written with @@.")
    try:
        return reader.read(reader.schema, file)
    except _Unfit:
        return file


def _name(parameter: Parameter) -> str:
    name = parameter.get("parameter_name") or parameter.get("label")
    return name if isinstance(name, str) else "?"


class _Reader:
    """Reads one value for a parameter; its methods take the schema of all of it, or of a part."""

    def __init__(self, parameter: Parameter) -> None:
        self.schema = parameter.get("type")
        self._parameter = parameter
        self._defs = definitions(self.schema)
        self._left = _MOST

    def kinds(self, schema: Any) -> List[_Kind]:
        """What a schema allows, with references followed: the kind and the schema of each alternative."""
        found: List[_Kind] = []
        todo: List[Any] = [schema]
        followed: Set[str] = set()
        while todo and len(found) < _MOST:
            one = mapping(todo.pop())
            name = ref_name(one.get("$ref"))
            choices = next((one[key] for key in ("anyOf", "oneOf", "allOf") if one.get(key)), None)
            if name:
                todo += [] if name in followed else [self._defs.get(name)]
                followed.add(name)
            elif one.get("enum") or "const" in one:
                found.append(("choice", one))
            elif is_any_file(one, self._defs):
                found.append(("file", one))
            elif isinstance(choices, list):
                todo += reversed(choices)
            elif isinstance(one.get("type"), list):
                todo += [{**one, "type": type_} for type_ in reversed(one["type"])]
            else:
                type_ = one.get("type", "object" if "properties" in one else None)
                found.append((type_ if isinstance(type_, str) and type_ in _TYPES else "any", one))
        return found or [("any", {})]

    def read(self, schema: Any, given: Any) -> Any:
        """The value of a text or, where its place is, of a file; raises _Unfit where the schema has none."""
        self._left -= 1
        if self._left < 0:
            raise _Unfit
        kinds = self.kinds(schema)
        for kind in _ORDER:
            for declared, one in kinds:
                if declared == kind:
                    with suppress(_Unfit):
                        return self._read(kind, one, given)
        if given == "null":
            return None
        if isinstance(given, str) and given.startswith(("[", "{")):  # JSON with a mistake in it
            raise _Unfit
        for kind, one in kinds:
            if kind == "array" and "prefixItems" not in one:
                with suppress(_Unfit):
                    return [self.read(one.get("items"), given)]
            parts = mapping(one.get("properties") if kind == "object" else None)
            for name in [name for name in _MAIN if name in parts]:
                with suppress(_Unfit):
                    value = self.read(parts[name], given)
                    return {**{key: self._empty(part) for key, part in parts.items()}, name: value}
        raise _Unfit

    def _read(self, kind: str, schema: Mapping[str, Any], given: Any) -> Any:
        """The same for one kind, without its parts."""
        if not isinstance(given, str):
            if kind == "file":
                return given
            raise _Unfit
        if kind == "string":
            return given
        if kind == "any":
            with suppress(_Unfit):
                return _json(given)
            return given
        if kind == "choice":
            return _choice(schema, given, free=bool(self._parameter.get("allow_custom_value")))
        if kind == "file" and given != "null" and not given.startswith("{"):
            return self.file(given)
        value = _json(given.lower() if kind == "boolean" else given)
        if kind == "integer" and isinstance(value, float) and value.is_integer():
            value = int(value)
        expected = _TYPES["object" if kind == "file" else kind]
        if not isinstance(value, expected) or isinstance(value, bool) != (kind == "boolean"):
            raise _Unfit
        return self.adapt(schema, value)

    def _empty(self, schema: Any) -> Any:
        """What a page sends for a part that nobody has filled in."""
        kinds = dict(self.kinds(schema))
        return None if "null" in kinds else [] if "array" in kinds else "" if "string" in kinds else None

    def adapt(self, schema: Any, value: Any, depth: int = 0) -> Any:
        """A JSON value with files in place of the paths and URLs in it."""
        if depth > MAX_DEPTH or not isinstance(value, (str, list, dict)):
            return value
        kinds = self.kinds(schema)
        if isinstance(value, str):
            return self.file(value) if "file" in dict(kinds) and "string" not in dict(kinds) else value
        if isinstance(value, list):
            one: Mapping[str, Any] = next((one for kind, one in kinds if kind == "array"), {})
            first = one.get("prefixItems")
            parts = chain(first if isinstance(first, list) else (), repeat(one.get("items")))
            return [self.adapt(part, item, depth + 1) for part, item in zip(parts, value)]
        if is_marked(value):
            return value
        fields: Dict[str, Any] = {}
        for _, one in reversed(kinds):
            fields.update(mapping(one.get("properties")))
        return {key: self.adapt(fields.get(key), item, depth + 1) for key, item in value.items()}

    def file(self, path: str, hint: str = "") -> Any:
        """The file of a path or URL; raises InvalidFile where there is none."""
        from ..files.handle import handle_file

        try:
            return handle_file(path)
        except InvalidFile as exc:
            raise InvalidFile(f"Parameter `{_name(self._parameter)}` takes a file: {exc}{hint}") from exc


def _choice(schema: Mapping[str, Any], text: str, *, free: bool) -> Any:
    listed = schema.get("enum")
    choices = listed if isinstance(listed, list) else [schema.get("const")]
    if text in choices or (free and text not in map(json_text, choices)):
        return text
    for choice in choices:
        if not isinstance(choice, str) and json_text(choice) == text:
            return choice
    raise _Unfit


def _json(text: str) -> Any:
    """The JSON value of a text; numbers that JSON has not are none."""
    try:
        value = json.loads(text)
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError) as exc:
        raise _Unfit(exc) from None
    return value
