"""Fixtures: a small app, and the command line run in this process."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

import pytest

from gradio_client_lite import cli
from gradio_client_lite.testing import App, AppError, serve


class Ran(NamedTuple):
    """A command that has been run."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command and tells how it went; one that argparse refuses, too."""

    def run(*words: str) -> Ran:
        try:
            code = cli.main(words)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        return Ran(code, *capsys.readouterr())

    return run


def fail(text: str) -> str:
    raise AppError(f"no\n  {text}")


def typed(text: str, count: int = 1, loud: bool = False, parts: Optional[List[str]] = None) -> Dict[str, Any]:
    return {"text": text, "count": count, "loud": loud, "parts": parts}


def count(to: int) -> Iterator[int]:
    yield from range(to)


def pair(left: Any, right: Any = None) -> Tuple[Any, Any]:
    return left, right


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    functions = {
        "/echo": lambda value: value,
        "/add": lambda a, b=1: a + b,
        "/typed": typed,
        "/count": count,
        "/pair": pair,
        "/fail": fail,
    }
    with serve(functions) as app:
        yield app
