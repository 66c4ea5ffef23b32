"""Coroutines for code without an event loop: one loop, on a thread of its own, runs those of all calls.

So what one call has bound to the loop, such as a session, goes on working in the next.
"""

from __future__ import annotations

import concurrent.futures
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Optional, TypeVar

from ..errors import ArgumentError, DeadlineExceeded
from ..threads import Threads
from ..workers import call_after_fork

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

_T = TypeVar("_T")


def synchronize_async(
    func: Callable[..., Awaitable[_T]], *args: Any, timeout: Optional[float] = None, **kwargs: Any
) -> _T:
    """Call an async function, on an event loop that all calls share, and wait for its result.

    Args:
        func: is called with `args` and `kwargs`; an interrupt of the wait cancels it.
        timeout: seconds to wait; None waits for as long as it takes. It is not passed on.

    Raises:
        DeadlineExceeded: the time is over; the function was cancelled.
        ArgumentError: a function that it runs called it.

    Example:
        >>> async def double(number):
        ...     return 2 * number
        >>> synchronize_async(double, 3)
        6
    """
    import asyncio

    async def call() -> _T:
        return await func(*args, **kwargs)

    loop = _shared.loop()
    with suppress(RuntimeError):  # on this thread runs no loop
        if asyncio.get_running_loop() is loop:
            raise ArgumentError("A function that synchronize_async runs must await, not call it.")
    future = asyncio.run_coroutine_threadsafe(call(), loop)
    try:
        return future.result(None if timeout is None else min(timeout, threading.TIMEOUT_MAX))
    except concurrent.futures.TimeoutError as exc:
        if future.done():  # it is the function's own
            raise
        name = getattr(func, "__name__", "An async function")
        raise DeadlineExceeded(f"{name} took longer than timeout={timeout} seconds.") from exc
    finally:
        future.cancel()


class SharedLoop:
    """The loop and its thread."""

    def __init__(self) -> None:
        self.after_fork()
        call_after_fork(self)

    def after_fork(self) -> None:
        """In a child: begin without a loop, as its thread is the parent's."""
        self._lock = threading.Lock()  # guards the field below it
        self._loop: Optional[AbstractEventLoop] = None

    def loop(self) -> AbstractEventLoop:
        """The loop, which runs from the first call on."""
        import asyncio

        with self._lock:
            if self._loop is None:
                loop = asyncio.new_event_loop()

                def run() -> None:
                    while True:
                        with suppress(KeyboardInterrupt, SystemExit):  # their caller gets them, others go on
                            loop.run_forever()
                            return

                try:
                    Threads().start("gradio-loop", lambda: loop.call_soon_threadsafe(loop.stop), run)
                except RuntimeError:
                    loop.close()
                    raise
                self._loop = loop
            return self._loop


_shared = SharedLoop()
