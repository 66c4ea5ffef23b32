from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradio_client_lite.testing.values import edits, encode, plain
from gradio_client_lite.wire.diff import apply_diff

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(0.5, 2) | st.text(max_size=4)
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=4),
    max_leaves=12,
)


@given(_JSON, _JSON)
def test_applying_the_edits_gives_the_new_value(old: Any, new: Any) -> None:
    made = apply_diff(old, edits(old, new))
    assert json.dumps(made, sort_keys=True) == json.dumps(new, sort_keys=True)


@given(_JSON)
def test_equal_values_need_no_edits(value: Any) -> None:
    assert edits(value, plain(value)) == []


def test_text_that_grows_is_appended() -> None:
    assert edits({"a": ["x"]}, {"a": ["xy"]}) == [["append", ["a", 0], "y"]]


def test_items_that_go_are_all_deleted_at_one_place() -> None:
    assert edits([1, 2, 3], [1]) == [["delete", [1], None], ["delete", [1], None]]


def test_a_boolean_is_no_number() -> None:
    assert edits([1], [True]) == [["replace", [0], True]]


def test_plain_shares_nothing_with_the_value() -> None:
    value = {"items": [1]}
    copy = plain(value)
    value["items"].append(2)
    assert copy == {"items": [1]}


def test_plain_turns_tuples_into_lists_and_nan_into_none() -> None:
    assert plain((1, math.nan, {"x": math.inf})) == [1, None, {"x": None}]


def test_plain_gives_the_text_of_what_json_does_not_know() -> None:
    assert plain({"number": 1 + 2j}) == {"number": "(1+2j)"}


def test_plain_refuses_a_value_that_contains_itself() -> None:
    value: Any = []
    value.append(value)
    with pytest.raises(ValueError, match="Circular"):
        plain(value)


def test_encode_leaves_line_separators_as_they_are() -> None:
    assert encode("\x85\u2028") == b'"\xc2\x85\xe2\x80\xa8"'


def test_encode_escapes_half_surrogates() -> None:
    assert json.loads(encode("\ud800")) == "\ud800"
