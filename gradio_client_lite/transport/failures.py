"""The single place where foreign exceptions become ours.

Sockets, `ssl` and `http.client` raise a dozen types; callers see the tree of errors.py. The cause is kept by
`raise translate(...) from exc` at the call.
"""

from __future__ import annotations

import errno
import socket
import sys
from http.client import BadStatusLine, HTTPException, IncompleteRead, RemoteDisconnected
from typing import Optional, Type

from ..errors import (
    ConnectFailed,
    ConnectionFailed,
    ConnectionLost,
    ConnectTimeout,
    DeadlineExceeded,
    GradioClientError,
    ProtocolError,
    ProxyError,
    ReadTimeout,
    TLSError,
    shorten,
)
from ..wire.urls import with_scheme
from .sockets import Deadline

# What sockets, ssl (its errors are OSErrors) and http.client raise.
FOREIGN = (OSError, HTTPException)
#: Why OpenSSL ends a handshake in which the other side did not answer in TLS.
_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG")
#: How a TLS server's alert begins, as text (RFC 8446 section 5.1).
_ALERT = "\x15\x03"


def translate_connect(
    exc: Exception, label: str, deadline: Deadline, *, proxy: Optional[str] = None, advice: str = ""
) -> GradioClientError:
    """Return our exception for a failure before the request was sent.

    Args:
        label: the URL asked for, without userinfo and query.
        deadline: of the whole request; tells a passed total limit from a slow connect.
        proxy: the proxy's URL without userinfo, when it was the proxy that could not be reached.
        advice: how to do without that proxy.
    """
    if isinstance(exc, GradioClientError):
        return exc
    error = _connect_error(exc, label, deadline, proxy)
    if advice:
        error.args = (shorten(f"{str(error).rstrip('.')}.{advice}"),)
    return error


def _connect_error(exc: Exception, label: str, deadline: Deadline, proxy: Optional[str]) -> GradioClientError:
    where = f"the proxy {proxy} (for {label})" if proxy else label
    if deadline.passed():
        return _too_late(label, deadline)
    if isinstance(exc, (socket.timeout, TimeoutError)):
        return ConnectTimeout(
            f"No connection to {where} was made in time. Check the address, or raise the connect timeout."
        )
    if _is_tls(exc):
        error = TLSError(_tls_advice(exc, where, with_scheme(proxy or label, "http")))
        error.retryable = _hung_up(_tls_reason(exc))  # a server that is just starting does so
        return error
    if isinstance(exc, HTTPException) and not isinstance(exc, RemoteDisconnected):
        return ProxyError(f"{where} did not answer in HTTP/1.1. Check the proxy's URL.")
    kind: Type[ConnectionFailed] = ProxyError if proxy else ConnectFailed
    if isinstance(exc, socket.gaierror):
        return kind(f"The host name of {where} could not be resolved. Check its spelling and the network.")
    if isinstance(exc, ConnectionRefusedError):
        return kind(f"The connection to {where} was refused. Is it running, and is the port right?")
    return kind(f"No connection to {where} could be made: {_reason(exc)}. Check the address and the network.")


def translate_exchange(exc: Exception, label: str, deadline: Deadline) -> GradioClientError:
    """Return our exception for a failure while sending a request or reading its answer."""
    if isinstance(exc, GradioClientError):
        return exc
    if deadline.passed():
        return _too_late(label, deadline)
    if isinstance(exc, socket.timeout) and exc.errno is None:
        return ReadTimeout(f"{label} sent nothing of use within the read timeout. Raise it, or try again.")
    if isinstance(exc, IncompleteRead):
        return ConnectionLost(f"The answer of {label} was cut short. Try again.")
    if isinstance(exc, BadStatusLine) and str(exc).startswith(_ALERT):
        return ProtocolError(f"{label} answered in TLS, not in plain http; use {with_scheme(label, 'https')}")
    if isinstance(exc, HTTPException) and not isinstance(exc, RemoteDisconnected):
        return ProtocolError(
            f"{label} did not answer in HTTP/1.1 ({type(exc).__name__}). Check that the URL, its scheme "
            "and its port belong to a web server."
        )
    if _is_tls(exc) and "ALERT" in str(getattr(exc, "reason", "")):
        # With TLS 1.3 the server judges a client certificate only after the handshake.
        return TLSError(_tls_advice(exc, label, with_scheme(label, "http")))
    return ConnectionLost(
        f"The connection to {label} broke before the answer was whole ({_reason(exc)}). The server may "
        "have acted on the request; try again if that does no harm."
    )


def _too_late(label: str, deadline: Deadline) -> DeadlineExceeded:
    if deadline.name:
        return DeadlineExceeded(
            f"The request to {label} was not done within {deadline.name}; make the client with a larger one."
        )
    return DeadlineExceeded(f"The request to {label} was not done by its deadline. Raise the total timeout.")


def _is_tls(exc: Exception) -> bool:
    ssl = sys.modules.get("ssl")  # nothing of it can be raised before it is imported; some Pythons have none
    return ssl is not None and isinstance(exc, ssl.SSLError)


def _tls_advice(exc: Exception, where: str, plain: str) -> str:
    reason = _tls_reason(exc)
    if "CERTIFICATE_VERIFY" in reason:
        detail = getattr(exc, "verify_message", "") or "not trusted"
        return (
            f"The TLS certificate of {where} was refused: {detail}. Pass ssl_verify='path/to/ca.pem' with "
            "the certificate authority to trust, or ssl_verify=False to accept any certificate."
        )
    if "ALERT" in reason:
        return f"{where} refused the TLS handshake ({reason}). It may want a client certificate: pass cert."
    if reason in _NO_TLS:
        return f"{where} does not speak TLS. If it is the right server, and speaks plain http, use {plain}"
    if _hung_up(reason):
        return f"{where} hung up in the TLS handshake ({reason}). If it speaks plain http, use {plain}"
    return (
        f"The TLS handshake with {where} failed ({reason}). The server may want other TLS settings: pass an "
        "ssl.SSLContext as ssl_verify."
    )


def _hung_up(reason: str) -> bool:
    return "EOF" in reason or "ZeroReturn" in reason


def _tls_reason(exc: Exception) -> str:
    return str(getattr(exc, "reason", "") or type(exc).__name__)


def _reason(exc: Exception) -> str:
    """Return a short reason without the foreign text, which may quote what was sent."""
    number = getattr(exc, "errno", None)
    if isinstance(exc, RemoteDisconnected):
        return "closed by the server"
    if isinstance(number, int) and number in errno.errorcode:
        return errno.errorcode[number]
    return type(exc).__name__
