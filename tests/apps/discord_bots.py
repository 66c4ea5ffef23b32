"""Deployed Discord bots at work, each in an environment and a process of its own."""

from __future__ import annotations

import queue
import re
import socket
import subprocess
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, Iterator, List, Mapping, Optional, Type

from .dialogue import Dialogue, pass_on
from .environments import ensure
from .pins import DISCORD_BOTS
from .surroundings import plain_environ

_WORKER = Path(__file__).with_name("discord_worker.py")
_TIMEOUT = 90.0  # seconds; the first request waits for Gradio and discord.py to be imported


class Bot:
    """One bot; see `discord_worker.py` for what can be asked of it."""

    def __init__(self, dialogue: Dialogue, log: Path) -> None:
        self.log = log
        self._dialogue = dialogue

    def together(self, *requests: Mapping[str, Any]) -> List[Any]:
        """What comes of requests that are made at the same time."""
        answers: List[Any] = self._dialogue.ask(requests, _TIMEOUT)
        return answers

    def ask(self, do: str, **request: Any) -> Any:
        """What comes of one request."""
        return self.together({"do": do, **request})[0]

    def call(self, command: str, **request: Any) -> List[Dict[str, Any]]:
        """The messages that a command has sent."""
        sent: List[Dict[str, Any]] = self.ask("call", command=command, **request)
        return sent


class Bots:
    """Starts bots, and ends them all."""

    def __init__(self, folder: Path) -> None:
        # Now, as later the environment variables may be those of a test.
        self._pythons = {version: ensure(pins) for version, pins in DISCORD_BOTS.items()}
        self._folder = folder
        self._stack = ExitStack()
        self._count = 0

    def __enter__(self) -> Bots:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._stack.close()

    def start(self, files: Mapping[str, str], **environ: str) -> Bot:
        """Run the bot that was deployed with these files, in the environment its README asks for."""
        folder = self._write(files)
        log = folder / "log.txt"
        command = [self._python_for(files), "-I", str(_WORKER), str(folder / "app.py")]
        dialogue = Dialogue(command, _environ(folder, environ), log)
        self._stack.callback(dialogue.close)
        return Bot(dialogue, log)

    @contextmanager
    def space(self, files: Mapping[str, str]) -> Iterator[str]:
        """Run the app.py as a Space does, for the length of a block; the URL of its page."""
        folder = self._write(files)
        process = subprocess.Popen(
            [self._python_for(files), "-I", "-u", str(folder / "app.py")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            env=_environ(folder, {"GRADIO_SERVER_NAME": "127.0.0.1", "GRADIO_SERVER_PORT": _free_port()}),
        )
        lines: queue.Queue[str] = queue.Queue()
        reader = threading.Thread(target=pass_on, args=(process.stdout, lines), daemon=True)
        reader.start()
        try:
            output = ""
            while not (found := re.search(r"http://[\d.:]+", output)):
                line = lines.get(timeout=_TIMEOUT)
                assert line, f"the bot's page did not start:\n{output}"
                output += line
            yield found[0]
        finally:
            process.kill()
            process.wait()
            reader.join()

    def _write(self, files: Mapping[str, str]) -> Path:
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir()
        (folder / "app.py").write_text(files["app.py"], encoding="utf-8")
        return folder

    def _python_for(self, files: Mapping[str, str]) -> str:
        """The interpreter with the Gradio that the README asks for, and discord.py."""
        found = re.search(r"^sdk_version: (\S+)$", files["README.md"], re.M)
        assert found is not None
        return self._pythons[found[1]]


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def _environ(folder: Path, more: Mapping[str, str]) -> Dict[str, str]:
    own = {"HF_HOME": str(folder / "hf"), "GRADIO_ANALYTICS_ENABLED": "False", "TMPDIR": str(folder)}
    return plain_environ(**{**own, **more})  # not HF_HUB_OFFLINE, since some look for their app at the Hub
