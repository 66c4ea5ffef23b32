"""What a Hugging Face Hub answers: statuses, bodies and headers, refusals among them.

The texts and codes are those that the live Hub sent to others (huggingface_hub issues 1813 and 4972) and
that huggingface_hub itself tells refusals apart by; `test_double.py` holds the double to that.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any, Dict, Optional


@dataclass(frozen=True)
class Answer:
    """One HTTP response; a body that is not bytes is sent as JSON."""

    status: int = 200
    body: Any = b""
    headers: Dict[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class Refused(Exception):
    """Raised while a request is answered: this is the answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def refused(status: int, message: str, code: Optional[str] = None, **body: Any) -> Answer:
    """A refusal, with the Hub's headers."""
    headers = {"X-Error-Message": message}
    if code is not None:
        headers["X-Error-Code"] = code
    return Answer(status, {"error": message, **body}, headers)


def failed(status: int = 503) -> Answer:
    """What the Hub's load balancer says when the Hub does not: HTML, no headers of the Hub's."""
    page = f"<html><body><h1>{status} Service Temporarily Unavailable</h1></body></html>".encode()
    return Answer(status, page, {"content-type": "text/html"})


def rate_limited(seconds: int, header: str = "ratelimit") -> Answer:
    """429, with the wait in `ratelimit` or in `retry-after`."""
    message = "We had to rate limit your IP. To continue using our service, create a HF account or login"
    answer = refused(429, message)
    wait = {"ratelimit": f'"api";r=0;t={seconds}', "retry-after": str(seconds)}[header]
    return Answer(429, answer.body, {**answer.headers, header: wait})


def common_headers() -> Dict[str, str]:
    """What every answer of the Hub carries."""
    unique = uuid.uuid4().hex
    return {
        "x-request-id": f"Root=1-{unique[:8]}-{unique[8:]}",
        "ratelimit": '"api";r=499;t=123',
        "ratelimit-policy": '"fixed window";"api";q=500;w=300',
    }


NO_SUCH_USER = refused(401, "Invalid username or password.")
BAD_TOKEN = refused(401, "Invalid credentials in Authorization header")
NO_SUCH_REPO = refused(404, "Repository not found", "RepoNotFound")
NO_SUCH_ENTRY = refused(404, "Entry not found", "EntryNotFound")
NO_SUCH_PAGE = refused(404, "Sorry, we can't find the page you are looking for.")
DISABLED = refused(403, "Access to this resource is disabled.", "DisabledRepo")
GATED = refused(403, "Access to space is restricted and you are not in the authorized list.", "GatedRepo")


def no_rights(what: str) -> Answer:
    return refused(403, f"You don't have the rights to {what}")
