"""The threads of the package: all start here, so that a client's end and the interpreter's find each one.

What works for a client starts its threads by the client's `Threads`, mostly from a pool (`workers`), and says
how each is made to end soon. `Threads.close` does that. The end of the interpreter closes each client that is
open and waits for all threads. None starts once `ending` is set, under the lock that threads start under.

In the main interpreter they are daemons, as the process must not wait for one that cannot be woken: in
`getaddrinfo`, or in a user's callback. `atexit` runs the end after the threads of the program, which may use
a client, have been waited for. A sub-interpreter aborts the process where a daemon outlives it, and an
isolated one allows none; there they are no daemons, and the end comes before Python waits for them.

Finalisers run on whatever thread the garbage collector was called on, which may hold any lock of this
package, of `threading` or of the program. So they do nothing but `hand_over`, which takes none.

In a fork's child only the thread that forked goes on; `forget_parent` forgets the others, and their lock.
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

#: Seconds that the end of the process waits for its threads; those that can be woken need milliseconds.
_AT_EXIT = 0.4
#: The same for a sub-interpreter; Python itself waits on for those that take longer.
_AT_SUB_EXIT = 2.0

Task = Callable[[], object]


class InterpreterEnding(RuntimeError):
    """No thread is started any more."""


class _Entry:
    """What is noted of a thread: see `Threads.start`. Once it has ended, only its group."""

    __slots__ = ("broke", "end", "group")

    def __init__(self, group: Threads, end: Task, broke: Optional[Task]) -> None:
        self.group = group
        self.end: Optional[Task] = end
        self.broke = broke


# Held while a thread starts; guards what is below it. Reentrant, as a finaliser of the program may use a
# client on a thread that holds it.
_starting = threading.RLock()
_running: Dict[threading.Thread, _Entry] = {}
_room = 64  # how many threads are noted before those that have ended are forgotten
ending = False  # read without the lock
_hooked = False
# Whether this is the main interpreter; None until somebody asks. PyPy wants the annotation before its use.
_main: Optional[bool] = None
_allowed = False  # whether a thread is known to have started

# Changed by single operations only, which need no lock: what the interpreter's end closes; what finalisers
# have handed over; the threads that run that.
_open: Dict[Threads, Task] = {}
_handed: Deque[Task] = deque()
_helpers: Dict[_Helper, None] = {}


class Threads:
    """The threads of one client, or of another owner.

    Attributes:
        closed: whether they are to end; one that starts all the same does its work first.
    """

    def __init__(self) -> None:
        self.closed = False
        # One for each pause, held while it lasts; changed by single operations only. Plain locks, as a fork's
        # child may release those of its parent's threads too.
        self._gates: Set[threading.Lock] = set()

    def pause(self, seconds: float) -> None:
        """Wait, but no longer than until `close`."""
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
            end: makes it return soon; may be called on any thread, and more than once.
            broke: called on the thread when the function has raised something, be it at its very entry.

        Raises:
            InterpreterEnding: it is too late for a thread.
            RuntimeError: the system has none to spare.
        """
        entry = _Entry(self, end, broke)
        thread = threading.Thread(
            target=_run, args=(entry, function, args), name=name, daemon=in_main_interpreter()
        )
        with _starting:
            if ending:
                raise InterpreterEnding("the interpreter is ending")
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
        """Have the owner's `close`, which closes these threads too, called at the interpreter's end."""
        with _starting:
            _hook()
        _open[self] = close

    def close(self) -> None:
        """Make all of them end soon. Idempotent."""
        _open.pop(self, None)
        self.closed = True
        for gate in list(self._gates):
            with suppress(RuntimeError):  # it was released before
                gate.release()
        for _, end in _alive(self):
            if end is not None:
                guarded(end)

    def join(self, seconds: float) -> None:
        """Wait for so long until all have ended; the names of those that still run are logged.

        On one of these threads it returns at once, as that one cannot have ended.
        """
        with _starting:  # the thread that started this one has noted it by then
            mine = _running.get(threading.current_thread())
        if mine is not None and mine.group is self:
            return
        left = _join(self, time.monotonic() + seconds)
        if left:
            _log.warning("threads still run %g seconds after the end: %s", seconds, ", ".join(left))


class Alarm:
    """Calls a function after some seconds, on a thread of its own; closing `threads` cancels it.

    Raises:
        RuntimeError: there is no thread for it.
    """

    def __init__(self, threads: Threads, name: str, seconds: float, function: Task) -> None:
        self._cancelled = threading.Event()
        self._seconds = seconds
        self._function = function
        threads.start(name, self.cancel, self._wait)

    def cancel(self) -> None:
        """Call nothing, unless that has been done. Idempotent."""
        self._cancelled.set()

    def _wait(self) -> None:
        if not self._cancelled.wait(self._seconds):
            self._function()


def _run(entry: _Entry, function: Callable[..., object], args: Tuple[Any, ...]) -> None:
    try:
        if not guarded(function, *args) and entry.broke is not None:
            guarded(entry.broke)
    finally:
        entry.end = entry.broke = None  # nothing that the thread worked for lives on with its entry


def guarded(function: Callable[..., object], *args: Any) -> bool:
    """Call a function and log whatever it raises; return whether it raised nothing."""
    try:
        function(*args)
    except BaseException:
        with suppress(Exception):  # of a log handler
            _log.exception("a background task failed")
        return False
    return True


def _forget_ended(limit: int) -> None:
    """Forget threads that have ended, where more than `limit` are noted; the lock is held."""
    global _room
    if len(_running) > limit:
        for thread in [thread for thread in list(_running) if not thread.is_alive()]:
            del _running[thread]
        _room = max(64, 2 * len(_running))


def _alive(group: Optional[Threads]) -> List[Tuple[threading.Thread, Optional[Task]]]:
    """The threads of a group, or all, but not the one that asks, and what makes each end."""
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
    """Wait for the threads of a group, or all, until the deadline; return the names of those left."""
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
    """Have a function called soon, on another thread; finalisers may call this, as it takes no lock."""
    if ending:  # all is being closed anyway
        return
    _handed.append(function)
    # Where there is no thread for it, the next `hand_over` or the interpreter's end does it.
    with suppress(RuntimeError):
        helper = _Helper()
        for other in list(_helpers):
            if other.ended():
                _helpers.pop(other, None)
        _helpers[helper] = None


class _Helper:
    """A thread that `threading` does not know, as its `Thread.start` takes locks."""

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
        # A lock that Python releases once it has forgotten the thread, after the last of the thread's code.
        self._gone = getattr(_thread, "_set_sentinel", _thread.allocate_lock)()
        self._gone.acquire()
        self._began.release()
        _do_what_was_handed_over()

    def ended(self) -> bool:
        """Whether it has ended."""
        if self._handle is not None:
            return bool(self._handle.is_done())
        return not self._gone.locked()

    def join(self, deadline: float) -> bool:
        """Wait until it has ended, or the deadline; return whether it has ended."""
        if self._handle is not None:
            self._handle.join(max(0.0, deadline - time.monotonic()))
            return self.ended()
        return _was_released(self._began, deadline) and _was_released(self._gone, deadline)


def _was_released(lock: Any, deadline: float) -> bool:
    """Wait until a lock that stays free then is released, or the deadline; return whether it is."""
    taken: bool = lock.acquire(timeout=max(0.0, deadline - time.monotonic()))
    if taken:
        lock.release()
    return taken


def _do_what_was_handed_over() -> None:
    while _handed:
        try:
            function = _handed.popleft()
        except IndexError:  # another one was faster
            return
        guarded(function)
        del function  # else it would live until the next one


# -- the interpreter's end


def at_the_end() -> bool:
    """Whether the interpreter is ending."""
    return ending


def _hook() -> None:
    """Have `_end` called when this interpreter ends; the lock is held."""
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
    """Close what is open and wait for the threads. No function of the user is called any more."""
    global ending
    with suppress(KeyboardInterrupt):  # the user does not want to wait
        with _starting:
            ending = True
        deadline = time.monotonic() + seconds
        _do_what_was_handed_over()
        # The last first: what was made later may use what was there.
        for close in [_open.pop(threads, None) for threads in reversed(list(_open))]:
            if close is not None:
                guarded(close)
        left = _join(None, deadline)
        for helper in list(_helpers):
            helper.join(deadline)
        if left:
            _log.debug("threads still run at the end of the interpreter: %s", ", ".join(left))


def why_no_thread() -> str:
    """Why this interpreter, a sub-interpreter then, starts no threads at all; empty where it does."""
    global _allowed
    if not (_allowed or in_main_interpreter()):
        # Nothing tells what the program in C has configured, so it is tried, once.
        try:
            Threads().start("gradio-trial", _do_nothing, _do_nothing)
        except InterpreterEnding:
            return ""
        except RuntimeError as exc:
            # That of a system which has none to spare just now.
            return "" if "start new thread" in str(exc) else str(exc)
        _allowed = True
    return ""


def _do_nothing() -> None:
    """What ends at once has nothing to be told."""


def forget_parent() -> None:
    """In a fork's child: the threads, and what was handed over, are the parent's."""
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
