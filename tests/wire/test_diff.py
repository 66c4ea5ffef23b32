from __future__ import annotations

import copy
import json
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scaling import assert_linear

from gradio_client_lite.errors import ProtocolError
from gradio_client_lite.wire.diff import _Patch, apply_diff, are_edits, changes, replacements

RECORDED = json.loads((Path(__file__).parent / "samples" / "diffs.json").read_text("utf-8"))

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False)
    | st.text("ab\u2028é", max_size=4)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc1", max_size=2), inner, max_size=4)
    ),
    max_leaves=16,
)
seeds = st.integers(0, 2**32).map(Random)


def same(one: Any, other: Any) -> bool:
    """Equality that tells True from 1, as JSON does."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


# --- recorded from Gradio's own `diff`


@pytest.mark.parametrize("case", RECORDED, ids=range(len(RECORDED)))
def test_edits_recorded_from_gradio(case: Dict[str, Any]) -> None:
    before = copy.deepcopy(case["old"])
    assert same(apply_diff(case["old"], case["edits"]), case["new"])
    assert same(case["old"], before)


def test_enough_was_recorded() -> None:
    assert len(RECORDED) >= 30
    assert {case["gradio"] for case in RECORDED} == {"4.44.1", "6.31.0"}
    actions = {action for case in RECORDED for action, _, _ in case["edits"]}
    assert actions == {"replace", "append", "add", "delete"}


# --- each action


@pytest.mark.parametrize(
    ("old", "edit", "new"),
    [
        ("a", ["replace", [], {"b": 1}], {"b": 1}),
        ("a", ["append", [], "b"], "ab"),
        ([1], ["append", [], [2, 3]], [1, 2, 3]),
        ([1, 2], ["replace", [1], 3], [1, 3]),
        ([1, 2], ["replace", ["1"], 3], [1, 3]),
        (["a"], ["append", [0], "b"], ["ab"]),
        ([[1]], ["append", [0], [2]], [[1, 2]]),
        ([1, 3], ["add", [1], 2], [1, 2, 3]),
        ([1, 3], ["add", ["2"], 4], [1, 3, 4]),
        ([1, 2, 3], ["delete", [0], None], [2, 3]),
        ([1, 2, 3], ["delete", ["1"], None], [1, 3]),
        ([1, 2, 3], ["delete", [-1], None], [1, 2]),
        ({"a": "x"}, ["replace", ["a"], None], {"a": None}),
        ({"a": "x"}, ["append", ["a"], "y"], {"a": "xy"}),
        ({"a": 1}, ["add", ["b"], 2], {"a": 1, "b": 2}),
        ({"a": 1}, ["add", ["a"], 2], {"a": 2}),
        ({"a": 1, "b": 2}, ["delete", ["a"], None], {"b": 2}),
        ({"1": "x"}, ["append", [1], "y"], {"1": "xy"}),
        ({}, ["add", [1], "y"], {"1": "y"}),
        ({"a": [{"b": "x"}]}, ["append", ["a", 0, "b"], "y"], {"a": [{"b": "xy"}]}),
    ],
)
def test_one_edit(old: Any, edit: List[Any], new: Any) -> None:
    assert same(apply_diff(old, [edit]), new)


def test_no_edits_give_the_value_itself() -> None:
    value = {"a": [1]}
    assert apply_diff(value, []) is value


def test_edits_apply_in_order() -> None:
    edits = [
        ["append", ["a", 0], "1"],
        ["append", ["a", "0"], "2"],
        ["append", ["a", -1], "3"],
        ["add", ["a", 0], "new"],
        ["append", ["a", 1], "4"],
        ["replace", ["a", 0], "fresh"],
        ["append", ["a", 0], "!"],
        ["append", ["a"], ["end"]],
        ["append", ["a", 2], "."],
    ]
    assert apply_diff({"a": ["x"]}, edits) == {"a": ["fresh!", "x1234", "end."]}


def test_text_appended_to_what_is_then_removed_or_replaced_is_gone() -> None:
    edits = [["append", ["a"], "1"], ["delete", ["a"], None], ["add", ["a"], "2"], ["append", ["a"], "3"]]
    assert apply_diff({"a": "0"}, edits) == {"a": "23"}
    assert apply_diff({"a": "0"}, [["append", ["a"], "1"], ["add", ["a"], 5]]) == {"a": 5}
    assert apply_diff(["0"], [["append", [0], "1"], ["replace", [], "2"]]) == "2"


# --- sharing


def test_untouched_parts_are_shared_and_the_path_is_copied() -> None:
    old: Dict[str, Any] = {"left": {"deep": [1]}, "right": [{"x": 1}, {"text": "a"}]}
    new = apply_diff(old, [["append", ["right", 1, "text"], "b"]])
    assert new == {"left": {"deep": [1]}, "right": [{"x": 1}, {"text": "ab"}]}
    assert old == {"left": {"deep": [1]}, "right": [{"x": 1}, {"text": "a"}]}
    assert new["left"] is old["left"]
    assert new["right"][0] is old["right"][0]
    assert new is not old
    assert new["right"] is not old["right"]


def test_values_inside_edits_are_not_changed() -> None:
    edits = [["replace", [], {"a": ["x"]}], ["append", ["a", 0], "y"], ["append", ["a"], [1]]]
    before = copy.deepcopy(edits)
    assert apply_diff(None, edits) == {"a": ["xy", 1]}
    assert edits == before


def test_a_container_is_copied_once_however_many_edits_touch_it() -> None:
    copies: List[int] = []

    class Watched(list):  # type: ignore[type-arg]
        def copy(self) -> List[Any]:
            copies.append(len(self))
            return list(self)

    value = Watched(str(number) for number in range(100))
    edits = [["append", [number], "!"] for number in range(100)] + [["append", [], ["more"]]]
    assert apply_diff(value, edits)[:2] == ["0!", "1!"]
    assert copies == [100]


# --- Gradio's mistakes about deleted items


class Differ:
    """An edit generator of our own, with one Gradio version's way to number deleted items."""

    def __init__(self, version: str) -> None:
        self.version = version  # "4.44", "6.31", or "right"

    def edits(self, old: Any, new: Any, path: Tuple[Any, ...] = ()) -> List[Any]:
        if same(old, new):
            return []
        if isinstance(old, str) and isinstance(new, str) and new.startswith(old):
            return [["append", [*path], new[len(old) :]]]
        if isinstance(old, dict) and isinstance(new, dict):
            return self.dict_edits(old, new, path)
        if isinstance(old, list) and isinstance(new, list):
            return self.list_edits(old, new, path)
        return [["replace", [*path], new]]

    def dict_edits(self, old: Dict[str, Any], new: Dict[str, Any], path: Tuple[Any, ...]) -> List[Any]:
        edits: List[Any] = []
        for key in {**old, **new}:
            if key not in new:
                edits.append(["delete", [*path, key], None])
            elif key not in old:
                edits.append(["add", [*path, key], new[key]])
            else:
                edits += self.edits(old[key], new[key], (*path, key))
        return edits

    def list_edits(self, old: List[Any], new: List[Any], path: Tuple[Any, ...]) -> List[Any]:
        edits: List[Any] = []
        for index, (before, after) in enumerate(zip(old, new)):
            edits += self.edits(before, after, (*path, index))
        for index in range(len(new), len(old)):
            edits.append(["delete", [*path, len(new) if self.version == "right" else index], None])
        edits += [["add", [*path, index], new[index]] for index in range(len(old), len(new))]
        if self.version == "6.31":
            deletions = [edit for edit in edits if edit[0] == "delete" and isinstance(edit[1][-1], int)]
            for count, edit in enumerate(deletions):
                edit[1][-1] -= count
        return edits


def test_deletions_with_the_indexes_before_any_deletion() -> None:
    assert apply_diff([1, 2, 3, 4], [["delete", [2], None], ["delete", [3], None]]) == [1, 2]


def test_deletions_counted_twice_in_nested_lists() -> None:
    edits = [
        ["delete", [0, 1], None],
        ["delete", [0, 0], None],
        ["delete", [1, -1], None],
        ["delete", [1, -2], None],
    ]
    assert Differ("6.31").edits([[1, 2, 3], [4, 5, 6]], [[1], [4]]) == edits
    assert apply_diff([[1, 2, 3], [4, 5, 6]], edits) == [[1], [4]]


def test_deletions_in_the_middle_are_taken_at_their_word() -> None:
    edits = [["delete", [0], None], ["delete", [2], None], ["delete", ["k"], None]]
    assert apply_diff([1, 2, 3, 4, 5], edits[:2]) == [2, 3, 5]
    assert apply_diff({"k": 1, "l": [1, 2, 3]}, [edits[2], ["delete", ["l", 0], None]]) == {"l": [2, 3]}


@pytest.mark.whole
@settings(max_examples=200, deadline=None)
@given(values, values, seeds, st.sampled_from(["right", "4.44", "6.31"]))
def test_the_edits_between_two_values_lead_from_one_to_the_other(
    old: Any, other: Any, random: Random, version: str
) -> None:
    for new in (other, changed(old, random)):
        assert same(apply_diff(old, Differ(version).edits(old, new)), new)


def changed(value: Any, random: Random) -> Any:
    """A value that resembles another: longer texts, shorter and longer lists, other keys."""
    if isinstance(value, str):
        return value + random.choice(["", "x"])
    if isinstance(value, list):
        items = [changed(item, random) for item in value]
        return random.choice([items, items[: random.randint(0, len(items))], [*items, "new"]])
    if isinstance(value, dict):
        members = {key: changed(item, random) for key, item in value.items() if random.random() < 0.8}
        return random.choice([members, {**members, "new": 1}])
    return random.choice([value, value, 7])


# --- against a slow implementation


def slow_apply(value: Any, edit: List[Any]) -> Any:
    action, path, operand = copy.deepcopy(edit)
    holder = [copy.deepcopy(value)]
    container: Any = holder
    for step in [0, *path][:-1]:
        container = container[step]
    last = [0, *path][-1]
    if action == "replace":
        container[last] = operand
    elif action == "append":
        container[last] = container[last] + operand
    elif action == "delete":
        del container[last]
    elif isinstance(container, list):
        container.insert(last, operand)
    else:
        container[last] = operand
    return holder[0]


def places(value: Any, path: Tuple[Any, ...] = ()) -> Iterator[Tuple[Tuple[Any, ...], Any]]:
    yield path, value
    items = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def valid_edit(value: Any, random: Random) -> List[Any]:
    path, target = random.choice(list(places(value)))
    operand = random.choice(["t", [1, ["x"]], {"k": "v"}, 2])
    choices: List[List[Any]] = [["replace", list(path), operand]]
    if path:
        choices.append(["delete", list(path), None])
    if isinstance(target, str):
        choices += [["append", list(path), "more"]] * 6
    if isinstance(target, list):
        choices += [
            ["append", list(path), [3, "y"]],
            ["add", [*path, random.randint(0, len(target))], operand],
        ] * 3
    if isinstance(target, dict):
        choices += [["add", [*path, random.choice("abk")], operand]] * 2
    return random.choice(choices)


@pytest.mark.whole
@settings(max_examples=200, deadline=None)
@given(values, seeds, st.integers(1, 25))
def test_any_run_of_valid_edits_does_what_a_slow_implementation_does(
    value: Any, random: Random, count: int
) -> None:
    before = copy.deepcopy(value)
    expected = value
    edits = []
    for _ in range(count):
        edits.append(valid_edit(expected, random))
        expected = slow_apply(expected, edits[-1])
    copied = copy.deepcopy(edits)
    # Not by `apply_diff`, which may take the indexes of deletions for wrong ones.
    assert same(_Patch(value, count).apply(edits), expected)
    assert same(value, before)
    assert edits == copied


# --- what edit lists look like


@pytest.mark.parametrize(
    ("values", "whole"),
    [
        ([[["replace", [], "a"]]], ["a"]),
        ([[["replace", [], None]], [["replace", [], [1]]]], [None, [1]]),
        ([[["replace", [], "a"]], []], None),
        ([[["replace", ["k"], "a"]]], None),
        ([[["append", [], "a"]]], None),
        ([[["replace", [], "a"], ["append", [], "b"]]], None),
    ],
)
def test_edit_lists_are_told_from_values(values: Any, whole: Any) -> None:
    assert are_edits(values)
    assert replacements(values) == whole


@pytest.mark.parametrize(
    "values", [[], [[]], [""], [5], [[["other", [], 1]]], [[["add", []]]], [[["add"], 1, 2]]]
)
def test_values_are_told_from_edit_lists(values: Any) -> None:
    assert not are_edits(values)
    assert replacements(values) is None


# --- hostile edits


@pytest.mark.parametrize(
    "edits",
    [
        None,
        "append",
        {"a": 1},
        3,
        [None],
        ["abc"],
        [[]],
        [["replace", []]],
        [["replace", [], 1, 2]],
        [("replace", [], 1)],
    ],
)
def test_edits_of_the_wrong_shape(edits: Any) -> None:
    with pytest.raises(ProtocolError, match="edit"):
        apply_diff("a", edits)


@pytest.mark.parametrize(
    ("action", "path", "operand"),
    [
        ("destroy", ["a"], 1),
        (None, ["a"], 1),
        ([], ["a"], 1),
        ("append", "a", "x"),
        ("append", None, "x"),
        ("append", {"a": 1}, "x"),
        ("add", [], 1),
        ("delete", [], None),
        ("append", [], "x"),
        ("replace", ["missing"], 1),
        ("append", ["missing"], "x"),
        ("delete", ["missing"], None),
        ("replace", ["missing", "b"], 1),
        ("replace", ["l", 2], 1),
        ("replace", ["l", -3], 1),
        ("delete", ["l", 10**30], None),
        ("add", ["l", 3], 1),
        ("add", ["l", -1], 1),
        ("replace", ["l", True], 1),
        ("replace", ["l", 1.0], 1),
        ("replace", ["l", "x"], 1),
        ("replace", ["l", "\u0661"], 1),
        ("replace", ["l", "1" * 5000], 1),
        ("replace", ["l", None], 1),
        ("replace", ["l", [0]], 1),
        ("replace", [False], 1),
        ("replace", [10**5000], 1),
        ("replace", [["a"]], 1),
        ("replace", ["a", 0], "x"),
        ("replace", ["n", "real"], "x"),
        ("append", ["a"], 1),
        ("append", ["a"], ["x"]),
        ("append", ["l"], "x"),
        ("append", ["n"], 1),
        ("append", ["z"], "x"),
        ("append", ["a"], None),
    ],
)
def test_edit_that_does_not_apply(action: Any, path: Any, operand: Any) -> None:
    value = {"a": "text", "l": [0, 1], "n": 5, "z": None}
    before = copy.deepcopy(value)
    with pytest.raises(ProtocolError):
        apply_diff(value, [["append", ["a"], "!"], [action, path, operand]])
    assert value == before


def test_error_names_the_action_and_the_path() -> None:
    with pytest.raises(ProtocolError, match=r"'append' at \['a', 3\]: the index is out of range"):
        apply_diff({"a": [1]}, [["append", ["a", 3], "x"]])


anything = values | st.lists(st.integers() | st.text(max_size=3), max_size=3)
edit_like = st.tuples(
    st.sampled_from(["replace", "append", "add", "delete"]) | anything,
    st.lists(st.sampled_from([0, 1, -1, "0", "a", "b", True, 1.5, None, [], {}]), max_size=3) | anything,
    anything,
).map(list)


@pytest.mark.whole
@settings(max_examples=250, deadline=None)
@given(values, st.lists(edit_like | anything, max_size=5) | anything)
def test_only_protocol_errors_escape_and_the_value_never_changes(value: Any, edits: Any) -> None:
    before = copy.deepcopy(value)
    with suppress(ProtocolError):
        apply_diff(value, edits)
    assert same(value, before)


# --- many edits of one list


def front(count: int) -> List[Any]:
    return [["add", [0], number] for number in range(count)]


def backwards(count: int) -> List[Any]:
    return [*([["add", [number], number] for number in range(count)]), *([["add", [count], 0]] * count)]


def taken_from_the_front(count: int) -> List[Any]:
    return [["append", [], list(range(count))], *([["delete", [0], None]] * (count - 1))]


def changed_behind_the_gap(count: int) -> List[Any]:
    grown = [["add", [0], "a"] for _ in range(count)]
    return [*grown, *([["append", [count // 2 + place % 9], "b"] for place in range(count)])]


def grown_text_that_is_pushed_on(count: int) -> List[Any]:
    long = [["add", [0], "x" * 10 * count]]
    return [*long, *(edit for place in range(count) for edit in (["append", [place], "y"], ["add", [0], 1]))]


SHAPES = [front, backwards, taken_from_the_front, changed_behind_the_gap, grown_text_that_is_pushed_on]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_many_edits_of_a_list_do_what_a_slow_implementation_does(shape: Callable[[int], List[Any]]) -> None:
    expected: Any = []
    for edit in shape(40):
        expected = slow_apply(expected, edit)
    assert apply_diff([], shape(40)) == expected


@pytest.mark.whole
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_twice_as_many_edits_of_a_list_cost_twice_as_much(shape: Callable[[int], List[Any]]) -> None:
    assert_linear(lambda edits: apply_diff([], edits), shape, size=4_000)


@pytest.mark.whole
@pytest.mark.parametrize("action", ["add", "delete"])
def test_edits_all_over_a_long_list_are_refused(action: str) -> None:
    value = list(range(200_000))
    edits = [[action, [150_000 if number % 2 else 10], None] for number in range(50_000)]
    with pytest.raises(ProtocolError, match="takes too long"):
        apply_diff(value, edits)


def test_a_few_edits_anywhere_in_a_long_list_are_taken() -> None:
    value = list(range(1_000_000))
    changed_value = apply_diff(value, [["add", [0], "a"], ["delete", [500_000], None], ["add", [3], "b"]])
    assert (changed_value[:4], len(changed_value)) == (["a", 0, 1, "b"], 1_000_001)


def test_deep_values_do_not_exhaust_the_stack() -> None:
    value: Any = "x"
    for _ in range(5000):
        value = [value]
    new = apply_diff(value, [["append", [0] * 5000, "y"]])
    for _ in range(5000):
        new = new[0]
    assert new == "xy"


# --- edits that are made here, of values that servers send whole

JSON = st.recursive(
    st.sampled_from([None, True, 1, 1.0, 0.0, -0.0, float("nan"), "", "a", "ab", "abc"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=12,
)


@settings(max_examples=500, deadline=None)
@given(JSON, JSON)
def test_changes_lead_from_one_value_to_the_next(old: Any, new: Any) -> None:
    edits = changes(old, new)
    if edits is not None:
        assert repr(apply_diff(old, edits)) == repr(new)


@pytest.mark.parametrize(
    ("old", "new", "edits"),
    [
        ("a", "ab", [["append", [], "b"]]),
        ("a", "b", None),
        ([1, 2], [1, 2, 3], [["append", [], [3]]]),
        ([1, 2, 3, 4], [1, 2], [["delete", [2], None], ["delete", [2], None], ["append", [], []]]),
        ([1, 2, 3], [1, 2, 4], [["delete", [2], None], ["append", [], [4]]]),
        ([1] * 99, [1] * 50, None),
        ([1, 2], [True, 2], None),
        ([1, 2, 3], [4, 5, 6], None),
        ({"k": [1, 2]}, {"k": [1, 2, 3]}, [["append", ["k"], [3]]]),
        ({"k": 1, "l": [1]}, {"k": 2, "l": [1]}, [["replace", ["k"], 2]]),
        (dict.fromkeys(range(99), 1), dict.fromkeys(range(99), 2), None),
        ({"k": 1, "l": 2}, {"l": 2, "k": 1}, None),
        ({"k": 1}, {"k": 1}, []),
    ],
)
def test_changes_are_few_or_none(old: Any, new: Any, edits: Any) -> None:
    assert changes(old, new) == edits


def test_values_nested_too_deeply_are_kept_whole() -> None:
    old: Any = []
    new: Any = []
    for _ in range(100_000):
        old, new = [old], [new]
    assert changes(old, new) is None
