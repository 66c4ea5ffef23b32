"""Far servers: how many round trips each kind of call takes, over TLS, and many calls at once.

Of each kind the fastest call counts: the rest is the machine's.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Dict, List, Sequence

from .figures import LIMIT, OFFICIAL, OURS, SECONDS, Bar, Figure, Unit
from .laboratory import Laboratory
from .parts import Part

ROUND_TRIP = 0.1  # seconds: 50 ms each way
#: Seconds of the round trips of which the chart has the time of a call.
DISTANCES = (0.0, 0.02, 0.05, 0.1)
#: Seconds that a client rests: less, and more, than the five after which uvicorn closes a connection.
_RESTS = (3.0, 6.0)
_JOB, _IN_FLIGHT = 0.1, 32
_TRIPS = Unit("", 1 / ROUND_TRIP)
_KINDS = {
    "connect": ("connect", 3.2),
    "queued": ("warm `predict`", 1.5),
    "direct": ("warm `predict` with `queue=False`", 1.1),
    "keyword": ("first call, at once, by keyword", 2.2),
    **{f"idle {rest:g}": (f"after {rest:g} s of idling", 2.3) for rest in _RESTS},
    "up": ("1 MB up and call", 3.2),
    "first down": ("first 1 MB down", 3.8),
    "down": ("later 1 MB down", 3.3),
}


def parts(quick: bool) -> List[Part]:
    """What is measured."""
    figures = [
        Figure(f"trips {kind}", f"round trips: {name}", _TRIPS, Bar(most), least=True)
        for kind, (name, most) in _KINDS.items()
    ]
    return [
        Part("round trips", _trips, figures, rounds=2 if quick else 4),
        *(
            Part(f"calls at {distance * 1000:g} ms", partial(_distance, distance), [])
            for distance in DISTANCES
        ),
        _batch(320, (LIMIT, OFFICIAL, OURS)),
        _batch(1000, (LIMIT, OURS)),
    ]


def distance_key(round_trip: float) -> str:
    """What the time of a call over a link is called."""
    return f"call at {round_trip * 1000:g} ms"


def _trips(lab: Laboratory, client: str) -> Dict[str, List[float]]:
    said = lab.work(client, "trips", lab.link(ROUND_TRIP), count=8, rests=_RESTS)
    return {f"trips {kind}": seconds for kind, seconds in said.items()}


def _distance(round_trip: float, lab: Laboratory, client: str) -> Dict[str, List[float]]:
    said = lab.work(client, "calls", lab.link(round_trip), api_name="/queued", count=12, ssl_verify=False)
    return {distance_key(round_trip): said["seconds"]}


def _batch(jobs: int, clients: Sequence[str]) -> Part:
    least = jobs * _JOB / _IN_FLIGHT
    name = f"`map` of {jobs:,} calls of {_JOB:g} s, {_IN_FLIGHT} in flight (limit: computed)"
    figure = Figure(f"batch {jobs}", name, SECONDS, Bar(round(1.15 * least + 5 * ROUND_TRIP, 2)), least=True)

    def measure(lab: Laboratory, client: str) -> Dict[str, List[float]]:
        if client == LIMIT:
            return {figure.key: [least]}
        sizes: Dict[str, Any] = {"jobs": jobs, "seconds": _JOB, "in_flight": _IN_FLIGHT}
        return {figure.key: lab.work(client, "batch", lab.link(ROUND_TRIP), **sizes)["seconds"]}

    return Part(figure.name, measure, [figure], clients=clients)
