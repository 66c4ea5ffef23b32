"""Journal: the output of the command map, a line of JSON for each row, by which a later run goes on.

A line is handed to the system whole. One that was torn all the same, as the process was killed or the machine
lost its power, is no JSON or has no end. Where there are such lines, or rows that failed, which are tried
again, the others are copied to a file beside it, which then takes its place at once: at no moment is there
less than there was, and no row stands there twice.
"""

from __future__ import annotations

import json
import os
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Dict, Iterator, Optional, Set

from ..errors import ArgumentError, FolderError, InvalidFile
from .output import json_of, write_text

if TYPE_CHECKING:
    from .progress import Progress

_STANDARD = ("-", "/dev/stdout")
#: How each line begins.
_BEGINNING = b'{"row": '
# For writing alone, or nobody would hear that the reader of a pipe is gone.
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)


class Journal:
    """Takes what became of rows; "-" is standard output.

    Attributes:
        kept: how many rows an earlier run has left.
        lasts: whether a later run can go on with it.
    """

    def __init__(self, path: str, *, resume: bool, progress: Progress) -> None:
        self._progress = progress
        self._path = path
        self._number: Optional[int] = None
        self._rows: Dict[int, int] = {}  # a hash of the inputs, by number
        self.lasts = False
        try:
            if path not in _STANDARD:
                self._open()
            if self.lasts:
                self._go_on(resume)
            elif resume:
                raise ArgumentError("--resume needs a file to go on with; name it with --output.")
        except BaseException:
            self.__exit__()
            raise
        self.kept = len(self._rows)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        number, self._number = self._number, None
        if number is not None:
            os.close(number)

    def has(self, number: int, inputs: Any) -> bool:
        """Whether a row is there; with other inputs it is an InvalidFile."""
        known = self._rows.get(number)
        if known is not None and known != _hash(inputs):
            raise InvalidFile(
                f"Row {number} of the input is not the one that {self._path} has a result for: the input was "
                "changed since. Begin anew with another --output."
            )
        return known is not None

    def write(self, number: int, inputs: Any, outcome: Dict[str, Any]) -> None:
        """Add a row, whole or not at all."""
        row, file = {"row": number, "inputs": inputs, **outcome}, self._number
        if file is None:
            self._progress.pause()
            write_text(json_of(row))
            return
        line = json_of(row).encode() + b"\n"
        written = 0
        with self._telling():
            try:
                while written < len(line):
                    written += os.write(file, line[written:])
            except OSError:  # the disk is full; rows that are under way may still come
                if self.lasts:
                    os.ftruncate(file, os.fstat(file).st_size - written)
                raise

    # -- going on

    def _open(self) -> None:
        """Open the file; one that lasts is locked."""
        with self._telling():
            before, self._number = self._number, os.open(self._path, _FLAGS, 0o666)
            if before is not None:
                os.close(before)
            self.lasts = stat.S_ISREG(os.fstat(self._number).st_mode)
            if self.lasts:
                self._path = os.path.realpath(self._path)
                if not _locked(self._number, self._path):
                    raise ArgumentError(
                        f"Another process is writing {self._path}. Wait for it, or name another --output."
                    )

    def _go_on(self, resume: bool) -> None:
        """Take note of the rows that have a result, and rid the file of the other lines."""
        others: Set[int] = set()
        with self._telling(), open(self._path, "rb") as file:
            for place, line in enumerate(file):
                if not resume:
                    raise ArgumentError(f"{self._path} exists. Go on with it by --resume, or name another.")
                if not (place or line.startswith(_BEGINNING) or _BEGINNING.startswith(line)):
                    raise InvalidFile(f"{self._path} was not written by this command. Name another --output.")
                entry = _entry(line)
                if not entry or entry["row"] in self._rows:
                    others.add(place)
                else:
                    self._rows[entry["row"]] = _hash(entry["inputs"])
            if not others:
                return
            file.seek(0)
            beside, mode = self._path + ".resumed", os.fstat(file.fileno()).st_mode
            with open(os.open(beside, _FLAGS | os.O_TRUNC, stat.S_IMODE(mode)), "wb") as copy:
                copy.writelines(line for place, line in enumerate(file) if place not in others)
                copy.flush()
                os.fsync(copy.fileno())
        if os.name == "nt":  # no file that is open can be replaced; elsewhere its lock keeps others away
            self.__exit__()
        with self._telling():
            os.replace(beside, self._path)
        self._open()

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            raise FolderError(
                f"{self._path} cannot be written: {exc.strerror or exc}. Mend that, or name another --output."
            ) from exc


def _entry(line: bytes) -> Dict[str, Any]:
    """The row of a line, if it has a result; else an empty one."""
    with suppress(Exception):  # whatever a torn line holds
        entry: Dict[str, Any] = json.loads(line)
        if line.endswith(b"\n") and entry.keys() >= {"inputs", "result"} and type(entry["row"]) is int:
            return entry
    return {}


def _hash(inputs: Any) -> int:
    return hash(json_of(inputs))


def _locked(number: int, path: str) -> bool:
    """Keep other processes from writing a file, where there are locks; return whether none does."""
    try:
        import fcntl

        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(number), os.stat(path))  # else it was replaced in between
    except BlockingIOError:
        return False
    except (ImportError, OSError):
        return True
