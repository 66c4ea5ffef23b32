"""HTTP answers that are no success, as the exceptions they stand for; and how long they ask to wait."""

from __future__ import annotations

import re
from typing import Any, Mapping, Optional

from ..errors import (
    AuthenticationError,
    GradioClientError,
    HTTPStatusError,
    ProtocolError,
    QueueError,
    ServerUnavailable,
    StreamLost,
    TooManyRequestsError,
    ValidationError,
)
from ..light import pattern
from .decoding import FEW_VALUES, read_json
from .lifecycle import app_error
from .texts import in_words
from .urls import bare_url, with_scheme

#: The longest that a server may ask a caller to wait, in seconds.
LONGEST_WAIT = 86400.0
_UNAVAILABLE = frozenset((502, 503, 504))
#: What queueing.py of 4.16 - 6.31 says in `push`; other answers of 503 are those of servers on the way.
_QUEUE_FULL = "queue is full"
#: How nginx, Apache, Go, Java and cheroot answer a plain request at their port for TLS.
_WANTS_TLS: Any = pattern(
    rb"http request (?:was sent )?to (?:an )?https (?:port|server)|plain http to an ssl|only speaks https"
    rb"|host and port requires tls",
    re.IGNORECASE,
)
_SIGN_IN: Any = pattern(
    r"log[io]n|signin(?!g)|cdn-cgi/access"
    r"|(?<![a-z])(?:log[-_][io]n|sign[-_]in|sso|o?auth2?|authorize|saml2?|adfs|openid)(?![a-z])",
    re.IGNORECASE,
)
#: Bytes of an answer that are searched for a hint at TLS.
_LONGEST_HINT = 1200
#: Bytes of a page that are searched.
_LONGEST_PAGE = 65536
_PASSWORD: Any = pattern(rb"<input\b[^>]{0,500}\btype\s*=\s*[\"']?password", re.IGNORECASE)


def refusal(
    status: int, body: bytes, url: str, doing: str, headers: Optional[Mapping[str, str]] = None
) -> GradioClientError:
    """The exception for the answer to a call, with a status that is not 2xx.

    Args:
        status: the HTTP status code.
        body: only a bounded part of it reaches a text.
        url: what was requested.
        doing: what the request was for, such as "calling /predict".
        headers: of the answer, which may hold a Retry-After.
    """
    content = _json(body) if status in (404, 422, 500, 503) else None
    detail = content.get("detail") if isinstance(content, dict) else None
    if status == 422:
        where = f"{bare_url(url)} answered {status} while {doing}"
        return ValidationError(validation_message(content) or f"{where}: {_text(content, body)}")
    # Direct calls report the function's exception as {"error": text} with status 500.
    if status == 500 and isinstance(content, dict) and "error" in content:
        return app_error(content)
    if status == 503 and isinstance(detail, str) and _QUEUE_FULL in detail.lower():
        return _waiting(QueueError("Queue is full! Please try again."), headers)
    if status == 404 and isinstance(detail, str) and "session not found" in detail.lower():
        return session_unknown(url)
    return status_error(status, body, url, doing, headers)


def status_error(
    status: int, body: bytes, url: str, doing: str, headers: Optional[Mapping[str, str]] = None
) -> GradioClientError:
    """The exception for the answer to any other request; see `refusal`."""
    shown = bare_url(url)
    where = f"{shown} answered {status} while {doing}"
    if status == 401:
        return AuthenticationError(f"{where}: it wants credentials. Pass auth=(user, password) or a token.")
    if status == 429:
        return _waiting(
            TooManyRequestsError("Too many requests to the API, please try again later."), headers
        )
    text = f"{where}: {_text(_json(body), body)}"
    if status in _UNAVAILABLE:
        text += ". It, or a server before it, is starting, overloaded or away; try again later."
        return _waiting(ServerUnavailable(text, status=status, url=shown), headers)
    if wants_tls(status, body) and shown.startswith("http://"):
        text += f". It speaks TLS: use {with_scheme(shown, 'https')}"
    return _waiting(HTTPStatusError(text, status=status, url=shown), headers)


def wants_tls(status: int, body: bytes) -> bool:
    """Whether a server says that its port speaks TLS, and the request did not."""
    return status == 400 and _WANTS_TLS.search(body, 0, _LONGEST_HINT) is not None


def session_unknown(url: str) -> StreamLost:
    """The error of jobs whose session the server does not know, although they were just joined under it.

    They were joined at another replica of the app. The jobs may run there, so that calling again would run
    the function once more and as likely lose its result.
    """
    error = StreamLost(
        f"The server at {bare_url(url)} does not know the session that the call was just joined under. The "
        "app seems to have several replicas without sticky sessions, so that requests of one client reach "
        "different ones; or it was restarted at this moment. Its owner must turn on session affinity (by "
        "cookie or address) in the load balancer, or run one replica; or pass the URL of one replica."
    )
    error.retryable = False
    return error


def sign_in_page(asked: str, reached: str, body: bytes) -> Optional[AuthenticationError]:
    """The error for an app whose URL was redirected to a page to sign in at; None for another page."""
    asked, reached = bare_url(asked), bare_url(reached)
    named = _SIGN_IN.search(reached) and not _SIGN_IN.search(asked)  # the app's own URL may hold such a word
    if asked == reached or not (named or _PASSWORD.search(body, 0, _LONGEST_PAGE)):
        return None
    return AuthenticationError(
        f"{asked} redirects to the sign-in page {reached}. What stands before the app wants to know who "
        "asks: pass the headers that it gives to programs (headers=…), or the cookies of a browser that has "
        "signed in there (httpx_kwargs={'cookies': …})."
    )


def epoch(text: Optional[str]) -> Optional[float]:
    """Read a date of a header, in seconds since 1970; None for whatever is no date."""
    from email.utils import mktime_tz, parsedate_tz

    try:
        date = parsedate_tz(text)
        return None if date is None else mktime_tz(date)
    except (ValueError, TypeError, IndexError, OverflowError):  # such as a day 99, or a NUL
        return None


def stated_wait(headers: Mapping[str, str], now: Optional[float] = None) -> Optional[float]:
    """The seconds that the Retry-After of an answer asks to wait, at most a day; None where it has none.

    Args:
        headers: of the answer.
        now: seconds since the epoch; None for the answer's own Date, which needs no clock that agrees.
    """
    after = headers.get("retry-after", "").strip()
    if re.fullmatch("[0-9]{1,20}", after):
        return min(float(after), LONGEST_WAIT)
    if not after:
        return None
    date, sent = epoch(after), epoch(headers.get("date", "")) if now is None else now
    if date is None or sent is None:
        return None
    return min(max(0.0, date - sent), LONGEST_WAIT)


def _waiting(error: GradioClientError, headers: Optional[Mapping[str, str]]) -> GradioClientError:
    error.retry_after = stated_wait(headers) if headers else None
    return error


def validation_message(content: Any) -> Optional[str]:
    """The text for a 422 of a function's validator; None for another 422 (gradio/queueing.py 6.31)."""
    detail = content.get("detail") if isinstance(content, dict) else None
    if not isinstance(detail, list):
        return None
    lines = [
        f"- {entry.get('parameter_name', f'parameter_{index}')}: {entry.get('message', '')}"
        for index, entry in enumerate(detail)
        if isinstance(entry, dict) and entry.get("__type__") == "validate" and entry.get("is_valid") is False
    ]
    return "\n".join([f"{len(lines)} parameter(s) failed validation:", *lines]) if lines else None


def _json(body: bytes) -> Any:
    try:
        return read_json(body, "The answer", FEW_VALUES)
    except ProtocolError:
        return None


def _text(content: Any, body: bytes) -> str:
    """Quote a body in one line: its detail, or its beginning without markup."""
    detail = content.get("detail") if isinstance(content, dict) else None
    return in_words(body if detail is None else str(detail).encode("utf-8", "replace")) or "(no text)"


def login_wanted(where: str) -> AuthenticationError:
    """The error for an app that has a login, named without secrets, of a client that was made without one."""
    return AuthenticationError(
        f"Could not load {where} as credentials were not provided. Please login. Pass auth=(user, password)."
    )
