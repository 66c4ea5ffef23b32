"""The headers that a client sends with every request."""

from __future__ import annotations

import sys
from typing import AbstractSet, Dict, Mapping, Optional, Set


class RequestHeaders:
    """The headers of every request to the app; `base` is the client's own, which the caller may change."""

    def __init__(self, base: Mapping[str, str]) -> None:
        self.base: Dict[str, str] = dict(base)

    def names(self) -> Set[str]:
        """The names of the base, in lower case."""
        return {name.lower() for name in self.base}

    def keep(self, names: AbstractSet[str]) -> None:
        """Drop all of the base but these, which are given in lower case."""
        self.base = {name: value for name, value in self.base.items() if name.lower() in names}

    def __call__(self, call: Mapping[str, str]) -> Dict[str, str]:
        """The base with those of one call over them; names match in any case."""
        if not call:
            return dict(self.base)
        given = {name.lower() for name in call}
        merged = {name: value for name, value in self.base.items() if name.lower() not in given}
        merged.update(call)
        return merged


def zero_gpu_token() -> Optional[str]:
    """The `x-ip-token` of the Gradio request this code runs in; Gradio itself is never imported."""
    context = getattr(sys.modules.get("gradio.context"), "LocalContext", None)
    request = context.request.get(None) if context is not None else None
    headers = getattr(request, "headers", None)
    return headers.get("x-ip-token") if headers is not None else None
