"""Parts of the benchmark: each measures some figures of one client at a time, the clients taking turns.

What the machine does beside hits all of them alike; compare the ratios. A part that fails for one client says
so, and its figures have no value there; the rest goes on.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Callable, Dict, List, Sequence

from .figures import CLIENTS, Figure, Found
from .laboratory import Laboratory

#: Gives samples of a client by key.
Measure = Callable[[Laboratory, str], Dict[str, List[float]]]


@dataclass(frozen=True)
class Part:
    """What is measured together.

    Args:
        name: for those who watch.
        measure: given a laboratory and one of `CLIENTS`.
        figures: rows of the table; more may be measured, for charts.
        rounds: turns of each client.
        clients: those that take part.
    """

    name: str
    measure: Measure
    figures: Sequence[Figure]
    rounds: int = 1
    clients: Sequence[str] = CLIENTS


def run(parts: Sequence[Part], lab: Laboratory) -> Found:
    """All samples."""
    found: Dict[str, Dict[str, List[float]]] = {}
    for part in parts:
        broken = set()
        for number in range(part.rounds):
            for client in part.clients:
                if client in broken:
                    continue
                start = time.perf_counter()
                try:
                    said = part.measure(lab, client)
                except Exception as exc:  # of whatever kind: the others are still worth measuring
                    broken.add(client)
                    tell(f"{part.name}, {client}: NOT MEASURED: {type(exc).__name__}: {exc}")
                    continue
                for key, samples in said.items():
                    found.setdefault(key, {}).setdefault(client, []).extend(samples)
                seconds = time.perf_counter() - start
                tell(f"{part.name}, {client}, round {number + 1} of {part.rounds}: {seconds:.1f} s")
    return found


def tell(text: str) -> None:
    """Show how far it is."""
    print(text, file=sys.stderr, flush=True)
