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
from typing import Any, Callable, Deque, Optional, Protocol, Set, Tuple

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
        self.after_fork()
        call_after_fork(self)

    def after_fork(self) -> None:
        """In a child: begin without threads, and without tasks, which are the parent's."""
        # Guards the three fields below it; nothing is called while it is held. Reentrant, as the garbage
        # collector may end something that submits on a thread that holds it.
        self._ready = threading.Condition(threading.RLock())
        self._tasks: Deque[_Task] = deque()
        self._threads: Set[threading.Thread] = set()
        self._waiting = 0

    @property
    def threads(self) -> int:
        """How many threads there are now."""
        return len(self._threads)

    def submit(self, function: Callable[..., object], *args: Any) -> None:
        """Run `function(*args)` on a thread of the pool, in the order of submission.

        What it raises is logged: a task that has somebody to tell must tell it itself.
        """
        task = (function, args)
        with self._ready:
            self._tasks.append(task)
            if self._waiting >= len(self._tasks) or len(self._threads) == self._limit:
                self._ready.notify()
                return
            thread = threading.Thread(target=self._work, args=(self._ready,), name=self._name, daemon=True)
            self._threads.add(thread)
        try:
            thread.start()
        except BaseException as exc:
            with self._ready:
                self._threads.discard(thread)
                # No thread can be had (limit of the system, or the interpreter is ending): with others
                # at work the task waits for them, else the caller has to know; of an interrupt always.
                if self._threads and isinstance(exc, RuntimeError):
                    return
                self._tasks = deque(other for other in self._tasks if other is not task)
            raise

    def stop(self) -> None:
        """Let the threads end as soon as they have no work. What is still submitted is run all the same."""
        with self._ready:
            self._idle = 0.0
            self._ready.notify_all()

    def _work(self, ready: threading.Condition) -> None:
        while ready is self._ready:  # not so in a child that was forked by a task
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
            self._threads.discard(threading.current_thread())
            return None


class Forkable(Protocol):
    """Whatever has locks, sockets or threads, which a forked child must not use: they are its parent's."""

    def after_fork(self) -> None:
        """Run in the child, while it has a single thread."""


_watched: weakref.WeakSet[Forkable] = weakref.WeakSet()
_hook_lock = threading.Lock()
_hooked = False


def call_after_fork(item: Forkable) -> None:
    """Have `item.after_fork()` called in every child, for as long as the item lives.

    The hook into the interpreter, which cannot be taken out again, is made at the first call only.
    """
    global _hooked
    _watched.add(item)
    if not _hooked:
        with _hook_lock:
            if not _hooked and hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=_run)
            _hooked = True


def _run() -> None:
    global _hook_lock
    _hook_lock = threading.Lock()
    for item in list(_watched):
        item.after_fork()
