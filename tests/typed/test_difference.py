"""Tests what the command typed tells of two modules (`cli/typed.py`)."""

from __future__ import annotations

import ast
from typing import List

import pytest

from gradio_client_lite.cli import typed
from gradio_client_lite.typed.module import write_module

from .descriptions import FILE, STRING, Api, default, endpoint, fields, info, parameter, recorded, streaming

ONE = endpoint(parameter(name="a"), returns=[fields("x")])
OLD = info(one=ONE, two=endpoint())


def difference(old: str, new: str, old_name: str, new_name: str) -> List[str]:
    return typed.difference(ast.parse(old), ast.parse(new), old_name, new_name)


def written(described: object = OLD) -> str:
    return Api(described).module()


def changes(described: object, old: object = OLD) -> str:
    return "\n".join(difference(written(old), written(described), "old", "new"))


def test_the_same_api_has_no_difference() -> None:
    assert changes(OLD) == ""
    assert difference(recorded("6.31.0").module(), recorded("6.31.0").module(), "a", "b") == []


def test_layout_comments_docstrings_and_order_do_not_count() -> None:
    other = {**OLD, "named_endpoints": dict(reversed(OLD["named_endpoints"].items()))}
    assert changes(other) == ""
    assert difference(ast.unparse(ast.parse(written())), written(), "old", "new") == []
    assert changes(info(one={**ONE, "description": "Other words."}, two=endpoint())) == ""


def test_the_app_may_be_elsewhere() -> None:
    assert difference(write_module(OLD, "owner/name", {}), written(), "old", "new") == []


def test_a_parameter_more_is_told_on_a_line_of_its_own() -> None:
    more = endpoint(parameter(name="a"), default(1, {"type": "number"}, "b"), returns=[fields("x")])
    lines = changes(info(one=more, two=endpoint())).splitlines()
    assert lines[:2] == ["--- old", "+++ new"]
    assert "+    b: float=1," in lines
    assert "     a: str," in lines


def test_functions_that_differ_are_told_whole_and_no_others() -> None:
    names = [f"p{number}" for number in range(9)]
    old = info(one=ONE, two=endpoint(*[parameter(name=name) for name in names]))
    new = info(one=ONE, two=endpoint(*[parameter(name=name) for name in names[1:]]))
    lines = changes(new, old).splitlines()
    assert " def two(client: Client," in lines
    assert "-    p0: str," in lines
    assert "     p8: str," in lines
    assert "one" not in "".join(lines)


@pytest.mark.parametrize(
    "described",
    [
        info(one=ONE),
        info(one=ONE, two=endpoint(), three=endpoint()),
        info(one=endpoint(parameter(name="b"), returns=[fields("x")]), two=endpoint()),
        info(one=endpoint(parameter(FILE, "a"), returns=[fields("x")]), two=endpoint()),
        info(one=endpoint(default("x", name="a"), returns=[fields("x")]), two=endpoint()),
        info(one=ONE, two=endpoint(returns=[STRING, STRING])),
        {**OLD, "named_endpoints": {**OLD["named_endpoints"], "/two": endpoint(), "/two_": endpoint()}},
    ],
)
def test_what_a_caller_would_notice_is_a_difference(described: object) -> None:
    assert changes(described)
    assert changes(OLD, described)


def test_another_name_of_an_endpoint_is_a_difference_where_the_function_keeps_its_own() -> None:
    assert "-        " not in changes(info(**{"a-b": endpoint()}), info(**{"a-b": endpoint()}))
    assert "'/a_b'" in changes(info(a_b=endpoint()), info(**{"a-b": endpoint()}))


def test_a_function_that_streams_now_is_a_difference() -> None:
    streams = Api(OLD, {"/two": streaming("two")}).module()
    assert "+def stream_two(client: Client," in difference(written(), streams, "old", "new")


def test_keyword_only_parameters_are_told_as_such() -> None:
    described = info(one=endpoint(default("x", name="a"), parameter(name="b"), default("y", name="c")))
    told = changes(described, info()).splitlines()
    assert [line for line in told if line.startswith("+  ")][:5] == [
        "+    a: str='x',",
        "+    *,",
        "+    b: str,",
        "+    c: str='y',",
        "+    ) -> str:",
    ]
