"""Real servers that are spoken to in clear in place of TLS, and the other way round."""

from __future__ import annotations

import pytest

from gradio_client_lite import Client
from gradio_client_lite.errors import ConnectionLost, TLSError

from .servers import USER, Server

pytestmark = pytest.mark.whole


@pytest.mark.parametrize("auth", [None, USER])
def test_http_to_a_server_with_tls_says_to_use_https(https_server: Server, auth: object) -> None:
    with pytest.raises(ConnectionLost, match=f"use {https_server.url}"):
        Client(https_server.url.replace("https:", "http:"), auth=auth, verbose=False)  # type: ignore[arg-type]


def test_https_to_a_server_without_tls_says_to_use_http(auth_server: Server) -> None:
    with pytest.raises(TLSError, match=f"use {auth_server.url}") as caught:
        Client(auth_server.url.replace("http:", "https:"), verbose=False)
    assert "ssl_verify" not in str(caught.value)
