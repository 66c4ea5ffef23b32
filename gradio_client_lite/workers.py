"""Pools of threads, and a registry of the objects to reset in a forked child.

`concurrent.futures.ThreadPoolExecutor` joins its threads when the interpreter exits, so one request that
never ends would keep the process alive. A thread of `Workers` starts when there is work and none is free, and
ends when there has been none for a while; at the interpreter's end `threads` ends it.

No task is left without a thread: where fewer threads wait than there are tasks, the critical section that
adds one counts a thread more, which is then started; and a thread leaves the count where it finds no task.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections import deque
from functools import partial
from typing import Any, Callable, Deque, Optional, Protocol, Set, Tuple

from . import threads as _threads

_log = logging.getLogger(__name__)

_Task = Tuple[Callable[..., object], Tuple[Any, ...]]


class Workers:
    """Runs functions on at most `limit` threads at once.

    Args:
        limit: None for as many as there are tasks.
        name: of the threads.
        idle: seconds a thread without work stays.
        threads: which its threads belong to; None makes them its own.
        rest: called on a thread that goes as there is no work, and that others do not wait for any more.
    """

    def __init__(
        self,
        limit: Optional[int],
        name: str,
        idle: float = 5.0,
        threads: Optional[_threads.Threads] = None,
        rest: Optional[Callable[[], object]] = None,
    ) -> None:
        self._limit = limit
        self._name = name
        self._idle = idle
        self._rest = rest
        self._owner = threads or _threads.Threads()
        self.after_fork()
        call_after_fork(self)

    def after_fork(self) -> None:
        """In a child: begin without threads and tasks, which are the parent's."""
        # Guards the fields below it. Reentrant, as a finaliser of the program may submit something on a
        # thread that holds it.
        self._ready = threading.Condition(threading.RLock())
        self._tasks: Deque[_Task] = deque()
        self._count = 0
        self._waiting = 0

    @property
    def threads(self) -> int:
        """How many threads there are now."""
        return self._count

    def submit(self, function: Callable[..., object], *args: Any) -> None:
        """Run `function(*args)` on a thread of the pool, in the order of submission.

        What it raises is logged.

        Raises:
            InterpreterEnding: the interpreter is ending.
            RuntimeError: there is no thread, and none can be started.
        """
        if _threads.ending:
            raise _threads.InterpreterEnding("the interpreter is ending")
        task, counted = (function, args), False
        try:  # around the critical section too: an interrupt may come right behind it
            with self._ready:
                self._tasks.append(task)
                if self._waiting >= len(self._tasks) or self._count == self._limit:
                    self._ready.notify()
                    return
                counted = True
                self._count += 1
                ready = self._ready
            self._start(ready)
        except BaseException as exc:
            with self._ready:
                self._count -= counted
                # No thread can be had (limit of the system, or the interpreter is ending). With others at
                # work the task waits for them, else the caller has to know; of an interrupt always.
                if self._count and isinstance(exc, RuntimeError):
                    return
                self._tasks = deque(other for other in self._tasks if other is not task)
            raise

    def stop(self) -> None:
        """Let the threads end as soon as they have no work; what is still submitted is run all the same."""
        with self._ready:
            self._idle = 0.0
            self._ready.notify_all()

    def _start(self, ready: threading.Condition) -> None:
        self._owner.start(self._name, self.stop, self._work, ready, broke=partial(self._replace, ready))

    def _work(self, ready: threading.Condition) -> None:
        while ready is self._ready:  # not so in a child that was forked by a task
            task = self._next()
            if task is None:
                if self._rest is not None and self._idle and not self._owner.closed:
                    _threads.guarded(self._rest)
                return
            function, args = task
            try:
                function(*args)
            except BaseException:
                _log.exception("a background task failed")
            # Else an idle thread would keep the objects of its last task alive.
            del task, function, args

    def _next(self) -> Optional[_Task]:
        with self._ready:
            if not self._tasks and self._idle and not self._owner.closed:
                self._waiting += 1
                try:
                    self._ready.wait(self._idle)
                finally:
                    self._waiting -= 1
            if self._tasks:
                return self._tasks.popleft()
            self._count -= 1
            return None

    def _replace(self, ready: threading.Condition) -> None:
        """Start a thread in place of one that broke, at its entry or in a log handler, where tasks wait."""
        with ready:
            self._count -= 1
            if ready is not self._ready or self._waiting >= len(self._tasks):
                return
            self._count += 1
        try:
            self._start(ready)
        except BaseException:
            with ready:
                self._count -= 1
            raise


class Forkable(Protocol):
    """What has locks, sockets or threads, which are its parent's in a forked child."""

    def after_fork(self) -> None:
        """Run in the child, while it has a single thread."""


# No WeakSet: one of its callbacks, which are Python, may run on the main thread as a signal arrives, and what
# the signal's handler raises there, such as KeyboardInterrupt, is lost. These are single operations, in C.
_watched: Set[weakref.ref[Forkable]] = set()
_hook_lock = threading.Lock()
_hooked = False


def call_after_fork(item: Forkable) -> None:
    """Have `item.after_fork()` called in every child, for as long as the item lives.

    The hook into the interpreter, which cannot be removed, is made with the first call.
    """
    global _hooked
    _watched.add(weakref.ref(item, _watched.discard))
    if not _hooked:
        with _hook_lock:
            if not _hooked and hasattr(os, "register_at_fork"):
                # Weakly: Python 3.9 lets go of hooks after its last collection of garbage, so that one which
                # held this module would keep the whole package when a program in C ends the interpreter.
                os.register_at_fork(after_in_child=weakref.proxy(_run))
            _hooked = True


def _run() -> None:
    global _hook_lock
    _hook_lock = threading.Lock()
    _threads.forget_parent()
    for watched in list(_watched):
        item = watched()
        if item is not None:
            item.after_fork()
