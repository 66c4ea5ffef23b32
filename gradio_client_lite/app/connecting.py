"""Connecting: a client that is being made on a thread of its own, as a Future that can be awaited.

::

    pending ──► made            the client is the result
       │  └───► failed          what its constructor has raised is the exception
       └──────► cancelled       the request under way is broken off, and nothing more is sent

The first end counts; a client that comes after it is closed. At the interpreter's end, and in a fork's child,
which has no such thread, the Future fails and wakes nobody.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, InvalidStateError
from typing import Any, Callable, Generator, TypeVar

from ..errors import ClientClosed, CompatibilityError, ConnectionFailed, for_waiters
from ..threads import Threads, at_the_end
from ..workers import call_after_fork
from .options import check_threads

_Client = TypeVar("_Client")


class Connecting(Future[_Client]):
    """A client that is being connected; see `Client.connect`. `async with` closes it at the end.

    Args:
        client: not connected yet.
        make: connects it.
        abort: makes that return soon; called on any thread, and more than once.
        threads: for the thread that does it; closing them ends it.
    """

    def __init__(
        self, client: Any, make: Callable[[], object], abort: Callable[[], object], threads: Threads
    ) -> None:
        super().__init__()
        self._threads = threads
        self._pending = True
        self._cancelling = threading.Lock()  # taken, for good, by the first who cancels
        call_after_fork(self)
        threads.close_at_the_end(self._end_with_process)
        try:
            check_threads()
            threads.start("gradio-connect", abort, self._connect, client, make)
        except CompatibilityError as exc:
            self._end(self.set_exception, exc)
        except RuntimeError as exc:
            failure = ConnectionFailed(f"No thread could be started to connect: {exc}.")
            failure.__cause__ = exc
            self._end(self.set_exception, failure)

    def cancel(self) -> bool:
        """Break off connecting, unless it has ended; return whether it is cancelled."""
        if not super().cancel():
            return False
        if self._cancelling.acquire(blocking=False):
            self._pending = False
            self.set_running_or_notify_cancel()
            self._threads.close()
        return True

    def running(self) -> bool:
        """Whether it has not ended yet."""
        return not self.done()

    def __await__(self) -> Generator[Any, None, _Client]:
        import asyncio

        return asyncio.wrap_future(self).__await__()

    async def __aenter__(self) -> _Client:
        return await self

    async def __aexit__(self, *exc_info: object) -> None:
        client: Any = self.result()
        await client.aclose()

    def after_fork(self) -> None:
        """In a child: fail, as the client is made in the parent process."""
        self._end_unheard("The process was forked meanwhile. Connect in the process that uses the client.")

    # -- on the thread

    def _connect(self, client: Any, make: Callable[[], object]) -> None:
        if self.cancelled():
            return
        try:
            make()
        except BaseException as exc:
            self._end(self.set_exception, for_waiters(exc, "Connecting"))
        else:
            if not self._end(self.set_result, client):
                client.close()

    def _end(self, end: Callable[[Any], None], value: object) -> bool:
        """Resolve the Future; return whether this was its end."""
        try:
            if at_the_end():
                return False
            end(value)
        except InvalidStateError:  # it was cancelled
            return False
        else:
            return True
        finally:
            self._pending = False
            self._threads.close()

    def _end_with_process(self) -> None:
        self._end_unheard("The interpreter ended meanwhile.")
        self._threads.close()

    def _end_unheard(self, why: str) -> None:
        """Fail unless it has ended, and wake nobody: whoever waits stays on the lock that it had."""
        if self._pending:
            self._pending = False
            super().__init__()
            self.set_exception(ClientClosed(f"The client was not connected. {why}"))
