"""What one call passes on its way: whoever reads the code along it has to open so many modules, and no more.

One warm queued `predict` against the embedded app is watched on all threads. What the app itself does is not
counted, though it runs in the same process.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from typing import Any, Dict, Iterator, Optional, Set

import pytest

import gradio_client_lite
from gradio_client_lite import Client
from gradio_client_lite.testing import App, serve

#: How many modules it may pass, with that of messages that are faster than the answer of their join. Make it
#: smaller where you can.
MOST_MODULES = 23

_PACKAGE = os.path.dirname(gradio_client_lite.__file__) + os.sep
_APP = _PACKAGE + "testing" + os.sep


class Watch:
    """Notes the functions of the package that are called while it is armed, by module.

    From Python 3.12 on it can watch threads that run already. Before, it watches the caller's and those that
    start in its block, so what is to be watched is made there.
    """

    def __init__(self) -> None:
        self.armed = False
        self.passed: Dict[str, Set[str]] = {}

    def __enter__(self) -> Watch:
        if sys.version_info >= (3, 12):
            threading.setprofile_all_threads(self._note)
        else:
            threading.setprofile(self._note)
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        if sys.version_info >= (3, 12):
            threading.setprofile_all_threads(None)
        else:
            threading.setprofile(None)  # type: ignore[arg-type]

    def _note(self, frame: Any, event: str, _: Any) -> None:
        path = frame.f_code.co_filename
        if self.armed and event == "call" and path.startswith(_PACKAGE) and not _is_of_app(frame):
            module = path[len(_PACKAGE) :].replace(os.sep, "/")
            name = getattr(frame.f_code, "co_qualname", frame.f_code.co_name)  # from Python 3.11 on
            self.passed.setdefault(module, set()).add(name)

    def __str__(self) -> str:
        lines = [f"{module}: {', '.join(sorted(names))}" for module, names in sorted(self.passed.items())]
        return "\n".join([f"{len(lines)} modules", *lines])


def _is_of_app(frame: Any) -> bool:
    """Whether the embedded app has called it."""
    above: Optional[Any] = frame
    while above is not None:
        if above.f_code.co_filename.startswith(_APP):
            return True
        above = above.f_back
    return False


@pytest.fixture
def app() -> Iterator[App]:
    with serve({"/echo": lambda text: text}) as made:
        yield made


def test_one_call_passes_few_modules(app: App) -> None:
    with Watch() as watch, Client(app.url, verbose=False) as client:
        for _ in range(3):
            assert client.predict("a", api_name="/echo") == "a"
        time.sleep(0.2)  # the reader of the stream goes on for a moment
        watch.armed = True
        assert client.predict("a", api_name="/echo") == "a"
        time.sleep(0.2)
        watch.armed = False
    needed = {"client.py", "jobs/future.py", "queues/session.py", "transport/pool.py"}
    assert needed <= watch.passed.keys(), str(watch)
    assert len(watch.passed) <= MOST_MODULES, str(watch)
