"""data: URLs (RFC 2397): content inside a text, as Gradio 3 sends images and, long ago, all files."""

from __future__ import annotations

from typing import Tuple

PREFIX = "data:"


def make_data_url(content: bytes, mime_type: str) -> str:
    """The content in base64.

    Example:
        >>> make_data_url(b"hi", "text/plain")
        'data:text/plain;base64,aGk='
    """
    import binascii

    return f"data:{mime_type};base64,{binascii.b2a_base64(content, newline=False).decode('ascii')}"


def parse_data_url(url: str) -> Tuple[bytes, str]:
    """The content and its MIME type; "text/plain" where none is named.

    Raises:
        ValueError: it is malformed; the text says how, and does not quote it.

    Example:
        >>> parse_data_url("data:text/plain;base64,aGk=")
        (b'hi', 'text/plain')
    """
    import binascii
    from urllib.parse import unquote_to_bytes

    head, comma, data = url[len(PREFIX) :].partition(",")
    if not comma:
        raise ValueError("there is no comma in it")
    mime_type, *parameters = [part.strip() for part in head.split(";")]
    if not any(parameter.lower() == "base64" for parameter in parameters):
        return unquote_to_bytes(data), mime_type or "text/plain"
    try:
        # Base64 as servers write it has no percent signs, and unquoting a large text takes long.
        content = binascii.a2b_base64(unquote_to_bytes(data) if "%" in data else data)
    except ValueError as exc:
        raise ValueError("its base64 is malformed") from exc
    return content, mime_type or "text/plain"


def extension_of(url: str) -> str:
    """The extension that suits its MIME type, with the dot; "" when none is known.

    Example:
        >>> extension_of("data:image/png;base64,aGk=")
        '.png'
    """
    import mimetypes

    mime_type = url[len(PREFIX) :].partition(",")[0].partition(";")[0].strip()
    return mimetypes.guess_extension(mime_type) or ""
