"""Charts of what was measured, as SVG: how the cost of a call, a stream and a crowd grows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Sequence

import matplotlib as mpl
from matplotlib.figure import Figure as Drawing

from .crowds import CROWDS, memory_key
from .figures import CLIENTS, LIMIT, MB, MS, OFFICIAL, OURS, SECONDS, Figure, Found, Unit
from .laboratory import OFFICIAL_RELEASE
from .latency import DISTANCES, distance_key
from .streams import CHATS, chat_key

#: The same bytes for the same figures; texts stay texts.
_STYLE = {"svg.hashsalt": "benchmarks", "svg.fonttype": "none", "font.size": 10, "font.family": "sans-serif"}
_METADATA = {"Date": None, "Creator": None}
#: Colours that differ in brightness too.
_LINES: Dict[str, Dict[str, Any]] = {
    LIMIT: {"label": "a bare http.client loop", "color": "#888888", "marker": "s", "linestyle": "--"},
    OFFICIAL: {"label": f"official {OFFICIAL_RELEASE}", "color": "#d55e00", "marker": "^"},
    OURS: {"label": "gradio_client_lite", "color": "#0072b2", "marker": "o"},
}


@dataclass(frozen=True)
class Chart:
    """One chart.

    Args:
        name: of its file.
        title: says what is shown.
        across: the label of the horizontal axis.
        keys: of what is measured, by place on that axis.
        unit: of what is measured.
        least: the least of the samples counts, not their median.
        scale: of both axes, "linear" or "log".
    """

    name: str
    title: str
    across: str
    keys: Dict[float, str]
    unit: Unit
    least: bool
    scale: str = "linear"


CHARTS = (
    Chart(
        *("latency", "Time of a call", "round trip, ms"),
        *({distance * 1000: distance_key(distance) for distance in DISTANCES}, MS),
        least=True,
    ),
    Chart(
        *("chat", "CPU of a chat's stream", "updates"),
        *({float(count): chat_key(count) for count in CHATS}, SECONDS),
        least=True,
        scale="log",
    ),
    Chart(
        *("crowd", "Memory of jobs in flight", "jobs submitted at once"),
        *({float(jobs): memory_key(jobs) for jobs in CROWDS}, MB),
        least=False,
        scale="log",
    ),
)


def draw(folder: Path, found: Found, charts: Sequence[Chart] = CHARTS) -> None:
    """Write the charts of which something was measured."""
    for chart in charts:
        if any(key in found for key in chart.keys.values()):
            with mpl.rc_context(_STYLE):
                drawing = _drawing(chart, found)
                drawing.savefig(folder / f"{chart.name}.svg", format="svg", metadata=_METADATA)


def _drawing(chart: Chart, found: Found) -> Drawing:
    drawing = Drawing(figsize=(6, 3.4), layout="constrained")
    axes = drawing.subplots()
    for client in CLIENTS:
        places, heights = [], []
        for place, key in chart.keys.items():
            values = Figure(key, "", chart.unit, least=chart.least).values(found)
            if client in values:
                places.append(place)
                heights.append(values[client] * chart.unit.scale)
        axes.plot(places, heights, **_LINES[client])
    axes.set(
        title=chart.title, xlabel=chart.across, ylabel=chart.unit.name, xscale=chart.scale, yscale=chart.scale
    )
    axes.set_xticks(list(chart.keys), [f"{place:,.0f}" for place in chart.keys])
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    if chart.scale == "linear":
        axes.set_ylim(bottom=0)
    axes.grid(visible=True, alpha=0.3)
    drawing.legend(loc="outside lower center", ncols=len(CLIENTS), frameon=False)
    return drawing
