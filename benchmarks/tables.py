"""The CPU of calls with a large result, beside that of `json.loads` of the same text in the same run.

    python -m benchmarks.tables [RELEASE OF GRADIO] [ROUNDS]

Client and server are two processes; what is counted is the client's, all its threads together.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from gradio_client_lite import Client
from tests.apps.environments import server_python

from .contenders import GRADIO, Process

_START = 120.0  # seconds
_CALLS = ("/queued_json", "/direct_json", "/queued_table", "/direct_table")


def main(release: str = GRADIO, rounds: str = "7") -> None:
    """Measure and print a table."""
    with (
        tempfile.TemporaryDirectory() as folder,
        (Path(folder) / "log").open("wb") as log,
        Process(server_python(release), "table_app.py", log=log) as server,
    ):
        while not (line := server.read(_START)).startswith("READY"):
            pass
        with Client(line.split()[1], verbose=False) as client:
            value = client.predict(api_name=_CALLS[0])
            text = json.dumps(
                {"msg": "process_completed", "output": {"data": [value]}}, separators=(",", ":")
            )
            print(f"Gradio {release}, results of {len(text) / 1e6:.1f} MB: median CPU of {rounds} calls")
            for api_name in _CALLS:
                ours, parsing = [], []
                for _ in range(int(rounds)):
                    before = time.process_time()
                    json.loads(text)
                    between = time.process_time()
                    client.predict(api_name=api_name)
                    ours.append(time.process_time() - between)
                    parsing.append(between - before)
                ratio = median(call / loads for call, loads in zip(ours, parsing))
                call, loads = median(ours) * 1e3, median(parsing) * 1e3
                print(f"{api_name:14} {call:5.0f} ms, json.loads {loads:5.0f} ms: {ratio:.2f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
