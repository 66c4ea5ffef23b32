"""Whether a gauge grows with the calls that are made, by readings that wander a little.

A run warms up during its first tenth: pools fill, caches come. After that nothing may rise, in two ways, each
blind where the other sees:

- the slope of the other nine tenths, as the median of the slopes of all pairs of readings (Theil and Sen),
  which single odd readings do not move: it finds what grows steadily;
- the median of the last tenth against that of the second: it finds what rises late, or in one step.

Either may come to what the gauge wanders by itself, and for memory to a few bytes a call beside that, which
neither an object nor a reference takes.
"""

from __future__ import annotations

from statistics import median
from typing import Dict, List, NamedTuple, Sequence, Tuple

#: Readings: after how many calls, and what the gauge showed.
Series = Sequence[Tuple[int, float]]

_LEAST = 20  # readings: two in each tenth


class Bound(NamedTuple):
    """How much a gauge may rise between the second tenth of a run and its end.

    Args:
        wanders: whatever the number of calls.
        per_call: with each call.
    """

    wanders: float
    per_call: float = 0.0


class Growth(NamedTuple):
    """What came of a gauge.

    Args:
        early: the median of the second tenth.
        late: the median of the last tenth.
        slope: a call, over the last nine tenths.
        calls: in the last nine tenths.
        allowed: that it may rise by.
    """

    early: float
    late: float
    slope: float
    calls: int
    allowed: float

    @property
    def grown(self) -> bool:
        """Whether it has risen by more than it may, steadily or at last."""
        return max(self.slope * self.calls, self.late - self.early) > self.allowed


def growth_of(series: Series, bound: Bound) -> Growth:
    """Judge a gauge's readings.

    Raises:
        ValueError: there are too few to tell.
    """
    if len(series) < _LEAST:
        raise ValueError(f"{len(series)} readings do not tell growth; {_LEAST} do")
    total = series[-1][0]
    warm = [(calls, value) for calls, value in series if calls * 10 > total]
    early = [value for calls, value in warm if calls * 10 <= total * 2]
    late = [value for calls, value in warm if calls * 10 > total * 9]
    calls = total - total // 10
    return Growth(median(early), median(late), _slope(warm), calls, bound.wanders + bound.per_call * calls)


def grown(readings: Dict[str, Series], bounds: Dict[str, Bound]) -> List[str]:
    """The gauges that have grown, of those that have a bound."""
    return [
        name for name, bound in bounds.items() if name in readings and growth_of(readings[name], bound).grown
    ]


def _slope(series: Series) -> float:
    """The median of the slopes of all pairs."""
    return median(
        (value - before) / (calls - earlier)
        for place, (earlier, before) in enumerate(series)
        for calls, value in series[place + 1 :]
    )
