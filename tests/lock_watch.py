"""Locks that draw a graph of which are taken while which are held, and note what is done meanwhile.

Names stand for all locks of their kind: two jobs' locks are one node. Taking a lock that is free leaves the
same edge as waiting for one, so a deadlock is found though it did not happen. These are faults:

- an edge that closes a ring: two threads may take these locks in opposite order;
- an edge against the ranks, where there are some: a lock without a rank is taken alone;
- while a lock is held: a call of a socket that may wait, a wait for anything but that lock, a line for the
  log, whose handlers are the program's, or a call of any function that is not the package's, Python's or a
  library's: the program's, which is the test.

While a lock is held, a profile function sees the calls of the thread that holds it; at other times nothing is
slower. What the test itself does with a lock is not looked at.
"""

from __future__ import annotations

import _socket
import concurrent.futures
import contextlib
import linecache
import logging
import os
import re
import sys
import sysconfig
import threading
import traceback
from collections import Counter
from types import ModuleType
from typing import Any, Dict, FrozenSet, List, NamedTuple, Optional, Set, Tuple

_THREADING = threading.__file__
_LOGGING = logging.__file__
_FUTURES = concurrent.futures.Future.__init__.__code__.co_filename
#: Where Python's own modules are, and other packages. Code without a file is of neither.
_LIBRARIES = (
    "<",
    *(os.path.join(sysconfig.get_path(name), "") for name in ("stdlib", "platstdlib", "purelib", "platlib")),
)
_CONDITION_WAITS, _THREAD_STARTS, _THREAD_JOINS = (
    function.__code__
    for function in (threading.Condition.wait, threading.Thread.start, threading.Thread.join)
)
#: What watches locks, or puts others in their place.
_OURS = ("lock_watch.py", "lock_order.py", "guard_watch.py", "traps.py", "stress.py")
#: The lock of Futures, which `concurrent.futures.wait` takes of many, in the order of their ids.
FUTURE = "concurrent.futures.Future._condition"
_ASSIGNED = re.compile(r"\s*(self\.)?(\w+)\s*(?::[^=]+)?=[^=]")

#: Functions in C that may wait, by the module of their type or their own.
_SLOW = {
    "connect": "socket", "connect_ex": "socket", "accept": "socket", "send": "socket", "sendall": "socket",
    "sendto": "socket", "sendmsg": "socket", "recv": "socket", "recv_into": "socket", "recvfrom": "socket",
    "read": "socket", "write": "socket", "do_handshake": "socket", "getaddrinfo": "socket", "poll": "wait",
    "select": "wait", "control": "wait", "sleep": "wait", "acquire": "wait", "get": "wait",
}  # fmt: skip
_SLOW_MODULES = frozenset({"_socket", "socket", "_ssl", "ssl", "select", "time", "_thread", "_queue"})


class Fault(NamedTuple):
    """A rule that was broken.

    Args:
        kind: "ring", "order", "socket", "wait", "start" (of a thread), "log" or "program".
        held: the locks that were held.
        what: was taken, or called.
        where: the calls that led there.
    """

    kind: str
    held: Tuple[str, ...]
    what: str
    where: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.what} while {', '.join(self.held)} is held\n{self.where}"


class _Mine(threading.local):
    """What is known of one thread."""

    def __init__(self) -> None:
        self.held: List[WatchedLock] = []
        self.before: Any = None
        self.collecting = False


class LockWatch:
    """The graph of locks taken while others are held, and the faults.

    Args:
        package: the folder of the code that is watched, with a separator at its end.
        ranks: of locks, outermost first; None finds rings alone.
        permitted: by the name of a lock, kinds of `Fault` that are none while it is held, and why.
        doubles: functions that are not the program's, though a test has them: by file, their names.

    Attributes:
        edges: by the name of a lock, those that were taken while it was held, and where that was first.
        taken: how often each was.
        faults: what was found, each once.
    """

    def __init__(
        self,
        package: str,
        ranks: Optional[Dict[str, int]] = None,
        permitted: Optional[Dict[str, Tuple[FrozenSet[str], str]]] = None,
        doubles: Optional[Dict[str, FrozenSet[str]]] = None,
    ) -> None:
        self._ranks = ranks
        self._permitted = permitted or {}
        self._doubles = doubles or {}
        self._package = package
        self._mine = _Mine()
        self._guard = threading._allocate_lock()  # type: ignore[attr-defined]
        self._kinds: Dict[str, Optional[str]] = {}
        self.edges: Dict[str, Dict[str, str]] = {}
        self.taken: Counter[str] = Counter()
        self.faults: List[Fault] = []
        self._known: Set[Tuple[str, ...]] = set()

    # -- for the locks

    def asks(self, lock: WatchedLock) -> None:
        """A thread is about to wait for a lock that it does not hold."""
        for other in self._mine.held:
            if lock.name not in self.edges.get(other.name, ()):
                self._draw(other, lock)

    def has(self, lock: WatchedLock) -> None:
        """A thread has it, for the first time."""
        mine = self._mine
        self.taken[lock.name] += 1
        lock.holder = mine.held
        mine.held.append(lock)
        if len(mine.held) == 1:
            mine.before = sys.getprofile()
            sys.setprofile(self._look)

    def lets_go(self, lock: WatchedLock) -> None:
        """It will be free at once."""
        holder, lock.holder = lock.holder, None
        with contextlib.suppress(ValueError, AttributeError):  # it was taken by the test itself
            holder.remove(lock)  # type: ignore[union-attr]
        mine = self._mine
        if holder is mine.held and not holder and sys.getprofile() == self._look:
            sys.setprofile(mine.before)
            mine.before = None

    def is_ours(self, frame: Any) -> bool:
        """Whether the package takes a lock there, for itself."""
        while frame.f_code.co_filename in (_THREADING, _FUTURES):
            frame = frame.f_back
        return bool(frame.f_code.co_filename.startswith(self._package))

    # -- the graph

    def _draw(self, outer: WatchedLock, inner: WatchedLock) -> None:
        where = _calls(sys._getframe(2))
        with self._guard:
            back = self._way(inner.name, outer.name)
            self.edges.setdefault(outer.name, {})[inner.name] = where
        if outer.name == inner.name:
            if (
                outer.name == FUTURE
            ):  # `concurrent.futures.wait` takes those of many, in the order of their ids
                return
            back = [outer.name, inner.name]
        held = tuple(lock.name for lock in self._mine.held)
        if back:
            others = (f"{a} before {b}:\n{self.edges[a].get(b, where)}" for a, b in zip(back, back[1:]))
            self._note("ring", held, inner.name, "\n".join([where, *others]))
        elif self._ranks is not None:
            ranks = self._ranks
            if ranks.get(outer.name, len(ranks)) >= ranks.get(inner.name, -1):
                self._note("order", held, inner.name, where)

    def _way(self, start: str, end: str) -> List[str]:
        """The names that lead from one lock to another; none where no way does."""
        ways, seen = [[start]], {start}
        for way in ways:
            if way[-1] == end:
                return way
            for name in self.edges.get(way[-1], {}):
                if name not in seen:
                    seen.add(name)
                    ways.append([*way, name])
        return []

    def _note(self, kind: str, held: Tuple[str, ...], what: str, where: str) -> None:
        key = (kind, *held, what)
        with self._guard:
            if key not in self._known:
                self._known.add(key)
                self.faults.append(Fault(kind, held, what, where))

    # -- what is called

    def _look(self, frame: Any, event: str, arg: Any) -> None:
        """The profile function of a thread that holds a lock."""
        if event == "call":
            code = frame.f_code
            try:
                kind = self._kinds[code.co_filename]
            except KeyError:
                kind = self._kinds[code.co_filename] = self._kind(code.co_filename)
            if kind is not None:
                self._called(kind, frame)
        elif event == "c_call" and arg.__name__ in _SLOW:
            path = frame.f_code.co_filename
            if path in (_THREADING, _LOGGING) or os.path.basename(path) in _OURS:
                return  # those are looked at as a whole
            owner = arg.__self__
            module = owner.__name__ if isinstance(owner, ModuleType) else type(owner).__module__
            if module in _SLOW_MODULES or isinstance(owner, _socket.socket):
                self._did(_SLOW[arg.__name__], arg.__qualname__, frame)

    def _kind(self, path: str) -> Optional[str]:
        """What functions in a file are: None for those that may be called."""
        if path == _THREADING:
            return "wait"
        if path == _LOGGING:
            return "log"
        ours = os.path.basename(path) in _OURS or path.startswith((self._package, *_LIBRARIES))
        return None if ours else "program"

    def _called(self, kind: str, frame: Any) -> None:
        name = frame.f_code.co_name
        if self._mine.collecting:
            return
        if kind == "program":
            file = os.path.basename(frame.f_code.co_filename)
            if name not in self._doubles.get(file, ()):
                self._did(kind, f"{file}:{name}", frame)
        elif kind == "log" and name == "callHandlers":
            self._did(kind, "a log handler", frame)
        elif kind == "wait" and frame.f_code is _CONDITION_WAITS:
            begins = frame.f_back.f_back.f_code is _THREAD_STARTS  # by its Event
            own = frame.f_locals["self"]._lock
            self._did("start" if begins else kind, "Thread.start" if begins else "Condition.wait", frame, own)
        elif kind == "wait" and frame.f_code is _THREAD_JOINS:
            self._did(kind, "Thread.join", frame)

    def _did(self, kind: str, what: str, frame: Any, own: Any = None) -> None:
        if kind != "program" and self._is_test(frame):
            return
        held = [lock.name for lock in self._mine.held if lock is not own]
        if any(kind not in self._permitted.get(name, ((),))[0] for name in held):
            self._note(kind, tuple(held), what, _calls(frame))

    def _is_test(self, frame: Any) -> bool:
        """Whether that is done by the program, or by a double; what called those was looked at."""
        while frame is not None and not frame.f_code.co_filename.startswith(self._package):
            if self._kind(frame.f_code.co_filename) == "program":
                return True
            frame = frame.f_back
        return False

    def collects(self, phase: str, _: object) -> None:
        """For `gc.callbacks`: what finalisers do is the matter of other tests."""
        self._mine.collecting = phase == "start"

    # -- the result

    def lines(self) -> List[str]:
        """The graph, outermost locks first, and the faults."""
        edges, times = sum(map(len, self.edges.values())), sum(self.taken.values())
        lines = [f"{len(self.taken)} locks, taken {times} times; {edges} edges, {len(self.faults)} faults"]
        names = sorted(self.taken, key=lambda name: (self._ranks or {}).get(name, 99))
        lines += [f"{name} > {', '.join(sorted(self.edges[name]))}" for name in names if name in self.edges]
        alone = set(self.taken).difference(self.edges, *self.edges.values())
        lines.append(f"alone: {', '.join(sorted(alone))}")
        return lines + [line for fault in self.faults for line in str(fault).splitlines()]


class WatchedLock:
    """A Lock, or with `depth` an RLock, that tells a watch what becomes of it."""

    def __init__(self, watch: LockWatch, name: str, real: Any, *, reentrant: bool = False) -> None:
        self.name = name
        self.holder: Optional[List[WatchedLock]] = None
        self._watch = watch
        self._real = real
        self._reentrant = reentrant
        self._depth = 0  # how often its thread has it
        if reentrant:  # a Condition asks whether its lock has these
            self._release_save, self._acquire_restore = self._give_up, self._take_again
            self._is_owned = real._is_owned

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        again = self._reentrant and self._real._is_owned()
        ours = again or self._watch.is_ours(sys._getframe(1))
        if ours and blocking and not again:
            self._watch.asks(self)
        taken: bool = self._real.acquire(blocking, timeout)
        if taken:
            self._depth += 1
            if ours and not again:
                self._watch.has(self)
        return taken

    __enter__ = acquire

    def release(self) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._watch.lets_go(self)
        self._real.release()

    def __exit__(self, *_: object) -> None:
        self.release()

    def _give_up(self) -> Any:
        """Let it go to wait for a condition, however often it was taken."""
        ours, depth, self._depth = self.holder is not None, self._depth, 0
        self._watch.lets_go(self)
        return self._real._release_save(), depth, ours

    def _take_again(self, saved: Any) -> None:
        state, depth, ours = saved
        if ours:
            self._watch.asks(self)
        self._real._acquire_restore(state)
        self._depth = depth
        if ours:
            self._watch.has(self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def name_of(frame: Any, package: str) -> str:
    """What a lock that is made there is called: by where it is kept, and in which class."""
    code = frame.f_code
    module = os.path.relpath(code.co_filename, package)[: -len(".py")].replace(os.sep, "/")
    found = _ASSIGNED.match(linecache.getline(code.co_filename, frame.f_lineno))
    kept = found.group(2) if found else f"line {frame.f_lineno}"
    owner = next(
        (
            f"{cls.__name__}."
            for cls in type(frame.f_locals.get("self")).__mro__
            if cls.__module__ == frame.f_globals["__name__"]
        ),
        "",
    )
    local = found is None or (not found.group(1) and kept in code.co_varnames + code.co_cellvars)
    return f"{module}.{owner}{code.co_name + '.' if local else ''}{kept}"


def _calls(frame: Any) -> str:
    """The last calls that led to a frame."""
    summary = traceback.extract_stack(frame, 12)
    return "\n".join(f"  {one.filename}:{one.lineno} {one.name}: {one.line}" for one in summary)
