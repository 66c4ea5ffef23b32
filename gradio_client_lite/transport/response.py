"""Whole answers."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from ..errors import ProtocolError
from .headers import Headers


class Response(NamedTuple):
    """A whole answer. Any status is one; nothing is raised for it.

    Args:
        status: the HTTP status code.
        headers: case-insensitive.
        url: what was asked for last, after redirects, without userinfo.
        body: decompressed.
    """

    status: int
    headers: Headers
    url: str
    body: bytes

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.url.partition('?')[0]} {len(self.body)} bytes>"

    @property
    def text(self) -> str:
        """The body as text, in the charset of the Content-Type or else UTF-8; what is invalid is replaced."""
        _, _, charset = self.headers.get("content-type", "").lower().partition("charset=")
        try:
            return self.body.decode(charset.partition(";")[0].strip(" \"'") or "utf-8", "replace")
        except (LookupError, ValueError):  # of what is no coding of texts, too
            return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """Return the body read as JSON.

        Raises:
            ProtocolError: it is not JSON.
        """
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as exc:
            kind = self.headers.get("content-type", "no content type")[:80]
            place = self.url.partition("?")[0]
            raise ProtocolError(
                f"{place} answered {self.status} with {kind} instead of JSON. Check that the URL is that of "
                "a Gradio app."
            ) from exc
