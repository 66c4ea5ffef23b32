"""Journal: the output of the command map, a line of JSON for each row, by which a later run goes on.

A line is handed to the system whole, and is the system's from then on: a process that is killed at any moment
has written each line or has not. A line that was torn all the same (the disk was full, the machine lost its
power) is no JSON, or has no end, and counts for nothing.

To go on, what there is is read, and each row known by its number and its inputs. Where there are torn lines,
or rows that failed, which are tried again, the others are copied to a file beside it, which then takes its
place at once. So at no moment is there less than there was, and no row stands there twice. A lock, which ends
with its process, keeps two from writing at the same time.
"""

from __future__ import annotations

import json
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Dict, Iterator, Optional, Tuple

from ..errors import ArgumentError, FolderError, InvalidFile
from .output import json_of, write_text

if TYPE_CHECKING:
    from .progress import Progress

#: How each line begins.
_BEGINNING = b'{"row": '
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class Journal:
    """Takes what became of rows. A context manager, which closes it.

    Args:
        path: a file; "-" is standard output.
        resume: whether a file that is there is gone on with.
        progress: makes way where standard output is the same terminal.

    Attributes:
        kept: how many rows an earlier run has left.
        lasts: whether a later run can go on with it.

    Raises:
        ArgumentError: the file is there, and is not to be gone on with; or another process writes to it.
        FolderError: it cannot be written.
        InvalidFile: what is there is no such journal.
    """

    def __init__(self, path: str, *, resume: bool, progress: Progress) -> None:
        self._progress = progress
        self._rows: Dict[int, int] = {}  # a hash of the inputs, by number
        self._number: Optional[int] = None
        self._path = path if path == "-" else os.path.realpath(path)
        if path == "-":
            if resume:
                raise ArgumentError("--resume needs a file to go on with; name it with --output.")
        else:
            self._number = self._opened(resume)
        self.kept = len(self._rows)
        self.lasts = self._number is not None

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        if self._number is not None:
            os.close(self._number)

    def has(self, number: int, inputs: Any) -> bool:
        """Whether a row is there.

        Raises:
            InvalidFile: one of that number is, with other inputs.
        """
        known = self._rows.get(number)
        if known is not None and known != hash(_json(inputs)):
            raise InvalidFile(
                f"Row {number} of the input is not the one that {self._path} has a result for: the input was "
                "changed since. Begin anew with another --output."
            )
        return known is not None

    def write(self, number: int, inputs: Any, outcome: Dict[str, Any]) -> None:
        """Add a row.

        Raises:
            FolderError: the file cannot be written.
        """
        row = {"row": number, "inputs": inputs, **outcome}
        if self._number is None:
            self._progress.pause()
            write_text(json_of(row))
            return
        try:
            _write(self._number, _json(row).encode() + b"\n")
        except OSError as exc:
            raise self._unwritable(exc) from exc

    # -- going on

    def _opened(self, resume: bool) -> int:
        try:
            number = os.open(self._path, _FLAGS, 0o666)
        except OSError as exc:
            raise self._unwritable(exc) from exc
        try:
            found = os.fstat(number)
            if stat.S_ISREG(found.st_mode):
                _lock(number, self._path)
                if found.st_size and not resume:
                    raise ArgumentError(f"{self._path} exists. Go on with it by --resume, or name another.")
                if found.st_size and self._read(number):
                    number = self._cleaned(number, stat.S_IMODE(found.st_mode))
                    _lock(number, self._path)
        except BaseException as exc:
            with suppress(OSError):
                os.close(number)
            if isinstance(exc, OSError):
                raise self._unwritable(exc) from exc
            raise
        return number

    def _read(self, number: int) -> bool:
        """Take note of the rows that have a result; return whether there are other lines."""
        others = False
        for line, row in _lines(number):
            if not (self._rows or others or line.startswith(_BEGINNING) or _BEGINNING.startswith(line)):
                raise InvalidFile(f"{self._path} was not written by this command. Name another --output.")
            if row is None or row[0] in self._rows:
                others = True
            else:
                self._rows[row[0]] = row[1]
        return others

    def _cleaned(self, number: int, mode: int) -> int:
        """Put a file with nothing but the rows that have a result in the place of this one, and open it."""
        beside = self._path + ".resumed"
        copy = os.open(beside, _FLAGS | os.O_TRUNC, mode)
        try:
            seen = set()
            for line, row in _lines(number):
                if row is not None and row[0] not in seen:
                    seen.add(row[0])
                    _write(copy, line)
            os.fsync(copy)
        finally:
            os.close(copy)
        if os.name == "nt":  # no file that is open can be replaced
            os.close(number)
        os.replace(beside, self._path)
        opened = os.open(self._path, _FLAGS)
        if os.name != "nt":  # till now its lock has kept others away
            os.close(number)
        return opened

    def _unwritable(self, exc: OSError) -> FolderError:
        return FolderError(
            f"{self._path} cannot be written: {exc.strerror or exc}. Mend that, and go on with --resume."
        )


def _lines(number: int) -> Iterator[Tuple[bytes, Optional[Tuple[int, int]]]]:
    """The lines of a file; with each the number of its row and the hash of its inputs, if it has a result."""
    os.lseek(number, 0, os.SEEK_SET)
    with open(number, "rb", closefd=False) as file:
        for line in file:
            row = None
            if line.endswith(b"\n"):
                with suppress(ValueError, RecursionError, KeyError, TypeError):
                    entry = json.loads(line)
                    if "result" in entry and type(entry["row"]) is int:
                        row = entry["row"], hash(_json(entry["inputs"]))
            yield line, row


def _json(value: Any) -> str:
    """The JSON of a value, which is text that can be written."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return json.dumps(value, default=str)
    return text


def _write(number: int, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(number, left) :]


def _lock(number: int, path: str) -> None:
    """Keep other processes from writing a file; not on Windows."""
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ArgumentError(
            f"Another process is writing {path}. Wait for its end, or name another --output."
        ) from None
    except OSError:  # a file system without locks
        return
