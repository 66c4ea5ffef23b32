"""Progress: what people see while they wait, on one line of standard error.

Any thread notes what there is to say, and one draws it: at most ten times a second, and once a second while
nothing happens, as times go on. So a terminal that was stopped (Ctrl-S) holds up no transfer. With NO_COLOR,
or where a terminal is dumb, lines stand one below the other. What a server said is written without control
characters.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional, Tuple

from ..threads import Threads
from ..updates import ProgressUnit, Status, StatusUpdate
from ..wire.texts import excerpt, one_line, text_of
from .output import is_terminal

if TYPE_CHECKING:
    from ..spaces.runtime import SpaceStatus
    from ..updates import Update

    #: The text at a time of the clock.
    _Part = Callable[[float], str]

#: Seconds between two lines: redrawn, as nothing happens, and written one below the other.
_REDRAWN, _TICK, _PLAIN = 0.1, 1.0, 2.0
_PATIENCE = 1.0  # seconds that others wait for a terminal that takes nothing
_BAR = 20
_TRACKERS = 3  # of those that an app has within each other
_LONGEST = 1000  # characters of a text of the server's


class Progress:
    """Shows how a command gets on; where `stream` is no terminal, only what `say` is given."""

    def __init__(
        self, quiet: bool = False, stream: Optional[Any] = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream: Any = sys.stderr if stream is None else stream
        self._quiet = quiet
        self._plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
        self._clock = clock
        self._threads = Threads()
        self._stage, self._began = "", 0.0
        self._first_row: Optional[Tuple[float, int]] = None
        # Guards the parts of the line, whether there is something new, whether nothing must be there, whether
        # something is or is being drawn, since when, and whether all is over.
        self._changed = threading.Condition()
        self._parts: Dict[str, _Part] = {}
        self._fresh = self._paused = self._drawn = False
        self._drawn_at = 0.0
        self._ended = True

    def __enter__(self) -> Progress:
        if not self._quiet and is_terminal(self._stream):
            self._ended = False
            self._drawn_at = self._clock()
            self._threads.start("gradio-progress", self._end, self._draw_on, broke=self._end)
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.close()
        self._threads.join(_PATIENCE)

    @property
    def on(self) -> bool:
        """Whether anybody sees it."""
        return not self._ended

    # -- what there is to say

    def update(self, update: Update) -> None:
        """Show where a job stands; takes what `Job.updates()` yields."""
        if not isinstance(update, StatusUpdate):
            if update.final:
                self._note("job", None)
        elif update.log:
            if self.on:
                self.say(f"{_told(update.log[1])}: {_told(update.log[0])}")
        elif update.code in (Status.FINISHED, Status.CANCELLED):
            self._note("job", None)
        else:
            now = self._clock()
            running = update.code in (Status.PROCESSING, Status.PROGRESS, Status.ITERATING)
            stage = "running" if running else update.code.value.lower().replace("_", " ")
            if stage != self._stage:
                self._stage, self._began = stage, now
            self._note("job", partial(_job_text, stage, update, now, self._began))

    def space(self, status: SpaceStatus) -> None:
        """Show the stage of a Space that is waited for."""
        began = self._clock()
        text = f"Space {status.space_id}: {status.stage.lower().replace('_', ' ')}"
        self._note("job", lambda now: text + _elapsed(now - began))

    def uploaded(self, sent: int, total: int) -> None:
        """Show the bytes of a file that were sent; the option `upload_progress` of a client."""
        self._transferred("sending", sent, total)

    def downloaded(self, received: int, total: Optional[int]) -> None:
        """Show the bytes of a file that came; the option `download_progress` of a client."""
        self._transferred("receiving", received, total)

    def rows(self, done: int, failed: int, total: Optional[int]) -> None:
        """Show how many rows are done, at what rate since the first call, of how many, if that is known."""
        now, count = self._clock(), done + failed
        began, before = self._first_row = self._first_row or (now, count)
        rate = (count - before) / (now - began) if now > began else 0.0
        text = f"{_share(count, total)} {count:,} of {total:,} rows" if total else f"{count:,} rows"
        text += (f", {failed:,} failed" if failed else "") + (f", {rate:,.1f}/s" if rate else "")
        ends = now + (total - count) / rate if total and rate else 0.0
        self._note("rows", lambda now: text + (f", {_time(ends - now)} left" if ends - now >= 1 else ""))

    def say(self, text: str) -> None:
        """Write a line that stays, unless `quiet`."""
        if self._quiet:
            return
        with self._changed:
            before = self._paused
            self._clear()
        with suppress(AttributeError, OSError, ValueError):  # there is none, or nobody reads it
            self._stream.write(one_line(text) + "\n")
            self._stream.flush()
        with self._changed:
            self._paused, self._fresh = before, True
            self._changed.notify_all()

    def pause(self) -> None:
        """Clear the line until the next update, where standard output, to be written to, is a terminal."""
        if is_terminal(sys.stdout):
            with self._changed:
                self._clear()

    def _transferred(self, doing: str, count: int, total: Optional[int]) -> None:
        text = f"{_share(count, total)} of {_size(total)}" if total else _size(count)
        self._note(doing, None if count == total else lambda _: f"{doing} {text}")

    def _note(self, key: str, part: Optional[_Part]) -> None:
        """Have a part of the line replaced, or left out; but for transfers, that ends a pause."""
        with self._changed:
            if part is not None:
                self._parts[key] = part
            elif self._parts.pop(key, None) is None:
                return
            if not self._fresh or self._paused:
                self._changed.notify_all()
            self._fresh = True
            self._paused = self._paused and key not in ("job", "rows")

    def _clear(self) -> None:
        """Begin a pause; the lock is held."""
        self._paused = True
        self._changed.notify_all()
        self._changed.wait_for(lambda: self._ended or not self._drawn, _PATIENCE)

    # -- the thread

    def _end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _draw_on(self) -> None:
        ended = False
        while not ended:
            with self._changed:
                self._await_work()
                ended = self._ended
                line = "" if ended or self._paused else self._line()
                drawn, self._drawn = self._drawn, True
                self._fresh, self._drawn_at = False, self._clock()
            try:
                self._draw(line, drawn)
            except (OSError, ValueError):  # the terminal is gone
                ended = True
            with self._changed:
                self._drawn = bool(line) and not self._plain
                self._ended = self._ended or ended
                self._changed.notify_all()

    def _await_work(self) -> None:
        """Wait until there is something to draw, and it is time; the lock is held."""
        while not (self._ended or (self._paused and self._drawn)):
            pace: Optional[float] = None
            if self._fresh:
                pace = _PLAIN if self._plain else _REDRAWN
            elif self._parts and not self._plain:
                pace = _TICK
            left = None if pace is None or self._paused else self._drawn_at + pace - self._clock()
            if left is not None and left <= 0:
                return
            self._changed.wait(left)

    def _line(self) -> str:
        now = self._clock()
        rows = self._parts.get("rows")
        parts = [rows] if rows else list(self._parts.values())  # the files of many rows tell nothing
        return one_line(", ".join(part(now) for part in parts))

    def _draw(self, line: str, drawn: bool) -> None:
        if self._plain:
            text = line and line + "\n"
        else:
            width = _columns(self._stream) - 1  # the window may be another one by now
            text = ("\r" + " " * width + "\r" if drawn else "") + _cut(line, width)
        self._stream.write(text)
        self._stream.flush()


# --- texts


def _job_text(stage: str, update: StatusUpdate, received: float, began: float, now: float) -> str:
    trackers = [_tracker_text(unit) for unit in (update.progress_data or [])[-_TRACKERS:]]
    text = " / ".join(filter(None, trackers)) or stage
    if update.code is Status.IN_QUEUE and update.rank is not None:
        text += f", place {update.rank + 1}" + (f" of {update.queue_size}" if update.queue_size else "")
    left = (_number(update.eta) or 0.0) - (now - received)
    return text + (f", about {_time(left)} left" if left >= 1 else _elapsed(now - began))


def _tracker_text(unit: ProgressUnit) -> str:
    """One tracker of an app; its fields may be of any kind."""
    index, length, share = map(_number, (unit.index, unit.length, unit.progress))
    parts = ["", _told(unit.desc)]
    if index is not None:
        parts += [f"{index:,.12g}" + (f"/{length:,.12g}" if length else ""), _told(unit.unit)]
    if share is not None or (index is not None and length):
        parts[0] = _share(index or 0, length) if share is None else _share(share, 1)
    return " ".join(filter(None, parts))


def _told(value: Any) -> str:
    """A server's text; the beginning of a long one."""
    return excerpt(text_of(value) or "", _LONGEST)


def _share(count: float, total: Optional[float]) -> str:
    share = min(max(count / (total or 1), 0.0), 1.0)
    return f"[{'#' * int(share * _BAR):-<{_BAR}}] {int(share * 100)}%"


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


def _time(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _elapsed(seconds: float) -> str:
    return f", {_time(seconds)}" if seconds >= 1 else ""


def _number(value: Any) -> Optional[float]:
    """A server's number, where it is one that can be shown."""
    if isinstance(value, (int, float)) and abs(value) < 1e15:
        return float(value)
    return None


# --- terminals


def _columns(stream: Any) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (AttributeError, OSError, ValueError):
        return 80


def _cut(text: str, cells: int) -> str:
    """As much of a text as fits into so many cells."""
    from unicodedata import combining, east_asian_width

    for end, char in enumerate(text):
        cells -= 0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1
        if cells < 0:
            return text[:end]
    return text
