"""What counts as growth: leaks are found, however slow or late; what only wanders is not."""

from __future__ import annotations

import random
from typing import Callable, List, Tuple

import pytest

from .gauges import BOUNDS
from .judgement import Bound, grown, growth_of
from .table import lines_of

#: What a gauge shows after so many calls.
Shape = Callable[[int], float]


def series(
    shape: Shape, *, calls: int = 1000, readings: int = 50, noise: float = 0.0
) -> List[Tuple[int, float]]:
    """Readings of a gauge that wanders evenly around a shape."""
    chance = random.Random(1)
    steps = [calls * (place + 1) // readings for place in range(readings)]
    return [(step, shape(step) + chance.uniform(-noise, noise)) for step in steps]


LEAKS = {
    "an object a call": lambda calls: 120_000.0 + calls,
    "an object each other call": lambda calls: 120_000.0 + calls // 2,
    "many objects a call": lambda calls: 120_000.0 + 30 * calls,
    "a burst late": lambda calls: 120_000.0 + 1_000 * (calls > 900),
    "from the middle on": lambda calls: 120_000.0 + max(0, calls - 500),
}
STEADY = {
    "nothing": lambda calls: 120_000.0,
    "a cache that fills first": lambda calls: 120_000.0 + 50 * min(calls, 100),
    "what is let go": lambda calls: 120_000.0 - 5 * calls,
    "a sawtooth": lambda calls: 120_000.0 + 4 * (calls % 40),
}


@pytest.mark.parametrize("leak", LEAKS.values(), ids=LEAKS)
def test_leaks_are_growth(leak: Shape) -> None:
    assert growth_of(series(leak, noise=100.0), BOUNDS["blocks"]).grown


@pytest.mark.parametrize("steady", STEADY.values(), ids=STEADY)
def test_what_wanders_or_falls_is_none(steady: Shape) -> None:
    assert not growth_of(series(steady, noise=100.0), BOUNDS["blocks"]).grown


@pytest.mark.parametrize("gauge", ["threads", "descriptors", "server sessions", "server connections"])
def test_one_more_of_these_with_each_of_twenty_calls_is_growth(gauge: str) -> None:
    assert growth_of(series(lambda calls: 10.0 + calls, calls=20, readings=20), BOUNDS[gauge]).grown
    assert not growth_of(series(lambda calls: 10.0, calls=20, readings=20, noise=1.0), BOUNDS[gauge]).grown


def test_memory_that_objects_of_a_call_take_is_growth_in_a_long_run() -> None:
    leak = series(lambda calls: 3e7 + 100.0 * calls, calls=50_000, readings=100, noise=5e5)
    assert growth_of(leak, BOUNDS["memory"]).grown


def test_single_odd_readings_are_none() -> None:
    odd = series(lambda calls: 100.0 + 1e6 * (calls % 300 == 0))
    assert not growth_of(odd, Bound(1)).grown


def test_slope_is_that_of_nine_tenths() -> None:
    growth = growth_of(series(lambda calls: 1000.0 * min(calls, 100) + 2 * calls), Bound(0))
    assert (growth.slope, growth.calls) == (2.0, 900)
    assert growth.late - growth.early == 1600.0


def test_too_few_readings_do_not_tell() -> None:
    with pytest.raises(ValueError, match="19 readings"):
        growth_of(series(lambda calls: 0.0, readings=19), Bound(0))


def test_only_what_has_a_bound_is_judged() -> None:
    leak = series(LEAKS["an object a call"])
    assert grown({"blocks": leak, "server kept memory": leak}, BOUNDS) == ["blocks"]


def test_table_says_what_has_grown() -> None:
    readings = {"blocks": series(LEAKS["an object a call"]), "threads": series(lambda calls: 9.0)}
    table = "\n".join(
        lines_of("predicts", 1000, 2.0, {**readings, "server kept memory": readings["threads"]})
    )
    assert "| 1,000 predicts in 2 s |" in table
    assert "| blocks | 120,160 | 120,960 | 1,000 | 340 | GROWN |" in table
    assert "| threads | 9 | 9 | 0 | 4 | holds |" in table
    assert "| server kept memory | 0.00 MB | 0.00 MB | 0.00 MB |  |  |" in table
