"""A C program starts and ends interpreters in which the package was used, and nothing is left of them.

Each Python tests itself. A thread that outlives its interpreter crashes the program: always where a
sub-interpreter ends, now and then where the main interpreter is started again. What Python itself leaves or
cannot do is told by a program that does no more than import the same modules.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import threading
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest
import websocket
from faults.badserver import BadServer, Hangup, Peer, Request, reply
from faults.test_old_servers import old_config
from transport import sockets
from transport.conftest import authority, ca_file, wrap

import gradio_client_lite
from gradio_client_lite import testing

from . import life
from .program import PATIENCE, Done, Held, Program

__all__ = ["authority", "ca_file", "wrap"]

FOLDERS = [str(Path(module.__file__ or "").parent.parent) for module in (gradio_client_lite, websocket)]
LIVES = 5
#: What a life may leave of malloc's bytes more than one that only imports. Python 3.9 keeps all names.
MOST_LEFT = 65_536 if sys.version_info < (3, 10) else 8_192
KINDS = ["main", "legacy"]
if sys.version_info >= (3, 13):
    # In 3.12, which has isolated ones too, the process crashes when one has done `import http.client`.
    KINDS.append("isolated")
#: Kinds that are no main interpreter.
SUB_KINDS = KINDS[1:]
LEAVINGS = [
    life.close_when_idle,
    life.close_with_live_jobs,
    life.leave_idle,
    life.leave_live_jobs,
    life.leave_live_sockets,
    life.leave_an_app,
    life.forget,
]


class Programs:
    """Lives of which each calls one function of `life.py`.

    Args:
        program: which runs them.
        servers: the arguments of `life.Servers`.
        folder: for a list of modules.
    """

    def __init__(self, program: Program, servers: List[str], folder: Path) -> None:
        self._program = program
        self._servers = servers
        self._modules = folder / "modules.txt"
        self._possible: dict[str, Done] = {}

    def run(self, kind: str, *functions: Callable[[life.Servers], None]) -> Done:
        return self._program.run(kind, *map(self._code, functions))

    def import_alone(self, kind: str) -> Done:
        """Run lives that import what `life.use` makes use of, and do nothing with it."""
        if not self._modules.exists():
            noting = f"open({str(self._modules)!r}, 'w').write(' '.join(sys.modules))\n"
            done = self._program.run("main", self._code(life.use) + noting)
            assert done.returncode == 0, done
        if kind not in self._possible:
            names = self._modules.read_text().split()
            code = self._path() + f"import importlib\nfor name in {names}: importlib.import_module(name)\n"
            self._possible[kind] = self._program.run(kind, *[code] * LIVES)
        return self._possible[kind]

    def possible(self, kind: str) -> int:
        """How many lives one program can have."""
        alone = self.import_alone(kind)
        if alone.returncode == 0:
            return LIVES
        # Python 3.12.1 crashes when its main interpreter imports `ssl` or `datetime` once more.
        assert sys.version_info[:2] == (3, 12), alone
        return 1

    def _path(self) -> str:
        return f"import sys\nsys.path[:0] = {[str(Path(life.__file__).parent), *FOLDERS]}\n"

    def _code(self, function: Callable[[life.Servers], None]) -> str:
        return self._path() + f"import life\nlife.{function.__name__}(life.Servers(*{self._servers}))\n"


def over_a_socket(peer: Peer, request: Request) -> None:
    """Run a job as Gradio 3.50 does; one that is given "wait" hangs."""
    sockets.begin_job(peer, request)
    data = sockets.read_json(peer)["data"]
    peer.send(sockets.message("process_generating", output={"data": ["partial"]}, success=True))
    if data != ["wait"]:
        peer.send(sockets.message("process_completed", output={"data": data}, success=True) + sockets.close())
    peer.closed()
    raise Hangup


@pytest.fixture(scope="module")
def programs(wrap: Any, ca_file: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    folder, let_go = tmp_path_factory.mktemp("embedding"), threading.Event()

    def count(to: int) -> Iterator[int]:
        yield from range(to)

    functions = {"/echo": lambda text: text, "/count": count, "/wait": lambda text: let_go.wait(PATIENCE)}
    file = {"path": "/made.txt", "meta": {"_type": "gradio.FileData"}}
    with contextlib.ExitStack() as stack:
        app = stack.enter_context(testing.serve(functions, threads=1000, connect_heartbeat=True))
        stack.callback(let_go.set)
        old = stack.enter_context(BadServer(config=old_config(), join=over_a_socket))
        made = {"predict": reply({"data": [file]}), "made.txt": reply(b"made")}
        secure = stack.enter_context(BadServer(wrap=wrap, **made))
        servers = [app.url, old.url, secure.url.replace("http:", "https:"), ca_file, str(folder)]
        yield Programs(Program(folder), servers, folder)


def left(done: Done) -> List[Held]:
    """What was held at the beginning and after each life, but for memory, which is Python's too."""
    return [held._replace(name="", bytes=0) for held in done.held]


def growth(done: Done) -> float:
    """The bytes that a life adds; where a table of Python's grows, one life adds more than the others."""
    lives = [held.bytes for held in done.held if held.name == "life"]
    return statistics.median(after - before for before, after in zip(lives, lives[1:]))


@pytest.mark.parametrize("kind", KINDS)
def test_calls_work_in_every_life_and_leave_nothing(kind: str, programs: Programs) -> None:
    lives = programs.possible(kind)
    done = programs.run(kind, *[life.use] * lives)
    assert (done.returncode, done.printed, done.errors) == (0, "", "")
    assert [held.name for held in done.held].count("life") == lives
    assert left(done) == [Held("", 0, 0, 1, done.held[0].descriptors, 0)] * len(done.held)
    if lives > 1:
        assert growth(done) - growth(programs.import_alone(kind)) < MOST_LEFT


@pytest.mark.parametrize("kind", KINDS)
def test_interpreter_ends_whatever_its_program_leaves(kind: str, programs: Programs) -> None:
    lives = programs.possible(kind)
    leavings = [*LEAVINGS, *([life.leave_live_jobs_to_a_thread] if kind in SUB_KINDS else [])]
    runs = [leavings] if lives > 1 else [[function] for function in leavings]
    for functions in runs:
        done = programs.run(kind, *functions)
        names = [function.__name__ for function in functions]
        assert (done.returncode, done.printed, done.errors) == (0, "", ""), (names, done.held)
        assert left(done) == [Held("", 0, 0, 1, done.held[0].descriptors, 0)] * len(done.held), names


@pytest.mark.parametrize("kind", SUB_KINDS)
def test_sub_interpreter_waits_for_a_callback_that_is_running(kind: str, programs: Programs) -> None:
    done = programs.run(kind, life.leave_a_callback)
    assert (done.returncode, done.printed, done.errors) == (0, "over\n", "")


@pytest.mark.parametrize("leave", [life.leave_a_callback, life.leave_live_jobs_to_a_thread])
def test_main_interpreter_does_not_wait_for_daemons(
    leave: Callable[[life.Servers], None], programs: Programs
) -> None:
    done = programs.run("main", leave)
    assert (done.returncode, done.printed, done.errors) == (0, "", "")


if sys.version_info >= (3, 13):

    def test_interpreter_without_threads_is_refused(programs: Programs) -> None:
        done = programs.run("threadless", *[life.be_refused] * 2)
        assert (done.returncode, done.errors) == (0, "")
        lines = done.printed.splitlines()
        assert len(lines) == 2 * 3
        assert all("allows no threads" in line and "allow_threads=1" in line for line in lines)
