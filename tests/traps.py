"""Locks that collect garbage while they are held: what a finaliser must bear, at every moment it may come."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import pkgutil
import sys
import threading
from typing import Any, Callable, Dict, Iterator, List, Set, Tuple

import pytest
from lock_watch import WatchedLock

import gradio_client_lite

_PACKAGE = os.path.dirname(gradio_client_lite.__file__)
_THREADING = threading.__file__
_LOCKS = (type(threading.Lock()), type(threading.RLock()), WatchedLock)
#: Critical sections are told apart by the line that enters them.
Section = Tuple[str, int]


class Traps:
    """Replaces the locks of the package: in each critical section something is dropped, and collected.

    Args:
        drop: makes something garbage that has a finaliser; it takes no lock.

    Attributes:
        visited: the critical sections in which that was done.
        taken: what finalisers did with locks, on the thread that collected.
    """

    def __init__(self, drop: Callable[[], object]) -> None:
        self.armed = False
        self.visited: Set[Section] = set()
        self.taken: List[str] = []
        self._drop = drop
        self._collecting: Dict[int, None] = {}

    # -- for the locks

    def before(self) -> None:
        """A lock is about to be taken."""
        if threading.get_ident() in self._collecting:
            self.taken.append(f"a lock, at {section()}")

    def after(self) -> None:
        """A lock was taken."""
        me = threading.get_ident()
        if not self.armed or self._collecting:
            return
        here = section()
        if here in self.visited:
            return
        self.visited.add(here)
        self._collecting[me] = None
        before = sys.getprofile()
        sys.setprofile(self._watch)
        try:
            self._drop()
            gc.collect()
        finally:
            sys.setprofile(before)
            del self._collecting[me]

    def left(self) -> None:
        """A lock was let go at the end of a critical section."""

    def _watch(self, frame: Any, event: str, arg: Any) -> None:
        """Note calls into `threading`, all of which may take locks, but those of no consequence."""
        code = frame.f_code
        if event == "call" and code.co_filename == _THREADING:
            self.taken.append(f"threading.{code.co_name}, called by {frame.f_back.f_code.co_name}")

    def modules(self) -> Set[str]:
        """The modules whose critical sections were visited."""
        return {os.path.relpath(path, _PACKAGE) for path, _ in self.visited}


class TrapLock:
    """A lock in whose critical section the traps spring."""

    def __init__(self, traps: Traps, real: Any) -> None:
        self._traps = traps
        self._real = real

    def acquire(self, *args: Any, **kwargs: Any) -> bool:
        self._traps.before()
        taken: bool = self._real.acquire(*args, **kwargs)
        if taken:
            self._traps.after()
        return taken

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self._real.release()
        self._traps.left()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class _Threading:
    """What modules of the package see as `threading`."""

    def __init__(self, traps: Traps) -> None:
        self._traps = traps

    def Lock(self) -> TrapLock:
        return TrapLock(self._traps, threading.Lock())

    def RLock(self) -> TrapLock:
        return TrapLock(self._traps, threading.RLock())

    def __getattr__(self, name: str) -> Any:
        return getattr(threading, name)


@contextlib.contextmanager
def trapped(traps: Traps, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Trap every lock that the package makes meanwhile, and those it has."""
    fake = _Threading(traps)
    for module in list(_modules()):
        if getattr(module, "threading", None) is threading:
            patch.setattr(module, "threading", fake)
        for name, value in list(vars(module).items()):
            if isinstance(value, _LOCKS):
                patch.setattr(module, name, TrapLock(traps, value))
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        traps.armed = False
        if enabled:
            gc.enable()


@contextlib.contextmanager
def little_to_collect() -> Iterator[None]:
    """Keep what is there already out of collections, which late in a long run would take half a second each.

    What is made inside is collected as ever, so a trap's victims are made inside, too.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _modules() -> Iterator[Any]:
    for found in pkgutil.walk_packages([_PACKAGE], f"{gradio_client_lite.__name__}."):
        if not found.name.endswith("__main__") and ".testing" not in found.name:
            yield importlib.import_module(found.name)


def section() -> Section:
    """Where the package is about to enter, or leaves, a critical section."""
    frame: Any = sys._getframe(1)
    while frame is not None and not frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    return ("", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno)
