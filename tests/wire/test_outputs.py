"""Tests the output log of `lifecycle.py`."""

from __future__ import annotations

import copy
import json
import threading
import tracemalloc
from random import Random
from typing import Any, List

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradio_client_lite.errors import ProtocolError
from gradio_client_lite.wire.copies import copy_json
from gradio_client_lite.wire.lifecycle import OutputLog


def appended(text: str) -> List[Any]:
    return [[["append", [], text]]]


def growing(count: int) -> OutputLog:
    log = OutputLog()
    log.append([""], diff=False)
    for number in range(1, count):
        log.append(appended(f"{number} "), diff=True)
    return log


def wreck(value: Any) -> None:
    """Change all that can be changed."""
    items = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    for item in list(items):
        wreck(item)
    if isinstance(value, (list, dict)):
        value.clear()


# --- what the entries are


def test_new_log_is_empty() -> None:
    log = OutputLog()
    assert len(log) == 0
    assert log.values() == []
    assert list(log.cursor()) == []


def test_edit_lists_apply_to_the_previous_value_of_their_output() -> None:
    log = OutputLog()
    log.append(["a", [1]], diff=False)
    log.append([[["append", [], "b"]], [["add", [1], 2]]], diff=True)
    log.append([[], [["replace", [0], 9]]], diff=True)
    assert log.values() == [["a", [1]], ["ab", [1, 2]], ["ab", [9, 2]]]


def test_outputs_without_an_edit_list_stay() -> None:
    log = OutputLog()
    log.append(["a", "b"], diff=False)
    log.append(appended("!"), diff=True)
    log.append([], diff=True)
    assert log.values() == [["a", "b"], ["a!", "b"], ["a!", "b"]]


def test_output_that_was_not_there_before_starts_from_none() -> None:
    log = OutputLog()
    log.append(["a"], diff=False)
    log.append([[], [["replace", [], "new"]], []], diff=True)
    assert log.values() == [["a"], ["a", "new", None]]


def test_log_may_begin_with_edit_lists() -> None:
    log = OutputLog()
    log.append([[["replace", [], "a"]]], diff=True)
    assert log.values() == [["a"]]


def test_full_entry_replaces_everything() -> None:
    log = OutputLog()
    log.append(["a", "b"], diff=False)
    log.append([1], diff=False)
    log.append([[["replace", [], 2]]], diff=True)
    assert log.values() == [["a", "b"], [1], [2]]


# --- reading


def test_cursor_goes_on_where_it_stopped() -> None:
    log = OutputLog()
    cursor = log.cursor()
    assert list(cursor) == []
    log.append(["a"], diff=False)
    assert list(cursor) == [["a"]]
    assert list(cursor) == []
    log.append(appended("b"), diff=True)
    assert next(cursor) == ["ab"]


def test_cursors_do_not_disturb_each_other() -> None:
    log = growing(3)
    one, other = log.cursor(), log.cursor()
    assert [next(one), next(one), next(other), next(one), next(other)] == [
        *([""], ["1 "], [""], ["1 2 "], ["1 "]),
    ]


# --- a value handed out is the caller's own


def test_changing_what_was_handed_out_changes_nothing_else() -> None:
    log = OutputLog()
    log.append([[{"content": "a", "more": [1]}], {"k": {"x": [1]}}], diff=False)
    log.append([[["append", [0, "content"], "b"]]], diff=True)
    log.append([[["add", [1], {"content": ["new"]}]]], diff=True)
    log.append([[], [["replace", ["k", "x", 0], {"deep": []}]]], diff=True)
    expected = copy.deepcopy(log.values())
    cursor = log.cursor()
    for position in range(4):
        value = next(cursor)
        assert value == expected[position]
        wreck(value)
        wreck(log.values())
    assert log.values() == expected


def test_values_kept_by_the_caller_stay_as_they_were() -> None:
    log = OutputLog()
    log.append([["a"]], diff=False)
    cursor = log.cursor()
    first = next(cursor)
    log.append([[["append", [0], "b"], ["add", [1], "c"]]], diff=True)
    last = next(cursor)
    log.append([[["replace", [0], "z"]]], diff=True)
    assert list(cursor) == [[["z", "c"]]]
    assert first == [["a"]]
    assert last == [["ab", "c"]]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32).map(Random), st.integers(1, 15))
def test_every_way_of_reading_agrees_with_a_list_of_values(random: Random, count: int) -> None:
    log = OutputLog()
    cursor = log.cursor()
    expected: List[Any] = []
    seen: List[Any] = []
    for number in range(count):
        if number == 0 or random.random() < 0.2:
            value: List[Any] = ["", [{"text": ""}]]
            log.append(copy.deepcopy(value), diff=False)
        else:
            value = copy.deepcopy(expected[-1])
            text = str(number)
            if random.random() < 0.5:
                value[0] += text
                edits: List[Any] = [[["append", [], text]]]
            else:
                value[1][-1]["text"] += text
                value[1].append({"text": text})
                size = len(value[1])
                edits = [[], [["append", [size - 2, "text"], text], ["add", [size - 1], {"text": text}]]]
            log.append(edits, diff=True)
        expected.append(value)
        action = random.randrange(3)
        if action == 0:
            latest = log.values()
            assert latest == expected
            wreck(latest)
        elif action == 1:
            for item in cursor:
                seen.append(copy.deepcopy(item))
                wreck(item)
            assert seen == expected
    assert log.values() == expected


# --- bad input


@pytest.mark.parametrize("values", [None, "text", {"a": 1}, 3])
@pytest.mark.parametrize("diff", [False, True])
def test_entry_that_is_not_a_list_is_refused(values: Any, diff: bool) -> None:
    with pytest.raises(ProtocolError):
        OutputLog().append(values, diff=diff)


@pytest.mark.parametrize("edits", [None, "ab", {}, [1], [[]], [["replace", []]]])
def test_edit_list_of_the_wrong_shape_is_refused_at_once(edits: Any) -> None:
    log = OutputLog()
    with pytest.raises(ProtocolError):
        log.append([[], edits], diff=True)
    assert len(log) == 0


def test_entries_before_a_diff_that_does_not_apply_stay_readable() -> None:
    log = growing(3)
    log.append([[["delete", ["x"], None]]], diff=True)
    log.append(appended("never"), diff=True)
    cursor = log.cursor()
    assert [next(cursor) for _ in range(3)] == [[""], ["1 "], ["1 2 "]]
    for _ in range(2):
        with pytest.raises(ProtocolError, match="'delete'"):
            next(cursor)
    with pytest.raises(ProtocolError):
        log.values()


# --- memory and threads


@pytest.mark.whole
def test_memory_grows_with_what_was_received() -> None:
    tracemalloc.start()
    try:
        log = OutputLog()
        log.append([""], diff=False)
        for number in range(20_000):
            log.append(appended(f"{number:050d}"), diff=True)
        cursor = log.cursor()
        for value in cursor:
            last = value
        assert len(last[0]) == 1_000_000
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used < 25_000_000


def test_edits_of_a_text_in_a_chat_take_little() -> None:
    edits = [json.dumps([[["append", [1, "content", 0, "text"], f"{number}"]]]) for number in range(5000)]
    log = OutputLog()
    log.append([[{}, {"content": [{"text": ""}]}]], diff=False)
    tracemalloc.start()
    try:
        for text in edits:
            log.append(json.loads(text), diff=True)
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used / len(edits) < 550
    texts = (values[0][1]["content"][0]["text"] for values in log.cursor())
    assert list(texts) == ["".join(map(str, range(count))) for count in range(5001)]


def test_one_thread_appends_while_others_read() -> None:
    log = OutputLog()
    count = 2000
    wrong: List[Any] = []

    def read() -> None:
        cursor, seen = log.cursor(), 0
        while seen < count:
            for value in cursor:
                seen += 1
                if value != ["x" * seen]:
                    wrong.append(value)
                    return

    readers = [threading.Thread(target=read, daemon=True) for _ in range(3)]
    for reader in readers:
        reader.start()
    log.append(["x"], diff=False)
    for _ in range(count - 1):
        log.append(appended("x"), diff=True)
    for reader in readers:
        reader.join(30)
    assert not any(reader.is_alive() for reader in readers)
    assert wrong == []


# --- copies


def test_copy_has_its_own_containers_and_shares_the_rest() -> None:
    text = "long" * 100
    value = {"a": [text, {"b": []}], "c": None}
    copied = copy_json(value)
    assert copied == value
    assert copied["a"][0] is text
    wreck(copied)
    assert value == {"a": [text, {"b": []}], "c": None}


@pytest.mark.parametrize("value", [None, True, 1.5, "text"])
def test_copy_of_a_plain_value_is_that_value(value: Any) -> None:
    assert copy_json(value) is value


def test_copy_of_a_very_deep_value() -> None:
    value: Any = []
    for _ in range(50_000):
        value = [value]
    copied = copy_json(value)
    depth = 0
    while copied:
        copied = copied[0]
        depth += 1
    assert depth == 50_000


# --- values that are sent whole each time


def rows(count: int) -> List[Any]:
    return [{"id": number, "name": f"row {number}", "score": number / 7} for number in range(count)]


@pytest.mark.parametrize("replacing", [False, True])
def test_values_sent_whole_share_what_is_equal(replacing: bool) -> None:
    tracemalloc.start()
    try:
        log = OutputLog()
        log.append([rows(1)], diff=False)
        for number in range(2, 400):
            value = rows(number)
            log.append([[["replace", [], value]]] if replacing else [value], diff=replacing)
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used < 1_000_000
    assert log.values() == [[rows(number)] for number in range(1, 400)]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_values_are_what_was_sent_in_whichever_way(data: st.DataObject) -> None:
    log, expected = OutputLog(), []
    lengths = st.integers(0, 3)
    values: List[Any] = [rows(3), "text", {"k": [1]}]
    for _ in range(data.draw(st.integers(1, 8))):
        values = copy.deepcopy(values)
        kind = data.draw(st.sampled_from(["grow", "alter", "shrink", "number", "fewer", "edit"]))
        diff = bool(expected) and data.draw(st.booleans())
        if kind == "edit" and expected and len(values) == 3:
            values[0].append(1)
            log.append([[["append", [], [1]]], [], []], diff=True)
            expected.append(values)
            continue
        if len(values) < 3:
            values = [rows(3), "text", {"k": [1]}]
            diff = False
        if kind == "grow":
            values[0] += rows(data.draw(lengths))
            values[1] += "more"
        elif kind == "alter" and values[0]:
            values[0][-1] = {"id": data.draw(st.sampled_from([1, 1.0, True, -0.0, 0]))}
        elif kind == "shrink":
            del values[0][data.draw(lengths) :]
        elif kind == "number":
            values[2]["k"][0] = data.draw(st.sampled_from([1, 1.0, True, 0.0, -0.0]))
        elif kind == "fewer":
            values, diff = values[:1], False
        sent = copy.deepcopy(values)
        log.append([[["replace", [], value]] for value in sent] if diff else sent, diff=diff)
        expected.append(values)
    assert repr(log.values()) == repr(expected)


def test_output_that_fewer_values_left_out_begins_anew() -> None:
    log = OutputLog()
    log.append([[1], [1, 2]], diff=False)
    log.append([[1]], diff=False)
    log.append([[], [["replace", [], [1, 2, 3]]]], diff=True)
    log.append([[1], [1, 2, 3, 4]], diff=False)
    assert log.values() == [[[1], [1, 2]], [[1]], [[1], [1, 2, 3]], [[1], [1, 2, 3, 4]]]


def test_values_nested_too_deeply_to_be_measured_count_whole() -> None:
    deep: Any = []
    for _ in range(10_000):
        deep = [deep]
    log = OutputLog()
    log.append([[1]], diff=False)
    log.append([[1, deep]], diff=False)
    assert log.shared == float("inf")
