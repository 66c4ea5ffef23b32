"""What this machine says of the Hub: where it is, which token is saved, and where that may go.

It is read when it is asked for, never at import. The rule for tokens: one that the caller passes goes where
the call goes; one that is found here, in the environment or in a file, goes to Hugging Face's own hosts over
verified TLS and to nobody else.

Source: huggingface_hub 0.34 - 2.4, `utils/_auth.py` and `constants.py`, for the variables and the paths.
"""

from __future__ import annotations

import os
from typing import Optional, Union

from ..app.options import HUGGING_FACE
from ..errors import ArgumentError, AuthenticationError
from ..secrecy import hide
from ..transport.url import parse_url

#: What the caller may give: a token, None for the saved one, True to insist on it, False for none.
Given = Union[str, bool, None]

_TRUE = frozenset({"1", "ON", "YES", "TRUE"})


def hub_endpoint() -> str:
    """The URL of the Hub, without a slash at its end."""
    return hide((_variable("HF_ENDPOINT") or "https://huggingface.co").rstrip("/"))


def is_true(name: str) -> bool:
    """Whether an environment variable is set to 1, ON, YES or TRUE, in any case."""
    return os.environ.get(name, "").strip().upper() in _TRUE


def is_hugging_face(url: str) -> bool:
    """Whether a URL is that of one of Hugging Face's own hosts, reached over TLS.

    Raises:
        ArgumentError: it is no http(s) URL.

    Example:
        >>> is_hugging_face("https://owner-name.hf.space/")
        True
        >>> is_hugging_face("https://hf.space.example.com/")
        False
    """
    target = parse_url(url)
    return target.scheme == "https" and f".{target.host}".endswith(tuple(f".{host}" for host in HUGGING_FACE))


def saved_token() -> Optional[str]:
    """The token of this machine's user; None when there is none.

    It is, in this order, that of HF_TOKEN, of HUGGING_FACE_HUB_TOKEN, or of the file at `token_path()`.

    Raises:
        AuthenticationError: the file is there, but cannot be read.
    """
    if is_true("HF_HUB_DISABLE_IMPLICIT_TOKEN"):
        return None
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        token = clean(hide(os.environ.get(name, "")))
        if token:
            return token
    return _token_of_file(token_path())


def token_path() -> str:
    """Where the user's token is saved, if it is.

    HF_TOKEN_PATH, else `token` in HF_HOME, else `huggingface/token` in XDG_CACHE_HOME or `~/.cache`.
    """
    path = _variable("HF_TOKEN_PATH")
    if path is not None:
        return _expanded(path)
    home = _variable("HF_HOME")
    if home is not None:
        return os.path.join(_expanded(home), "token")
    cache = _variable("XDG_CACHE_HOME") or os.path.join("~", ".cache")
    return os.path.join(os.path.expanduser(cache), "huggingface", "token")


def clean(token: str) -> Optional[str]:
    """A token without line breaks and surrounding blanks; None when nothing is left."""
    return hide(token.replace("\r", "").replace("\n", "").strip() or None)


def token_for(url: str, given: Given, *, verified: bool = True) -> Optional[str]:
    """The token to send to a URL; None for none.

    Args:
        verified: whether the server has to prove that it is who its name says.

    Raises:
        ArgumentError: the saved token was insisted on, and may not go there.
        AuthenticationError: it was insisted on, and there is none.
    """
    if given is False:
        return None
    token = clean(given) if isinstance(given, str) else None
    if token:
        return token
    allowed = verified and is_hugging_face(url)
    if given is True and not allowed:
        raise ArgumentError(
            "The token saved on this machine goes to Hugging Face's hosts over verified TLS only, and "
            f"{parse_url(url).label} is none. Pass the token itself in place of True."
        )
    token = saved_token() if allowed else None
    if given is True and token is None:
        raise AuthenticationError(
            "No Hugging Face token is saved on this machine. Set HF_TOKEN, or pass the token itself."
        )
    return token


def _variable(name: str) -> Optional[str]:
    """The value of an environment variable; None when it is not set or blank."""
    return os.environ.get(name, "").strip() or None


def _expanded(path: str) -> str:
    return os.path.expandvars(os.path.expanduser(path))


def _token_of_file(path: str) -> Optional[str]:
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            text = hide(file.read())
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise _unreadable(path, exc.strerror or type(exc).__name__) from exc
    if "\ufffd" in text:  # the error of a decoder would hold the bytes, which may be a token
        raise _unreadable(path, "it is no text")
    return clean(text)


def _unreadable(path: str, reason: str) -> AuthenticationError:
    return AuthenticationError(
        f"The Hugging Face token saved at {path} cannot be read: {reason}. Correct the file, or pass a "
        "token; False sends none."
    )
