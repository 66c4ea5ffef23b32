"""Who is compared, and the processes that run them: the server and one worker for each client."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Dict, Iterator, List, Optional, TypeVar

from tests.apps.environments import official_client_python, server_python

GRADIO = "6.31.0"

_HERE = Path(__file__).resolve().parent
_START = 120.0  # seconds: a cold import of Gradio on a busy machine takes over ten
_ANSWER = 600.0  # seconds

_P = TypeVar("_P", bound="Process")


@dataclass(frozen=True)
class Contender:
    """One client.

    Args:
        name: what the table calls it.
        module: what has its `Client`.
        python: the interpreter that can import that.
    """

    name: str
    module: str
    python: str


class Gone(Exception):
    """A process ended or did not answer in time."""


def contenders(folder: Path) -> List[Contender]:
    """All of them, ours first, each in an environment of its own; they share one release of Python."""
    latest = official_client_python("2.7.2")
    ours = _install(folder, latest)
    return [
        Contender("ours", "gradio_client_lite", ours),
        Contender("bare", "bare", ours),
        Contender("2.7.2", "gradio_client", latest),
        Contender("1.12.0", "gradio_client", official_client_python("1.12.0")),
    ]


def _install(folder: Path, python: str) -> str:
    """A fresh environment with this package as it is built now; the path of its interpreter."""
    environment = folder / "ours"
    installed = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    uv = [shutil.which("uv")] if shutil.which("uv") else [sys.executable, "-m", "uv"]
    for command in (
        ["venv", "--python", python, str(environment)],
        ["pip", "install", "--python", str(installed), str(_HERE.parent)],
    ):
        subprocess.run([*uv, "--quiet", *command], check=True, env=_environ())
    return str(installed)


def _environ() -> Dict[str, str]:
    """The environment variables of every process: nothing is sent to anybody but the app."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environ.pop("VIRTUAL_ENV", None)
    environ.update(GRADIO_ANALYTICS_ENABLED="False", HF_HUB_OFFLINE="1", NO_PROXY="127.0.0.1")
    # Gradio summarises with pandas, after each call, the events it remembers: its own time, not a client's,
    # and more with every call. Here it remembers few and summarises none.
    environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "100"
    environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = "1000000000"
    return environ


class Process:
    """A script with pipes to its standard input and output."""

    def __init__(self, python: str, script: str, *arguments: str, log: Optional[IO[bytes]] = None) -> None:
        self._process = subprocess.Popen(
            [python, str(_HERE / script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=_environ(),
        )
        self._name = " ".join([script, *arguments])

    def write(self, line: str) -> None:
        """Send one line."""
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def read(self, timeout: float) -> str:
        """The next line.

        Raises:
            Gone: there is none, or not in time; the process is dead then.
        """
        assert self._process.stdout is not None
        alarm = threading.Timer(timeout, self._process.kill)
        alarm.start()
        line = self._process.stdout.readline().decode()
        alarm.cancel()
        if not line:
            raise Gone(f"{self._name} ended or did not answer within {timeout:.0f} s")
        return line

    def __enter__(self: _P) -> _P:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """Run the app; its URL."""
    log = folder / "server.log"
    with log.open("wb") as file, Process(server_python(GRADIO), "app.py", log=file) as process:
        try:
            while not (line := process.read(_START)).startswith("READY"):
                pass
        except Gone as exc:
            raise Gone(f"{exc}; it said:\n{log.read_text(errors='replace')[-4000:]}") from exc
        yield line.split()[1]


class Worker(Process):
    """A process of its own for one client, that answers requests (see worker.py)."""

    def __init__(self, contender: Contender, url: str, log: IO[bytes]) -> None:
        super().__init__(contender.python, "worker.py", contender.module, url, log=log)

    def measure(self, name: str, **arguments: Any) -> Dict[str, Any]:
        """Have something measured; see worker.py for what, and for the answer."""
        self.write(json.dumps({"measure": name, **arguments}))
        answer: Dict[str, Any] = json.loads(self.read(_ANSWER))
        return answer


@dataclass(frozen=True)
class FreshRun:
    """Seconds from the start of a process to its first result, and its memory then in bytes."""

    seconds: float
    memory: int


def fresh_run(contender: Optional[Contender], python: str, url: str, log: IO[bytes]) -> FreshRun:
    """One call in a fresh process; without a contender, no call."""
    arguments = [contender.module, url] if contender else []
    start = time.perf_counter()
    with Process(python, "fresh.py", *arguments, log=log) as process:
        memory = int(process.read(_START))
        return FreshRun(time.perf_counter() - start, memory)
