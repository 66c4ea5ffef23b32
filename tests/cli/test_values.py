"""Tests `values.py`; tests/apps/test_cli_values.py has every component of Gradio 6.31."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradio_client_lite.cli.values import adapt, arguments, convert
from gradio_client_lite.errors import ArgumentError, InvalidFile, InvalidValue, UsageError

ROOT = Path(__file__).parents[2]
FILE: Dict[str, Any] = {
    "type": "object",
    "properties": {
        "path": {"type": "string"},
        "meta": {"type": "object", "properties": {"_type": {"const": "gradio.FileData"}}},
    },
}
NULL, STRING, NUMBER = {"type": "null"}, {"type": "string"}, {"type": "number"}
CHOICES = {"type": "string", "enum": ["a", "1", 1, 2.5, None, True]}
DEEP: Dict[str, Any] = {
    "$defs": {"a": {"type": "array", "items": {"$ref": "#/$defs/a"}}},
    "$ref": "#/$defs/a",
}


def parameter(schema: Any, **more: Any) -> Dict[str, Any]:
    return {"parameter_name": "it", "type": schema, **more}


def is_file(value: Any, path: Any) -> bool:
    return (
        isinstance(value, dict) and value["path"] == str(path) and value["meta"]["_type"] == "gradio.FileData"
    )


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "photo.png").write_bytes(b"photo")
    monkeypatch.chdir(tmp_path)
    return "photo.png"


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        (STRING, "1e5", "1e5"),
        (STRING, "null", "null"),
        (STRING, "@home", "@home"),
        (STRING, "", ""),
        (CHOICES, "1", "1"),
        (CHOICES, "2.5", 2.5),
        (CHOICES, "null", None),
        (CHOICES, "true", True),
        ({"type": "string", "enum": []}, "free", "free"),  # filled while the app runs
        ({"enum": ["a"]}, "null", None),
        ({"const": "only"}, "only", "only"),
        (NUMBER, "1e5", 100000.0),
        (NUMBER, "7", 7),
        (NUMBER, "-0.5", -0.5),
        (NUMBER, "null", None),
        ({"type": "integer"}, "7", 7),
        ({"type": "integer"}, "1e3", 1000),
        ({"type": "boolean"}, "True", True),
        ({"type": "boolean"}, "FALSE", False),
        ({"type": "array", "items": STRING}, '["a", "b"]', ["a", "b"]),
        ({"type": "array", "items": STRING}, "a", ["a"]),
        ({"type": "array", "items": NUMBER}, "3", [3]),
        ({"type": "array"}, "a", ["a"]),
        ({"type": "object"}, '{"a": 1}', {"a": 1}),
        ({"properties": {"a": NUMBER}}, '{"a": "as it is"}', {"a": "as it is"}),
        ({}, "1e5", 100000.0),
        ({}, "text", "text"),
        ({}, "NaN", "NaN"),
        ({}, "1e999", "1e999"),
        ({"type": {}}, '"1"', "1"),
        (True, "[1]", [1]),
        (None, "text", "text"),
        ({"type": ["string", "null"]}, "null", None),
        ({"type": ["string", "null"]}, "text", "text"),
        ({"anyOf": [STRING, NUMBER]}, "3", 3),
        ({"anyOf": [NUMBER, {"type": "boolean"}]}, "1", 1),
        ({"oneOf": [{"type": "array", "items": STRING}, STRING]}, "[", "["),
        ({"oneOf": [{"type": "array", "items": STRING}, STRING]}, '["a"]', ["a"]),
        ({"allOf": [{"$ref": "#/$defs/n"}], "$defs": {"n": NUMBER}}, "3", 3),
        ({"$ref": "#/$defs/gone"}, "text", "text"),
        ({"type": "new in Gradio 9"}, "3", 3),
        ({"anyOf": [FILE, NULL]}, "null", None),
        (FILE, '{"path": "/tmp/of/the/server", "meta": {}}', {"path": "/tmp/of/the/server", "meta": {}}),
    ],
    ids=lambda given: str(given)[:50],
)
def test_a_text_is_read_by_the_type(schema: Any, text: str, value: Any) -> None:
    converted = convert(parameter(schema), text)
    assert (type(converted), converted) == (type(value), value)


@pytest.mark.parametrize(
    ("schema", "text", "type_"),
    [
        (CHOICES, "b", "Literal['a', '1', 1, 2.5, None, True]"),
        (NUMBER, "nan", "float"),
        (NUMBER, "1e999", "float"),
        (NUMBER, "true", "float"),
        ({"type": "boolean"}, "1", "bool"),
        (NUMBER, "9" * 5000, "float"),
        ({"type": "integer"}, "1.5", "int"),
        ({"type": "boolean"}, "maybe", "bool"),
        (NULL, "nothing", "None"),
        ({"type": "array", "items": NUMBER}, "a", "list[float]"),
        ({"type": "array", "items": STRING}, '["a"', "list[str]"),
        ({"type": "array", "prefixItems": [STRING, NUMBER]}, "a", "tuple[str, float]"),
        ({"type": "object", "properties": {"a": STRING}}, "a", "dict(a: str)"),
        ({"type": "object", "properties": {"text": NUMBER}}, "a", "dict(text: float)"),
        (DEEP, "a", "list[Any]"),
    ],
    ids=lambda given: str(given)[:50],
)
def test_an_error_names_parameter_type_and_value(schema: Any, text: str, type_: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        convert(parameter(schema), text)
    assert str(caught.value).startswith(f"Parameter `it` takes {type_}; '{text[:40]}")
    assert str(caught.value).endswith(" Write it as JSON.") == type_.startswith(("list", "tuple", "dict"))
    assert len(str(caught.value)) < 600


def test_other_values_than_the_choices_are_texts_where_the_component_takes_them() -> None:
    free = parameter({"type": "array", "items": CHOICES}, allow_custom_value=True)
    assert convert(free, "new") == ["new"]
    assert convert(free, "2.5") == [2.5]


@pytest.mark.parametrize(
    "branching",
    [
        {"properties": {key: {"$ref": "a"} for key in ("text", "files", "image")}},
        {"anyOf": [{"items": {"$ref": "a"}, "type": "array"}] * 9},
    ],
)
def test_an_app_whose_type_branches_at_every_level_holds_nobody_up(branching: Dict[str, Any]) -> None:
    with pytest.raises(InvalidValue):
        convert(parameter({**branching, "$defs": {"a": branching}}), "a")


def test_a_path_is_a_file_where_the_parameter_is_one(photo: str) -> None:
    assert is_file(convert(parameter(FILE), photo), photo)
    assert is_file(convert(parameter({"anyOf": [NULL, FILE]}), photo), photo)
    assert is_file(convert(parameter({"type": "array", "items": FILE}), photo)[0], photo)
    assert convert(parameter({"anyOf": [FILE, STRING]}), photo) == photo
    assert convert(parameter({}), photo) == photo


def test_a_url_is_a_file_for_the_server_to_fetch() -> None:
    assert convert(parameter(FILE), "http://127.0.0.1/a.png")["url"] == "http://127.0.0.1/a.png"


def test_old_releases_declare_files_without_a_mark(photo: str) -> None:
    fields = ("path", "url", "size", "orig_name", "mime_type")
    assert is_file(convert(parameter({"properties": dict.fromkeys(fields, STRING)}), photo), photo)


def test_a_missing_file_is_told_with_its_parameter(photo: str) -> None:
    with pytest.raises(InvalidFile, match="Parameter `it` takes a file: File nowhere does not exist"):
        convert(parameter(FILE), "nowhere")


def test_the_main_part_of_an_object_stands_for_it(photo: str) -> None:
    message = parameter({"properties": {"text": STRING, "files": {"type": "array", "items": FILE}}})
    assert convert(message, "hi") == {"text": "hi", "files": []}
    (sent,) = arguments([message], ["@photo.png"])
    assert sent["text"] == ""
    assert is_file(sent["files"][0], photo)
    video = parameter({"properties": {"subtitles": {"anyOf": [FILE, NULL]}, "video": FILE}})
    assert convert(video, photo)["subtitles"] is None
    assert is_file(convert(video, photo)["video"], photo)
    # Of the alternatives of a gallery's items, the first that has such a part.
    gallery = parameter({"items": {"anyOf": [NULL, {"properties": {"image": FILE}}]}, "type": "array"})
    assert is_file(convert(gallery, photo)[0]["image"], photo)


def test_paths_in_json_are_files_where_their_place_is_one(photo: str) -> None:
    part = {"type": "object", "properties": {"image": FILE, "name": STRING}}
    pair = {"type": "array", "prefixItems": [FILE, STRING], "items": FILE}
    (given_,) = adapt(
        parameter({"type": "array", "items": part}), [{"image": photo, "name": photo, "new": photo}]
    )
    assert is_file(given_["image"], photo)
    assert (given_["name"], given_["new"]) == (photo, photo)
    first, second, third = adapt(parameter(pair), [photo, photo, photo])
    assert is_file(first, photo)
    assert second == photo
    assert is_file(third, photo)


def test_what_json_says_of_a_file_or_of_no_array_stays() -> None:
    of_the_server = {"path": "/tmp/a", "meta": {"_type": "gradio.FileData"}}
    assert adapt(parameter(FILE), of_the_server) is of_the_server
    assert adapt(parameter(FILE), 3) == 3
    assert adapt(parameter(NUMBER), ["a"]) == ["a"]


def test_a_value_deeper_than_any_type_stays() -> None:
    deep: Any = "a"
    for _ in range(200):
        deep = [deep]
    assert adapt(parameter(DEEP), deep) == deep


PARAMETERS = [
    {"parameter_name": "headers", "type": STRING},
    {"parameter_name": "many", "type": {"type": "array", "items": STRING}, "parameter_has_default": True},
    {"parameter_name": "file", "type": {}, "parameter_has_default": True, "parameter_default": 0},
]


@pytest.mark.parametrize(
    ("words", "whole", "values"),
    [
        (["a"], None, ["a", None, 0]),
        (["headers=a"], None, ["a", None, 0]),  # a name that `predict` has for itself
        (['many=["3", "4"]', "a"], None, ["a", ["3", "4"], 0]),
        (["x = 1"], None, ["x = 1", None, 0]),
        (["http://host/?a=b"], None, ["http://host/?a=b", None, 0]),
        (["@@a"], '{"many": ["b"]}', ["@a", ["b"], 0]),
        ([], '["a", ["b"], {"c": 1}]', ["a", ["b"], {"c": 1}]),
        (["file=1"], '["a"]', ["a", None, 1]),
    ],
)
def test_words_are_bound_to_parameters(words: List[str], whole: Optional[str], values: List[Any]) -> None:
    assert arguments(PARAMETERS, words, whole) == values


@pytest.mark.parametrize(
    ("words", "whole", "part"),
    [
        (["file=1"], None, "required argument: headers"),
        (["a", "haeders=b"], None, "There is no parameter `haeders`; there are headers, many, file."),
        (["a", "b", "c", "d"], None, "4 values were given"),
        (["a"], '["b", "c", "d"]', "4 values were given"),
        ([], '{"haeders": 1}', "There is no parameter `haeders`"),
        (["headers=a"], '{"headers": 1}', "Parameter `headers` is given twice. A list is given as JSON."),
        (["headers=a", "headers=b"], None, "`headers` is given twice"),
    ],
)
def test_words_that_no_parameter_takes_are_refused(words: List[str], whole: Optional[str], part: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(part)):
        arguments(PARAMETERS, words, whole)


def test_without_a_description_words_are_json_or_text_in_order() -> None:
    assert arguments(None, ["1", "a"], "[null]") == [1, "a", None]
    with pytest.raises(ArgumentError, match="There is no parameter `a`; there are none"):
        arguments(None, ["a=1"])


def test_at_forces_a_file(photo: str) -> None:
    name, value = arguments([PARAMETERS[0], PARAMETERS[2]], [f"@{photo}", f"file=@{photo}"])
    assert is_file(name, photo)
    assert is_file(value, photo)


NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "enum", "const", "items", "prefixItems", "properties", "anyOf", "$ref", "$defs"]
            )
            | st.text(max_size=3),
            inner | st.sampled_from(["string", "array", "object", "#/$defs/a", ["null", "number"]]),
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(st.sampled_from(["parameter_name", "type", "python_type", "label"]), NESTED), st.text()
)
def test_whatever_an_app_declares_only_documented_errors_come(described: Dict[str, Any], text: str) -> None:
    with suppress(UsageError):
        convert(described, text)
    with suppress(UsageError):
        arguments([described], [text])


@given(NESTED, NESTED)
def test_whatever_an_app_declares_json_passes(schema: Any, value: Any) -> None:
    with suppress(InvalidFile):
        assert json.dumps(adapt(parameter(schema), value)) == json.dumps(value)
