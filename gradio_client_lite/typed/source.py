"""Source: what a server says, written into source code as names, types and texts.

There it is only ever a literal, a part of a text that is escaped, or the ASCII letters and digits of a name.
So no description can bring code of its own into what is made of it.

A type is a tuple of the members of its union. Lists and objects of arguments are only read, so that a checker
takes a result for an argument of the same schema. Reading a schema is total, as in `wire/schema.py`, and
costs no more than a budget: a definition is read once, and what is left over reads `Any`.
"""

from __future__ import annotations

import re
from keyword import iskeyword
from typing import Any, Dict, FrozenSet, List, Tuple

from ..wire.schema import MAX_DEPTH, definitions, is_any_file, ref_name
from ..wire.texts import excerpt, one_line, text_of

#: The members of a union.
Members = Tuple[str, ...]

ANY: Members = ("Any",)
#: What a generated module may import of `typing`, sorted.
TYPING = ("Any", "Iterator", "Literal", "Mapping", "NewType", "Sequence", "Union")
#: The other names that are not for a server's texts.
_is_taken = re.compile(
    "APP|Client|File|SavedFile|annotations|bool|dict|float|handle_file|int|list|os|str|tuple"
).fullmatch
#: Characters of a name, and of a label or description.
_LONGEST_NAME = 60
_LONGEST_TEXT = 200
#: Schemas and characters, of the one schema of a value, that are read and written.
_BUDGET = 50_000
#: Choices that are told one by one; checkers take long for more.
_MOST_CHOICES = 200
_SIMPLE = {"integer": "int", "string": "str", "boolean": "bool", "number": "float", "null": "None"}


def identifier(text: Any, fallback: str, taken: Dict[str, int]) -> str:
    """Make a name of a text, or of `fallback`, that neither Python nor a generated module uses.

    `taken` holds the names there are, and how often each was asked for; the new one is added.
    """
    name = re.sub("[^0-9A-Za-z]+", "_", text[:_LONGEST_NAME]).strip("_") if isinstance(text, str) else ""
    if not name or name[0].isdigit():
        name = f"{fallback}_{name}".rstrip("_")
    if iskeyword(name) or name in TYPING or _is_taken(name):
        name += "_"
    unique = name
    while unique in taken:
        taken[name] += 1
        unique = f"{name}_{taken[name]}"
    taken[unique] = 1
    return unique


def is_plain(value: Any) -> bool:
    """Whether a value can be a literal on one line: a text, a number, True, False or None."""
    if isinstance(value, str):
        return len(value) <= _LONGEST_TEXT
    if isinstance(value, (int, float)):
        return abs(value) < 2**63  # neither NaN nor an infinity, which have no literals
    return value is None


def line(value: Any) -> str:
    """A label or description on one line, for a place between three double quotes; "" for none."""
    text = excerpt(one_line(text_of(value) or ""), _LONGEST_TEXT)
    return text.replace("\\", "\\\\").replace('"', '\\"')


def members(schema: Any, *, given: bool) -> Members:
    """The type of an argument, which is given, or of a result of this schema, which has its own `$defs`."""
    return _Reader(schema, given).read(schema, frozenset(), 0)


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
    """Reads one schema; its methods take the references followed and the depth."""

    def __init__(self, schema: Any, given: bool) -> None:
        self._defs = definitions(schema)
        self._given = given
        self._left = _BUDGET
        self._read: Dict[str, Members] = {}

    def read(self, schema: Any, followed: FrozenSet[str], depth: int) -> Members:
        self._left -= 1
        if not isinstance(schema, dict) or depth > MAX_DEPTH:
            return ANY
        found = self._members(schema, followed, depth + 1)
        self._left -= sum(map(len, found))
        return ANY if self._left < 0 or "Any" in found else found

    def _members(self, schema: Dict[str, Any], followed: FrozenSet[str], depth: int) -> Members:
        choices = [schema["const"]] if "const" in schema else schema.get("enum")
        if isinstance(choices, list):
            return _choices(choices)
        if is_any_file(schema, self._defs):
            return ("File",) if self._given else ("SavedFile",)
        if "$ref" in schema:
            name = ref_name(schema["$ref"])
            if name not in followed and name not in self._read:
                self._read[name] = self.read(self._defs.get(name), followed | {name}, depth)
            return ANY if name in followed else self._read[name]
        for key in ("oneOf", "anyOf", "prefixItems"):
            if isinstance(schema.get(key), list):
                found = _merged([self.read(each, followed, depth) for each in schema[key]])
                return self._list(found) if key == "prefixItems" else found
        types = schema.get("type")
        if types == "array":
            return self._list(self.read(schema.get("items"), followed, depth))
        if types == "object":
            # Its fields have types of their own, so that one with fields reads Any.
            each = None if schema.get("properties") else schema.get("additionalProperties")
            values = union(self.read(each, followed, depth))
            return (f"{'Mapping' if self._given else 'dict'}[str, {values}]",)
        listed = types if isinstance(types, list) else [types]
        return _merged([(_SIMPLE.get(str(each), "Any"),) for each in listed])

    def _list(self, parts: Members) -> Members:
        # A text is a sequence of texts, but no list.
        read_only = self._given and not {"str", "Any"} & {*parts}
        return (f"{'Sequence' if read_only else 'list'}[{union(parts)}]",)


def _choices(values: List[Any]) -> Members:
    """Choices as literals, or as the types of their values where there are many."""
    few = len(values) <= _MOST_CHOICES and all(map(is_plain, values))
    told = (str, int) if few else ()
    return _merged([(f"Literal[{each!r}]" if isinstance(each, told) else _type_of(each),) for each in values])


def _type_of(value: Any) -> str:
    """The type of a JSON value that can be a literal."""
    name = "None" if value is None else type(value).__name__
    return name if name in _SIMPLE.values() else "Any"


def _merged(types: List[Members]) -> Members:
    return tuple(dict.fromkeys(member for members in types for member in members)) or ANY
