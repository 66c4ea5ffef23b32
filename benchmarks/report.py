"""The table: what was measured, beside the ratios that matter and the bars they must meet."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Dict, List, Sequence

OURS = "ours"
PEERS = ("bare", "2.7.2")


@dataclass(frozen=True)
class Row:
    """One measure.

    Args:
        name: what is measured, with its unit.
        samples: by contender; the table shows their medians.
        bars: by contender, the largest ratio of ours to it that will do.
        scale: what a sample is multiplied with to have the unit of `name`.
    """

    name: str
    samples: Dict[str, List[float]]
    bars: Dict[str, float] = field(default_factory=dict)
    scale: float = 1.0

    def ratio(self, peer: str) -> float:
        """Ours to the peer's, medians both; 0 where there is none."""
        ours, theirs = self.samples.get(OURS), self.samples.get(peer)
        return median(ours) / median(theirs) if ours and theirs and median(theirs) else 0.0

    def cells(self, names: Sequence[str]) -> List[str]:
        """The row's texts."""
        medians = [_number(self.samples.get(name), self.scale) for name in names]
        ratios = [_ratio(self.ratio(peer)) for peer in PEERS]
        bars = [f"≤ {_ratio(limit)} of {peer}" for peer, limit in self.bars.items()]
        met = ["yes" if 0 < self.ratio(peer) <= limit else "**no**" for peer, limit in self.bars.items()]
        return [self.name, *medians, *ratios, ", ".join(bars), ", ".join(met)]


def table(rows: Sequence[Row], names: Sequence[str]) -> str:
    """An aligned Markdown table."""
    head = ["measure (median)", *names, *(f"ours / {peer}" for peer in PEERS), "bar", "met"]
    cells = [head, *(row.cells(names) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    numbers = range(1, 1 + len(names) + len(PEERS))
    lines = [
        "| "
        + " | ".join(
            text.rjust(width) if column in numbers else text.ljust(width)
            for column, (text, width) in enumerate(zip(row, widths))
        )
        + " |"
        for row in cells
    ]
    rule = "".join(
        f"|{'-' * (width + 1)}{':' if column in numbers else '-'}" for column, width in enumerate(widths)
    )
    return "\n".join([lines[0], f"{rule}|", *lines[1:]])


def _number(samples: List[float] | None, scale: float) -> str:
    if not samples:
        return "–"
    value = median(samples) * scale
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def _ratio(value: float) -> str:
    if not value:
        return "–"
    return f"{value:.2f}" if value > 0.5 else f"1/{1 / value:.1f}".removesuffix(".0")
