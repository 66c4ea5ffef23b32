"""Description: what an app says of its API, fetched once, and not on the thread of whoever calls.

    UNKNOWN ── begin, or get ──▶ FETCHING ── it is there ──▶ KNOWN; all who wait are told
       ▲                            │
       └── it failed: those who wait for this fetch are told; the next who needs it fetches again

One fetch serves all who need it. One that has taken _STALE seconds may hang, or have been frozen with its
Lambda: who comes then begins another beside it, and waits for that. Whichever brings the description ends the
waiting for all of them.

The lock guards the fields; nothing is called while it is held. Those who wait are told one by one, and taken
off their fetch before: whatever interrupts the thread that tells them, `_fail` tells the rest, nobody twice.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from concurrent.futures import Future
from time import monotonic, time
from typing import Any, Callable, Deque, Dict, List, Optional

from ..errors import ConnectionFailed, for_waiters
from ..threads import Threads
from ..transport.http import Transport
from ..workers import call_after_fork

_log = logging.getLogger(__name__)

#: Seconds after which a fetch is no longer waited for by those who come.
_STALE = 10.0

#: Called when a fetch has ended, with its error or None. It returns at once and does not raise.
Then = Callable[[Optional[BaseException]], None]
#: Makes the description; an error it raises ends that fetch alone.
Make = Callable[[], Dict[str, Any]]


class _Fetch:
    """One fetch: when it began (on a monotonic clock, and by the calendar), and who waits for it."""

    def __init__(self) -> None:
        # Both clocks, as the monotonic one may stand still while the machine, or the Lambda, sleeps.
        self.begun = (monotonic(), time())
        self.waiters: Deque[Then] = deque()

    def is_stale(self) -> bool:
        return monotonic() - self.begun[0] > _STALE or time() - self.begun[1] > _STALE


class Description:
    """The API description of one app.

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
        # Reentrant, as a signal handler may ask for the description, too.
        self._lock = threading.RLock()
        self._fetches: List[_Fetch] = []

    def ready(self) -> bool:
        """Whether `get` neither makes a request nor waits for one."""
        return self.local or self._known is not None

    def begin(self, make: Make, then: Optional[Then] = None) -> None:
        """Fetch it in the background, unless a fetch is under way; `then` may be called on any thread."""
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
        """The description, waited for; fetched on this thread unless a fetch is under way.

        Raises:
            ConnectionFailed, DeadlineExceeded, RetryLater: the app cannot be reached or is too busy.
        """
        known = self._known
        if known is not None:
            return known
        ended: Future[None] = Future()
        fetch = _Fetch()
        try:
            if self._enter(fetch, lambda error: _resolve(ended, error)):
                self._end(fetch, make(), None)
        except BaseException as exc:  # wherever it comes: others may wait
            self._fail(fetch, exc)
            raise
        ended.result()
        assert self._known is not None  # noqa: S101 - the fetch ended well
        return self._known

    def _enter(self, fetch: _Fetch, then: Optional[Then]) -> bool:
        """Let `then` wait for the fetch under way, or for this one; return whether this one is to be run."""
        with self._lock:
            if self._known is None:
                current = self._fetches[-1] if self._fetches else None
                if current is None or current.is_stale() or self.local:
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
        """Tell those who wait for a fetch; all who wait for any when it has brought the description."""
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
        while waiters:
            waiters.popleft()(error)


def _resolve(ended: Future[None], error: Optional[BaseException]) -> None:
    if error is None:
        ended.set_result(None)
    else:
        ended.set_exception(error)
