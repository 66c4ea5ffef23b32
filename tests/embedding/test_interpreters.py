"""C programs that embed Python start and end interpreters in which the client was used.

A thread that outlives its interpreter crashes the program: always where a sub-interpreter ends, now and then
where the main interpreter is started again.
"""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

import pytest

import gradio_client_lite
from gradio_client_lite import testing

from .pythons import Embeddable, find_compiler, find_embeddable

# Each of them is tried once, whatever runs the suite.
pytestmark = pytest.mark.whole

PATIENCE = 60.0
ROOT = str(Path(gradio_client_lite.__file__).parent.parent)
#: How many interpreters one program starts.
TIMES = 2
#: Isolated sub-interpreters work from this release on. In 3.12.1, which has them too, one that does no more
#: than `import http.client` crashes at its end.
ISOLATED_SINCE = (3, 13)

USE = f"""
import sys
sys.path.insert(0, {ROOT!r})
from gradio_client_lite import Client
client = Client(%r, verbose=False)
assert client.predict("a", api_name="/echo") == "a"
client.submit("b", api_name="/echo", result_callbacks=lambda result: None).result(30)
"""
LIVE = """
jobs = [client.submit("c", api_name="/wait") for _ in range(5)]
for job in jobs[:2]:
    next(job.updates())
"""
STATES = {
    "closed when idle": "client.close()",
    "closed with live jobs": LIVE + "client.close()\nassert all(job.exception(0) for job in jobs)",
    "left open when idle": "",
    "left open with live jobs": LIVE,
    "forgotten": "del client",
}
CASES: List[Tuple[Embeddable, str]] = [
    (python, kind)
    for python in find_embeddable()
    for kind in ("main", "legacy", "isolated")
    if kind != "isolated" or python.release >= ISOLATED_SINCE
]
IDS = ["{}.{}-{}".format(*python.release, kind) for python, kind in CASES]
SUB_CASES = [case for case in CASES if case[1] != "main"]
SUB_IDS = [name for name in IDS if not name.endswith("main")]


class Programs:
    """The C program, built for each Python when it is first asked for.

    Args:
        folder: for what is made.
        url: of the app.
    """

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        self._url = url
        self._built: Dict[Tuple[int, int], Path] = {}
        self._times: Dict[Tuple[Tuple[int, int], str], int] = {}

    def run(
        self, python: Embeddable, kind: str, code: str, *, once: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Use a client and run code, in interpreters of one kind one after the other, or in one alone."""
        times = 1 if once else self._possible(python, kind)
        return self._run(python, kind, USE % self._url + code, times)

    def _possible(self, python: Embeddable, kind: str) -> int:
        """How many interpreters of a kind a program can start, one after the other."""
        key = (python.release, kind)
        if key not in self._times:
            # Python 3.12.1 crashes when a second interpreter imports `datetime`, whoever does.
            alone = self._run(python, kind, "import datetime, http.client, json, logging", TIMES)
            self._times[key] = TIMES if alone.returncode == 0 else 1
        return self._times[key]

    def _run(self, python: Embeddable, kind: str, code: str, times: int) -> subprocess.CompletedProcess[str]:
        program = self._built.get(python.release)
        if program is None:
            program = self._built[python.release] = self._folder / "embed{}.{}".format(*python.release)
            python.build(find_compiler(), program)
        file = self._folder / "code.py"
        file.write_text(code)
        return subprocess.run(
            [program, kind, str(times), file],
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
            env={**os.environ, "PYTHONHOME": python.home},
        )


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    let_go = threading.Event()

    def wait(text: str) -> str:
        let_go.wait(PATIENCE)
        return text

    functions = {"/echo": lambda text: text, "/wait": wait}
    with testing.serve(functions, threads=1000, connect_heartbeat=True) as app:
        yield app.url
        let_go.set()


@pytest.fixture(scope="module")
def programs(url: str, tmp_path_factory: pytest.TempPathFactory) -> Programs:
    return Programs(tmp_path_factory.mktemp("embedding"), url)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(("python", "kind"), CASES, ids=IDS)
def test_interpreter_ends_without_a_crash(
    python: Embeddable, kind: str, state: str, programs: Programs
) -> None:
    done = programs.run(python, kind, STATES[state])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(("python", "kind"), SUB_CASES, ids=SUB_IDS)
def test_sub_interpreter_waits_for_a_callback_that_is_running(
    python: Embeddable, kind: str, programs: Programs
) -> None:
    code = (
        "import time, threading\n"
        "begun = threading.Event()\n"
        "def call_back(result):\n"
        "    begun.set()\n"
        "    time.sleep(2.5)  # longer than the client itself waits\n"
        "    print('over', flush=True)\n"
        "client.submit('d', api_name='/echo', result_callbacks=call_back).result(30)\n"
        "begun.wait(30)\n"
    )
    done = programs.run(python, kind, code, once=True)
    assert (done.returncode, done.stdout) == (0, "over\n")
