"""The constructor's options, checked and in the transport's terms; and where an app given by URL is.

`httpx_kwargs` is what code written for the official client passes; the names that mean something to
any HTTP client are mapped, others are refused, because ignoring them would change what the caller asked for.
"""

from __future__ import annotations

import sys
import threading
from typing import Any, Callable, Dict, Mapping, Optional, Tuple, Union

from .._version import PACKAGE, __version__
from ..errors import ArgumentError, CompatibilityError, shown
from ..light import NamedTuple
from ..secrecy import Hidden, hide, hide_fields
from ..threads import why_no_thread
from ..transport.headers import request_fields
from ..transport.http import Timeout, Transport
from ..transport.tls import hide_password
from ..wire.texts import sendable
from ..wire.urls import bare_url, normalise_src
from .headers import RequestHeaders

#: Hugging Face's own hosts, with all below them. A URL that names one may get the token saved on this
#: machine.
HUGGING_FACE = ("huggingface.co", "hf.co", "hf.space")
#: The values of `file_urls`.
FILE_URLS = ("public", "same-host", "any")
#: How the secrets in each option of `httpx_kwargs` are hidden.
_HIDDEN: Dict[str, Callable[[Any], Any]] = {
    "auth": hide,
    "cookies": hide,
    "headers": hide_fields,
    "proxy": hide,
    "proxies": hide,
    "cert": hide_password,
}


# --- where the app is


class AppLocation:
    """Where an app is, and the token that may go there.

    Args:
        url: with user and password, if it has any; it gets a trailing slash.
        token: the Hugging Face token to send there; None for none.
        space_id: its name at the Hub, "owner/name"; None when it was given by URL.
    """

    __slots__ = ("space_id", "token", "url")

    def __init__(self, url: str, token: Optional[str], space_id: Optional[str] = None) -> None:
        self.url = normalise_src(url)
        self.token = hide(token)
        self.space_id = space_id

    def look_again(self) -> bool:
        """Wait until the app runs, where somebody knows; whether that took any waiting."""
        return False

    def __repr__(self) -> str:
        return f"<AppLocation {self.space_id or bare_url(self.url)}>"


def is_url(src: str) -> bool:
    """Whether an app is given by URL; else it must be the name of a Space."""
    return src.strip().lower().startswith(("http://", "https://"))


def locate_url(src: str, token: Union[str, bool, None]) -> Optional[AppLocation]:
    """Where an app given by URL is; None where that takes the Hub, or the token saved on this machine.

    Raises:
        ArgumentError: the URL is malformed, or the token of the wrong kind.
    """
    if token is not None and not isinstance(token, (str, bool)):
        raise ArgumentError("hf_token must be a text, None, True or False.")
    given = hide(token.strip() or None) if isinstance(token, str) else token
    may_get_saved = given is None and any(host in src.lower() for host in HUGGING_FACE)
    if not is_url(src) or given is True or may_get_saved:
        return None
    return AppLocation(src, given or None)


# --- checking arguments


def check_arguments(src: Any, max_workers: Any, auth: Any) -> None:
    """Refuse constructor arguments of the wrong kind.

    Raises:
        ArgumentError: `src` is no text, `max_workers` no whole number above 0, `auth` no pair.
    """
    if not isinstance(src, str):
        raise ArgumentError(
            'src must be the URL of a Gradio app, or the name of a Hugging Face Space, "owner/name"; it is '
            f"{shown(src)}."
        )
    if isinstance(max_workers, bool) or not isinstance(max_workers, int) or max_workers < 1:
        raise ArgumentError(f"max_workers must be a whole number above 0; it is {shown(max_workers)}.")
    if auth is not None and not (isinstance(auth, (tuple, list)) and len(auth) == 2):
        raise ArgumentError("auth must be a (user, password) pair.")


def check_threads() -> None:
    """Refuse an interpreter in which nothing can wait for an answer.

    Raises:
        CompatibilityError: it is a sub-interpreter that was made without threads.
    """
    why = why_no_thread()
    if why:
        raise CompatibilityError(
            f"This sub-interpreter allows no threads, which are needed here ({why}). Make it with "
            "allow_threads=1 in its PyInterpreterConfig; daemon threads are not needed."
        )


def check_seconds(name: str, value: Any) -> None:
    """Refuse a span of time that is none.

    Raises:
        ArgumentError: it is not a number above 0, or longer than the system can wait.
    """
    longest = threading.TIMEOUT_MAX
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= longest:
        raise ArgumentError(
            f"{name} must be a number of seconds above 0, and at most {longest:.0f}; it is {shown(value)}."
        )


def check_headers(name: str, headers: Any) -> None:
    """Refuse headers that are no mapping of texts, or cannot be sent.

    Args:
        name: of the argument.
        headers: as the caller gave them; None for none.

    Raises:
        ArgumentError: they are not; its text shows no value.
    """
    if headers is None:
        return
    if not isinstance(headers, Mapping):
        raise ArgumentError(
            f'{name} must be a mapping of names to values, such as {{"x-name": "value"}}; it is of type '
            f"{type(headers).__name__}."
        )
    request_fields(headers)


def check_file_urls(file_urls: Any) -> None:
    """Refuse a `file_urls` that is none of those there are.

    Raises:
        ArgumentError: it is not.
    """
    if file_urls not in FILE_URLS:
        known = ", ".join(map(repr, FILE_URLS))
        raise ArgumentError(f"file_urls must be one of {known}; it is {file_urls!r}.")


# --- hiding


def hide_pair(auth: Any) -> Any:
    """(user, password) as texts that hide themselves; anything else as it is."""
    if not isinstance(auth, (tuple, list)):
        return auth
    return tuple(hide(part if isinstance(part, (str, bytes)) else str(part)) for part in auth)


def hide_options(httpx_kwargs: Any) -> Any:
    """A copy of `httpx_kwargs` with the values that may be secret hidden; anything but a mapping as it is."""
    if not isinstance(httpx_kwargs, Mapping):
        return httpx_kwargs
    return {name: _HIDDEN[name](value) if name in _HIDDEN else value for name, value in httpx_kwargs.items()}


def hidden_options(options: Mapping[str, Any]) -> Dict[str, Any]:
    """A copy of the constructor's options, the secrets among them hidden."""
    kinds: Dict[str, Callable[[Any], Any]] = {
        "auth": hide_pair,
        "headers": hide_fields,
        "hf_token": hide,
        "httpx_kwargs": hide_options,
        "oauth_token": hide,
        "token": hide,
    }
    return {name: kinds[name](value) if name in kinds else value for name, value in options.items()}


def sendable_options(httpx_kwargs: Any) -> Any:
    """`httpx_kwargs` with the texts that go to servers as `sendable` has them.

    Raises:
        ArgumentError: one of them cannot be sent.
    """
    if not isinstance(httpx_kwargs, Mapping):
        return httpx_kwargs
    return {
        name: value if name in ("cert", "verify") else sendable(value, f"httpx_kwargs[{name!r}]")
        for name, value in httpx_kwargs.items()
    }


# --- HTTP


class HttpOptions(NamedTuple):
    """What `httpx_kwargs` says; None where it says nothing and None is no value of its own."""

    timeout: Timeout = Timeout(asks=True)
    proxies: Any = None
    auth: Optional[Tuple[str, str]] = None
    cookies: Optional[Mapping[str, str]] = None
    headers: Optional[Mapping[str, str]] = None
    cert: Any = None
    verify: Any = None
    trust_env: bool = True
    follow_redirects: bool = True


def http_options(httpx_kwargs: Optional[Mapping[str, Any]]) -> HttpOptions:
    """`httpx_kwargs` as HttpOptions; the caller's mapping is left as it is.

    Raises:
        ArgumentError: a name has no counterpart here, or a value is of the wrong kind.

    Example:
        >>> http_options({"timeout": 30}).timeout
        Timeout(connect=30, read=30, total=None)
    """
    if httpx_kwargs is not None and not isinstance(httpx_kwargs, Mapping):
        raise ArgumentError(
            f"httpx_kwargs must be a dict of options; it is of type {type(httpx_kwargs).__name__}."
        )
    given = hide_options(httpx_kwargs or {})
    unknown = sorted(given.keys() - _READERS.keys())
    if unknown:
        raise ArgumentError(
            f"httpx_kwargs has no counterpart here for {', '.join(unknown)}; it takes {', '.join(_READERS)}."
        )
    if given.get("proxy") is not None and given.get("proxies") is not None:
        raise ArgumentError("httpx_kwargs has both proxy and proxies; give one of them.")
    options: Dict[str, Any] = {}
    for name, value in given.items():
        if value is not None or name == "timeout":  # where None means to wait for ever
            read = _READERS[name]
            options["proxies" if name == "proxy" else name] = read(name, value) if read else value
    return HttpOptions(**options)


def _timeout(_name: str, value: Any) -> Timeout:
    connect: Any
    read: Any
    if isinstance(value, tuple) and len(value) in (2, 4):
        connect, read = value[:2]
    else:  # a number, None, or an object with a limit for each step, as httpx has it
        connect, read = getattr(value, "connect", value), getattr(value, "read", value)
    return Timeout(connect=connect, read=read)


def _proxies(_name: str, value: Any) -> Any:
    return value if isinstance(value, Mapping) else hide(str(getattr(value, "url", value)))


def _pair(_name: str, value: Any) -> Tuple[str, str]:
    if isinstance(value, (tuple, list)) and len(value) == 2 and all(isinstance(part, str) for part in value):
        return (hide(value[0]), hide(value[1]))
    raise ArgumentError("httpx_kwargs['auth'] must be a (user, password) pair of strings.")


def _texts(name: str, value: Any) -> Mapping[str, str]:
    try:
        return {
            str(key): part if isinstance(part, str) else hide(str(part)) for key, part in dict(value).items()
        }
    except (TypeError, ValueError) as exc:
        raise ArgumentError(f"httpx_kwargs[{name!r}] must be a mapping of strings.") from exc


#: The names that `httpx_kwargs` may have, and what makes a field of HttpOptions of each value; None: it is
#: one.
_READERS: Dict[str, Optional[Callable[[str, Any], Any]]] = {
    "timeout": _timeout,
    "proxy": _proxies,
    "proxies": _proxies,
    "auth": _pair,
    "cookies": _texts,
    "headers": _texts,
    "cert": None,
    "verify": None,
    "trust_env": None,
    "follow_redirects": None,
}


def user_agent() -> str:
    """Who is asking, as every server is told."""
    python = ".".join(str(part) for part in sys.version_info[:3])
    return f"{PACKAGE}/{__version__}; python/{python}"


def default_headers(
    token: Union[str, bool, None], options: HttpOptions, headers: Optional[Mapping[str, str]]
) -> Dict[str, str]:
    """The headers of every request: our own, under those of `options`, under `headers`."""
    defaults = {"user-agent": user_agent(), "x-gradio-user": "api"}
    if isinstance(token, str) and token.strip():
        defaults["x-hf-authorization"] = Hidden(f"Bearer {token.strip()}")
    merged = RequestHeaders(defaults)(options.headers or {})
    return RequestHeaders(merged)(headers or {})


def make_transport(src: str, options: HttpOptions, ssl_verify: Any, file_urls: str) -> Transport:
    """The connections of a client for the app at `src`."""
    return Transport(
        base_url=src,
        cookies=options.cookies,
        timeout=options.timeout,
        verify=ssl_verify if options.verify is None else options.verify,
        cert=options.cert,
        proxies=options.proxies,
        trust_env=options.trust_env,
        auth=options.auth,
        follow_redirects=options.follow_redirects,
        bounded=file_urls != "any",
    )
