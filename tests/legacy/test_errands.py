"""What the drivers of old servers share."""

from __future__ import annotations

import threading

import pytest
from queues.scripted import PATIENCE

from gradio_client_lite.errors import ConnectionFailed
from gradio_client_lite.legacy.perjob import Errands
from gradio_client_lite.workers import Workers


def test_errand_runs_once_though_two_pools_could() -> None:
    workers = Workers(2, "test-worker")
    errands = Errands(workers)
    ran = threading.Semaphore(0)
    for _ in range(100):
        errands.submit(ran.release)
    for _ in range(100):
        assert ran.acquire(timeout=PATIENCE)
    workers.stop()
    errands.stop()
    for thread in threading.enumerate():
        if thread.name in ("test-worker", "gradio-errand"):
            thread.join(PATIENCE)
    assert not ran.acquire(blocking=False)


def test_errand_does_not_wait_for_busy_workers() -> None:
    workers = Workers(1, "test-worker")
    errands = Errands(workers)
    let_go, ran = threading.Event(), threading.Event()
    workers.submit(let_go.wait, PATIENCE)
    errands.submit(ran.set)
    assert ran.wait(PATIENCE)
    let_go.set()
    workers.stop()
    errands.stop()


def test_errand_without_any_thread_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    workers = Workers(1, "test-worker")
    errands = Errands(workers)
    ran = threading.Event()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fail)
        with pytest.raises(ConnectionFailed, match="thread"):
            errands.submit(ran.set)
    errands.submit(lambda: None)
    workers.stop()
    errands.stop()
    assert not ran.is_set()
