"""Values of a stream as a reader gets them: lists and dicts of its own, and where in them files are.

No change that a reader makes in a value may show in another one. To copy a whole chat for each of its edits,
though, and to search it for files, takes time that grows with its square. So of a list with `LONG` items or
more only those are copied and searched that are not the very same objects in the value before; the others are
the same copies in both.
"""

from __future__ import annotations

from itertools import chain, compress
from operator import is_not
from typing import Any, Callable, Container, Iterable, List, Optional, Sequence, Tuple, Union

from ..light import NamedTuple

#: From how many items on a list shares them with the value before it.
LONG = 512

_CONTAINERS = frozenset((dict, list))

#: Whether a dict, or a ResultPath, at some depth of the value with this index is a file.
IsFile = Callable[[Any, int], bool]


class Slot(NamedTuple):
    """A list item or dict value that is a file.

    Args:
        container: the copied list or dict that holds it.
        key: its index or key there.
        top: the index of the top-level value it belongs to.
        file: the FileData, or a ResultPath.
    """

    container: Any
    key: Union[int, str]
    top: int
    file: Any

    def put(self, value: Any) -> None:
        """Replace it."""
        self.container[self.key] = value


def copy_json(value: Any) -> Any:
    """Copy the containers of a JSON value; much faster than `copy.deepcopy`, and as deep as memory allows."""
    root = [value]
    _copy(root, 0)
    return root[0]


class Taken(NamedTuple):
    """One reader's copy of output values.

    Args:
        data: one value for each output component.
        slots: of the files in it that are new to the reader, in no order.
        long: the long lists in it that are in no other long list: as they are in the log, and here.
    """

    data: List[Any]
    slots: List[Slot]
    long: List[Tuple[List[Any], List[Any]]]

    @property
    def files(self) -> bool:
        """Whether there are files to fetch."""
        return bool(self.slots)


class Copies:
    """Copies output values that follow each other, for one reader."""

    def __init__(self) -> None:
        self._known: List[Tuple[List[Any], List[Any]]] = []  # the `long` of the latest value

    def of(
        self, values: Sequence[Any], is_file: Optional[IsFile] = None, among: Optional[Container[int]] = None
    ) -> Taken:
        """Copy JSON values, which must never be changed; `is_file` is None where there are no files."""
        taken = Taken(list(values), [], [])
        known = iter(self._known)

        def copy_long(items: List[Any]) -> List[Any]:
            old, copies = next(known, ([], []))
            size = min(len(old), len(items))
            made = copies[:size] + items[size:]
            for place in chain(compress(range(size), map(is_not, old, items)), range(size, len(items))):
                made[place] = items[place]
                _copy(made, place, top, searched, taken.slots)
            taken.long.append((items, made))
            return made

        for top in range(len(values)):
            searched = is_file if among is None or top in among else None
            _copy(taken.data, top, top, searched, taken.slots, copy_long)
        if not taken.slots:
            self.keep(taken)
        return taken

    def keep(self, taken: Taken) -> None:
        """Share what was taken with the next value, once its files are there and before the caller has it."""
        if not any(slot.file.get("is_stream") for slot in taken.slots):  # in each value another part of it
            self._known = [(items, made.copy()) for items, made in taken.long]


def _copy(
    holder: Any,
    key: Union[int, str],
    top: int = 0,
    is_file: Optional[IsFile] = None,
    slots: Any = None,
    copy_long: Optional[Callable[[List[Any]], List[Any]]] = None,
) -> None:
    """Put a copy in the place of an item of a container, and add the slots of files in it to `slots`."""
    pairs: Iterable[Tuple[Any, Any]] = ((key, holder[key]),)
    todo: List[Any] = []
    while True:
        for place, value in pairs:
            if type(value) not in _CONTAINERS:
                continue
            is_list = type(value) is list
            if is_file is not None and not is_list and "path" in value and is_file(value, top):
                slots.append(Slot(holder, place, top, value))
                continue
            inner: Any = value.copy()
            holder[place] = inner
            if not _CONTAINERS.isdisjoint(map(type, inner if is_list else inner.values())):
                if copy_long is not None and is_list and len(inner) >= LONG:
                    holder[place] = copy_long(value)
                else:
                    todo.append(inner)
        if not todo:
            return
        holder = todo.pop()
        pairs = _pairs(holder)


def _pairs(container: Any) -> Iterable[Tuple[Any, Any]]:
    return enumerate(container) if isinstance(container, list) else container.items()
