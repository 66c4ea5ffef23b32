"""What apps of Gradio 3 have otherwise: a place in one queue, endpoints without names."""

from __future__ import annotations

import pytest

from gradio_client_lite import Client
from gradio_client_lite.errors import AppError, QueueError, UnknownEndpointError
from gradio_client_lite.updates import Status, StatusUpdate

from .servers import Server

_DEADLINE = 60.0  # seconds, for what takes one


def test_a_full_queue_refuses_a_job(small_queue_server: Server) -> None:
    with Client(small_queue_server.url, verbose=False) as client:
        jobs = [client.submit(0.5) for _ in range(4)]
        failures = [job.exception(_DEADLINE) for job in jobs]
        assert None in failures
        refused = [failure for failure in failures if failure is not None]
        assert refused
        assert all(isinstance(failure, QueueError) for failure in refused)


@pytest.mark.servers("3.50.2")
def test_a_waiting_job_knows_its_place(small_queue_server: Server) -> None:
    with Client(small_queue_server.url, verbose=False) as client:
        running = client.submit(1)
        next(update for update in running.updates(_DEADLINE) if update["code"] is Status.PROCESSING)
        waiting = client.submit(0)
        place = next(
            update
            for update in waiting.updates(_DEADLINE)
            if isinstance(update, StatusUpdate) and update.code is Status.IN_QUEUE
        )
        assert (place.rank, place.queue_size) == (0, 1)
        assert waiting.result(_DEADLINE) == 0


@pytest.mark.servers("3.23.0", "3.50.2")
def test_an_endpoint_without_a_name_is_called_by_its_number(server: Server) -> None:
    with Client(server.url, verbose=False) as client:
        unnamed = [
            endpoint.fn_index
            for endpoint in client.endpoints.values()
            if not isinstance(endpoint.api_name, str) and endpoint.spec.backend_fn and endpoint.is_valid
        ]
        results = {client.predict("x", fn_index=number) for number in unnamed}
        assert {"named: x", "lambda: x"} <= results
        with pytest.raises(UnknownEndpointError):
            client.predict("x", api_name="/named_by_function")


@pytest.mark.servers("3.23.0", "3.50.2")
def test_a_function_of_javascript_alone_cannot_be_called(server: Server) -> None:
    with Client(server.url, verbose=False) as client, pytest.raises(AppError, match="not defined"):
        client.predict("x", api_name="/javascript_only")
