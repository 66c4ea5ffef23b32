"""examples/ui_timer with a host that has nothing but a timer; apps that answer, hang or are not there."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from typing import Any, Callable, Iterator, List

import pytest
from transport.peers import PATIENCE, PeerServer

from gradio_client_lite.testing import App, serve

from .loading import load

panel_module = load("ui_timer/panel.py")


class Host:
    """A user interface: one thread, on which it calls what its timers are set to.

    Attributes:
        shown: the texts, each once.
        steps: seconds that each call on its thread took.
    """

    def __init__(self) -> None:
        self.shown: List[str] = []
        self.steps: List[float] = []
        self._set: List[Callable[[], None]] = []

    def later(self, seconds: float, function: Callable[[], None]) -> None:
        self._set.append(function)

    def show(self, text: str) -> None:
        if text not in self.shown[-1:]:
            self.shown.append(text)

    def do(self, function: Callable[..., Any], *args: Any) -> Any:
        began = time.perf_counter()
        try:
            return function(*args)
        finally:
            self.steps.append(time.perf_counter() - began)

    def until(self, *texts: str) -> None:
        """Let time pass until one of these is shown."""
        ends = time.monotonic() + PATIENCE
        while self.shown[-1] not in texts:
            assert time.monotonic() < ends, self.shown
            self.tick()

    def tick(self) -> bool:
        """Let a little time pass; return whether a timer was set."""
        time.sleep(0.01)
        due, self._set = self._set, []
        for function in due:
            self.do(function)
        return bool(due)


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def app() -> Iterator[App]:
    over = threading.Event()
    with serve({"/shout": str.upper, "/hang": lambda _: over.wait()}) as app:
        yield app
        over.set()


def test_a_closed_panel_keeps_no_client(host: Host, app: App) -> None:
    panel = panel_module.Panel(host.later, host.show, app.url, "/hang")
    host.until("Ready.")
    host.do(panel.run, "hello")
    host.until("PROCESSING…")
    kept = weakref.ref(panel._client)
    host.do(panel.close)
    ends = time.monotonic() + PATIENCE
    while kept() is not None:
        assert time.monotonic() < ends
        host.tick()
        gc.collect()


def test_it_shows_the_result(host: Host, app: App) -> None:
    panel = panel_module.Panel(host.later, host.show, app.url, "/shout")
    host.until("Ready.")
    host.do(panel.run, "hello")
    host.until("HELLO")
    assert host.shown[0] == "Connecting…"
    panel.close()


def test_it_shows_what_goes_on_and_can_be_stopped(host: Host, app: App) -> None:
    panel = panel_module.Panel(host.later, host.show, app.url, "/hang")
    host.until("Ready.")
    host.do(panel.run, "hello")
    host.until("PROCESSING…")
    host.do(panel.stop)
    host.until("Cancelled.")
    panel.close()


def test_a_mistake_is_shown(host: Host, app: App) -> None:
    panel = panel_module.Panel(host.later, host.show, app.url, "/shot")
    host.do(panel.run, "too early")
    assert host.shown[-1] == "Not connected yet."
    panel._show("")
    host.until("Ready.")
    host.do(panel.run, "hello")
    assert "/shot" in host.shown[-1]
    panel.close()


def test_an_app_that_is_not_there_is_told_and_its_timer_ends(host: Host) -> None:
    panel_module.Panel(host.later, host.show, "http://127.0.0.1:9", "/shout")
    while host.tick():
        pass
    assert "was refused" in host.shown[-1]


def test_no_step_waits_for_a_server_that_hangs(host: Host) -> None:
    with PeerServer(lambda peer: peer.request() and peer.closed()) as server:
        panel = host.do(panel_module.Panel, host.later, host.show, server.url, "/shout")
        for _ in range(20):
            host.tick()
        assert host.shown == ["Connecting…"]
        host.do(panel.close)
        while host.tick():
            pass
    # The longest of them may have had to wait for the processor.
    assert sorted(host.steps)[-2] < 0.05
    assert host.steps
