"""Job as a Future, an iterator and a source of updates; the server's messages are given by the test.

Tests `future.py`, `host.py` and `job.py`.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import json
import logging
import pydoc
import re
import rlcompleter
import threading
import time
from types import SimpleNamespace
from typing import Any, Awaitable, Callable, Dict, Iterable, Iterator, List, Optional, Set, Tuple

import pytest

from gradio_client_lite.errors import (
    AppError,
    ArgumentError,
    ClientClosed,
    DeadlineExceeded,
    EventTooLarge,
    ProtocolError,
    QueueError,
    StreamLost,
)
from gradio_client_lite.jobs.host import JobHost, LiveJobs
from gradio_client_lite.jobs.job import Following, Job, done_callbacks
from gradio_client_lite.limits import DEFAULT_LIMITS, Bound
from gradio_client_lite.secrecy import Secrets
from gradio_client_lite.updates import LogUpdate, OutputUpdate, ProgressUnit, Status, StatusUpdate
from gradio_client_lite.wire.filedata import Outputs, is_marked
from gradio_client_lite.wire.messages import (
    Completed,
    Estimation,
    Generating,
    Log,
    ProcessStarts,
    Progress,
    QueueFull,
    StreamCut,
)
from gradio_client_lite.workers import Workers

PATIENCE = 10.0
TINY = 0.01


class Host(JobHost):
    """What a client is to its jobs, and the driver that runs them.

    Attributes:
        cancelled: (job, warn) of each cancellation that a server would be told of.
        forgotten: each job that the driver is told nobody waits for.
        noted: each status that was asked for.
        held: each job whose stream the server would be told is over.
        make: makes what the caller gets of output values.
        blocking: whether values have files, so that making it takes requests.
    """

    fn_index, label, direct = 0, "/echo", False
    plain_types = frozenset()
    secrets, job_bytes = Secrets(), DEFAULT_LIMITS.bound("job_bytes")
    progress_updates = DEFAULT_LIMITS.progress_updates

    def __init__(self, callbacks: Workers) -> None:
        self.cancelled: List[Tuple[Job, bool]] = []
        self.forgotten: List[Job] = []
        self.noted: List[StatusUpdate] = []
        self.held: List[Job] = []
        self.make: Callable[[List[Any]], Any] = lambda data: data[0] if len(data) == 1 else tuple(data)
        self.blocking = False
        self.live = LiveJobs()
        self.run_work = self.run_callback = callbacks.submit
        self.on_status = self.noted.append
        self.end_stream = self.held.append
        self.files = Files(self)
        self._callbacks = callbacks

    def let_work_end(self) -> None:
        """Wait until every task so far is done."""
        self._callbacks.stop()
        deadline = time.monotonic() + PATIENCE
        while self._callbacks.threads:
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def shape(self, data: List[Any]) -> Any:
        return self.make(data)

    def cancel(self, job: Job, warn: bool) -> None:
        self.cancelled.append((job, warn))

    def read(self, fetched: Any, outputs: Any, chunks: Any = None) -> List[Any]:
        return outputs.data if isinstance(outputs, Outputs) else outputs

    def job(self, *, diffs: bool = True) -> Job:
        self.diffs = diffs
        driver: Any = SimpleNamespace(forget=self.forgotten.append)
        return Job(self, driver, None, headers={}, session_hash="session", body=lambda: b"body")


class Files:
    """Where results hold files; `decode` has them looked at by `look`."""

    word: Optional[str] = None
    holders = frozenset((0,))
    decode: Optional[Callable[[List[Any]], List[Any]]] = list

    @staticmethod
    def is_file(value: Any, _: int) -> bool:
        return is_marked(value)

    def __init__(self, host: Host) -> None:
        self._host = host

    def look(self, data: List[Any], text: Any = "") -> Outputs:
        return Outputs(data, self._host.blocking)


@pytest.fixture
def host() -> Iterator[Host]:
    callbacks = Workers(None, "test-callback")
    yield Host(callbacks)
    callbacks.stop()


@pytest.fixture
def job(host: Host) -> Job:
    """A job that has joined."""
    made = host.job()
    made.joined("e0")
    return made


def complete(job: Job, *data: Any) -> None:
    job.feed(Completed({"data": list(data)}, True))


def break_off(job: Job, text: str = "bad") -> None:
    job.feed(Completed({"error": text}, False))


def generate(job: Job, first: str, *edits: str) -> None:
    """Give a text, and then what is appended to it."""
    job.feed(Generating([first], True))
    for text in edits:
        job.feed(Generating([[["append", [], text]]], True))


def in_thread(function: Callable[[], Any]) -> concurrent.futures.Future[Any]:
    """Run something that waits; its result comes by the future."""
    future: concurrent.futures.Future[Any] = concurrent.futures.Future()

    def run() -> None:
        try:
            future.set_result(function())
        except BaseException as exc:
            future.set_exception(exc)

    threading.Thread(target=run, daemon=True).start()
    return future


def test_package_hands_on_the_class() -> None:
    from gradio_client_lite import jobs

    assert jobs.Job is Job
    with pytest.raises(AttributeError, match="nonsense"):
        jobs.nonsense  # noqa: B018


# --- result and exception


def test_result_is_the_shaped_output(job: Job) -> None:
    complete(job, "a", 1)
    assert job.result() == ("a", 1)
    assert job.exception() is None
    assert job.done()
    assert not job.running()
    assert not job.cancelled()


def test_result_waits_for_the_end(job: Job) -> None:
    waiting = in_thread(lambda: job.result(PATIENCE))
    complete(job, "a")
    assert waiting.result(PATIENCE) == "a"


@pytest.mark.parametrize("wait", [Job.result, Job.exception])
def test_wait_that_takes_too_long_raises_the_futures_timeout(job: Job, wait: Any) -> None:
    with pytest.raises(concurrent.futures.TimeoutError):
        wait(job, TINY)
    assert job.running()
    complete(job, "a")
    assert job.result() == "a"


def test_error_of_the_function_is_raised(job: Job) -> None:
    job.feed(Completed({"error": "bad", "title": "T"}, False))
    with pytest.raises(AppError, match="bad") as caught:
        job.result()
    assert job.exception() is caught.value
    assert caught.value.title == "T"


def test_full_queue_is_a_queue_error(job: Job) -> None:
    job.feed(QueueFull())
    assert isinstance(job.exception(PATIENCE), QueueError)
    assert job.status().code is Status.FINISHED


def test_failure_of_the_driver_is_raised(job: Job) -> None:
    lost = StreamLost("lost", ("e0",))
    job.fail(lost)
    assert job.exception() is lost


def test_malformed_edits_fail_the_job(job: Job) -> None:
    generate(job, "a")
    job.feed(Generating([["nonsense"]], True))
    assert isinstance(job.exception(PATIENCE), ProtocolError)


def test_shaping_that_fails_fails_the_job(host: Host, job: Job) -> None:
    def fail(data: List[Any]) -> Any:
        raise StreamLost("the download broke")

    host.make = fail
    complete(job, "a")
    assert isinstance(job.exception(PATIENCE), StreamLost)


def test_shaping_that_makes_requests_is_done_by_a_worker(host: Host, job: Job) -> None:
    threads: List[threading.Thread] = []

    def shape(data: List[Any]) -> Any:
        threads.append(threading.current_thread())
        return data[0]

    host.make, host.blocking = shape, True
    complete(job, "a")
    assert job.result(PATIENCE) == "a"
    assert [thread.name for thread in threads] == ["test-callback"]


def test_first_end_counts(job: Job) -> None:
    complete(job, "a")
    job.fail(StreamLost("late"))
    break_off(job)
    complete(job, "b")
    assert job.result() == "a"


def test_body_is_made_when_it_is_asked_for(job: Job) -> None:
    assert job.request_body() == b"body"


def test_repr_says_what_and_where(job: Job) -> None:
    assert repr(job) == "<Job /echo STARTING event_id=e0>"


# --- as a Future


def test_wait_and_as_completed_take_jobs(host: Host) -> None:
    jobs = [host.job() for _ in range(3)]
    waiting = in_thread(lambda: concurrent.futures.wait(jobs, timeout=PATIENCE))
    finished = in_thread(lambda: list(concurrent.futures.as_completed(jobs, timeout=PATIENCE)))
    complete(jobs[1], 1)
    break_off(jobs[2])
    jobs[0].cancel()
    assert waiting.result(PATIENCE).done == set(jobs)
    assert set(finished.result(PATIENCE)) == set(jobs)


def test_wait_returns_at_the_first_failure(host: Host) -> None:
    jobs = [host.job() for _ in range(2)]
    waiting = in_thread(
        lambda: concurrent.futures.wait(jobs, PATIENCE, return_when=concurrent.futures.FIRST_EXCEPTION)
    )
    break_off(jobs[0])
    assert waiting.result(PATIENCE).done == {jobs[0]}


def run(coroutine: Awaitable[Any]) -> Any:
    async def bounded() -> Any:
        return await asyncio.wait_for(coroutine, PATIENCE)

    return asyncio.run(bounded())


def test_await_gives_the_result(job: Job) -> None:
    async def main() -> Any:
        asyncio.get_running_loop().call_soon(complete, job, "a")
        return await job

    assert run(main()) == "a"


def test_await_raises_the_error(job: Job) -> None:
    async def main() -> Any:
        asyncio.get_running_loop().call_soon(break_off, job)
        return await job

    with pytest.raises(AppError, match="bad"):
        run(main())


def test_await_of_an_ended_job_gives_the_result(job: Job) -> None:
    complete(job, "a")

    async def main() -> Any:
        return await job, await asyncio.wrap_future(job)

    assert run(main()) == ("a", "a")


def test_job_can_be_awaited_from_several_places(job: Job) -> None:
    async def main() -> Any:
        async def one() -> Any:
            return await job

        tasks = [asyncio.ensure_future(one()) for _ in range(3)]
        await asyncio.sleep(0)
        in_thread(lambda: complete(job, "a"))
        return await asyncio.gather(*tasks)

    assert run(main()) == ["a", "a", "a"]


def test_giving_up_an_await_cancels_the_job(host: Host, job: Job) -> None:
    async def main() -> None:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.wrap_future(job), TINY)

    run(main())
    assert job.cancelled()
    assert [told for told, _ in host.cancelled] == [job]


def test_end_in_the_moment_an_await_begins_is_seen(host: Host) -> None:
    async def main() -> None:
        for _ in range(300):
            job = host.job()
            ended = in_thread(lambda job=job: complete(job, "a"))  # type: ignore[misc]
            assert await job == "a"
            ended.result(PATIENCE)

    run(main())


# --- values of a generator


def test_result_of_a_generator_is_its_last_value(job: Job) -> None:
    generate(job, "a", "b", "c")
    complete(job, "abc")
    assert job.result() == "abc"
    assert job.outputs() == ["a", "ab", "abc"]


def test_outputs_grow_as_values_arrive(job: Job) -> None:
    assert job.outputs() == []
    generate(job, "a")
    assert job.outputs() == ["a"]
    job.feed(Generating([[["append", [], "b"]]], True))
    assert job.outputs() == ["a", "ab"]


def test_outputs_of_a_plain_function_are_its_result(job: Job) -> None:
    complete(job, "a")
    assert job.outputs() == ["a"]


def test_outputs_of_a_failing_generator_are_those_received(job: Job) -> None:
    generate(job, "a", "b")
    break_off(job)
    assert job.outputs() == ["a", "ab"]


def test_outputs_of_a_failing_function_are_none(job: Job) -> None:
    break_off(job)
    assert job.outputs() == []


def test_outputs_belong_to_the_caller(job: Job) -> None:
    job.feed(Generating([["x"]], True))
    job.outputs()[0].append("changed")
    job.outputs().clear()
    assert job.outputs() == [["x"]]


def test_iteration_yields_each_value_as_it_arrives(job: Job) -> None:
    generate(job, "a")
    values = iter(job)
    assert next(values) == "a"
    waiting = in_thread(lambda: next(values))
    job.feed(Generating([[["append", [], "b"]]], True))
    assert waiting.result(PATIENCE) == "ab"
    ending = in_thread(lambda: next(values, "end"))
    complete(job, "ab")
    assert ending.result(PATIENCE) == "end"


def test_iterating_a_plain_function_yields_its_result_once(job: Job) -> None:
    complete(job, "a")
    assert list(job) == ["a"]
    assert list(job) == []


def test_falsy_values_do_not_end_the_iteration(host: Host) -> None:
    job = host.job(diffs=False)
    for value in (None, 0, "", False):
        job.feed(Generating([value], True))
    complete(job, False)
    assert list(job) == [None, 0, "", False]


def test_job_that_a_stream_feeds_ends_with_the_value_of_its_chunk(host: Host) -> None:
    job = host.job()
    assert job.feed(Generating(["a"], True, streaming=True))
    assert job.result(PATIENCE) == "a"
    assert list(job) == job.outputs() == ["a"]
    assert host.held == [job]


def test_iterating_a_failing_job_ends_after_the_values_received(job: Job) -> None:
    generate(job, "a", "b")
    break_off(job)
    assert list(job) == ["a", "ab"]
    with pytest.raises(AppError):
        job.result()


@pytest.mark.parametrize(
    "end", [break_off, lambda job: job.fail(StreamLost("lost")), lambda job: job.cancel()]
)
def test_iteration_that_waits_ends_with_the_job(job: Job, end: Callable[[Job], Any]) -> None:
    waiting = in_thread(lambda: list(job))
    end(job)
    assert waiting.result(PATIENCE) == []


def test_two_threads_share_the_values(host: Host) -> None:
    job = host.job(diffs=False)
    halves = [in_thread(lambda: list(job)) for _ in range(2)]
    for number in range(50):
        job.feed(Generating([number], True))
    complete(job, 49)
    assert sorted(halves[0].result(PATIENCE) + halves[1].result(PATIENCE)) == list(range(50))


# --- updates


def kinds(updates: List[Any]) -> List[Any]:
    return [update.outputs if isinstance(update, OutputUpdate) else update.code for update in updates]


def test_updates_come_in_order_and_the_final_output_last(job: Job) -> None:
    job.feed(Estimation(1, 2, 3.0))
    job.feed(ProcessStarts(1.0))
    job.feed(Log("hi", "info", None, None, True))
    generate(job, "a", "b")
    complete(job, "ab")
    updates = list(job.updates(PATIENCE))
    assert kinds(updates) == [
        Status.IN_QUEUE,
        Status.PROCESSING,
        Status.LOG,
        "a",
        Status.ITERATING,
        "ab",
        Status.ITERATING,
        Status.FINISHED,
        "ab",
    ]
    assert [update.final for update in updates if isinstance(update, OutputUpdate)] == [False, False, True]


def test_every_reader_of_updates_gets_all(job: Job) -> None:
    first = job.updates(PATIENCE)
    job.feed(ProcessStarts(None))
    next(first)
    complete(job, "a")
    assert kinds(list(job.updates(PATIENCE))) == [Status.PROCESSING, Status.FINISHED, "a"]
    assert kinds(list(first)) == [Status.FINISHED, "a"]


def test_wait_for_an_update_can_be_bounded(job: Job) -> None:
    updates = job.updates(TINY)
    with pytest.raises(DeadlineExceeded, match="/echo"):
        next(updates)
    assert job.running()


def test_wait_for_an_update_can_be_endless(job: Job) -> None:
    updates = in_thread(lambda: list(job.updates(float("inf"))))
    with contextlib.suppress(concurrent.futures.TimeoutError):
        updates.result(TINY)  # so that it waits
    complete(job, "a")
    assert kinds(updates.result(PATIENCE)) == [Status.FINISHED, "a"]


def test_updates_of_a_failing_job_end_with_its_error(job: Job) -> None:
    job.feed(Completed({"error": "bad", "title": "T", "duration": 3, "visible": False}, False))
    status, output = job.updates(PATIENCE)
    assert isinstance(status, StatusUpdate)
    assert (status.code, status.success) == (Status.FINISHED, False)
    assert output == OutputUpdate(
        {"error": "bad", "title": "T", "duration": 3, "visible": False}, success=False, final=True
    )


def test_updates_of_a_cancelled_job_end_with_its_status(job: Job) -> None:
    waiting = in_thread(lambda: list(job.updates(PATIENCE)))
    job.cancel()
    assert kinds(waiting.result(PATIENCE)) == [Status.CANCELLED]


def test_async_for_yields_every_update(job: Job) -> None:
    async def main() -> List[Any]:
        collected = []
        loop = asyncio.get_running_loop()
        loop.call_soon(job.feed, ProcessStarts(None))
        async for update in job:
            collected.append(update)
            if len(collected) == 1:
                in_thread(lambda: generate(job, "a", "b"))
            if len(collected) == 5:
                in_thread(lambda: complete(job, "ab"))
        return collected

    updates = run(main())
    iterating = Status.ITERATING
    assert kinds(updates) == [Status.PROCESSING, "a", iterating, "ab", iterating, Status.FINISHED, "ab"]
    assert updates[-1] == OutputUpdate("ab", success=True, final=True)


def test_two_async_readers_get_all(job: Job) -> None:
    async def read() -> List[Any]:
        return [update async for update in job]

    async def main() -> Any:
        tasks = [asyncio.ensure_future(read()) for _ in range(2)]
        await asyncio.sleep(0)
        in_thread(lambda: (generate(job, "a"), complete(job, "a")))
        return await asyncio.gather(*tasks)

    first, second = run(main())
    assert kinds(first) == kinds(second) == ["a", Status.ITERATING, Status.FINISHED, "a"]


def test_async_for_takes_what_would_block_to_another_thread(host: Host, job: Job) -> None:
    shaped_on = []

    def fetch(data: List[Any]) -> str:
        shaped_on.append(threading.current_thread().name)
        return f"local {data[0]}"

    async def main() -> List[Any]:
        return [update async for update in job]

    host.make, host.blocking = fetch, True
    generate(job, "a")
    complete(job, "a")
    assert kinds(run(main())) == ["local a", Status.ITERATING, Status.FINISHED, "local a"]
    assert set(shaped_on) == {"test-callback"}


def test_async_for_raises_what_another_thread_could_not_fetch(host: Host, job: Job) -> None:
    def fetch(data: List[Any]) -> str:
        raise ConnectionError("no file")

    async def main() -> None:
        async for _ in job:
            pass

    host.make, host.blocking = fetch, True
    generate(job, "a")
    with pytest.raises(ConnectionError, match="no file"):
        run(main())


def test_async_for_ends_when_the_job_is_cancelled(job: Job) -> None:
    async def main() -> List[Any]:
        asyncio.get_running_loop().call_soon(job.cancel)
        return [update async for update in job]

    assert kinds(run(main())) == [Status.CANCELLED]


def test_event_loop_that_is_gone_does_not_disturb_the_job(job: Job) -> None:
    async def leave_early() -> Any:
        updates = job.__aiter__()
        waiting: Any = asyncio.ensure_future(updates.__anext__())
        await asyncio.sleep(0)
        waiting._log_destroy_pending = False
        return waiting

    loop = asyncio.new_event_loop()
    waiting = loop.run_until_complete(leave_early())
    loop.close()
    complete(job, "a")
    assert job.result(PATIENCE) == "a"
    assert not waiting.done()


def cancel_in(reading: Callable[[], Awaitable[Any]]) -> None:
    """Begin to read in a task, and cancel that."""

    async def main() -> None:
        task = asyncio.ensure_future(reading())
        await asyncio.sleep(TINY)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())


async def by_wait_for(job: Job) -> None:
    await asyncio.wait_for(job, TINY)


async def by_timeout(job: Job) -> None:
    async with asyncio.timeout(TINY):
        await job


@pytest.mark.parametrize("wait", [by_wait_for, *([by_timeout] if hasattr(asyncio, "timeout") else [])])
def test_running_out_of_time_cancels_the_job(
    host: Host, job: Job, wait: Callable[[Job], Awaitable[None]]
) -> None:
    with pytest.raises(asyncio.TimeoutError):
        run(wait(job))
    assert job.cancelled()
    assert [told for told, _ in host.cancelled] == [job]


def test_cancelling_the_task_that_awaits_a_job_cancels_it(host: Host, job: Job) -> None:
    async def wait() -> None:
        await job

    cancel_in(wait)
    assert job.cancelled()
    assert [told for told, _ in host.cancelled] == [job]


def test_a_shielded_job_goes_on(host: Host, job: Job) -> None:
    async def main() -> Any:
        shielded = asyncio.shield(job)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(shielded, TINY)
        assert job.running()
        complete(job, "a")
        return await job

    assert run(main()) == "a"
    assert not host.cancelled


def test_cancelling_the_task_that_waits_for_an_update_cancels_the_job(host: Host, job: Job) -> None:
    async def read() -> None:
        async for _ in job:
            pass

    generate(job, "a")
    cancel_in(read)
    assert job.cancelled()
    assert [told for told, _ in host.cancelled] == [job]


def test_cancelling_a_task_that_has_files_fetched_leaves_an_ended_job_as_it_is(host: Host, job: Job) -> None:
    fetching = threading.Event()

    def fetch(data: List[Any]) -> str:
        assert fetching.wait(PATIENCE)
        return "local"

    async def read() -> None:
        async for _ in job:
            pass

    host.make, host.blocking = fetch, True
    generate(job, "a")
    job.fail(AppError("bad"))
    cancel_in(read)
    fetching.set()
    assert isinstance(job.exception(), AppError)
    assert not host.cancelled


def test_leaving_async_for_early_leaves_the_job_alone(job: Job) -> None:
    async def read() -> None:
        async for _ in job:
            break

    generate(job, "a")
    run(read())
    assert job.running()


# --- completion

#: What drivers, the client, a fork and executors use.
INNER = {
    *("abandon", "after_fork", "bound", "driver", "end_with_process", "fail", "feed", "has_ended", "headers"),
    *("in_queue", "joined", "request_body", "told", "wait_told"),
    *("set_exception", "set_result", "set_running_or_notify_cancel"),
}


def test_a_job_shows_what_is_for_its_user(job: Job) -> None:
    shown = {name for name in dir(job) if not name.startswith("_")}
    assert shown >= {
        *("add_done_callback", "cancel", "cancelled", "done", "event_id", "exception", "fn_index", "label"),
        *("logs", "outputs", "result", "running", "session_hash", "status", "updates"),
    }
    assert shown.isdisjoint(INNER)
    assert all(hasattr(Job, name) or name in vars(job) for name in dir(job))


def test_completion_and_help_show_no_more(job: Job) -> None:
    completer, text = rlcompleter.Completer({"job": job}), pydoc.render_doc(Job, renderer=pydoc.plaintext)
    offered = {match.partition(".")[2].rstrip("()") for match in completer.attr_matches("job.")}
    # The names of the standard library's Future are offered all the same.
    assert offered.isdisjoint(INNER - set(dir(concurrent.futures.Future)))
    assert not re.search(rf"^ \|  ({'|'.join(INNER)})\(", text, re.MULTILINE)
    assert "updates(" in text


# --- follow, what stream_messages gives


def test_following_yields_an_update_before_the_next_one_is_there(job: Job) -> None:
    updates = Following(job)
    job.feed(Log("loading the model", "info", None, None, True))
    assert in_thread(lambda: next(updates)).result(PATIENCE).message == "loading the model"


def test_following_ends_with_the_final_output(job: Job) -> None:
    complete(job, "a")
    assert kinds(list(Following(job))) == [Status.FINISHED, "a"]


def test_following_raises_the_error_after_what_was_received(job: Job) -> None:
    generate(job, "a")
    break_off(job)
    updates = Following(job)
    assert kinds([next(updates), next(updates), next(updates)]) == ["a", Status.ITERATING, Status.FINISHED]
    with pytest.raises(AppError, match="bad"):
        next(updates)


def test_following_of_a_job_that_the_server_cancels_ends_with_that_status(host: Host) -> None:
    for _ in range(100):
        job = host.job()
        waiting = in_thread(lambda job=job: list(Following(job)))  # type: ignore[misc]
        job.feed(Completed({}, True))
        assert kinds(waiting.result(PATIENCE)) == [Status.CANCELLED]


def test_following_in_a_coroutine_ends_with_the_final_output(job: Job) -> None:
    async def main() -> List[Any]:
        return [update async for update in Following(job)]

    generate(job, "a")
    complete(job, "a")
    assert kinds(run(main())) == ["a", Status.ITERATING, Status.FINISHED, "a"]


def test_following_in_a_coroutine_raises_the_error_after_what_was_received(job: Job) -> None:
    received = []

    async def main() -> None:
        async for update in Following(job):
            received.append(update)  # noqa: PERF401 - a comprehension would lose all with the error

    generate(job, "a")
    break_off(job)
    with pytest.raises(AppError, match="bad"):
        run(main())
    assert kinds(received) == ["a", Status.ITERATING, Status.FINISHED]


def test_leaving_following_early_in_a_coroutine_cancels_the_job(job: Job) -> None:
    async def main() -> None:
        async for _ in Following(job):
            break

    job.feed(ProcessStarts(None))
    run(main())
    with pytest.raises(concurrent.futures.CancelledError):
        job.result(PATIENCE)


def test_leaving_follow_early_cancels_the_job(job: Job) -> None:
    job.feed(ProcessStarts(None))
    updates: Any = Following(job)
    next(updates)
    updates.close()
    with pytest.raises(concurrent.futures.CancelledError):
        job.result(PATIENCE)  # it is done on another thread
    assert job.cancelled()


def test_reader_may_be_ended_by_the_garbage_collector_on_a_thread_that_has_news_for_it(job: Job) -> None:
    job.feed(ProcessStarts(None))
    updates: Any = Following(job)
    next(updates)

    def collect() -> bool:
        with job._changed:
            updates.close()
        return True

    assert in_thread(collect).result(PATIENCE)
    with pytest.raises(concurrent.futures.CancelledError):
        job.result(PATIENCE)


# --- what is kept


def test_values_that_share_what_is_equal_count_as_much_as_they_take(host: Host, job: Job) -> None:
    host.job_bytes = Bound(2_000_000, "job_bytes")

    def send(values: List[Any]) -> bool:
        data = [[["replace", [], values]]]
        return job.feed(Generating(data, True), json.dumps(data))

    assert not any(send(["row"] * count) for count in range(1000, 2000))
    assert any(send([count] * 1000) for count in range(1000))
    assert isinstance(job.exception(PATIENCE), EventTooLarge)


def bars(job: Job, numbers: Iterable[int]) -> None:
    for number in numbers:
        job.feed(Progress((ProgressUnit(number, None, None, None, None),)))


def bars_of(updates: List[Any]) -> List[Any]:
    return [update.progress_data[0].index for update in updates if getattr(update, "progress_data", None)]


def test_of_progress_the_latest_updates_are_kept(job: Job) -> None:
    bars(job, range(1500))
    job.feed(Log("hi", "info", None, None, True))
    generate(job, "a", "b")
    bars(job, range(1500, 1600))
    assert job.status().progress_data == [ProgressUnit(1599, None, None, None, None)]
    complete(job, "ab")
    updates = list(job.updates(PATIENCE))
    assert bars_of(updates) == list(range(600, 1600))
    rest = [update for update in updates if not getattr(update, "progress_data", None)]
    assert kinds(rest) == [
        *(Status.LOG, "a", Status.ITERATING, "ab", Status.ITERATING, Status.FINISHED, "ab"),
    ]
    assert rest[2] == StatusUpdate(Status.ITERATING, success=True, time=rest[2].time)
    assert len(job.logs()) == 1

    async def main() -> List[Any]:
        return [update async for update in job]

    assert run(main()) == updates


@pytest.mark.parametrize(("most", "kept"), [(2, [1498, 1499]), (None, list(range(1500)))])
def test_how_much_progress_is_kept_is_a_limit(
    host: Host, job: Job, most: Optional[int], kept: List[int]
) -> None:
    host.progress_updates = most
    bars(job, range(1500))
    complete(job, "a")
    assert bars_of(list(job.updates(PATIENCE))) == kept


def test_reader_who_keeps_up_gets_all_progress(job: Job) -> None:
    updates = job.updates(PATIENCE)
    for number in range(1500):
        bars(job, [number])
        assert bars_of([next(updates)]) == [number]


def test_job_whose_result_alone_is_wanted_keeps_nothing_else(job: Job) -> None:
    job.keep_result_only()
    bars(job, range(3))
    generate(job, "a", "b")
    assert job.status().code is Status.ITERATING
    assert (job._steps, job._lifecycle.outputs.values(), len(job._lifecycle.outputs)) == ([], [], 2)
    complete(job, "ab")
    assert job.result() == "ab"


def test_such_a_job_fails_over_malformed_edits_too(job: Job) -> None:
    job.keep_result_only()
    generate(job, "a")
    job.feed(Generating([["nonsense"]], True))
    assert isinstance(job.exception(PATIENCE), ProtocolError)


@pytest.mark.parametrize("reading", [Job.outputs, list], ids=["outputs", "iteration"])
def test_values_are_searched_for_files_from_the_first_message_on_that_mentions_one(
    host: Host, job: Job, reading: Callable[[Job], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: List[Any] = []

    def is_file(value: Any, index: int) -> bool:
        searched.append(value)
        return is_marked(value)

    monkeypatch.setattr(Files, "word", "gradio.FileData")
    monkeypatch.setattr(Files, "decode", None)
    monkeypatch.setattr(Files, "is_file", staticmethod(is_file))
    data, file = {"path": "data"}, {"path": "a", "meta": {"_type": "gradio.FileData"}}
    for message in (
        [[data]],
        [[["append", [], ["b"]]]],
        [[["append", [], [file]]]],
        [[["append", [], [data]]]],
    ):
        job.feed(Generating(message, True), json.dumps(message))
    complete(job, [data, "b", file, data])
    assert len(list(reading(job))) == 4
    assert searched == [data, file, data, file, data]


def test_last_value_is_searched_for_files_where_those_before_were_lost_in_a_cut(
    host: Host, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.read = lambda fetched, values, chunks=None: ["fetched"]  # type: ignore[method-assign,assignment]
    monkeypatch.setattr(Files, "word", "gradio.FileData")
    monkeypatch.setattr(Files, "decode", None, raising=False)
    edits, file = [[["append", [], ["c"]]]], {"path": "a", "meta": {"_type": "gradio.FileData"}}
    job.feed(StreamCut())
    job.feed(Generating(edits, True), json.dumps(edits))
    job.feed(Completed({"data": [[file]]}, True), json.dumps(file))
    assert job.outputs() == ["fetched"]


# --- status and logs


def test_status_follows_the_job(job: Job) -> None:
    assert job.status().code is Status.STARTING
    job.feed(Estimation(1, 2, 3.0))
    assert (job.status().code, job.status().rank, job.status().queue_size, job.status().eta) == (
        Status.IN_QUEUE,
        1,
        2,
        3.0,
    )
    job.feed(ProcessStarts(None))
    assert job.status().code is Status.PROCESSING
    unit = ProgressUnit(1, 2, "steps", None, None)
    job.feed(Progress((unit,)))
    assert job.status().progress_data == [unit]
    job.feed(Generating(["a"], True))
    assert (job.status().code, job.status().success) == (Status.ITERATING, True)
    complete(job, "a")
    assert (job.status().code, job.status().success, job.status().rank) == (Status.FINISHED, True, 0)


def test_status_after_a_failure_is_finished_without_success(job: Job) -> None:
    break_off(job)
    assert (job.status().code, job.status().success, job.status().rank) == (Status.FINISHED, False, 0)


def test_status_that_is_asked_for_is_noted(host: Host, job: Job) -> None:
    job.feed(Estimation(9, 9, 99.0))
    assert host.noted == []
    status = job.status()
    assert host.noted == [status]


def test_logs_are_all_kept(job: Job) -> None:
    for number in range(5):
        job.feed(Log(f"message {number}", "info", "T", 3, False))
        job.feed(ProcessStarts(None))
    complete(job, "a")
    logs = job.logs()
    assert [log.message for log in logs] == [f"message {number}" for number in range(5)]
    assert all(isinstance(log, LogUpdate) and log.title == "T" and not log.visible for log in logs)


# --- callbacks


def called(job: Job, *callbacks: Callable[..., Any]) -> None:
    for callback in callbacks:
        job.add_done_callback(callback)


def test_callback_gets_the_job(job: Job) -> None:
    got: concurrent.futures.Future[Any] = concurrent.futures.Future()
    job.add_done_callback(got.set_result)
    complete(job, "a")
    assert got.result(PATIENCE) is job


def test_callback_does_not_run_on_the_thread_that_ends_the_job(job: Job) -> None:
    names: concurrent.futures.Future[str] = concurrent.futures.Future()
    job.add_done_callback(lambda _: names.set_result(threading.current_thread().name))
    complete(job, "a")
    assert names.result(PATIENCE) == "test-callback"


def test_callbacks_run_one_after_the_other_in_order(job: Job) -> None:
    order: List[str] = []
    let_go, done = threading.Event(), threading.Event()

    def slow(_: Any) -> None:
        assert let_go.wait(PATIENCE)
        order.append("first")

    called(job, slow, lambda _: order.append("second"), lambda _: done.set())
    complete(job, "a")
    assert not done.wait(TINY)
    let_go.set()
    assert done.wait(PATIENCE)
    assert order == ["first", "second"]


@pytest.mark.parametrize(
    ("data", "arguments"), [(["a"], ("a",)), (["a", 1], ("a", 1)), ([], ()), ([["a", "b"]], (["a", "b"],))]
)
def test_result_callback_gets_the_parts_of_a_tuple(
    job: Job, data: List[Any], arguments: Tuple[Any, ...]
) -> None:
    got: concurrent.futures.Future[Tuple[Any, ...]] = concurrent.futures.Future()
    job.add_done_callback(*done_callbacks(lambda *args: got.set_result(args)))
    complete(job, *data)
    assert got.result(PATIENCE) == arguments


@pytest.mark.parametrize("end", [break_off, lambda job: job.cancel()])
def test_result_callback_is_skipped_where_there_is_no_result(job: Job, end: Callable[[Job], Any]) -> None:
    got: List[Any] = []
    done = threading.Event()
    called(job, *done_callbacks(got.append), lambda _: done.set())
    end(job)
    assert done.wait(PATIENCE)
    assert got == []


def test_failing_callback_is_logged_and_stops_no_other(job: Job, caplog: pytest.LogCaptureFixture) -> None:
    done = threading.Event()
    called(job, lambda _: 1 / 0, lambda _: done.set())
    with caplog.at_level(logging.ERROR):
        complete(job, "a")
        assert done.wait(PATIENCE)
    (record,) = caplog.records
    assert "callback" in record.message
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError
    assert job.result() == "a"


def test_callback_added_after_the_end_is_called_at_once(job: Job, caplog: pytest.LogCaptureFixture) -> None:
    complete(job, "a")
    got: List[Any] = []
    job.add_done_callback(got.append)
    assert got == [job]
    with caplog.at_level(logging.ERROR):
        job.add_done_callback(lambda _: 1 / 0)
    assert len(caplog.records) == 1


def test_callback_added_in_the_moment_of_the_end_finds_the_job_ended(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_result, arrived, let_go = job.set_result, threading.Event(), threading.Event()

    def slowly(result: Any) -> None:
        arrived.set()
        assert let_go.wait(PATIENCE)
        set_result(result)

    monkeypatch.setattr(job, "set_result", slowly)
    ending = in_thread(lambda: complete(job, "a"))
    assert arrived.wait(PATIENCE)
    seen: List[bool] = []
    adding = in_thread(lambda: job.add_done_callback(lambda done: seen.append(done.done())))
    with contextlib.suppress(concurrent.futures.TimeoutError):
        adding.result(TINY)  # whether it is called at once or waits, it must find the end
    let_go.set()
    adding.result(PATIENCE)
    ending.result(PATIENCE)
    assert seen == [True]


def test_callback_may_use_the_job(job: Job) -> None:
    got: concurrent.futures.Future[Dict[str, Any]] = concurrent.futures.Future()
    job.add_done_callback(
        lambda done: got.set_result(
            {"result": done.result(0), "outputs": job.outputs(), "status": job.status().code}
        )
    )
    complete(job, "a")
    assert got.result(PATIENCE) == {"result": "a", "outputs": ["a"], "status": Status.FINISHED}


# --- cancelling


def test_cancelled_job_is_cancelled_at_once_and_the_server_told(host: Host, job: Job) -> None:
    assert job.cancel() is True
    assert job.cancelled()
    assert job.done()
    assert job.status().code is Status.CANCELLED
    assert host.cancelled == [(job, True)]
    with pytest.raises(concurrent.futures.CancelledError):
        job.result(0)
    with pytest.raises(concurrent.futures.CancelledError):
        job.exception(0)


def test_cancelling_twice_tells_the_server_once(host: Host, job: Job) -> None:
    assert job.cancel() is True
    assert job.cancel() is True
    assert len(host.cancelled) == 1


@pytest.mark.parametrize("end", [break_off, lambda job: complete(job, "a")])
def test_cancelling_after_the_end_changes_nothing(host: Host, job: Job, end: Callable[[Job], Any]) -> None:
    end(job)
    before = job.status()
    assert job.cancel() is False
    assert job.status() == before
    assert host.cancelled == []


def test_cancelling_before_the_join_is_answered_tells_the_server_afterwards(host: Host) -> None:
    job = host.job()
    assert job.cancel() is True
    assert (host.cancelled, host.forgotten) == ([], [job])
    job.joined("e0")
    assert host.cancelled == [(job, False)]
    assert job.event_id == "e0"


def test_job_that_the_server_cancels_is_not_told_back(host: Host, job: Job) -> None:
    job.feed(Completed({}, True))
    assert job.cancelled()
    assert host.cancelled == []
    with pytest.raises(concurrent.futures.CancelledError):
        job.result(0)


def test_messages_after_a_cancel_are_ignored(job: Job) -> None:
    generate(job, "a")
    job.cancel()
    generate(job, "late")
    complete(job, "late")
    assert job.outputs() == ["a"]
    assert job.status().code is Status.CANCELLED


def test_who_waits_for_a_result_learns_of_the_cancel(job: Job) -> None:
    waiting = in_thread(lambda: job.result(PATIENCE))
    job.cancel()
    with pytest.raises(concurrent.futures.CancelledError):
        waiting.result(PATIENCE)


def test_cancel_and_completion_at_once_have_one_winner(host: Host) -> None:
    for _ in range(200):
        job = host.job()
        job.joined("e0")
        start = threading.Barrier(2)

        def cancel(job: Job = job, start: threading.Barrier = start) -> bool:
            start.wait(PATIENCE)
            return job.cancel()

        cancelling = in_thread(cancel)
        start.wait(PATIENCE)
        complete(job, "a")
        won: Optional[bool] = cancelling.result(PATIENCE)
        assert job.cancelled() is won
        assert (job.status().code is Status.CANCELLED) is won


@pytest.mark.parametrize("taken", [True, False])
def test_cancel_that_waits_says_whether_the_server_has_taken_it(job: Job, taken: bool) -> None:
    waiting = in_thread(lambda: job.cancel(wait=PATIENCE))
    while not job.cancelled():
        time.sleep(0.001)
    job.told(taken)
    assert waiting.result(PATIENCE) is taken
    assert job.cancel() is True
    assert job.cancel(wait=PATIENCE) is taken


def test_cancel_that_waits_in_vain_is_a_cancel_all_the_same(job: Job) -> None:
    assert job.cancel(wait=TINY) is False
    assert job.cancelled()


def test_cancel_of_a_job_that_was_not_sent_has_nothing_to_wait_for(host: Host) -> None:
    assert host.job().cancel(wait=PATIENCE) is True


def test_cancel_while_it_joins_waits_for_the_id(host: Host) -> None:
    job = host.job()
    job.request_body()
    assert job.cancel(wait=TINY) is False
    job.joined("e0")
    job.told(True)
    assert job.cancel(wait=PATIENCE) is True


def test_cancel_of_what_has_ended_on_the_server_has_nothing_to_wait_for(host: Host, job: Job) -> None:
    host.blocking, host.make = True, lambda data: threading.Event().wait(TINY)
    complete(job, "a")
    assert job.cancel(wait=PATIENCE) is job.cancelled()


@pytest.mark.parametrize("wait", [0, -1, "1", True])
def test_wait_of_a_cancel_is_a_number_of_seconds(job: Job, wait: Any) -> None:
    with pytest.raises(ArgumentError, match="wait must be a number of seconds"):
        job.cancel(wait=wait)
    assert job.running()


# --- interrupted, so that nobody waits any more


def test_abandoned_job_is_cancelled_at_once_and_the_server_told(host: Host, job: Job) -> None:
    job.abandon()
    assert job.cancelled()
    assert host.cancelled == [(job, False)]


def test_abandoned_job_that_its_driver_gave_up_is_told_to_the_server(host: Host, job: Job) -> None:
    """The driver was interrupted after the server had taken the job."""
    job.fail(KeyboardInterrupt())
    job.abandon()
    assert host.cancelled == [(job, False)]


@pytest.mark.parametrize("end", [break_off, lambda job: complete(job, "a")])
def test_abandoned_job_that_has_ended_on_the_server_is_not_told(
    host: Host, job: Job, end: Callable[[Job], Any]
) -> None:
    end(job)
    job.abandon()
    host.let_work_end()
    assert host.cancelled == host.forgotten == []


def test_cancelling_while_files_are_fetched_does_not_tell_the_server(host: Host, job: Job) -> None:
    let_go = threading.Event()
    host.blocking = True
    host.make = lambda data: let_go.wait(PATIENCE)
    complete(job, "a")
    assert job.cancel() is True
    let_go.set()
    host.let_work_end()
    assert host.cancelled == []
    assert job.cancelled()


# --- no more threads


def test_result_that_cannot_be_fetched_for_want_of_a_thread_fails_the_job(
    host: Host, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.blocking = True
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    complete(job, "a")
    assert isinstance(job.exception(0), ConnectionError)


def test_callbacks_that_get_no_thread_are_logged_and_the_job_ends(
    job: Job, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    job.add_done_callback(print)
    monkeypatch.setattr(threading.Thread, "start", no_thread)
    complete(job, "a")
    assert job.result(0) == "a"
    assert "callbacks" in caplog.text


def no_thread(self: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


# --- the end of the process


def test_end_that_comes_while_the_process_ends_the_job_is_too_late(host: Host, job: Job) -> None:
    reader = threading.Thread(target=break_off, args=(job,), daemon=True)

    class Jobs(Set[Any]):
        def discard(self, ended: Any) -> None:  # the job's end is being put on record
            if not reader.ident:
                reader.start()
                reader.join(0.2)
                assert reader.is_alive()

    host.live.jobs = Jobs()
    job.end_with_process()
    reader.join(PATIENCE)
    assert isinstance(job.exception(0), ClientClosed)
    assert kinds(list(job.updates(0))) == [Status.FINISHED, {"error": str(job.exception(0))}]


# --- forked


class Forked:
    """Does to a job what a fork does: another thread holds its lock, and will not let it go."""

    def __init__(self, job: Job) -> None:
        held = threading.Event()
        self.over = threading.Event()

        def hold() -> None:
            with job._changed, job._condition:
                held.set()
                self.over.wait(PATIENCE)

        threading.Thread(target=hold, daemon=True).start()
        assert held.wait(PATIENCE)
        job.after_fork()


@pytest.fixture
def fork() -> Iterator[Callable[[Job], None]]:
    with contextlib.ExitStack() as stack:
        yield lambda job: stack.callback(Forked(job).over.set)  # type: ignore[misc]


def test_copy_of_a_job_in_a_child_ends_and_calls_nobody_back(
    host: Host, job: Job, fork: Callable[[Job], None]
) -> None:
    called_back: List[Any] = []
    generate(job, "a")
    job.add_done_callback(called_back.append)
    fork(job)
    error = job.exception(0)
    assert isinstance(error, StreamLost)
    assert error.event_ids == ("e0",)
    assert "fork" in str(error)
    assert list(job) == job.outputs() == ["a"]
    assert kinds(list(job.updates(0)))[-2:] == [Status.FINISHED, {"error": str(error)}]
    assert job.cancel() is False
    host.let_work_end()
    assert called_back == host.cancelled == host.forgotten == []


@pytest.mark.parametrize(
    "end", [lambda job: complete(job, "a"), break_off, Job.cancel], ids=["result", "error", "cancelled"]
)
def test_job_that_ended_before_the_fork_is_what_it_was(
    job: Job, fork: Callable[[Job], None], end: Callable[[Job], Any]
) -> None:
    end(job)
    before = outcome(job)
    fork(job)
    assert outcome(job) == before


def outcome(job: Job) -> Any:
    try:
        return job.status(), job.exception(0) or job.result(0)
    except concurrent.futures.CancelledError:
        return job.status(), "cancelled"
