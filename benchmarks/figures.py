"""Figures: what is measured, its bar, and the table of them.

A figure has a value for each of three clients: the limit, which is the least that the standard library can do
(`bare.py`, unless its row says otherwise), the official client, and ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Dict, List, Mapping, Optional, Sequence

LIMIT, OFFICIAL, OURS = CLIENTS = ("limit", "official", "ours")
HEAD = ("figure", "limit", "official", "ours", "ours/limit", "ours/official", "bar", "holds")
NONE = "–"

#: What was measured, by key and client: all samples, in seconds, bytes or as numbers.
Found = Mapping[str, Mapping[str, Sequence[float]]]


@dataclass(frozen=True)
class Unit:
    """How samples are shown: multiplied by `scale`, with the name behind."""

    name: str
    scale: float = 1.0

    def show(self, value: float) -> str:
        """The value with three digits that count, or as a whole number."""
        value *= self.scale
        if abs(value) < 0.005:
            text = "0"
        elif abs(value) >= 99.95 or abs(value - round(value)) < 1e-9:
            text = f"{value:,.0f}"
        else:
            text = f"{value:.3g}" if abs(value) >= 1 else f"{value:.2g}"
        return f"{text} {self.name}".rstrip()


COUNT = Unit("")
SECONDS, MS = Unit("s"), Unit("ms", 1e3)
KB, MB = Unit("KB", 1e-3), Unit("MB", 1e-6)
MILLION = Unit("M", 1e-6)


@dataclass(frozen=True)
class Bar:
    """The most that ours may be.

    Args:
        most: in the unit of the figure as it is shown; with `of`, a ratio.
        of: the client whose value it is a ratio to; None for a value of its own.
    """

    most: float
    of: Optional[str] = None

    def show(self, unit: Unit) -> str:
        """Its text."""
        if self.of is None:
            return f"≤ {Unit(unit.name).show(self.most)}"
        return f"≤ {self.most:g} × {self.of}" if self.most > 0.5 else f"≤ {self.of} / {1 / self.most:g}"

    def holds(self, values: Mapping[str, float], unit: Unit) -> Optional[bool]:
        """Whether ours keeps it; None where a value is missing."""
        ours, other = values.get(OURS), values.get(self.of or OURS)
        if ours is None or other is None:
            return None
        return ours <= self.most * other if self.of else ours * unit.scale <= self.most


@dataclass(frozen=True)
class Figure:
    """One row of the table.

    Args:
        key: what the measurement calls it.
        name: what the table calls it.
        unit: of what is shown.
        bar: that ours must keep.
        least: the least of the samples counts: the rest is the machine's. Otherwise their median does.
    """

    key: str
    name: str
    unit: Unit
    bar: Optional[Bar] = None
    least: bool = False

    def values(self, found: Found) -> Dict[str, float]:
        """What counts of the samples of each client that has some."""
        choose = min if self.least else median
        return {client: choose(each) for client, each in found.get(self.key, {}).items() if each}

    def cells(self, found: Found) -> List[str]:
        """Its row."""
        values = self.values(found)
        shown = [self.unit.show(values[client]) if client in values else NONE for client in CLIENTS]
        ratios = [ratio(values, OURS, other) for other in (LIMIT, OFFICIAL)]
        if self.bar is None:
            return [self.name, *shown, *ratios, "", ""]
        holds = {True: "yes", False: "**no**", None: NONE}[self.bar.holds(values, self.unit)]
        return [self.name, *shown, *ratios, self.bar.show(self.unit), holds]


def ratio(values: Mapping[str, float], one: str, other: str) -> str:
    """One client's value to another's: `1.25`, or `1/8` where it is less than half."""
    if not values.get(one) or not values.get(other):
        return NONE
    value = values[one] / values[other]
    if value <= 0:
        return NONE
    if value > 0.5:
        return f"{value:.2f}" if value < 9.95 else f"{value:,.0f}"
    return f"1/{1 / value:.1f}".removesuffix(".0") if value > 0.1 else f"1/{1 / value:,.0f}"


def table(figures: Sequence[Figure], found: Found) -> str:
    """All figures, in Markdown."""
    return markdown(HEAD, [figure.cells(found) for figure in figures], numbers=range(1, 6))


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int]) -> str:
    """A table in Markdown; the columns of numbers are aligned to the right."""
    rule = ["--:" if column in numbers else "---" for column in range(len(head))]
    lines = ["".join(f"| {cell} " if cell else "| " for cell in row) + "|" for row in (head, *rows)]
    return "\n".join([lines[0], f"|{'|'.join(rule)}|", *lines[1:]])
