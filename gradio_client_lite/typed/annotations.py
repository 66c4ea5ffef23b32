"""Annotations: the Python types of an app's values, made from JSON schemas, with the TypedDicts they name.

A type is a tuple of the members of its union, such as ("Literal['a']", "None"); a checker reads what
`union` writes. Arguments and results have types of their own: a file is a `File` or a `SavedFile`, and those
of arguments are only read, so that a checker takes a result for an argument of the same schema.

Schemas come from the network, so reading them is total, as in `wire/schema.py`, and costs no more than a
budget: a definition is read once, however often it is named, and what is left over reads `Any`.
"""

from __future__ import annotations

from keyword import iskeyword
from typing import Any, Dict, FrozenSet, List, Mapping, Set, Tuple

from ..wire.schema import MAX_DEPTH, definitions, is_any_file, mapping, ref_name
from .source import TYPES, class_name, is_plain

#: The members of a union.
Members = Tuple[str, ...]

ANY: Members = ("Any",)
#: Schemas and characters, of the one schema of a value, that are read and written.
_BUDGET = 50_000
#: Choices that are told one by one; checkers take long for more.
_MOST_CHOICES = 200
_SIMPLE = {"integer": "int", "string": "str", "boolean": "bool", "number": "float", "null": "None"}


class Annotations:
    """Writes the types of one module, and collects its TypedDicts.

    Args:
        taken: the names of the module, to which those of TypedDicts are added.

    Attributes:
        classes: the source of each TypedDict, by name, in the order in which they need each other.
    """

    def __init__(self, taken: Dict[str, int]) -> None:
        self.classes: Dict[str, str] = {}
        self._taken = taken
        self._known: Dict[Tuple[Tuple[str, str], ...], str] = {}

    def of(self, schema: Any, name: str, *, given: bool) -> Members:
        """The type of a value.

        Args:
            schema: its JSON schema, with its own `$defs`.
            name: what a TypedDict without a title is called.
            given: whether it is an argument; else it is a result.
        """
        return _Reader(self, schema, given).read(schema, name, frozenset(), 0)

    def typed_dict(self, fields: Mapping[str, str], title: Any, name: str) -> str:
        """The name of the TypedDict with these fields; there is one for each set of fields.

        Args:
            fields: their types by their names.
            title: what its name is made of; without one, `name`.
        """
        key = tuple(fields.items())
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = class_name(title, class_name(name, "Value", {}), self._taken)
            plain = all(map(self._is_field, fields))
            self.classes[known] = (_written_as_class if plain else _written_as_call)(known, fields)
        return known

    def _is_field(self, name: str) -> bool:
        """Whether a class may have it as a field: a name that is the same there, and hides no type."""
        is_name = name.isascii() and name.isidentifier() and not iskeyword(name) and name[:2] != "__"
        return is_name and name not in TYPES and name not in self.classes


def union(members: Members) -> str:
    """Write a type; its literals come together, and None last."""
    literals = [member[len("Literal[") : -1] for member in members if member.startswith("Literal[")]
    found = [member for member in members if not member.startswith("Literal[") and member != "None"]
    if literals:
        found.insert(0, f"Literal[{', '.join(literals)}]")
    if "None" in members:
        found.append("None")
    return " | ".join(found)


def accepts(members: Members, value: Any) -> bool:
    """Whether a checker takes a literal for a value of this type."""
    names = ("float", "int") if type(value) is int else (type(value).__name__,)
    return members == ANY or f"Literal[{value!r}]" in members or any(name in members for name in names)


def _written_as_class(name: str, fields: Mapping[str, str]) -> str:
    return f"class {name}(TypedDict):\n" + "".join([f"    {key}: {type_}\n" for key, type_ in fields.items()])


def _written_as_call(name: str, fields: Mapping[str, str]) -> str:
    rows = "".join([f"        {key!r}: {type_!r},\n" for key, type_ in fields.items()])
    return f"{name} = TypedDict(\n    {name!r},\n    {{\n{rows}    }},\n)\n"


def required_fields(schema: Mapping[str, Any]) -> Set[str]:
    """The names of the fields that an object must have."""
    listed = schema.get("required")
    return {name for name in listed if isinstance(name, str)} if isinstance(listed, list) else set()


class _Reader:
    """Reads one schema; its methods take the name for TypedDicts, the references followed and the depth."""

    def __init__(self, annotations: Annotations, schema: Any, given: bool) -> None:
        self._annotations = annotations
        self._defs = definitions(schema)
        self._given = given
        self._left = _BUDGET
        self._read: Dict[str, Members] = {}

    def read(self, schema: Any, name: str, followed: FrozenSet[str], depth: int) -> Members:
        self._left -= 1
        if not isinstance(schema, dict) or depth > MAX_DEPTH:
            return ANY
        members = self._members(schema, name, followed, depth)
        self._left -= sum(map(len, members))
        return ANY if self._left < 0 or "Any" in members else members

    def _members(self, schema: Dict[str, Any], name: str, followed: FrozenSet[str], depth: int) -> Members:
        if "const" in schema:
            return _choices([schema["const"]])
        if isinstance(schema.get("enum"), list):
            return _choices(schema["enum"])
        if is_any_file(schema, self._defs):
            return ("File",) if self._given else ("SavedFile",)
        if "$ref" in schema:
            return self._reference(ref_name(schema["$ref"]), followed, depth)
        for choice in ("oneOf", "anyOf"):
            if isinstance(schema.get(choice), list):
                return _merged([self.read(each, name, followed, depth + 1) for each in schema[choice]])
        if "prefixItems" in schema or schema.get("type") == "array":
            return self._array(schema, name, followed, depth)
        if schema.get("type") == "object":
            return self._object(schema, name, followed, depth)
        types = schema.get("type")
        found = types if isinstance(types, list) else [types]
        return _merged([(_SIMPLE.get(each, "Any") if isinstance(each, str) else "Any",) for each in found])

    def _reference(self, name: str, followed: FrozenSet[str], depth: int) -> Members:
        if name in followed:
            return ANY
        if name not in self._read:
            self._read[name] = self.read(self._defs.get(name), name, followed | {name}, depth + 1)
        return self._read[name]

    def _array(self, schema: Dict[str, Any], name: str, followed: FrozenSet[str], depth: int) -> Members:
        parts = schema.get("prefixItems")
        if not isinstance(parts, list):
            parts = [schema.get("items")]
        found = _merged([self.read(part, name, followed, depth + 1) for part in parts])
        # A text is a sequence of texts, but no list.
        read_only = self._given and not {"str", "Any"} & {*found}
        return (f"{'Sequence' if read_only else 'list'}[{union(found)}]",)

    def _object(self, schema: Dict[str, Any], name: str, followed: FrozenSet[str], depth: int) -> Members:
        properties = mapping(schema.get("properties"))
        if not properties or "" in properties:  # checkers take no field without a name
            values = self.read(schema.get("additionalProperties"), name, followed, depth + 1)
            return (f"{'Mapping' if self._given else 'dict'}[str, {union(values)}]",)
        required = required_fields(schema)
        fields: Dict[str, str] = {}
        for key, part in properties.items():
            type_ = union(self.read(part, f"{name} {key}", followed, depth + 1))
            type_ = f"ReadOnly[{type_}]" if self._given else type_
            # Servers write what has a default into each result.
            sure = key in required or (not self._given and "default" in mapping(part))
            fields[key] = type_ if sure else f"NotRequired[{type_}]"
        title, kind = schema.get("title"), " input" if self._given else ""
        title = title + kind if isinstance(title, str) else None
        return (self._annotations.typed_dict(fields, title, name + kind),)


def _choices(values: List[Any]) -> Members:
    """Choices as literals, or as the types of their values where there are many."""
    if not all(map(is_plain, values)):
        simple = all(isinstance(value, (str, int, float)) or value is None for value in values)
        return _merged([(_type_of(value),) for value in values]) if simple else ANY
    if len(values) > _MOST_CHOICES:
        return _merged([(_type_of(value),) for value in values])
    return _merged([(_literal(value),) for value in values])


def _literal(value: Any) -> str:
    return _type_of(value) if value is None or isinstance(value, float) else f"Literal[{value!r}]"


def _type_of(value: Any) -> str:
    return "None" if value is None else type(value).__name__


def _merged(types: List[Members]) -> Members:
    return tuple(dict.fromkeys(member for members in types for member in members)) or ANY
