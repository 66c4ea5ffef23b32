"""Gradio's edit lists: how a stream sends what has changed since its previous value.

An edit is `[action, path, value]` (gradio/utils.py, `diff`; the same from 4.17 to 6.31):

* `replace`: put `value` where `path` leads;
* `append`: extend the string or list that is there with `value`;
* `add`: insert `value` into a list at the index, or set a key of an object, that ends the path;
* `delete`: remove that item or key; `value` is None.

A path is a list of keys and indexes; the empty path is the whole value, which can only be replaced or
appended to. Like Python's own, an index may count from the end.
"""

from __future__ import annotations

import marshal
from collections import Counter
from typing import Any, Dict, List, Optional, Tuple, Union

from ..errors import ProtocolError
from .texts import show

_Container = Union[List[Any], Dict[str, Any]]
_Key = Union[int, str]
_ACTIONS = ("replace", "append", "add", "delete")
_FEW = 20  # edits, which take less memory than most values
_MAX_DIGITS = 18  # of an index; int and str refuse thousands of them with an error of their own

# How many list items insertions and deletions may move before a patch is refused: so many whatever comes, and
# more with each edit and with each item of a list that is edited. A second's work is some 10**9 of them.
_FREE_MOVES = 2_000_000
_MOVES_PER_EDIT = 256
_MOVES_PER_ITEM = 8


def apply_diff(value: Any, edits: Any) -> Any:
    """Apply one edit list to a JSON value; return the new value.

    The value is not changed. The result shares with it (and with the edits) every part that no edit touches;
    the containers on an edited path are copied, each once per call however many edits lie below it.

    Raises:
        ProtocolError: an edit is malformed or does not fit the value.

    Example:
        >>> apply_diff({"text": "a", "n": [1]}, [["append", ["text"], "b"], ["add", ["n", 1], 2]])
        {'text': 'ab', 'n': [1, 2]}
    """
    check_edits(edits)
    if is_whole(edits):
        return edits[0][2]
    return _Patch(value, len(edits)).apply(mend_deletions(value, edits))


def check_edits(edits: Any) -> None:
    """Raise ProtocolError unless `edits` is a list of three-item lists."""
    if not isinstance(edits, list):
        raise ProtocolError(f"The server sent {show(edits)} where a list of edits belongs.")
    for edit in edits:
        if not isinstance(edit, list) or len(edit) != 3:
            raise ProtocolError(f"The server sent the edit {show(edit)}; it must be [action, path, value].")


def are_edits(values: List[Any]) -> bool:
    """Whether these look like edit lists, with an edit at least, and not like values themselves."""
    return any(values) and all(
        isinstance(edits, list)
        and all(isinstance(edit, list) and len(edit) == 3 and edit[0] in _ACTIONS for edit in edits)
        for edits in values
    )


def is_whole(edits: List[List[Any]]) -> bool:
    """Whether an edit list that was checked gives the new value whole."""
    return len(edits) == 1 and edits[0][:2] == ["replace", []]


def replacements(edit_lists: List[Any]) -> Optional[List[Any]]:
    """The new values, where edit lists give all of them whole; None where they do not."""
    if not are_edits(edit_lists):
        return None
    whole = all(map(is_whole, edit_lists))
    return [edits[0][2] for edits in edit_lists] if whole else None


def changes(old: Any, new: Any, key: Optional[str] = None) -> Optional[List[List[Any]]]:
    """The edits from one value to the next, in linear time; None where these would hold most of the next.

    Args:
        old, new: the values.
        key: where they are in the values that are edited; None for these themselves.
    """
    path = [] if key is None else [key]
    try:
        if old == new and _same(old, new):
            return []
        if isinstance(old, str) and isinstance(new, str) and old and new.startswith(old):
            return [["append", path, new[len(old) :]]]
        if isinstance(old, list) and isinstance(new, list):
            size = min(len(old), len(new))
            if old[:size] != new[:size]:
                size = next(place for place in range(size) if old[place] != new[place])
            others = len(old) - size
            if others <= _FEW and 2 * size >= len(new) and _same(old[:size], new[:size]):
                return [["delete", [*path, size], None]] * others + [["append", path, new[size:]]]
    except (ValueError, RecursionError):  # nested too deeply
        return None
    if key is not None or not (isinstance(old, dict) and isinstance(new, dict) and list(old) == list(new)):
        return None
    edits: List[List[Any]] = []
    for name, value in new.items():
        found = changes(old[name], value, name)
        edits += [["replace", [name], value]] if found is None else found
    return edits if len(edits) <= _FEW else None


def _same(one: Any, other: Any) -> bool:
    """Whether equal values are the same to the type, the sign of zero and the order of keys."""
    # Of a later version bytes tell which objects are the same ones, too.
    return marshal.dumps(one, 2) == marshal.dumps(other, 2)


def json_size(value: Any) -> float:
    """About how many bytes a value takes as JSON; infinity where it is nested too deeply to tell."""
    try:
        return len(marshal.dumps(value, 2))
    except ValueError:
        return float("inf")


# -- deletions
#
# Edits are applied one after the other, so each index has to be true when its turn comes. Many servers state
# the indexes of deletions wrongly. The right one is known all the same: Gradio compares lists item by item
# (gradio/utils.py, `diff`), so that `n` deletions from one list always remove its last `n` items, and the
# right index of each of them is the length that the list ends with. There are three ways to state it:
#
# * right: `[1, 2, 3, 4]` becoming `[1, 2]` is 2, 2;
# * 4.17 to 5.0.2 state where the item was before any deletion: 2, 3. Applied like that, the second fails.
#   Each index is too large by the deletions from the same list that came before.
# * 5.50 to 6.31 subtract these, and once more for every list around the deletions before in all its parts:
#   `[[1, 2], [3, 4]]` becoming `[[1], [3]]` is `[0, 1]`, `[1, 0]`, which would remove the 3.
#
# An edit list is put right only if all its indexes follow one of the two mistakes: what matches none may mean
# something else. The official client applies all of them as they stand, and fails or yields wrong values.


def mend_deletions(value: Any, edits: List[List[Any]]) -> List[List[Any]]:
    """Return edits of a value with right indexes; the very same list if nothing has to change."""
    if sum(edit[0] == "delete" for edit in edits) < 2:
        return edits
    found: List[Tuple[int, List[Any], int, int, int]] = []  # edit, list, index, error of each mistake
    in_list: Counter[int] = Counter()  # the deletions so far, by the identity of their list
    below: Counter[int] = Counter()  # the same, with deletions in all parts of the list
    for number, (action, path, _) in enumerate(edits):
        if action != "delete":
            continue
        if not isinstance(path, list) or not path:
            return edits
        holder, around = value, []
        for step in path[:-1]:
            if isinstance(holder, list) and type(step) is int and 0 <= step < len(holder):
                around.append(id(holder))
                holder = holder[step]
            elif isinstance(holder, dict) and isinstance(step, str) and step in holder:
                holder = holder[step]
            else:
                return edits
        if isinstance(holder, list) and type(path[-1]) is int:
            earlier = in_list[id(holder)]
            around.append(id(holder))
            found.append((number, holder, path[-1], earlier, earlier - sum(below[each] for each in around)))
            in_list[id(holder)] += 1
            below.update(around)
        elif not (isinstance(holder, dict) and isinstance(path[-1], str)):
            return edits
    right = [len(holder) - in_list[id(holder)] for _, holder, *_ in found]
    wrong = [index - first for (_, _, index, *_), first in zip(found, right)]
    if not any(wrong) or wrong not in ([each[3] for each in found], [each[4] for each in found]):
        return edits
    mended = list(edits)
    for (number, *_), first in zip(found, right):
        mended[number] = ["delete", [*edits[number][1][:-1], first], None]
    return mended


class _Text:
    """The pieces of a string that grows; it stands where the string stood until all edits are done."""

    __slots__ = ("pieces",)

    def __init__(self, *pieces: str) -> None:
        self.pieces = list(pieces)


class _Patch:
    """A value while it is being edited; see `apply_diff`.

    Its time is linear in the value and the edits together:

    * A container is copied when an edit first leads through it, and changed in place after that; `_owned`
      holds the copies, by their identity.
    * A string that grows by many edits is kept in pieces (`_Text`) and joined once.
    * A list into which items are put, or out of which they are taken, is held in two parts with a gap between
      them, so that only the items between two edits have to be moved. `_tails` has the second part, its last
      item first. Edits that move far more items than any Gradio server's are refused.
    """

    def __init__(self, value: Any, edits: int) -> None:
        self._root: List[Any] = [value]  # so that the whole value is an item of a container, too
        self._owned: Dict[int, _Container] = {id(self._root): self._root}
        self._tails: Dict[int, List[Any]] = {}
        self._growing: Dict[int, _Container] = {}  # those that hold a _Text
        self._moves_left = _FREE_MOVES + _MOVES_PER_EDIT * edits

    def apply(self, edits: List[List[Any]]) -> Any:
        """The value with all edits applied."""
        for action, path, operand in edits:
            try:
                self._edit(action, path, operand)
            except _Inapplicable as reason:  # noqa: PERF203 - it names the edit
                raise ProtocolError(
                    f"The server sent an edit that does not apply: {show(action)} at {show(path)}: {reason}."
                ) from reason
        for identity, tail in self._tails.items():
            self._spend(len(tail))
            self._owned[identity].extend(reversed(tail))  # type: ignore[union-attr]
        for container in self._growing.values():
            for key in range(len(container)) if isinstance(container, list) else list(container):
                text = container[key]  # type: ignore[index]  # a key of its own
                if isinstance(text, _Text):
                    container[key] = "".join(text.pieces)  # type: ignore[index]
        return self._root[0]

    def _edit(self, action: Any, path: Any, operand: Any) -> None:
        if not isinstance(path, list):
            raise _Inapplicable("the path is not a list")
        # The container that holds the end of the path, and the last step within it.
        container: _Container = self._root
        step: Any = 0
        for following in path:
            container = self._own(container, self._existing(container, step))
            step = following
        if action == "append":
            self._append(container, self._existing(container, step), operand)
        elif action == "replace":
            self._put(container, self._existing(container, step), operand)
        elif action == "add" and path:
            self._add(container, step, operand)
        elif action == "delete" and path:
            self._delete(container, self._existing(container, step))
        else:
            raise _Inapplicable("there is no such action" if path else "the whole value cannot be edited so")

    # -- reading and writing one item

    def _own(self, container: _Container, key: _Key) -> _Container:
        """The container under this key, copied if that was not done before."""
        child = self._get(container, key)
        if id(child) in self._owned:
            return child  # type: ignore[no-any-return]
        if not isinstance(child, (list, dict)):
            raise _Inapplicable(f"it leads through a value of type {_kind(child)}")
        copied: _Container = child.copy()
        self._put(container, key, copied)
        self._owned[id(copied)] = copied
        self._moves_left += _MOVES_PER_ITEM * len(copied)
        return copied

    def _existing(self, container: _Container, step: Any) -> _Key:
        """The key or (non-negative) index of something that is in the container."""
        if isinstance(container, dict):
            name = _member_name(container, step)
            if name not in container:
                raise _Inapplicable(f"there is no key {show(step)}")
            return name
        index = _index(step)
        size = self._size(container)
        if not -size <= index < size:
            raise _Inapplicable("the index is out of range")
        return index % size

    def _size(self, items: List[Any]) -> int:
        tail = self._tails.get(id(items)) if self._tails else None
        return len(items) if tail is None else len(items) + len(tail)

    def _get(self, container: Any, key: Any) -> Any:
        if self._tails and isinstance(container, list) and key >= len(container):
            return self._tails[id(container)][len(container) - key - 1]
        return container[key]

    def _put(self, container: Any, key: Any, value: Any) -> None:
        if self._tails and isinstance(container, list) and key >= len(container):
            self._tails[id(container)][len(container) - key - 1] = value
        else:
            container[key] = value

    # -- the actions

    def _append(self, container: _Container, key: _Key, operand: Any) -> None:
        target = self._get(container, key)
        if isinstance(target, _Text) and isinstance(operand, str):
            target.pieces.append(operand)
        elif isinstance(target, str) and isinstance(operand, str):
            self._put(container, key, _Text(target, operand))
            self._growing[id(container)] = container
        elif isinstance(target, list) and isinstance(operand, list):
            items = self._own(container, key)
            self._open_gap(items, self._size(items))  # type: ignore[arg-type]
            items.extend(operand)  # type: ignore[union-attr]
        else:
            raise _Inapplicable(f"{_kind(operand)} cannot be appended to {_kind(target)}")

    def _add(self, container: _Container, step: Any, operand: Any) -> None:
        if isinstance(container, dict):
            container[_member_name(container, step)] = operand
            return
        index = _index(step)
        if not 0 <= index <= self._size(container):
            raise _Inapplicable("the index is out of range")
        self._open_gap(container, index)
        container.append(operand)

    def _delete(self, container: _Container, key: _Key) -> None:
        if isinstance(container, dict):
            del container[key]  # type: ignore[arg-type]
        else:
            self._open_gap(container, key + 1)  # type: ignore[operator]
            container.pop()

    # -- lists with a gap

    def _open_gap(self, items: List[Any], index: int) -> None:
        """Make the list end before this index; what comes after it goes to its tail."""
        distance = index - len(items)
        if not distance:
            return
        self._spend(abs(distance))
        tail = self._tails.setdefault(id(items), [])
        if distance < 0:
            tail.extend(reversed(items[index:]))
            del items[index:]
        else:
            items.extend(reversed(tail[-distance:]))
            del tail[-distance:]

    def _spend(self, moves: int) -> None:
        self._moves_left -= moves
        if self._moves_left < 0:
            raise ProtocolError(
                "The server sent edits that insert or delete list items in an order that takes too long to "
                "apply; no Gradio server does. Report it to the app's author."
            )


class _Inapplicable(Exception):
    """Why one edit cannot be applied; never leaves this module."""


def _kind(value: Any) -> str:
    return "str" if isinstance(value, _Text) else type(value).__name__


def _member_name(container: Dict[Any, Any], step: Any) -> str:
    """JSON has only string keys, but the path to a Python int key holds the int."""
    if isinstance(step, str):
        return step
    if isinstance(step, int) and not isinstance(step, bool) and abs(step) < 10**_MAX_DIGITS:
        return step if step in container else str(step)  # type: ignore[return-value]
    raise _Inapplicable(f"{show(step)} is no key")


def _index(step: Any) -> int:
    if isinstance(step, int) and not isinstance(step, bool):
        return step
    if isinstance(step, str) and step.isascii() and step.isdigit() and len(step) <= _MAX_DIGITS:
        return int(step)
    raise _Inapplicable(f"{show(step)} is no index")
