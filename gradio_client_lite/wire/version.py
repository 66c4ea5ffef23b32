"""The version number of a Gradio server, as a value that can be compared.

Gradio's own releases look like ``4.44.1`` or ``5.0.0b1``; nightly and hand-built ones add ``.dev3``,
``-beta.2`` or ``+local``. A config is data from the network, so parsing never fails: what is not a
version at all counts as version 0, older than everything.
"""

from __future__ import annotations

import re
from functools import total_ordering
from typing import Any, List, Tuple

from .texts import excerpt

# Where each stage stands relative to the finished release (0), in the order of PEP 440.
_STAGES = {
    "dev": -4,
    "alpha": -3,
    "a": -3,
    "beta": -2,
    "b": -2,
    "preview": -1,
    "pre": -1,
    "rc": -1,
    "c": -1,
    "post": 1,
    "rev": 1,
    "r": 1,
}
# Characters of a version that are read; no release needs a third of them.
_LONGEST = 100
# Patterns are compiled when first needed: releases are plain numbers, and start-up time counts.
_NUMBERS = r"\s*v?([0-9]{1,9}(?:\.[0-9]{1,9})*)"
_STAGE = r"[._-]?(" + "|".join(_STAGES) + r")[._-]?([0-9]{0,9})"


@total_ordering
class Version:
    """A version number; compare two with ``<``, ``==`` and so on.

    Args:
        release: the numbers, without trailing zeros, so that 4.0 equals 4.0.0.
        stages: (stage, number) pairs of what follows the numbers, ended by (0, 0), the finished release.
        text: what was parsed; not compared.
    """

    __slots__ = ("release", "stages", "text")

    def __init__(
        self, release: Tuple[int, ...], stages: Tuple[Tuple[int, int], ...] = ((0, 0),), text: str = ""
    ) -> None:
        self.release = release
        self.stages = stages
        self.text = text

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Version):
            return NotImplemented
        return (self.release, self.stages) == (other.release, other.stages)

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Version):
            return NotImplemented
        return (self.release, self.stages) < (other.release, other.stages)

    def __hash__(self) -> int:
        return hash((self.release, self.stages))

    def __repr__(self) -> str:
        return f"<Version {self.text}>"

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, text: Any) -> Version:
        """Reads a version; None means 2.0, which is what Gradio servers that send none are taken for.

        Example:
            >>> Version.parse("5.0.0b1") < Version.parse("5.0.0") < Version.parse("5.0.1.dev1")
            True
        """
        if not isinstance(text, str):
            text = "2.0" if text is None else ""
        text = excerpt(text.strip(), _LONGEST)  # 3.23 sends a line feed behind it
        numbers = text.split(".")
        if all(number.isdecimal() and number.isascii() and len(number) < 10 for number in numbers):
            return cls(_release(numbers), text=text)
        found = re.match(_NUMBERS, text, re.IGNORECASE)
        if found is None:
            return cls(release=(), text=text)
        return cls(_release(found.group(1).split(".")), _parse_stages(text, found.end()), text)


def _release(numbers: List[str]) -> Tuple[int, ...]:
    release = [int(number) for number in numbers]
    while release and release[-1] == 0:
        release.pop()
    return tuple(release)


def _parse_stages(text: str, position: int) -> Tuple[Tuple[int, int], ...]:
    pattern = re.compile(_STAGE, re.IGNORECASE)
    stages = []
    found = pattern.match(text, position)
    while found is not None:
        stages.append((_STAGES[found.group(1).lower()], int(found.group(2) or 0)))
        found = pattern.match(text, found.end())
    return (*stages, (0, 0))
