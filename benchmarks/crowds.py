"""Many at once: bursts of jobs, jobs in flight by the thousands, and what is left after many calls."""

from __future__ import annotations

from typing import Any, Dict, List

from .figures import COUNT, KB, LIMIT, MB, OFFICIAL, OURS, SECONDS, Bar, Figure
from .laboratory import Laboratory
from .parts import Part

#: Jobs in flight, and the most that the official client is asked for: more than forty it cannot have.
CROWDS, OFFICIAL_CROWD = (100, 300, 1000, 3000, 10_000), 1000
_DEADLINE = 30.0  # seconds; the slowest client that loses nothing needs a third of it


def parts(quick: bool) -> List[Part]:
    """What is measured."""
    return [
        _burst("200 no-op jobs at once", "/queued", 200, quick),
        _burst("300 jobs of 1 s at once", "/sleep", 300, quick),
        *(_held(jobs) for jobs in CROWDS),
        _endurance(*((2000, 100, 30) if quick else (20_000, 1000, 300))),
    ]


def memory_key(jobs: int) -> str:
    """What the memory of some jobs in flight is called."""
    return f"held {jobs} memory"


def _burst(name: str, api_name: str, jobs: int, quick: bool) -> Part:
    figures = [
        Figure(f"{api_name} seconds", name, SECONDS),
        Figure(f"{api_name} threads", f"{name}: most threads", COUNT),
        Figure(f"{api_name} lost", f"{name}: lost jobs", COUNT, Bar(0)),
    ]

    def measure(lab: Laboratory, client: str) -> Dict[str, List[float]]:
        said = lab.work(client, "burst", lab.gradio, api_name=api_name, jobs=jobs, deadline=_DEADLINE)
        return {f"{api_name} {field}": samples for field, samples in said.items()}

    return Part(name, measure, figures, rounds=1 if quick else 3)


def _held(jobs: int) -> Part:
    key, figures = f"held {jobs}", []
    if jobs == max(CROWDS):
        figures = [
            Figure(
                f"{key} seconds",
                f"{jobs:,} jobs in flight: time to join",
                SECONDS,
                Bar(7, LIMIT),
            ),
            Figure(f"{key} each", f"{jobs:,} jobs in flight: memory of each", KB, Bar(9)),
            Figure(f"{key} threads", f"{jobs:,} jobs in flight: most threads", COUNT, Bar(45)),
            Figure(f"{key} lost", f"{jobs:,} jobs in flight: lost jobs", COUNT, Bar(0)),
        ]
    elif jobs == OFFICIAL_CROWD:
        figures = [
            Figure(f"{key} arrived", f"{jobs:,} jobs at once: most in flight", COUNT),
        ]

    def measure(lab: Laboratory, client: str) -> Dict[str, List[float]]:
        said = lab.work(client, "held", lab.light, jobs=jobs, deadline=_DEADLINE)
        return {f"{key} {field}": samples for field, samples in said.items()}

    clients = (LIMIT, OFFICIAL, OURS) if jobs <= OFFICIAL_CROWD else (LIMIT, OURS)
    return Part(f"{jobs:,} jobs in flight", measure, figures, clients=clients)


def _endurance(predicts: int, streams: int, clients: int) -> Part:
    name = f"{predicts:,} predicts, {streams:,} streams, {clients} clients"
    figures = [
        Figure("grown memory", f"{name}: growth of memory in the second half", MB, Bar(2)),
        Figure("grown threads", f"{name}: growth of threads", COUNT, Bar(0)),
        Figure("grown descriptors", f"{name}: growth of descriptors", COUNT, Bar(0)),
    ]

    def measure(lab: Laboratory, client: str) -> Dict[str, List[float]]:
        sizes: Dict[str, Any] = {"predicts": predicts, "streams": streams, "clients": clients}
        said = lab.work(client, "endurance", lab.light, **sizes)
        return {f"grown {field}": samples for field, samples in said.items()}

    return Part(name, measure, figures, clients=(OURS,))
