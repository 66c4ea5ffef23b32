"""JSON schemas of component values: which hold files, and the Python types they stand for.

Gradio describes every component's value with a JSON schema: `api_info` in a config, `type` in an `/info`.
Schemas come from the network and from component authors, so what reads them is total: what cannot be read (a
boolean, an unknown type, a missing or recursive reference, plain garbage) holds no file and is `Any`. Depth
and work are bounded, so that no schema can stall or exhaust a client.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Dict, FrozenSet, List, Mapping, Set

from ..light import pattern
from .texts import json_text

#: Nesting after which nothing is looked at; Gradio 6.31 stays under 12.
MAX_DEPTH = 64

# The fields of FileData before Gradio 4.20 added `meta` (gradio/data_classes.py 4.16.0).
_OLD_FILE_FIELDS = frozenset(("path", "url", "size", "orig_name", "mime_type"))


def contains_file(schema: Any) -> bool:
    """Whether a value of this schema, which has its own `$defs`, is or holds a file."""
    return _contains_file(schema, definitions(schema), set(), 0)


def _contains_file(schema: Any, defs: Mapping[str, Any], seen: Set[str], depth: int) -> bool:
    """Search each definition once: what it holds does not depend on where it is referred to."""
    if depth > MAX_DEPTH:
        return False
    if isinstance(schema, list):
        return any(_contains_file(item, defs, seen, depth + 1) for item in schema)
    if not isinstance(schema, dict):
        return False
    if "$ref" in schema:
        name = ref_name(schema["$ref"])
        if name in seen:
            return False
        seen.add(name)
        return _contains_file(defs.get(name), defs, seen, depth + 1)
    if is_any_file(schema, defs):
        return True
    return any(
        _contains_file(value, defs, seen, depth + 1)
        for key, value in schema.items()
        if key != "$defs" and isinstance(value, (dict, list))
    )


def is_file(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> bool:
    """Whether it is a FileData, as Gradio declares that since 4.20: a `path`, and a `meta` that marks it."""
    fields = mapping(schema.get("properties"))
    if "path" not in fields or "meta" not in fields:
        return False
    meta = mapping(fields["meta"])
    if "$ref" in meta:
        meta = mapping(defs.get(ref_name(meta["$ref"])))
    mark = mapping(meta.get("properties")).get("_type")
    if mark is not None:
        return bool(mapping(mark).get("const") == "gradio.FileData")
    return bool(mapping(meta.get("default")).get("_type") == "gradio.FileData")


def is_any_file(schema: Mapping[str, Any], defs: Mapping[str, Any]) -> bool:
    """Whether it is a FileData as any release from 4.0 on declares it."""
    return is_file(schema, defs) or mapping(schema.get("properties")).keys() >= _OLD_FILE_FIELDS


def definitions(schema: Any) -> Dict[str, Any]:
    """The definitions that its references lead to, by name."""
    return mapping(mapping(schema).get("$defs"))


def ref_name(ref: Any) -> str:
    """The name of the definition that a reference leads to."""
    return ref.rsplit("/", 1)[-1] if isinstance(ref, str) else ""


def mapping(value: Any) -> Dict[str, Any]:
    """The value, or an empty object in place of anything else."""
    return value if isinstance(value, dict) else {}


def is_index(value: Any) -> bool:
    """Whether a value can be the number of a component or function."""
    return isinstance(value, int) and not isinstance(value, bool)


# The number of subschemas after which the rest reads `Any`; Gradio 6.31 stays under 100. So many characters
# count as one more.
_MAX_NODES = 10_000
_TEXT_OF_NODE = 100

# In a text: characters that would end it, or that `repr` writes in another way.
_ODD = pattern(r"\\|', ")
_SIMPLE = {"integer": "int", "string": "str", "boolean": "bool", "number": "float", "null": "None"}
_ANY_JSON = "str | float | bool | list | dict"


def json_schema_to_python_type(schema: Any) -> str:
    """Write a JSON schema as a Python type, in the notation of `view_api`.

    Args:
        schema: the JSON schema of a component's value, with its own `$defs`. A file reads `filepath`.

    Example:
        >>> json_schema_to_python_type({"type": "array", "items": {"type": "string"}})
        'list[str]'
    """
    return _Writer(schema).write(schema, frozenset(), 0)


def with_choices(type_: str, schema: Any) -> str:
    """Correct the choices in a type of an `/info`, all of which servers write as if they were texts.

    Args:
        type_: as the server writes it.
        schema: that of a choice or of a list of choices, else nothing is changed.
    """
    for holder in (mapping(schema), mapping(mapping(schema).get("items"))):
        choices = _list(holder.get("enum"))
        with suppress(ValueError, RecursionError):
            written = "Literal[" + ", ".join([f"'{choice}'" for choice in choices]) + "]"
            type_ = type_.replace(written, _literals(choices), 1)
    return type_


class _Writer:
    """Writes one schema; its methods take the references being followed and the depth reached."""

    def __init__(self, schema: Any) -> None:
        self._defs = definitions(schema)
        self._nodes = 0

    def write(self, schema: Any, followed: FrozenSet[str], depth: int) -> str:
        self._nodes += 1
        if not isinstance(schema, dict) or depth > MAX_DEPTH or self._nodes > _MAX_NODES:
            return "Any"
        if "const" in schema:
            const = schema["const"]
            return f"Literal[{const if isinstance(const, str) and const.isidentifier() else _literal(const)}]"
        if "enum" in schema:
            return _literals(_list(schema["enum"]))
        if "type" in schema:
            return self._typed(schema, schema["type"], followed, depth)
        if schema.get("$ref"):
            return self._reference(schema["$ref"], followed, depth)
        for choice in ("oneOf", "anyOf"):
            if schema.get(choice):
                return self._each(_list(schema[choice]), followed, depth, " | ") or "Any"
        if schema.get("allOf"):
            return "All[" + self._each(_list(schema["allOf"]), followed, depth, ", ") + "]"
        return _untyped(schema)

    def _each(self, schemas: List[Any], followed: FrozenSet[str], depth: int, separator: str) -> str:
        return separator.join([self.write(schema, followed, depth + 1) for schema in schemas])

    def _reference(self, ref: Any, followed: FrozenSet[str], depth: int) -> str:
        name = ref_name(ref)
        if name in followed:
            return "Any"
        text = self.write(self._defs.get(name), followed | {name}, depth + 1)
        self._nodes += len(text) // _TEXT_OF_NODE  # a long one, such as a list of choices, may be named often
        return text

    def _typed(self, schema: Mapping[str, Any], type_: Any, followed: FrozenSet[str], depth: int) -> str:
        if isinstance(type_, list):
            names = dict.fromkeys(one for one in type_ if isinstance(one, str))
            return " | ".join([self._typed(schema, name, followed, depth) for name in names]) or "Any"
        if not isinstance(type_, str):
            return _untyped(schema)
        if type_ == "array":
            return self._array(schema, followed, depth)
        if type_ == "object":
            return self._object(schema, followed, depth)
        return _SIMPLE.get(type_, "Any")

    def _array(self, schema: Mapping[str, Any], followed: FrozenSet[str], depth: int) -> str:
        items = schema.get("items")
        for holder in (mapping(items), schema):
            if "prefixItems" in holder:
                return "tuple[" + self._each(_list(holder["prefixItems"]), followed, depth, ", ") + "]"
        return "list[" + self.write(items, followed, depth + 1) + "]"

    def _object(self, schema: Mapping[str, Any], followed: FrozenSet[str], depth: int) -> str:
        if is_file(schema, self._defs):
            return "filepath"
        parts = [
            f"{name}: {self.write(value, followed, depth + 1)}{_description(value)}"
            for name, value in mapping(schema.get("properties")).items()
            if name != "$defs"
        ]
        additional = schema.get("additionalProperties", False)
        if additional is not False:
            parts.append(f"str, {self.write(additional, followed, depth + 1)}")
        return "dict(" + ", ".join(parts) + ")"


def _untyped(schema: Mapping[str, Any]) -> str:
    """Components of free JSON give no type, only a description that says so."""
    description = schema.get("description")
    return _ANY_JSON if isinstance(description, str) and "json" in description else "Any"


def _description(schema: Any) -> str:
    text = mapping(schema).get("description")
    return f" ({_shown(text)})" if text else ""


def _literals(choices: List[Any]) -> str:
    return "Literal[" + ", ".join(map(_literal, choices)) + "]"


def _literal(value: Any) -> str:
    """A JSON value as Python writes it, plain texts between single quotes; as JSON where it is too deep."""
    if isinstance(value, str) and value.isprintable() and not _ODD.search(value):
        return f"'{value}'"
    try:
        return repr(value)
    except (ValueError, RecursionError):
        return json_text(value)


def _list(value: Any) -> List[Any]:
    return value if isinstance(value, list) else []


def _shown(value: Any) -> str:
    """A JSON value as text; nested ones are named, not spelled out, since their depth has no bound."""
    return type(value).__name__ if isinstance(value, (dict, list)) else str(value)
