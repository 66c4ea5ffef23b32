from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gradio_client_lite.testing.execution import edits
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
    assert edits(value, copy.deepcopy(value)) == []


def test_text_that_grows_is_appended() -> None:
    assert edits({"a": ["x"]}, {"a": ["xy"]}) == [["append", ["a", 0], "y"]]


def test_items_that_go_are_all_deleted_at_one_place() -> None:
    assert edits([1, 2, 3], [1]) == [["delete", [1], None], ["delete", [1], None]]


def test_a_boolean_is_no_number() -> None:
    assert edits([1], [True]) == [["replace", [0], True]]
