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

import reprlib
from typing import Any, Dict, Iterable, List, NoReturn, Optional, Tuple, Union

from ..errors import ProtocolError
from .deletions import mend_deletions

_Container = Union[List[Any], Dict[str, Any]]
_Key = Union[int, str]
_ACTIONS = ("replace", "append", "add", "delete")
_MAX_DIGITS = 18  # of an index; int and str refuse thousands of them with an error of their own


def apply_diff(value: Any, edits: Any) -> Any:
    """Apply one edit list to a JSON value.

    The value is not changed. The result shares with it (and with the edits) every part that no edit touches;
    the containers on an edited path are copied, each once per call however many edits lie below it.

    Args:
        value: any JSON value.
        edits: a list of `[action, path, value]`.

    Returns:
        The new value.

    Raises:
        ProtocolError: an edit is malformed or does not fit the value.

    Example:
        >>> apply_diff({"text": "a", "n": [1]}, [["append", ["text"], "b"], ["add", ["n", 1], 2]])
        {'text': 'ab', 'n': [1, 2]}
    """
    return apply_diffs(value, (edits,))


def apply_diffs(value: Any, edit_lists: Iterable[Any]) -> Any:
    """Apply several edit lists one after the other; as `apply_diff`, but cheaper than a call for each.

    Text that is appended to one string many times is joined once, at the end.

    Raises:
        ProtocolError: an edit is malformed or does not fit the value.
    """
    patch = _Patch(value)
    for edits in edit_lists:
        check_edits(edits)
        for action, path, operand in mend_deletions(patch.root[0], edits):
            patch.apply(action, path, operand)
    return patch.result()


def check_edits(edits: Any) -> None:
    """Raise ProtocolError unless `edits` is a list of three-item lists."""
    if not isinstance(edits, list):
        raise ProtocolError(f"The server sent {_show(edits)} where a list of edits belongs.")
    for edit in edits:
        if not isinstance(edit, list) or len(edit) != 3:
            raise ProtocolError(f"The server sent the edit {_show(edit)}; it must be [action, path, value].")


def are_edits(values: List[Any]) -> bool:
    """Whether these look like edit lists, with an edit at least, and not like values themselves."""
    return any(values) and all(
        isinstance(edits, list)
        and all(isinstance(edit, list) and len(edit) == 3 and edit[0] in _ACTIONS for edit in edits)
        for edits in values
    )


def replacements(edit_lists: List[Any]) -> Optional[List[Any]]:
    """The new values, where edit lists give all of them whole; None where they do not."""
    if not are_edits(edit_lists):
        return None
    whole = all(len(edits) == 1 and edits[0][:2] == ["replace", []] for edits in edit_lists)
    return [edits[0][2] for edits in edit_lists] if whole else None


class _Patch:
    """A value while it is being edited.

    `_owned` holds the containers made here, which may therefore be changed; all others are copied first.
    `_pending` holds the pieces of text to append to strings, by container and key, so that a string which
    grows by many edits is built once. What is pending stays valid until something else happens to that key.
    """

    def __init__(self, value: Any) -> None:
        self.root: List[Any] = [value]  # so that the whole value is an item of a container, too
        self._owned: Dict[int, _Container] = {id(self.root): self.root}
        self._pending: Dict[int, Dict[_Key, List[str]]] = {}

    def apply(self, action: Any, path: Any, operand: Any) -> None:
        try:
            if not isinstance(path, list):
                raise _Inapplicable("the path is not a list")
            container, step = self._parent(path)
            if action == "append":
                self._append(container, _existing(container, step), operand)
            elif action == "replace":
                self._replace(container, _existing(container, step), operand)
            elif action == "add" and path:
                self._add(container, step, operand)
            elif action == "delete" and path:
                self._delete(container, _existing(container, step))
            else:
                raise _Inapplicable(
                    "there is no such action" if path else "the whole value cannot be edited so"
                )
        except _Inapplicable as reason:
            _refuse(action, path, reason)

    def result(self) -> Any:
        for identity in list(self._pending):
            self._settle(self._owned[identity])
        return self.root[0]

    def _parent(self, path: List[Any]) -> Tuple[_Container, Any]:
        """The container that holds the end of the path, ready to be changed, and the last step within it."""
        container: _Container = self.root
        step: Any = 0
        for following in path:
            container = self._own(container, _existing(container, step))
            step = following
        return container, step

    def _own(self, container: _Container, key: _Key) -> _Container:
        child = container[key]  # type: ignore[index]  # _existing gave a key that fits
        if id(child) in self._owned:
            return child  # type: ignore[no-any-return]
        if not isinstance(child, (list, dict)):
            raise _Inapplicable(f"it leads through a value of type {type(child).__name__}")
        copied: _Container = child.copy()
        container[key] = copied  # type: ignore[index]
        self._owned[id(copied)] = copied
        return copied

    def _append(self, container: _Container, key: _Key, operand: Any) -> None:
        target = container[key]  # type: ignore[index]
        if isinstance(target, str) and isinstance(operand, str):
            self._pending.setdefault(id(container), {}).setdefault(key, []).append(operand)
        elif isinstance(target, list) and isinstance(operand, list):
            self._own(container, key).extend(operand)  # type: ignore[union-attr]
        else:
            raise _Inapplicable(f"{type(operand).__name__} cannot be appended to {type(target).__name__}")

    def _replace(self, container: _Container, key: _Key, operand: Any) -> None:
        self._forget(container, key)
        container[key] = operand  # type: ignore[index]

    def _add(self, container: _Container, step: Any, operand: Any) -> None:
        if isinstance(container, dict):
            key = _member_name(container, step)
            self._forget(container, key)
            container[key] = operand
            return
        index = _index(step)
        if not 0 <= index <= len(container):
            raise _Inapplicable("the index is out of range")
        if index < len(container):
            self._settle(container)
        container.insert(index, operand)

    def _delete(self, container: _Container, key: _Key) -> None:
        self._settle(container)
        del container[key]  # type: ignore[arg-type]

    def _forget(self, container: _Container, key: _Key) -> None:
        if self._pending:
            self._pending.get(id(container), {}).pop(key, None)

    def _settle(self, container: Any) -> None:
        """Append the pending text to the strings of this container."""
        for key, pieces in self._pending.pop(id(container), {}).items():
            container[key] = "".join([container[key], *pieces])


class _Inapplicable(Exception):
    """Why one edit cannot be applied; never leaves this module."""


def _refuse(action: Any, path: Any, reason: Exception) -> NoReturn:
    raise ProtocolError(
        f"The server sent an edit that does not apply: {_show(action)} at {_show(path)}: {reason}."
    ) from reason


def _existing(container: _Container, step: Any) -> _Key:
    """The key or (non-negative) index of something that is in the container."""
    if isinstance(container, dict):
        name = _member_name(container, step)
        if name not in container:
            raise _Inapplicable(f"there is no key {_show(step)}")
        return name
    index = _index(step)
    size = len(container)
    if not -size <= index < size:
        raise _Inapplicable("the index is out of range")
    return index % size


def _member_name(container: Dict[Any, Any], step: Any) -> str:
    """JSON has only string keys, but the path to a Python int key holds the int."""
    if isinstance(step, str):
        return step
    if isinstance(step, int) and not isinstance(step, bool) and abs(step) < 10**_MAX_DIGITS:
        return step if step in container else str(step)  # type: ignore[return-value]
    raise _Inapplicable(f"{_show(step)} is no key")


def _index(step: Any) -> int:
    if isinstance(step, int) and not isinstance(step, bool):
        return step
    if isinstance(step, str) and step.isascii() and step.isdigit() and len(step) <= _MAX_DIGITS:
        return int(step)
    raise _Inapplicable(f"{_show(step)} is no index")


def _show(value: Any) -> str:
    """A short text for an error message, whatever the server sent."""
    try:
        return reprlib.repr(value)
    except ValueError:  # an int of thousands of digits
        return type(value).__name__
