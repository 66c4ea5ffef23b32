"""JSON schemas of component values: which hold files.

Gradio describes every component's value with a JSON schema: `api_info` in a config, `type` in an `/info`.
Schemas come from the network and from component authors, so what reads them is total: what cannot be read (a
boolean, an unknown type, a missing or recursive reference, plain garbage) holds no file. Depth and work are
bounded, so that no schema can stall or exhaust a client.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Set

#: Nesting after which nothing is looked at; Gradio 6.31 stays under 12.
MAX_DEPTH = 64

# The fields of FileData before Gradio 4.20 added `meta` (gradio/data_classes.py 4.16.0).
_OLD_FILE_FIELDS = frozenset(("path", "url", "size", "orig_name", "mime_type"))


def contains_file(schema: Any) -> bool:
    """Tells whether a value of this schema is, or has somewhere in it, a file.

    Args:
        schema: the JSON schema of a component's value, with its own `$defs`.
    """
    return _contains_file(schema, definitions(schema), set(), 0)


def _contains_file(schema: Any, defs: Mapping[str, Any], seen: Set[str], depth: int) -> bool:
    """Each definition is looked into once: what it holds does not depend on who refers to it."""
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
    if is_file(schema, defs) or mapping(schema.get("properties")).keys() >= _OLD_FILE_FIELDS:
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


def definitions(schema: Any) -> Dict[str, Any]:
    """What its references lead to, by name."""
    return mapping(mapping(schema).get("$defs"))


def ref_name(ref: Any) -> str:
    """The name of the definition that a reference leads to."""
    return ref.rsplit("/", 1)[-1] if isinstance(ref, str) else ""


def mapping(value: Any) -> Dict[str, Any]:
    """The value, or an empty object in place of anything else."""
    return value if isinstance(value, dict) else {}
