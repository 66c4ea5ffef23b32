"""What `typing.NamedTuple` and `re.compile` give, at a fraction of what they cost a program that starts.

Both work when a module is imported, for classes and patterns of which a process uses few: a class of
`typing.NamedTuple` takes six times as long to make as one that is written out, and a pattern is compiled by
Python code. Here that is done at the first use. Type checkers see the originals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from re import compile as pattern
    from typing import NamedTuple
else:
    import re
    from collections import _tuplegetter as field_getter

    class _Tuple(tuple):
        """What named tuples have in common."""

        __slots__ = ()

        def __new__(cls, *values, **named):
            # At the first instance of a class, which gets a constructor of its own, as fast as the
            # original's. Its text has nothing in it but names of fields, which Python has checked.
            names = "".join(f"{name}, " for name in cls._fields)
            new = eval(f"lambda _cls, {names}: _new(_cls, ({names}))", {"_new": tuple.__new__})  # noqa: S307
            new.__defaults__ = cls._defaults
            cls.__new__ = staticmethod(new)
            return new(cls, *values, **named)

        def __getnewargs__(self):
            return tuple(self)

        def __repr__(self):
            return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self._asdict().items())})"

        def _asdict(self):
            return dict(zip(self._fields, self))

        def _replace(self, **changes):
            return type(self)(**{**self._asdict(), **changes})

    class _Maker(type):
        """Makes the classes that have `NamedTuple` as their base; they are tuples instead."""

        def __new__(cls, name, bases, namespace):
            if not bases:
                return super().__new__(cls, name, bases, namespace)
            fields = tuple(namespace.get("__annotations__", ()))
            defaults = tuple([namespace[field] for field in fields if field in namespace])
            for place, field in enumerate(fields):
                namespace[field] = field_getter(place, None)
            return type(
                name, (_Tuple,), {**namespace, "__slots__": (), "_fields": fields, "_defaults": defaults}
            )

    class NamedTuple(metaclass=_Maker):
        """`typing.NamedTuple`, for modules with `from __future__ import annotations`."""

    class pattern:
        """A regular expression with the methods of `re.Pattern`; each finds the compiled one once."""

        def __init__(self, text, flags=0):
            self._made_of = text, flags

        def __getattr__(self, name):
            method = getattr(re.compile(*self._made_of), name)
            setattr(self, name, method)
            return method


__all__ = ["NamedTuple", "pattern"]
