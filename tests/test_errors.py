from __future__ import annotations

import copy
import pickle
import re
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
