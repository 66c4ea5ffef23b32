"""What `verbose=True` shows on the console; never an error where there is none."""

from __future__ import annotations

import sys


def say(text: str) -> None:
    """Write a line to standard output, if the process has one that can take it."""
    out = sys.stdout
    if out is None:  # pythonw, some plugin hosts
        return
    try:
        out.write(text + "\n")
        out.flush()
    except UnicodeEncodeError:
        out.write(text.encode("ascii", "replace").decode("ascii") + "\n")
    except (AttributeError, OSError, ValueError):
        # Closed, a broken pipe, or a host's object that is no whole file: not worth a failure.
        return
