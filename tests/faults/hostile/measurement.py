"""A measurement: what a case comes to, how long it takes, and how much memory at one time.

Memory is what Python's allocator gives, which `tracemalloc` counts. What zlib takes beside it, the
system counts in a process of its own: `resident` runs cases so.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, NamedTuple

from transport.peers import PeerServer

from gradio_client_lite.errors import GradioClientError

from .case import Case, Stage, is_error

_MB = 1_000_000
_TESTS = Path(__file__).parents[2]
_PATIENCE = 10.0
#: What no text of an error may do to the terminal on which it is shown.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class Measurement(NamedTuple):
    """`end` is the error, or the value."""

    end: Any
    seconds: float
    megabytes: float


def measure(case: Case) -> Measurement:
    """Run a case.

    Raises:
        AssertionError: it came to something else than it has to, cost more, or left something behind.
    """
    with contextlib.ExitStack() as stack:
        stage = Stage(stack, Path(stack.enter_context(tempfile.TemporaryDirectory())))
        call = case.act(stage)
        with stage.watched():
            measured = _count(call)
            for holds in stage.checks:
                holds()
    _check_threads()
    check(case, measured)
    return measured


def _count(call: Callable[[], Any]) -> Measurement:
    tracemalloc.start()
    try:
        end, seconds = _run(call)
        return Measurement(end, seconds, tracemalloc.get_traced_memory()[1] / _MB)
    finally:
        tracemalloc.stop()


def _run(call: Callable[[], Any]) -> Any:
    began = time.monotonic()
    end: Any
    try:
        end = call()
    except BaseException as exc:
        end = exc.with_traceback(None)
    return end, time.monotonic() - began


def check(case: Case, measured: Measurement) -> None:
    end, seconds, megabytes = measured
    if is_error(case.ends):
        assert type(end) is case.ends, repr(end)[:500]
        assert isinstance(end, GradioClientError)
        assert re.search(case.text, str(end)), str(end)
        assert len(str(end)) <= end.longest
        assert not _CONTROL.search(str(end)), ascii(end)
    else:
        assert repr(end) == repr(case.ends), repr(end)[:500]
    assert seconds < case.seconds, f"{seconds:.1f} s"
    assert megabytes < case.megabytes, f"{megabytes:.1f} MB"


def _check_threads() -> None:
    """No thread of the package is left."""
    deadline = time.monotonic() + _PATIENCE
    for thread in threading.enumerate():
        if thread.name.startswith("gradio-"):
            thread.join(deadline - time.monotonic())
            assert not thread.is_alive(), thread


# --- in a process of its own


def resident(cases: Iterable[Case]) -> Dict[str, float]:
    """How many megabytes each case takes of the system, by its name."""
    names = [case.name for case in cases]
    command = [sys.executable, "-m", f"{__package__}.measurement"]
    # It finds this very package, wherever that was imported from.
    surroundings = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    run = subprocess.run(
        command,
        input=json.dumps(names),
        capture_output=True,
        text=True,
        cwd=_TESTS,
        env=surroundings,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found: Dict[str, float] = json.loads(run.stdout)
    return found


class _Apart:
    """Runs a server in a child, so that what it takes does not count."""

    def __init__(self, server: PeerServer) -> None:
        self.url = server.url
        gate, self._gate = os.pipe()
        self._child = os.fork()
        if not self._child:
            os.close(self._gate)
            with contextlib.suppress(BaseException), server:
                os.read(gate, 1)
            os._exit(0)
        os.close(gate)
        server._listener.close()

    def __enter__(self) -> _Apart:
        return self

    def __exit__(self, *exc: object) -> None:
        os.close(self._gate)
        os.waitpid(self._child, 0)


def _of_the_system(case: Case) -> float:
    """What a case takes of the system, in megabytes."""
    with contextlib.ExitStack() as stack:
        stage = Stage(stack, Path(stack.enter_context(tempfile.TemporaryDirectory())))
        stage.start = lambda server: stack.enter_context(_Apart(server))  # type: ignore[assignment,method-assign]
        call = case.act(stage)
        gc.collect()
        Path("/proc/self/clear_refs").write_text("5")  # the peak is that of now
        before = _status("VmRSS")
        _run(call)
        return (_status("VmHWM") - before) / 1000


def _status(name: str) -> int:
    """A field of this process's status, in kB."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1])


def _in_child(case: Case) -> float:
    receiver, sender = os.pipe()
    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            os.write(sender, json.dumps(_of_the_system(case)).encode())
        os._exit(0)
    os.close(sender)
    with open(receiver, encoding="ascii") as pipe:
        told = pipe.read()
    os.waitpid(child, 0)
    return float(told)


if __name__ == "__main__":
    from .table import CASES

    cases = {case.name: case for case in CASES}
    json.dump({name: _in_child(cases[name]) for name in json.load(sys.stdin)}, sys.stdout)
