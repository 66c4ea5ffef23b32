"""An answer of the Hub that is no success, as the exception it stands for, and how long to wait after it.

Source: huggingface_hub 0.34 - 2.4, `utils/_http.py`: the headers X-Error-Code, X-Error-Message, X-Request-Id,
Retry-After and RateLimit, and which of them count when.

Names of Spaces, checked before anything is sent.

Source: huggingface_hub 0.34 - 2.4, `validate_repo_id`.
"""

from __future__ import annotations

import re
import time
from typing import Any, Iterable, List, Mapping, NamedTuple, Optional, Union

from ..errors import (
    AuthenticationError,
    GradioClientError,
    HTTPStatusError,
    HubPermissionError,
    HubUnavailable,
    InvalidSpaceId,
    ProtocolError,
    SpaceDisabled,
    SpaceGated,
    SpaceNameTaken,
    SpaceNotFound,
    TooManyRequestsError,
    shorten,
)
from ..secrecy import Secrets
from ..transport.url import scrub
from ..wire.decoding import FEW_VALUES, read_json
from ..wire.refusal import LONGEST_WAIT, stated_wait

_EXCERPT = 300
_DISABLED = "Access to this resource is disabled."
_SETTINGS = "https://huggingface.co/settings/tokens"
_RATE_LIMIT = re.compile(r"(?:^|[;,\s])([rt])\s*=\s*([0-9]{1,9})(?![0-9])")


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
    """The exception for an answer with `status`, which is not 2xx, and how long it asks to wait.

    Args:
        question: what was asked.
        status: the HTTP status code.
        headers: of the answer, names in any case.
        message: what the Hub says, fit for a text; see `message_of`.
    """
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
    if _is_missing(question, status, code):
        return _not_found(question, said)
    if status == 401:
        return _unauthorised(question, said)
    if status in (402, 403):
        return HubPermissionError(f"{said} Pass a token that may do this; its rights are set at {_SETTINGS}.")
    if status == 409:
        return SpaceNameTaken(f"{said} Choose another name with to_id.")
    if status == 429:
        return TooManyRequestsError(
            f"{said} It wants fewer requests{_in_seconds(headers)}; a token may ask more."
        )
    if status >= 500:
        return HubUnavailable(f"{said} Try again later; https://status.huggingface.co shows its state.")
    return HTTPStatusError(said, status=status, url=question.url)


def message_of(headers: Mapping[str, str], body: bytes, hide: Union[Secrets, Iterable[str]]) -> str:
    """What an answer says went wrong: one line of bounded length, without what must not be shown.

    Args:
        headers: of the answer.
        body: its body, which may be JSON.
        hide: tokens and other secrets, which the Hub may quote.
    """
    secrets = hide if isinstance(hide, Secrets) else Secrets(*hide)
    text = headers.get("x-error-message") or _json_text(body) or "(no text)"
    request_id = headers.get("x-request-id", "")
    text = shortened(secrets.blank(text))
    return text + (f" (request {shortened(secrets.blank(request_id), 80)})" if request_id else "")


def shortened(text: str, limit: int = _EXCERPT) -> str:
    """`text` on one line and not much longer than `limit`."""
    return shorten(" ".join(text.split()), limit)


def advised_wait(status: int, headers: Mapping[str, str], now: Optional[float] = None) -> Optional[float]:
    """The seconds an answer asks to wait, at most a day; None when it does not say.

    Args:
        status: of the answer.
        headers: of the answer. Retry-After wins, in seconds or as a date. RateLimit comes with every answer,
            so its `t` counts only with a 429 and when `r` says that nothing is left.
        now: seconds since the epoch; None for the clock's.

    Example:
        >>> advised_wait(429, {"ratelimit": '"api";r=0;t=55'})
        55.0
    """
    wait = stated_wait(headers, time.time() if now is None else now)
    if wait is not None:
        return wait
    if status != 429:
        return None
    for policy in headers.get("ratelimit", "").split(","):
        limit = dict(_RATE_LIMIT.findall(policy))
        if limit.get("r") and int(limit["r"]) == 0 and "t" in limit:
            return min(float(limit["t"]), LONGEST_WAIT)
    return None


def _is_missing(question: Question, status: int, code: str) -> bool:
    if code == "RepoNotFound":
        return True
    if question.space_id is None or code:
        return False
    return status == 404 or (status == 401 and not question.with_token)


def _not_found(question: Question, said: str) -> GradioClientError:
    space = question.space_id or "the Space"
    advice = (
        "The token that was sent cannot see it."
        if question.with_token
        else "If it is a private Space, please provide an hf_token; one saved on this machine is sent to "
        "Hugging Face's hosts over TLS only."
    )
    return SpaceNotFound(f"Could not find Space: {space}. {advice} {said}")


def _unauthorised(question: Question, said: str) -> GradioClientError:
    if question.with_token:
        return AuthenticationError(
            f"{said} The token is not valid; make a new one at {_SETTINGS}. If none was passed, it is the "
            "one saved on this machine, in HF_TOKEN or a file; hf_token=False sends none."
        )
    return AuthenticationError(
        f"{said} It needs a token: pass hf_token, or set HF_TOKEN; a saved one is sent to Hugging Face's "
        "hosts over TLS only."
    )


def _in_seconds(headers: Mapping[str, str]) -> str:
    wait = advised_wait(429, headers)
    return "" if wait is None else f" and says to wait for {wait:.0f} seconds"


def _json_text(body: bytes) -> str:
    """The text in a JSON body: `error`, a string or a list of them, then the messages of `errors`."""
    try:
        content = read_json(body, "The answer", FEW_VALUES)
    except ProtocolError:
        return ""
    if not isinstance(content, dict):
        return ""
    errors: Any = content.get("errors")
    texts = _texts(content.get("error")) + [
        text
        for entry in (errors if isinstance(errors, list) else [])
        for text in _texts(entry.get("message") if isinstance(entry, dict) else None)
    ]
    return "\n".join(texts)


def _texts(value: Any) -> List[str]:
    given = value if isinstance(value, list) else [value]
    return [text for text in given if isinstance(text, str) and text]


_ID_PART = re.compile(r"[A-Za-z0-9._-]+\Z").match
_LONGEST_ID = 96
_TOKEN = re.compile(r"hf_[A-Za-z0-9]{30,}")
_RULES = (
    f"Such a name has letters, digits, '.', '_' and '-', at most one '/' and {_LONGEST_ID} characters, no "
    "'--', no '..', no '.git' at its end, and begins and ends with a letter, a digit or '_'."
)


def check_space_id(space_id: Any, name: str = "src") -> str:
    """Return a Space's name, "owner/name", if it can be one.

    Args:
        space_id: what the caller gave.
        name: what the caller calls it.

    Raises:
        InvalidSpaceId: it cannot; nothing was sent.

    Example:
        >>> check_space_id("gradio/calculator")
        'gradio/calculator'
    """
    if not _is_repo_name(space_id) or "/" not in space_id:
        url = " or the URL of an app, beginning with http:// or https://" if name == "src" else ""
        raise InvalidSpaceId(
            f'{name} must be the name of a Space, "owner/name"{url}; it is {_quoted(space_id)}. {_RULES}'
        )
    return str(space_id)


def check_repo_name(repo: Any, name: str) -> str:
    """Return the name of a repo, with or without its owner.

    Raises:
        InvalidSpaceId: it cannot be one; nothing was sent.
    """
    if not _is_repo_name(repo):
        raise InvalidSpaceId(
            f"{name} must be the name of a Space, with or without its owner; it is {_quoted(repo)}. {_RULES}"
        )
    return str(repo)


def _is_repo_name(repo: Any) -> bool:
    if not isinstance(repo, str) or len(repo) > _LONGEST_ID:
        return False
    parts = repo.split("/")
    return (
        len(parts) <= 2
        and all(_ID_PART(part) and part[0] not in "-." and part[-1] not in "-." for part in parts)
        and "--" not in repo
        and ".." not in repo
        and not repo.endswith(".git")
        and not _TOKEN.search(repo)  # everybody would see it
    )


def _quoted(repo: Any) -> str:
    """What the caller gave, without a password or a token that was taken for a name."""
    if not isinstance(repo, str):
        return repr(repo)
    return repr(shortened(_TOKEN.sub("[hidden]", scrub(repo)), _LONGEST_ID))
