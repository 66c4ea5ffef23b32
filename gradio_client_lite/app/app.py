"""App: an app that a client is connected to, or about to be."""

from __future__ import annotations

import logging
import marshal
from concurrent.futures import Future
from concurrent.futures import TimeoutError as _Timeout
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Optional, Tuple

from ..errors import (
    ConnectionFailed,
    DeadlineExceeded,
    GradioClientError,
    HTTPStatusError,
    ProtocolError,
    RetryLater,
    UnsupportedAppError,
    shorten,
    shown,
)
from ..limits import DEFAULT_LIMITS, Bound, Limits
from ..threads import Threads
from ..transport.http import Response, Timeout, Transport
from ..transport.liveness import Liveness
from ..transport.pool import FAR
from ..transport.reach import HARMLESS
from ..transport.sockets import Deadline
from ..transport.url import parse_url, same_place
from ..wire.config import AppSpec, has_page, parse_config
from ..wire.dialect import Dialect
from ..wire.refusal import status_error
from ..wire.urls import Routes, bare_url, page_of
from .description import Description
from .headers import RequestHeaders
from .loading import NO_ROUTE, Loader

if TYPE_CHECKING:
    from .login import Credentials

_log = logging.getLogger(__name__)

#: Of all apps since Gradio 5.0 (gradio/route_utils.py, `API_PREFIX`).
_API_PREFIX = "gradio_api/"
#: Seconds in which the config's connection is made first, and a server near by may have answered.
_SOON = 0.005


class App:
    """Connects, and keeps what it learned of the app: routes, config, dialect, description.

    Args:
        src: the app's URL with its trailing slash.
        headers: of every request.
        file_urls: where files of results may be: "public", "same-host" or "any"; see `Client`.
        dialect_of: tells from an app's config, and its URL for error texts, how it is spoken to.
        derive_info: makes the description of a connected app from its config.

    Attributes:
        src: the URL as redirects corrected it.
        spec: the app's config, understood.
        dialect: how it is spoken to.
        routes: its URLs.
        threads: those that work for it.
        description: of its API.
    """

    spec: AppSpec
    dialect: Dialect
    routes: Routes

    def __init__(
        self,
        transport: Transport,
        src: str,
        headers: RequestHeaders,
        limits: Limits = DEFAULT_LIMITS,
        file_urls: str = "public",
        *,
        dialect_of: Callable[[AppSpec, str], Dialect],
        derive_info: Callable[[App], Dict[str, Any]],
    ) -> None:
        self.transport = transport
        self.src = src
        self.headers = headers
        self.limits = limits
        self.file_urls = file_urls
        self._dialect_of = dialect_of
        self._derive_info = derive_info
        self._loader = Loader(transport, headers, limits)
        self.threads = Threads()
        self.config = {}
        self._credentials: Optional[Credentials] = None
        self._page: Optional[Tuple[str, str]] = None  # the one that was logged in for
        self.description = Description(transport, self.threads)

    @property
    def config(self) -> Dict[str, Any]:
        """The app's config as it was sent; made anew each time, as it is kept in a form of less memory."""
        config: Dict[str, Any] = marshal.loads(self._config)  # noqa: S302 - of our own making
        return config

    @config.setter
    def config(self, config: Dict[str, Any]) -> None:
        try:
            self._config = marshal.dumps(config)
        except ValueError as exc:
            raise ProtocolError(f"The config of {bare_url(self.src)} is nested too deeply.") from exc

    def headers_elsewhere(self, fields: Mapping[str, str]) -> Dict[str, str]:
        """Headers of a request to another host: of the app's only User-Agent."""
        agent = {n: value for n, value in self.headers({}).items() if n.lower() == "user-agent"}
        return {**agent, **fields}

    def connecting(self, timeout: Optional[float] = None) -> Deadline:
        """The deadline of login, config and page together; the client's own timeout may be shorter."""
        bound = self.limits.bound("connecting")
        if timeout is not None and (bound.value is None or timeout < bound.value):
            bound = Bound(timeout, f"Client(timeout={timeout})")
        return Deadline(Timeout(total=bound.value).total, name=bound.name)

    def login(self, auth: Tuple[str, str], deadline: Optional[Deadline] = None) -> None:
        """Log in with (user, password); the transport keeps the cookies.

        It also logs in again, once the app is connected to, when the app has forgotten it. Without a deadline
        there is one of its own, as for `connect`.

        Raises:
            AuthenticationError: the app refused them (401, or 400 as servers from 3.x on say), or they would
                have to go to another server.
            RetryLater, HTTPStatusError: see `connect`.
        """
        from .login import Credentials  # most apps want no login

        self._credentials = Credentials(*auth)
        deadline = deadline or self.connecting()
        try:
            self._loader.log_in(self.src, self._credentials, deadline)
        except HTTPStatusError as exc:
            above = self._loader.app_above(self.src, deadline) if exc.status in NO_ROUTE else None
            if above is None or not same_place(parse_url(self.src), parse_url(above[0])):
                raise
            if above[1] is None and not self._loader.is_there(self.src, deadline):
                raise
            self._page, self.src = page_of(self.src), above[0]
            self._loader.log_in(self.src, self._credentials, deadline)

    def connect(self, deadline: Optional[Deadline] = None) -> None:
        """Fetch and understand the config.

        Raises:
            AuthenticationError: the app wants a login, or what stands before it a sign-in.
            RetryLater: it wants fewer requests, or is not there now.
            HTTPStatusError: it answered with another status that says nothing of what it is.
            UnsupportedAppError: it is no Gradio app, one of Gradio 2, or speaks a protocol not known here.
            ProtocolError: it redirects from TLS to where anybody could read what is sent.
        """
        asked = parse_url(self.src)
        config, src = self._loader.load(self.src, deadline or self.connecting())
        if self._page is not None and not has_page(config, self._page[1]):
            raise UnsupportedAppError(
                f"The app at {bare_url(src)}, which was logged in to, has no page {shown(self._page[1])}, "
                "and there is no other app there. Check the URL."
            )
        self.spec = parse_config(config, bare_url(src))
        self.config = config
        self.dialect = self._dialect_of(self.spec, bare_url(src))
        self.description.local = not self.dialect.describes
        self._settle(src)
        self.routes = Routes(self.src, self.spec.api_prefix, self.dialect.direct_route)
        self.transport.renew_with(self.routes.app_id)
        self.transport.liveness = Liveness(parse_url(self.src).origin, self._show_life, self.threads)
        if self._credentials is not None and same_place(asked, parse_url(self.src)):
            from .login import Renewal

            log_in = partial(self._log_in_again, self._credentials)
            self.transport.renewal = Renewal(parse_url(self.src), log_in)

    def _settle(self, src: str) -> None:
        """Stay with an app where it was found: redirects lead from http to https, to another path or host."""
        old, new = parse_url(self.src), parse_url(src)
        if not same_place(old, new):
            if (old.scheme, new.scheme) == ("https", "http"):
                raise ProtocolError(
                    f"{old.label} redirects to {new.label}, where anybody could read what is sent. If that "
                    "is wanted, make the client with that URL."
                )
            # As the redirect itself did, what is sent from now on leaves behind what may be secret.
            self.headers.confine(HARMLESS | {"x-gradio-user"})
            self.transport.move_to(src)
            _log.warning(
                "%s redirects to %s, another server, which gets no headers that may be secret. To send them, "
                "make the client with that URL.",
                shorten(self.transport.secrets.blank(old.label)),
                shorten(self.transport.secrets.blank(new.label)),
            )
        self.src = src

    def _show_life(self) -> int:
        """The status of a request that costs the app nothing, over a new connection: one must be accepted."""
        limits = Timeout(self.transport.timeout.connect, None, self.limits.connecting)
        with self.transport.stream(
            "GET",
            self.routes.app_id,
            headers=self.headers({}),
            timeout=limits,
            follow_redirects=False,
            fresh=True,
        ) as response:
            return response.status

    def _log_in_again(self, credentials: Credentials, seconds: Optional[float]) -> None:
        self._loader.log_in(self.src, credentials, self.connecting().sooner(seconds))

    def info(self) -> Dict[str, Any]:
        """The API description: the app's `/info`, or made from the config when the app cannot give it.

        Fetched once, in the background as soon as the app is connected to; waited for here.

        Raises:
            ConnectionFailed, DeadlineExceeded, RetryLater: the app cannot be reached or is too busy; the
                next call tries again.
        """
        return self.description.get(self._fetch_info)

    def describe(self, then: Optional[Callable[[Optional[BaseException]], None]] = None) -> None:
        """Fetch the description in the background. See `Description.begin`."""
        self.description.begin(self._fetch_info, then)

    def connect_and_describe(self, deadline: Deadline) -> None:
        """`connect`, and have the description fetched, which nobody waits for here."""
        connected: Future[bool] = Future()
        self.description = Description(self.transport, self.threads)  # nobody has asked for it yet
        self.description.begin(partial(self._fetch_beside, self.src, connected))
        try:
            self.connect(deadline)
            connected.set_result(True)
        finally:
            if not connected.done():
                connected.set_result(False)

    def _fetch_beside(self, src: str, connected: Future[bool]) -> Dict[str, Any]:
        """Make the description; a server far away is asked for it beside the config, where it is since
        Gradio 5.0, over a connection that the first calls need anyway.
        """
        early: Optional[Response] = None
        fresh = True
        with suppress(_Timeout):
            connected.result(_SOON)
        if not connected.done():
            with suppress(GradioClientError):
                far = self.transport.open_ahead(src) >= FAR
                fresh = False
                if far and not connected.done():
                    early = self._ask_for_info(Routes(src, _API_PREFIX).info, src, fresh)
        if not connected.result() or self.description.local:
            raise ConnectionFailed(f"There is no description to be fetched from {bare_url(src)}.")
        return self._fetch_info(early, fresh)

    def _ask_for_info(self, url: str, src: str, fresh: bool) -> Response:
        limits = self.transport.timeout.whole(self.limits.bound("describing"))
        return self._loader.get(url, src, timeout=limits, fresh=fresh)

    def _fetch_info(self, early: Optional[Response] = None, fresh: bool = True) -> Dict[str, Any]:
        """Make the description, of an answer that came early where it is the app's.

        `fresh` leaves the kept connection to the first call, which may come meanwhile.
        """
        if self.description.local:
            return self._derive_info(self)
        from ..wire.info import clean_info  # many calls need no description

        url = self.routes.info
        try:
            if early is not None and early.url == url and early.status == 200:
                response = early
            else:
                response = self._ask_for_info(url, self.src, fresh)
            if not 200 <= response.status < 300:
                doing = "fetching the API description"
                raise status_error(response.status, response.body, url, doing, response.headers)
            return clean_info(response.json(self.limits.answer_values, "answer_bytes"))
        except (ConnectionFailed, DeadlineExceeded, RetryLater):
            raise
        except GradioClientError as exc:
            why = self.transport.secrets.shown(exc)
            _log.info("the app's API description is made from its config: %s", why)
            return self._derive_info(self)
