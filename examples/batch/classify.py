"""Call a Gradio app once for each row of a CSV file, and write what became of each as a line of JSON.

    python classify.py rows.csv results.jsonl API_NAME URL [URL…]

The names of the columns are those of the endpoint's parameters. With several URLs, of copies of one app, each
call goes to the one that is the least busy. Results are written as they come; `number` tells the row.
"""

from __future__ import annotations

import csv
import json
import sys
from contextlib import ExitStack
from typing import Optional

from gradio_client_lite import Client


def show(done: int, failed: int, total: Optional[int]) -> None:
    """Tell how far it is; of rows that are read as they are needed, nobody knows how many there are."""
    of = "" if total is None else f" of {total}"
    print(f"\r{done}{of} rows, {failed} failed ", end="", file=sys.stderr, flush=True)


def main(source: str, target: str, api_name: str, *urls: str) -> None:
    """Process all rows."""
    with ExitStack() as stack:
        # The deadline makes a call that hangs an error of its row.
        first, *others = [stack.enter_context(Client(url, verbose=False, timeout=300)) for url in urls]
        rows = csv.DictReader(stack.enter_context(open(source, newline="", encoding="utf-8")))
        results = stack.enter_context(open(target, "w", encoding="utf-8"))
        for row in first.map(
            rows,
            api_name=api_name,
            clients=others,
            max_in_flight=20,
            ordered=False,
            retries=4,
            on_error="return",
            on_progress=show,
            rows=True,
        ):
            outcome = {"result": row.result} if row.error is None else {"error": str(row.error)}
            print(json.dumps({"number": row.number, **row.inputs, **outcome}), file=results, flush=True)
    print(file=sys.stderr)


if __name__ == "__main__":
    main(*sys.argv[1:])
