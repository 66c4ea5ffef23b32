"""FileData: files among the values of a call, found and replaced at any depth.

From Gradio 4.21 on a FileData carries `meta: {"_type": "gradio.FileData"}` and nothing else is one: plain
JSON with a `path` key is data. Before that (gradio/data_classes.py 4.16.0, 4.19.2) it had no mark, so only
the declared type of a component tells. Values are searched without recursion: how deep they are is the
server's choice.
"""

from __future__ import annotations

from typing import (
    Any,
    Callable,
    Container,
    Dict,
    FrozenSet,
    Iterator,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Union,
)

from ..light import NamedTuple, pattern
from .config import EndpointSpec
from .copies import IsFile, Slot
from .messages import LARGE
from .provenance import FileArgument, ResultFile, ResultPath, V3File, origin_of
from .urls import is_url

_SEARCHED = (dict, list, tuple, ResultPath)
#: The exact types of containers in results: of JSON, and of files of Gradio 3.
_NESTED = frozenset((dict, list, V3File))

_MARK = "gradio.FileData"
_UNMARKED_FIELDS = frozenset(("path", "url", "size", "orig_name", "mime_type", "is_stream"))
#: Escapes of ASCII letters and full stops in JSON.
_ESCAPED, _ESCAPED_BYTES = pattern(r"\\u00[2-7]"), pattern(rb"\\u00[2-7]")


def new_meta() -> Dict[str, str]:
    """The mark of a FileData."""
    return {"_type": _MARK}


def is_marked(value: Mapping[str, Any]) -> bool:
    """Whether a dict says that it is a FileData, and has a path."""
    meta = value.get("meta")
    marked = isinstance(meta, dict) and meta.get("_type") == _MARK
    return marked and isinstance(value.get("path"), str)


def argument_files(holds: Callable[[int], bool]) -> IsFile:
    """Make the IsFile of arguments: files that take another form before they are sent. See `provenance`.

    `holds` tells whether the argument with an index may hold files.
    """

    def is_file(value: Any, index: int) -> bool:
        if isinstance(value, FileArgument):
            return value.source is not None
        if isinstance(value, ResultFile):
            return value.origin is not None and holds(index)
        return isinstance(value, (ResultPath, V3File)) and holds(index)

    return is_file


def takes_files(spec: EndpointSpec, index: int) -> bool:
    """Whether an argument may hold files, as its component declares; one without a component may."""
    components = spec.arguments
    return index >= len(components) or components[index].takes_files


def is_foreign(value: Any) -> bool:
    """Whether an argument is marked as a file, has a path of this machine, and is not of `handle_file`."""
    if not isinstance(value, dict) or not is_marked(value):
        return False
    if is_url(value["path"]) or isinstance(value, (ResultFile, V3File)):
        return False
    return not isinstance(value, FileArgument) or value.source is None


def holds_foreign(values: Sequence[Any]) -> bool:
    """Whether any of these arguments is, or holds, a file as `is_foreign` tells it."""
    return any(is_foreign(value) for value, _ in _search(values))


class Survey(NamedTuple):
    """What a search of arguments found.

    Args:
        files: whether some must take another form before they are sent.
        foreign: whether there is a file as `is_foreign` tells it.
    """

    files: bool
    foreign: bool


def survey(values: Sequence[Any], is_file: IsFile) -> Survey:
    """Search arguments once for both."""
    files = foreign = False
    for value, index in _search(values):
        files = files or is_file(value, index)
        foreign = foreign or is_foreign(value)
    return Survey(files, foreign)


def file_outputs(spec: EndpointSpec, *, marks_files: bool) -> IsFile:
    """The IsFile of an endpoint's outputs; see `Dialect.marks_files`."""
    kept = frozenset(index for index, component in enumerate(spec.outputs) if not component.skip)
    declared = frozenset(index for index in kept if spec.outputs[index].value_is_file)

    def is_file(value: Mapping[str, Any], index: int) -> bool:
        if index in kept and is_marked(value):
            return True
        return not marks_files and index in declared and _looks_like_file(value)

    return is_file


def file_word(spec: EndpointSpec, *, marks_files: bool) -> str:
    """The word in the JSON of every result that holds a file; see `mentions` and `file_outputs`."""
    unmarked = not marks_files and any(output.value_is_file for output in spec.outputs)
    return "path" if unmarked else _MARK


def mentions(json_text: Union[str, bytes], word: str) -> bool:
    """Whether JSON may hold a text with a word in it; False is certain.

    This is a thousand times cheaper than a search of its values. Escapes of ASCII letters, which no
    server writes, could spell the word too.

    Args:
        json_text: bytes in UTF-8.
        word: of ASCII letters and full stops.
    """
    if isinstance(json_text, bytes):
        found, escaped = word.encode("ascii") in json_text, b"\\" in json_text
        return found or (escaped and _ESCAPED_BYTES.search(json_text) is not None)
    return word in json_text or ("\\" in json_text and _ESCAPED.search(json_text) is not None)


def holding_outputs(spec: EndpointSpec) -> FrozenSet[int]:
    """The outputs of an endpoint that may hold files, as their components declare."""
    outputs = enumerate(spec.outputs)
    return frozenset(index for index, component in outputs if component.takes_files and not component.skip)


def _looks_like_file(value: Mapping[str, Any]) -> bool:
    return isinstance(value.get("path"), str) and value.keys() <= _UNMARKED_FIELDS


def has_files(values: Sequence[Any], is_file: IsFile, among: Optional[Container[int]] = None) -> bool:
    """Whether there is a file anywhere in the values of a result, which do not hold themselves.

    Args:
        values: of JSON, or from `V3Results.decode`.
        is_file: called only for dicts with a `path`, as every file has one.
        among: the indexes of values to search; None for all.
    """
    for index, top in enumerate(values):
        if type(top) not in _NESTED or not (among is None or index in among):
            continue
        todo = [top]
        while todo:
            value = todo.pop()
            if isinstance(value, dict):
                if "path" in value and is_file(value, index):
                    return True
                value = value.values()
            # Most lists are rows of numbers and texts: nothing is made for them, nor are their items visited.
            if not _NESTED.isdisjoint(map(type, value)):
                todo += [item for item in value if type(item) in _NESTED]
    return False


def _search(values: Sequence[Any]) -> Iterator[Tuple[Any, int]]:
    """Yield every dict and ResultPath at any depth, with the index of the value it is in."""
    for index, top in enumerate(values):
        if not isinstance(top, _SEARCHED):
            continue
        seen = set()
        todo = [top]
        while todo:
            value = todo.pop()
            if isinstance(value, (dict, ResultPath)):
                yield value, index
            if isinstance(value, ResultPath) or id(value) in seen:  # a value may hold itself
                continue
            seen.add(id(value))
            items = value.values() if isinstance(value, dict) else value
            todo.extend([item for item in items if isinstance(item, _SEARCHED)])


def find_files(
    values: Sequence[Any], is_file: IsFile, among: Optional[Container[int]] = None
) -> Tuple[List[Any], List[Slot]]:
    """Copy the values and list the slots of their files, in order, depth first.

    The containers are copied, files and all else are shared; tuples become lists. What is a file is not
    searched for files. Values that share or hold a container share or hold its copy. `among` is that of
    `has_files`.
    """
    copy = list(values)
    slots: List[Slot] = []
    for top in range(len(copy)):
        if not (among is None or top in among):
            continue
        copies: Dict[int, Any] = {}  # by the identity of what was copied
        todo: List[Tuple[Any, Union[int, str]]] = [(copy, top)]
        while todo:
            container, key = todo.pop()
            value = container[key]
            if isinstance(value, (dict, ResultPath)) and is_file(value, top):
                slots.append(Slot(container, key, top, value))
            elif isinstance(value, (dict, list, tuple)):
                inner = container[key] = copies.get(id(value))
                if inner is None:
                    inner = dict(value) if isinstance(value, dict) else list(value)
                    copies[id(value)] = container[key] = inner
                    keys = list(inner) if isinstance(inner, dict) else range(len(inner))
                    todo.extend((inner, key) for key in reversed(keys))
    return copy, slots


def mark_results(
    values: List[Any], is_file: IsFile, among: Container[int], src: str, home: Callable[[], Any]
) -> List[Any]:
    """Put a ResultFile in place of each file; the same list where there is none. See `has_files`."""
    if not has_files(values, is_file, among):
        return values
    copy, slots = find_files(values, is_file, among)
    put_results(slots, src, home)
    return copy


def put_results(slots: Sequence[Slot], src: str, home: Optional[Callable[[], Any]]) -> None:
    """Put a ResultFile in each slot."""
    for slot in slots:
        slot.put(ResultFile.of(slot.file, origin_of(slot.file, src), home))


class Outputs(NamedTuple):
    """The output values of one message, after a search for files.

    Args:
        data: one for each output component.
        files: whether there are files to fetch; None where the search takes long and has still to be done.
    """

    data: List[Any]
    files: Optional[bool]


class EndpointFiles:
    """Where the arguments and results of one endpoint may hold files. What it answers needs no room `files`.

    Args:
        is_argument: the IsFile of its arguments.
        is_file: the IsFile of its outputs.
        holders: the outputs that may hold some.
        word: what the JSON of a result with files mentions; None where that tells nothing.
        reforms: whether some arguments take another form before they are sent, files apart; None where none
            does.
        decode: gives the outputs the form they have for the caller; None where they have it already.
        src: the URL of the app.
        home: of the ResultFiles that files become where they are not fetched; None where they are.
    """

    def __init__(
        self,
        is_argument: IsFile,
        is_file: IsFile,
        holders: FrozenSet[int],
        word: Optional[str] = None,
        *,
        reforms: Optional[Callable[[Sequence[Any]], bool]] = None,
        decode: Optional[Callable[[Sequence[Any]], List[Any]]] = None,
        src: str = "",
        home: Optional[Callable[[], Any]] = None,
    ) -> None:
        self._is_argument = is_argument
        self.is_file = is_file
        self.holders = holders
        self.word = word
        self._reforms = reforms
        self.decode = decode
        self.src = src
        self.home = home

    def survey(self, values: Sequence[Any]) -> Survey:
        """Look through arguments once."""
        found = survey(values, self._is_argument)
        reforms = self._reforms is not None and self._reforms(values)
        return found._replace(files=True) if reforms else found

    def look(self, data: List[Any], text: Union[str, bytes] = "") -> Outputs:
        """Search output values for files, unless it is plain that there are none, or that it takes long.

        Args:
            data: the values, as the server sent them.
            text: the JSON they come from; "" where they come from several.
        """
        mentioned = self.decode is not None or not text
        mentioned = mentioned or bool(self.word and self.holders and mentions(text, self.word))
        if not mentioned:
            return Outputs(data, False)
        return Outputs(data, None) if len(text) >= LARGE else self.search(data)

    def search(self, data: List[Any]) -> Outputs:
        """Give output values the form they have for the caller, and search them for files."""
        if self.decode is not None:
            data = self.decode(data)
        if self.home is None:
            return Outputs(data, has_files(data, self.is_file, self.holders))
        return Outputs(mark_results(data, self.is_file, self.holders, self.src, self.home), False)
