"""How the cost of something grows with the size of what it is given."""

from __future__ import annotations

import gc
import time
from typing import Any, Callable


def growth(function: Callable[[Any], object], make: Callable[[int], Any], size: int) -> float:
    """How many times as much processor time twice the size takes; the best of some runs of each."""
    return _cost(function, make, 2 * size) / _cost(function, make, size)


def _cost(function: Callable[[Any], object], make: Callable[[int], Any], size: int) -> float:
    costs = []
    gc.disable()  # a run of it would count for whoever is running
    try:
        for _ in range(5):
            made = make(size)
            before = time.process_time()
            function(made)
            costs.append(time.process_time() - before)
    finally:
        gc.enable()
    return min(costs)
