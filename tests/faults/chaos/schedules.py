"""A schedule: which faults meet which calls. A seed gives it, and its text gives it back."""

from __future__ import annotations

from random import Random
from typing import List, NamedTuple, Tuple

from .faults import Fault, Kind, draw
from .steps import NEEDS, STATELESS, steps_of
from .workload import CALLS


class Schedule(NamedTuple):
    """What is done in one session.

    Args:
        seed: it was drawn from.
        release: of Gradio.
        together: whether the calls are made at once, or one after the other.
        calls: names of `workload.CALLS`.
        faults: that strike while they are under way.
    """

    seed: int
    release: str
    together: bool
    calls: Tuple[str, ...]
    faults: Tuple[Fault, ...]

    def __str__(self) -> str:
        """Its text, which `parse` takes: `17/6.31.0/together/text,map/reset-join-answer-0-1-35-150-1`."""
        way = "together" if self.together else "inturn"
        faults = "+".join(str(fault) for fault in self.faults)
        return f"{self.seed}/{self.release}/{way}/{','.join(self.calls)}/{faults}"

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """The schedule of which this is the `str`."""
        seed, version, way, calls, faults = text.split("/")
        drawn = tuple(Fault.parse(fault) for fault in faults.split("+") if fault)
        return cls(int(seed), version, way == "together", tuple(calls.split(",")), drawn)


def schedule_of(seed: int, version: str) -> Schedule:
    """The schedule of a seed, for a release. Seeds in a row go through all kinds at all steps."""
    pairs = [(kind, step) for kind in Kind for step in steps_of(version)]
    lap, place = divmod(seed, len(pairs))
    Random(lap).shuffle(pairs)
    chance = Random(f"{seed} {version}")
    faults = [draw(chance, *pairs[place])]
    if chance.random() < 0.25:
        faults.append(draw(chance, *chance.choice(pairs)))
    needed = [NEEDS[fault.step] for fault in faults if fault.step in NEEDS]
    known = [call for call in CALLS if call != "state" or version != STATELESS]
    calls: List[str] = needed + chance.sample(known, 3)
    chance.shuffle(calls)
    return Schedule(seed, version, chance.random() < 0.6, tuple(dict.fromkeys(calls)), tuple(faults))
