"""Many inputs for an app that is too busy, breaks, or is away; and the end of what waits for it."""

from __future__ import annotations

import contextlib
import gc
import itertools
import json
import os
import threading
import time
from typing import Any, Callable, List

import pytest
from traps import Traps, little_to_collect, trapped

from gradio_client_lite import Client, testing
from gradio_client_lite.batch import lane as lane_module
from gradio_client_lite.errors import QueueError, StreamLost, TooManyRequestsError

from .badserver import PATIENCE, BadServer, Behaviour, Peer, Request, hang_up, reply, reset, silent
from .test_calling import wait_until
from .test_finalisers import LONG, VICTIMS, Ring, within
from .test_process import in_child, run_python

Serve = Callable[..., BadServer]
Connect = Callable[..., Client]

FULL = reply({"detail": "Queue is full."}, "503 Service Unavailable")


@pytest.fixture(autouse=True)
def _short_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_module, "RESTS", [0.02, 0.1])


def at_first(times: int, bad: Behaviour, good: Behaviour) -> Behaviour:
    """Behave badly so many times."""
    left = itertools.count(times, -1)
    return lambda peer, request: (bad if next(left) > 0 else good)(peer, request)


@pytest.mark.parametrize("bad", [FULL, hang_up, reset, reply(b"", "502 Bad Gateway")])
def test_what_may_go_well_later_is_called_again(serve: Serve, connect: Connect, bad: Behaviour) -> None:
    server = serve()
    server.behave(predict=at_first(7, bad, server._predict))
    rows = list(connect(server.url).map(map(str, range(20)), api_name="/direct", retries=7, rows=True))
    assert [row.result for row in rows] == [str(n) for n in range(20)]
    assert sum(row.attempts for row in rows) == 20 + 7


def test_lost_streams_are_called_again(serve: Serve, connect: Connect) -> None:
    server = serve()
    server.behave(data=at_first(2, hang_up, server._data))
    client = connect(server.url)
    assert list(client.map(["a", "b"], api_name="/echo", retries=5)) == ["a", "b"]


def test_last_error_is_the_one_that_is_raised(serve: Serve, connect: Connect) -> None:
    server = serve(predict=FULL)
    with pytest.raises(QueueError):
        next(connect(server.url).map(["a"], api_name="/direct", retries=2))
    assert server.routes().count("predict") == 3


def test_what_waiting_does_not_mend_is_not_called_again(serve: Serve, connect: Connect) -> None:
    server = serve(predict=reply({"error": "no"}, "500 Internal Server Error"))
    results = list(connect(server.url).map(["a"], api_name="/direct", retries=5, on_error="return"))
    assert isinstance(results[0], Exception)
    assert server.routes().count("predict") == 1


def test_pause_that_the_server_asks_for_is_kept_by_all_calls(serve: Serve, connect: Connect) -> None:
    server = serve()
    times: List[float] = []

    def predict(peer: Peer, request: Request) -> None:
        times.append(time.monotonic())
        if len(times) == 1:
            reply(b"", "429 Too Many Requests", retry_after="1")(peer, request)
        else:
            server._predict(peer, request)

    server.behave(predict=predict)
    client = connect(server.url)
    results = list(client.map(map(str, range(5)), api_name="/direct", max_in_flight=1, retries=1))
    assert results == [str(n) for n in range(5)]
    assert times[1] - times[0] >= 1.0
    assert len(times) == 6


def test_error_that_asks_for_too_long_a_pause_is_final(serve: Serve, connect: Connect) -> None:
    server = serve(predict=reply(b"", "429 Too Many Requests", retry_after="86400"))
    with pytest.raises(TooManyRequestsError) as caught:
        next(connect(server.url).map(["a"], api_name="/direct", retries=5, max_pause=60))
    assert caught.value.retry_after == 86400.0
    assert server.routes().count("predict") == 1


def test_queue_with_three_places_gets_all_calls_through(serve: Serve, connect: Connect) -> None:
    places, refused = threading.Semaphore(3), []
    server = serve()

    def predict(peer: Peer, request: Request) -> None:
        if places.acquire(blocking=False):
            time.sleep(0.01)
            places.release()
            server._predict(peer, request)
        else:
            refused.append(json.loads(request.body)["data"])
            FULL(peer, request)

    server.behave(predict=predict)
    client = connect(server.url)
    inputs = [str(n) for n in range(100)]
    assert list(client.map(inputs, api_name="/direct", retries=20, max_in_flight=20)) == inputs
    assert len(refused) < 90  # 17 for the first twenty, then one for every few that go well


def test_app_that_is_away_is_left_for_another_one(serve: Serve, connect: Connect) -> None:
    there, away = serve(), serve(predict=hang_up)
    a, b = connect(there.url), connect(away.url)
    away.stop_listening()
    inputs = [str(n) for n in range(50)]
    assert list(b.map(inputs, api_name="/direct", clients=[a], retries=3)) == inputs
    # Without a second try those are lost that it was given before it was known to be away, and when looked at
    # again.
    errors = list(b.map(inputs, api_name="/direct", clients=[a], on_error="return"))
    assert 0 < sum(isinstance(error, ConnectionError) for error in errors) < 25


def test_app_that_is_away_ends_it(serve: Serve, connect: Connect) -> None:
    server = serve(predict=hang_up)
    client = connect(server.url)
    server.stop_listening()
    with pytest.raises(ConnectionError):
        list(client.map(["a", "b"], api_name="/direct", retries=2))


def test_calls_under_way_are_cancelled_at_the_server(serve: Serve, connect: Connect) -> None:
    server = serve()
    server.behave(data=server.all_but("b"))
    client = connect(server.url)
    results = client.map(["a", "b", "b"], api_name="/echo", ordered=False)
    assert next(results) == "a"
    results.close()
    wait_until(lambda: {"cancel", "reset"} & set(server.routes()))


def test_calls_that_were_joining_are_cancelled_at_the_server_before_their_client_is_closed(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, let_go = serve(), threading.Event()
    server.behave(join=lambda peer, request: let_go.wait(PATIENCE) and server._join(peer, request))
    client = connect(server.url)
    results = client.map(["a", "b"], api_name="/echo")
    assert (results._begin_one(), results._begin_one()) == (True, True)
    wait_until(lambda: server.routes().count("join") == 2)

    def interrupt(_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(results), "_wait", interrupt)
    with pytest.raises(KeyboardInterrupt):
        next(results)
    sessions = client._calls.sessions
    monkeypatch.setattr(sessions, "close", lambda: (type(sessions).close(sessions), let_go.set()))
    client.close()
    told = {body["event_id"] for route, body in server.told if route in ("cancel", "reset")}
    assert told == {"e0", "e1"}


# --- the process


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_forked_child_is_told_that_the_calls_go_on_in_its_parent(serve: Serve, connect: Connect) -> None:
    server, let_go = serve(), threading.Event()
    server.behave(predict=lambda peer, request: let_go.wait(PATIENCE) and server._predict(peer, request))
    results = connect(server.url).map(["a", "b"], api_name="/direct", on_error="return")
    assert (results._begin_one(), results._begin_one()) == (True, True)
    wait_until(lambda: server.routes().count("predict") == 2)
    assert in_child(lambda: [type(error) for error in results] == [StreamLost, StreamLost])
    let_go.set()
    assert list(results) == ["a", "b"]


def test_interpreter_that_ends_ends_the_wait(serve: Serve) -> None:
    server = serve(predict=silent)
    code = """
import atexit, time
def use():
    print([type(error).__name__ for error in results])
atexit.register(use)  # runs after the client was closed
from gradio_client_lite import Client
client = Client(sys.argv[1], verbose=False)
results = client.map(["a"], api_name="/direct", on_error="return")
results._begin_one()
"""
    done = run_python(code, server.url, options=[])
    assert (done.stdout.strip(), done.stderr) == ("['ClientClosed']", "")


def test_forgotten_batches_take_no_lock_in_any_critical_section(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()
    with contextlib.ExitStack() as stack:
        stack.enter_context(little_to_collect())
        # No call ends by itself, however long this takes: the calls that live are those nobody has forgotten.
        functions = {"/echo": lambda text: text, "/wait": lambda text: let_go.wait()}
        app = stack.enter_context(testing.serve(functions, threads=300))
        client = stack.enter_context(Client(app.url, verbose=False))
        stack.callback(let_go.set)
        rings: List[Any] = []
        for _ in range(VICTIMS):
            results = client.map(["a"], api_name="/wait")
            results._begin_one()
            rings.append(Ring(results))
        del results
        traps = Traps(rings.pop)

        def use() -> None:
            with Client(app.url, verbose=False) as other:
                assert list(other.map(["a", "b"], api_name="/echo")) == ["a", "b"]

        with trapped(traps, monkeypatch):
            traps.armed = True
            for _ in range(5):  # a critical section is passed over while another thread collects
                if "jobs/future.py" not in traps.modules():
                    within(2 * LONG, use)
        assert traps.taken == []
        assert "jobs/future.py" in traps.modules()
        assert 0 < len(rings) < VICTIMS
        # Both are counted anew each time: a thread may be about to drop one, in a section it came to before.
        wait_until(lambda: gc.collect() >= 0 and len(client._calls.live.jobs) == len(rings), LONG)
        rings.clear()
