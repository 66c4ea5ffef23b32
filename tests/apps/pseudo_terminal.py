"""A pseudo-terminal with a command on it, as a person would have it."""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys
import termios
import threading
import time
from types import TracebackType
from typing import List, Optional, Sequence, Tuple, Type

from .surroundings import plain_environ

PROGRAM = ("-m", "gradio_client_lite")
_PATIENCE = 60.0  # seconds for what a command is to do
#: Makes the terminal the one whose keys interrupt the command, which a program can do for itself alone.
_TAKE_IT = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, sys.argv[1:])
"""


class Session:
    """A command that runs on a terminal of its own. A context manager, which ends it.

    Args:
        words: of the command line.
        size: columns and lines.
        piped: what is no terminal: "stdout", "stderr" or both.
        environ: more variables of its environment.
    """

    def __init__(
        self,
        *words: str,
        size: Tuple[int, int] = (80, 24),
        piped: Sequence[str] = (),
        program: Sequence[str] = PROGRAM,
        **environ: str,
    ) -> None:
        self._master, slave = os.openpty()
        self.resize(*size)
        streams = {name: subprocess.PIPE if name in piped else slave for name in ("stdout", "stderr")}
        kept = plain_environ(TERM="xterm", **environ)
        for name in {"NO_COLOR", "COLUMNS", "LINES"} - environ.keys():
            kept.pop(name, None)
        self.process = subprocess.Popen(
            [sys.executable, "-c", _TAKE_IT, "python", *program, *words],
            stdin=slave,
            start_new_session=True,
            env=kept,
            **streams,
        )
        os.close(slave)
        self._read: List[bytes] = []
        self._reader = threading.Thread(target=self._copy, daemon=True)
        self._reader.start()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        exc: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate(timeout=_PATIENCE)
        self._reader.join(_PATIENCE)
        os.close(self._master)

    def _copy(self) -> None:
        while True:
            try:
                content = os.read(self._master, 65536)
            except OSError:  # the command has ended
                return
            if not content:
                return
            self._read.append(content)

    def written(self) -> str:
        """What the terminal got."""
        return b"".join(self._read).decode("utf-8", "replace").replace("\r\n", "\n")

    def wait_for(self, text: str) -> None:
        """Wait until the terminal gets a text."""
        deadline = time.monotonic() + _PATIENCE
        while text not in self.written():
            assert self.process.poll() is None or text in self.written(), self.written()
            assert time.monotonic() < deadline, self.written()
            time.sleep(0.01)

    def press(self, keys: str) -> None:
        """Type something."""
        os.write(self._master, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        """Make the window larger or smaller."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def end(self) -> Tuple[int, str, str]:
        """Wait for the end: the exit code, and what was piped from standard output and error."""
        out, err = self.process.communicate(timeout=_PATIENCE)
        self._reader.join(_PATIENCE)
        return self.process.returncode, (out or b"").decode(), (err or b"").decode()
