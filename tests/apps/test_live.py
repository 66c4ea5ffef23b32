"""Servers that are blocked by what they run, and functions that a page feeds with a stream."""

from __future__ import annotations

import pytest

from gradio_client_lite import Client
from gradio_client_lite.errors import AppError

from .servers import Server

#: Seconds until calls have to be done, which is sooner than a server gives up a stream that was not ended.
_DEADLINE = 20.0


@pytest.mark.whole
@pytest.mark.servers("3.50.2", "4.0.2", "4.44.1", "5.50.0", "6.31.0")
def test_jobs_survive_a_blocked_event_loop(server: Server) -> None:
    with Client(server.url, verbose=False, stream_idle_timeout=0.5) as client:
        others = [client.submit(0.3, api_name="/slow") for _ in range(3)]
        blocked = client.submit(3, api_name="/block")
        assert blocked.result(60) == 3
        assert [job.result(60) for job in others] == [0.3] * 3


# Before 5.1 or so a server without a time limit stumbles over it, and says nothing more.
_ENDPOINTS = [
    "/listen",
    pytest.param("/listen_on", marks=pytest.mark.servers(since="5.50")),
]


@pytest.mark.servers(since="5.0.2")
@pytest.mark.parametrize("api_name", _ENDPOINTS)
def test_a_call_of_a_stream_ends_with_its_value(server: Server, api_name: str) -> None:
    with Client(server.url, verbose=False, timeout=_DEADLINE) as client:
        # One runs at a time, so each has to have ended on the server; and the chunk was taken once.
        assert [client.predict(chunk, api_name=api_name) for chunk in "abc"] == ["a", "ab", "abc"]
        job = client.submit("d", api_name=api_name)
        assert list(job) == job.outputs() == [job.result()] == ["abcd"]
        with pytest.raises(AppError, match="not heard"):
            client.predict("noise", api_name=api_name)


@pytest.mark.servers(since="5.0.2")
def test_cancelled_calls_of_a_stream_let_others_run(server: Server) -> None:
    with Client(server.url, verbose=False, timeout=_DEADLINE) as client:
        for job in [client.submit("x", api_name="/listen") for _ in range(3)]:
            job.cancel()
        assert "a" in client.predict("a", api_name="/listen")
