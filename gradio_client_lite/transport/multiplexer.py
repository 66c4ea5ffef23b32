"""One thread that waits for many sockets: the jobs of old servers have a socket each, but no thread."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from contextlib import suppress
from enum import Enum
from typing import Any, Dict, List, Optional, Protocol, Set

from ..workers import Workers, call_after_fork
from .timeout import LONGEST_WAIT


class Next(Enum):
    """What a channel wants after it was visited."""

    #: To be visited when something has arrived, or its deadline has passed.
    WAIT = 1
    #: To be visited again at once: there may be more that waiting for the socket would not show.
    AGAIN = 2
    #: To be let go.
    LEAVE = 3


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

    def broke(self, error: Exception) -> None:
        """One of the above has raised; it is let go."""

    def left(self) -> None:
        """It is no longer waited for; any thread may use the socket now."""


class Multiplexer:
    """Waits for the sockets of all channels on one daemon thread, which lives while there are any.

    Threads may share one; after `os.fork` the child begins without channels.
    """

    def __init__(self) -> None:
        self._reset()
        call_after_fork(self)

    def _reset(self) -> None:
        # One thread, kept for a moment: calls one after the other need not start one each.
        self._threads = Workers(1, "gradio-sockets")
        # Guards the fields below it; nothing is waited for while it is held.
        self._lock = threading.Lock()
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
            while self._admit(round_):
                round_.turn()

    def _admit(self, round_: _Round) -> bool:
        """Take the channels that have come; False, and the thread ends, when there are none at all."""
        with self._lock:
            incoming, self._incoming = self._incoming, []
            if not incoming and not round_.channels:
                self._waker = None
                return False
        for channel in incoming:
            round_.enter(channel)
        return True


class _Round:
    """The channels of one run of the thread.

    Args:
        selector: waits for them.
        alarm: a socket that becomes readable when there is news for the thread itself.

    Attributes:
        channels: with the number of each one's socket, which is not known any more once it is closed.
    """

    def __init__(self, selector: selectors.BaseSelector, alarm: socket.socket) -> None:
        self.channels: Dict[Channel, int] = {}
        self._selector = selector
        self._alarm = alarm
        self._again: Set[Channel] = set()
        # No deadline passes before it; deadlines are looked at one by one only then.
        self._soonest = float("inf")

    def enter(self, channel: Channel) -> None:
        number = channel.fileno()
        try:
            if number >= 0:  # otherwise it was closed meanwhile, and reading from it will tell
                self._selector.register(number, selectors.EVENT_READ, channel)
        except (KeyError, ValueError, OSError) as exc:
            channel.broke(exc)
            channel.left()
            return
        self.channels[channel] = number
        # What arrived before is not announced by the socket again.
        self._again.add(channel)
        self._soonest = min(self._soonest, channel.deadline)

    def turn(self) -> None:
        """Wait once, and visit the channels that have something."""
        wait = 0.0 if self._again else min(max(0.0, self._soonest - time.monotonic()), LONGEST_WAIT)
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
        for channel in due:
            self._follow(channel, channel.ready)
        now = time.monotonic()
        if now >= self._soonest:
            for channel in [channel for channel in self.channels if channel.deadline <= now]:
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
        else:
            self._leave(channel)

    def _break(self, channel: Channel, error: Exception) -> None:
        channel.broke(error)
        self._leave(channel)

    def _leave(self, channel: Channel) -> None:
        number = self.channels.pop(channel)
        self._again.discard(channel)
        if number >= 0:
            self._selector.unregister(number)
        channel.left()
