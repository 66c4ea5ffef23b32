"""Tests the Python types of `schema.py`."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradio_client_lite.wire.schema import contains_file, json_schema_to_python_type, with_choices

SAMPLES = Path(__file__).parents[1] / "samples"
PYTHON_TYPES: dict[str, str] = json.loads((SAMPLES / "python_types.json").read_text(encoding="utf-8"))

FILE = {
    "type": "object",
    "properties": {
        "path": {"type": "string"},
        "meta": {"properties": {"_type": {"const": "gradio.FileData"}}},
    },
}
FILE_BY_DEFAULT = {
    "type": "object",
    "properties": {"path": {"type": "string"}, "meta": {"default": {"_type": "gradio.FileData"}}},
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
names = ["$ref", "$defs", "A", "description", "path", "meta", "_type", "default"]
shapes = ["type", "properties", "items", "prefixItems", "additionalProperties"]
choices = ["const", "enum", "oneOf", "anyOf", "allOf"]
keywords = st.sampled_from([*names, *shapes, *choices])
words = st.sampled_from(["object", "array", "string", "gradio.FileData", "#/$defs/A", "A", "json"])
schemas = st.recursive(
    json_values | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keywords, inner, max_size=5),
    max_leaves=25,
)


@cache
def info(release: str) -> Any:
    return json.loads((SAMPLES / release / "info.json").read_text(encoding="utf-8"))


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "array", "items": schema}
    return schema


@pytest.mark.parametrize("place", PYTHON_TYPES)
def test_recorded_schemas_read_as_the_official_client_writes_them(place: str) -> None:
    release, endpoint, kind, index = place.split()
    schema = info(release)["named_endpoints"][endpoint][kind][int(index)]["type"]
    # Which writes choices that are numbers as texts.
    assert json_schema_to_python_type(schema).replace("[1, 2]", "['1', '2']") == PYTHON_TYPES[place]


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({}, "Any"),
        ({"type": "integer"}, "int"),
        ({"type": "number"}, "float"),
        ({"type": "null"}, "None"),
        ({"const": "text"}, "Literal[text]"),
        ({"const": "1"}, "Literal['1']"),
        ({"const": 1}, "Literal[1]"),
        ({"enum": ["it's", 1], "type": "string"}, "Literal['it's', 1]"),
        (
            {"enum": [1, "1", 2.5, True, None, {"a": [1]}, ["b"], "ü", "a', 'b", "a\nb", "a\\nb"]},
            "Literal[1, '1', 2.5, True, None, {'a': [1]}, ['b'], 'ü', \"a', 'b\", 'a\\nb', 'a\\\\nb']",
        ),
        ({"type": {}, "description": "any valid json"}, "str | float | bool | list | dict"),
        ({"description": "any valid json"}, "str | float | bool | list | dict"),
        ({"description": "anything"}, "Any"),
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, "str | None"),
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "All[str, int]"),
        ({"type": "array", "prefixItems": [{"type": "string"}, {}]}, "tuple[str, Any]"),
        ({"type": "array", "items": {"prefixItems": [{"type": "string"}]}}, "tuple[str]"),
        (
            {"type": "object", "properties": {"a": {"type": "string", "description": "why"}}},
            "dict(a: str (why))",
        ),
        ({"type": "object", "additionalProperties": True}, "dict(str, Any)"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "dict(str, int)"),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"type": "boolean"}}}, "bool"),
        ({"type": "array", "items": FILE}, "list[filepath]"),
        (FILE_BY_DEFAULT, "filepath"),
    ],
)
def test_every_kind_of_schema(schema: Any, text: str) -> None:
    assert json_schema_to_python_type(schema) == text


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (True, "Any"),
        (False, "Any"),
        (None, "Any"),
        ("string", "Any"),
        ({"type": "of a later draft"}, "Any"),
        ({"type": 3}, "Any"),
        ({"type": ["string", "null"]}, "str | None"),
        ({"type": []}, "Any"),
        ({"type": "array"}, "list[Any]"),
        ({"type": "array", "items": True}, "list[Any]"),
        ({"type": "array", "items": False}, "list[Any]"),
        ({"type": "array", "prefixItems": 3}, "tuple[]"),
        ({"type": "object", "additionalProperties": False}, "dict()"),
        ({"type": "object", "properties": {"a": True}}, "dict(a: Any)"),
        ({"type": "object", "properties": []}, "dict()"),
        ({"$ref": "#/$defs/missing"}, "Any"),
        ({"$ref": 3}, "Any"),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}, "Any"),
        (
            {"$ref": "#/$defs/A", "$defs": {"A": {"type": "array", "items": {"$ref": "#/$defs/A"}}}},
            "list[Any]",
        ),
        ({"oneOf": 3}, "Any"),
        ({"enum": 3}, "Literal[]"),
    ],
)
def test_what_the_official_client_fails_on_reads_any(schema: Any, text: str) -> None:
    assert json_schema_to_python_type(schema) == text


def test_schemas_too_deep_to_follow_end_in_any() -> None:
    assert "Any" not in json_schema_to_python_type(nested(30))
    assert "Any" in json_schema_to_python_type(nested(300))


def test_definitions_that_double_at_every_step_do_not_take_for_ever() -> None:
    doubling: dict[str, Any] = {
        str(step): {"allOf": [{"$ref": f"#/$defs/{step + 1}"}, {"$ref": f"#/$defs/{step + 1}"}]}
        for step in range(60)
    }
    schema = {"$ref": "#/$defs/0", "$defs": doubling}
    assert len(json_schema_to_python_type(schema)) < 1_000_000


def test_long_definitions_that_are_named_often_do_not_fill_the_memory() -> None:
    names = {str(number): {"$ref": "#/$defs/long"} for number in range(5000)}
    schema = {"type": "object", "properties": names, "$defs": {"long": {"enum": ["x" * 20_000]}}}
    text = json_schema_to_python_type(schema)
    assert "4999: Any" in text
    assert len(text) < 2_000_000


def test_type_that_is_listed_often_counts_once() -> None:
    schema = {"type": ["object", "null"] * 5000, "properties": {str(number): {} for number in range(1000)}}
    assert json_schema_to_python_type(schema).count("999: Any") == 1


@settings(deadline=None)
@given(schemas)
def test_any_json_has_an_answer(schema: Any) -> None:
    assert isinstance(json_schema_to_python_type(schema), str)
    assert contains_file(schema) in (True, False)


@pytest.mark.parametrize(
    ("written", "schema", "type_"),
    [
        ("Literal['1', '2']", {"enum": [1, 2]}, "Literal[1, 2]"),
        ("list[Literal['1', 'a']]", {"items": {"enum": [1, "a"]}}, "list[Literal[1, 'a']]"),
        ("Literal['a']", {"enum": ["a"]}, "Literal['a']"),
        ("str", {"enum": [1]}, "str"),
        ("str", None, "str"),
    ],
)
def test_choices_that_a_server_writes_as_texts_are_written_as_what_they_are(
    written: str, schema: Any, type_: str
) -> None:
    assert with_choices(written, schema) == type_


def test_choices_that_are_too_deep_are_no_error() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert with_choices("Literal['a']", {"enum": [deep]}) == "Literal['a']"
    assert json_schema_to_python_type({"const": deep}) == "Literal[list]"
