"""Call a Gradio app with many inputs from the workers of a Dask cluster.

    python map_inputs.py URL API_NAME [--scheduler ADDRESS] [--workers 4] < inputs.jsonl > results.jsonl

Each line of standard input is one JSON value, the function's only argument; each line of standard output
its result, in the same order. Without `--scheduler` it starts workers on this machine.
"""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from typing import Any, Iterable, Iterator

from distributed import Client as Dask
from distributed import LocalCluster

from gradio_client_lite import Client


def call(gradio: Client, api_name: str, value: Any) -> Any:
    """One call, on a worker. All tasks of a worker find the same client here, and share its connections."""
    return gradio.predict(value, api_name=api_name)


def map_inputs(dask: Dask, gradio: Client, api_name: str, values: Iterable[Any]) -> Iterator[Any]:
    """Yield the results in the order of the inputs.

    What a lost worker had not finished is called again on another one, so the function of the app should not
    mind being called twice with the same input.

    Args:
        dask: the cluster.
        gradio: is pickled with the constructor's arguments, a token or a password among them. Each worker's
            process connects once, when its first task calls.
        api_name: the endpoint.
        values: the inputs.
    """
    futures = dask.map(partial(call, gradio, api_name), list(values), pure=False)
    for index, future in enumerate(futures):
        yield future.result()
        futures[index] = None  # lets the workers forget the result


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("api_name")
    parser.add_argument("--scheduler", help="of a running cluster; its workers need this package too")
    parser.add_argument("--workers", type=int, default=4, help="processes to start without --scheduler")
    given = parser.parse_args()
    # The deadline makes an app that hangs an error of the task, which Dask reports.
    gradio = Client(given.url, verbose=False, timeout=300)
    values = [json.loads(line) for line in sys.stdin]
    cluster = given.scheduler or LocalCluster(n_workers=given.workers, dashboard_address=None)
    with Dask(cluster) as dask:
        for result in map_inputs(dask, gradio, given.api_name, values):
            print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
