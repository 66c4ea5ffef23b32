"""Sends a file and fetches it back with one client. Run as a script with that client's interpreter.

    python file_worker.py MODULE URL FOLDER

Each line of standard input is the path of a file; the answer is one line of JSON: for "up" and "down" the
seconds, and the bytes by which the most memory ever resident exceeds what was resident before.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import shutil
import sys
import time
from typing import Any, Callable, Dict

from fresh import resident

_UNIT = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss


def measure(work: Callable[[], Any]) -> Dict[str, float]:
    """Seconds, and growth of memory in bytes."""
    before, start = resident(), time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _UNIT
    return {"seconds": seconds, "growth": max(peak - before, 0)}


def main(module: str, url: str, folder: str) -> None:
    package = importlib.import_module(module)
    options: Dict[str, Any] = {"verbose": False, "download_files": folder}
    # The official client's default of 5 seconds breaks large uploads.
    client = package.Client(url, httpx_kwargs={"timeout": 300}, **options)
    for line in sys.stdin:
        path = line.rstrip("\n")
        answer = {
            "up": measure(lambda path=path: client.predict(package.handle_file(path), api_name="/take"))
        }
        fetched = []
        answer["down"] = measure(lambda fetched=fetched: fetched.append(client.predict(api_name="/give")))
        assert os.path.getsize(fetched[0]) == os.path.getsize(path)
        shutil.rmtree(folder)
        print(json.dumps(answer), flush=True)
    os._exit(0)  # the official client's threads may never end


main(*sys.argv[1:])
