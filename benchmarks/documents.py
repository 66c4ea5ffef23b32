"""Puts figures into the documents, between comments that mark their places: no number is typed by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Sequence

from .figures import LIMIT, NONE, OFFICIAL, OURS, Figure, Found, markdown, ratio

ROOT = Path(__file__).resolve().parents[1]
PERFORMANCE, README = ROOT / "docs" / "performance.md", ROOT / "README.md"
START = "<!-- figures: what `python -m benchmarks --write` writes -->\n"
END = "<!-- end of figures -->\n"
#: What the README shows, by its key, with what it calls it there.
SHOWN: Dict[str, str] = {
    "queued": "`predict` of a no-op, one after the other",
    "queued cpu": "CPU time of one",
    "direct": "`predict` of a function with `queue=False`",
    "fresh": "fresh process to first result",
    "fresh memory": "resident memory after it",
    "trips queued": "round trips over TLS of a call",
    "chat 2000": "CPU of 2,000 updates of a growing chat",
    "/growing job": "memory of 20,000 updates of a growing text",
    "/queued seconds": "200 no-op jobs at once",
    "/sleep seconds": "300 jobs of one second each at once",
}
#: The last row of the README's table, which `python -m benchmarks sizes --write` writes.
SIZES_ROW = "| packages installed, and their size |"


def write(about: str, table: str, figures: Sequence[Figure], found: Found) -> None:
    """Put the table into docs/performance.md, and some of its rows into the README."""
    _replace(PERFORMANCE, f"{about}\n\n{table}")
    readme = README.read_text(encoding="utf-8")
    sizes = [line for line in readme.splitlines() if line.startswith(SIZES_ROW)]
    _replace(README, "\n".join([short_table(figures, found), *sizes]))


def short_table(figures: Sequence[Figure], found: Found) -> str:
    """The rows that the README shows."""
    by_key = {figure.key: figure for figure in figures}
    rows: List[List[str]] = []
    for key, name in SHOWN.items():
        figure = by_key[key]
        values = figure.values(found)
        cells = [figure.unit.show(values[one]) if one in values else NONE for one in (OURS, LIMIT, OFFICIAL)]
        rows.append([name, *cells, ratio(values, OURS, OFFICIAL)])
    head = ["", "this client", "bare loop", "official 2.7.2", "of the official"]
    return markdown(head, rows, numbers=range(1, 5))


def _replace(path: Path, text: str) -> None:
    path.write_text(between(path.read_text(encoding="utf-8"), text), encoding="utf-8")


def between(document: str, text: str, start: str = START, end: str = END) -> str:
    """The document with a text in its marked place.

    Raises:
        ValueError: it has none.
    """
    before, begun, rest = document.partition(start)
    _, ended, after = rest.partition(end)
    if not begun or not ended:
        raise ValueError("the document has no place for figures")
    return f"{before}{begun}\n{text}\n\n{ended}{after}"
