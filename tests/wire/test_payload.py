from __future__ import annotations

import json
from typing import Any, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradio_client_lite.errors import ArgumentError
from gradio_client_lite.wire.payload import encode_body, join_body, with_event_id


def test_join_body_has_what_the_route_expects() -> None:
    assert join_body((1, "two"), 3, "hash", {}) == {"data": [1, "two"], "fn_index": 3, "session_hash": "hash"}


def test_event_id_joins_an_encoded_body() -> None:
    body = encode_body(join_body(["é"], 3, "hash", {}), "/echo")
    assert json.loads(with_event_id(body, 'e"1')) == {**json.loads(body), "event_id": 'e"1'}


def test_extra_fields_join_the_others() -> None:
    assert join_body([], 0, "hash", {"oauth_token": "t"})["oauth_token"] == "t"


def test_body_is_compact_ascii() -> None:
    assert encode_body({"data": ["é", 1]}, "/echo") == b'{"data":["\\u00e9",1]}'


def test_text_with_unusual_characters_survives() -> None:
    text = "a\u0085\u2028\x00\U0001f600\ud800"
    assert json.loads(encode_body({"data": [text]}, "/echo")) == {"data": [text]}


def recursive_list() -> List[Any]:
    value: List[Any] = []
    value.append(value)
    return value


def deep_list() -> List[Any]:
    value: List[Any] = []
    for _ in range(200_000):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value", [object(), b"bytes", {1, 2}, {("a", "b"): 1}, recursive_list(), deep_list()]
)
def test_argument_that_is_no_json_is_refused(value: Any) -> None:
    with pytest.raises(ArgumentError, match="/echo"):
        encode_body({"data": [value]}, "/echo")


def test_refusal_keeps_its_cause() -> None:
    with pytest.raises(ArgumentError) as caught:
        encode_body({"data": [object()]}, "/echo")
    assert isinstance(caught.value.__cause__, TypeError)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_json_values_arrive_as_they_were(value: Any) -> None:
    assert json.loads(encode_body({"data": [value]}, "/echo")) == {"data": [value]}
