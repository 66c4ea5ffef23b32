from __future__ import annotations

import copy
from typing import Any, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradio_client_lite.errors import ProtocolError
from gradio_client_lite.utils import helpers as official
from gradio_client_lite.utils.helpers import ServerMessage
from gradio_client_lite.wire import diff

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_traversing_without_a_match_copies(value: Any) -> None:
    before = copy.deepcopy(value)
    assert official.traverse(value, lambda _: "never", lambda _: False) == value == before


@given(JSON)
def test_every_string_is_found_once_and_in_order(value: Any) -> None:
    def strings(value: Any) -> List[str]:
        if isinstance(value, str):
            return [value]
        items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return [text for item in items for text in strings(item)]

    found: List[str] = []
    official.traverse(value, found.append, lambda item: isinstance(item, str))
    assert found == strings(value)


def test_what_was_picked_is_not_searched() -> None:
    value = {"a": {"a": {}}}
    assert official.traverse(value, len, lambda item: item == value["a"]) == {"a": 1}


def test_diff_gives_a_value_that_shares_nothing() -> None:
    value, added = {"kept": [1], "text": "a"}, [2]
    result = official.apply_diff(value, [("append", ["text"], "b"), ["add", ["more"], added]])
    assert result == {"kept": [1], "text": "ab", "more": [2]}
    result["kept"].append(3)
    result["more"].append(3)
    assert (value, added) == ({"kept": [1], "text": "a"}, [2])
    assert value == diff.apply_diff(value, [])


def test_diff_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(ProtocolError):
        official.apply_diff([1], [["replace", ["a"], 2]])


@pytest.mark.parametrize("value", [{"path": "x", "meta": "no mapping"}, {"path": None, "meta": {}}, [], None])
def test_no_file_is_no_error(value: Any) -> None:
    assert not official.is_file_obj_with_meta(value)


def test_message_names_compare_as_text() -> None:
    assert ServerMessage("log") == "log"
    assert {ServerMessage.heartbeat: 1}["heartbeat"] == 1
