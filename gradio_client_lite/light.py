"""What `typing.NamedTuple` and `re.compile` give, at a fraction of what they cost a program that starts.

Both work when a module is imported, for classes and patterns of which a process uses few: a class of
`typing.NamedTuple` takes six times as long to make as a tuple with properties, and a pattern is compiled by
Python code. Here a class is no more than that, and a pattern is compiled when it is first used. Type checkers
see the originals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from re import compile as pattern
    from typing import NamedTuple
else:
    import re
    from collections import _tuplegetter as field_getter

    new_tuple = tuple.__new__

    class _Tuple(tuple):
        """What named tuples have in common."""

        __slots__ = ()

        def __new__(cls, *values, **named):
            if named or len(values) != len(cls._fields):
                values = cls._completed(values, named)
            return new_tuple(cls, values)

        @classmethod
        def _completed(cls, values, named):
            rest, optional = cls._fields[len(values) :], cls._defaults
            if not named and 0 < len(rest) <= len(optional):
                return values + tuple(optional.values())[-len(rest) :]
            given = {**optional, **named}
            wrong = [*named.keys() - set(rest), *[field for field in rest if field not in given]]
            if wrong or not rest:
                raise TypeError(f"{cls.__name__} takes {', '.join(cls._fields)}; not so {wrong or 'more'}.")
            return values + tuple([given[field] for field in rest])

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
            defaults = {field: namespace[field] for field in fields if field in namespace}
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
