"""Fields that look, whenever they are touched, whether the thread has the lock which guards them.

A field of a class is put in the place of a plain one. It looks once the object has been made, as nobody else
has it before. A collection in it looks at each step as well: one may get it under the lock, and go on with it
after that. What is read without the lock on purpose is said for each field, with the functions that do so.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import weakref
from types import ModuleType
from typing import Any, Callable, Dict, Iterator, List, Mapping, Sequence, Tuple

import pytest

#: A class, the name of its lock, and what that guards: names of fields, with spaces between them, of the
#: object itself, which is "", and of objects that are its own, by the names of the fields that have those.
Guarded = Tuple[type, str, Mapping[str, str]]
#: By class and name of a field, the functions that read it without the lock, "" for all, and why they may.
Free = Mapping[str, Tuple[str, str]]

#: What changes a collection, or goes through it.
_STEPS = (
    *("__contains__", "__delitem__", "__getitem__", "__iter__", "__len__", "__setitem__"),
    *("add", "append", "clear", "discard", "extend", "get", "items", "pop", "popitem", "remove", "values"),
)
_COLLECTIONS = (dict, list, set, weakref.WeakSet)
#: Where an object notes whose lock guards its fields, and the name of that.
_NOTE = "guarded by"


class GuardWatch:
    """Notes who touches what a lock guards without it.

    Attributes:
        touched: how often it was looked.
        found: by whom fields were touched without their lock.
    """

    def __init__(self, read_freely: Free) -> None:
        self._read_freely = read_freely
        self._patching = threading.Lock()
        self.touched = 0
        self.found: List[str] = []

    def look(self, holder: Any, field: str, how: str) -> None:
        """Whether the lock is held by the thread that called what calls this."""
        name, by = f"{type(holder).__name__}.{field}", sys._getframe(2).f_code.co_name
        if _NOTE not in vars(holder) or by == "__init__":  # it is still being made; the second of a subclass
            return
        owner, lock = vars(holder)[_NOTE]
        self.touched += 1
        readers, _ = self._read_freely.get(name, ("nobody", ""))
        free = how != "written" and (not readers or by in readers.split())
        if not (free or getattr(owner, lock)._is_owned()):
            self.found.append(f"{name} {how} by {by}")

    def in_steps(self, holder: Any, field: str, value: Any) -> Any:
        """A value, which looks at each step if it is a collection."""
        kind = type(value)
        if kind not in _COLLECTIONS:
            return value

        def looking(step: Callable[..., Any]) -> Callable[..., Any]:
            def look_and_step(collection: Any, *args: Any) -> Any:
                # One that was taken out under the lock is whose who took it.
                if vars(holder).get(field) is collection:
                    self.look(holder, field, "used")
                return step(collection, *args)

            return look_and_step

        steps = {step: looking(getattr(kind, step)) for step in _STEPS if hasattr(kind, step)}
        return type(kind.__name__, (kind,), steps)(value)

    def guard(self, patch: pytest.MonkeyPatch, owner: Any, lock: str, holder: Any, fields: str) -> None:
        """Watch the fields of an object from now on, which a lock of its owner guards."""
        kind = type(holder)
        for name in fields.split():
            with self._patching:
                if not isinstance(vars(kind).get(name), _Field):
                    patch.setattr(kind, name, _Field(self, name, getattr(kind, name, None)), raising=False)
            if name in vars(holder):
                vars(holder)[name] = self.in_steps(holder, name, vars(holder)[name])
        vars(holder)[_NOTE] = owner, lock


class _Field:
    """In the place of a plain field of a class."""

    def __init__(self, watch: GuardWatch, name: str, default: Any) -> None:
        self._watch, self._name, self._default = watch, name, default

    def __get__(self, holder: Any, _: object = None) -> Any:
        self._watch.look(holder, self._name, "read")
        return vars(holder).get(self._name, self._default)

    def __set__(self, holder: Any, value: Any) -> None:
        self._watch.look(holder, self._name, "written")
        vars(holder)[self._name] = self._watch.in_steps(holder, self._name, value)


@contextlib.contextmanager
def watched(guarded: Sequence[Guarded], read_freely: Free) -> Iterator[GuardWatch]:
    """Watch all that are made of these classes."""
    watch = GuardWatch(read_freely)

    def looking(kind: Any, lock: str, parts: Mapping[str, str]) -> Callable[..., None]:
        make = kind.__init__

        def made(owner: Any, *args: Any, **kwargs: Any) -> None:
            make(owner, *args, **kwargs)
            for part, fields in parts.items():
                watch.guard(patch, owner, lock, getattr(owner, part) if part else owner, fields)

        return made

    with pytest.MonkeyPatch.context() as patch:
        for kind, lock, parts in guarded:
            patch.setattr(kind, "__init__", looking(kind, lock, parts))
        yield watch


@contextlib.contextmanager
def watched_global(watch: GuardWatch, module: ModuleType, lock: str, name: str) -> Iterator[None]:
    """Watch a dictionary that is a global of a module."""
    plain: Dict[Any, Any] = getattr(module, name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(vars(module), _NOTE, (module, lock))
        patch.setitem(vars(module), name, watch.in_steps(module, name, plain))
        yield
        with getattr(module, lock):
            now = dict(getattr(module, name))
            plain.clear()
            plain.update(now)
