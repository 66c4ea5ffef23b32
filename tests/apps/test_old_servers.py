"""What is peculiar to the servers that have a socket for each job: 3.x and 4.0 - 4.8."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, as_completed
from pathlib import Path
from typing import Iterator, Set

import pytest

from gradio_client_lite import Client
from gradio_client_lite.updates import Status

from .servers import USER, Server, running_server

pytestmark = pytest.mark.servers("3.23.0", "3.35.2", "3.50.2", "4.0.2")

_DEADLINE = 60.0  # seconds, for what takes one
_WORKERS = 8


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.url, verbose=False, max_workers=_WORKERS) as client:
        yield client


def _threads(before: Set[threading.Thread]) -> int:
    """How many threads there are now that were not there before, and the main one."""
    return len(set(threading.enumerate()) - before) + 1


def test_100_jobs_at_once_are_right_and_need_few_threads(client: Client) -> None:
    before = set(threading.enumerate())
    jobs = {client.submit(0.1 + number / 1000, api_name="/slow"): number for number in range(100)}
    peak = 0
    for job in as_completed(jobs, timeout=_DEADLINE):
        peak = max(peak, _threads(before))
        assert job.result() == pytest.approx(0.1 + jobs[job] / 1000)
    assert peak <= _WORKERS + 3


@pytest.mark.servers("3.23.0")
def test_login_holds_for_sockets(server: Server, tmp_path: Path) -> None:
    with (
        running_server(server.version, tmp_path, "auth") as private,
        Client(private.url, auth=USER, verbose=False) as client,
    ):
        assert client.predict("x", api_name="/echo") == "x"


def test_threads_end_with_the_client(server: Server) -> None:
    before = set(threading.enumerate())
    with Client(server.url, verbose=False) as client:
        jobs = [client.submit(str(number), api_name="/noop") for number in range(20)]
        assert [job.result(_DEADLINE) for job in jobs] == [str(number) for number in range(20)]
    for thread in set(threading.enumerate()) - before:
        thread.join(_DEADLINE)
        assert not thread.is_alive()


def test_generators_at_the_same_time_do_not_mix(client: Client) -> None:
    """A 3.x server keeps one generator for each session and function."""
    lengths = [2, 3, 4, 5, 6] * 3
    jobs = [client.submit(length, 0.05, api_name="/count") for length in lengths]
    assert [job.result(_DEADLINE) for job in jobs] == [length - 1 for length in lengths]
    assert [job.outputs() for job in jobs] == [list(range(length)) for length in lengths]


@pytest.mark.filterwarnings("ignore:Cancelling this job will not stop:UserWarning")
def test_generator_begins_again_after_a_cancel(client: Client) -> None:
    job = client.submit(1000, 0.05, api_name="/count")
    assert next(job) == 0
    assert job.cancel()
    with pytest.raises(CancelledError):
        job.result(_DEADLINE)
    again = client.submit(3, 0.05, api_name="/count")
    assert again.result(_DEADLINE) == 2
    assert again.outputs() == [0, 1, 2]


def test_job_cancelled_in_the_queue_is_gone(client: Client) -> None:
    jobs = [client.submit(0.3, api_name="/slow") for _ in range(60)]
    waiting = jobs[-1]
    assert waiting.cancel()
    assert waiting.status().code is Status.CANCELLED
    assert [job.result(_DEADLINE) for job in jobs[:-1]] == [0.3] * 59


def test_direct_calls_that_fill_the_workers_do_not_hold_a_queued_job_up(server: Server) -> None:
    """4.0 gives five seconds for the arguments once it has asked for them."""
    with Client(server.url, verbose=False, max_workers=1) as client:
        job = client.submit("queued", api_name="/noop")
        assert job.result(_DEADLINE) == "queued"
        blocked = threading.Event()
        client._calls.workers.submit(blocked.wait, _DEADLINE)
        # On the caller's own thread, so that only what is sent later needs a worker.
        assert client.predict("queued", api_name="/noop") == "queued"
        blocked.set()


@pytest.mark.servers("3.50.2", "4.0.2")
def test_silence_is_no_end(server: Server) -> None:
    """The server answers pings, or tells of its queue, while a function runs for long."""
    with Client(server.url, verbose=False, stream_idle_timeout=1.0) as client:
        assert client.predict(4, api_name="/slow") == 4
