"""Whole answers."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple, Optional

from ..errors import ProtocolError, ResponseTooLarge, shorten
from ..limits import DEFAULT_LIMITS
from ..wire.serverjson import read_json
from .headers import Headers

# Others are slow, odd or both: Punycode takes the square of the size. Names as they are compared.
_CHARSETS: Dict[str, str] = dict.fromkeys(("latin1", "iso88591", "l1", "cp819", "ibm819"), "latin-1")
_CHARSETS.update(dict.fromkeys(("ascii", "usascii", "iso646us", "ansix3.41968"), "ascii"))
_MAX_VALUES = DEFAULT_LIMITS.answer_values


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
        """The body as text: Latin-1 or ASCII where the Content-Type says so, else UTF-8; what is invalid is
        replaced.
        """
        _, _, charset = self.headers.get("content-type", "").lower().partition("charset=")
        name = charset.partition(";")[0].strip(" \"'").replace("-", "").replace("_", "")
        return self.body.decode(_CHARSETS.get(name, "utf-8"), "replace")

    def json(self, max_values: Optional[int] = _MAX_VALUES, limit: str = "") -> Any:
        """Return the body read as JSON.

        Args:
            max_values: how many values there may be; see `read_json`.
            limit: which of the caller's limits says so; "" for none.

        Raises:
            ResponseTooLarge: there are more.
            ProtocolError: it is not JSON.
        """
        place = self.url.partition("?")[0]
        try:
            return read_json(self.body, f"The answer of {place}", max_values, limit)
        except ResponseTooLarge:
            raise
        except ProtocolError as exc:
            kind = shorten(self.headers.get("content-type", "no content type"), 80)
            raise ProtocolError(
                f"{place} answered {self.status} with {kind} instead of JSON. Check that the URL is that of "
                "a Gradio app."
            ) from exc
