"""Values of a stream as their readers get them: copies of their own, which cost what is looked at.

No change that a reader makes in a value may show in another one. To copy a whole chat for each of its edits
would take time that grows with its square. So a long list of containers becomes a `LongList`, whose items are
the log's until somebody gets at one, or changes the list. C code that reads items without asking the list
(`repr`, `==`, the encoder of JSON) finds the right ones; `plain[:] = long` and `heapq` hand on the log's.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Tuple

#: From how many items on a list is copied item by item.
LONG = 64


def copy_json(value: Any, *, lazily: bool = False) -> Any:
    """Copy the containers of a JSON value; much faster than `copy.deepcopy`, and as deep as memory allows.

    With `lazily`, long lists become a LongList, and `value` may never be changed again.
    """
    root = [value]
    todo: List[Any] = [root]
    while todo:
        container = todo.pop()
        pairs = enumerate(container) if isinstance(container, list) else container.items()
        for key, item in pairs:
            if not isinstance(item, (list, dict)):
                continue
            if lazily and isinstance(item, list) and len(item) >= LONG and isinstance(item[0], (list, dict)):
                container[key] = LongList(item)
            else:
                container[key] = copied = item.copy()
                todo.append(copied)
    return root[0]


class LongList(List[Any]):
    """A list that copies items when somebody gets at them; its own copies are plain lists."""

    __slots__ = ("_copies",)

    def __init__(self, items: List[Any]) -> None:
        super().__init__(items)
        # By place, the same for all threads; None once all are copied.
        self._copies: Optional[Dict[int, Any]] = {}

    def __getitem__(self, key: Any) -> Any:
        copies = self._copies
        if copies is None:
            return super().__getitem__(key)
        if isinstance(key, slice):
            return [self[place] for place in range(*key.indices(len(self)))]
        item = super().__getitem__(key)
        if not isinstance(item, (list, dict)):
            return item
        place = range(len(self))[key]
        if place not in copies:
            super().__setitem__(place, copies.setdefault(place, copy_json(item, lazily=True)))
        return copies[place]

    def settle(self) -> None:
        """Copy all items; from then on it is like any other list."""
        if self._copies is not None:
            for place in range(len(self)):
                self[place]
            self._copies = None

    def __radd__(self, other: List[Any]) -> List[Any]:
        return [*other, *self] if isinstance(other, list) else NotImplemented

    def __reduce_ex__(self, protocol: Any) -> Tuple[Any, ...]:
        return list, (list(self),)


def _settled(name: str) -> Callable[..., Any]:
    plain = getattr(list, name)

    def method(self: LongList, *args: Any, **kwargs: Any) -> Any:
        self.settle()
        return plain(self, *args, **kwargs)

    return method


for _name in (
    *("__add__", "__delitem__", "__iadd__", "__imul__", "__iter__", "__mul__", "__reversed__", "__rmul__"),
    *("__setitem__", "append", "clear", "copy", "extend", "insert", "pop", "remove", "reverse", "sort"),
):
    setattr(LongList, _name, _settled(_name))
