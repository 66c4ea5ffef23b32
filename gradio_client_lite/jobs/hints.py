"""Hints: what an app may have refused the arguments of a call for; they end the text of its error.

A text is never taken for a path or a URL here, and whether it was meant as one only its author knows. So a
call with a text where a file belongs is made, and only when the app fails is there a hint at `handle_file`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Mapping, Sequence, Tuple, Union

from ..errors import shorten
from ..wire.names import PREFIX
from ..wire.provenance import ResultPath

if TYPE_CHECKING:
    from ..app.endpoint import Endpoint

FOREIGN_DICT = (
    "(An argument is a dict that stands for a file and went to the server as it is. If that file is on this "
    "machine, pass what handle_file(path) returns.)"
)
#: Components of Gradio 3 - 6 whose values are files, or lists of files, and nothing else.
_OF_FILES = frozenset(
    ("audio", "downloadbutton", "file", "gallery", "image", "model3d", "uploadbutton", "video")
)
_LONGEST_NAME = 80

#: Arguments: the place of one that was given by position, the name of one that was given by name.
Keys = Tuple[Union[int, str], ...]


def takes_only_files(endpoint: Endpoint) -> bool:
    """Whether an argument of an endpoint has to be a file, so that `text_keys` should be asked."""
    return any(component.type in _OF_FILES for component in endpoint.spec.inputs)


def text_keys(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Keys:
    """Which arguments are plain texts, or lists that hold one."""
    given: List[Tuple[Union[int, str], Any]] = [*enumerate(args), *kwargs.items()]
    return tuple([key for key, value in given if _is_text(value) or _holds_text(value)])


def _holds_text(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and any(map(_is_text, value))


def _is_text(value: Any) -> bool:
    # Content inside a text is a value of Gradio 3, and a ResultPath is a file.
    return isinstance(value, str) and not isinstance(value, ResultPath) and not value.startswith(PREFIX)


def hint(endpoint: Endpoint, keys: Keys, *, foreign: bool) -> str:
    """What to say to a call that the app failed; "" for nothing.

    Args:
        endpoint: what was called; for names among `keys` its description must be at hand.
        keys: as `text_keys` gave them.
        foreign: whether an argument was a dict that stands for a file of this machine.
    """
    if foreign:
        return FOREIGN_DICT
    components = [component for component in endpoint.spec.inputs if not component.skip]
    by_name = any(isinstance(key, str) for key in keys)
    names = [parameter.get("parameter_name") for parameter in (by_name and endpoint.parameters_info) or ()]
    for key in keys:
        place = key if isinstance(key, int) else names.index(key) if key in names else len(components)
        if place < len(components) and components[place].type in _OF_FILES:
            what = f"Argument `{key}`" if isinstance(key, str) else f"Argument {key}"
            label = components[place].label
            what += f" ({shorten(label, _LONGEST_NAME)!r})" if label else ""
            return (
                f"({what} is a text where the app takes a file. If that is the path or the URL of one, pass "
                "what handle_file(…) makes of it.)"
            )
    return ""
