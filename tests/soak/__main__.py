"""Makes the calls of a soak in a process that does nothing else; it fails if anything has grown."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, List

from .cutting import Cutter
from .gauges import BOUNDS, Gauges
from .judgement import grown
from .table import lines_of
from .workload import Calls, Clients, Phase, Reconnects, age, connect, idle, phases

_READINGS = 100  # of a phase; fewer where it has fewer turns


def soak(phase: Phase, count: int, gauges: Gauges) -> List[str]:
    """Run a phase and print its part of the table; the gauges that have grown."""
    turns = max(count // phase.unit, 20)
    begun, taken = time.monotonic(), 0
    for turn in range(1, turns + 1):
        phase.turn(turn)
        if turn * min(_READINGS, turns) >= (taken + 1) * turns:
            taken += 1
            gauges.read(turn * phase.unit)
    readings = dict(gauges.readings())
    seconds = time.monotonic() - begun
    print(*lines_of(phase.name, turns * phase.unit, seconds, readings), sep="\n", end="\n\n", flush=True)
    return [f"{gauge} of {phase.name}" for gauge in grown(readings, BOUNDS)]


def main() -> int:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("url", help="of a server with tests/apps/soaked_app.py")
    parser.add_argument(
        "counts", help="of predicts, streams, clients and reconnects, such as 50000,5000,500,1000"
    )
    options = parser.parse_args()
    counts = [int(count) for count in options.counts.split(",")]
    found: List[str] = []
    with tempfile.TemporaryDirectory() as folder, Cutter(options.url) as cutter:
        file = Path(folder) / "note.txt"
        file.write_text("to and fro " * 500, encoding="ascii")
        with (
            connect(options.url) as watching,
            connect(options.url, download_files=os.path.join(folder, "downloads")) as client,
            connect(cutter.url) as cut_off,
        ):
            for lasting in (client, cut_off):
                age(lasting)

            def held() -> Any:
                return watching.predict(api_name="/held")

            def kept() -> int:
                return sum(map(idle, (watching, client, cut_off)))

            reconnects = Reconnects(cut_off, cutter.cut)
            calls, clients = Calls(client, file), Clients(connect, options.url)
            for phase, count in zip(phases(calls, clients, reconnects), counts):
                if count:
                    found += soak(phase, count, Gauges(held, kept))
    print(f"{reconnects.lost} jobs were lost with their stream; {reconnects.again} calls were made again")
    print(f"grown: {', '.join(found)}" if found else "nothing has grown")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
