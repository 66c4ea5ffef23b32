"""A stream that a proxy cuts without telling the server, as cuts behind proxies look for a while."""

from __future__ import annotations

import threading
import time

import pytest
from faults.chaos.proxy import FaultProxy

from gradio_client_lite import Client, Job, Limits
from gradio_client_lite.errors import EventTooLarge, StreamLost
from gradio_client_lite.queues import session as session_module
from gradio_client_lite.queues.stream import Times
from gradio_client_lite.updates import Status

from .servers import Server

_DEADLINE = 60.0  # seconds, for what takes a few


def _start(client: Client, seconds: float) -> Job:
    """A job that runs when this returns."""
    job = client.submit(seconds, api_name="/slow")
    next(update for update in job.updates(_DEADLINE) if update["code"] is Status.PROCESSING)
    return job


@pytest.mark.servers("4.16.0", "4.44.1", "6.31.0")
def test_calls_after_a_cut_get_their_results_in_another_session(file_server: Server) -> None:
    with FaultProxy(file_server.port) as proxy, Client(proxy.url, verbose=False, stream_grace=1.0) as client:
        before = client.session_hash
        lost = _start(client, 3)
        proxy.cut(tell_server=False)
        assert isinstance(lost.exception(_DEADLINE), StreamLost)
        assert client.session_hash != before
        jobs = [client.submit(seconds, api_name="/slow") for seconds in (2, 0.1)]
        assert jobs[1].result(_DEADLINE) == 0.1
        proxy.tell_server()
        assert jobs[0].result(_DEADLINE) == 2


@pytest.mark.servers("4.44.1", "6.31.0")
def test_calls_after_a_cut_end_in_a_session_that_stays(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "TIMES", Times(unnoticed=3.0))
    with FaultProxy(server.port) as proxy, Client(proxy.url, verbose=False, stream_grace=1.0) as client:
        before = client.session_hash
        lost = _start(client, 30)
        proxy.cut(tell_server=False)
        assert isinstance(lost.exception(_DEADLINE), StreamLost)
        later = client.submit(30, api_name="/slow")
        proxy.tell_server()
        assert isinstance(later.exception(_DEADLINE), StreamLost)
        assert client.session_hash == before  # for there is State


@pytest.mark.servers("4.44.1", "6.31.0")
def test_call_after_a_loss_is_not_dropped_with_the_stream_that_was_left(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "TIMES", Times(unnoticed=1.0))
    with FaultProxy(server.port) as proxy, Client(proxy.url, verbose=False, stream_grace=1.0) as client:
        lost = _start(client, 30)
        assert proxy.carried["opening"].acquire(timeout=_DEADLINE)
        proxy.cut(tell_server=False)
        assert proxy.carried["opening"].acquire(timeout=_DEADLINE)  # of the stream that will be left
        proxy.keep_from_server()
        left = threading.Thread(
            target=lambda: (lost.exception(_DEADLINE), time.sleep(0.1), proxy.tell_server())
        )
        left.start()
        assert isinstance(lost.exception(_DEADLINE), StreamLost)
        assert client.predict(0.2, api_name="/slow") == 0.2
        left.join()


@pytest.mark.servers("4.44.1", "6.31.0")
def test_calls_after_an_event_that_was_refused_get_their_results(file_server: Server) -> None:
    """Its stream was left, to which the server still writes what is for the session."""
    limits = Limits(event_bytes=20_000)
    with FaultProxy(file_server.port) as proxy, Client(proxy.url, verbose=False, limits=limits) as client:
        other = _start(client, 12)
        proxy.keep_from_server()
        job = client.submit("x" * 30_000, api_name="/text")
        error = job.exception(_DEADLINE)
        # Lost with the stream when the event came before the answer to its call.
        assert isinstance(error.__cause__ if isinstance(error, StreamLost) else error, EventTooLarge)
        assert isinstance(other.exception(_DEADLINE), EventTooLarge)
        jobs = [client.submit(str(number), api_name="/text") for number in range(5)]
        assert [job.result(_DEADLINE) for job in jobs] == list("01234")
