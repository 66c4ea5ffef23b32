"""The table of a soak: of each kind of calls, what each gauge showed early and late, and what has grown."""

from __future__ import annotations

from typing import Dict, List

from .gauges import BOUNDS
from .judgement import Series, growth_of

_HEADER = "| {} | second tenth | last tenth | slope of 1,000 | may rise by | |\n|---|--:|--:|--:|--:|---|"


def lines_of(name: str, calls: int, seconds: float, readings: Dict[str, Series]) -> List[str]:
    """A phase's part of the table, in Markdown; what is not judged has no bound."""
    lines = [_HEADER.format(f"{calls:,} {name} in {seconds:,.0f} s")]
    for gauge, series in readings.items():
        bound = BOUNDS.get(gauge)
        growth = growth_of(series, bound or BOUNDS["threads"])
        verdict = "" if bound is None else "GROWN" if growth.grown else "holds"
        allowed = "" if bound is None else shown(gauge, growth.allowed)
        figures = (growth.early, growth.late, growth.slope * 1000)
        cells = [gauge, *[shown(gauge, figure) for figure in figures], allowed, verdict]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def shown(gauge: str, value: float) -> str:
    """A figure as it stands in the table: memory in MB."""
    return f"{value / 1e6:,.2f} MB" if gauge.endswith("memory") else f"{value:,.1f}".replace(".0", "")
