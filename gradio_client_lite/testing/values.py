"""Values as the wire carries them: JSON, and the edit lists between two versions of one value."""

from __future__ import annotations

import json
from typing import Any, List, Tuple

Path = Tuple[Any, ...]


def plain(value: Any) -> Any:
    """What a client receives for `value`: tuples become lists, NaN becomes None, the unknown its str().

    The result shares nothing with `value`, so a function may go on changing what it has yielded.
    The same rules as orjson's with `default=str`, which Gradio encodes with (gradio/routes.py 6.31.0).

    Raises:
        TypeError: a mapping has keys that JSON does not know.
        ValueError: `value` contains itself.
    """
    return json.loads(json.dumps(value, default=str), parse_constant=lambda _: None)


def encode(value: Any) -> bytes:
    """`value`, made of plain values, as compact UTF-8 JSON.

    Text is not escaped to ASCII, because real servers send it as it is; only half surrogates, which
    UTF-8 cannot hold, are written as JSON escapes.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


def edits(old: Any, new: Any, path: Path = ()) -> List[List[Any]]:
    """The edits that turn `old` into `new`, as `gradio.utils.diff` 6.31.0 writes them: [action, path, value].

    Actions are replace, append (to a string), add and delete. Unlike the original, nested lists that
    shrink give right indices, and 1 and True are different.

    Example:
        >>> edits("ab", "abc")
        [['append', [], 'c']]
    """
    if type(old) is not type(new):
        return [["replace", list(path), new]]
    if isinstance(old, list):
        return _list_edits(old, new, path)
    if isinstance(old, dict):
        return _dict_edits(old, new, path)
    if old == new:
        return []
    if isinstance(old, str) and new.startswith(old):
        return [["append", list(path), new[len(old) :]]]
    return [["replace", list(path), new]]


def _list_edits(old: List[Any], new: List[Any], path: Path) -> List[List[Any]]:
    common = min(len(old), len(new))
    found = [edit for i in range(common) for edit in edits(old[i], new[i], (*path, i))]
    # Each deletion moves the rest up, so all of them name the same place.
    found += [["delete", [*path, common], None] for _ in range(common, len(old))]
    found += [["add", [*path, i], new[i]] for i in range(common, len(new))]
    return found


def _dict_edits(old: Any, new: Any, path: Path) -> List[List[Any]]:
    found: List[List[Any]] = []
    for key in old:
        if key in new:
            found += edits(old[key], new[key], (*path, key))
        else:
            found.append(["delete", [*path, key], None])
    found += [["add", [*path, key], new[key]] for key in new if key not in old]
    return found
