"""Many threads at one client, switched and collected wherever that can be: every value is right, all ends.

`tox -e stress` runs the tests of sessions old and new under the same stress; these are for every run.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import random
import threading
from typing import Any, Callable, Iterator, List

import pytest
from stress import giving_way, stressed
from transport import sockets
from transport.peers import Peer, Request
from traps import little_to_collect

from gradio_client_lite import Client, testing
from gradio_client_lite.workers import Workers

from .badserver import BadServer, Hangup
from .test_calling import wait_until
from .test_finalisers import LONG, within
from .test_old_servers import old_config
from .test_process import threads

Serve = Callable[..., BadServer]

THREADS = 4
SEED = 16


@pytest.fixture(autouse=True)
def _stress() -> Iterator[None]:
    print("seed", SEED)
    with little_to_collect(), stressed(SEED), giving_way(SEED):
        yield
        wait_until(lambda: threads() == [], LONG)


def side_by_side(work: Callable[[int], object], count: int = THREADS) -> None:
    """Have threads do it at once, each with its number; what any of them raises is raised."""
    together = threading.Barrier(count)
    errors: List[BaseException] = []

    def run(number: int) -> None:
        try:
            together.wait(LONG)
            work(number)
        except BaseException as exc:
            errors.append(exc)

    others = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(count)]
    for thread in others:
        thread.start()
    for thread in others:
        thread.join(LONG)
        assert not thread.is_alive(), "deadlock"
    if errors:
        raise errors[0]


class User:
    """Does with a client, in an order of its own, what users do, and knows what must come of it."""

    def __init__(self, client: Client, number: int) -> None:
        self._client = client
        self._number = number
        self._chance = random.Random(SEED + number)
        self.acts: List[Callable[[str], None]] = [self.predict, self.submit, self.cancel, self.call_back]

    def use(self, times: int) -> None:
        for n in range(times):
            self._chance.choice(self.acts)(f"{self._number}-{n}")

    def predict(self, text: str) -> None:
        assert self._client.predict(text, api_name="/echo") == text

    def submit(self, text: str) -> None:
        jobs = [self._client.submit(f"{text}-{n}", api_name="/echo") for n in range(3)]
        assert [job.result(LONG) for job in jobs] == [f"{text}-{n}" for n in range(3)]

    def cancel(self, text: str) -> None:
        job = self._client.submit(text, api_name="/echo")
        if job.cancel():
            with pytest.raises(concurrent.futures.CancelledError):
                job.result(LONG)
        else:
            assert job.result(LONG) == text

    def call_back(self, text: str) -> None:
        called: List[Any] = []
        came = threading.Semaphore(0)
        job = self._client.submit(text, api_name="/echo", result_callbacks=called.append)
        for _ in range(3):
            job.add_done_callback(lambda _: came.release())
        for _ in range(3):
            assert came.acquire(timeout=LONG)
        assert job.result(LONG) == text
        assert not came.acquire(blocking=False)
        # Those that were added after the end may have been called before this one, on this thread.
        wait_until(lambda: called == [text], LONG)


class UserOfNow(User):
    """Streams, and leaves sessions, as well."""

    def __init__(self, client: Client, number: int) -> None:
        super().__init__(client, number)
        self.acts += [self.iterate, self.forget, self.map, self.reset]

    def iterate(self, text: str) -> None:
        assert list(self._client.submit(text, api_name="/spell")) == [text[: n + 1] for n in range(len(text))]

    def forget(self, text: str) -> None:
        updates = self._client.stream_messages(text, api_name="/spell")
        next(updates)

    def map(self, text: str) -> None:
        inputs = [f"{text}-{n}" for n in range(5)]
        assert list(self._client.map(inputs, api_name="/echo", max_in_flight=3)) == inputs

    def reset(self, _: str) -> None:
        self._client.reset_session()


def assert_that_all_ended(client: Client) -> None:
    calls, pool = client._calls, client._app.transport._pool
    wait_until(lambda: not calls.live.jobs and not calls.live.untold, LONG)
    client.close()
    assert pool.counts() == (0, 0)


def spell(text: str) -> Iterator[str]:
    for n in range(len(text)):
        yield text[: n + 1]


def test_threads_share_a_client_of_a_session() -> None:
    functions = {"/echo": lambda text: text, "/spell": spell}
    with testing.serve(functions, threads=20) as app:
        client = Client(app.url, verbose=False)
        side_by_side(lambda number: UserOfNow(client, number).use(60))
        assert_that_all_ended(client)


def test_stream_that_ends_as_the_next_call_joins_is_opened_again() -> None:
    with testing.serve({"/echo": lambda text: text}, threads=20) as app:
        client = Client(app.url, verbose=False)

        def call(number: int) -> None:
            for n in range(60):
                job = client.submit(f"{number}-{n}", api_name="/echo")
                assert job.result(LONG) == f"{number}-{n}"

        side_by_side(call, 2)
        assert_that_all_ended(client)


def echo_by_socket(peer: Peer, request: Request) -> None:
    """Run /echo of an app of Gradio 3.50."""
    sockets.begin_job(peer, request)
    data = sockets.read_json(peer)["data"]
    peer.send(sockets.message("process_starts"))
    peer.send(sockets.message("process_completed", output={"data": data}, success=True))
    raise Hangup


# It runs what cannot be cancelled any more.
@pytest.mark.filterwarnings("ignore:Cancelling this job will not stop the server")
def test_threads_share_a_client_of_an_old_server(serve: Serve) -> None:
    client = Client(serve(config=old_config(), join=echo_by_socket).url, verbose=False)
    side_by_side(lambda number: User(client, number).use(60))
    assert_that_all_ended(client)


def test_clients_are_closed_under_calls() -> None:
    with testing.serve({"/echo": lambda text: text, "/spell": spell}, threads=20) as app:
        for _ in range(5):
            client = Client(app.url, verbose=False)
            jobs: List[Any] = [client.submit(str(n), api_name="/echo") for n in range(5)]

            def act(number: int, client: Client = client, jobs: List[Any] = jobs) -> None:
                if number == 0:
                    client.close()
                else:
                    jobs[number].exception(LONG)

            within(LONG, lambda act=act: side_by_side(act))  # type: ignore[misc]
            for n, job in enumerate(jobs):
                assert job.done()
                assert job.exception() is not None or job.result() == str(n)


def test_job_has_one_end_whoever_brings_it() -> None:
    with testing.serve({"/echo": lambda text: text}, threads=20) as app:
        client = Client(app.url, verbose=False)
        for n in range(40):
            end_at_once(client, str(n))
        client.close()


def end_at_once(client: Client, text: str) -> None:
    """Cancel a job, wait for it and ask to be called back, all just when it ends."""
    job: Any = client.submit(text, api_name="/echo")
    called = threading.Semaphore(0)

    def ask() -> None:
        for _ in range(9):
            job.add_done_callback(lambda _: called.release())

    def act(number: int) -> None:
        with contextlib.suppress(concurrent.futures.CancelledError):
            (ask, job.cancel, job.result)[number]()

    side_by_side(act, 3)
    for _ in range(9):
        assert called.acquire(timeout=LONG)
    assert not called.acquire(blocking=False)
    assert job.cancelled() or job.result() == text


def test_every_task_is_run_once() -> None:
    pool, done = Workers(3, "gradio-test", idle=0.0), []  # type: ignore[var-annotated]

    def submit(number: int) -> None:
        for n in range(100):
            pool.submit(done.append, (number, n))

    side_by_side(submit)
    pool.stop()
    wait_until(lambda: pool.threads == 0, LONG)
    assert sorted(done) == [(number, n) for number in range(THREADS) for n in range(100)]
    assert pool._waiting == 0
