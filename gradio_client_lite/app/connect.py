"""From the constructor's arguments to an app that is connected to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Optional, Tuple, Union

from ..errors import (
    ArgumentError,
    ConnectionFailed,
    DeadlineExceeded,
    HTTPStatusError,
    UnsupportedAppError,
)
from ..limits import DEFAULT_LIMITS, Limits
from ..wire.texts import sendable
from ..wire.urls import bare_url
from .app import App
from .headers import RequestHeaders
from .options import (
    check_arguments,
    check_file_urls,
    check_headers,
    check_seconds,
    check_threads,
    default_headers,
    http_options,
    make_transport,
    sendable_options,
)

if TYPE_CHECKING:
    from ..wire.config import AppSpec
    from ..wire.dialect import Dialect
    from .options import AppLocation


class Settings:
    """A client's arguments, checked; what their names say.

    Args:
        given: the arguments, by name, the secrets among them of a kind that hides itself.

    Raises:
        ArgumentError: one of them is of the wrong kind, or cannot be sent.
        CompatibilityError: the interpreter allows no threads.
    """

    def __init__(self, given: Mapping[str, Any]) -> None:
        check_threads()
        self.given = given
        token, newer = sendable(given["hf_token"], "hf_token"), sendable(given["token"], "token")
        self.src: str = sendable(given["src"], "src")
        self.token: Union[str, bool, None] = token if newer is None else newer
        self.auth: Optional[Tuple[str, str]] = sendable(given["auth"], "auth")
        self.oauth_token: Optional[str] = sendable(given["oauth_token"], "oauth_token")
        self.headers: Optional[Dict[str, str]] = sendable(given["headers"], "headers")
        options = sendable_options(given["httpx_kwargs"])
        check_arguments(self.src, given["max_workers"], self.auth)
        check_headers("headers", self.headers)
        self.timeout: Optional[float] = given["timeout"]
        if self.timeout is not None:
            check_seconds("timeout", self.timeout)
        limits = given["limits"]
        if limits is not None and not isinstance(limits, Limits):
            raise ArgumentError(f"limits must be a Limits, or None; it is {limits!r}.")
        self.limits: Limits = limits or DEFAULT_LIMITS
        check_file_urls(given["file_urls"])
        self.max_workers: int = given["max_workers"]
        self.stream_grace: float = given["stream_grace"]
        self.stream_idle_timeout: float = given["stream_idle_timeout"]
        check_seconds("stream_grace", self.stream_grace)
        check_seconds("stream_idle_timeout", self.stream_idle_timeout)
        self.http = http_options(options)

    def make_app(
        self,
        location: AppLocation,
        dialect_of: Callable[[AppSpec, str], Dialect],
        derive_info: Callable[[App], Dict[str, Any]],
    ) -> App:
        """The app at a place, with its connections; nothing is sent yet. See `App` for the functions."""
        headers = RequestHeaders(default_headers(location.token, self.http, self.headers))
        file_urls = self.given["file_urls"]
        transport = make_transport(location.url, self.http, self.given["ssl_verify"], file_urls)
        transport.secrets.ask(headers.secrets)
        transport.secrets.add(self.token, self.oauth_token, location.token, self.auth and self.auth[1])
        # A password in the URL is the transport's business; it must not reach texts.
        return App(
            transport,
            bare_url(location.url),
            headers,
            self.limits,
            file_urls,
            dialect_of=dialect_of,
            derive_info=derive_info,
        )

    def connect(self, app: App, location: AppLocation) -> None:
        """Log in where there is a login, and fetch the app's config; its description is fetched beside it.

        Raises as `App.login` and `App.connect` do.
        """
        try:
            self._log_in_and_load(app)
        except (ConnectionFailed, DeadlineExceeded, HTTPStatusError, UnsupportedAppError):
            # A Space may have stopped since it was looked at. Then the Hub knows why, or when it is back.
            if not location.look_again():
                raise
            self._log_in_and_load(app)

    def _log_in_and_load(self, app: App) -> None:
        deadline = app.connecting(self.timeout)
        if self.auth is not None:
            app.login((self.auth[0], self.auth[1]), deadline)
        app.connect_and_describe(deadline)


def check_options(
    make: Callable[..., Any],
    src: Any,
    token: Any,
    max_workers: Any,
    verbose: bool,
    options: Mapping[str, Any],
) -> None:
    """Refuse arguments that a client's constructor would refuse, before a Space is made for that client.

    Raises:
        ArgumentError: one of them is unknown, of the wrong kind, or cannot be sent.
    """
    from inspect import signature

    check_arguments(src, max_workers, options.get("auth"))
    sendable(token, "hf_token")
    for name in ("auth", "headers", "oauth_token"):
        sendable(options.get(name), name)
    sendable_options(options.get("httpx_kwargs"))
    try:
        signature(make).bind(src, token, max_workers, verbose, **options)
    except TypeError as exc:
        raise ArgumentError(f"{getattr(make, '__name__', make)}: {exc}.") from exc
    for name in {"stream_grace", "stream_idle_timeout"} & options.keys():
        check_seconds(name, options[name])
