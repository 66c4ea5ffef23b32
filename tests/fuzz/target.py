"""Target: a function of bytes that a server may send, which fails where a property of a parser does not hold.

A target raises nothing for any input: what the parser may raise by its documentation the target catches, and
what it gives the target checks. So whatever escapes is a finding, and so is an input that takes longer, or
more memory, than the runner allows for one.

The bytes of a target are what a server would send, as it stands, so that recorded answers are its first
inputs, and what is found can be read. How a stream is cut into pieces follows from the bytes themselves.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any, Callable, Dict, List, NamedTuple, Tuple
from zlib import crc32

#: The longest text of an error; texts that errors quote are cut (`errors.shorten`, `wire/texts.py`).
LONGEST_ERROR = 4000

#: Bytes of an input that may come one by one; of a longer one that takes too long.
_SHORT = 2048

Run = Callable[[bytes], None]


class Target(NamedTuple):
    """One target.

    Args:
        run: the function; its docstring says the property.
        room: the module that it stands in, without its package.
        form: what its bytes are: "bytes", "json" (a value), or "lines" (a JSON value each).
        longest: the most bytes of an input.
        words: what inputs of interest consist of, for mutations.
    """

    run: Run
    room: str
    form: str
    longest: int
    words: Tuple[bytes, ...]

    @property
    def name(self) -> str:
        return self.run.__name__


TARGETS: Dict[str, Target] = {}


def target(
    form: str = "bytes", *, longest: int = 4096, words: Tuple[bytes, ...] = ()
) -> Callable[[Run], Run]:
    """Make a target of a function."""

    def register(run: Run) -> Run:
        assert run.__doc__, f"{run.__name__} does not say its property"
        assert run.__name__ not in TARGETS
        TARGETS[run.__name__] = Target(run, run.__module__.rpartition(".")[2], form, longest, words)
        return run

    return register


def pieces_of(data: bytes) -> List[bytes]:
    """The bytes in pieces, none of them empty; always the same ones for the same bytes."""
    random = Random(crc32(data))
    if len(data) <= _SHORT and random.random() < 0.2:
        return [data[place : place + 1] for place in range(len(data))]
    count = min(len(data), random.choice((1, 2, 5, 20)))
    cuts = sorted({0, len(data), *(random.randrange(len(data)) for _ in range(count))})
    return [data[start:end] for start, end in zip(cuts, cuts[1:])]


def value_of(data: bytes) -> Any:
    """The JSON value of an input; None for what is none."""
    try:
        return json.loads(data.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return None


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal, True and 1 being different, and NaN equal to itself."""
    return dumped(one) == dumped(other)


def dumped(value: Any) -> str:
    """A JSON value as a text, however deep it is."""
    try:
        return json.dumps(value, sort_keys=True)
    except RecursionError:
        return "too deep"


def parts_of(value: Any) -> int:
    """How many values a JSON value consists of, itself and the names in objects included."""
    count, todo = 0, [value]
    while todo:
        part = todo.pop()
        count += 1
        if isinstance(part, list):
            todo += part
        elif isinstance(part, dict):
            count += len(part)
            todo += part.values()
    return count


def assert_short(error: BaseException) -> None:
    """An error's text is bounded, whatever the server has sent."""
    assert len(str(error)) <= LONGEST_ERROR, f"an error of {len(str(error))} characters"
