"""One client, many threads, all kinds of calls at once: each gets what it would get alone."""

from __future__ import annotations

import asyncio
import random
import time
import warnings
from concurrent.futures import CancelledError, ThreadPoolExecutor
from typing import Any, Iterator, List

import pytest

from gradio_client_lite import Client
from gradio_client_lite.errors import AppError, ClientClosed
from gradio_client_lite.updates import OutputUpdate

from .servers import Server

_DEADLINE = 60.0  # seconds, for what takes one
_THREADS = 6


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.url, verbose=False) as client:
        yield client


def _predict(client: Client, chance: random.Random) -> None:
    text = str(chance.random()) * chance.choice((1, 500))
    assert client.predict(text, api_name="/echo") == text


def _iterate(client: Client, chance: random.Random) -> None:
    n = chance.randint(1, 8)
    job = client.submit(n, 0.01, api_name="/count")
    assert list(job) == job.outputs() == list(range(n))


def _follow_growing_texts(client: Client, chance: random.Random) -> None:
    n = chance.randint(2, 40)
    job = client.submit(n, api_name="/grow")
    texts = list(job)
    assert len(texts) == n
    assert all(later.startswith(text) for text, later in zip(texts, texts[1:]))
    assert job.result(_DEADLINE) == texts[-1]


def _stream_messages(client: Client, chance: random.Random) -> None:
    *_, last = client.stream_messages(3, 0.01, api_name="/count")
    assert isinstance(last, OutputUpdate)
    assert (last.outputs, last.final) == (2, True)


def _async_for(client: Client, chance: random.Random) -> None:
    async def outputs() -> List[Any]:
        job = client.submit(3, 0.01, api_name="/count")
        return [update.outputs async for update in job if isinstance(update, OutputUpdate)]

    assert asyncio.run(outputs()) == [0, 1, 2, 2]


def _burst(client: Client, chance: random.Random) -> None:
    jobs = [client.submit(str(i), api_name="/noop") for i in range(20)]
    assert [job.result(_DEADLINE) for job in jobs] == [str(i) for i in range(20)]


def _fail(client: Client, chance: random.Random) -> None:
    with pytest.raises(AppError):
        client.predict("x", api_name="/gr_error")


def _cancel(client: Client, chance: random.Random) -> None:
    job = client.submit(50, 0.02, api_name="/count")
    time.sleep(chance.random() / 10)
    assert job.cancel()
    with pytest.raises(CancelledError):
        job.result(0)


def _leave_early(client: Client, chance: random.Random) -> None:
    for _ in client.stream_messages(50, 0.02, api_name="/count"):
        break


def _drop_a_client(client: Client, chance: random.Random) -> None:
    other = Client(client.src, verbose=False)
    job = other.submit("dropped", api_name="/echo")
    del other
    assert job.result(_DEADLINE) == "dropped"


def _close_a_client(client: Client, chance: random.Random) -> None:
    with Client(client.src, verbose=False) as other:
        jobs = [other.submit("closed", api_name="/echo") for _ in range(5)]
    for job in jobs:
        error = job.exception(_DEADLINE)
        assert isinstance(error, ClientClosed) if error else job.result() == "closed"


_OPERATIONS = (
    _predict,
    _iterate,
    _follow_growing_texts,
    _stream_messages,
    _async_for,
    _burst,
    _fail,
    _cancel,
    _leave_early,
    _drop_a_client,
    _close_a_client,
)


# There a job that is cancelled before its data came holds its place in the queue for five seconds.
@pytest.mark.servers(but=("4.0.2",))
def test_calls_of_all_kinds_at_once_do_not_disturb_each_other(client: Client) -> None:
    def run(seed: int) -> None:
        chance = random.Random(seed)  # each thread has an order of its own
        for operation in chance.sample(_OPERATIONS, len(_OPERATIONS)):
            operation(client, chance)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old servers cannot be told of a cancellation
        with ThreadPoolExecutor(_THREADS) as threads:
            for done in [threads.submit(run, seed) for seed in range(2 * _THREADS)]:
                done.result(2 * _DEADLINE)
