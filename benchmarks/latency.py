"""How many round trips each kind of call takes, over a link of 100 ms.

    python -m benchmarks.latency [--plain] [--calls 10] [--idle 3] [--round-trip 0.1] [--clients ours,2.7.2]

The fastest of each kind counts: the rest is the machine's.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Dict, List

import trustme

from tests.apps.environments import server_python

from .contenders import GRADIO, Gone, Process, contenders

_START = 120.0  # seconds
_ANSWER = 900.0  # seconds


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency")
    parser.add_argument("--plain", action="store_true", help="without TLS")
    parser.add_argument("--calls", type=int, default=10, help="warm calls of each kind (default 10)")
    parser.add_argument("--idle", type=float, default=3.0, help="seconds of rest (default 3)")
    parser.add_argument("--round-trip", type=float, default=0.1, help="seconds (default 0.1)")
    parser.add_argument("--release", default=GRADIO, help=f"of Gradio (default {GRADIO})")
    parser.add_argument("--clients", default="ours,2.7.2", help="default ours,2.7.2")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        os.environ["GRADIO_TEMP_DIR"] = str(folder / "server")
        log = stack.enter_context((folder / "log").open("wb"))
        server = stack.enter_context(Process(server_python(given.release), "latency_app.py", log=log))
        certificate = [] if given.plain else _certificate(folder)
        arguments = [_ready(server), str(given.round_trip), *certificate]
        link = stack.enter_context(Process(sys.executable, "link.py", *arguments, log=log))
        url = f"http{'' if given.plain else 's'}://127.0.0.1:{_ready(link)}/"
        found: Dict[str, Dict[str, List[float]]] = {}
        for one in contenders(folder / "environment"):
            if one.name in given.clients.split(","):
                options = [one.module, url, str(given.calls), str(given.idle)]
                with Process(one.python, "latency_worker.py", *options, log=log) as worker:
                    try:
                        found[one.name] = json.loads(worker.read(_ANSWER))
                    except Gone as exc:
                        sys.exit(f"{exc}\n{(folder / 'log').read_text(errors='replace')[-4000:]}")
    trip = f"{given.round_trip * 1000:g} ms {'plain' if given.plain else 'over TLS'}"
    print(f"Gradio {given.release}, round trips of {trip}: least (median)\n")
    print(f"{'':46}" + "".join(f"{client:>16}" for client in found))
    for kind in next(iter(found.values())):
        cells = [_cell(seconds.get(kind, []), given.round_trip) for seconds in found.values()]
        print(f"{kind:46}" + "".join(f"{cell:>16}" for cell in cells))


def _cell(seconds: List[float], round_trip: float) -> str:
    trips = sorted(each / round_trip for each in seconds)
    return f"{trips[0]:.2f} ({trips[len(trips) // 2]:.2f})" if trips else "–"


def _ready(process: Process) -> str:
    while not (line := process.read(_START)).startswith("READY"):
        pass
    return line.split()[1]


def _certificate(folder: Path) -> List[str]:
    issued = trustme.CA().issue_cert("localhost", "127.0.0.1")
    paths = folder / "certificate.pem", folder / "key.pem"
    issued.cert_chain_pems[0].write_to_path(str(paths[0]))
    issued.private_key_pem.write_to_path(str(paths[1]))
    return [str(path) for path in paths]


if __name__ == "__main__":
    main()
