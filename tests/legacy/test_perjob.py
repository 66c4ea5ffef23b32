"""Tests `perjob.py`, what the drivers of old servers share; more in `test_stream` and `test_socket`."""

from __future__ import annotations

import threading
from typing import Any, Iterator

import pytest
from queues.conftest import ROUTES, base_headers
from queues.scripted import PATIENCE

from gradio_client_lite.errors import ConnectionFailed
from gradio_client_lite.legacy.perjob import Shared


@pytest.fixture
def shared(transport: Any) -> Iterator[Shared]:
    made = Shared(transport, ROUTES, base_headers)
    yield made
    made.stop()


def test_what_is_to_be_sent_is_sent_once(shared: Shared) -> None:
    ran = threading.Semaphore(0)
    for _ in range(100):
        shared.send_soon(ran.release)
    for _ in range(100):
        assert ran.acquire(timeout=PATIENCE)
    shared.stop()
    for thread in threading.enumerate():
        if thread.name == "gradio-sender":
            thread.join(PATIENCE)
    assert not ran.acquire(blocking=False)


def test_what_is_sent_slowly_does_not_hold_up_the_next(shared: Shared) -> None:
    let_go, ran = threading.Event(), threading.Event()
    for _ in range(3):
        shared.send_soon(lambda: let_go.wait(PATIENCE) and None)
    shared.send_soon(ran.set)
    assert ran.wait(PATIENCE)
    let_go.set()


def test_what_no_thread_can_send_fails(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    ran = threading.Event()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fail)
        with pytest.raises(ConnectionFailed, match="thread"):
            shared.send_soon(ran.set)
    done = threading.Event()
    shared.send_soon(done.set)
    assert done.wait(PATIENCE)
    assert not ran.is_set()
