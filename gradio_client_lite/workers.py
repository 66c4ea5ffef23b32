"""A small pool of daemon threads, and word of a fork, in whose child no thread but one goes on.

`concurrent.futures.ThreadPoolExecutor` joins its threads when the interpreter exits, so one request
that never ends would keep the process alive. These threads are daemons, start when there is work and
end after they have had none for a while.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections import deque
from typing import Any, Callable, Deque, Optional, Protocol, Tuple

_log = logging.getLogger(__name__)

_Task = Tuple[Callable[..., object], Tuple[Any, ...]]


class Workers:
    """Runs functions on at most `limit` threads at once.

    Args:
        limit: how many threads; None means one more whenever none is free.
        name: what the threads are called.
        idle: seconds a thread without work stays.
    """

    def __init__(self, limit: Optional[int], name: str, idle: float = 5.0) -> None:
        self._limit = limit
        self._name = name
        self._idle = idle
        self._reset()

    def _reset(self) -> None:
        self._pid = os.getpid()
        # Guards the three fields below it; nothing is called while it is held.
        self._ready = threading.Condition(threading.Lock())
        self._tasks: Deque[_Task] = deque()
        self._threads = 0
        self._waiting = 0

    @property
    def threads(self) -> int:
        """How many threads there are now."""
        return self._threads

    def submit(self, function: Callable[..., object], *args: Any) -> None:
        """Run `function(*args)` on a thread of the pool, in the order of submission.

        What it raises is logged: a task that has somebody to tell must tell it itself.
        """
        if self._pid != os.getpid():  # a forked child has none of its parent's threads
            self._reset()
        with self._ready:
            self._tasks.append((function, args))
            if self._waiting >= len(self._tasks) or self._threads == self._limit:
                self._ready.notify()
                return
            self._threads += 1
        try:
            threading.Thread(target=self._work, args=(self._pid,), name=self._name, daemon=True).start()
        except RuntimeError:
            # No thread can be had (limit of the system, or the interpreter is ending): with others
            # at work the task waits for them, else the caller has to know.
            with self._ready:
                self._threads -= 1
                if not self._threads:
                    self._tasks.clear()
                    raise

    def stop(self) -> None:
        """Let the threads end as soon as they have no work. What is still submitted is run all the same."""
        with self._ready:
            self._idle = 0.0
            self._ready.notify_all()

    def _work(self, pid: int) -> None:
        while pid == self._pid:
            task = self._next()
            if task is None:
                return
            function, args = task
            try:
                function(*args)
            except BaseException:
                _log.exception("a background task failed")
            # Otherwise an idle thread would keep the last task's objects alive.
            del task, function, args

    def _next(self) -> Optional[_Task]:
        with self._ready:
            if not self._tasks and self._idle:
                self._waiting += 1
                self._ready.wait(self._idle)
                self._waiting -= 1
            if self._tasks:
                return self._tasks.popleft()
            self._threads -= 1
            return None


class Forkable(Protocol):
    """Whatever has locks, sockets or threads, which a forked child must not use: they are its parent's."""

    def after_fork(self) -> None:
        """Run in the child, while it has a single thread."""


_watched: weakref.WeakSet[Forkable] = weakref.WeakSet()
_lock = threading.Lock()
_hooked = False


def call_after_fork(item: Forkable) -> None:
    """Have `item.after_fork()` called in every child, for as long as the item lives.

    The hook into the interpreter, which cannot be taken out again, is made at the first call only.
    """
    global _hooked
    with _lock:
        _watched.add(item)
        if not _hooked and hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_run)
            _hooked = True


def _run() -> None:
    global _lock
    _lock = threading.Lock()
    for item in list(_watched):
        item.after_fork()
