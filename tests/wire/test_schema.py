from __future__ import annotations

from typing import Any

import pytest

from gradio_client_lite.wire.schema import contains_file

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
FILE_BEFORE_4_20 = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("path", "url", "size", "orig_name", "mime_type")},
}


@pytest.mark.parametrize(
    "schema",
    [
        FILE,
        FILE_BY_DEFAULT,
        FILE_BEFORE_4_20,
        {"type": "array", "items": FILE},
        {"anyOf": [{"type": "null"}, FILE]},
        {"$ref": "#/$defs/A", "$defs": {"A": FILE}},
        {
            "type": "object",
            "properties": {"path": {}, "meta": {"$ref": "#/$defs/Meta"}},
            "$defs": {"Meta": {"properties": {"_type": {"const": "gradio.FileData"}}}},
        },
        {
            "$ref": "#/$defs/Node",
            "$defs": {"Node": {"properties": {"next": {"$ref": "#/$defs/Node"}, "file": FILE}}},
        },
    ],
)
def test_schemas_with_a_file_somewhere(schema: Any) -> None:
    assert contains_file(schema)


@pytest.mark.parametrize(
    "schema",
    [
        None,
        {},
        True,
        {"type": "string"},
        {"type": "object", "properties": {"path": {"type": "string"}}},
        {"properties": {"path": {}, "meta": {"properties": {"_type": {"const": "something else"}}}}},
        {"properties": {"path": {}, "meta": {"default": "gradio.FileData"}}},
        {"$ref": "#/$defs/missing"},
        {"type": "string", "$defs": {"Unused": FILE}},
    ],
)
def test_schemas_without_a_file(schema: Any) -> None:
    assert not contains_file(schema)


def test_files_too_deep_to_follow_are_none() -> None:
    schema: dict[str, Any] = FILE
    for _ in range(300):
        schema = {"type": "array", "items": schema}
    assert not contains_file(schema)


def test_definitions_that_double_at_every_step_do_not_take_for_ever() -> None:
    doubling: dict[str, Any] = {
        str(step): {"allOf": [{"$ref": f"#/$defs/{step + 1}"}, {"$ref": f"#/$defs/{step + 1}"}]}
        for step in range(60)
    }
    schema = {"$ref": "#/$defs/0", "$defs": doubling}
    assert not contains_file(schema)
