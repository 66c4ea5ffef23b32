"""Makes calls with one client and measures them. Run as a script with that client's interpreter.

    python worker.py MODULE URL

It reads one request a line from standard input, JSON with the name of a function here and its
arguments, and answers one line each.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import sysconfig
import threading
import time
from pathlib import Path
from typing import Any, Dict, List

from fresh import resident  # beside this script

_WARM_UP = 2
_SAMPLING = 0.01  # seconds


class Worker:
    """Measures one client.

    Args:
        client: with the official interface, or the bare one.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    def sequential(self, api_name: str, calls: int) -> Dict[str, Any]:
        """Calls one after the other: the seconds that each took, and the CPU seconds of one."""
        predict = self._client.predict
        for _ in range(_WARM_UP):  # connections may have been closed during the others' turns
            predict("hello", api_name=api_name)
        seconds: List[float] = []
        used = _cpu()
        for _ in range(calls):
            start = time.perf_counter()
            predict("hello", api_name=api_name)
            seconds.append(time.perf_counter() - start)
        cpu = (_cpu() - used) / calls
        if hasattr(self._client, "rest"):
            self._client.rest()
        return {"seconds": seconds, "cpu": cpu}

    def burst(self, api_name: str, jobs: int, deadline: float) -> Dict[str, Any]:
        """Jobs submitted at once: wall seconds, jobs without the right result, most threads at any time."""
        values = [f"value {number}" for number in range(jobs)]
        threads = _PeakThreads()
        start = time.perf_counter()
        if hasattr(self._client, "submit"):
            lost = self._submit(values, api_name, start + deadline)
        else:
            lost = jobs - len(set(values) & set(self._client.predict_many(values, api_name)))
        return {"seconds": time.perf_counter() - start, "lost": lost, "threads": threads.stop()}

    def _submit(self, values: List[str], api_name: str, deadline: float) -> int:
        jobs = [self._client.submit(value, api_name=api_name) for value in values]
        return sum(not _gives(job, value, deadline) for job, value in zip(jobs, values))

    def stream(self, updates: int) -> Dict[str, Any]:
        """One call with many updates: the bytes of memory it added, and the seconds."""
        before, start = resident(), time.perf_counter()
        job = self._client.submit(updates, api_name="/growing")
        last = job.result()
        added, seconds = resident() - before, time.perf_counter() - start
        assert len(last) == updates * 10
        return {"added": added, "seconds": seconds}

    def installed(self) -> Dict[str, Any]:
        """How many packages are installed beside the client, itself included, and their bytes."""
        folder = Path(sysconfig.get_path("purelib"))
        files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
        return {
            "packages": len(list(folder.glob("*.dist-info"))),
            "bytes": sum(path.stat().st_size for path in files),
        }


def _gives(job: Any, value: str, deadline: float) -> bool:
    try:
        return bool(job.result(timeout=max(deadline - time.perf_counter(), 0)) == value)
    except Exception:  # cancelled, out of time, or whatever else a lost job says
        return False


class _PeakThreads:
    """Looks at the number of threads until it is stopped."""

    def __init__(self) -> None:
        self._peak = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped.wait(_SAMPLING):
            self._peak = max(self._peak, threading.active_count() - 1)  # without this one

    def stop(self) -> int:
        """The most there were, this one not counted."""
        self._stopped.set()
        self._thread.join()
        return self._peak


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    module, url = sys.argv[1:]
    worker = Worker(__import__(module).Client(url, verbose=False))
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(getattr(worker, request.pop("measure"))(**request)), flush=True)
    os._exit(0)  # the official client would wait for its jobs


if __name__ == "__main__":
    main()
