"""All figures of this client, the official one and the limit, side by side.

    python -m benchmarks [--quick] [--only WORD] [--charts FOLDER] [--write]

--quick takes ten minutes; --only measures the parts with this word in their name. --charts makes three
charts, and --write puts the table into docs/performance.md and some rows into the README.
"""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path
from typing import List, Sequence

from . import cold, crowds, latency, streams, warm
from .figures import OURS, table
from .laboratory import GRADIO, OFFICIAL_RELEASE, laboratory
from .parts import Part, run


def all_parts(quick: bool) -> List[Part]:
    """Everything that is measured."""
    return [part for module in (cold, warm, streams, latency, crowds) for part in module.parts(quick)]


def main(argv: Sequence[str]) -> None:
    """Measure, print the table, and write what is asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="less of everything, in ten minutes")
    parser.add_argument("--only", default="", metavar="WORD", help="only parts with this in their name")
    parser.add_argument("--charts", type=Path, metavar="FOLDER", help="make charts there; needs matplotlib")
    parser.add_argument("--write", action="store_true", help="put the figures into the documents")
    given = parser.parse_args(argv)
    if given.only and given.write:
        parser.error("--write needs all figures, not those of --only alone")
    if given.charts:
        from .charts import draw  # before anything is measured, as matplotlib may not be there
    parts = [part for part in all_parts(given.quick) if given.only in part.name]
    with laboratory() as lab:
        found = run(parts, lab)
        python = subprocess.check_output([lab.contenders[OURS].python, "--version"], text=True).strip()
    text = table([figure for part in parts for figure in part.figures], found)
    how = " --quick" if given.quick else ""
    about = f"`python -m benchmarks{how}`: Gradio {GRADIO}, official client {OFFICIAL_RELEASE}, {python}."
    print(f"{about}\n\n{text}")
    if given.charts:
        draw(given.charts, found)
    if given.write:
        from .documents import write

        write(about, text, [figure for part in parts for figure in part.figures], found)
