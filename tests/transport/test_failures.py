"""Tests `failures.py`: what foreign exceptions become where no real server raises them."""

from __future__ import annotations

import ssl

import pytest

from gradio_client_lite.errors import ConnectionLost, TLSError
from gradio_client_lite.transport.failures import translate_connect, translate_exchange
from gradio_client_lite.transport.sockets import Deadline

NEVER = Deadline(None)


def of_tls(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, "foreign text")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "client certificate"),
        ("NO_PROTOCOLS_AVAILABLE", "other TLS settings"),
        ("WRONG_VERSION_NUMBER", "does not speak TLS"),
        ("UNEXPECTED_EOF_WHILE_READING", "hung up"),
    ],
)
def test_failed_handshake_says_what_to_do(reason: str, said: str) -> None:
    error = translate_connect(of_tls(reason), "https://host/", NEVER)
    assert isinstance(error, TLSError)
    assert said in str(error)
    assert "foreign" not in str(error)


def test_certificate_may_be_refused_after_the_handshake() -> None:
    error = translate_exchange(of_tls("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "https://host/", NEVER)
    assert isinstance(error, TLSError)
    assert isinstance(translate_exchange(of_tls("BAD_RECORD"), "https://host/", NEVER), ConnectionLost)
