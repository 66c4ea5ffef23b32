from __future__ import annotations

import json
from typing import Any, Dict, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradio_client_lite.errors import ArgumentError
from gradio_client_lite.wire.arguments import bind, encode_body, join_body, with_event_id


def parameter(name: str, *default: Any) -> Dict[str, Any]:
    described: Dict[str, Any] = {"parameter_name": name, "parameter_has_default": bool(default)}
    if default:
        described["parameter_default"] = default[0]
    return described


THREE = [parameter("a"), parameter("b"), parameter("c", 3)]


def test_positional_arguments_keep_their_order() -> None:
    assert bind(THREE, (1, 2, 9), {}) == [1, 2, 9]


def test_defaults_are_filled_in() -> None:
    assert bind(THREE, (1, 2), {}) == [1, 2, 3]


def test_named_arguments_find_their_place() -> None:
    assert bind(THREE, (), {"c": 30, "b": 20, "a": 10}) == [10, 20, 30]


def test_named_and_positional_arguments_mix() -> None:
    assert bind(THREE, (1,), {"b": 2}) == [1, 2, 3]


@pytest.mark.parametrize("default", [None, False, 0, "", []])
def test_falsy_default_is_a_default(default: Any) -> None:
    assert bind([parameter("a", default)], (), {}) == [default]


def test_none_given_by_the_caller_is_a_value() -> None:
    assert bind([parameter("a")], (None,), {}) == [None]
    assert bind([parameter("a")], (), {"a": None}) == [None]


def test_file_as_default_is_passed_through_untouched() -> None:
    file = {"path": "/srv/cat.png", "meta": {"_type": "gradio.FileData"}}
    assert bind([parameter("a", file)], (), {})[0] is file


def test_surplus_positional_arguments_pass_through() -> None:
    assert bind(THREE, (1, 2, 3, 4, 5), {}) == [1, 2, 3, 4, 5]


def test_surplus_arguments_of_an_endpoint_without_parameters_pass_through() -> None:
    assert bind([], (1,), {}) == [1]


def test_unknown_endpoint_takes_positional_arguments_as_they_are() -> None:
    assert bind(None, (1, 2), {}) == [1, 2]


def test_arguments_of_the_caller_are_left_alone() -> None:
    kwargs = {"b": 2}
    bind(THREE, (1,), kwargs)
    assert kwargs == {"b": 2}


@pytest.mark.parametrize(
    ("args", "kwargs", "text"),
    [
        ((1,), {}, "No value provided for required argument: b"),
        ((), {"b": 2}, "No value provided for required argument: a"),
        ((1,), {"d": 2}, "Parameter `d` is not a valid key-word argument."),
        ((1, 2), {"a": 2}, "Parameter `a` is already set as a positional argument."),
    ],
)
def test_wrong_arguments_are_named(args: Any, kwargs: Any, text: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        bind(THREE, args, kwargs)
    assert str(caught.value).startswith(text)


def test_wrong_arguments_are_type_errors() -> None:
    with pytest.raises(TypeError):
        bind(THREE, (), {})


def test_names_cannot_be_used_where_nothing_is_known_of_the_endpoint() -> None:
    with pytest.raises(ArgumentError, match="does not support key-word arguments"):
        bind(None, (), {"a": 1})


def test_missing_argument_without_a_name_is_named_by_its_place() -> None:
    with pytest.raises(ArgumentError, match="argument 1"):
        bind([parameter("a"), {"parameter_has_default": False}], (1,), {})


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), unique_by=lambda item: item[0]),
    st.lists(st.integers(), max_size=8),
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers()),
)
def test_binding_gives_every_declared_parameter_a_value_or_refuses(
    declared: List[Any], args: List[int], kwargs: Dict[str, int]
) -> None:
    parameters = [parameter(name, *([None] if optional else [])) for name, optional in declared]
    names = [name for name, _ in declared]
    required = {name for name, optional in declared if not optional}
    fits = set(kwargs) <= set(names[len(args) :]) and required - set(names[: len(args)]) <= set(kwargs)
    if not fits:
        with pytest.raises(ArgumentError):
            bind(parameters, tuple(args), kwargs)
        return
    bound = bind(parameters, tuple(args), kwargs)
    assert bound[: len(args)] == args
    assert bound[len(args) :] == [kwargs.get(name) for name in names[len(args) :]]


# --- bodies


def test_join_body_has_what_the_route_expects() -> None:
    assert join_body((1, "two"), 3, "hash", {}) == {"data": [1, "two"], "fn_index": 3, "session_hash": "hash"}


def test_event_id_joins_an_encoded_body() -> None:
    body = encode_body(join_body(["é"], 3, "hash", {}), "/echo")
    assert json.loads(with_event_id(body, 'e"1')) == {**json.loads(body), "event_id": 'e"1'}


def test_extra_fields_join_the_others() -> None:
    assert join_body([], 0, "hash", {"oauth_token": "t"})["oauth_token"] == "t"


def test_body_is_compact_utf8() -> None:
    assert encode_body({"data": ["é", 1]}, "/echo") == '{"data":["é",1]}'.encode()


def test_text_with_unusual_characters_survives() -> None:
    text = "a\u0085\u2028\x00\U0001f600\uffff\ue000"
    assert json.loads(encode_body({"data": [text]}, "/echo")) == {"data": [text]}


def test_both_halves_of_a_surrogate_pair_are_the_character_they_stand_for() -> None:
    assert json.loads(encode_body({"data": ["\ud83d\ude00"]}, "/echo")) == {"data": ["\U0001f600"]}


def test_half_a_surrogate_pair_in_a_field_is_refused_by_its_name() -> None:
    with pytest.raises(ArgumentError, match=r"^The `session_hash` of /echo holds half"):
        encode_body({"data": 1, "session_hash": "\ud83d"}, "/echo")
    with pytest.raises(ArgumentError, match=r"^The body of /echo holds half"):
        encode_body({"\ud83d": 1}, "/echo")


def test_half_a_surrogate_pair_is_refused_by_the_name_of_its_argument() -> None:
    with pytest.raises(ArgumentError, match=r"^The second of /echo holds half of a surrogate pair"):
        encode_body({"data": ["a", {"b": "\ud83d"}]}, "/echo", ["first", "second"].__getitem__)


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
