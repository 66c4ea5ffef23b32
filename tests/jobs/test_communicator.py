from __future__ import annotations

from threading import Event
from typing import Iterator

import pytest

from gradio_client_lite import Client, Job
from gradio_client_lite.testing import serve
from gradio_client_lite.updates import Status


@pytest.fixture
def go_on() -> Event:
    return Event()


@pytest.fixture
def job(go_on: Event) -> Iterator[Job]:
    """One that has given two of its three values."""

    def count() -> Iterator[int]:
        yield 1
        yield 2
        go_on.wait(30)
        yield 3

    with serve({"/count": count}) as app, Client(app.url, verbose=False) as client:
        job = client.submit(api_name="/count")
        assert [next(job), next(job)] == [1, 2]
        yield job
        go_on.set()


def test_a_job_is_its_own_future(job: Job) -> None:
    assert job.future is job


def test_the_loop_of_official_scripts(job: Job, go_on: Event) -> None:
    assert job.communicator.job.outputs == [1, 2]
    assert job.communicator.job.latest_status.code is Status.ITERATING
    go_on.set()
    assert job.future.result(30) == 3
    with job.communicator.lock:
        assert job.communicator.job.latest_status.code is Status.FINISHED
    assert job.communicator.job.outputs == [1, 2, 3]


def test_event_id_is_the_jobs(job: Job) -> None:
    assert job.communicator.event_id == job.event_id is not None


def test_lock_is_the_same_each_time(job: Job) -> None:
    assert job.communicator is job.communicator


def test_what_its_client_is(job: Job) -> None:
    assert (job.space_id, job.verbose) == (None, False)
