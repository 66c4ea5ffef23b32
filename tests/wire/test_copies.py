from __future__ import annotations

import copy
import json
import marshal
import pickle
from typing import Any, Dict, List

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradio_client_lite.wire import copies as module
from gradio_client_lite.wire.copies import LONG, Copies, copy_json
from gradio_client_lite.wire.filedata import find_files, is_marked, new_meta
from gradio_client_lite.wire.lifecycle import OutputLog


def messages(count: int) -> List[Any]:
    return [{"content": [{"text": f"message {number}"}]} for number in range(count)]


def file(name: str = "a", **fields: Any) -> Dict[str, Any]:
    return {"path": name, "meta": new_meta(), **fields}


def marked(value: Any, _: int) -> bool:
    return is_marked(value)


def wreck(value: Any) -> None:
    """Change all that can be changed."""
    for item in list(value.values() if isinstance(value, dict) else value):
        if isinstance(item, (list, dict)):
            wreck(item)
    value.clear()


@pytest.mark.parametrize("size", [1, LONG - 1, LONG, LONG + 1])
def test_lists_of_any_length_are_plain_ones(size: int) -> None:
    value = {"chat": messages(size)}
    copied = Copies().of([value]).data[0]["chat"]
    assert type(copied) is list
    assert copied == value["chat"]
    # What reads a list in C, past its methods, or asks for its exact type.
    for given_ in (copied, copy.copy(copied), copy.deepcopy(copied), pickle.loads(pickle.dumps(copied))):
        assert marshal.dumps(given_, 2) == marshal.dumps(value["chat"], 2)
        assert json.dumps([*given_]) == json.dumps(value["chat"])


@pytest.mark.parametrize("size", [LONG - 1, LONG])
def test_no_change_in_a_copy_reaches_the_value(size: int) -> None:
    value = [messages(size), {"a": [{"b": {}}]}, "text", None]
    expected = copy.deepcopy(value)
    copies = Copies()
    for _ in range(2):
        wreck(copies.of(value).data)
        assert value == expected


def test_short_lists_are_copied_each_time() -> None:
    value, copies = [messages(LONG - 1)], Copies()
    first = copies.of(value)
    second = copies.of(value)
    assert first.data[0][0] is not second.data[0][0]
    wreck(first.data)
    assert second.data == value


def test_of_long_lists_the_lists_alone_are_copied_each_time() -> None:
    value, copies = [{"chat": messages(LONG)}], Copies()
    first, second = copies.of(value).data[0]["chat"], copies.of(value).data[0]["chat"]
    assert first is not second
    assert first[0] is second[0] is not value[0]["chat"][0]
    first.clear()
    second.append("mine")
    assert copies.of(value).data == value


CHANGES = ["grow", "shrink", "replace", "insert", "cut", "other", "scalar"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(0, 8)), min_size=1, max_size=8))
def test_copies_are_equal_whatever_has_changed(changes: List[Any]) -> None:
    chat, copies, taken = messages(8), Copies(), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "LONG", 8)
        for kind, place in changes:
            chat, new = list(chat), {"content": [kind, {}]}
            if kind == "grow":
                chat += messages(place)
            elif kind == "shrink":
                del chat[place + 4 :]
            elif kind == "replace":
                chat[place:] = [new, *chat[place + 1 :]]
            elif kind == "insert":
                chat.insert(place, new)
            elif kind == "cut":
                del chat[place : place + 1]
            elif kind == "other":
                chat = messages(8)
            else:
                chat[:1] = [place]
            value = [chat, {"more": messages(8)}, [chat]]
            taken.append((copies.of(value).data, copy.deepcopy(value)))
    for data, expected in taken:
        assert data == expected


# --- files


def test_files_are_found_wherever_they_are() -> None:
    values = [
        file("0"),
        [file("1"), *messages(LONG), {"deep": [[file("2")]]}],
        {"path": "data", "x": file("3")},
        [file("not searched")],
    ]
    taken = Copies().of(values, marked, {0, 1, 2})
    assert taken.files
    for slot in taken.slots:
        slot.put(slot.file["path"])
    assert taken.data == [
        "0",
        ["1", *messages(LONG), {"deep": [["2"]]}],
        {"path": "data", "x": "3"},
        [file("not searched")],
    ]
    assert sorted(slot.top for slot in taken.slots) == [0, 1, 1, 2]


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.sampled_from([1, "path", None]) | st.builds(file),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xy"), inner, max_size=2),
        max_leaves=10,
    )
)
def test_the_files_are_those_that_find_files_finds(value: Any) -> None:
    taken = Copies().of([value], marked)
    copied, slots = find_files([value], marked)
    assert len(taken.slots) == len(slots)
    for slot in [*taken.slots, *slots]:
        slot.put("file")
    assert taken.data == copied


def test_of_long_lists_new_items_alone_are_searched() -> None:
    chat: List[Any] = [*messages(LONG), {"content": file("old")}]
    copies = Copies()
    taken = copies.of([chat], marked)
    taken.slots[0].put("old here")
    copies.keep(taken)
    taken = copies.of([[*chat, file("new")]], marked)
    assert [slot.file["path"] for slot in taken.slots] == ["new"]
    assert taken.data[0][LONG] == {"content": "old here"}


def test_what_was_not_fetched_is_looked_for_again() -> None:
    chat, copies = [*messages(LONG), file()], Copies()
    assert copies.of([chat], marked).files
    assert copies.of([chat], marked).files


def test_parts_of_a_stream_are_looked_for_in_each_value() -> None:
    chat, copies = [*messages(LONG), file(is_stream=True)], Copies()
    for _ in range(2):
        taken = copies.of([chat], marked)
        assert taken.files
        taken.slots[0].put("part")
        copies.keep(taken)


def test_each_file_of_a_growing_chat_is_looked_at_once() -> None:
    log, looked = OutputLog(), []
    log.append([messages(LONG)], diff=False)
    for number in range(LONG, LONG + 50):
        message = {"content": [{"text": "text"}, file(str(number))]}
        log.append([[["add", [number], message]]], diff=True)

    def note(value: Any, _: int) -> bool:
        looked.append(value["path"])
        return is_marked(value)

    cursor = log.cursor()
    for _ in range(51):
        taken = cursor.take(note)
        for slot in taken.slots:
            slot.put("here")
        cursor.copies.keep(taken)
    assert looked == [str(number) for number in range(LONG, LONG + 50)]
    assert taken.data[0][LONG:] == [{"content": [{"text": "text"}, "here"]}] * 50


def test_copy_of_a_very_deep_value() -> None:
    value: Any = []
    for _ in range(50_000):
        value = [value]
    copied = Copies().of([value], marked).data[0]
    assert copy_json(value) is not value
    for _ in range(50_000):
        copied = copied[0]
    assert copied == []
