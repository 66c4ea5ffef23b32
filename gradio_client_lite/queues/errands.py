"""Errands: what has to be sent soon while a server waits for it."""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from typing import Callable, Deque, List, Optional

from ..errors import ConnectionFailed
from ..threads import Threads
from ..workers import Workers, call_after_fork


class Errands:
    """Runs what has to be sent soon, because a server waits for it.

    Each task goes to the workers, and to a thread of its own besides: the workers may all be waiting for
    direct calls that take long, and one thread alone would be slow over a slow network. Whichever is free
    takes it.

    Args:
        workers: of the client.
        threads: of the client.
    """

    def __init__(self, workers: Workers, threads: Optional[Threads] = None) -> None:
        self._workers = workers
        self._spare = Workers(1, "gradio-errand", threads=threads)
        self._tasks: Deque[Callable[[], None]] = deque()
        call_after_fork(self)

    def after_fork(self) -> None:
        """In a child: the tasks are the parent's."""
        self._tasks = deque()

    def submit(self, task: Callable[[], None]) -> None:
        """Run a task on another thread.

        Raises:
            ConnectionFailed: there is none, and none can be started.
        """
        self._tasks.append(task)
        failures: List[RuntimeError] = []
        for pool in (self._spare, self._workers):
            try:
                pool.submit(self._run_one)
            except RuntimeError as exc:  # noqa: PERF203 - two of them
                failures.append(exc)
        if len(failures) == 2:
            with suppress(ValueError):
                self._tasks.remove(task)
            raise ConnectionFailed(f"No thread could be started to send something: {failures[0]}.")

    def _run_one(self) -> None:
        try:
            task = self._tasks.popleft()
        except IndexError:  # the other one was faster
            return
        task()

    def stop(self) -> None:
        """Let the spare thread end as soon as it has no work."""
        self._spare.stop()
