"""Source: what a server says, written into source code.

There it is only ever a literal, a part of a text that is escaped, or the ASCII letters and digits of a name.
So no description can bring code of its own into what is made of it.
"""

from __future__ import annotations

import re
from keyword import iskeyword
from typing import Any, Dict

from ..wire.texts import excerpt, one_line, text_of

#: What a generated module may import of `typing`, as sorted there, and of `typing_extensions`.
TYPING = (
    "TYPE_CHECKING",
    "Any",
    "Iterator",
    "Literal",
    "Mapping",
    "NewType",
    "Sequence",
    "TypedDict",
    "Union",
)
EXTENSIONS = ("NotRequired", "ReadOnly")
#: The other names that are not for a server's texts.
_is_taken = re.compile(
    "APP|Client|File|SavedFile|annotations|bool|dict|float|handle_file|int|list|os|str|tuple"
).fullmatch
#: Characters of a name, and of a label or description.
_LONGEST_NAME = 60
_LONGEST_TEXT = 200


def identifier(text: Any, fallback: str, taken: Dict[str, int]) -> str:
    """Make a name of a text: none that Python or a generated module uses, and none with `_` before it.

    Args:
        text: what stands for the name; not a text, or without ASCII letters, `fallback` takes its place.
        fallback: a name; it comes before digits as well.
        taken: the names there are, and how often each was asked for. The new one is added.
    """
    name = re.sub("[^0-9A-Za-z]+", "_", text[:_LONGEST_NAME]).strip("_") if isinstance(text, str) else ""
    if not name or name[0].isdigit():
        name = f"{fallback}_{name}".rstrip("_")
    if iskeyword(name) or name in TYPING + EXTENSIONS or _is_taken(name):
        name += "_"
    unique = name
    while unique in taken:
        taken[name] += 1
        unique = f"{name}_{taken[name]}"
    taken[unique] = 1
    return unique


def class_name(text: str, taken: Dict[str, int]) -> str:
    """The same in the style of classes."""
    words = re.split("[^0-9A-Za-z]+", text[:_LONGEST_NAME])
    return identifier("".join([word[:1].upper() + word[1:] for word in words]), "Value", taken)


def is_plain(value: Any) -> bool:
    """Whether a value can be a literal on one line: a text, a number, True, False or None."""
    if isinstance(value, str):
        return len(value) <= _LONGEST_TEXT
    if isinstance(value, (int, float)):
        return abs(value) < 2**63  # neither NaN nor an infinity, which have no literals
    return value is None


def line(value: Any) -> str:
    """A label or description on one line, for a place between three double quotes; "" for none."""
    text = excerpt(one_line(text_of(value) or ""), _LONGEST_TEXT)
    return text.replace("\\", "\\\\").replace('"', '\\"')
