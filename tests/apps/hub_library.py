"""A real library in an environment and a process of its own, talking to the test Hub."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Dict, Iterator, List, Tuple

from hub.detour import certificate
from hub.double import Hub
from hub.state import Recorded

from .environments import ensure
from .pins import Pins
from .surroundings import plain_environ

_WORKER = Path(__file__).with_name("hub_worker.py")
_TIMEOUT = 60.0  # seconds for one operation, the first of which imports the library


class Library:
    """A library at work.

    Attributes:
        name: with its version.
        hub: the Hub it talks to.
    """

    def __init__(self, name: str, process: subprocess.Popen[str], hub: Hub, log: Path) -> None:
        self.name = name
        self.hub = hub
        self._process = process
        self._log = log
        self._answers: queue.Queue[str] = queue.Queue()
        threading.Thread(target=_read, args=(process.stdout, self._answers), daemon=True).start()

    def ask(self, do: str, **arguments: Any) -> Dict[str, Any]:
        """What `hub_worker.perform` answers."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
        self._process.stdin.flush()
        line = self._answers.get(timeout=_TIMEOUT)
        if not line:
            raise RuntimeError(f"the library died:\n{self._log.read_text(encoding='utf-8')[-4000:]}")
        answer: Dict[str, Any] = json.loads(line)
        return answer

    def result(self, do: str, **arguments: Any) -> Any:
        """What came of an operation that must succeed."""
        answer = self.ask(do, **arguments)
        assert "result" in answer, f"{do}: {answer['error']}: {answer['message']}"
        return answer["result"]

    def traced(self, do: str, **arguments: Any) -> Tuple[Dict[str, Any], List[Recorded]]:
        """The answer of an operation, and what it asked the Hub."""
        begin = len(self.hub.requests)
        answer = self.ask(do, **arguments)
        return answer, self.hub.requests[begin:]


@contextmanager
def running(pins: Pins, folder: Path) -> Iterator[Library]:
    """Run a library for as long as the block lasts; its Hub is https://huggingface.co.

    Args:
        pins: its environment, made now if need be.
        folder: an empty folder for its cache and its log.
    """
    trusted = certificate(folder)
    log = folder / "log.txt"
    with Hub(trusted.context) as hub, log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            [ensure(pins), "-I", str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            encoding="utf-8",
            env=_environ(hub, folder, trusted.ca_file),
        )
        try:
            yield Library(pins.name, process, hub, log)
        finally:
            assert process.stdin is not None
            process.kill()
            process.wait()
            process.stdin.close()


def _environ(hub: Hub, folder: Path, ca_file: str) -> Dict[str, str]:
    environ = plain_environ(
        HF_HOME=str(folder / "hf"),
        HF_HUB_DISABLE_TELEMETRY="1",
        HF_HUB_DISABLE_XET="1",
        GRADIO_ANALYTICS_ENABLED="False",
    )
    return {**environ, **hub.environ(ca_file)}


def _read(output: IO[str], answers: queue.Queue[str]) -> None:
    """Hand over each answer, then an empty line when the process has ended."""
    with output:
        for line in output:
            answers.put(line)
    answers.put("")
