"""What holds whatever a network does: one judgement of how calls ended, and of what they left behind.

Every job ends within its limit, with the right value or a typed error; as cancelled only where its caller
cancelled it; with a wrong value never. Files are right or absent. The next call on the same client works.
No thread, socket, file or traceback is left.
"""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from asyncio import CancelledError as AsyncCancelledError
from collections import Counter
from concurrent.futures import CancelledError
from enum import Enum
from pathlib import Path
from typing import Any, Callable, Iterable, List, NamedTuple, Optional, Tuple, Type
from typing import Counter as Counts

from gradio_client_lite.errors import ConnectionFailed, DeadlineExceeded, HTTPStatusError, RetryLater

from .workload import Late, Lost

#: The errors that a fault of the network may be told as.
EXPECTED: Tuple[Type[Exception], ...] = (ConnectionFailed, DeadlineExceeded, RetryLater, HTTPStatusError)
#: Ends without a result that no caller asked for.
_LOST = (Lost, CancelledError, AsyncCancelledError)
_SETTLING = 5.0  # seconds in which what was closed is gone


class Verdict(Enum):
    """How a call ended."""

    SURVIVED = "survived"
    TYPED = "typed error"
    LOST = "lost"
    WRONG = "wrong"
    HUNG = "hung"


#: Those that hold.
GOOD = frozenset((Verdict.SURVIVED, Verdict.TYPED))


class Outcome(NamedTuple):
    """What came of a call.

    Args:
        call: its name.
        error: what it raised; None for the right value.
        seconds: it took.
        ended: whether it did, within the limit.
    """

    call: str
    error: Optional[BaseException]
    seconds: float
    ended: bool = True

    def verdict(self, expected: Tuple[Type[Exception], ...] = EXPECTED) -> Verdict:
        """Judge it; `expected` are the errors that may be told."""
        if not self.ended:
            return Verdict.HUNG
        if self.error is None:
            return Verdict.SURVIVED
        rows = ((expected, Verdict.TYPED), (Late, Verdict.HUNG), (_LOST, Verdict.LOST))
        return next((verdict for kind, verdict in rows if isinstance(self.error, kind)), Verdict.WRONG)

    def __str__(self) -> str:
        return f"{self.call}: {self.verdict().value} after {self.seconds:.2f} s: {self.error!r}"


def outcome_of(name: str, call: Callable[[], Any]) -> Outcome:
    """Make a call and note how it ended; a wrong value it raises itself, as `Wrong`."""
    begun = time.monotonic()
    error: Optional[BaseException] = None
    try:
        call()
    except BaseException as exc:
        error = exc
    return Outcome(name, error, time.monotonic() - begun)


def broken(outcomes: Iterable[Outcome], expected: Tuple[Type[Exception], ...] = EXPECTED) -> List[str]:
    """What does not hold of these; empty is good."""
    return [str(outcome) for outcome in outcomes if outcome.verdict(expected) not in GOOD]


def wrong_files(folder: Path, is_right: Callable[[bytes], bool]) -> List[str]:
    """The files below a folder of downloads that are not right: they have to be right or absent."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [f"{path.name} is not whole" for path in files if not is_right(path.read_bytes())]


class Belongings:
    """What a process has; `left` says in words what has come since, once what is closing has had its time."""

    def __init__(self) -> None:
        self._raised: List[str] = []
        self._threads = set(threading.enumerate())
        self._descriptors = _descriptors()

    def __enter__(self) -> Belongings:
        self._hooks = threading.excepthook, sys.unraisablehook
        threading.excepthook = self._note  # type: ignore[assignment]
        sys.unraisablehook = self._note
        return self

    def __exit__(self, *_: object) -> None:
        threading.excepthook, sys.unraisablehook = self._hooks

    def _note(self, args: Any) -> None:
        where = getattr(args, "thread", None) or getattr(args, "object", None)
        self._raised.append(f"{args.exc_value!r} in {where!r}")

    def left(self) -> List[str]:
        """What is left: threads, sockets, files, and tracebacks that would have been printed."""
        until = time.monotonic() + _SETTLING
        while True:
            gc.collect()
            left = self._now()
            if not left or time.monotonic() > until:
                return left + self._raised
            time.sleep(0.02)

    def _now(self) -> List[str]:
        threads = [thread.name for thread in set(threading.enumerate()) - self._threads if thread.is_alive()]
        return sorted(threads) + sorted((_descriptors() - self._descriptors).elements())


def _descriptors() -> Counts[str]:
    """What this process has open, by kind; each socket and each file."""
    found: Counts[str] = Counter()
    folder = Path("/proc/self/fd")
    for name in os.listdir(folder) if folder.exists() else []:
        try:
            target = os.readlink(folder / name)
        except OSError:  # the listing's own
            continue
        found[target.partition(":")[0] if ":" in target else target] += 1
    return found
