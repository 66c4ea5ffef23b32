"""Counting what does not depend on how busy the machine is: instructions and system calls.

valgrind counts the instructions of a process, and strace its system calls, where these are there. What a call
takes is the difference of processes that make none and some, so that what all have in common does not count.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Callable, Dict, Sequence

VALGRIND, STRACE = shutil.which("valgrind"), shutil.which("strace")

#: Runs something below the program that it is given.
Run = Callable[[Sequence[str]], object]


class NotThere(Exception):
    """The program that counts is not installed."""


def instructions(run: Run, folder: Path) -> float:
    """The instructions of a run."""
    if VALGRIND is None:
        raise NotThere("valgrind")
    log = folder / "instructions"
    run(
        [
            *(VALGRIND, "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"),
            f"--log-file={log}",
        ]
    )
    return instructions_in(log.read_text())


def instructions_in(log: str) -> float:
    """What cachegrind says."""
    (count,) = re.findall(r"I\s+refs:\s+([\d,]+)", log)
    return float(count.replace(",", ""))


def system_calls(run: Run, folder: Path) -> Dict[str, float]:
    """The system calls of a run, by name; those of all its threads."""
    if STRACE is None:
        raise NotThere("strace")
    log = folder / "calls"
    run([STRACE, "-f", "-c", "-o", str(log)])
    return system_calls_in(log.read_text())


def system_calls_in(log: str) -> Dict[str, float]:
    """What `strace -c` says."""
    rows = re.findall(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)(?:\s+\d+)?\s+(\w+)$", log, re.MULTILINE)
    return {name: float(count) for count, name in rows if name != "total"}
