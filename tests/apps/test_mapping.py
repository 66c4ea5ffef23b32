"""Many inputs for one endpoint of real servers."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any, List

import pytest

from gradio_client_lite import Client, handle_file
from gradio_client_lite.app.endpoint import find_endpoint
from gradio_client_lite.batch import lane
from gradio_client_lite.errors import AppError
from gradio_client_lite.updates import Status

from .servers import Server


@pytest.mark.servers("3.23.0", "3.50.2", "4.0.2", "4.44.1", "6.31.0")  # one of each kind of queue
def test_every_kind_of_queue_gives_each_input_its_result(server: Server) -> None:
    with Client(server.url, verbose=False, timeout=60.0) as client:
        texts = [str(n) for n in range(40)]
        assert list(client.map(texts, api_name="/noop")) == texts
        assert sorted(client.map(texts, api_name="/noop", ordered=False)) == sorted(texts)
        described = find_endpoint(client.endpoints, "/calculate", None)
        names = [parameter.get("parameter_name") for parameter in described.parameters_info or ()]
        by_name = dict(zip(names, (6, "divide", 2))) if all(names) else (6, "divide", 2)
        inputs: List[Any] = [(2, "add", 3), by_name, (1, "divide", 0)]
        five, three, error = client.map(inputs, api_name="/calculate", on_error="return")
        assert (five, three) == (5, 3)
        assert isinstance(error, AppError)
        # The values of generators that run at the same time stay apart, in whatever session they run.
        assert list(client.map([(n, 0.01) for n in (1, 5, 3)], api_name="/count")) == [0, 4, 2]


@pytest.mark.servers("3.50.2", "6.31.0")
def test_calls_share_the_state_of_their_session(server: Server) -> None:
    with Client(server.url, verbose=False, timeout=60.0) as client:
        counted = client.map(itertools.repeat(("a", "b"), 3), api_name="/count_calls", max_in_flight=1)
        assert [text for text, *_ in counted] == ["a 1 b", "a 2 b", "a 3 b"]


def test_full_queue_gets_all_calls_through(
    small_queue_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "RESTS", [0.1, 1.0])
    with Client(small_queue_server.url, verbose=False) as client:
        rows = list(client.map(itertools.repeat(0.05, 12), retries=30, rows=True))
    assert [(row.result, row.error) for row in rows] == [(0.05, None)] * 12
    assert max(row.attempts for row in rows) > 1


@pytest.mark.servers("6.31.0")
def test_closing_it_ends_the_calls_at_the_server(server: Server) -> None:
    with Client(server.url, verbose=False) as client:
        names = [f"closed {n}" for n in range(3)]
        results = client.map(
            [*((name, 100) for name in names), ("last", 0)], api_name="/traced", ordered=False
        )
        next(results)  # of the last one
        jobs = list(client._calls.live.jobs)
        results.close()
        assert [job.status().code for job in jobs] == [Status.CANCELLED] * 3
        assert all(job.cancel(wait=10.0) for job in jobs)


@pytest.mark.servers("6.31.0")
def test_event_loop_goes_through_the_results(server: Server) -> None:
    async def main(client: Client) -> List[str]:
        return [text async for text in client.map(map(str, range(30)), api_name="/noop")]

    with Client(server.url, verbose=False) as client:
        assert asyncio.run(main(client)) == [str(n) for n in range(30)]


@pytest.mark.servers("6.31.0")
def test_files_are_sent_and_fetched(file_server: Server, tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.txt" for n in range(5)]
    for path in paths:
        path.write_text(path.stem)
    with Client(file_server.url, verbose=False, download_files=tmp_path / "down") as client:
        results = client.map(map(handle_file, map(str, paths)), api_name="/file")
        assert [Path(path).read_text() for path in results] == ["0", "1", "2", "3", "4"]
