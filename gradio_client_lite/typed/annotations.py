"""Annotations: the Python types of an app's values, made from JSON schemas, with the TypedDicts they name.

A type is a tuple of the members of its union, such as ("Literal['a']", "None"); a checker reads what
`union` writes. Arguments and results have types of their own: a file is a `File` or a `SavedFile`, and those
of arguments are only read, so that a checker takes a result for an argument of the same schema.

Schemas come from the network, so reading them is total, as in `wire/schema.py`, and costs no more than a
budget: a definition is read once, however often it is named, and what is left over reads `Any`.
"""

from __future__ import annotations

from typing import Any, Dict, FrozenSet, List, Mapping, Tuple

from ..wire.schema import MAX_DEPTH, definitions, is_any_file, mapping, ref_name
from .source import class_name, identifier, is_plain

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
        classes: the names of the TypedDicts by the source of their fields, in the order in which they need
            each other.
    """

    def __init__(self, taken: Dict[str, int]) -> None:
        self.classes: Dict[str, str] = {}
        self.taken = taken

    def of(self, schema: Any, name: str, *, given: bool) -> Members:
        """The type of a value.

        Args:
            schema: its JSON schema, with its own `$defs`.
            name: what a TypedDict without a title is called.
            given: whether it is an argument; else it is a result.
        """
        return _Reader(self, schema, given).read(schema, name, frozenset(), 0)


def union(members: Members) -> str:
    """Write a type; its literals come together, and None last."""
    literals = [member[len("Literal[") : -1] for member in members if member.startswith("Literal[")]
    found = [f"Literal[{', '.join(literals)}]"] if literals else []
    found += [member for member in members if not member.startswith("Literal[") and member != "None"]
    return " | ".join(found + ["None"] * ("None" in members))


def accepts(members: Members, value: Any) -> bool:
    """Whether a checker takes a literal for a value of this type."""
    names = ("float", "int") if type(value) is int else (_type_of(value),)
    return members == ANY or f"Literal[{value!r}]" in members or any(name in members for name in names)


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
        members = self._members(schema, name, followed, depth + 1)
        self._left -= sum(map(len, members))
        return ANY if self._left < 0 or "Any" in members else members

    def _members(self, schema: Dict[str, Any], name: str, followed: FrozenSet[str], depth: int) -> Members:
        choices = [schema["const"]] if "const" in schema else schema.get("enum")
        if isinstance(choices, list):
            return _choices(choices)
        if is_any_file(schema, self._defs):
            return ("File",) if self._given else ("SavedFile",)
        if "$ref" in schema:
            ref = ref_name(schema["$ref"])
            if ref in followed:
                return ANY
            if ref not in self._read:
                self._read[ref] = self.read(self._defs.get(ref), ref, followed | {ref}, depth)
            return self._read[ref]
        types = schema.get("type")
        for key in ("oneOf", "anyOf", "prefixItems"):
            if isinstance(schema.get(key), list):
                found = _merged([self.read(each, name, followed, depth) for each in schema[key]])
                return self._list(found) if key == "prefixItems" else found
        if types == "array":
            return self._list(self.read(schema.get("items"), name, followed, depth))
        if types == "object":
            return self._object(schema, name, followed, depth)
        listed = types if isinstance(types, list) else [types]
        return _merged([(_SIMPLE.get(str(each), "Any"),) for each in listed])

    def _list(self, parts: Members) -> Members:
        # A text is a sequence of texts, but no list.
        read_only = self._given and not {"str", "Any"} & {*parts}
        return (f"{'Sequence' if read_only else 'list'}[{union(parts)}]",)

    def _object(self, schema: Dict[str, Any], name: str, followed: FrozenSet[str], depth: int) -> Members:
        properties = mapping(schema.get("properties"))
        if not properties or not all(map(_is_field, properties)):
            values = self.read(
                None if properties else schema.get("additionalProperties"), name, followed, depth
            )
            return (f"{'Mapping' if self._given else 'dict'}[str, {union(values)}]",)
        required = required_fields(schema)
        rows = ""
        for key, part in properties.items():
            type_ = union(self.read(part, f"{name} {key}", followed, depth))
            type_ = f"ReadOnly[{type_}]" if self._given else type_
            # Servers write what has a default into each result.
            sure = key in required or (not self._given and "default" in mapping(part))
            rows += f"    {key}: {type_ if sure else f'NotRequired[{type_}]'}\n"
        classes, taken = self._annotations.classes, self._annotations.taken
        if rows not in classes:
            title = schema.get("title")
            title = title if isinstance(title, str) else name
            classes[rows] = class_name(f"{title} input" if self._given else title, taken)
        return (classes[rows],)


def _is_field(name: str) -> bool:
    """Whether a TypedDict may have it: a name that is the same there, and hides no type."""
    return name == identifier(name, "field", {}) and name[0].islower()


def required_fields(schema: Mapping[str, Any]) -> FrozenSet[str]:
    """The names of the fields that an object must have."""
    listed = schema.get("required")
    return frozenset([name for name in listed if isinstance(name, str)] if isinstance(listed, list) else ())


def _choices(values: List[Any]) -> Members:
    """Choices as literals, or as the types of their values where there are many."""
    few = len(values) <= _MOST_CHOICES and all(map(is_plain, values))
    return _merged(
        [
            (f"Literal[{value!r}]" if few and isinstance(value, (str, int)) else _type_of(value),)
            for value in values
        ]
    )


def _type_of(value: Any) -> str:
    """The type of a JSON value that can be a literal."""
    name = "None" if value is None else type(value).__name__
    return name if name in _SIMPLE.values() else "Any"


def _merged(types: List[Members]) -> Members:
    return tuple(dict.fromkeys(member for members in types for member in members)) or ANY
