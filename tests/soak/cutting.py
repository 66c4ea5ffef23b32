"""A proxy in a process of its own, which cuts streams when it is told to: `python -m soak.cutting PORT`.

It prints its URL; for each line that it is given it cuts all streams, and prints how many there were.
"""

from __future__ import annotations

import subprocess
import sys
from urllib.parse import urlsplit

from faults.chaos.proxy import FaultProxy


class Cutter:
    """Such a process before a server; use it in a `with` statement.

    Attributes:
        url: in place of the server's.
    """

    def __init__(self, url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "soak.cutting", str(urlsplit(url).port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="ascii",
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._told, self._said = self._process.stdin, self._process.stdout
        self.url = self._said.readline().strip()

    def cut(self) -> int:
        """Cut all streams there are, on both sides; how many there were."""
        self._told.write("cut\n")
        self._told.flush()
        return int(self._said.readline())

    def __enter__(self) -> Cutter:
        return self

    def __exit__(self, *_: object) -> None:
        self._told.close()
        self._process.wait()
        self._said.close()


def main(port: int) -> None:
    with FaultProxy(port) as proxy:
        print(proxy.url, flush=True)
        for _ in sys.stdin:
            print(proxy.cut(), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
