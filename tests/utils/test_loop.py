from __future__ import annotations

import asyncio
import multiprocessing
import os
import subprocess
import sys
import threading
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any, Iterator, List, Type

import pytest

import gradio_client_lite
from gradio_client_lite.errors import ArgumentError, DeadlineExceeded
from gradio_client_lite.utils import loop, synchronize_async

ROOT = str(Path(gradio_client_lite.__file__).parents[1])


@pytest.fixture(autouse=True, scope="module")
def ending_loop() -> Iterator[None]:
    """A loop for these tests, which ends with them."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loop, "_shared", loop.SharedLoop())
        yield
        end(loop._shared)


def end(shared: loop.SharedLoop) -> None:
    """End a loop and its thread."""
    running = shared.loop()
    thread = asyncio.run_coroutine_threadsafe(current_thread(), running).result(10)
    running.call_soon_threadsafe(running.stop)
    thread.join(10)
    running.close()


async def current_thread() -> threading.Thread:
    return threading.current_thread()


async def double(number: int, *, plus: int = 0) -> int:
    await asyncio.sleep(0)
    return 2 * number + plus


def test_result_is_that_of_the_function() -> None:
    assert synchronize_async(double, 3) == 6
    assert synchronize_async(double, 3, plus=1) == 7


def test_what_the_function_raises_is_raised() -> None:
    async def fail() -> None:
        raise LookupError("lost")

    with pytest.raises(LookupError, match="lost"):
        synchronize_async(fail)


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_a_function_that_ends_the_program_ends_no_loop(kind: Type[BaseException]) -> None:
    async def leave() -> None:
        raise kind

    with pytest.raises(kind):
        synchronize_async(leave, timeout=30)
    assert synchronize_async(double, 3, timeout=30) == 6


def test_no_timeout_is_too_long() -> None:
    assert synchronize_async(double, 3, timeout=float("inf")) == 6


def test_a_timeout_of_the_functions_own_is_passed_on() -> None:
    async def fail() -> None:
        raise asyncio.TimeoutError("of its own")

    with pytest.raises(asyncio.TimeoutError, match="of its own"):
        synchronize_async(fail, timeout=30)


def test_after_the_timeout_the_function_is_cancelled() -> None:
    cancelled = threading.Event()

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with pytest.raises(DeadlineExceeded, match=r"wait took longer than timeout=0\.05 seconds"):
        synchronize_async(wait, timeout=0.05)
    assert cancelled.wait(10)


def test_an_interrupt_cancels_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    cancelled = threading.Event()

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    class Interrupted:
        def __init__(self, future: Any) -> None:
            self.cancel = future.cancel

        def result(self, timeout: object) -> None:
            raise KeyboardInterrupt

    run = asyncio.run_coroutine_threadsafe
    monkeypatch.setattr(asyncio, "run_coroutine_threadsafe", lambda *args: Interrupted(run(*args)))
    with pytest.raises(KeyboardInterrupt):
        synchronize_async(wait)
    assert cancelled.wait(10)


def test_it_works_where_another_loop_runs() -> None:
    async def main() -> int:
        return synchronize_async(double, 4)

    assert asyncio.run(main()) == 8


def test_a_function_that_it_runs_must_await() -> None:
    async def again() -> int:
        return synchronize_async(double, 1)

    with pytest.raises(ArgumentError, match="must await"):
        synchronize_async(again)


def test_what_belongs_to_the_loop_works_in_the_next_call() -> None:
    async def make() -> asyncio.Queue[int]:
        return asyncio.Queue()

    queue = synchronize_async(make)
    synchronize_async(queue.put, 7)
    assert synchronize_async(queue.get) == 7


def test_threads_share_one_loop() -> None:
    async def running() -> Any:
        return asyncio.get_running_loop()

    found: List[Any] = []
    threads = [threading.Thread(target=lambda: found.append(synchronize_async(running))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_where_no_thread_starts_the_next_call_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = loop.SharedLoop()
    monkeypatch.setattr(loop, "_shared", shared)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", _no_thread)
        with pytest.raises(RuntimeError, match="no thread"):
            synchronize_async(double, 1)
    assert synchronize_async(double, 1) == 2
    end(shared)


def _no_thread(thread: threading.Thread) -> None:
    raise RuntimeError("no thread")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_forks_child_has_a_loop_of_its_own() -> None:
    assert synchronize_async(double, 1) == 2
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=lambda: sender.send(synchronize_async(double, 5, timeout=10)))
    child.start()
    assert receiver.poll(20)
    assert receiver.recv() == 10
    child.join(10)


def test_the_process_ends_with_a_function_under_way() -> None:
    program = """
import asyncio, sys, threading
sys.path.insert(0, sys.argv[1])
from gradio_client_lite.utils import synchronize_async
begun = threading.Event()
async def wait():
    begun.set()
    await asyncio.sleep(100)
threading.Thread(target=synchronize_async, args=[wait], daemon=True).start()
begun.wait(10)
print("end")
"""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", program, ROOT],
        capture_output=True,
        encoding="utf-8",
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "end\n", "")


def test_a_function_that_was_cancelled_from_within() -> None:
    async def leave() -> None:
        raise asyncio.CancelledError

    with pytest.raises(CancelledError):
        synchronize_async(leave)
