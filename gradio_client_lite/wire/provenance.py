"""Where a file among the values of a call comes from: its Python type tells, never its content.

A FileData in JSON does not say whose file it names: a server can write the path of a file of this machine
into a default or a result, and the next call would send that file to it. So a file of this machine is opened,
and a URL is fetched, only for a FileArgument, which `handle_file` made here. What came from a server is a
ResultPath or a ResultFile, which know what the server takes for the file, and every other dict is data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Optional, Tuple, TypeVar

from ..light import NamedTuple
from .names import PREFIX

if TYPE_CHECKING:
    _Dict = TypeVar("_Dict", bound=Dict[str, Any])


class FileArgument(dict[str, Any]):
    """The FileData of a `handle_file` call.

    A copy is one too, and so is what its pickle gives; a dict that was built anew from its items is not.

    Attributes:
        source: what is sent, bound when the file was given: changing the dict does not change it. None when
            the class was called, as `dataclasses.asdict` does; then this is an ordinary dict.
    """

    source: Optional[object] = None

    @classmethod
    def of(cls, fields: Mapping[str, Any], source: object) -> FileArgument:
        """The FileData with these fields of a file whose content is `source`."""
        made = cls(fields)
        made.source = source
        return made

    def copy(self) -> FileArgument:
        return self.of(self, self.source)

    __copy__ = copy

    def __deepcopy__(self, memo: Dict[int, Any]) -> FileArgument:
        return _deepened(self.copy(), memo)


class Origin(NamedTuple):
    """Where a result's file comes from.

    Args:
        src: the URL of the app, as its client reached it.
        given: what the app's server takes as this file; None when it keeps none, as for a stream.
    """

    src: str
    given: Any


class ResultPath(str):
    """The path of a file downloaded from `origin`; it equals, hashes, shows and pickles as that text."""

    __slots__ = ("origin",)
    origin: Origin

    def __new__(cls, path: str, origin: Origin) -> ResultPath:
        made = super().__new__(cls, path)
        made.origin = origin
        return made

    def __copy__(self) -> ResultPath:
        return self

    def __deepcopy__(self, memo: Dict[int, Any]) -> ResultPath:
        return self

    def __reduce__(self) -> Tuple[Any, ...]:
        return str, (str(self),)


class ResultFile(dict[str, Any]):
    """A FileData of a result that was not downloaded.

    Attributes:
        origin: where it is; None when the class was called, and so this is an ordinary dict.
        file: the FileData as the app described it, whatever became of this dict.
        home: called, returns the Attachments of the client that got it, or None when that is gone; None after
            a pickle.
    """

    origin: Optional[Origin] = None
    file: Mapping[str, Any] = {}
    home: Optional[Callable[[], Any]] = None

    @classmethod
    def of(cls, file: Mapping[str, Any], origin: Origin, home: Optional[Callable[[], Any]]) -> ResultFile:
        """The FileData that an app sent."""
        made = cls(file)
        made.origin, made.file, made.home = origin, file, home
        return made

    def copy(self) -> ResultFile:
        made = ResultFile(self)
        made.__dict__.update(self.__dict__)
        return made

    __copy__ = copy

    def __deepcopy__(self, memo: Dict[int, Any]) -> ResultFile:
        return _deepened(self.copy(), memo)

    def __getstate__(self) -> Dict[str, Any]:
        return {**self.__dict__, "home": None}


class V3File(dict[str, Any]):
    """A FileData that stands for a value of a Gradio 3 server, `given`."""

    given: Any = None

    @classmethod
    def of(cls, fields: Mapping[str, Any], given: Any) -> V3File:
        """The FileData with these fields for the value `given`."""
        made = cls(fields)
        made.given = given
        return made


def origin_of(file: Mapping[str, Any], src: str) -> Origin:
    """The origin of a FileData of a result: as the server sent it, or a V3File."""
    if file.get("is_stream"):
        return Origin(src, None)  # which the server forgets, or only ever gives once
    if isinstance(file, V3File):
        return Origin(src, None if content_url(file) else file.given)
    return Origin(src, file)


def content_url(file: Mapping[str, Any]) -> Optional[str]:
    """The data: URL of a file of Gradio 3 whose content came in the result; None for others."""
    url = file.get("url")
    return url if isinstance(file, V3File) and isinstance(url, str) and url.startswith(PREFIX) else None


def _deepened(copied: _Dict, memo: Dict[int, Any]) -> _Dict:
    """Replace the values of a copied dict by deep copies."""
    from copy import deepcopy

    for key, value in copied.items():
        copied[key] = deepcopy(value, memo)
    return copied
