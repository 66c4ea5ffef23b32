"""Description: what an app says of its API, fetched once, and not on the thread of whoever calls."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from concurrent.futures import Future
from typing import Any, Callable, Deque, Dict, List, Optional

from .errors import ConnectionFailed, for_waiters
from .threads import Threads
from .transport.http import Transport
from .transport.timeout import IdleClock
from .workers import call_after_fork

_log = logging.getLogger(__name__)

#: Seconds after which who comes does not wait for a fetch that is under way, but begins another: it may hang,
#: or have been frozen with its Lambda.
_STALE = 10.0

#: Called when a fetch has ended, with what it failed with or None. It returns at once and does not raise.
Then = Callable[[Optional[BaseException]], None]
#: Makes the description; what it raises is the end of that fetch alone.
Make = Callable[[], Dict[str, Any]]


class _Fetch:
    """One fetch: when it began, and who waits for it."""

    __slots__ = ("begun", "waiters")

    def __init__(self) -> None:
        self.begun = 0.0
        self.waiters: Deque[Then] = deque()


class Description:
    """One fetch serves all who need it; one that failed is tried again by the next who does.

    Args:
        transport: what a fetch uses; closing it ends one.
        threads: which the threads that fetch belong to.

    Attributes:
        local: whether it is made without a request, so that nobody need wait for it.
    """

    def __init__(self, transport: Transport, threads: Threads) -> None:
        self.local = False
        self._transport = transport
        self._threads = threads
        self._known: Optional[Dict[str, Any]] = None
        self.after_fork()
        call_after_fork(self)

    def after_fork(self) -> None:
        """In a child: forget fetches that only threads of the parent will end, and who waits for them."""
        # Guards the fields; nothing is called while it is held. Reentrant, as a signal handler may call, too.
        self._lock = threading.RLock()
        self._fetches: List[_Fetch] = []
        self._clock = IdleClock(time.monotonic, time.time)

    def ready(self) -> bool:
        """Whether `get` neither makes a request nor waits for one."""
        return self.local or self._known is not None

    def begin(self, make: Make, then: Optional[Then] = None) -> None:
        """Fetch it in the background, unless somebody does so already.

        Args:
            make: makes it.
            then: called when it is there, or cannot be had; on any thread, this one too.
        """
        fetch = _Fetch()
        try:
            if self._enter(fetch, then):
                self._threads.start("gradio-description", self._transport.close, self._run, fetch, make)
        except RuntimeError as exc:
            error = ConnectionFailed(f"No thread could be started to fetch the API description: {exc}.")
            error.__cause__ = exc
            self._fail(fetch, error)
        except BaseException as exc:
            self._fail(fetch, exc)
            raise

    def get(self, make: Make) -> Dict[str, Any]:
        """The description, waited for; fetched on this thread unless another does so already.

        Raises:
            ConnectionFailed, DeadlineExceeded, RetryLater: the app cannot be reached or is too busy.
        """
        known = self._known
        if known is not None:
            return known
        told: Future[None] = Future()
        fetch = _Fetch()
        try:
            if self._enter(fetch, lambda error: _tell(told, error)):
                self._end(fetch, make(), None)
        except BaseException as exc:  # wherever it comes: others may wait
            self._fail(fetch, exc)
            raise
        told.result()
        assert self._known is not None  # noqa: S101 - as it was told
        return self._known

    def _enter(self, fetch: _Fetch, then: Optional[Then]) -> bool:
        """Let `then` wait for the fetch under way, or for this one; return whether this one is to be run."""
        with self._lock:
            if self._known is None:
                fetch.begun = self._clock()
                current = self._fetches[-1] if self._fetches else None
                if current is None or fetch.begun - current.begun > _STALE:
                    self._fetches.append(fetch)
                    current = fetch
                if then is not None:
                    current.waiters.append(then)
                return current is fetch
        if then is not None:
            then(None)
        return False

    def _run(self, fetch: _Fetch, make: Make) -> None:
        try:
            self._end(fetch, make(), None)
        except BaseException as exc:
            self._fail(fetch, exc)
            _log.debug("the API description could not be fetched: %s", exc)

    def _fail(self, fetch: _Fetch, error: BaseException) -> None:
        self._transport.secrets.blank_error(error)
        self._end(fetch, None, for_waiters(error, "Fetching the API description"))

    def _end(self, fetch: _Fetch, known: Optional[Dict[str, Any]], error: Optional[BaseException]) -> None:
        """Tell those who wait for a fetch, once; all who wait for any when it has brought the description."""
        with self._lock:
            ended, left = [fetch], [other for other in self._fetches if other is not fetch]
            if known is not None:
                self._known = known
                # In the order in which they came, whichever has brought it.
                ended, left = ([] if fetch in self._fetches else [fetch]) + self._fetches, []
            self._fetches = left
            waiters = deque(waiter for other in ended for waiter in other.waiters)
            for other in ended:
                other.waiters = deque()
            fetch.waiters = waiters
            error = None if self._known is not None else error
        # One by one: whatever interrupts this, `_fail` tells the rest.
        while waiters:
            waiters.popleft()(error)


def _tell(told: Future[None], error: Optional[BaseException]) -> None:
    if error is None:
        told.set_result(None)
    else:
        told.set_exception(error)
