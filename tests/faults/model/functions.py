"""The functions that the session model calls, and an account of what they have done."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Mapping, Set
from typing import Counter as Counts
from weakref import WeakKeyDictionary

from gradio_client_lite.testing import AppError, Function
from gradio_client_lite.testing import functions as app_functions

#: Outputs of a generator, and the seconds between two of one that takes long.
STEPS, LONG, PAUSE = 6, 3000, 0.02
_SLOW = 0.15  # seconds


def _rows(tag: str) -> Iterator[Any]:
    """Values of which each is an edit of the one before: at the end, in the middle, and one row less."""
    rows: List[Any] = [{"tag": tag, "text": "\u2028"}]
    for step in range(STEPS):
        if step == 4:
            rows = rows[1:]
        else:
            rows = [*rows[:-1], {**rows[-1], "text": rows[-1]["text"] + str(step)}, {"tag": tag, "text": "é"}]
        yield rows


#: What each kind of call yields; the last value is its result.
YIELDS: Dict[str, Callable[[str], Iterator[Any]]] = {
    "echo": lambda tag: iter([tag]),
    "slow": lambda tag: iter([tag]),
    "direct": lambda tag: iter([tag]),
    "count": lambda tag: (f"{step} {tag}" for step in range(STEPS)),
    "grow": lambda tag: (tag + "001123"[: step + 1] for step in range(STEPS)),  # some edits are alike
    "rows": _rows,
    "late": lambda tag: (f"{step} {tag}" for step in range(2)),
    "long": lambda tag: (f"{step} {tag}" for step in range(LONG)),
    "fail": lambda tag: iter([]),
    "state": lambda tag: iter([]),  # of a session; see `Calls`
}
GENERATORS = frozenset(("count", "grow", "rows", "late", "long"))
#: Those whose values come as edits of each other, and those that end with an error of the app.
EDITED, FAILING = frozenset(("grow", "rows")), frozenset(("fail", "late"))


class Account:
    """Serves the functions.

    Attributes:
        runs: how often each call was run, by its tag.
        running: the tags of those that run.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.runs: Counts[str] = Counter()
        self.running: Set[str] = set()
        self._sessions: WeakKeyDictionary[Any, int] = WeakKeyDictionary()

    def functions(self) -> Mapping[str, Any]:
        """What `testing.serve` takes."""
        return {
            "/echo": self._echo,
            "/slow": self._slow,
            "/direct": Function(self._echo, queue=False),
            "/fail": self._fail,
            "/state": self._state,
            **{f"/{kind}": self._generator(kind) for kind in sorted(GENERATORS)},
        }

    def is_left(self, tag: str, seconds: float) -> bool:
        """Whether a call still runs after so many seconds."""
        until = time.monotonic() + seconds
        while tag in self.running and time.monotonic() < until:
            time.sleep(0.01)
        return tag in self.running

    @contextmanager
    def _run(self, tag: str) -> Iterator[None]:
        with self._lock:
            self.runs[tag] += 1
            self.running.add(tag)
        try:
            yield
        finally:
            with self._lock:
                self.running.discard(tag)

    def _echo(self, tag: str) -> str:
        with self._run(tag):
            return tag

    def _slow(self, tag: str) -> str:
        with self._run(tag):
            time.sleep(_SLOW)
            return tag

    def _fail(self, tag: str) -> str:
        with self._run(tag):
            raise AppError(tag)

    def _state(self, tag: str) -> Any:
        """Count in the session, which here is known by the messages that it waits for."""
        session = app_functions._send.get().__self__.mailbox  # type: ignore[union-attr]
        with self._run(tag), self._lock:
            self._sessions[session] = self._sessions.get(session, 0) + 1
            return [tag, self._sessions[session]]

    def _generator(self, kind: str) -> Callable[[str], Iterator[Any]]:
        def run(tag: str) -> Iterator[Any]:
            with self._run(tag):
                for value in YIELDS[kind](tag):
                    yield value
                    time.sleep(PAUSE if kind == "long" else 0.002)
                if kind in FAILING:
                    raise AppError(tag)

        return run
