from __future__ import annotations

import contextlib
import threading
import time
from typing import Any, Callable, Dict, Iterator, Mapping

import pytest

from gradio_client_lite.queues.session import SessionQueue
from gradio_client_lite.wire.urls import Routes

from .scripted import PATIENCE, Joins, ScriptedTransport

ROUTES = Routes("http://host/")


def base_headers(call: Mapping[str, str]) -> Dict[str, str]:
    return {"x-base": "1", **call}


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    """Every test ends with the threads it began with."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        limit = time.monotonic() + PATIENCE
        # Listed but not alive: another one is just starting it. It cannot be joined yet.
        while thread in threading.enumerate() and not thread.is_alive() and time.monotonic() < limit:
            time.sleep(0.001)
        # Alive but not listed: it is just ending.
        if thread.is_alive():
            thread.join(PATIENCE)
        assert not thread.is_alive(), thread


@pytest.fixture
def transport() -> ScriptedTransport:
    """One that answers joins with e0, e1, …"""
    made = ScriptedTransport()
    made.on("join", Joins())
    return made


@pytest.fixture
def make_queue(transport: ScriptedTransport) -> Iterator[Callable[..., SessionQueue]]:
    """Make session queues over the transport; they are closed after the test."""
    with contextlib.ExitStack() as stack:

        def make(**options: Any) -> SessionQueue:
            options = {"grace": PATIENCE, "idle_timeout": PATIENCE, **options}
            scripted: Any = transport
            made = SessionQueue(scripted, ROUTES, "session", base_headers, **options)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def session(make_queue: Callable[..., SessionQueue]) -> SessionQueue:
    """A queue whose graces and idle timeouts do not pass during a test."""
    return make_queue()
