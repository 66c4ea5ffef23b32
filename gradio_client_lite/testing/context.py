"""What a served function can tell its caller while it runs: log lines and progress."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Callable, Dict, Iterator, Optional

Send = Callable[[Dict[str, Any]], object]

_logger = logging.getLogger(__name__)
_send: ContextVar[Optional[Send]] = ContextVar("send", default=None)


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
