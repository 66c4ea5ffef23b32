from __future__ import annotations

import copy
import pickle
import re
from pathlib import Path
from typing import Any, Dict, List, Set, Tuple, Type

import pytest

from gradio_client_lite import errors
from gradio_client_lite.errors import AppError, GradioClientError, HTTPStatusError, StreamLost


def all_errors() -> List[Type[GradioClientError]]:
    return [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, GradioClientError)
    ]


def drawn_tree() -> Dict[str, Tuple[str, Set[str]]]:
    """What the module's docstring draws: each name with its parent and its other bases."""
    tree: Dict[str, Tuple[str, Set[str]]] = {}
    path: List[str] = []
    for line in str(errors.__doc__).splitlines():
        found = re.match(r"    ((?:[│ ]   )*)(?:[├└]── )(\w+)(?: \((\w+)\))?", line)
        if found is None:
            continue
        depth = len(found[1]) // 4
        path[depth:] = [found[2]]
        parent = path[depth - 1] if depth else "GradioClientError"
        tree[found[2]] = (parent, {found[3]} if found[3] else set())
    return tree


def test_docstring_draws_every_error_with_its_bases() -> None:
    real = {
        error.__name__: (
            error.__bases__[0].__name__,
            {base.__name__ for base in error.__bases__[1:]},
        )
        for error in all_errors()
        if error is not GradioClientError
    }
    assert drawn_tree() == real


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("AuthenticationError", ValueError),
        ("AppError", ValueError),
        ("ValidationError", ValueError),
        ("ArgumentError", TypeError),
        ("UnknownEndpointError", ValueError),
        ("ConnectFailed", ConnectionError),
        ("TLSError", ConnectionError),
        ("StreamLost", ConnectionError),
        ("ServerStopped", ConnectionError),
        ("ClientClosed", ConnectionError),
        ("ReadTimeout", TimeoutError),
        ("ConnectTimeout", TimeoutError),
    ],
)
def test_builtin_handlers_catch(name: str, base: Type[Exception]) -> None:
    assert issubclass(getattr(errors, name), base)


def example(error: Type[GradioClientError]) -> GradioClientError:
    made: Any = error
    if issubclass(error, StreamLost):
        return made("text", ("e1", "e2"))  # type: ignore[no-any-return]
    if issubclass(error, HTTPStatusError):
        return made("text", status=418, url="http://host/")  # type: ignore[no-any-return]
    if issubclass(error, AppError):
        return made("text", None, False, "T", False, mood="grim")  # type: ignore[no-any-return]
    return made("text")  # type: ignore[no-any-return]


@pytest.mark.parametrize("error", all_errors())
@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_error_survives_copying_and_pickling(error: Type[GradioClientError], duplicate: Any) -> None:
    original = example(error)
    twin = duplicate(original)
    assert type(twin) is error
    assert twin.args == original.args
    assert vars(twin) == vars(original)
    assert str(twin) == str(original) == "text"


def test_app_error_has_the_official_defaults() -> None:
    error = AppError()
    assert vars(error) == {
        "message": "Error raised.",
        "duration": 10,
        "visible": True,
        "title": "Error",
        "print_exception": True,
        "extra": {},
    }


def documented() -> Dict[str, bool]:
    """What the table of docs/errors.md says: each error, and whether it is retryable."""
    text = (Path(__file__).parents[1] / "docs" / "errors.md").read_text(encoding="utf-8")
    return {
        name: value == "True"
        for name, value in re.findall(r"^\| `(\w+)` \| (True|False) \| ", text, re.MULTILINE)
    }


def test_every_error_says_in_the_documentation_whether_to_try_again() -> None:
    assert documented() == {error.__name__: error.retryable for error in all_errors()}


@pytest.mark.parametrize("error", all_errors())
def test_error_made_of_a_text_is_as_retryable_as_its_class(error: Type[GradioClientError]) -> None:
    made: Any = error
    assert (made("text").retryable, made("text").retry_after) == (error.retryable, None)


@pytest.mark.parametrize("error", all_errors())
def test_pickled_error_keeps_whether_and_when_to_try_again(error: Type[GradioClientError]) -> None:
    original = example(error)
    original.retryable, original.retry_after = not original.retryable, 2.5
    twin = pickle.loads(pickle.dumps(original))
    assert (twin.retryable, twin.retry_after) == (original.retryable, 2.5)


@pytest.mark.parametrize("status", [408, 425, 429, 502, 503, 504])
def test_status_that_passes_is_retryable(status: int) -> None:
    assert HTTPStatusError("text", status=status).retryable
    assert not HTTPStatusError("text", status=400).retryable
