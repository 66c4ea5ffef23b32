"""Tests the types of `source.py`."""

from __future__ import annotations

from typing import Any

import pytest

from gradio_client_lite.typed.source import accepts, members, union

from .descriptions import FILE, STRING, fields, laughing

NUMBER = {"type": "number"}
OLD_FILE = {
    "type": "object",
    "properties": dict.fromkeys(["path", "url", "size", "orig_name", "mime_type"], STRING),
}


def written(schema: Any, *, given: bool = False) -> str:
    return union(members(schema, given=given))


@pytest.mark.parametrize(
    ("schema", "result", "argument"),
    [
        (STRING, "str", "str"),
        ({"type": "integer"}, "int", "int"),
        (NUMBER, "float", "float"),
        ({"type": "boolean"}, "bool", "bool"),
        ({"type": "null"}, "None", "None"),
        ({"type": ["string", "null", "integer"]}, "str | int | None", "str | int | None"),
        ({"type": {}}, "Any", "Any"),
        ({"type": "nonsense"}, "Any", "Any"),
        (None, "Any", "Any"),
        (True, "Any", "Any"),
        (FILE, "SavedFile", "File"),
        (OLD_FILE, "SavedFile", "File"),
        ({"anyOf": [FILE, {"type": "null"}]}, "SavedFile | None", "File | None"),
        ({"oneOf": [STRING, NUMBER, STRING]}, "str | float", "str | float"),
        ({"anyOf": [STRING, {}]}, "Any", "Any"),
        ({"anyOf": []}, "Any", "Any"),
        ({"type": "array", "items": FILE}, "list[SavedFile]", "Sequence[File]"),
        ({"type": "array", "items": NUMBER}, "list[float]", "Sequence[float]"),
        ({"type": "array", "items": STRING}, "list[str]", "list[str]"),
        ({"type": "array"}, "list[Any]", "list[Any]"),
        ({"prefixItems": [STRING, NUMBER]}, "list[str | float]", "list[str | float]"),
        ({"type": "object", "additionalProperties": NUMBER}, "dict[str, float]", "Mapping[str, float]"),
        ({"type": "object"}, "dict[str, Any]", "Mapping[str, Any]"),
        (fields(""), "dict[str, Any]", "Mapping[str, Any]"),
        ({"const": "a"}, "Literal['a']", "Literal['a']"),
        ({"enum": ["a", 1, True, None]}, "Literal['a', 1, True] | None", "Literal['a', 1, True] | None"),
        ({"enum": [1.5, "a"]}, "Literal['a'] | float", "Literal['a'] | float"),
        ({"enum": ["x" * 201, 1]}, "str | int", "str | int"),
        ({"enum": [str(number) for number in range(201)]}, "str", "str"),
        ({"enum": [["a"]]}, "Any", "Any"),
        ({"enum": []}, "Any", "Any"),
        ({"$ref": "#/$defs/a", "$defs": {"a": STRING}}, "str", "str"),
        ({"$ref": "#/$defs/b", "$defs": {"a": STRING}}, "Any", "Any"),
    ],
)
def test_a_schema_as_a_result_and_as_an_argument(schema: Any, result: str, argument: str) -> None:
    assert written(schema) == result
    assert written(schema, given=True) == argument


def test_the_fields_of_an_object_are_no_types() -> None:
    assert written(fields("a", "b")) == "dict[str, Any]"
    assert written({"type": "array", "items": fields("a")}, given=True) == "Sequence[Mapping[str, Any]]"
    assert written({**fields("a"), "additionalProperties": STRING}) == "dict[str, Any]"


def test_a_definition_in_itself_is_any() -> None:
    schema = {"$ref": "#/$defs/a", "$defs": {"a": {"type": "array", "items": {"$ref": "#/$defs/a"}}}}
    assert written(schema) == "list[Any]"


def test_a_schema_that_would_grow_without_end_is_cut() -> None:
    assert len(written(laughing(18))) < 100_000
    assert len(written(laughing(60))) < 100_000


def test_what_is_nested_very_deep_is_any() -> None:
    schema: Any = STRING
    for _ in range(1000):
        schema = {"type": "array", "items": schema}
    assert written(schema).count("list[") == 65


@pytest.mark.parametrize(
    ("schema", "value", "fits"),
    [
        (STRING, "a", True),
        (STRING, 1, False),
        (NUMBER, 1, True),
        (NUMBER, 1.5, True),
        ({"type": "integer"}, 1.5, False),
        ({"type": "integer"}, True, False),
        ({"enum": ["a", 1]}, 1, True),
        ({"enum": ["a", 1]}, "b", False),
        ({"enum": ["a", 1]}, True, False),
        ({}, "a", True),
    ],
)
def test_which_literals_a_type_accepts(schema: Any, value: Any, fits: bool) -> None:
    assert accepts(members(schema, given=True), value) is fits
