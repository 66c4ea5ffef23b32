"""Tests `official.py`; tests/apps/moving compares its values with those of the official client."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator

import pytest

from gradio_client_lite import Client
from gradio_client_lite.app.endpoint import Endpoint
from gradio_client_lite.app.official import dependency_of
from gradio_client_lite.files.saving import default_folder
from gradio_client_lite.testing import serve
from gradio_client_lite.wire.config import parse_config


@pytest.fixture
def url() -> Iterator[str]:
    with serve({"/echo": lambda text: text, "/other": lambda: 1}) as app:
        yield app.url


def test_urls_of_an_app(url: str) -> None:
    with Client(url, verbose=False) as client:
        api = f"{url}gradio_api/"
        assert client.src_prefixed == api
        assert client.api_url == f"{api}api/predict/"
        assert client.sse_url == f"{api}queue/data"
        assert client.sse_data_url == client.ws_url.replace("ws", "http", 1) == f"{api}queue/join"
        assert client.heartbeat_url.format(session_hash="x") == f"{api}heartbeat/x"
        assert client.upload_url == f"{api}upload"
        assert client.reset_url == f"{api}reset"
        assert client.analytics_enabled is False


def test_urls_of_jobs_with_streams_of_their_own(url: str) -> None:
    with Client(url, verbose=False) as client:
        client._app.dialect = client._app.dialect._replace(queue="stream")
        assert client.sse_url == f"{url}gradio_api/queue/join"
        assert client.sse_data_url == f"{url}gradio_api/queue/data"


def test_output_dir_is_a_text_wherever_files_go(url: str, tmp_path: Path) -> None:
    for folder, expected in ((tmp_path, str(tmp_path)), (None, default_folder()), (False, default_folder())):
        given: Any = folder
        with Client(url, verbose=False, download_files=given) as client:
            assert client.output_dir == expected


def test_endpoint_of_an_app(url: str) -> None:
    with Client(url, verbose=False) as client:
        echo, other = client.endpoints.values()
        assert (echo.dependency["api_name"], other.dependency["api_name"]) == ("echo", "other")
        assert echo.protocol == client.protocol
        assert echo.root_url == client.src_prefixed
        assert (echo.backend_fn, echo.api_visibility) == (True, "public")
        (kind,) = echo.input_component_types
        assert (kind.skip, kind.value_is_file, kind.is_state) == (False, False, False)
        assert (len(other.input_component_types), len(other.output_component_types)) == (0, 1)


def test_dependency_is_found_by_its_number_or_its_place() -> None:
    first, second = {"id": 7}, {"inputs": []}
    config = {"dependencies": [first, second, "broken", {"id": 7, "last": True}]}
    assert dependency_of(config, 7) == {"id": 7, "last": True}
    assert dependency_of(config, 1) is second
    assert dependency_of(config, 2) == {}


def test_endpoint_without_an_app() -> None:
    spec = parse_config({"dependencies": [{}]}, "http://host/").endpoints[0]
    endpoint = Endpoint(spec, dict)
    assert (endpoint.dependency, endpoint.protocol, endpoint.root_url) == ({}, "", "")
