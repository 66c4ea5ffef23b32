"""What a reporter of tracebacks with local variables would send on: the values in the package's frames."""

from __future__ import annotations

from contextlib import suppress
from types import FrameType, TracebackType
from typing import Any, Iterator, List, Optional, Set, Tuple

import gradio_client_lite

_PACKAGE = gradio_client_lite.__name__
#: Reporters show so many characters of a text, and so much of what a list or dict holds.
_SHOWN = 80
_DEEPEST = 5


def package_frames(error: Optional[BaseException]) -> Iterator[FrameType]:
    """The frames of the package through which an error went, and those of the errors it is chained to."""
    left: List[Optional[BaseException]] = [error]
    seen: Set[int] = set()
    while left:
        one = left.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        left += [one.__cause__, one.__context__]
        trace: Optional[TracebackType] = one.__traceback__
        while trace is not None:
            if trace.tb_frame.f_globals.get("__name__", "").split(".")[0] == _PACKAGE:
                yield trace.tb_frame
            trace = trace.tb_next


def shown(value: Any, depth: int = 0) -> Iterator[str]:
    """Every text made of a value: its repr, and those of what is in it, as Sentry and rich look into it."""
    with suppress(AttributeError):  # of what is not whole yet; reporters bear that too
        yield repr(value)
    if isinstance(value, (str, bytes)):
        yield repr(value[:_SHOWN])
    elif depth < _DEEPEST and isinstance(value, dict):
        for key, part in list(value.items()):
            yield from shown(key, depth + 1)
            yield from shown(part, depth + 1)
    elif depth < _DEEPEST and isinstance(value, (list, tuple, set, frozenset)):
        for part in list(value):
            yield from shown(part, depth + 1)


def leaks(error: BaseException, secrets: List[str]) -> List[Tuple[str, str]]:
    """Function and local variable of every place that shows one of the secrets."""
    return [
        (f"{frame.f_globals['__name__']}.{frame.f_code.co_name}", name)
        for frame in package_frames(error)
        for name, value in frame.f_locals.items()
        if any(secret in text for text in shown(value) for secret in secrets)
    ]
