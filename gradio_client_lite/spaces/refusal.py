"""An answer of the Hub that is no success: its text, the exception it stands for, how long it asks to wait.

Source: huggingface_hub 0.34 - 2.4, `utils/_http.py`: the headers X-Error-Code, X-Error-Message, X-Request-Id,
Retry-After and RateLimit, and which of them count when.
"""

from __future__ import annotations

import re
import time
from typing import Any, List, Mapping, NamedTuple, Optional

from ..errors import (
    AuthenticationError,
    GradioClientError,
    HTTPStatusError,
    HubPermissionError,
    HubUnavailable,
    ProtocolError,
    SpaceDisabled,
    SpaceGated,
    SpaceNameTaken,
    SpaceNotFound,
    TooManyRequestsError,
    shorten,
)
from ..secrecy import Secrets
from ..wire.refusal import LONGEST_WAIT, stated_wait
from ..wire.serverjson import FEW_VALUES, read_json
from ..wire.texts import text_of

#: Characters of the Hub's words that an error shows, and of the request's id.
_EXCERPT, _ID_LENGTH = 300, 80
_DISABLED = "Access to this resource is disabled."
_SETTINGS = "https://huggingface.co/settings/tokens"
_RATE_LIMIT = re.compile(r"(?:^|[;,\s])([rt])\s*=\s*([0-9]{1,9})(?![0-9])")
#: Where the saved token goes, for those who wonder why it was not sent.
_SAVED = "sent to Hugging Face's hosts over TLS only."


class Question(NamedTuple):
    """What the Hub was asked.

    Args:
        doing: as texts say it, such as "looking for the Space owner/name".
        url: without query.
        space_id: the Space it is about; None when it is about none.
        with_token: whether a token was sent.
    """

    doing: str
    url: str
    space_id: Optional[str] = None
    with_token: bool = False


def refusal(question: Question, status: int, headers: Mapping[str, str], message: str) -> GradioClientError:
    """The exception for an answer with a status that is not 2xx; `message` is that of `message_of`."""
    error = _refusal(question, status, headers, message)
    error.retry_after = advised_wait(status, headers)
    return error


def _refusal(question: Question, status: int, headers: Mapping[str, str], message: str) -> GradioClientError:
    said = f"The Hugging Face Hub answered {status} while {question.doing}: {message}"
    code = headers.get("x-error-code", "")
    if code == "GatedRepo":
        return SpaceGated(f"{said} Ask for access at its page, with the account of the token.")
    if code == "DisabledRepo" or headers.get("x-error-message") == _DISABLED:
        return SpaceDisabled(f"{said} The Hub has disabled it; write to its owner.")
    # Without a token the Hub does not tell a private Space from one that is not there.
    unseen = status == 404 or (status == 401 and not question.with_token)
    if code == "RepoNotFound" or (question.space_id is not None and not code and unseen):
        return _not_found(question, said)
    if status == 401 and question.with_token:
        return AuthenticationError(
            f"{said} The token is not valid; make a new one at {_SETTINGS}. If none was passed, it is the "
            "one saved on this machine, in HF_TOKEN or a file; hf_token=False sends none."
        )
    if status == 401:
        return AuthenticationError(
            f"{said} It needs a token: pass hf_token, or set HF_TOKEN; a saved one is {_SAVED}"
        )
    if status in (402, 403):
        return HubPermissionError(f"{said} Pass a token that may do this; its rights are set at {_SETTINGS}.")
    if status == 409:
        return SpaceNameTaken(f"{said} Choose another name with to_id.")
    if status == 429:
        wait = advised_wait(status, headers)
        seconds = "" if wait is None else f" and says to wait for {wait:.0f} seconds"
        return TooManyRequestsError(f"{said} It wants fewer requests{seconds}; a token may ask more.")
    if status >= 500:
        return HubUnavailable(f"{said} Try again later; https://status.huggingface.co shows its state.")
    return HTTPStatusError(said, status=status, url=question.url)


def _not_found(question: Question, said: str) -> SpaceNotFound:
    advice = (
        "The token that was sent cannot see it."
        if question.with_token
        else f"If it is a private Space, please provide an hf_token; one saved on this machine is {_SAVED}"
    )
    return SpaceNotFound(f"Could not find Space: {question.space_id or 'the Space'}. {advice} {said}")


def message_of(headers: Mapping[str, str], body: bytes, secrets: Secrets) -> str:
    """What an answer says went wrong: bounded, and without secrets, which the Hub may quote.

    Args:
        body: of the answer, which may be JSON.
    """
    text = shown_text(headers.get("x-error-message") or _json_text(body) or "(no text)", secrets)
    request_id = shown_text(headers.get("x-request-id"), secrets, _ID_LENGTH)
    return f"{text} (request {request_id})" if request_id else text


def shown_text(text: Any, secrets: Secrets, limit: int = _EXCERPT) -> str:
    """A text of the Hub's, fit to be shown: without secrets, on one line, not much longer than `limit`."""
    return shorten(" ".join(secrets.blank(text_of(text) or "").split()), limit)


def advised_wait(status: int, headers: Mapping[str, str], now: Optional[float] = None) -> Optional[float]:
    """The seconds an answer asks to wait, at most a day; None when it does not say.

    Retry-After wins, in seconds or as a date. RateLimit comes with every answer, so its `t` counts only with
    a 429 and when `r` says that nothing is left.

    Args:
        now: seconds since the epoch; None for the clock's.

    Example:
        >>> advised_wait(429, {"ratelimit": '"api";r=0;t=55'})
        55.0
    """
    wait = stated_wait(headers, time.time() if now is None else now)
    if wait is not None or status != 429:
        return wait
    for policy in headers.get("ratelimit", "").split(","):
        limit = dict(_RATE_LIMIT.findall(policy))
        if limit.get("r") and int(limit["r"]) == 0 and "t" in limit:
            return min(float(limit["t"]), LONGEST_WAIT)
    return None


def _json_text(body: bytes) -> str:
    """The text in a JSON body: `error`, a string or a list of them, then the messages of `errors`."""
    try:
        content = read_json(body, "The answer", FEW_VALUES)
    except ProtocolError:
        return ""
    if not isinstance(content, dict):
        return ""
    error, errors = content.get("error"), content.get("errors")
    texts: List[Any] = error if isinstance(error, list) else [error]
    if isinstance(errors, list):
        texts = texts + [entry.get("message") for entry in errors if isinstance(entry, dict)]
    return "\n".join(text for text in texts if isinstance(text, str) and text)
