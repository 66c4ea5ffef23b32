"""Makes calls over a link and prints the seconds that each kind took, as JSON. Run as a script.

    python latency_worker.py MODULE URL CALLS IDLE

`IDLE` is how long a client rests before the call that finds its connections old.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from typing import Any, Callable, Dict, List

MEGABYTE = 1 << 20
JOBS, SECONDS, IN_FLIGHT = 320, 0.1, 32


class Clock:
    """Collects the seconds of each kind of call."""

    def __init__(self) -> None:
        self.seconds: Dict[str, List[float]] = {}

    def take(self, kind: str, function: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Time one call."""
        start = time.perf_counter()
        result = function(*args, **options)
        self.seconds.setdefault(kind, []).append(time.perf_counter() - start)
        return result


def run(module: Any, url: str, calls: int, idle: float) -> Dict[str, List[float]]:
    """Everything."""
    clock, handle = Clock(), module.handle_file

    def client(folder: str) -> Any:
        options = {"verbose": False, "ssl_verify": False, "download_files": folder}
        return clock.take("connect", module.Client, url, **options)

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "megabyte")
        with open(path, "wb") as file:
            file.write(os.urandom(MEGABYTE))
        for _ in range(3):
            one = client(folder)
            clock.take("first call by keyword, at once", one.predict, text="a", api_name="/queued")
            two = client(folder)
            clock.take("first call by position, at once", two.predict, "a", api_name="/queued")
            three = client(folder)
            time.sleep(1)
            clock.take("first call by keyword, 1 s later", three.predict, text="a", api_name="/queued")
            clock.take("first 1 MB down", three.predict, api_name="/give")
            clock.take("later 1 MB down", three.predict, api_name="/give")
            clock.take("first 1 MB up and call", three.predict, handle(path), api_name="/take")
            clock.take("later 1 MB up and call", three.predict, handle(path), api_name="/take")
            time.sleep(idle)
            clock.take(f"after {idle:g} s of idling", three.predict, "a", api_name="/queued")
        for api_name in ("/queued", "/direct"):
            for _ in range(calls + 1):
                clock.take(f"warm {api_name[1:]}", one.predict, "a", api_name=api_name)
            del clock.seconds[f"warm {api_name[1:]}"][0]  # its connections were old
        if hasattr(one, "map"):
            results = one.map([SECONDS] * JOBS, api_name="/pause", max_in_flight=IN_FLIGHT)
            clock.take(f"map: {JOBS} calls of {SECONDS} s, {IN_FLIGHT} in flight", list, results)
    return clock.seconds


if __name__ == "__main__":
    seconds = run(__import__(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
    print(json.dumps(seconds), flush=True)
    os._exit(0)  # the official client would wait for its threads
