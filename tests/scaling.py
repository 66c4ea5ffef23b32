"""How the work of a function grows with the size of what it is given."""

from __future__ import annotations

import contextlib
import gc
import math
import time
from typing import Any, Callable

#: Sizes are doubled up to this many times to get there; what is still quicker then does not grow with size.
_DOUBLINGS = 9
_REPETITIONS = 3
#: Twice the size may take this many times the work: linear work takes two, and work with the square four.
MOST = 2.5
#: Other sizes at each attempt: where a table of Python's own has just grown, linear work takes a step.
_ATTEMPTS = (1.0, 1.3, 0.7, 1.6, 1.0, 2.0, 1.2, 0.8)


def assert_linear(
    function: Callable[[Any], object], make: Callable[[int], Any], *, size: int = 500, enough: float = 0.01
) -> None:
    """Fail if twice the size takes much more than twice the work.

    The work is the processor time of this thread. A busy machine can only make it look larger, so the least
    of several interleaved runs counts, and a bad ratio is measured again.

    Args:
        function: given what `make` made, anew for each run; what it raises is no failure.
        make: gives an input of about this size.
        size: to begin with.
        enough: seconds that the work of the smaller size takes at least: what grows with the square shows
            only where that is most of the work, and clock and caches decide nothing.
    """
    for _ in range(_DOUBLINGS):
        if _cost(function, make(size)) >= enough:
            break
        size *= 2
    else:
        return
    ratio = math.inf
    for factor in _ATTEMPTS:
        ratio = min(ratio, _ratio(function, make, int(size * factor)))
        if ratio <= MOST:
            return
    raise AssertionError(f"twice the size takes {ratio:.1f} times the work, at {size} and {2 * size}")


def _ratio(function: Callable[[Any], object], make: Callable[[int], Any], size: int) -> float:
    least = [math.inf, math.inf]
    for _ in range(_REPETITIONS):
        for place, factor in enumerate((1, 2)):
            least[place] = min(least[place], _cost(function, make(factor * size)))
    return least[1] / least[0]


def _cost(function: Callable[[Any], object], value: Any) -> float:
    gc.collect(0)
    gc.disable()  # a collection would count for whoever is running, and take as long as the heap is large
    try:
        before = time.thread_time()
        with contextlib.suppress(Exception):
            function(value)
        return time.thread_time() - before
    finally:
        gc.enable()
