from __future__ import annotations

import asyncio
import functools
import logging
import math
from typing import Any, AsyncIterator, Dict, Iterator, List, Tuple

import pytest

from gradio_client_lite.errors import ArgumentError
from gradio_client_lite.testing import info, progress, warning
from gradio_client_lite.testing.functions import (
    Function,
    ServedFunction,
    number_functions,
    plain,
    public_name,
    reporting,
)


def served(fn: Any) -> ServedFunction:
    return number_functions({"/f": fn})[0]


def test_endpoints_are_numbered_in_order() -> None:
    endpoints = number_functions({"/a": str.upper, "/b": str.lower})
    assert [(index, endpoint.api_name) for index, endpoint in endpoints.items()] == [(0, "a"), (1, "b")]


def test_a_parameter_keeps_its_default_as_plain_value() -> None:
    def fn(a: int, b: Tuple[int, ...] = (1, 2)) -> int:
        return a

    first, second = served(fn).parameters
    assert (first.name, first.has_default, first.default) == ("a", False, None)
    assert (second.name, second.has_default, second.default) == ("b", True, [1, 2])


def test_keyword_only_parameters_are_passed_by_name() -> None:
    def fn(a: int, *, b: int) -> Any:
        return [a, b]

    assert served(fn).call([1, 2]) == [[1, 2]]


def test_surplus_inputs_are_dropped() -> None:
    assert served(lambda a: a).call([1, 2]) == [1]


def test_a_function_of_any_number_of_inputs_gets_them_all() -> None:
    assert served(lambda *args: args).call([1, 2]) == [[1, 2]]


def test_a_builtin_without_a_signature_gets_all_inputs() -> None:
    assert served(max).call([1, 3, 2]) == [3]


def test_a_missing_input_fails_the_call() -> None:
    with pytest.raises(ValueError, match=r"needed: 1, got: 0"):
        served(lambda a: a).call([])


def test_a_tuple_annotation_means_several_outputs() -> None:
    def fn() -> Tuple[int, str]:
        return 1, "a"

    endpoint = served(fn)
    assert endpoint.outputs == ({"type": "integer"}, {"type": "string"})
    assert endpoint.call([]) == [1, "a"]


def test_without_an_annotation_a_tuple_is_one_output() -> None:
    assert served(lambda: (1, 2)).call([]) == [[1, 2]]


def test_the_number_of_outputs_can_be_stated() -> None:
    endpoint = served(Function(lambda: (1, 2), outputs=2))
    assert endpoint.outputs == ({}, {})
    assert endpoint.call([]) == [1, 2]


def test_too_few_outputs_fail_the_call() -> None:
    with pytest.raises(ValueError, match="gives 3 values, but returned 2"):
        served(Function(lambda: (1, 2), outputs=3)).call([])


def test_a_function_that_returns_none_by_annotation_has_no_output() -> None:
    def fn() -> None:
        return None

    assert served(fn).call([]) == []


def test_a_partial_keeps_the_annotations_of_its_function() -> None:
    def fn(a: int, b: str) -> str:
        return f"{a}{b}"

    endpoint = served(functools.partial(fn, 1))
    assert [(one.name, one.schema) for one in endpoint.parameters] == [("b", {"type": "string"})]
    assert endpoint.call(["x"]) == ["1x"]


def test_a_callable_object_is_described_by_its_call() -> None:
    class Repeat:
        def __call__(self, text: str) -> Iterator[str]:
            yield text
            yield text

    endpoint = served(Repeat())
    assert endpoint.generator
    assert [parameter.schema for parameter in endpoint.parameters] == [{"type": "string"}]
    assert list(endpoint.iterate(["a"])) == [["a"], ["a"]]


def test_annotations_that_cannot_be_read_mean_any_value() -> None:
    def fn(a: Unknown) -> Unknown:  # type: ignore[name-defined]  # noqa: F821
        return a

    endpoint = served(fn)
    assert endpoint.parameters[0].schema == {}
    assert endpoint.call([1]) == [1]


def test_a_coroutine_function_is_awaited() -> None:
    async def fn(a: int) -> int:
        await asyncio.sleep(0)
        return a

    assert served(fn).call([1]) == [1]


def test_an_asynchronous_generator_streams_and_is_closed() -> None:
    closed = []

    async def fn() -> AsyncIterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.append(True)

    steps = served(fn).iterate([])
    assert next(steps) == [1]
    steps.close()  # type: ignore[attr-defined]
    assert closed == [True]


def test_an_asynchronous_generator_ends() -> None:
    async def fn() -> AsyncIterator[int]:
        yield 1

    assert list(served(fn).iterate([])) == [[1]]


def test_a_parameter_named_like_one_of_predict_is_renamed() -> None:
    endpoint = served(lambda a, api_name: a)
    assert [public_name(parameter, i) for i, parameter in enumerate(endpoint.parameters)] == ["a", "param_1"]


@pytest.mark.parametrize("name", ["echo", "/", "", "/a/b"])
def test_a_wrong_name_is_refused(name: str) -> None:
    with pytest.raises(ArgumentError, match="API name"):
        number_functions({name: str.upper})


@pytest.mark.parametrize(
    "options", [{"concurrency": 0}, {"outputs": -1}, {"api_visibility": "hidden"}, {"fn": "text"}]
)
def test_a_wrong_option_is_refused(options: Any) -> None:
    with pytest.raises(ArgumentError):
        Function(**{"fn": str.upper, **options})


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


# --- what a function tells its caller


def test_log_lines_and_progress_are_sent_as_messages() -> None:
    sent: List[Dict[str, Any]] = []
    with reporting(sent.append):
        info("one", title="T", duration=None, visible=False)
        warning("two")
        progress(1, 4, "files", "Copying")
        progress(fraction=0.5)
    assert sent == [
        {"msg": "log", "log": "one", "level": "info", "duration": None, "visible": False, "title": "T"},
        {"msg": "log", "log": "two", "level": "warning", "duration": 10, "visible": True, "title": "Warning"},
        {"msg": "progress", "progress_data": [_unit(1, 4, "files", None, "Copying")]},
        {"msg": "progress", "progress_data": [_unit(None, None, "steps", 0.5, None)]},
    ]


def _unit(index: Any, length: Any, unit: Any, fraction: Any, desc: Any) -> Dict[str, Any]:
    return {"index": index, "length": length, "unit": unit, "progress": fraction, "desc": desc}


def test_outside_a_call_log_lines_go_to_the_logger(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        info("one")
        warning("two")
        progress(1, 2)
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("INFO", "one"),
        ("WARNING", "two"),
    ]
