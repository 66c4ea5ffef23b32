"""Jobs on real servers: many at once, cancelling, streaming, sessions."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import signal
import threading
import time
import warnings
from concurrent.futures import CancelledError, as_completed, wait
from typing import Iterator

import pytest

from gradio_client_lite import Client, Job
from gradio_client_lite.errors import AppError, ArgumentError
from gradio_client_lite.updates import LogUpdate, OutputUpdate, ProgressUpdate, Status, StatusUpdate, Update

from .servers import Server

_DEADLINE = 60.0  # seconds, for what takes one


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.url, verbose=False) as client:
        yield client


def _wait_until_running(job: Job) -> None:
    """Wait for the first value of a generator."""
    next(iter(job))


def _wait_for(job: Job, code: Status) -> None:
    next(update for update in job.updates(_DEADLINE) if update["type"] == "status" and update["code"] is code)


def _is_output(update: Update, value: object) -> bool:
    return isinstance(update, OutputUpdate) and update.outputs == value


# Again and again where a stream is shared, which is where races are.
_AGAIN = [pytest.mark.servers(since="4.9"), pytest.mark.whole]


@pytest.mark.parametrize("attempt", [0, *(pytest.param(again, marks=_AGAIN) for again in (1, 2))])
def test_jobs_submitted_at_once_all_end_right(server: Server, client: Client, attempt: int) -> None:
    # Gradio 3 gives a job five seconds to say its session, 3.23 one; on a busy machine more would be late.
    count = 200 if server.at_least("4.0") else 100 if server.at_least("3.35") else 50
    texts = [f"{attempt}-{i}" for i in range(count)]
    jobs = [client.submit(text, api_name="/noop") for text in texts]
    assert [job.result(_DEADLINE) for job in jobs] == texts


def test_jobs_in_flight_need_no_thread_each(server: Server) -> None:
    with Client(server.url, verbose=False, max_workers=4) as client:
        before = threading.active_count()
        jobs = [client.submit(1, api_name="/slow") for _ in range(30)]
        peak = before
        for job in as_completed(jobs, timeout=_DEADLINE):
            peak = max(peak, threading.active_count())
            assert job.result() == 1
        # The workers and the reader; where jobs have sockets, also one for what the server waits for.
        assert peak - before <= 4 + (1 if server.at_least("4.9") else 2)


def test_one_worker_is_enough_for_many_jobs(server: Server) -> None:
    with Client(server.url, verbose=False, max_workers=1) as client:
        jobs = [client.submit(str(i), api_name="/noop") for i in range(20)]
        done, pending = wait(jobs, timeout=_DEADLINE)
        assert not pending
        assert {job.result() for job in done} == {str(i) for i in range(20)}


def test_sequential_predicts_reuse_two_connections(client: Client) -> None:
    for i in range(10):
        assert client.predict(str(i), api_name="/noop") == str(i)
    idle, active = map(int, re.findall(r"(?:idle|active)=(\d+)", repr(client._app.transport)))
    assert idle + active <= 2 + 1  # for POSTs and for the stream; some apps ask for a heartbeat too


@pytest.mark.whole
@pytest.mark.servers("3.50.2", "4.16.0", "6.31.0")  # the time is better spent elsewhere
def test_calls_work_after_the_server_dropped_idle_connections(client: Client) -> None:
    assert client.predict("before", api_name="/noop") == "before"
    time.sleep(5.5)  # uvicorn closes connections that were idle for 5 seconds
    assert client.predict("after", api_name="/noop") == "after"
    assert client.predict("direct", api_name="/direct") == "direct"


@pytest.mark.whole
@pytest.mark.servers("6.31.0")
def test_calls_survive_a_server_that_stalls_before_it_would_drop_an_idle_connection(
    server: Server, client: Client
) -> None:
    client.predict("before", api_name="/noop")
    time.sleep(3)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        job = client.submit("after", api_name="/noop")
        time.sleep(2.5)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert job.result(_DEADLINE) == "after"


def test_cancelling_a_generator_stops_it_on_the_server(client: Client) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        job = client.submit(30, api_name="/forever")
        _wait_until_running(job)
        assert job.cancel() is True
    assert job.status().code is Status.CANCELLED
    with pytest.raises(CancelledError):
        job.result(0)
    # The function allows one job less were the first still running, so this one ends in time.
    assert client.submit(2, 0, api_name="/count").result(_DEADLINE) == 1


@pytest.mark.servers(since="4.44")
def test_cancel_that_waits_says_that_the_server_was_told(client: Client) -> None:
    job = client.submit(30, api_name="/forever")
    _wait_until_running(job)
    assert job.cancel(wait=_DEADLINE) is True
    assert client.submit(2, 0, api_name="/count").result(_DEADLINE) == 1


@pytest.mark.servers(since="4.44")
def test_first_call_by_name_is_bound_when_its_parameters_are_known(server: Server) -> None:
    with Client(server.url, verbose=False) as client:
        job = client.submit(n=3, delay=0, api_name="/count")
        assert job.result(_DEADLINE) == 2
        with pytest.raises(ArgumentError):
            client.submit(nope=3, api_name="/count")


def test_cancelling_one_job_leaves_others_of_its_function_alone(client: Client) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cancelled = client.submit(20, api_name="/slow")
        other = client.submit(1.5, api_name="/slow")
        _wait_for(other, Status.PROCESSING)
        assert cancelled.cancel() is True
    assert other.result(_DEADLINE) == 1.5


def test_cancelling_generators_leaves_the_jobs_beside_them_alone(client: Client) -> None:
    # Long enough to be there when a cancelled one would end, were it started anew.
    others = [client.submit(30, 0.1, api_name="/count") for _ in range(3)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(4):
            job = client.submit(20, 0.05, api_name="/count")
            _wait_until_running(job)
            assert job.cancel() is True
    assert [job.result(_DEADLINE) for job in others] == [29] * 3
    assert [list(job) for job in others] == [list(range(30))] * 3


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside another"])
def test_a_cancelled_generator_is_not_started_anew(client: Client, beside: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cancelled = client.submit(f"cancelled {beside}", 20, api_name="/traced")
        other = client.submit("other", 15, api_name="/traced") if beside else None
        _wait_until_running(cancelled)
        cancelled.cancel()
    if other is not None:
        assert other.result(_DEADLINE) == 14
    assert client.submit("later", 5, api_name="/traced").result(_DEADLINE) == 4
    assert client.predict(f"cancelled {beside}", api_name="/trace") == 1


def test_jobs_end_right_after_one_that_waited_was_cancelled(client: Client) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        running = client.submit(1, api_name="/one_at_a_time")
        _wait_for(running, Status.PROCESSING)
        waiting = client.submit(0.1, api_name="/one_at_a_time")
        _wait_for(waiting, Status.IN_QUEUE)
        assert waiting.cancel() is True
    later = [client.submit(0.1, api_name="/one_at_a_time"), client.submit(30, 0.1, api_name="/count")]
    assert running.result(_DEADLINE) == 1
    assert [job.result(_DEADLINE) for job in later] == [0.1, 29]


def test_a_cancelled_job_ends_its_iteration(client: Client) -> None:
    job = client.submit(30, api_name="/forever")
    received = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for value in job:
            received.append(value)
            if len(received) == 2:
                job.cancel()
    assert received[:2] == [0, 1]


@pytest.mark.servers(since="3.50.2")
def test_stream_messages_yields_every_kind_of_update_and_the_result_last(client: Client) -> None:
    updates = list(client.stream_messages("x", api_name="/tell"))
    logs = [update for update in updates if isinstance(update, LogUpdate)]
    assert [(log.message, log.level) for log in logs] == [
        ("for your information: é", "info"),
        ("be warned", "warning"),
    ]
    assert updates[-1] == OutputUpdate("x", success=True, final=True)
    progress = [u for u in client.stream_messages(25, api_name="/progress") if isinstance(u, ProgressUpdate)]
    assert progress
    assert progress[-1].progress_data[-1].desc in ("working", "a fraction", "starting")


def test_stream_messages_raises_what_the_app_raised_after_its_values(client: Client) -> None:
    messages = client.stream_messages(2, api_name="/fail_midway")
    received = list(itertools.takewhile(lambda update: not _is_output(update, "part 1"), messages))
    assert any(_is_output(update, "part 0") for update in received)
    with pytest.raises(AppError, match="failed after the parts"):
        list(messages)


@pytest.mark.servers(since="3.50.2")
def test_logs_are_all_kept_however_late_they_are_asked_for(client: Client) -> None:
    job = client.submit("x", api_name="/tell")
    job.result(_DEADLINE)
    assert [log.level for log in job.logs()] == ["info", "warning"]


def test_a_job_can_be_awaited_and_followed_with_async_for(client: Client) -> None:
    async def follow() -> None:
        job = client.submit(3, 0.01, api_name="/count")
        updates = [update async for update in job]
        assert [u.outputs for u in updates if isinstance(u, OutputUpdate)] == [0, 1, 2, 2]
        assert updates[-1].final is True
        assert any(isinstance(u, StatusUpdate) and u.code is Status.PROCESSING for u in updates)
        assert await job == 2
        jobs = [client.submit(str(i), api_name="/noop") for i in range(10)]
        assert await asyncio.gather(*map(asyncio.wrap_future, jobs)) == [str(i) for i in range(10)]

    asyncio.run(follow())


@pytest.mark.servers("3.50.2", "6.31.0")
def test_a_client_is_connected_and_a_job_cancelled_within_an_event_loop(server: Server) -> None:
    async def connect_and_give_up() -> None:
        async with Client.connect(server.url, verbose=False) as client:
            job = client.submit(60, api_name="/forever")
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(job, 0.5)
            assert await asyncio.to_thread(job.cancel, _DEADLINE)  # the server knows
            assert await client.submit("a", api_name="/echo") == "a"
            outputs = [u async for u in client.stream_messages("b", api_name="/echo") if u.type == "output"]
            assert outputs[-1].outputs == "b"

    asyncio.run(connect_and_give_up())


def test_one_job_at_a_time_reports_its_place_in_the_queue(client: Client) -> None:
    jobs = [client.submit(0.5, api_name="/one_at_a_time") for _ in range(3)]
    ranks = [
        [u.rank for u in job.updates(_DEADLINE) if isinstance(u, StatusUpdate) and u.code is Status.IN_QUEUE]
        for job in jobs
    ]
    assert all(ranks)
    assert max(rank for seen in ranks for rank in seen if rank is not None) >= 1


def test_state_lasts_for_a_session_and_reset_session_starts_another(client: Client) -> None:
    assert client.predict("a", "b", api_name="/count_calls")[0] == "a 1 b"
    assert client.predict("a", "b", api_name="/count_calls")[0] == "a 2 b"
    client.reset_session()
    assert client.predict("a", "b", api_name="/count_calls")[0] == "a 1 b"


def test_a_session_hash_can_be_shared(server: Server, client: Client) -> None:
    client.predict("a", "b", api_name="/count_calls")
    with Client(server.url, verbose=False) as other:
        other.session_hash = client.session_hash
        assert other.predict("a", "b", api_name="/count_calls")[0] == "a 2 b"


def test_jobs_of_a_session_that_was_reset_still_end(client: Client) -> None:
    job = client.submit(0.5, api_name="/slow")
    client.reset_session()
    assert client.predict("x", api_name="/noop") == "x"
    assert job.result(_DEADLINE) == 0.5


def test_a_client_that_is_dropped_while_its_job_runs_does_not_take_the_job_with_it(server: Server) -> None:
    job = Client(server.url, verbose=False).submit(0.3, api_name="/slow")
    assert job.result(_DEADLINE) == 0.3
