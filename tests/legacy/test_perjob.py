"""Tests `perjob.py`, what the drivers of old servers share; more in `test_stream` and `test_socket`."""

from __future__ import annotations

import threading
from typing import Any, Callable, Iterator, List

import pytest
from queues.conftest import ROUTES, base_headers
from queues.scripted import PATIENCE

from gradio_client_lite.errors import ConnectionFailed
from gradio_client_lite.legacy.perjob import Shared
from gradio_client_lite.workers import Workers


@pytest.fixture
def make(transport: Any) -> Iterator[Callable[[int], Shared]]:
    """Makes what sessions share, with so many workers."""
    made: List[Any] = []

    def run(workers: int) -> Shared:
        made.append(Workers(workers, "test-worker"))
        made.append(Shared(transport, ROUTES, base_headers, made[-1]))
        return made[-1]

    yield run
    for one in made:
        one.stop()


def test_what_is_to_be_sent_is_sent_once_though_two_pools_could(make: Callable[[int], Shared]) -> None:
    shared = make(2)
    ran = threading.Semaphore(0)
    for _ in range(100):
        shared.send_soon(ran.release)
    for _ in range(100):
        assert ran.acquire(timeout=PATIENCE)
    shared._workers.stop()
    shared.stop()
    for thread in threading.enumerate():
        if thread.name in ("test-worker", "gradio-sender"):
            thread.join(PATIENCE)
    assert not ran.acquire(blocking=False)


def test_what_is_to_be_sent_does_not_wait_for_busy_workers(make: Callable[[int], Shared]) -> None:
    shared = make(1)
    let_go, ran = threading.Event(), threading.Event()
    shared._workers.submit(let_go.wait, PATIENCE)
    shared.send_soon(ran.set)
    assert ran.wait(PATIENCE)
    let_go.set()


def test_what_no_thread_can_send_fails(
    make: Callable[[int], Shared], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    shared = make(1)
    ran = threading.Event()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fail)
        with pytest.raises(ConnectionFailed, match="thread"):
            shared.send_soon(ran.set)
    shared.send_soon(lambda: None)
    shared._workers.stop()
    shared.stop()
    assert not ran.is_set()
