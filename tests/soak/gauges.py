"""What a process, and the server that it calls, hold on to: read at moments when nothing is under way."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from array import array
from typing import Any, Callable, Dict, Iterator, List, Tuple

from gradio_client_lite import threads as threads_module

from .judgement import Bound, Series

#: Of the client's process, and how much each may rise. Blocks are those of Python's allocator: every object
#: has one or more. A process's memory also holds what the allocators of Python and C keep for later.
CLIENT: Dict[str, Bound] = {
    "blocks": Bound(250, per_call=0.1),
    "memory": Bound(2 << 20, per_call=16),
    "threads": Bound(4),
    "descriptors": Bound(4),
}
#: Of the server's, as the app reports it (tests/apps/soaked_app.py). What else it reports is shown, not
#: judged: how long a server keeps what is left of sessions that have ended is for it to say.
SERVER: Dict[str, Bound] = {
    "sessions": Bound(3),
    "events": Bound(3),
    "messages": Bound(3),
    "iterators": Bound(3),
    "connections": Bound(3),
}
BOUNDS: Dict[str, Bound] = {**CLIENT, **{f"server {name}": bound for name, bound in SERVER.items()}}

_SETTLING, _MOMENT = 3.0, 0.03  # seconds
_MOVING = ("threads", "descriptors", *(f"server {name}" for name in SERVER))


class Gauges:
    """Reads all gauges, again and again.

    Args:
        held: asks the server what it holds.
        idle: how many connections the clients keep for later, 48 each at most, and each for a minute at most.
            How many depends on how busy the machine is; their descriptors are not counted.

    Attributes:
        calls: after how many calls each reading was taken.
    """

    def __init__(self, held: Callable[[], Dict[str, Any]], idle: Callable[[], int]) -> None:
        self._held = held
        self._idle = idle
        self.calls = array("q")
        self._values: Dict[str, array[float]] = {}  # arrays, as a list would grow by an object a reading

    def read(self, calls: int) -> None:
        """Take a reading after so many calls, when two looks in a row agree on what is counted."""
        until = time.monotonic() + _SETTLING
        before, now = None, self._look()
        while _moving(now) != before and time.monotonic() < until:
            before = _moving(now)
            time.sleep(_MOMENT)
            now = self._look()
        for name, value in now.items():
            self._values.setdefault(name, array("d")).append(value)
        self.calls.append(calls)

    def readings(self) -> Iterator[Tuple[str, Series]]:
        """Each gauge's name, and what was read."""
        for name, values in self._values.items():
            yield name, list(zip(self.calls, values))

    def _look(self) -> Dict[str, float]:
        server = {f"server {name}": float(value) for name, value in self._held().items()}
        threads_module._alive(None)  # forgets those that have ended, of which up to 64 are kept in mind
        gc.collect()
        return {
            "blocks": sys.getallocatedblocks(),
            "memory": _resident(),
            "threads": threading.active_count(),
            "descriptors": len(os.listdir("/proc/self/fd")) - self._idle(),
            **server,
        }


def _moving(look: Dict[str, float]) -> List[float]:
    return [look[name] for name in _MOVING if name in look]


def _resident() -> int:
    """Bytes of memory that this process has."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
