"""One thread that waits for many sockets: jobs of old servers have a socket each, but no thread.

The states of a channel, which is a socket and what becomes of the bytes that arrive on it:

    add ─▶ COMING ─▶ VISITED ─ WAIT ──▶ until it is readable, or past its deadline ─▶ VISITED
                            ├─ AGAIN ─▶ until the next turn ────────────────────────▶ VISITED
                            ├─ LATER ─▶ until no other is due, or for a while ──────▶ VISITED
                            └─ LEAVE, or it raises ─▶ LEFT: any thread may use the socket

A turn waits with the selector, not at all where channels are due, and then visits each that has something. Of
those that chose LATER, because the visit takes long, it visits one.

The thread starts with the first channel and ends when there are none. The lock guards the channels that are
coming, and the waker: `add` finds a waker, and then the thread looks at the coming ones once more before it
ends; or it finds none, and starts another thread. So no channel is left without a thread.
"""

from __future__ import annotations

import logging
import selectors
import socket
import threading
import time
from contextlib import ExitStack, suppress
from enum import Enum
from typing import Any, Callable, Dict, List, Optional, Protocol, Set

from ..threads import Threads
from ..transport.sockets import LONGEST_WAIT
from ..workers import Workers, call_after_fork

_log = logging.getLogger(__name__)


class Next(Enum):
    """When a channel is to be visited next."""

    #: When something has arrived, or its deadline has passed.
    WAIT = 1
    #: At once: there may be more that waiting for the socket would not show.
    AGAIN = 2
    #: Never; the multiplexer lets go of it.
    LEAVE = 3
    #: When no other channel has anything, or in a while: the visit takes long.
    LATER = 4


class Channel(Protocol):
    """An open socket and what becomes of the bytes that arrive on it.

    Its methods are called on the multiplexer's thread only, from `add` until it has left. They never wait.
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
        """A method raised this, or the multiplexer itself failed; `left` is called next."""

    def left(self) -> None:
        """The multiplexer has let go of the socket; any thread may use it now."""


class Multiplexer:
    """Waits for the sockets of all channels on one daemon thread. Threads may share it.

    After `os.fork` the child begins without channels. Where the thread breaks, so do all its channels, and
    the next one that comes starts another thread.

    Args:
        threads: which its thread belongs to; None makes it its own.
        longest_later: seconds that channels which always have something may delay those that chose LATER.
    """

    def __init__(self, threads: Optional[Threads] = None, longest_later: float = 0.5) -> None:
        self._owner = threads or Threads()
        self._longest_later = longest_later
        self.after_fork()
        call_after_fork(self)

    def after_fork(self) -> None:
        """In a child: leave the sockets to the parent's thread, which does not exist here."""
        # One thread, kept for a moment: calls one after the other need not start one each.
        self._threads = Workers(1, "gradio-sockets", threads=self._owner)
        # Guards the fields below it; nothing is waited for while it is held. Reentrant, as a signal handler
        # may cancel a job on a thread that holds it.
        self._lock = threading.RLock()
        self._coming: List[Channel] = []
        # Wakes the thread; None when there is none.
        self._waker: Optional[socket.socket] = None

    def add(self, channel: Channel) -> None:
        """Wait for a channel from now on.

        Raises:
            RuntimeError: no thread can be started.
            OSError: there are too many open files.
        """
        with self._lock:
            self._coming.append(channel)
            if self._waker is not None:
                with suppress(BlockingIOError):  # full only when it has been woken already
                    self._waker.send(b"\0")
                return
            try:
                self._start()
            except (RuntimeError, OSError):
                self._coming.remove(channel)
                raise

    def _start(self) -> None:
        """Start the thread. Its sockets are made here, so that the caller learns that there are none left."""
        with ExitStack() as stack:
            ours, waker = (stack.enter_context(end) for end in socket.socketpair())
            ours.setblocking(False)
            waker.setblocking(False)
            selector = stack.enter_context(selectors.DefaultSelector())
            selector.register(ours, selectors.EVENT_READ)
            self._threads.submit(self._run, ours, waker, selector)
            stack.pop_all()
        self._waker = waker

    def stop(self) -> None:
        """Let the thread end as soon as there are no channels."""
        self._threads.stop()

    def _run(self, ours: socket.socket, waker: socket.socket, selector: selectors.BaseSelector) -> None:
        with ours, waker, selector:
            loop = _Loop(selector, ours, self._longest_later)
            try:
                while self._admit(loop):
                    loop.turn()
            except BaseException as exc:
                with self._lock:
                    if self._waker is waker:  # not so in a child that was forked here
                        self._waker = None
                        loop.coming += self._coming
                        self._coming = []
                loop.give_up(exc)
                raise

    def _admit(self, loop: _Loop) -> bool:
        """Take the channels that are coming; return whether there are any at all, else the thread ends."""
        with self._lock:
            loop.coming, self._coming = self._coming[::-1], []
            if not loop.coming and not loop.channels:
                self._waker = None
                return False
        while loop.coming:
            loop.enter(loop.coming[-1])
            loop.coming.pop()
        return True


class _Loop:
    """The channels of one run of the thread; `alarm` becomes readable when some are coming.

    Attributes:
        channels: with the number of each one's socket, which is not known any more once it is closed.
        coming: those that are still to enter, the last one first.
    """

    def __init__(self, selector: selectors.BaseSelector, alarm: socket.socket, longest_later: float) -> None:
        self.channels: Dict[Channel, int] = {}
        self.coming: List[Channel] = []
        self._selector = selector
        self._alarm = alarm
        self._longest_later = longest_later
        self._again: Set[Channel] = set()
        self._later: List[Channel] = []
        self._later_until = 0.0  # when the first of those is visited, whatever the others have
        # No deadline passes before it; deadlines are looked at one by one only then.
        self._soonest = float("inf")

    def enter(self, channel: Channel) -> None:
        """Begin to wait for a channel."""
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
        wait = min(max(0.0, self._soonest - time.monotonic()), LONGEST_WAIT)
        try:
            events = self._selector.select(0.0 if self._again or self._later else wait)
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
        late = bool(self._later) and (not due or time.monotonic() >= self._later_until)
        if late:
            due.add(self._later.pop(0))
        for channel in due:
            self._visit(channel, channel.ready)
        now = time.monotonic()
        if late:
            self._later_until = now + self._longest_later
        if now >= self._soonest:
            for channel in [one for one in self.channels if one.deadline <= now]:
                if channel not in self._later:  # one that waits for its visit is not silent
                    self._visit(channel, channel.expired)
            self._soonest = min((channel.deadline for channel in self.channels), default=float("inf"))

    def _silence(self) -> None:
        with suppress(BlockingIOError):
            while self._alarm.recv(4096):
                pass

    def _visit(self, channel: Channel, method: Callable[[], Next]) -> None:
        try:
            wanted = method()
        except Exception as exc:
            self._break(channel, exc)
            return
        if wanted is Next.WAIT:
            self._soonest = min(self._soonest, channel.deadline)
        elif wanted is Next.AGAIN:
            self._again.add(channel)
        elif wanted is Next.LATER:
            if not self._later:
                self._later_until = time.monotonic() + self._longest_later
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
    """Leave a channel to others; if it raises it breaks, as nobody waits for it any more."""
    try:
        channel.left()
    except Exception as exc:
        _guarded(channel.broke, exc)


def _guarded(function: Callable[..., object], *args: Any) -> None:
    """Call what concerns one channel; an error it raises must not concern the others."""
    try:
        function(*args)
    except Exception:
        _log.exception("a socket could not be let go")
