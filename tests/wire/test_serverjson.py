"""Tests the JSON of `decoding.py`: what a server may send is bounded before it is built."""

from __future__ import annotations

import json
import sys
import time
import tracemalloc
from typing import Any, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradio_client_lite.errors import EventTooLarge, ProtocolError, ResponseTooLarge
from gradio_client_lite.wire import decoding
from gradio_client_lite.wire.decoding import count_values, read_first_json, read_json

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text('a\\"[{,: é\u2222\U0001f600'),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text('a\\",{', max_size=3), inner, max_size=4)
    ),
    max_leaves=30,
)


def values_in(content: Any) -> int:
    """The values of a content, one by one; names count, and empty lists and objects do twice."""
    if isinstance(content, dict):
        return 1 + len(content) + sum(map(values_in, content.values())) + (not content)
    if isinstance(content, list):
        return 1 + sum(map(values_in, content)) + (not content)
    return 1


@given(JSON, st.sampled_from([1, 2, 3, 7, 1 << 18]), st.booleans(), st.sampled_from([None, 1]))
def test_values_are_counted_without_building_them(
    content: Any, block: int, ascii_only: bool, indent: Any
) -> None:
    data = json.dumps(content, ensure_ascii=ascii_only, indent=indent).encode()
    before, decoding._BLOCK = decoding._BLOCK, block
    try:
        assert count_values(data, sys.maxsize) == values_in(content)
    finally:
        decoding._BLOCK = before


@given(JSON, st.data())
def test_of_what_is_no_json_as_much_is_counted_as_a_parser_builds(content: Any, data: Any) -> None:
    text = json.dumps(content).encode()
    cut = data.draw(st.integers(0, len(text)))
    broken = text[:cut] + data.draw(st.sampled_from([b"\\", b'\\"', b'\\\\"', b"x", b'"'])) + text[cut:]
    assert count_values(broken, sys.maxsize) >= count_values(text[:cut], sys.maxsize) - 1


@pytest.mark.parametrize("kind", [str, bytes])
@pytest.mark.parametrize(
    "text",
    ["[1, 2, 3, 4]", '{"a": 1, "b": 2}', "[[], []]", '["a,b,c,[{:", 1, 2, 3]', '["\\\\", "\\"", 1, 2]'],
)
def test_as_many_values_as_allowed_may_be_there(kind: Any, text: str) -> None:
    data = text if kind is str else text.encode()
    assert read_json(data, "The answer", 5) == json.loads(text)
    with pytest.raises(ResponseTooLarge, match="The answer holds more than 4 values"):
        read_json(data, "The answer", 4)


def test_no_limit_is_none() -> None:
    assert read_json(b"[1,2]", "The answer", None) == [1, 2]


def test_a_limit_of_the_callers_is_named() -> None:
    with pytest.raises(EventTooLarge, match=r"make the client with a larger Limits\(json_values=…\)"):
        read_json("[1,2,3]", "An event", 2, "json_values", EventTooLarge)


@pytest.mark.parametrize("item", ["[],", "{},", "0,", '"",', '{"":0},', "[", '{"a":'])
def test_too_many_values_are_refused_before_they_are_built(item: str) -> None:
    data = b"[" + item.encode() * 500_000 + b"0]"
    tracemalloc.start()
    try:
        with pytest.raises(ResponseTooLarge):
            read_json(data, "The answer", 100_000)
        assert tracemalloc.get_traced_memory()[1] < 20 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "data", [b"[1", b"x", b"", b"\xff\xfe[\x001\x00", '["a"]'.encode("utf-16"), "x", b'{"a"}']
)
def test_what_is_no_json_in_utf_8_is_a_protocol_error(data: Any) -> None:
    with pytest.raises(ProtocolError, match="The answer is not JSON"):
        read_json(data, "The answer", 100)


def test_a_byte_order_mark_is_skipped() -> None:
    assert read_json(b"\xef\xbb\xbf[1]", "The answer", 100) == [1]


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_json_that_is_nested_too_deeply_is_a_protocol_error(opening: str) -> None:
    with pytest.raises(ProtocolError, match="nested too deeply"):
        read_json(opening * 200_000, "The answer", None)


@pytest.fixture
def no_limit_of_digits() -> Iterator[None]:
    """Python as it was, and as a program may set it: it reads numbers of any length."""
    if not hasattr(sys, "set_int_max_str_digits"):
        yield
        return
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    yield
    sys.set_int_max_str_digits(before)


@pytest.mark.usefixtures("no_limit_of_digits")
def test_a_number_of_very_many_digits_is_refused_whatever_python_allows() -> None:
    with pytest.raises(ProtocolError):
        read_json("[" + "9" * 5000 + "]", "The answer", 100)
    with pytest.raises(ProtocolError):
        read_first_json("[" + "9" * 5000 + "]", "The answer", 100)
    assert read_json("[" + "9" * 4300 + "]", "The answer", 100) == [10**4300 - 1]
    assert read_json('["' + "9" * 5000 + '"]', "The answer", 100) == ["9" * 5000]


def test_a_number_of_very_many_digits_is_refused_by_default() -> None:
    with pytest.raises(ProtocolError):
        read_json("[" + "9" * 5000 + "]", "The answer", 100)


def test_the_first_value_of_a_text_is_read() -> None:
    assert read_first_json('{"a": [1]};</script>', "The config", 100) == {"a": [1]}
    with pytest.raises(ProtocolError, match="The config is not JSON"):
        read_first_json('{"a": [1;</script>', "The config", 100)
    with pytest.raises(ResponseTooLarge):
        read_first_json("[1,2,3,4,5,6];</script>", "The config", 5)


@pytest.mark.whole
@pytest.mark.parametrize("item", ["[],", '"a,b",', '"' + '\\"' * 50 + '",', '"' + "\\\\" * 50 + '",'])
def test_counting_twice_as_much_takes_no_more_than_twice_the_work(item: str) -> None:
    def spent(count: int) -> float:
        data, best = b"[" + item.encode() * count + b"0]", float("inf")
        for _ in range(5):
            began = time.process_time()
            count_values(data, sys.maxsize)
            best = min(best, time.process_time() - began)
        return best

    count = 6_000_000 // len(item)
    assert spent(2 * count) < 2.5 * spent(count)


def test_what_has_no_limit_is_read_whole() -> None:
    assert read_first_json("[1,2,3]; more", "The config", None) == [1, 2, 3]
    assert read_json("[1,2,3]", "The answer", None) == [1, 2, 3]
