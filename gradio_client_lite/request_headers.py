"""The headers that a client sends with every request."""

from __future__ import annotations

import sys
from typing import AbstractSet, Dict, Iterator, Mapping, Optional

from .secrecy import PLAIN_FIELDS, Hidden, field_secrets, hide

#: How many values of before a server may still speak of.
_FORMER = 64
#: What browsers, programs and MCP clients say of themselves, from Gradio 6 on.
_USER = "x-gradio-user"


class RequestHeaders:
    """The headers of every request to the app.

    Attributes:
        base: the client's own, which the caller may change at any time: it is copied in one step before it is
            looked at.
    """

    def __init__(self, base: Mapping[str, str]) -> None:
        self.base: Dict[str, str] = _hidden(base)
        self._allowed: Optional[AbstractSet[str]] = None
        # What requests were made with lately, by value: those of one call, and those that were replaced or
        # dropped since. Changed by single operations only, which need no lock.
        self._sent: Dict[str, str] = {}

    def secrets(self) -> Iterator[str]:
        """The values that texts must not show: those of the base, and those that servers have seen lately."""
        yield from field_secrets(dict(self.base))
        for value, name in self._sent.copy().items():
            yield from field_secrets({name: value})

    @property
    def confined(self) -> bool:
        """Whether `confine` was called."""
        return self._allowed is not None

    def confine(self, names: AbstractSet[str]) -> None:
        """Drop all but these, given in lower case, from the base now and from those of every call to come.

        What the caller puts into the base later is sent: then the app is known to be where it is.
        """
        self._allowed = names
        self.base = self._only_allowed(dict(self.base))

    def _only_allowed(self, fields: Mapping[str, str]) -> Dict[str, str]:
        allowed = self._allowed
        return {n: value for n, value in fields.items() if allowed is None or n.lower() in allowed}

    def __call__(self, call: Mapping[str, str]) -> Dict[str, str]:
        """The base with those of one call over them; names match in any case.

        Whatever they say, the server is told that a program calls: apps tell programs from browsers by that.
        """
        # What the caller has put into the base meanwhile is hidden by now, too.
        base, call = _hidden(dict(self.base)), _hidden(self._only_allowed(call))
        given = {_USER, *(name.lower() for name in call)}
        merged = {name: value for name, value in base.items() if name.lower() not in given}
        merged.update((name, value) for name, value in call.items() if name.lower() != _USER)
        merged[_USER] = "api"
        self._note(merged)
        return merged

    def _note(self, fields: Mapping[str, str]) -> None:
        for name, value in fields.items():
            if value.__class__ is Hidden and value not in self._sent:
                self._sent[value] = name
                while len(self._sent) > _FORMER:
                    self._sent.pop(next(iter(self._sent.copy())), None)


def _hidden(fields: Mapping[str, str]) -> Dict[str, str]:
    """What `hide_fields` makes of them, in the little time that every request has for it."""
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
