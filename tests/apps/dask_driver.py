"""Maps inputs over a cluster of four processes and kills one of them meanwhile; see test_dask.py.

    python dask_driver.py URL API_NAME COUNT

It runs in the environment that has Dask, and prints one line of JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any, Dict, List, Tuple

from distributed import Client as Dask
from distributed import LocalCluster
from map_inputs import map_inputs

from gradio_client_lite import Client

WORKERS = 4


def identify(_: int, gradio: Client) -> Tuple[int, str]:
    """The process of a task, and the session it calls in."""
    return os.getpid(), gradio.session_hash


def drive(dask: Dask, gradio: Client, api_name: str, count: int) -> Dict[str, Any]:
    before = set(dask.run(os.getpid).values())
    values = [f"value {number}" for number in range(count)]
    results: List[Any] = []
    for result in map_inputs(dask, gradio, api_name, values):
        results.append(result)
        if len(results) == count // 10:
            os.kill(min(before), signal.SIGKILL)
    dask.wait_for_workers(WORKERS)
    tasks = [
        dask.submit(identify, number, gradio, workers=[worker], pure=False)
        for worker in dask.scheduler_info(n_workers=-1)["workers"]
        for number in range(50)
    ]
    told = dask.gather(tasks)
    return {
        "wrong": [one for one in zip(values, results) if one[0] != one[1]],
        "results": len(results),
        "workers": len(before),
        "survivors": len(before & set(dask.run(os.getpid).values())),
        "processes": len({process for process, _ in told}),
        "sessions": len({session for _, session in told} - {gradio.session_hash}),
        "pairs": len(set(map(tuple, told))),
    }


def main() -> None:
    url, api_name, count = sys.argv[1:]
    with (
        LocalCluster(
            n_workers=WORKERS, threads_per_worker=2, processes=True, host="127.0.0.1", dashboard_address=None
        ) as cluster,
        Dask(cluster) as dask,
        Client(url, verbose=False, timeout=120) as gradio,
    ):
        print(json.dumps(drive(dask, gradio, api_name, int(count))), flush=True)


if __name__ == "__main__":
    main()
