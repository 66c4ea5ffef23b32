"""Threads that are switched, and garbage that is collected, wherever there can be: `pytest --stress`.

Threads change at each point at which the interpreter asks whether another one wants to go on, which is a
thousand times as often as otherwise. Each allocation collects, so that what is garbage is finalised at once,
on whatever thread and under whatever lock that comes; and now and then the thread that collects gives way to
the others there, in the midst of a critical section or of what should be one.
"""

from __future__ import annotations

import contextlib
import gc
import os
import random
import sys
import threading
import time
from typing import Any, Iterator
from unittest import mock

import pytest

import gradio_client_lite

_PACKAGE = os.path.join(os.path.dirname(gradio_client_lite.__file__), "")


@contextlib.contextmanager
def stressed(seed: int = 0) -> Iterator[None]:
    """Switch and collect as often as can be; `traps.little_to_collect` makes that bearable."""
    chance = random.Random(seed)

    def give_way(phase: str, _: object) -> None:
        if phase == "start" and not chance.getrandbits(6):
            time.sleep(0)

    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    gc.callbacks.append(give_way)
    sys.setswitchinterval(1e-6)
    gc.set_threshold(1)
    try:
        yield
    finally:
        gc.set_threshold(*threshold)
        sys.setswitchinterval(interval)
        gc.callbacks.remove(give_way)


@contextlib.contextmanager
def giving_way(seed: int = 0) -> Iterator[None]:
    """Have threads that start meanwhile give way between lines of the package, wherever the seed says so.

    That is where no interpreter of today switches, and others may: what is right only because of that is
    found. The run's own tracer, such as coverage's, does not see those threads.
    """
    chance = random.Random(seed)

    def step(frame: Any, event: str, _: Any) -> Any:
        if event == "line" and not chance.getrandbits(4):
            time.sleep(1e-6)
        return step

    def begin(frame: Any, event: str, _: Any) -> Any:
        return step if frame.f_code.co_filename.startswith(_PACKAGE) else None

    real = threading.Thread.run

    def run(thread: threading.Thread) -> None:
        while True:
            try:
                sys.settrace(begin)
                break
            except RuntimeError:  # in 3.10 and 3.11, while another thread does the same
                time.sleep(0)
        real(thread)

    with mock.patch.object(threading.Thread, "run", run):
        yield


class Stress:
    """The plugin of pytest: each test, with its fixtures, under stress of its own."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self) -> object:
        gc.collect()
        gc.freeze()  # for good: it is the run's own, and what other tests have left
        with stressed():
            return (yield)
