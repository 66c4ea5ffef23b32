"""Progress: what people see while they wait, on one line of standard error.

    update, space, uploaded, downloaded, rows    note what there is to say, on any thread; they never wait
    the thread "gradio-progress"                 writes it, and nobody else: at most ten times a second, and
                                                 once a second while nothing happens, as times go on

So a terminal that was stopped (Ctrl-S) holds up no transfer. A line that is redrawn needs no more of a
terminal than to go back to its start: the rest of the line before is overwritten by spaces. With NO_COLOR, or
a terminal that is dumb, each line is written once, as a line, every few seconds.

What a server said is written without control characters, and no longer than the terminal is wide.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional

from ..threads import Threads
from ..updates import ProgressUnit, Status, StatusUpdate
from ..wire.texts import excerpt, one_line, text_of

if TYPE_CHECKING:
    from ..spaces.runtime import SpaceStatus
    from ..updates import Update

    #: The text at a time of the clock.
    _Part = Callable[[float], str]

#: Seconds between two lines: redrawn, as nothing happens, and written one below the other.
_REDRAWN, _TICK, _PLAIN = 0.1, 1.0, 2.0
#: Seconds that `pause`, and the end, wait for a terminal that takes nothing.
_PATIENCE = 1.0
_BAR = 20
#: Trackers that one line shows, of those that an app has within each other.
_TRACKERS = 3
#: Characters of a text of the server's.
_LONGEST = 1000
_WORDS = {
    Status.IN_QUEUE: "in queue",
    Status.PROCESSING: "running",
    Status.PROGRESS: "running",
    Status.ITERATING: "running",
}


class Progress:
    """Shows how a command gets on. A context manager: at its end the line is cleared.

    Args:
        quiet: show nothing at all.
        stream: where to; None is standard error. Where it is no terminal, nothing but `say` is shown.
        clock: seconds that go on.
    """

    def __init__(
        self, quiet: bool = False, stream: Optional[Any] = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream: Any = sys.stderr if stream is None else stream
        self._quiet = quiet
        self._plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
        self._clock = clock
        self._threads = Threads()
        self._outputs, self._stage, self._began = 0, "", 0.0
        self._first_row: Optional[tuple[float, int]] = None
        self._last = ""
        # Guards what the thread goes by: the parts of the line, lines to write above it, whether there is
        # something new, when it was last drawn; whether it must not be there, and whether all is over; then
        # what stands on the terminal, in cells, and whether it is being written.
        self._changed = threading.Condition()
        self._parts: Dict[str, _Part] = {}
        self._said: List[str] = []
        self._fresh = self._paused = self._writing = False
        self._ended = True
        self._drawn_at = 0.0
        self._cells = 0

    def __enter__(self) -> Progress:
        if not self._quiet and _is_terminal(self._stream):
            self._ended = False
            self._drawn_at = self._clock()
            try:
                self._threads.start("gradio-progress", self._end, self._write_on, broke=self._end)
            except RuntimeError:  # the system has none to spare
                self._ended = True
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
            self._outputs += 1
            if update.final:
                self._note("job", None)
            return
        if update.log:
            if not self._ended:
                self.say(f"{_told(update.log[1])}: {_told(update.log[0])}")
            return
        now = self._clock()
        stage = _WORDS.get(update.code, update.code.value.lower().replace("_", " "))
        if stage != self._stage:
            self._stage, self._began = stage, now
        ended = update.code in (Status.FINISHED, Status.CANCELLED)
        part = partial(_job_text, stage, update, self._outputs, now, self._began)
        self._note("job", None if ended else part)

    def space(self, status: SpaceStatus) -> None:
        """Show the stage of a Space that is waited for."""
        began = self._clock()
        name, stage = status.space_id, status.stage.lower().replace("_", " ")
        self._note("job", lambda now: f"Space {name}: {stage}{_elapsed(now - began)}")

    def uploaded(self, sent: int, total: int) -> None:
        """Show the bytes of a file that were sent; the option `upload_progress` of a client."""
        self._transferred("sending", sent, total)

    def downloaded(self, received: int, total: Optional[int]) -> None:
        """Show the bytes of a file that came; the option `download_progress` of a client."""
        self._transferred("receiving", received, total)

    def rows(self, done: int, failed: int, total: Optional[int]) -> None:
        """Show how many rows gave a result and how many an error; None where nobody knows how many there are.

        The rate is that since the first call, whose rows are those of an earlier run.
        """
        now, count = self._clock(), done + failed
        began, before = self._first_row = self._first_row or (now, count)
        rate = (count - before) / (now - began) if now > began else 0.0
        self._note("rows", partial(_rows_text, count, failed, total, rate, now))

    def say(self, text: str) -> None:
        """Write a line that stays, above the one that is redrawn; where that is off too, unless `quiet`."""
        if self._quiet:
            return
        line = one_line(text)
        with self._changed:
            if not self._ended:
                self._said.append(line)
                self._changed.notify_all()
                return
        self._put(line + "\n")

    def pause(self) -> None:
        """Clear the line, so that standard output can be written to; the next update shows it again.

        Where standard output is no terminal it does nothing.
        """
        if not _is_terminal(sys.stdout):
            return
        with self._changed:
            self._paused = True
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._ended or not (self._writing or self._cells or self._said), _PATIENCE
            )

    def _transferred(self, doing: str, count: int, total: Optional[int]) -> None:
        part = None if count == total else partial(_bytes_text, doing, count, total)
        self._note(doing, part, shows=False)

    def _note(self, key: str, part: Optional[_Part], *, shows: bool = True) -> None:
        """Have a part of the line replaced, or left out; one that `shows` ends a pause."""
        with self._changed:
            if part is not None:
                self._parts[key] = part
            elif self._parts.pop(key, None) is None:
                return
            news = not self._fresh or (shows and self._paused)
            self._fresh = True
            self._paused = self._paused and not shows
            if news:
                self._changed.notify_all()

    # -- the thread

    def _end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _write_on(self) -> None:
        ended = False
        while not ended:
            with self._changed:
                self._await_work()
                ended = self._ended
                said, self._said = self._said, []
                line = "" if ended or self._paused else self._line()
                self._fresh, self._writing, self._drawn_at = False, True, self._clock()
            cells = self._cells
            try:
                cells = self._write(said, line)
            except (OSError, ValueError):  # the terminal is gone
                cells, ended = 0, True
            finally:
                with self._changed:
                    self._cells, self._writing, self._ended = cells, False, self._ended or ended
                    self._changed.notify_all()

    def _await_work(self) -> None:
        """Wait until there is something to write, and it is time; the lock is held."""
        while not (self._ended or self._said or (self._paused and self._cells)):
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

    def _write(self, said: List[str], line: str) -> int:
        """Write lines that stay, and the one that is redrawn; return how many cells that has."""
        text = "".join(each + "\n" for each in said)
        if self._plain:
            text += line + "\n" if line and line != self._last else ""
            self._last = line
            self._put(text)
            return 0
        most = _columns(self._stream) - 1
        before = min(self._cells, most)  # the window may be smaller now
        clear = "\r" + " " * before + "\r" if before else ""
        line, cells = _fitting(_encodable(line, self._stream), most)
        if said or not line:
            self._put(clear + text + line)
        else:
            self._put("\r" + line + " " * (before - cells))
        return cells

    def _put(self, text: str) -> None:
        if text:
            with suppress(AttributeError):  # there is no standard error
                self._stream.write(_encodable(text, self._stream))
                self._stream.flush()


# --- texts


def _job_text(
    stage: str, update: StatusUpdate, outputs: int, received: float, began: float, now: float
) -> str:
    trackers = [_tracker_text(unit) for unit in (update.progress_data or [])[-_TRACKERS:]]
    text = " / ".join(filter(None, trackers)) or stage
    if update.code is Status.IN_QUEUE and update.rank is not None:
        text += f", place {update.rank + 1}" + (f" of {update.queue_size}" if update.queue_size else "")
    if outputs:
        text += f", {outputs} output{'s' if outputs > 1 else ''}"
    left = (_number(update.eta) or 0.0) - (now - received)
    return text + (f", about {_time(left)} left" if left >= 1 else _elapsed(now - began))


def _tracker_text(unit: ProgressUnit) -> str:
    """One tracker of an app; its fields may be of any kind."""
    index, length, share = map(_number, (unit.index, unit.length, unit.progress))
    if share is None and index is not None and length:
        share = index / length
    count, name = "", ""
    if index is not None:
        count = f"{index:,.12g}" + (f"/{length:,.12g}" if length else "")
        name = _told(unit.unit)
    return " ".join(filter(None, (_bar(share) if share is not None else "", _told(unit.desc), count, name)))


def _told(value: Any) -> str:
    """A server's text; the beginning of a long one."""
    return excerpt(text_of(value) or "", _LONGEST)


def _bytes_text(doing: str, count: int, total: Optional[int], _: float) -> str:
    return f"{doing} {_size(count)}" if not total else f"{doing} {_bar(count / total)} of {_size(total)}"


def _rows_text(
    count: int, failed: int, total: Optional[int], rate: float, received: float, now: float
) -> str:
    text = f"{count:,} rows" if not total else f"{_bar(count / total)} {count:,} of {total:,} rows"
    text += f", {failed:,} failed" if failed else ""
    text += f", {rate:,.1f}/s" if rate else ""
    left = (total - count) / rate - (now - received) if total and rate else 0.0
    return text + (f", {_time(left)} left" if left >= 1 else "")


def _bar(share: float) -> str:
    share = min(max(share, 0.0), 1.0)
    done = int(share * _BAR)
    return f"[{'#' * done}{'-' * (_BAR - done)}] {int(share * 100)}%"


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


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):  # there is none, or it is closed
        return False


def _columns(stream: Any) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (AttributeError, OSError, ValueError):
        return 80


def _encodable(text: str, stream: Any) -> str:
    """The text without what the stream cannot show."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text if text.isascii() else text.encode(encoding, "replace").decode(encoding, "replace")


def _fitting(text: str, cells: int) -> tuple[str, int]:
    """As much of a text as fits, and how many cells of the terminal it takes."""
    if text.isascii():
        return text[:cells], min(len(text), cells)
    from unicodedata import combining, east_asian_width

    used = 0
    for end, char in enumerate(text):
        width = 0 if combining(char) else 2 if east_asian_width(char) in "WF" else 1
        if used + width > cells:
            return text[:end], used
        used += width
    return text, used
