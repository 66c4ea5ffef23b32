"""Tests the names and texts of `source.py`."""

from __future__ import annotations

import ast
from time import perf_counter
from typing import Any, Dict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradio_client_lite.typed.source import identifier, is_plain, line

from .descriptions import CODE

texts = st.text() | st.sampled_from(CODE)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("/predict", "predict"),
        ("/a-b c", "a_b_c"),
        ("Größe (1)", "Gr_e_1"),
        ("名前", "call"),
        ("", "call"),
        (None, "call"),
        (3, "call"),
        ("1st", "call_1st"),
        ("class", "class_"),
        ("str", "str_"),
        ("handle_file", "handle_file_"),
        ("__init__", "init"),
        ("_x", "x"),
        ("x" * 100, "x" * 60),
    ],
)
def test_a_name_is_what_python_and_the_module_leave_free(text: Any, name: str) -> None:
    assert identifier(text, "call", {}) == name


def test_a_name_that_is_taken_gets_a_number() -> None:
    taken: Dict[str, int] = {"a": 1}
    assert [identifier(text, "call", taken) for text in ("a", "a_3", "a", "a")] == [
        "a_2",
        "a_3",
        "a_4",
        "a_5",
    ]


def test_many_equal_names_take_no_time() -> None:
    taken: Dict[str, int] = {}
    began = perf_counter()
    assert len({identifier("a", "call", taken) for _ in range(50_000)}) == 50_000
    assert perf_counter() - began < 10


@given(st.lists(texts, max_size=5))
def test_names_are_ascii_identifiers_and_all_different(given_texts: Any) -> None:
    taken: Dict[str, int] = {}
    names = [identifier(text, "call", taken) for text in given_texts]
    assert all(name.isascii() and name.isidentifier() and name[0] != "_" for name in names)
    assert len({*names}) == len(names)
    ast.parse("".join([f"{name} = 1\n" for name in names]))


@given(texts)
def test_a_line_stands_between_three_quotes(text: str) -> None:
    written = line(text)
    tree = ast.parse(f'"""{written}"""')
    (statement,) = tree.body
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Constant)
    assert str(statement.value.value).isprintable()
    assert len(written) <= 403


def test_a_line_of_what_is_no_text() -> None:
    assert [line(value) for value in (None, " a \n\tb ", {"_type": "translation_metadata", "key": "k"})] == [
        "",
        "a b",
        "k",
    ]


@pytest.mark.parametrize("value", ["a", "", 1, -1.5, True, None, 2**63 - 1])
def test_what_can_be_a_literal(value: Any) -> None:
    assert is_plain(value)
    assert ast.literal_eval(repr(value)) == value


@pytest.mark.parametrize("value", ["x" * 201, float("nan"), float("inf"), 2**63, [], {}])
def test_what_cannot_be_a_literal(value: Any) -> None:
    assert not is_plain(value)
