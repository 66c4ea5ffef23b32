"""A real app with a login that is started again, at the same place."""

from __future__ import annotations

import concurrent.futures
from contextlib import ExitStack
from typing import Callable, Iterator
from urllib.parse import urlsplit

import pytest

from gradio_client_lite import Client, Job
from gradio_client_lite.errors import StreamLost

from .servers import USER, Host, Server, running_server

_DEADLINE = 60.0  # seconds, for what takes a few

Restart = Callable[[], Server]


@pytest.fixture(scope="session")
def restart(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Restart]:
    """Start the server; the second time, in place of the first."""
    port = 0
    with Host(request.param, tmp_path_factory.mktemp("host")) as host, ExitStack() as running:

        def start() -> Server:
            nonlocal port
            running.pop_all().close()
            folder = tmp_path_factory.mktemp("restarted")
            server = running.enter_context(running_server(host.version, folder, "auth", port, host))
            port = urlsplit(server.url).port or 0
            return server

        yield start


def test_client_goes_on_after_a_restart(restart: Restart) -> None:
    url = restart().url
    with Client(url, auth=USER, verbose=False) as client:
        assert client.predict("a", api_name="/echo") == "a"
        waiting: Job = client.submit(30, api_name="/slow")
        with pytest.raises(concurrent.futures.TimeoutError):
            waiting.result(1.0)
        assert restart().url == url
        jobs = [client.submit(f"{number}", api_name="/echo") for number in range(10)]
        assert [job.result(_DEADLINE) for job in jobs] == [f"{number}" for number in range(10)]
        assert isinstance(waiting.exception(_DEADLINE), StreamLost)
