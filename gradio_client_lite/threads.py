"""The threads of the package: all start here, so that a client's end and the interpreter's find each one.

In the main interpreter they are daemons, as the process must not wait for one that cannot be woken: in
`getaddrinfo`, or in a user's callback. What is open at the process's end is closed by `atexit`, after the
threads of the program itself, which may use it, have been waited for. A sub-interpreter aborts the process
where a daemon outlives it, and an isolated one allows none; there they are no daemons, and are ended before
Python waits for them.

Finalisers are another matter: the garbage collector runs them on whatever thread it was called on, which may
hold any lock of this package, of `threading` or of the program. So they do nothing but `hand_over`.
"""

from __future__ import annotations

import _thread
import atexit
import logging
import threading
import time
from collections import deque
from contextlib import suppress
from typing import Any, Callable, Deque, Dict, List, Optional, Set, Tuple

_log = logging.getLogger(__name__)

#: Seconds that the end of the process waits for threads which were told to end; they need milliseconds.
_AT_EXIT = 0.4
#: Seconds that the end of a sub-interpreter does; Python itself waits on for those that take longer.
_AT_SUB_EXIT = 2.0

Task = Callable[[], object]


class InterpreterEnding(RuntimeError):
    """No thread is started any more."""


class _Entry:
    """A thread that may still run.

    Attributes:
        end: makes it return soon; None once it has.
        broke: called when what it runs has raised something; None for nothing, and once it has ended.
    """

    __slots__ = ("broke", "end", "group")

    def __init__(self, group: Threads, end: Task, broke: Optional[Task]) -> None:
        self.group = group
        self.end: Optional[Task] = end
        self.broke = broke


# Held while a thread starts, so that nobody misses one that has just begun. It guards the fields below it.
# Reentrant, as a finaliser of the program may use a client on a thread that holds it.
_starting = threading.RLock()
_running: Dict[threading.Thread, _Entry] = {}
_room = 64  # threads there may be before those that have ended are looked for
_ending = False
_hooked = False
# Whether this is the main interpreter; None until somebody asks. PyPy wants the annotation before its use.
_main: Optional[bool] = None

# Changed by single operations only, which need no lock: what closes what is open at the interpreter's end;
# what finalisers have handed over; the threads that run it.
_open: Dict[Threads, Task] = {}
_handed: Deque[Task] = deque()
_helpers: Dict[_Helper, None] = {}


class Threads:
    """The threads that work for one client, or for another owner.

    Attributes:
        closed: whether they are to end; one that starts all the same does its work and then ends.
    """

    def __init__(self) -> None:
        self.closed = False
        # One for each pause, held while that lasts; changed by single operations only. Bare locks, as those
        # of the parent's threads may be let go in a child too.
        self._gates: Set[threading.Lock] = set()

    def pause(self, seconds: float) -> None:
        """Wait, but only until they are closed."""
        gate = threading.Lock()
        gate.acquire()
        self._gates.add(gate)
        try:
            if not self.closed:
                gate.acquire(timeout=seconds)
        finally:
            self._gates.discard(gate)

    def start(
        self,
        name: str,
        end: Task,
        function: Callable[..., object],
        *args: Any,
        broke: Optional[Task] = None,
    ) -> None:
        """Run `function(*args)` on a new thread. What it raises is logged.

        Args:
            name: of the thread.
            end: makes it return soon; may be called on any thread, and more than once.
            function: what it does.
            args: of the function.
            broke: called on it when the function has raised something, be it at its very entry.

        Raises:
            RuntimeError: the system has no thread to spare; or, as InterpreterEnding, it is too late for one.
        """
        entry = _Entry(self, end, broke)
        thread = threading.Thread(
            target=_run, args=(entry, function, args), name=name, daemon=in_main_interpreter()
        )
        with _starting:
            refuse_at_the_end()
            _hook()
            _forget_ended(_room)
            try:
                thread.start()
            finally:
                if thread.ident is not None:  # it runs, whatever has interrupted this one
                    _running[thread] = entry
        if self.closed:
            end()

    def close_at_the_end(self, close: Task) -> None:
        """Have a function called at the interpreter's end, unless they are closed before.

        Args:
            close: closes them too, and whatever else they work for; returns soon.
        """
        with _starting:
            _hook()
        _open[self] = close

    def close(self) -> None:
        """Have all of them end soon. Idempotent."""
        _open.pop(self, None)
        self.closed = True
        for gate in list(self._gates):
            with suppress(RuntimeError):  # it was let go before
                gate.release()
        for _, end in _alive(self):
            if end is not None:
                _guarded(end)

    def join(self, seconds: float) -> None:
        """Wait until all have ended; which ones still run then is logged.

        On one of these threads it returns at once: that one cannot have ended, and two that waited for each
        other would only lose time.

        Args:
            seconds: to wait at most, in all.
        """
        with _starting:  # until which the thread that starts this one has noted it
            mine = _running.get(threading.current_thread())
        if mine is not None and mine.group is self:
            return
        left = _join(self, time.monotonic() + seconds)
        if left:
            _log.warning("threads still run %g seconds after the end: %s", seconds, ", ".join(left))


class Alarm:
    """Calls a function after a while, on a thread of its own.

    Args:
        threads: whose it is; closing them cancels it.
        name: of its thread.
        seconds: until then.
        function: what is called.

    Raises:
        RuntimeError: there is no thread for it.
    """

    def __init__(self, threads: Threads, name: str, seconds: float, function: Task) -> None:
        self._cancelled = threading.Event()
        self._seconds = seconds
        self._function = function
        threads.start(name, self.cancel, self._wait)

    def cancel(self) -> None:
        """Let it call nothing, unless it has. Idempotent."""
        self._cancelled.set()

    def _wait(self) -> None:
        if not self._cancelled.wait(self._seconds):
            self._function()


def _run(entry: _Entry, function: Callable[..., object], args: Tuple[Any, ...]) -> None:
    try:
        if not _guarded(function, *args) and entry.broke is not None:
            _guarded(entry.broke)
    finally:
        entry.end = entry.broke = None  # what the thread worked for must not live on with the note of it


def _guarded(function: Callable[..., object], *args: Any) -> bool:
    """Call a function; what it raises is logged, whatever it is. Return whether it raised nothing."""
    try:
        function(*args)
    except BaseException:
        with suppress(Exception):  # of a log handler
            _log.exception("a background task failed")
        return False
    return True


def _forget_ended(limit: int) -> None:
    """Forget threads that have ended, where there are more than `limit`; the lock is held."""
    global _room
    if len(_running) > limit:
        for thread in [thread for thread in list(_running) if not thread.is_alive()]:
            del _running[thread]
        _room = max(64, 2 * len(_running))


def _alive(group: Optional[Threads]) -> List[Tuple[threading.Thread, Optional[Task]]]:
    """The threads of a group, or all, with what makes each one end; not the running one."""
    with _starting:
        _forget_ended(0)
        entries = [(thread, _running[thread]) for thread in list(_running)]
    me = threading.get_ident()
    return [
        (thread, entry.end)
        for thread, entry in entries
        if (group is None or entry.group is group) and thread.ident != me
    ]


def _join(group: Optional[Threads], deadline: float) -> List[str]:
    """Wait for the threads of a group, or for all, until the deadline; the names of those left."""
    while True:
        alive = [thread for thread, _ in _alive(group)]
        if not alive:
            return []
        for thread in alive:
            left = deadline - time.monotonic()
            if left <= 0:
                return sorted(thread.name for thread in alive)
            thread.join(left)


# -- finalisers


def hand_over(function: Task) -> None:
    """Have a function called soon, on another thread; for finalisers, as it takes no lock.

    `threading.Thread.start` would take one of its module, and wait for a thread that takes it too.
    """
    if _ending:  # all is being closed anyway
        return
    _handed.append(function)
    # Without a thread, the next one that is handed something does it, or the interpreter's end.
    with suppress(RuntimeError):
        helper = _Helper()
        for other in list(_helpers):
            if other.ended():
                _helpers.pop(other, None)
        _helpers[helper] = None


class _Helper:
    """A thread that `threading` does not know, started and waited for as it does itself."""

    def __init__(self) -> None:
        joinable = getattr(_thread, "start_joinable_thread", None)  # from Python 3.13 on
        self._handle: Any = None
        self._began = _thread.allocate_lock()
        self._began.acquire()
        self._gone: Any = self._began
        if joinable is not None:
            self._handle = joinable(_do_what_was_handed_over, daemon=in_main_interpreter())
        else:
            _thread.start_new_thread(self._work, ())

    def _work(self) -> None:
        # Released by Python when it has forgotten the thread, which is later than any of its code runs.
        self._gone = getattr(_thread, "_set_sentinel", _thread.allocate_lock)()
        self._gone.acquire()
        self._began.release()
        _do_what_was_handed_over()

    def ended(self) -> bool:
        """Whether it runs no more."""
        if self._handle is not None:
            return bool(self._handle.is_done())
        return not self._gone.locked()

    def join(self, deadline: float) -> None:
        """Wait for its end, at most until the deadline."""
        if self._handle is not None:
            self._handle.join(max(0.0, deadline - time.monotonic()))
        elif self._began.acquire(timeout=max(0.0, deadline - time.monotonic())):
            self._gone.acquire(timeout=max(0.0, deadline - time.monotonic()))


def _do_what_was_handed_over() -> None:
    while _handed:
        try:
            function = _handed.popleft()
        except IndexError:  # another one was faster
            return
        _guarded(function)
        del function  # else it would live until the next one


# -- the interpreter's end


def at_the_end() -> bool:
    """Whether the interpreter is ending."""
    return _ending


def refuse_at_the_end() -> None:
    """Do nothing, unless the interpreter is ending.

    Raises:
        InterpreterEnding: it is.
    """
    if _ending:
        raise InterpreterEnding("the interpreter is ending")


def _hook() -> None:
    """Have `_end` called at the end of this interpreter; the lock is held."""
    global _hooked
    if _hooked:
        return
    _hooked = True
    register = getattr(threading, "_register_atexit", None)
    if register is not None and not in_main_interpreter():
        with suppress(RuntimeError):  # it is ending already
            register(_end, _AT_SUB_EXIT)
            return
    atexit.register(_end, _AT_EXIT)


def _end(seconds: float) -> None:
    """Close what is open, and wait for the threads. No function of the user is called any more."""
    global _ending
    with suppress(KeyboardInterrupt):  # somebody does not want to wait
        with _starting:
            _ending = True
        deadline = time.monotonic() + seconds
        _do_what_was_handed_over()
        for close in [_open.pop(threads, None) for threads in list(_open)]:
            if close is not None:
                _guarded(close)
        left = _join(None, deadline)
        for helper in list(_helpers):
            helper.join(deadline)
        if left:
            _log.debug("threads still run at the end of the interpreter: %s", ", ".join(left))


def forget_parent() -> None:
    """In a child after fork: what runs, and what was handed over, are the parent's."""
    global _starting
    _starting = threading.RLock()
    _running.clear()
    _handed.clear()
    _helpers.clear()


def in_main_interpreter() -> bool:
    """Whether this is no sub-interpreter."""
    global _main
    if _main is None:
        _main = _ask_for_main()
    return _main


def _ask_for_main() -> bool:
    known = getattr(_thread, "_is_main_interpreter", None)  # from Python 3.12 on
    if known is not None:
        return bool(known())
    try:
        import _xxsubinterpreters as interpreters  # type: ignore[import-not-found]  # of 3.8 to 3.12
    except ImportError:
        return True
    return bool(interpreters.get_current() == interpreters.get_main())
