"""A script in an environment and a process of its own, which answers each line of JSON with another."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from pathlib import Path
from typing import IO, Any, List, Mapping


class Dialogue:
    """Starts the script; `close` ends it.

    Args:
        command: the interpreter, the script and its arguments.
        environ: its environment variables.
        log: the file that what it says on standard error is added to.
    """

    def __init__(self, command: List[str], environ: Mapping[str, str], log: Path) -> None:
        self._name = Path(command[2]).name
        self._log = log
        with log.open("a", encoding="utf-8") as output:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                encoding="utf-8",
                env=environ,
            )
        self._answers: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(
            target=pass_on, args=(self._process.stdout, self._answers), daemon=True
        )
        self._reader.start()

    def ask(self, request: Any, timeout: float) -> Any:
        """The answer to a request.

        Raises:
            queue.Empty: it did not come within that many seconds.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._answers.get(timeout=timeout)
        if not line:
            said = self._log.read_text(encoding="utf-8")
            raise RuntimeError(f"{self._name} died; its output ends:\n{said[-4000:]}")
        return json.loads(line)

    def close(self) -> None:
        """End the process, whatever it does."""
        assert self._process.stdin is not None
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._reader.join()


def pass_on(output: IO[str], lines: queue.Queue[str]) -> None:
    """Hand over each line, then an empty one when the process has ended."""
    with output:
        for line in output:
            lines.put(line)
    lines.put("")
