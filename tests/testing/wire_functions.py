"""The functions that a real Gradio server and the embedded app both serve, to compare their wires.

Nothing but the standard library is imported here: the server's own interpreter runs it too.
"""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, List, Literal, Optional, Tuple

QUEUED = (
    "echo",
    "kinds",
    "pair",
    "nothing",
    "count",
    "grow",
    "shrink",
    "empty",
    "forever",
    "crash",
    "fail",
    "fail_late",
    "log",
)
DIRECT = ("direct", "direct_fail", "direct_count")


# How the functions report and fail: `info`, `warning` and `error`, set by who serves them.
tools = SimpleNamespace()


def echo(text: str, times: int = 1) -> str:
    """Repeats the text.

    Args:
        text: what to repeat.
    """
    return text * times


def kinds(
    a: int,
    b: float = 1.5,
    c: bool = True,
    d: list = [1],  # noqa: B006
    e: dict = {},  # noqa: B006
    f: Literal["x", "y"] = "x",
    g: Optional[str] = None,
    h: List[int] = [1],  # noqa: B006
) -> dict:
    return {"a": a, "b": b, "c": c, "d": d, "e": e, "f": f, "g": g, "h": h}


def pair(n: int) -> Tuple[int, str]:
    return n, str(n)


def nothing() -> None:
    return None


def count(n: int) -> Iterator[Any]:
    for i in range(1, n + 1):
        yield "x" * i


def grow(n: int) -> Iterator[Any]:
    for i in range(n):
        yield [i, {"k": [i] * i}]


def shrink(n: int) -> Iterator[Any]:
    for i in range(n, 0, -1):
        yield {"items": list(range(i)), f"only {i}": None}


def empty() -> Iterator[Any]:
    return
    yield ""


def forever() -> Iterator[Any]:
    """Yields until it is cancelled."""
    number = 0
    while True:
        yield f"{number}"
        number += 1


def crash(text: str) -> str:
    raise ValueError(text)


def fail(text: str) -> str:
    raise tools.error(text, duration=3, title="Sorry", visible=False)


def fail_late(n: int) -> Iterator[Any]:
    yield from range(n)
    raise tools.error("late")


def log(text: str) -> str:
    tools.info("one", duration=2, title="T")
    tools.warning("two")
    return text


def direct(text: str) -> str:
    return text


def direct_fail(text: str) -> str:
    raise tools.error(text)


def direct_count(n: int) -> Iterator[Any]:
    yield from range(n)
