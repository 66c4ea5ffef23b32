"""FileData: what stands for a file in the values of a call, found and replaced at any depth.

From Gradio 4.21 on a FileData carries `meta: {"_type": "gradio.FileData"}` and nothing else is one: plain
JSON with a `path` key is data. Before that (gradio/data_classes.py 4.16.0, 4.19.2) it had no mark, so only
the declared type of a component tells. Values are searched without recursion: how deep they are is the
server's choice.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Sequence, Tuple, Union

from .config import EndpointSpec
from .version import Version

#: Whether a dict at some depth of the value with this index is a file.
IsFile = Callable[[Mapping[str, Any], int], bool]

_MARK = "gradio.FileData"
_MARKED_SINCE = Version.parse("4.21.0")
_UNMARKED_FIELDS = frozenset(("path", "url", "size", "orig_name", "mime_type", "is_stream"))


class Slot(NamedTuple):
    """One place that holds a FileData.

    Args:
        container: the copied list or dict it is in.
        key: its index or key there.
        top: index of the top-level value it belongs to.
        file: the FileData.
    """

    container: Any
    key: Union[int, str]
    top: int
    file: Mapping[str, Any]

    def put(self, value: Any) -> None:
        """Replace it."""
        self.container[self.key] = value


def new_meta() -> Dict[str, str]:
    """The mark of a FileData."""
    return {"_type": _MARK}


def is_marked(value: Mapping[str, Any]) -> bool:
    """Whether a dict says that it is a FileData, and has a path."""
    meta = value.get("meta")
    marked = isinstance(meta, dict) and meta.get("_type") == _MARK
    return marked and isinstance(value.get("path"), str)


def marked_only(value: Mapping[str, Any], index: int) -> bool:  # noqa: ARG001 - an IsFile
    """The IsFile of arguments: callers mark files with `handle_file`, whatever the server's age."""
    return is_marked(value)


def file_outputs(spec: EndpointSpec, version: Version) -> IsFile:
    """The IsFile of an endpoint's outputs.

    Args:
        spec: the endpoint.
        version: of the server.
    """
    kept = frozenset(index for index, component in enumerate(spec.outputs) if not component.skip)
    declared = frozenset(index for index in kept if spec.outputs[index].value_is_file)
    unmarked = version < _MARKED_SINCE

    def is_file(value: Mapping[str, Any], index: int) -> bool:
        if index in kept and is_marked(value):
            return True
        return unmarked and index in declared and _looks_like_file(value)

    return is_file


def _looks_like_file(value: Mapping[str, Any]) -> bool:
    return isinstance(value.get("path"), str) and value.keys() <= _UNMARKED_FIELDS


def has_files(values: Sequence[Any], is_file: IsFile) -> bool:
    """Whether there is a file anywhere in these values."""
    seen = set()
    for index, top in enumerate(values):
        todo = [top]
        while todo:
            value = todo.pop()
            if isinstance(value, dict):
                if is_file(value, index):
                    return True
                items = list(value.values())
            elif isinstance(value, (list, tuple)):
                items = list(value)
            else:
                continue
            if id(value) not in seen:  # a value may hold itself
                seen.add(id(value))
                todo.extend(item for item in items if isinstance(item, (dict, list, tuple)))
    return False


def find_files(values: Sequence[Any], is_file: IsFile) -> Tuple[List[Any], List[Slot]]:
    """A copy of the values and the places of its files, in order.

    The containers are copied, files and all else are shared; tuples become lists. What is a file is not
    searched for files.
    """
    copy = list(values)
    slots: List[Slot] = []
    for index in range(len(copy)):
        _Search(is_file, index, slots).run(copy)
    return copy, slots


class _Search:
    """Searches one top-level value, depth first."""

    def __init__(self, is_file: IsFile, index: int, slots: List[Slot]) -> None:
        self._is_file = is_file
        self._index = index
        self._slots = slots
        self._copies: Dict[int, Any] = {}

    def run(self, top: List[Any]) -> None:
        todo: List[Tuple[Any, Union[int, str]]] = [(top, self._index)]
        while todo:
            container, key = todo.pop()
            value = container[key]
            if isinstance(value, dict) and self._is_file(value, self._index):
                self._slots.append(Slot(container, key, self._index, value))
            elif isinstance(value, (dict, list, tuple)):
                inner, new = self._copy(value)
                container[key] = inner
                if new:
                    keys = list(inner) if isinstance(inner, dict) else list(range(len(inner)))
                    todo.extend((inner, key) for key in reversed(keys))

    def _copy(self, value: Any) -> Tuple[Any, bool]:
        """Its copy, and whether that was made now: values that share or hold each other still do."""
        known = self._copies.get(id(value))
        if known is not None:
            return known, False
        copy = dict(value) if isinstance(value, dict) else list(value)
        self._copies[id(value)] = copy
        return copy, True
