"""Hints: what an app may have refused the arguments of a call for; they end the text of its error.

Only its author knows whether a text is a path or a URL. So a call with a text in the place of a file is made,
and there is a hint at `handle_file` only when the app fails it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, Mapping, Sequence, Tuple, Union

from ..errors import shorten
from ..wire.names import PREFIX
from ..wire.provenance import ResultPath

if TYPE_CHECKING:
    from ..app.endpoint import Endpoint

    #: Arguments: the place of one that was given by position, the name of one that was given by name.
    Keys = Tuple[Union[int, str], ...]

_FOREIGN = (
    "(An argument is a dict that stands for a file and went to the server as it is. If that file is on this "
    "machine, pass what handle_file(path) returns.)"
)
#: Components whose values are files, or lists of files, and nothing else.
_OF_FILES = frozenset(
    ("audio", "downloadbutton", "file", "gallery", "image", "model3d", "uploadbutton", "video")
)


def takes_only_files(endpoint: Endpoint) -> bool:
    """Whether an argument of an endpoint has to be a file."""
    return any(component.type in _OF_FILES for component in endpoint.spec.inputs)


def text_keys(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Keys:
    """Which arguments are plain texts, or lists that hold one."""
    given: List[Tuple[Union[int, str], Any]] = [*enumerate(args), *kwargs.items()]
    return tuple([key for key, value in given if _has_text(value if isinstance(value, list) else [value])])


def _has_text(values: Sequence[Any]) -> bool:
    # Content inside a text is a value of Gradio 3, and a ResultPath is a file.
    texts = [value for value in values if isinstance(value, str) and not isinstance(value, ResultPath)]
    return not all(text.startswith(PREFIX) for text in texts)


def hint(endpoint: Endpoint, keys: Keys, *, foreign: bool) -> str:
    """What to say of a call that the app has failed; "" for nothing.

    Args:
        endpoint: described where there are names among the keys.
        keys: of the texts among the arguments.
        foreign: whether a dict among them stands for a file of this machine.
    """
    if foreign:
        return _FOREIGN
    components = [component for component in endpoint.spec.inputs if not component.skip]
    names: List[Any] = []
    if any(isinstance(key, str) for key in keys):
        names = [parameter.get("parameter_name") for parameter in endpoint.parameters_info or ()]
    for key in keys:
        place = key if isinstance(key, int) else names.index(key) if key in names else len(components)
        if place < len(components) and components[place].type in _OF_FILES:
            what = f"{place} ({shorten(components[place].label, 80)!r})" if place == key else f"`{key}`"
            return (
                f"(Argument {what} is a text where the app takes a file. If that is the path or the URL of "
                "one, pass what handle_file(…) makes of it.)"
            )
    return ""
