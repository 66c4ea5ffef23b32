"""Puts right the indexes of deleted list items, which Gradio's edit lists often state wrongly.

Gradio compares lists item by item, so `n` deletions from one list always remove its last `n` items
(gradio/utils.py, `diff`). Three ways to state them are known, here for `[1, 2, 3, 4]` becoming `[1, 2]`:

* 4.17 to 5.0.2 state the indexes before any deletion: 2, 3. Applied as they stand, the second fails.
* 5.50 to 6.31 subtract one for each deletion that came before: 2, 2. That is right; but in nested lists they
  do so again for every list around, and count the deletions in all its parts. `[[1, 2], [3, 4]]` becoming
  `[[1], [3]]` is stated as `[0, 1]`, `[1, 0]`, which removes the 3.

The official client applies both as they stand and fails or yields wrong values.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, List, NamedTuple, Optional


class _Deletion(NamedTuple):
    """The deletion of one list item."""

    edit: int  # the position of its edit
    items: List[Any]  # the list, before all edits
    stated: int  # the index in the edit
    earlier: int  # deletions from the same list before it
    earlier_around: int  # deletions before it in this list and, once more for each, in every list around it


def mend_deletions(value: Any, edits: List[List[Any]]) -> List[List[Any]]:
    """Return the edits with right indexes; the very same list if nothing has to change.

    Indexes that match neither mistake are left alone, so edits that mean something else are not touched.

    Args:
        value: what the edits apply to.
        edits: one edit list, in the right shape; its paths need not be valid.
    """
    if sum(action == "delete" for action, _, _ in edits) < 2:
        return edits
    deletions = _find_deletions(value, edits)
    totals = Counter(id(deletion.items) for deletion in deletions)
    kept = [len(deletion.items) - totals[id(deletion.items)] for deletion in deletions]
    pairs = list(zip(deletions, kept))
    if all(found.stated == first for found, first in pairs) or not (
        all(found.stated == first + found.earlier for found, first in pairs)
        or all(found.stated + found.earlier_around == first + found.earlier for found, first in pairs)
    ):
        return edits
    mended = list(edits)
    for found, first in pairs:
        path = edits[found.edit][1]
        mended[found.edit] = ["delete", [*path[:-1], first], None]
    return mended


def _find_deletions(value: Any, edits: List[List[Any]]) -> List[_Deletion]:
    """The deletions of list items; none at all if a path leads nowhere."""
    deletions: List[_Deletion] = []
    in_list: Counter[int] = Counter()  # by the identity of the list
    below_list: Counter[int] = Counter()  # the same, and in all its parts
    for position, (action, path, _) in enumerate(edits):
        if action != "delete":
            continue
        lists = _lists_on_the_way(value, path)
        if lists is None:
            return []
        if type(path[-1]) is not int:
            continue
        around = [id(items) for items in lists]
        earlier_around = sum(below_list[identity] for identity in around)
        deletions.append(_Deletion(position, lists[-1], path[-1], in_list[around[-1]], earlier_around))
        in_list[around[-1]] += 1
        below_list.update(around)
    return deletions


def _lists_on_the_way(value: Any, path: Any) -> Optional[List[List[Any]]]:
    """The lists that a path leads through, the innermost last; None if it does not lead to an item or key."""
    lists: List[List[Any]] = []
    if not isinstance(path, list) or not path:
        return None
    for step in path[:-1]:
        if isinstance(value, list) and type(step) is int and 0 <= step < len(value):
            lists.append(value)
            value = value[step]
        elif isinstance(value, dict) and isinstance(step, str) and step in value:
            value = value[step]
        else:
            return None
    if isinstance(value, list) and type(path[-1]) is int:
        return [*lists, value]
    return lists if isinstance(value, dict) and isinstance(path[-1], str) else None
