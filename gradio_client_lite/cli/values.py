"""Values: what the texts of a command line, or of a CSV file, mean to the parameters they are given for.

The app's description declares a JSON schema for each parameter. A text is taken for the first of these that
the schema allows and the text can be::

    choice      one of the listed values, as text or as JSON; any text where the component takes others
    null        also where it is not declared, as a page sends it for what is empty; not in place of a text
    boolean, integer, number, array, object     by their JSON; true and false in any case, 3.0 for an integer
    string      the text as it stands
    file        a path or a URL, or the JSON of a file that the server has
    any         JSON, or else the text
    part        one item in place of an array; the main part of an object, such as the text of a multimodal
                message, or the picture of an editor

Only what the user has written is opened, and only where the parameter is a file or the word begins with "@".
"""

from __future__ import annotations

import json
import math
from contextlib import suppress
from typing import Any, Callable, Dict, List, Mapping, NoReturn, Optional, Sequence, Set, Tuple

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
    with_choices,
)
from ..wire.texts import json_text

Parameter = Mapping[str, Any]
#: The kind of value that an alternative of a schema allows, and that alternative.
_Kind = Tuple[str, Mapping[str, Any]]

#: How many schemas a schema may offer as alternatives, references followed; Gradio 6.31 stays under 10.
_MOST_ALTERNATIVES = 100
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
_ANYTHING: Parameter = {"parameter_name": "value", "type": {}}


class _Unfit(Exception):
    """A text, or a value, is nothing that a schema allows."""


def convert(parameter: Parameter, text: str) -> Any:
    """The value of a text for a parameter, which is as the app's description or `find_function` has it.

    Raises:
        InvalidValue: the text is nothing that the parameter takes.
        InvalidFile: it must be a file, and there is none.

    Example:
        >>> convert({"parameter_name": "count", "type": {"type": "integer"}}, "3")
        3
    """
    reader = _Reader(parameter)
    try:
        return reader.read(reader.schema, text)
    except _Unfit:
        hint = " Write it as JSON." if {"array", "object"} & dict(reader.kinds(reader.schema)).keys() else ""
        raise InvalidValue(
            f"Parameter `{_name(parameter)}` takes {_type(parameter)}; {shown(text)} is none.{hint}"
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
            that begins with @. A name that is given more than once makes a list.
        whole: more of them, as a JSON array or an object of names.

    Raises:
        ArgumentError: one is missing, unknown, given twice or one too many.
        InvalidValue, InvalidFile: as `convert`.
    """
    known = {_name(parameter): parameter for parameter in parameters or ()}
    args: List[Any] = []
    named: Dict[str, List[str]] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if equals and name in known:
            named.setdefault(name, []).append(text)
        elif equals and name.isidentifier():
            raise ArgumentError(
                f"There is no parameter `{name}`; there are {_names(known)}. Where {shown(word)} is a value, "
                "write the parameter's name and = before it."
            )
        else:
            args.append(_word(_at(parameters, len(args)), word))
    kwargs = {name: _several(known[name], texts) for name, texts in named.items()}
    if whole is not None:
        more = _loaded(whole)
        if isinstance(more, dict):
            twice = sorted(kwargs.keys() & more.keys())
            if twice:
                raise ArgumentError(f"Given twice: {', '.join(twice)}.")
            kwargs.update({name: adapt(known.get(name, _ANYTHING), value) for name, value in more.items()})
        else:
            args += [adapt(_at(parameters, len(args) + place), value) for place, value in enumerate(more)]
    if parameters is not None and len(args) > len(parameters):
        raise ArgumentError(f"{len(args)} values were given; the parameters are {_names(known)}.")
    return bind(parameters, tuple(args), kwargs)


def _loaded(whole: str) -> Any:
    try:
        more = json.loads(whole)
    except (ValueError, RecursionError) as exc:
        raise ArgumentError(f"--args holds no JSON: {exc}.") from exc
    if not isinstance(more, (dict, list)):
        raise ArgumentError("--args must hold an array, or an object of names.")
    return more


def _at(parameters: Optional[Sequence[Parameter]], place: int) -> Parameter:
    return parameters[place] if parameters is not None and place < len(parameters) else _ANYTHING


def _several(parameter: Parameter, texts: List[str]) -> Any:
    """The value of a parameter that was named once, or of a list whose items were given one by one."""
    if len(texts) == 1:
        return _word(parameter, texts[0])
    reader = _Reader(parameter)
    if "array" not in dict(reader.kinds(reader.schema)):
        raise ArgumentError(f"Parameter `{_name(parameter)}` is given {len(texts)} times and takes no list.")
    values = [_word(parameter, text) for text in texts]
    return [item for value in values for item in (value if isinstance(value, list) else [value])]


def _word(parameter: Parameter, text: str) -> Any:
    if text.startswith("@@"):
        return convert(parameter, text[1:])
    if not text.startswith("@"):
        return convert(parameter, text)
    reader = _Reader(parameter)
    file = reader.file(text[1:], " A text that begins with @ is written with @@.")
    try:
        return reader.enclose(reader.schema, file)
    except _Unfit:
        return file


def _names(known: Mapping[str, Any]) -> str:
    return shorten(", ".join(known) or "none", _MOST_SHOWN)


def _name(parameter: Parameter) -> str:
    name = parameter.get("parameter_name") or parameter.get("label")
    return name if isinstance(name, str) else "?"


def _type(parameter: Parameter) -> str:
    schema = parameter.get("type")
    told = mapping(parameter.get("python_type")).get("type")
    text = with_choices(told, schema) if isinstance(told, str) else json_schema_to_python_type(schema)
    return shorten(text, _MOST_SHOWN)


class _Reader:
    """Reads values for one parameter; its methods take the schema of all of it, or of a part."""

    def __init__(self, parameter: Parameter) -> None:
        self.schema = parameter.get("type")
        self._parameter = parameter
        self._defs = definitions(self.schema)

    def kinds(self, schema: Any) -> List[_Kind]:
        """What a schema allows, with references followed: the kind and the schema of each alternative."""
        found: List[_Kind] = []
        todo: List[Any] = [schema]
        followed: Set[str] = set()
        while todo and len(found) < _MOST_ALTERNATIVES:
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

    def read(self, schema: Any, text: str, depth: int = 0) -> Any:
        """The value of a text; raises _Unfit where it is nothing that the schema allows."""
        if depth > MAX_DEPTH:
            raise _Unfit
        kinds = self.kinds(schema)
        for kind in _ORDER:
            for declared, one in kinds:
                if declared == kind:
                    with suppress(_Unfit):
                        return self._read(kind, one, text)
        if text == "null":
            return None
        return self._part(kinds, lambda part: self.read(part, text, depth + 1), text)

    def _read(self, kind: str, schema: Mapping[str, Any], text: str) -> Any:
        if kind == "string":
            return text
        if kind == "any":
            with suppress(_Unfit):
                return _json(text)
            return text
        if kind == "choice":
            return _choice(schema, text, free=bool(self._parameter.get("allow_custom_value")))
        if kind == "file" and text != "null" and not text.startswith("{"):
            return self.file(text)
        value = _json(text.lower() if kind == "boolean" else text)
        if kind == "integer" and isinstance(value, float) and value.is_integer():
            value = int(value)
        expected = _TYPES["object" if kind == "file" else kind]
        if not isinstance(value, expected) or isinstance(value, bool) != (kind == "boolean"):
            raise _Unfit
        return self.adapt(schema, value)

    def enclose(self, schema: Any, file: Any, depth: int = 0) -> Any:
        """A file in the place that a schema has for it, such as that of a list; raises _Unfit for none."""
        kinds = self.kinds(schema)
        if depth > MAX_DEPTH or any(kind == "file" for kind, _ in kinds):
            return file
        return self._part(kinds, lambda part: self.enclose(part, file, depth + 1), "")

    def _part(self, kinds: List[_Kind], make: Callable[[Any], Any], text: str) -> Any:
        """An array of one item, or an object with only its main part; `make` makes either of its schema."""
        if text[:1] in ("[", "{"):  # JSON with a mistake in it
            raise _Unfit
        for kind, schema in kinds:
            with suppress(_Unfit):
                if kind == "array" and "prefixItems" not in schema:
                    return [make(schema.get("items"))]
                if kind == "object":
                    return self._main(mapping(schema.get("properties")), make)
        raise _Unfit

    def _main(self, parts: Mapping[str, Any], make: Callable[[Any], Any]) -> Dict[str, Any]:
        for name in _MAIN:
            if name in parts:
                with suppress(_Unfit):
                    value = make(parts[name])
                    return {**{key: self._empty(part) for key, part in parts.items()}, name: value}
        raise _Unfit

    def _empty(self, schema: Any) -> Any:
        """What a page sends for a part that nobody has filled in."""
        kinds = {kind for kind, _ in self.kinds(schema)}
        return None if "null" in kinds else [] if "array" in kinds else "" if "string" in kinds else None

    def adapt(self, schema: Any, value: Any, depth: int = 0) -> Any:
        """A JSON value with files in place of the paths and URLs in it."""
        if depth > MAX_DEPTH or not isinstance(value, (str, list, dict)):
            return value
        kinds = self.kinds(schema)
        if isinstance(value, str):
            allowed = {kind for kind, _ in kinds}
            return self.file(value) if "file" in allowed and "string" not in allowed else value
        if isinstance(value, list):
            one: Mapping[str, Any] = next((one for kind, one in kinds if kind == "array"), {})
            first = one.get("prefixItems")
            items = first if isinstance(first, list) else []
            items = [*items, *[one.get("items")] * (len(value) - len(items))]
            return [self.adapt(part, item, depth + 1) for part, item in zip(items, value)]
        if is_marked(value):
            return value
        parts: Dict[str, Any] = {}
        for _, one in reversed(kinds):
            parts.update(mapping(one.get("properties")))
        return {key: self.adapt(parts.get(key), item, depth + 1) for key, item in value.items()}

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
    if text in choices:
        return text
    for choice in choices:
        if not isinstance(choice, str) and json_text(choice) == text:
            return choice
    if free:
        return text
    raise _Unfit


def _json(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        raise _Unfit from None


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    return number if abs(number) < math.inf else _refuse(text)
