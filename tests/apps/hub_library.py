"""A real library in an environment and a process of its own, talking to the test Hub."""

from __future__ import annotations

from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

from spaces.detour import certificate
from spaces.double import Hub
from spaces.state import Recorded

from .dialogue import Dialogue
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

    def __init__(self, name: str, dialogue: Dialogue, hub: Hub) -> None:
        self.name = name
        self.hub = hub
        self._dialogue = dialogue

    def ask(self, do: str, **arguments: Any) -> Dict[str, Any]:
        """What `hub_worker.perform` answers."""
        answer: Dict[str, Any] = self._dialogue.ask({"do": do, **arguments}, _TIMEOUT)
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
    command = [ensure(pins), "-I", str(_WORKER)]
    with Hub(trusted.context) as hub:
        environ = _environ(hub, folder, trusted.ca_file)
        with closing(Dialogue(command, environ, folder / "log.txt")) as dialogue:
            yield Library(pins.name, dialogue, hub)


def _environ(hub: Hub, folder: Path, ca_file: str) -> Dict[str, str]:
    environ = plain_environ(
        HF_HOME=str(folder / "hf"),
        HF_HUB_DISABLE_TELEMETRY="1",
        HF_HUB_DISABLE_XET="1",
        GRADIO_ANALYTICS_ENABLED="False",
    )
    return {**environ, **hub.environ(ca_file)}
