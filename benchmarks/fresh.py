"""One call in a fresh process; prints the resident memory after it. Run with a client's interpreter.

    python fresh.py MODULE URL      without arguments: the interpreter alone

It imports nothing that a user's program would not.
"""

from __future__ import annotations

import os
import sys


def resident() -> int:
    """The resident memory of this process in bytes; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


if __name__ == "__main__":
    if len(sys.argv) > 1:
        client = __import__(sys.argv[1]).Client(sys.argv[2], verbose=False)
        assert client.predict("hello", api_name="/queued") == "hello"
    print(resident(), flush=True)
    sys.stdin.read()  # the one who measures ends this process
