"""The official client, in an environment and a process of its own."""

from __future__ import annotations

import queue
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, Optional, Type

from .dialogue import Dialogue
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
        self._dialogue: Optional[Dialogue] = None

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
        if self._dialogue is None:
            self._dialogue = self._start()
        try:
            answer: Dict[str, Any] = self._dialogue.ask(request, _CALL_TIMEOUT)
        except queue.Empty:
            self._stop()
            return {"hung": True}
        except RuntimeError:
            self._stop()
            raise
        return answer

    def _start(self) -> Dialogue:
        downloads = self._folder / "downloads"
        downloads.mkdir(exist_ok=True)
        environ = plain_environ(
            HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1", GRADIO_ANALYTICS_ENABLED="False"
        )
        command = [official_client_python(self.version), "-I", str(_WORKER), str(downloads)]
        return Dialogue(command, environ, self._folder / "log.txt")

    def _stop(self) -> None:
        if self._dialogue is not None:
            self._dialogue.close()
            self._dialogue = None


def _is_lost(answer: Dict[str, Any]) -> bool:
    errors = [call.get("error", {}).get("class") for call in answer.get("calls", ())]
    return "hung" in answer or "CancelledError" in errors or "TimeoutError" in errors
