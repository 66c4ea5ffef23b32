"""Tests the SessionHeartbeat of `sessions.py`."""

from __future__ import annotations

import threading
from typing import Any, Callable, Iterator, List

import pytest

from gradio_client_lite.errors import ClientClosed, ConnectFailed, ConnectionLost, ProtocolError, ReadTimeout
from gradio_client_lite.queues.sessions import SessionHeartbeat

from .conftest import ROUTES, base_headers
from .scripted import PATIENCE, ScriptedStream, ScriptedTransport

MakeHeartbeat = Callable[[], SessionHeartbeat]
PAUSES = (0.001, 0.01)


@pytest.fixture
def start(transport: ScriptedTransport) -> Iterator[MakeHeartbeat]:
    """Start heartbeats that hardly wait between attempts; they are stopped after the test."""
    started: List[SessionHeartbeat] = []

    def make() -> SessionHeartbeat:
        scripted: Any = transport
        started.append(SessionHeartbeat(scripted, ROUTES, "session", base_headers, pauses=PAUSES))
        started[-1].start()
        return started[-1]

    yield make
    for heartbeat in started:
        heartbeat.stop()
    transport.offer(ScriptedStream())  # for one that is about to open another


def test_stream_of_the_session_is_held_open(transport: ScriptedTransport, start: MakeHeartbeat) -> None:
    beating = ScriptedStream(b"ALIVE", b"ALIVE")
    transport.offer(beating)
    start()
    assert beating.opened.wait(PATIENCE)
    assert transport.stream_requests[0].url == "http://host/heartbeat/session"
    assert transport.stream_requests[0].headers == {
        "x-base": "1",
        "accept": "text/event-stream",
    }
    assert not beating.closed.is_set()


def test_stop_ends_it_at_once(transport: ScriptedTransport, start: MakeHeartbeat) -> None:
    beating = ScriptedStream(b"ALIVE")
    transport.offer(beating)
    heartbeat = start()
    assert beating.opened.wait(PATIENCE)
    heartbeat.stop()
    heartbeat.stop()
    assert beating.closed.wait(PATIENCE)


@pytest.mark.parametrize(
    "failure",
    [
        ScriptedStream(b""),
        ScriptedStream(ConnectionLost("reset")),
        ScriptedStream(ReadTimeout("silent")),
        ScriptedStream(ProtocolError("malformed chunk")),
        ScriptedStream(status=500),
        ScriptedStream(status=503),
        ScriptedStream(status=429),
        ConnectFailed("refused"),
        ProtocolError("not HTTP"),
    ],
    ids=["ended", "reset", "silent", "malformed", "500", "503", "429", "refused", "not HTTP"],
)
def test_heartbeat_that_breaks_is_opened_again(
    transport: ScriptedTransport, start: MakeHeartbeat, failure: Any
) -> None:
    second = ScriptedStream()
    transport.offer(failure, second)
    start()
    assert second.opened.wait(PATIENCE)


@pytest.mark.parametrize(
    "last", [ScriptedStream(status=404), ScriptedStream(status=401), ClientClosed("closed")], ids=str
)
def test_heartbeat_that_is_not_wanted_is_not_opened_again(
    transport: ScriptedTransport, start: MakeHeartbeat, last: Any
) -> None:
    transport.offer(last)
    start()
    for thread in threading.enumerate():
        if thread.name == "gradio-heartbeat":
            thread.join(PATIENCE / 2)
            assert not thread.is_alive()
    assert transport.opened == 1


def test_refusals_are_answered_by_longer_and_longer_waits(
    transport: ScriptedTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: List[float] = []
    heartbeat = SessionHeartbeat(transport, ROUTES, "session", base_headers, pauses=PAUSES)  # type: ignore[arg-type]

    class Waits:
        def is_set(self) -> bool:
            return len(waits) == 6

        def wait(self, seconds: float) -> None:
            waits.append(seconds)

    monkeypatch.setattr(heartbeat, "_stopped", Waits())
    transport.offer(*[ScriptedStream(status=503) for _ in range(6)])
    heartbeat._run()
    assert waits == [0.001, 0.002, 0.004, 0.008, 0.01, 0.01]


def test_mistake_of_our_own_does_not_end_it(
    transport: ScriptedTransport, start: MakeHeartbeat, caplog: pytest.LogCaptureFixture
) -> None:
    beating = ScriptedStream(b"ALIVE")
    transport.offer(ScriptedStream(ValueError("bad")), beating)
    start()
    assert beating.opened.wait(PATIENCE)
    assert "the heartbeat broke" in caplog.text
