"""One large file up and down, ours against the official client, on one server in one run.

    python -m benchmarks.files [MEGABYTES] [ROUNDS]

Memory is the growth of the most ever resident, so only the first round of each client tells it. The speed is
that of the best round: the server does most of the work, and the disk's mood differs from round to round.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Dict, List

from tests.apps.environments import server_python

from .contenders import GRADIO, Process, contenders

_START = 120.0  # seconds
_ANSWER = 900.0  # seconds
_WARM_UP = 1  # megabytes


def main(megabytes: int = 1024, rounds: int = 3) -> None:
    """Measure and print a table."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        os.environ["GRADIO_TEMP_DIR"] = str(folder / "server")
        log = stack.enter_context((folder / "log").open("wb"))
        server = stack.enter_context(Process(server_python(GRADIO), "file_app.py", log=log))
        while not (line := server.read(_START)).startswith("READY"):
            pass
        url = line.split()[1]
        workers = {
            one.name: stack.enter_context(
                Process(one.python, "file_worker.py", one.module, url, str(folder / one.name), log=log)
            )
            for one in contenders(folder / "environment")
            if one.name in ("ours", "2.7.2")
        }
        for worker in workers.values():
            _round_trip(worker, _make(folder / "warm-up", _WARM_UP))
        figures: Dict[str, List[Any]] = {name: [] for name in workers}
        for number in range(rounds):
            # In turns, as the server slows down with what it has stored.
            for name in sorted(workers, reverse=number % 2 == 0):
                path = _make(folder / f"{name}-{number}", megabytes)
                figures[name].append(_round_trip(workers[name], path))
                path.unlink()
        _report(figures, megabytes)


def _make(path: Path, megabytes: int) -> Path:
    """A file of random bytes, so that nothing can be shared or compressed."""
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1 << 20))
    return path


def _round_trip(worker: Process, path: Path) -> Any:
    worker.write(str(path))
    return json.loads(worker.read(_ANSWER))


def _report(figures: Dict[str, List[Any]], megabytes: int) -> None:
    print(f"{megabytes} MB, Gradio {GRADIO}, best of {len(figures['ours'])}")
    print(f"{'':6} {'ours':>10} {'2.7.2':>10} {'ratio':>7} {'memory':>10} {'2.7.2':>10}")
    for way in ("up", "down"):
        speed = {name: megabytes / min(r[way]["seconds"] for r in runs) for name, runs in figures.items()}
        growth = {name: runs[0][way]["growth"] / 2**20 for name, runs in figures.items()}
        print(
            f"{way:6} {speed['ours']:5.0f} MB/s {speed['2.7.2']:5.0f} MB/s "
            f"{speed['ours'] / speed['2.7.2']:7.2f} {growth['ours']:7.1f} MB {growth['2.7.2']:7.1f} MB"
        )


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
