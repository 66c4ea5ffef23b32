"""One large file up and down, the clients taking turns on one server.

    python -m benchmarks.files [MEGABYTES] [ROUNDS]

The fastest round counts: the server does most of the work, and the disk's mood differs from round to round.
Memory is by how much the most ever resident exceeds what was resident before.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Dict, List

from .figures import MB, OFFICIAL, OURS, SECONDS, Bar, Figure, table
from .laboratory import GRADIO, Laboratory, laboratory
from .parts import Part, run

_FIGURES = [
    Figure("take", "a file up", SECONDS, Bar(1, OFFICIAL), least=True),
    Figure("take memory", "a file up: memory", MB, Bar(8)),
    Figure("give_back", "the file down", SECONDS, Bar(1, OFFICIAL), least=True),
    Figure("give_back memory", "the file down: memory", MB, Bar(8)),
]


def main(megabytes: int = 1024, rounds: int = 3) -> None:
    """Measure and print a table."""

    def measure(lab: Laboratory, client: str) -> Dict[str, List[float]]:
        path = _make(lab.folder / "sent", megabytes)
        return lab.work(client, "large_file", lab.gradio, path=str(path), folder=str(lab.folder / client))

    with laboratory() as lab:
        found = run([Part("files", measure, _FIGURES, rounds, (OURS, OFFICIAL))], lab)
    print(f"{megabytes} MB, Gradio {GRADIO}\n\n{table(_FIGURES, found)}")


def _make(path: Path, megabytes: int) -> Path:
    """A file of random bytes, so that nothing can be shared or compressed."""
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1 << 20))
    return path


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
