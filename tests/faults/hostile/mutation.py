"""A mutation: one field of what a server says, removed, or replaced by a value of another kind."""

from __future__ import annotations

import json
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple, Union

Key = Union[str, int]
Path = Tuple[Key, ...]

_REMOVED = object()
#: What takes a field's place, by what it is called in the names of mutations.
WRONG: Dict[str, Any] = {
    "removed": _REMOVED,
    "null": None,
    "true": True,
    "0": 0,
    "-1": -1,
    "1.5": 1.5,
    "10^400": 10**400,
    "Infinity": float("inf"),
    "''": "",
    "text": "text",
    "half surrogate": "\ud800",
    "[]": [],
    "[1]": [1],
    "{}": {},
    "{'a': 1}": {"a": 1},
    "an edit": [[["replace", [], "?"]]],
    "50 levels": json.loads("[" * 50 + "]" * 50),
}


class Mutation(NamedTuple):
    """One change; `value` is the whole message with it, which shares all that is not changed."""

    path: Path
    wrong: str
    value: Any

    @property
    def name(self) -> str:
        return f"{'.'.join(map(str, self.path))} = {self.wrong}"


def count(value: Any) -> int:
    """How many changes of every field there are."""
    return len(paths(value)) * len(WRONG) - 1  # the whole can only be replaced


def mutations(value: Any) -> Iterator[Mutation]:
    """Every change of every field; of the items of a list that are alike the first one stands for all."""
    for path in paths(value):
        for wrong, replacement in WRONG.items():
            if path or replacement is not _REMOVED:
                yield Mutation(path, wrong, _changed(value, path, replacement))


def paths(value: Any) -> List[Path]:
    """Where there are fields; one path for all that differ in the indexes of lists alone."""
    found: Dict[Path, Path] = {}
    todo: List[Tuple[Path, Path, Any]] = [((), (), value)]
    while todo:
        path, kind, part = todo.pop()
        found.setdefault(kind, path)
        if isinstance(part, dict):
            todo += [((*path, key), (*kind, key), part[key]) for key in part]
        elif isinstance(part, list):
            todo += [((*path, index), (*kind, 0), item) for index, item in reversed(list(enumerate(part)))]
    return sorted(found.values(), key=repr)


def _changed(value: Any, path: Path, replacement: Any) -> Any:
    if not path:
        return replacement
    key, *rest = path
    copy = value.copy()
    if rest or replacement is not _REMOVED:
        copy[key] = _changed(value[key], tuple(rest), replacement)
    else:
        del copy[key]
    return copy
