"""The headers that a client sends with every request.

The caller may change `base` at any time, in place too, on any thread. So each request copies it in one step
and works on the copy. What was made of it last is kept: as long as the base is the same and a call has no
headers of its own, which is nearly always, a request costs one comparison.

All that `_sent` and `_made` undergo are single operations, which need no lock. Threads may make the same
headers twice.
"""

from __future__ import annotations

import sys
from typing import AbstractSet, Dict, Iterator, Mapping, Optional, Tuple

from ..secrecy import PLAIN_FIELDS, Hidden, field_secrets, hide

#: How many values that are not sent any more are kept out of texts.
_FORMER = 64
#: What browsers, programs and MCP clients say of themselves, from Gradio 6 on.
_USER = "x-gradio-user"


class RequestHeaders:
    """The headers of every request to the app.

    Attributes:
        base: the client's own.
        confined: whether `confine` was called.
    """

    def __init__(self, base: Mapping[str, str]) -> None:
        self.base: Dict[str, str] = _hidden(base)
        self.confined = False
        self._allowed: AbstractSet[str] = frozenset()
        # A base, and the headers of a request with nothing over it.
        self._made: Tuple[Dict[str, str], Dict[str, str]] = ({}, {_USER: "api"})
        # The values that requests were made with lately, and their names: a server may quote them, though
        # they were of one call, or have been replaced or dropped since.
        self._sent: Dict[str, str] = {}

    def secrets(self) -> Iterator[str]:
        """The values that texts must not show: those of the base, and those that servers have seen lately."""
        yield from field_secrets(dict(self.base))
        yield from field_secrets(self._made[1])
        for value, name in self._sent.copy().items():
            yield from field_secrets({name: value})

    def confine(self, names: AbstractSet[str]) -> None:
        """Drop all but these, given in lower case, from the base now and from those of every call to come.

        What the caller puts into the base later is sent: then it is known where the app is.
        """
        self._allowed, self.confined = names, True
        self.base = self._allowed_of(dict(self.base))

    def _allowed_of(self, fields: Mapping[str, str]) -> Dict[str, str]:
        return {name: value for name, value in fields.items() if name.lower() in self._allowed}

    def __call__(self, call: Mapping[str, str]) -> Dict[str, str]:
        """The base with the headers of one call over it, as a dict of the caller's own; names match in any
        case.

        Whatever they say, the server is told that a program calls: apps tell programs from browsers by that.
        """
        base = dict(self.base)
        known, made = self._made
        if not call and known == base:
            return dict(made)
        over = _hidden(self._allowed_of(call) if self.confined else call)
        given = {_USER, *[name.lower() for name in over]}
        made = {name: value for name, value in _hidden(base).items() if name.lower() not in given}
        made.update({name: value for name, value in over.items() if name.lower() != _USER})
        made[_USER] = "api"
        for name, value in [*self._made[1].items(), *made.items()]:
            if value.__class__ is Hidden and value not in self._sent:
                self._sent[value] = name
                while len(self._sent) > _FORMER:
                    self._sent.pop(next(iter(self._sent.copy())), None)
        if not call:
            self._made = base, made
            return dict(made)
        return made


def _hidden(fields: Mapping[str, str]) -> Dict[str, str]:
    """A copy with the values hidden that may be secret, as `hide_fields` does it, but faster."""
    return {
        name: value if value.__class__ is Hidden or name in PLAIN_FIELDS else hide(value)
        for name, value in fields.items()
    }


def zero_gpu_token() -> Optional[str]:
    """The `x-ip-token` of the Gradio request this code runs in; Gradio itself is never imported."""
    context = getattr(sys.modules.get("gradio.context"), "LocalContext", None)
    request = context.request.get(None) if context is not None else None
    headers = getattr(request, "headers", None)
    return hide(headers.get("x-ip-token")) if headers is not None else None
