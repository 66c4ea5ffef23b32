"""Tests the part of `helpers.py` for files as base64.

tests/apps/test_official_helpers.py compares it with the official client's.
"""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from transport.peers import Peer, PeerServer, answer

from gradio_client_lite.errors import ConnectFailed, HTTPStatusError
from gradio_client_lite.utils import helpers as dataurls


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


def test_file_goes_to_text_and_back(tmp_path: Path) -> None:
    content = bytes(range(256))
    path = tmp_path / "a.png"
    path.write_bytes(content)
    text = dataurls.encode_url_or_file_to_base64(path)
    assert text == "data:image/png;base64," + base64.b64encode(content).decode()
    assert dataurls.decode_base64_to_binary(text) == (content, "png")
    with dataurls.decode_base64_to_file(text, dir=tmp_path) as file:
        copy = Path(file.name)
    assert copy.read_bytes() == content
    assert copy.suffix == ".png"
    assert copy.parent.parent == tmp_path


def test_url_is_fetched_without_any_credentials() -> None:
    def give(peer: Peer) -> None:
        peer.request()
        peer.send(answer(b"\x89PNG"))

    with PeerServer(give) as server:
        text = dataurls.encode_url_or_file_to_base64(f"{server.url}a.png")
        assert text == "data:image/png;base64," + base64.b64encode(b"\x89PNG").decode()
        (request,) = server.requests
    assert request.path == "/a.png"
    assert not {"cookie", "authorization", "x-hf-authorization"} & set(request.headers)


def test_url_that_gives_no_file_is_a_typed_error() -> None:
    def refuse(peer: Peer) -> None:
        peer.request()
        peer.send(answer(b"gone", "404 Not Found"))

    with PeerServer(refuse) as server, pytest.raises(HTTPStatusError, match="answered 404 while fetching"):
        dataurls.encode_url_to_base64(f"{server.url}a.png")


def test_url_that_is_not_there_is_a_typed_error() -> None:
    with PeerServer() as server:
        url = server.url
    with pytest.raises(ConnectFailed):
        dataurls.encode_url_to_base64(url)


def test_name_of_a_decoded_file_cannot_leave_its_folder(tmp_path: Path) -> None:
    with dataurls.decode_base64_to_file("YQ==", "../../etc/passwd", tmp_path) as file:
        assert Path(file.name).parent.parent == tmp_path
    with dataurls.decode_base64_to_file("YQ==", dir=tmp_path, prefix="../x/y") as file:
        assert Path(file.name).parent.parent == tmp_path
