"""Telling what comes slowly from what only pretends to come."""

from __future__ import annotations

import time

#: Bytes that an event which is not whole yet must gain within the idle timeout. It is what the slowest links
#: carry in a second or two, so that a large event arrives over any of them.
LEAST_GAIN = 4096


class Gain:
    """How long nothing that counts has come over a stream.

    What counts: an event, a heartbeat or a comment that is whole, the first byte of one, and after that each
    `LEAST_GAIN` bytes of it.

    Args:
        seconds: the idle timeout.

    Attributes:
        since: when the last of it came, on the clock of `time.monotonic`.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._bytes = 0
        self._unfinished = False
        self.since = time.monotonic()
        self._until = self.since + seconds
        self._last = 0.0  # when bytes came that did not count

    def arrived(self, size: int, *, whole: bool, unfinished: bool) -> bool:
        """Bytes have come; return whether they count.

        Args:
            size: how many.
            whole: whether they completed something.
            unfinished: whether something was begun with them, or before, and is not whole.
        """
        self._bytes += size
        counts = whole or not unfinished or not self._unfinished or self._bytes >= LEAST_GAIN
        self._unfinished = unfinished
        if counts:
            self._bytes = 0
            self.since = time.monotonic()
            self._until = self.since + self._seconds
        else:
            self._last = time.monotonic()
        return counts

    def bear(self, seconds: float) -> None:
        """Let nothing come for so long from now on."""
        self._until = time.monotonic() + seconds

    def trickles(self) -> bool:
        """Whether bytes have come lately, but too few of them; otherwise nothing comes at all."""
        return self._unfinished and time.monotonic() - self._last < self._seconds / 2

    def left(self) -> float:
        """Seconds until the idle timeout; none or fewer when it has passed."""
        return self._until - time.monotonic()

    def __str__(self) -> str:
        return f"less than {LEAST_GAIN} bytes of an event came in {self._seconds:g} seconds"
