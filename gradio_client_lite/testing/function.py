"""A served function: how the app is to serve it, and what it can tell its caller while it runs."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterator, Optional

from ..errors import ArgumentError

Send = Callable[[Dict[str, Any]], object]

_VISIBILITIES = ("public", "undocumented", "private")

_logger = logging.getLogger(__name__)
_send: ContextVar[Optional[Send]] = ContextVar("send", default=None)


@dataclass(frozen=True)
class Function:
    """A function and how the app is to serve it.

    Args:
        fn: what is called. A generator streams its values; coroutine functions and asynchronous
            generators work too.
        queue: False makes clients run it by one direct request instead of through the queue.
        concurrency: how many calls may run at once; None means as many as the app has threads.
        outputs: how many values it gives; None means as its return annotation says
            (`Tuple[int, str]` two, `None` none), and one without an annotation.
        api_visibility: "public"; "undocumented", callable but not described; "private", for clients
            not callable.

    Example:
        >>> from gradio_client_lite.testing import Function, serve
        >>> with serve({"/slow": Function(str.upper, concurrency=1)}) as app:
        ...     print(app)  # doctest: +ELLIPSIS
        <App http://127.0.0.1:.../ [/slow]>
    """

    fn: Callable[..., Any]
    queue: bool = True
    concurrency: Optional[int] = None
    outputs: Optional[int] = None
    api_visibility: str = "public"

    def __post_init__(self) -> None:
        if not callable(self.fn):
            raise ArgumentError(f"A function is needed, not {self.fn!r}.")
        if self.concurrency is not None and self.concurrency < 1:
            raise ArgumentError(f"concurrency must be at least 1 or None, not {self.concurrency}.")
        if self.outputs is not None and self.outputs < 0:
            raise ArgumentError(f"outputs must be 0, more, or None, not {self.outputs}.")
        if self.api_visibility not in _VISIBILITIES:
            raise ArgumentError(f"api_visibility is one of {_VISIBILITIES}, not {self.api_visibility!r}.")


@contextmanager
def reporting(send: Send) -> Iterator[None]:
    """Within this block, `info`, `warning` and `progress` go to `send`, as server messages."""
    token = _send.set(send)
    try:
        yield
    finally:
        _send.reset(token)


def info(message: str, *, duration: Optional[float] = 10, visible: bool = True, title: str = "Info") -> None:
    """Send the caller a log line, as `gr.Info` does.

    Call it from a served function, in the thread that runs it. Where no queued call is running
    (a direct call, a test of the function itself) the line goes to this package's logger.

    Args:
        message: the text.
        duration: seconds a user interface should show it; None or 0 means until closed.
        visible: whether a user interface should show it at all.
        title: the heading above it.

    Example:
        >>> def slow(text: str) -> str:
        ...     info("Working on it")
        ...     return text
    """
    _log("info", message, duration, visible, title)


def warning(
    message: str, *, duration: Optional[float] = 10, visible: bool = True, title: str = "Warning"
) -> None:
    """Send the caller a warning, as `gr.Warning` does. The arguments are those of `info`."""
    _log("warning", message, duration, visible, title)


def progress(
    index: Optional[float] = None,
    length: Optional[float] = None,
    unit: Optional[str] = "steps",
    desc: Optional[str] = None,
    *,
    fraction: Optional[float] = None,
) -> None:
    """Tell the caller how far the work is, as `gr.Progress()` does. Does nothing outside a queued call.

    Args:
        index: steps done; None when only a fraction is known.
        length: steps in all; None means not known.
        unit: what a step is called.
        desc: what is being done.
        fraction: 0.0 to 1.0, instead of `index` and `length`.

    Example:
        >>> def slow(count: int) -> int:
        ...     for i in range(count):
        ...         progress(i, count, desc="Counting")
        ...     return count
    """
    # ProgressUnit of gradio/server_messages.py 6.31.0.
    unit_data = {"index": index, "length": length, "unit": unit, "progress": fraction, "desc": desc}
    send = _send.get()
    if send is not None:
        send({"msg": "progress", "progress_data": [unit_data]})


def _log(level: str, message: str, duration: Optional[float], visible: bool, title: str) -> None:
    send = _send.get()
    if send is None:
        _logger.log(logging.WARNING if level == "warning" else logging.INFO, "%s", message)
        return
    # LogMessage of gradio/server_messages.py 6.31.0.
    fields = {"log": message, "level": level, "duration": duration, "visible": visible, "title": title}
    send({"msg": "log", **fields})
