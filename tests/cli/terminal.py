"""Terminals for the tests of what is shown on one."""

from __future__ import annotations

import io
from typing import List


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


def screen(written: str) -> List[str]:
    """What a person sees at the end, line by line: a carriage return goes back to the start of a line."""
    lines: List[List[str]] = [[]]
    column = 0
    for char in written:
        if char == "\n":
            lines.append([])
            column = 0
        elif char == "\r":
            column = 0
        else:
            line = lines[-1]
            line.extend(" " * (column - len(line)))
            line[column : column + 1] = [char]
            column += 1
    return ["".join(line).rstrip() for line in lines]


def shown(written: str) -> List[str]:
    """The lines that were there at one time or another."""
    return [line for line in (part.rstrip() for part in written.replace("\n", "\r").split("\r")) if line]
