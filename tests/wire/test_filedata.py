from __future__ import annotations

import copy
import json
import sys
from typing import Any, Dict, List

import pytest
from app_of import CONFIG, FILE, component, dialect_for
from hypothesis import given
from hypothesis import strategies as st

from gradio_client_lite.wire.config import EndpointSpec, parse_config
from gradio_client_lite.wire.filedata import (
    EndpointFiles,
    argument_files,
    file_outputs,
    file_word,
    find_files,
    has_files,
    holding_outputs,
    holds_foreign,
    is_marked,
    mark_results,
    mentions,
    new_meta,
    survey,
    takes_files,
)
from gradio_client_lite.wire.messages import LARGE
from gradio_client_lite.wire.provenance import FileArgument, Origin, ResultFile, ResultPath, V3File


def file(path: str = "/x", **fields: Any) -> Dict[str, Any]:
    return {"path": path, "meta": new_meta(), **fields}


def marked(value: Any, index: int) -> bool:
    """An IsFile that takes every marked dict for a file."""
    return isinstance(value, dict) and is_marked(value)


def replaced(values: List[Any]) -> List[Any]:
    """The values with "F" in place of every file."""
    result, slots = find_files(values, marked)
    for slot in slots:
        slot.put("F")
    return result


def marks_files(version: str) -> bool:
    return dialect_for(version, "sse_v3").marks_files


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
    slots = find_files(values, marked)[1]
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
    assert survey([loop], marked) == (False, False)
    assert replaced([loop])[0][0] == 1


def test_what_several_values_share_is_searched_for_each() -> None:
    shared = [file()]
    assert has_files([shared, shared], lambda value, index: index == 1 and marked(value, index))


def test_values_can_be_left_out_of_a_search() -> None:
    values = [[file()], [file()]]
    assert not has_files(values, marked, among=())
    assert has_files(values, marked, among=[1])
    copied, slots = find_files(values, marked, among=[1])
    assert [slot.top for slot in slots] == [1]
    assert copied[0] is values[0]


def test_depth_has_no_limit() -> None:
    value: Any = file()
    for _ in range(100_000):
        value = [value]
    assert has_files([value], marked)
    assert len(find_files([value], marked)[1]) == 1
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
    assert has_files(values, marked) == (by_recursion(values) != values)


SPELLINGS = st.sampled_from([{}, {"indent": 1}, {"separators": (",", ":")}, {"ensure_ascii": False}])
WORDS = st.sampled_from(
    ["path", "_type", "meta", "gradio.FileData", "é", "\u2028", "a\\", '"path"', "\\u0070"]
)
WORDY = st.recursive(
    WORDS | st.integers() | st.just(file()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=10,
)


@given(st.lists(WORDY, max_size=3), SPELLINGS)
def test_a_text_that_mentions_no_file_holds_none(values: List[Any], spelling: Any) -> None:
    text = json.dumps(values, **spelling)
    for word in ("gradio.FileData", "path"):
        assert mentions(text, word) is mentions(text.encode(), word)
        assert mentions(text, word) or not has_files(values, marked)
        assert mentions(text, word) or f'"{word}"' not in text


def test_a_word_that_is_spelled_in_escapes_is_mentioned() -> None:
    for place, letter in enumerate("path"):
        text = f'{{"{"path"[:place]}\\u{ord(letter):04X}{"path"[place + 1 :]}": "/x"}}'
        assert json.loads(text) == {"path": "/x"}
        assert mentions(text, "path")
        assert mentions(text.encode(), "path")
    assert not mentions(json.dumps(["\u00e9\u2028\n\x00", "\\"]), "path")


@pytest.mark.parametrize(
    ("version", "expected"),
    [("6.31.0", "gradio.FileData"), ("4.21.0", "gradio.FileData"), ("4.19.2", "path")],
)
def test_what_results_with_files_mention(version: str, expected: str) -> None:
    assert file_word(endpoint(), marks_files=marks_files(version)) == expected


def test_rows_of_numbers_and_texts_are_not_visited() -> None:
    """Told by the calls of Python's own and of built-in functions, of which a value has none."""

    def calls(values: List[Any]) -> int:
        count = 0

        def note(frame: Any, kind: str, _: Any) -> None:
            nonlocal count
            count += kind in ("call", "c_call")

        sys.setprofile(note)
        try:
            assert not has_files(values, marked)
        finally:
            sys.setprofile(None)
        return count

    rows = [[1, "two", 3.0, None, True]] * 1000
    assert calls([rows]) < 4 * len(rows)
    assert calls([[row * 10 for row in rows]]) == calls([rows])
    assert calls([[{"a": 1, "b": 2}] * 1000]) < 6 * len(rows)  # no file without a path


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
    assert file_outputs(endpoint(), marks_files=marks_files(version))(value, index) is expected


def test_the_declared_type_is_read_from_the_config() -> None:
    config = {**CONFIG, "components": [component(n, "x", api_info=FILE) for n in (1, 2, 3)]}
    assert all(output.value_is_file for output in parse_config(config, "").endpoints[0].outputs)


# --- arguments


def kinds() -> Dict[str, Any]:
    """A value of each kind that is no ordinary one."""
    origin = Origin("http://host/", file())
    return {
        "given": FileArgument.of(file(), object()),
        "path": ResultPath("/x", origin),
        "file": ResultFile.of(file(), origin, None),
        "of_3": V3File.of(file(), "raw"),
    }


@pytest.mark.parametrize("kind", ["given", "path", "file", "of_3"])
@pytest.mark.parametrize("holds", [True, False])
def test_which_arguments_are_files(kind: str, holds: bool) -> None:
    """One of `handle_file` everywhere, as with the official client; a result where files can be."""
    is_file = argument_files(lambda index: holds)
    value = [{"deep": [kinds()[kind]]}]
    assert survey(value, is_file).files is (holds or kind == "given")
    assert len(find_files(value, is_file)[1]) == (holds or kind == "given")


@pytest.mark.parametrize(
    "value",
    [file(), "/x", {"path": "/x"}, OLD, FileArgument(file()), ResultFile(file()), [file()]],
)
def test_other_arguments_are_data(value: Any) -> None:
    assert not survey([value], argument_files(lambda index: True)).files


def test_which_arguments_may_hold_files() -> None:
    spec = endpoint()
    assert [takes_files(spec, index) for index in range(3)] == [True, False, True]
    assert holding_outputs(spec) == {0}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"api_info": FILE}, True),
        ({"api_info": {"type": "string"}}, False),
        ({"api_info": {"type": "string"}, "api_info_as_input": FILE}, True),
        ({}, True),
        ({"api_info": True}, True),
    ],
)
def test_a_component_that_declares_nothing_may_hold_files(fields: Any, expected: bool) -> None:
    config = {**CONFIG, "components": [component(1, "x", **fields)]}
    spec = parse_config(config, "").endpoints[0]
    assert spec.inputs[0].takes_files is expected
    assert spec.inputs[1].takes_files  # which the config does not list


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (file("/home/me/x.png"), True),
        ([{"files": [file("x")]}], True),
        (FileArgument(file()), True),
        (file("https://host/x.png"), False),
        ({"path": "/x"}, False),
        ("/x", False),
        *[(value, False) for value in kinds().values()],
    ],
)
def test_files_that_nobody_gave_are_told(value: Any, expected: bool) -> None:
    assert holds_foreign([1, value]) is expected
    assert survey([1, value], argument_files(lambda index: False)).foreign is expected


# --- results


def test_results_get_their_kind() -> None:
    served = file("/srv/x")
    values = [{"files": [served, file("s", is_stream=True)]}, file()]
    (first, second) = mark_results(values, marked, {0}, "http://host/", lambda: "home")
    one, stream = first["files"]
    assert (one, one.origin, one.file, one.home()) == (served, ("http://host/", served), served, "home")
    assert one.origin.given is served is not one
    assert stream.origin == ("http://host/", None)
    assert type(second) is dict
    assert type(values[0]["files"][0]) is dict  # type: ignore[index]


def test_results_without_files_are_left_alone() -> None:
    values = [{"path": "/x"}, file()]
    assert mark_results(values, marked, {0}, "http://host/", lambda: None) is values


# --- what is known of an endpoint's files


def known(**options: Any) -> EndpointFiles:
    is_file = lambda value, _: is_marked(value)  # noqa: E731
    return EndpointFiles(
        argument_files(lambda _: True), is_file, frozenset((0,)), "gradio.FileData", **options
    )


def marked_file() -> Dict[str, Any]:
    return {"path": "/tmp/a", "meta": new_meta()}


def test_arguments_that_take_another_form_count_as_files() -> None:
    file = FileArgument.of(marked_file(), "content")
    assert known().survey([file]).files
    assert not known().survey(["a"]).files
    assert known(reforms=lambda values: values == ["a"]).survey(["a"]).files


def test_values_whose_text_mentions_no_file_are_not_searched() -> None:
    file = marked_file()
    assert known().look([file], json.dumps(["a"])).files is False
    assert known().look([file], json.dumps([file])).files is True
    assert known().look([file]).files is True
    assert known().look([{"path": "a"}]).files is False


def test_a_long_text_that_mentions_a_file_is_searched_later() -> None:
    file = marked_file()
    assert known().look([file], json.dumps([file]) + " " * LARGE) == ([file], None)


def test_values_get_their_form_before_they_are_searched() -> None:
    found = known(decode=lambda values: [marked_file() for _ in values]).look(["a"], '["a"]')
    assert found == ([marked_file()], True)


def test_files_that_are_not_fetched_know_their_app() -> None:
    data, files = known(src="http://host/", home=lambda: None).look([marked_file()])
    assert files is False
    assert isinstance(data[0], ResultFile)
    assert data[0].origin == Origin("http://host/", marked_file())
