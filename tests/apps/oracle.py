"""The official client, in an environment and a process of its own."""

from __future__ import annotations

import json
import queue
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Dict, Optional, Type

from .environments import official_client_python
from .oracle_worker import JOB_TIMEOUT
from .surroundings import plain_environ

_WORKER = Path(__file__).with_name("oracle_worker.py")
_CALL_TIMEOUT = JOB_TIMEOUT + 30  # seconds; the worker gives up on a job before that
_RETRIES = 4


class Oracle:
    """What the official client makes of the same calls.

    Args:
        version: a key of `pins.OFFICIAL_CLIENTS`; its environment is made if need be.
        folder: an empty folder for its downloads and its log.
    """

    def __init__(self, version: str, folder: Path) -> None:
        self.version = version
        self._folder = folder
        self._process: Optional[subprocess.Popen[str]] = None
        self._answers: queue.Queue[str] = queue.Queue()

    def __enter__(self) -> Oracle:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._stop()

    def perform(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """The answer of `oracle_worker.Caller.perform`, or {"hung": True} if the client never returned.

        The official client sometimes loses a job: when a server closes the stream while the next job
        joins, the job ends in CancelledError or not at all. What it meant to do is then asked again.
        """
        answer = self._ask(request)
        for _ in range(_RETRIES):
            if request["method"] == "cancel" or not _is_lost(answer):
                break
            answer = self._ask({**request, "fresh": True})
        return answer

    def _ask(self, request: Dict[str, Any]) -> Dict[str, Any]:
        if self._process is None:
            self._start()
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        try:
            line = self._answers.get(timeout=_CALL_TIMEOUT)
        except queue.Empty:
            self._stop()
            return {"hung": True}
        if not line:
            self._stop()
            log = self._folder / "log.txt"
            raise RuntimeError(
                f"gradio_client {self.version} died:\n{log.read_text(encoding='utf-8')[-4000:]}"
            )
        answer: Dict[str, Any] = json.loads(line)
        return answer

    def _start(self) -> None:
        downloads = self._folder / "downloads"
        downloads.mkdir(exist_ok=True)
        environ = plain_environ(
            HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", GRADIO_ANALYTICS_ENABLED="False"
        )
        with (self._folder / "log.txt").open("a", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                [official_client_python(self.version), "-I", str(_WORKER), str(downloads)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                encoding="utf-8",
                env=environ,
            )
        self._answers = queue.Queue()
        threading.Thread(target=_read, args=(self._process.stdout, self._answers), daemon=True).start()

    def _stop(self) -> None:
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.kill()
            self._process.wait()
            self._process.stdin.close()
            self._process = None


def _is_lost(answer: Dict[str, Any]) -> bool:
    errors = [call.get("error", {}).get("class") for call in answer.get("calls", ())]
    return "hung" in answer or "CancelledError" in errors or "TimeoutError" in errors


def _read(output: IO[str], answers: queue.Queue[str]) -> None:
    """Hand over each answer, then an empty line when the process has ended."""
    with output:
        for line in output:
            answers.put(line)
    answers.put("")
