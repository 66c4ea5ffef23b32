"""What the package does with its locks, watched while all tests run: `pytest --lock-order`.

Each lock that the package makes is a `WatchedLock`, named for where it is kept, such as
`jobs/future.CallFuture._changed`; so is the lock in each of its Conditions and Futures. A test during which
something is found that breaks the rules of `lock_watch` fails. The last lines of the run are the graph.

`ORDER` is the order of docs/architecture.md. What breaks a rule with reason is in `PERMITTED`, and what only
looks like a lock in `NO_LOCKS`. A child process is not watched, nor are locks that `traps` has replaced.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import gc
import os
import sys
import threading
from typing import Any, Callable, Dict, FrozenSet, Iterator, Optional, Tuple

import pytest
from lock_watch import FUTURE, LockWatch, WatchedLock, name_of

import gradio_client_lite

_PACKAGE = os.path.join(os.path.dirname(gradio_client_lite.__file__), "")
_FUTURES = concurrent.futures.Future.__init__.__code__.co_filename

#: From the outermost inwards: a lock may be taken while those of the lines above are held, never with another
#: of its own line.
ORDER: Tuple[FrozenSet[str], ...] = (
    frozenset(
        {
            "queues/session.SessionQueue._changed",
            "legacy/perjob.PerJobQueue._lock",
            "legacy/multiplexer.Multiplexer._lock",
            "transport/response.StreamingResponse._reading",
            "testing/queue.Queue._lock",
            "utils/loop.SharedLoop._lock",
        }
    ),
    frozenset(
        {"jobs/future.CallFuture._changed", "testing/queue.Mailbox._changed", "testing/flaky.Flaky._lock"}
    ),
    frozenset({"jobs/future.CallFuture._end_unheard.changed"}),
    frozenset({FUTURE, "transport/response.StreamingResponse._owning", "transport/pool.Pool._lock"}),
    frozenset({"transport/liveness.Liveness._lock", "workers.Workers._ready", "threads._starting"}),
)

#: What is made of a lock but guards nothing: by name, why.
NO_LOCKS: Dict[str, str] = {
    "threads.Threads.pause.gate": "a pause is the wait for it; whoever ends the pause lets it go",
    "app/connecting.Connecting._cancelling": "a flag: the first who cancels takes it, for good",
    "batch/mapping.Batch._asked": "a flag: whoever asks meanwhile is refused, and never waits",
}

_STARTS = (
    frozenset({"start"}),
    "a thread that starts is waited for, and needs none of these until it has begun",
)
#: What may be done while a lock is held: by its name, kinds of `Fault`, and why.
PERMITTED: Dict[str, Tuple[FrozenSet[str], str]] = {
    "threads._starting": _STARTS,
    "queues/session.SessionQueue._changed": _STARTS,
    "legacy/multiplexer.Multiplexer._lock": (
        frozenset({"start", "socket"}),
        "likewise; and a byte wakes its thread, through a pair of sockets that never block",
    ),
    "transport/response.StreamingResponse._reading": (
        frozenset({"start", "socket", "wait", "log"}),
        "held by whoever reads an answer, as nobody else can meanwhile; breaking it off does not ask for it",
    ),
    "utils/loop.SharedLoop._lock": _STARTS,
    "compat/finder._lock": (
        frozenset({"wait"}),
        "an import waits for another thread that imports the same, which takes none of ours",
    ),
    "files/handle.StreamSource._lock": (
        frozenset({"program"}),
        "seeking in a file object of the program and reading from there are one step",
    ),
}

#: Functions of tests that stand for what the package or Python has there, and what they do: by file, names.
DOUBLES: Dict[str, FrozenSet[str]] = {
    "calls.py": frozenset({"done"}),  # of a call
    "peers.py": frozenset({"__call__"}),  # of a clock
    "requests.py": frozenset({"<lambda>"}),  # a clock
    "test_cancelling.py": frozenset({"start"}),  # of a thread
    "test_cookies.py": frozenset({"read"}),  # a clock
    "test_file_theft.py": frozenset({"wrapper"}),  # around functions of the package
    "test_job.py": frozenset({"look", "is_file", "slowly", "no_thread", "discard"}),  # parts of the package
    "test_liveness.py": frozenset({"none", "interrupted"}),  # starts of threads
    "test_loop.py": frozenset({"_no_thread"}),
    "test_multiplexer.py": frozenset({"fail"}),  # the start of a thread
    "test_perjob.py": frozenset({"fail"}),
    "test_process.py": frozenset({"interrupt"}),  # a signal
    "test_progress.py": frozenset({"__call__", "__getattr__"}),  # a clock, and a socket
    "test_request.py": frozenset({"recv_into"}),  # of a socket
    "test_restless_streams.py": frozenset({"forever"}),  # a stream, closed with the error that kept it
    "test_session.py": frozenset({"refuse", "interrupt"}),  # starts of threads
    "test_stream.py": frozenset({"recv_into"}),  # of a socket
    "test_threads.py": frozenset({"refuse"}),  # starts of threads
    "test_tls.py": frozenset({"<lambda>", "__init__"}),  # of an SSLContext
    "test_waiting.py": frozenset({"method"}),  # of a socket or a lock
    "test_workers.py": frozenset({"refuse", "interrupt"}),  # starts of threads
}

_RANKS = {name: rank for rank, names in enumerate(ORDER) for name in names}


def switch_on(config: pytest.Config) -> None:
    """Watch from now on until the run has ended."""
    plugin = LockOrder(LockWatch(_PACKAGE, _RANKS, PERMITTED, DOUBLES))
    watching = contextlib.ExitStack()
    watching.enter_context(watched(plugin.watch))
    config.add_cleanup(watching.close)
    config.pluginmanager.register(plugin)


class LockOrder:
    """The plugin of pytest; see `LockWatch`."""

    def __init__(self, watch: LockWatch) -> None:
        self.watch = watch
        self._told = 0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        """Fail the test that is over by now for what was found since the one before it."""
        report: pytest.TestReport = yield
        new = self.watch.faults[self._told :] if call.when == "teardown" else []
        self._told += len(new)
        if new:
            report.outcome = "failed"
            report.longrepr = "\n".join(map(str, new))
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Any:
        """Fail the run for what was found behind the last test."""
        if len(self.watch.faults) > self._told:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return (yield)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        terminalreporter.section("locks")
        for line in self.watch.lines():
            terminalreporter.line(line)


@contextlib.contextmanager
def watched(watch: LockWatch) -> Iterator[None]:
    """Watch every lock that the package makes meanwhile, and those of its modules."""
    reals = {"Lock": threading.Lock, "RLock": threading.RLock}

    def maker(kind: str) -> Callable[[], Any]:
        def make() -> Any:
            real = reals[kind]()
            name = _name(sys._getframe(1))
            return real if name is None else WatchedLock(watch, name, real, reentrant=kind == "RLock")

        return make

    for kind in reals:
        setattr(threading, kind, maker(kind))
    gc.callbacks.append(watch.collects)
    kinds = tuple(type(real()) for real in reals.values())
    for place, owner in list(_owners()):
        for kept, lock in list(vars(owner).items()):
            if isinstance(lock, kinds):
                reentrant = hasattr(lock, "_is_owned")
                setattr(owner, kept, WatchedLock(watch, f"{place}.{kept}", lock, reentrant=reentrant))
    try:
        yield
    finally:
        gc.callbacks.remove(watch.collects)
        for kind, real in reals.items():
            setattr(threading, kind, real)


def _owners() -> Iterator[Tuple[str, Any]]:
    """The package's modules, and the objects that live as long as they do, each with what names it."""
    for path, module in list(sys.modules.items()):
        if path.startswith(gradio_client_lite.__name__):
            place = path.partition(".")[2].replace(".", "/")
            yield place, module
            for one in filter(_is_object, list(vars(module).values())):
                yield f"{place}.{type(one).__name__}", one


def _is_object(value: Any) -> bool:
    """Whether it is one of the package's objects that live as long as a module."""
    of = getattr(type(value), "__module__", "")
    return (
        of.startswith(gradio_client_lite.__name__)
        and hasattr(value, "__dict__")
        and not isinstance(value, type)
    )


def _name(frame: Any) -> Optional[str]:
    """The name of a lock that is being made; None for what is not watched, such as an Event's."""
    while frame.f_code.co_filename == threading.__file__:
        if not isinstance(frame.f_locals.get("self"), threading.Condition):
            return None
        frame = frame.f_back
    of_future = frame.f_code.co_filename == _FUTURES
    while frame.f_code.co_filename == _FUTURES:
        frame = frame.f_back
    if not frame.f_code.co_filename.startswith(_PACKAGE):
        return None
    name = FUTURE if of_future else name_of(frame, _PACKAGE)
    return None if name in NO_LOCKS else name
