from __future__ import annotations

import copy
from typing import Any, Dict, List

import pytest
from app_of import CONFIG, FILE, component
from hypothesis import given
from hypothesis import strategies as st

from gradio_client_lite.wire.config import EndpointSpec, parse_config
from gradio_client_lite.wire.filedata import (
    file_outputs,
    find_files,
    has_files,
    is_marked,
    marked_only,
    new_meta,
)
from gradio_client_lite.wire.version import Version


def file(path: str = "/x", **fields: Any) -> Dict[str, Any]:
    return {"path": path, "meta": new_meta(), **fields}


def replaced(values: List[Any]) -> List[Any]:
    """The values with "F" in place of every file."""
    result, slots = find_files(values, marked_only)
    for slot in slots:
        slot.put("F")
    return result


def endpoint() -> EndpointSpec:
    return parse_config(CONFIG, "http://host/").endpoints[0]


@pytest.mark.parametrize(
    "value",
    [
        {"path": "/x"},
        {"path": "/x", "meta": None},
        {"path": "/x", "meta": "gradio.FileData"},
        {"path": "/x", "meta": {}},
        {"path": "/x", "meta": {"_type": "other"}},
        {"path": None, "meta": new_meta()},
        {"meta": new_meta()},
    ],
)
def test_json_with_a_path_is_data(value: Dict[str, Any]) -> None:
    assert not is_marked(value)


def test_files_are_found_at_any_depth() -> None:
    message = {"role": "user", "content": [{"type": "file", "file": file()}, "text"]}
    assert replaced([file(), 1, [file(), (file(),)], message]) == [
        "F",
        1,
        ["F", ["F"]],
        {"role": "user", "content": [{"type": "file", "file": "F"}, "text"]},
    ]


def test_slots_are_in_order_and_know_their_argument() -> None:
    values = [{"a": file("1"), "b": [file("2"), file("3")]}, "no", file("4")]
    slots = find_files(values, marked_only)[1]
    assert [(slot.file["path"], slot.top) for slot in slots] == [("1", 0), ("2", 0), ("3", 0), ("4", 2)]


def test_the_values_themselves_are_not_changed() -> None:
    values = [[{"a": file()}], file()]
    before = copy.deepcopy(values)
    replaced(values)
    assert values == before


def test_a_file_within_a_file_is_part_of_it() -> None:
    assert replaced([file(inner=file())]) == ["F"]


def test_the_same_object_in_two_places_is_replaced_in_both() -> None:
    shared = [file()]
    assert replaced([shared, {"again": shared}]) == [["F"], {"again": ["F"]}]
    assert replaced([{"one": shared, "two": shared}]) == [{"one": ["F"], "two": ["F"]}]


def test_a_value_that_holds_itself_does_not_hang() -> None:
    loop: List[Any] = [1]
    loop.append(loop)
    assert not has_files([loop], marked_only)
    assert replaced([loop])[0][0] == 1


def test_depth_has_no_limit() -> None:
    value: Any = file()
    for _ in range(100_000):
        value = [value]
    assert has_files([value], marked_only)
    assert len(find_files([value], marked_only)[1]) == 1
    while isinstance(value, list):  # taken apart by hand: freeing it would recurse
        value = value.pop()


JSON = st.recursive(
    st.none()
    | st.integers()
    | st.text(max_size=3)
    | st.just({"path": "/x", "meta": {"_type": "gradio.FileData"}}),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=20,
)


def by_recursion(value: Any) -> Any:
    if isinstance(value, dict):
        return "F" if is_marked(value) else {key: by_recursion(item) for key, item in value.items()}
    return [by_recursion(item) for item in value] if isinstance(value, list) else value


@given(st.lists(JSON, max_size=3))
def test_any_json_is_searched_whole(values: List[Any]) -> None:
    assert replaced(values) == by_recursion(values)
    assert has_files(values, marked_only) == (by_recursion(values) != values)


OLD = {"path": "/x", "url": None, "size": None, "orig_name": "x", "mime_type": None}


@pytest.mark.parametrize(
    ("version", "value", "index", "expected"),
    [
        ("6.31.0", file(), 0, True),
        ("6.31.0", file(), 1, True),  # the mark counts in any component
        ("6.31.0", file(), 2, False),  # but not in one whose value is dropped
        ("6.31.0", OLD, 0, False),
        ("4.21.0", OLD, 0, False),
        ("4.19.2", OLD, 0, True),
        ("4.16.0", OLD, 0, True),
        ("4.16.0", {"path": "a/1/2", "is_stream": True}, 0, True),
        ("4.16.0", {"path": "/x", "other": 1}, 0, False),
        ("4.16.0", OLD, 1, False),  # declared as JSON
        ("4.16.0", file(), 1, True),
        ("4.16.0", OLD, 7, False),
    ],
)
def test_which_outputs_are_files(version: str, value: Dict[str, Any], index: int, expected: bool) -> None:
    assert file_outputs(endpoint(), Version.parse(version))(value, index) is expected


def test_the_declared_type_is_read_from_the_config() -> None:
    config = {**CONFIG, "components": [component(n, "x", api_info=FILE) for n in (1, 2, 3)]}
    assert all(output.value_is_file for output in parse_config(config, "").endpoints[0].outputs)
