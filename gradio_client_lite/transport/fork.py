"""Tells objects with locks and sockets that they have become a forked child's.

A child must not use its parent's connections, and a lock that another thread held at the moment of forking is
held for ever in the child.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Protocol


class Forkable(Protocol):
    """Whatever has to be told."""

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
