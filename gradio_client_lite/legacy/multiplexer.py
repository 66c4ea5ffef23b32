"""One thread that waits for many sockets: the jobs of old servers have a socket each, but no thread."""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
from contextlib import suppress
from enum import Enum
from typing import Any, Callable, Dict, List, Optional, Protocol, Set

from ..threads import Threads
from ..transport.sockets import LONGEST_WAIT
from ..workers import Workers, call_after_fork

_log = logging.getLogger(__name__)


#: Seconds that channels which always have something may keep waiting those whose visit takes long.
_LONGEST_LATER = 0.5


class Next(Enum):
    """What a channel wants after it was visited."""

    #: To be visited when something has arrived, or its deadline has passed.
    WAIT = 1
    #: To be visited again at once: there may be more that waiting for the socket would not show.
    AGAIN = 2
    #: To be let go.
    LEAVE = 3
    #: To be visited when no other channel has anything, or in a while: what it does next takes long.
    LATER = 4


class Channel(Protocol):
    """An open socket and what becomes of what it receives.

    The multiplexer calls its methods on its own thread only, from `add` until the channel wants to leave.
    They never wait.
    """

    #: When `expired` is called, on the clock of `time.monotonic`; may be changed on the multiplexer's thread.
    deadline: float

    def fileno(self) -> int: ...

    def ready(self) -> Next:
        """Something has arrived, or the socket has broken."""
        ...

    def expired(self) -> Next:
        """The deadline has passed."""
        ...

    def broke(self, error: BaseException) -> None:
        """One of the above has raised, or the multiplexer itself has failed; it is let go."""

    def left(self) -> None:
        """It is no longer waited for; any thread may use the socket now."""


class Multiplexer:
    """Waits for the sockets of all channels on one daemon thread, which lives while there are any.

    Threads may share one; after `os.fork` the child begins without channels. Where the thread breaks, so do
    all channels it had, and the next one starts another.

    Args:
        threads: which its thread belongs to; None makes it its own.
    """

    def __init__(self, threads: Optional[Threads] = None) -> None:
        self._owner = threads or Threads()
        self._reset()
        call_after_fork(self)

    def _reset(self) -> None:
        # One thread, kept for a moment: calls one after the other need not start one each.
        self._threads = Workers(1, "gradio-sockets", threads=self._owner)
        # Guards the fields below it; nothing is waited for while it is held. Reentrant, as a signal handler
        # may cancel a job on a thread that holds it.
        self._lock = threading.RLock()
        self._incoming: List[Channel] = []
        # Wakes the thread; None when there is none.
        self._waker: Optional[socket.socket] = None

    def after_fork(self) -> None:
        """In a child: leave the sockets to the parent's thread, which does not exist here."""
        self._reset()

    def add(self, channel: Channel) -> None:
        """Wait for a channel from now on.

        Raises:
            RuntimeError: no thread can be started.
            OSError: there are too many open files.
        """
        with self._lock:
            self._incoming.append(channel)
            if self._waker is not None:
                # Full only when it has been woken already.
                with suppress(BlockingIOError):
                    self._waker.send(b"\0")
                return
            try:
                self._start()
            except (RuntimeError, OSError):
                self._incoming.remove(channel)
                raise

    def _start(self) -> None:
        """Start the thread; made here, so that the caller learns of what it cannot have."""
        ours, waker = socket.socketpair()
        try:
            ours.setblocking(False)
            waker.setblocking(False)
            selector = selectors.DefaultSelector()
        except OSError:
            ours.close()
            waker.close()
            raise
        try:
            selector.register(ours, selectors.EVENT_READ)
            self._threads.submit(self._run, ours, waker, selector)
        except (RuntimeError, OSError):
            for thing in (ours, waker, selector):
                thing.close()
            raise
        self._waker = waker

    def stop(self) -> None:
        """Let the thread end as soon as there are no channels."""
        self._threads.stop()

    def _run(self, ours: socket.socket, waker: socket.socket, selector: selectors.BaseSelector) -> None:
        with ours, waker, selector:
            round_ = _Round(selector, ours)
            try:
                while self._admit(round_):
                    round_.turn()
            except BaseException as exc:
                with self._lock:
                    if self._waker is waker:  # not so in a child that was forked here
                        self._waker = None
                        round_.coming += self._incoming
                        self._incoming = []
                round_.give_up(exc)
                raise

    def _admit(self, round_: _Round) -> bool:
        """Take the channels that have come; False, and the thread ends, when there are none at all."""
        with self._lock:
            round_.coming, self._incoming = self._incoming[::-1], []
            if not round_.coming and not round_.channels:
                self._waker = None
                return False
        while round_.coming:
            round_.enter(round_.coming[-1])
            round_.coming.pop()
        return True


class _Round:
    """The channels of one run of the thread.

    Args:
        selector: waits for them.
        alarm: a socket that becomes readable when there is news for the thread itself.

    Attributes:
        channels: with the number of each one's socket, which is not known any more once it is closed.
        coming: those that are still to enter, the last one first.
    """

    def __init__(self, selector: selectors.BaseSelector, alarm: socket.socket) -> None:
        self.channels: Dict[Channel, int] = {}
        self.coming: List[Channel] = []
        self._selector = selector
        self._alarm = alarm
        self._again: Set[Channel] = set()
        self._later: List[Channel] = []
        self._overdue = 0.0  # when the first of those is visited, whatever the others have
        # No deadline passes before it; deadlines are looked at one by one only then.
        self._soonest = float("inf")

    def enter(self, channel: Channel) -> None:
        try:
            number = channel.fileno()
            if number >= 0:  # otherwise it was closed meanwhile, and reading from it will tell
                self._selector.register(number, selectors.EVENT_READ, channel)
        except Exception as exc:
            _guarded(channel.broke, exc)
            _let_go(channel)
            return
        self.channels[channel] = number
        # What arrived before is not announced by the socket again.
        self._again.add(channel)
        self._soonest = min(self._soonest, channel.deadline)

    def turn(self) -> None:
        """Wait once, and visit the channels that have something."""
        wait = (
            0.0
            if self._again or self._later
            else min(max(0.0, self._soonest - time.monotonic()), LONGEST_WAIT)
        )
        try:
            events = self._selector.select(wait)
        except (ValueError, OSError) as exc:
            if not self.channels:
                raise
            self._break(next(reversed(self.channels)), exc)  # one too many: Windows takes 512
            return
        due, self._again = self._again, set()
        for key, _ in events:
            if key.data is None:
                self._silence()
            else:
                due.add(key.data)
        due.difference_update(self._later)
        late = bool(self._later) and (not due or time.monotonic() >= self._overdue)
        if late:
            due.add(self._later.pop(0))
        for channel in due:
            self._follow(channel, channel.ready)
        now = time.monotonic()
        if late:
            self._overdue = now + _LONGEST_LATER
        if now >= self._soonest:
            # One that waits for its visit is not silent.
            passed = [channel for channel in self.channels if channel.deadline <= now]
            for channel in [channel for channel in passed if channel not in self._later]:
                self._follow(channel, channel.expired)
            self._soonest = min((channel.deadline for channel in self.channels), default=float("inf"))

    def _silence(self) -> None:
        with suppress(BlockingIOError):
            while self._alarm.recv(4096):
                pass

    def _follow(self, channel: Channel, visit: Any) -> None:
        try:
            wish = visit()
        except Exception as exc:
            self._break(channel, exc)
            return
        if wish is Next.WAIT:
            self._soonest = min(self._soonest, channel.deadline)
        elif wish is Next.AGAIN:
            self._again.add(channel)
        elif wish is Next.LATER:
            if not self._later:
                self._overdue = time.monotonic() + _LONGEST_LATER
            self._later.append(channel)
        else:
            self._leave(channel)

    def _break(self, channel: Channel, error: Exception) -> None:
        _guarded(channel.broke, error)
        self._leave(channel)

    def _leave(self, channel: Channel) -> None:
        number = self.channels.pop(channel)
        self._again.discard(channel)
        if channel in self._later:
            self._later.remove(channel)
        if number >= 0:
            _guarded(self._selector.unregister, number)
        _let_go(channel)

    def give_up(self, error: BaseException) -> None:
        """Break all channels, whatever state they are in."""
        for channel in [*self.channels, *self.coming]:
            _guarded(channel.broke, error)
            _let_go(channel)


def _let_go(channel: Channel) -> None:
    """Leave a channel to others; one that cannot take that is broken, as nobody waits for it any more."""
    try:
        channel.left()
    except Exception as exc:
        _guarded(channel.broke, exc)


def _guarded(function: Callable[..., object], *args: Any) -> None:
    """Call what concerns one channel; what it raises must not concern the others."""
    try:
        function(*args)
    except Exception:
        _log.exception("a socket could not be let go")
