"""Files of real apps that want a login and limit what may be sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterator
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from gradio_client_lite import Client, handle_file
from gradio_client_lite.errors import FileTooLarge

from .servers import USER, Server

LIMIT = 10 * 1024


@pytest.fixture
def client(private_file_server: Server, tmp_path: Path) -> Iterator[Client]:
    with Client(private_file_server.url, auth=USER, verbose=False, download_files=tmp_path) as client:
        yield client


def uploaded(client: Client, content: bytes) -> Dict[str, Any]:
    """A file that only those who are logged in can fetch, as the server describes it."""
    with Client(client.src, auth=USER, verbose=False, download_files=False) as other:
        return dict(other.predict(handle_file(content, name="x.txt"), api_name="/file"))


def test_a_file_goes_both_ways(client: Client) -> None:
    assert Path(client.predict(handle_file(b"secret"), api_name="/file")).read_bytes() == b"secret"


def test_the_url_of_a_private_file_is_sent_as_its_content(client: Client) -> None:
    url = uploaded(client, b"secret")["url"]
    assert Path(client.predict(handle_file(url), api_name="/file")).read_bytes() == b"secret"


def test_nobody_else_gets_at_the_url_of_a_private_file(client: Client) -> None:
    """Which is why its content is sent: the server has no login of its own."""
    url = uploaded(client, b"secret")["url"]
    with pytest.raises(HTTPError, match="401") as refused:
        urlopen(url, timeout=60)
    refused.value.close()  # it holds the answer's connection, which Python 3.14 and later want closed


def test_a_file_of_the_greatest_size_is_taken(client: Client) -> None:
    assert client.config["max_file_size"] == LIMIT
    content = bytes(LIMIT)
    assert Path(client.predict(handle_file(content), api_name="/file")).read_bytes() == content


def test_a_larger_file_is_refused_before_it_is_sent(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(bytes(LIMIT + 1))
    with pytest.raises(FileTooLarge, match=f"large.bin exceeds the maximum file size of {LIMIT} bytes"):
        client.submit(handle_file(path), api_name="/file")


def test_the_app_refuses_what_grew_too_large_meanwhile(client: Client) -> None:
    """The server's own check, which a client that knows no limit runs into."""
    client._app.spec = client._app.spec._replace(max_file_size=None)
    with pytest.raises(FileTooLarge, match="413"):
        client.predict(handle_file(bytes(2 * LIMIT)), api_name="/file")
