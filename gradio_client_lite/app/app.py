"""An app one is connected to: its routes, its config, its API description and the session's headers."""

from __future__ import annotations

import logging
import re
from functools import partial
from typing import Any, Callable, Dict, Mapping, Optional, Set, Tuple

from ..errors import (
    AuthenticationError,
    ConnectionFailed,
    ConnectionLost,
    DeadlineExceeded,
    GradioClientError,
    HTTPStatusError,
    ProtocolError,
    ResponseTooLarge,
    RetryLater,
    TooManyRedirects,
    UnsupportedAppError,
    shorten,
    shown,
)
from ..limits import DEFAULT_LIMITS, Bound, Limits
from ..threads import Threads
from ..transport.http import Response, Timeout, Transport
from ..transport.liveness import Liveness
from ..transport.reach import HARMLESS, MAX_REDIRECTS, REDIRECTS
from ..transport.sockets import Deadline
from ..transport.url import Target, parse_url, resolve, same_place
from ..wire.config import AppSpec, has_page, parse_config
from ..wire.decoding import read_first_json
from ..wire.dialect import Dialect
from ..wire.refusal import sign_in_page, status_error, wants_tls
from ..wire.urls import Routes, bare_url, page_of, with_scheme
from .description import Description
from .headers import RequestHeaders
from .login import Credentials, Renewal

_log = logging.getLogger(__name__)
_SECURE, _UNSECURE = "access-token", "access-token-unsecure"
#: What servers answer that have no such route.
_NO_ROUTE = (404, 405)
#: What an app's `login_check` says (gradio/routes.py 5.0 - 6.31).
_GRADIO_401 = b"Not authenticated"
_PAGE_CONFIG = re.compile(r"window\.gradio_config\s*=\s*(?=\{)")


class App:
    """Connects, and keeps what connecting found out.

    Args:
        transport: the connections.
        src: the app's URL with its trailing slash.
        headers: of every request.
        limits: what the server may cost.
        file_urls: where files of results may be: "public", "same-host" or "any"; see `Client`.
        dialect_of: tells from an app's config, and its URL for error texts, how it is spoken to.
        derive_info: makes the description of a connected app from its config.

    Attributes:
        src: the URL as redirects corrected it.
        config: the app's config as it was sent.
        spec: the same, understood.
        dialect: how its queue is spoken to.
        threads: those that work for it.
        description: of its API.
    """

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
        self.threads = Threads()
        self.config: Dict[str, Any] = {}
        self._credentials: Optional[Credentials] = None
        self._login_cookies: Set[str] = set()
        self._page: Optional[Tuple[str, str]] = None  # the one that was logged in for
        self.description = Description(transport, self.threads)

    def headers_elsewhere(self, fields: Mapping[str, str]) -> Dict[str, str]:
        """Those of a request to another host: none of the app's but who is asking."""
        agent = {n: value for n, value in self.headers({}).items() if n.lower() == "user-agent"}
        return {**agent, **fields}

    def connecting(self, timeout: Optional[float] = None) -> Deadline:
        """Until when login, config and page together have to be there.

        Args:
            timeout: the client's own, in seconds, which counts where it is shorter.
        """
        bound = self.limits.bound("connecting")
        if timeout is not None and (bound.value is None or timeout < bound.value):
            bound = Bound(timeout, f"Client(timeout={timeout})")
        return Deadline(Timeout(total=bound.value).total, name=bound.name)

    def login(self, auth: Tuple[str, str], deadline: Optional[Deadline] = None) -> None:
        """Log in with (user, password); the cookies the app gives are kept by the transport.

        Once the app is connected to, the transport does so again when the app has forgotten it.

        Args:
            auth: the pair.
            deadline: see `connecting`; None for one of its own.

        Raises:
            AuthenticationError: the app refused them (401, or 400 as servers from 3.x on say), or they would
                have to go to another server.
            RetryLater, HTTPStatusError: see `connect`.
        """
        self._credentials = Credentials(*auth)
        deadline = deadline or self.connecting()
        try:
            self._log_in(self._credentials, deadline)
        except HTTPStatusError as exc:
            above = self._app_above(deadline) if exc.status in _NO_ROUTE else None
            if above is None or not same_place(parse_url(self.src), parse_url(above[0])):
                raise
            if above[1] is None and not self._is_there(deadline):
                raise
            self._page, self.src = page_of(self.src), above[0]
            self._log_in(self._credentials, deadline)

    def _is_there(self, deadline: Deadline) -> bool:
        """Whether there is anything at the URL.

        An app that shows its pages only after a login has one to log in at in place of each of them. What is
        not there is none of its pages, and the password not for it.
        """
        # From one with a slash at its end a mounted app redirects to the wrong place (gradio/routes.py 6.31).
        return 200 <= self._get(self.src.rstrip("/"), deadline=deadline).status < 300

    def _log_in(self, credentials: Credentials, deadline: Deadline) -> None:
        cookies = self.transport.cookies
        for name in self._login_cookies:
            cookies.pop(name, None)  # of the login before
        before = set(cookies)
        try:
            self._post_login(credentials, deadline)
        finally:
            self._login_cookies = set(cookies) - before

    def _post_login(self, credentials: Credentials, deadline: Deadline) -> None:
        target = parse_url(Routes(self.src).login)
        headers = self.headers({"content-type": "application/x-www-form-urlencoded"})
        for _ in range(MAX_REDIRECTS):
            response = self._ask(
                "POST",
                target.url,
                headers=headers,
                body=credentials.form(),
                follow_redirects=False,
                max_bytes=self.limits.bound("answer_bytes"),
                deadline=deadline,
            )
            onward = _login_elsewhere(target, response)
            if onward is None:
                _check_login(target, response)
                return self._complete_cookies()
            target = onward
        raise TooManyRedirects(f"More than {MAX_REDIRECTS} redirects of the login to {target.label}.")

    def _complete_cookies(self) -> None:
        # A login gives the same token twice, for TLS alone and for use without. Sockets of older 3.x servers
        # look at the first one only (gradio/routes.py 3.23, `ws_login_check`; mended by 3.35).
        cookies = self.transport.cookies
        if _UNSECURE in cookies and _SECURE not in cookies:
            cookies[_SECURE] = cookies[_UNSECURE]

    def connect(self, deadline: Optional[Deadline] = None) -> None:
        """Fetch and understand the config.

        Args:
            deadline: see `connecting`; None for one of its own.

        Raises:
            AuthenticationError: the app wants a login, or what stands before it a sign-in.
            RetryLater: it wants fewer requests, or is not there now.
            HTTPStatusError: it answered with another status that says nothing of what it is.
            UnsupportedAppError: it is no Gradio app, one of Gradio 2, or speaks a protocol not known here.
            ProtocolError: it redirects from TLS to where anybody could read what is sent.
        """
        asked = parse_url(self.src)
        self.config, src = self._fetch_config(deadline or self.connecting())
        if self._page is not None and not has_page(self.config, self._page[1]):
            raise UnsupportedAppError(
                f"The app at {bare_url(src)}, which was logged in to, has no page {shown(self._page[1])}, "
                "and there is no other app there. Check the URL."
            )
        self.spec: AppSpec = parse_config(self.config, bare_url(src))
        self.dialect: Dialect = self._dialect_of(self.spec, bare_url(src))
        self.description.local = not self.dialect.describes
        self._settle(src)
        self.routes = Routes(self.src, self.spec.api_prefix, self.dialect.direct_route)
        self.transport.liveness = Liveness(parse_url(self.src).origin, self._show_life, self.threads)
        if self._credentials is not None and same_place(asked, parse_url(self.src)):
            log_in = partial(self._log_in_again, self._credentials)
            self.transport.renewal = Renewal(parse_url(self.src), log_in)

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
        self._log_in(credentials, self.connecting().sooner(seconds))

    def _get(
        self,
        url: str,
        *,
        timeout: Optional[Timeout] = None,
        deadline: Optional[Deadline] = None,
        fresh: bool = False,
    ) -> Response:
        return self._ask(
            "GET",
            url,
            headers=self.headers({}),
            timeout=timeout,
            max_bytes=self.limits.bound("answer_bytes"),
            deadline=deadline,
            fresh=fresh,
        )

    def _ask(self, method: str, url: str, **options: Any) -> Response:
        try:
            return self.transport.request(method, url, **options)
        except ConnectionLost as exc:
            # What uvicorn, gunicorn and Node do with a request in clear at their port for TLS; others say so.
            if url.startswith("http://") and isinstance(exc.__cause__, ConnectionResetError):
                hint = f"{exc} If it speaks TLS, use {with_scheme(self.src, 'https')}"
                exc.args = (shorten(hint),)
            raise

    def _fetch_config(self, deadline: Deadline) -> Tuple[Dict[str, Any], str]:
        """The config, and the URL of the app that it came from."""
        response = self._get(Routes(self.src).config, deadline=deadline)
        config = self._json_object(response)
        if config is not None:
            return config, _place(response, self.src)
        self._check(response, Routes(self.src).config)
        above = self._app_above(deadline)
        if above is None:
            return self._config_of_page(deadline), self.src
        src, config = above
        if config is None:
            raise AuthenticationError(f"Could not load {src} as credentials were not provided. Please login.")
        return config, src

    def _app_above(self, deadline: Deadline) -> Optional[Tuple[str, Optional[Dict[str, Any]]]]:
        """The app whose page the URL is; None where it is no page's.

        A page has no routes of its own, and its name is one part of a path (`Blocks.route`, gradio/blocks.py
        5.50 and 6.31).

        Returns:
            Its URL, and its config; None for one that is shown only after a login.
        """
        page = page_of(self.src)
        if page is None:
            return None
        response = self._get(Routes(page[0]).config, deadline=deadline)
        if response.status == 401 and _GRADIO_401 in response.body:
            return page[0], None
        config = self._json_object(response)
        if config is None or not has_page(config, page[1]):
            return None
        return _place(response, page[0]), config

    def _check(self, response: Response, asked: str) -> None:
        """Let pass what may be a server without this route, or another kind of server.

        Args:
            asked: what was requested.

        Raises:
            GradioClientError: what any other answer says.
        """
        error: Optional[GradioClientError] = None
        if response.status < 500 and response.status != 429:  # such a page may be away, too
            error = sign_in_page(parse_url(asked).label, response.url, response.body)
        if error is None and response.status == 401:
            text = f"Could not load {bare_url(self.src)} as credentials were not provided. Please login."
            if not same_place(parse_url(self.src), parse_url(response.url)):
                text += (
                    f" They do not go to where it redirects; make the client for {bare_url(response.url)}."
                )
            error = AuthenticationError(text)
        if error is None and not 200 <= response.status < 300 and response.status not in _NO_ROUTE:
            status, body, headers = response.status, response.body, response.headers
            error = status_error(status, body, response.url, "loading the app's config", headers)
            error.args = (shorten(f"{error}{self.transport.proxy_advice(response.url)}"),)
        if error is not None:
            raise error

    def _json_object(self, response: Response) -> Optional[Dict[str, Any]]:
        if not 200 <= response.status < 300:
            return None
        try:
            value = response.json(self.limits.answer_values, "answer_bytes")
        except ResponseTooLarge:
            raise
        except ProtocolError:
            return None
        return value if isinstance(value, dict) else None

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

    def _config_of_page(self, deadline: Deadline) -> Dict[str, Any]:
        """The config that old servers only write into their page."""
        response = self._get(self.src, deadline=deadline)
        self._check(response, self.src)
        if not 200 <= response.status < 300:
            advice = "Check that the URL is that of a Gradio app."
            if response.status == 404 and ".hf.space" in self.src:
                advice += " A private Space answers so when it gets no token that may see it; pass hf_token."
            raise UnsupportedAppError(
                f"Could not fetch config for {bare_url(self.src)}: it answered {response.status}. {advice}"
            )
        text = response.text
        found = _PAGE_CONFIG.search(text)
        if found is None:
            raise _no_config(self.src, response.url)
        try:
            config = read_first_json(
                text[found.end() :], "The config in the page", self.limits.answer_values, "answer_bytes"
            )
        except ResponseTooLarge:
            raise
        except ProtocolError as exc:
            raise _no_config(self.src, response.url) from exc
        if not isinstance(config, dict):
            raise _no_config(self.src, response.url)
        return config

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

    def _fetch_info(self) -> Dict[str, Any]:
        if self.description.local:
            return self._derive_info(self)
        from ..wire.info import clean_info  # many calls need no description

        url = self.routes.info
        try:
            limits = self.transport.timeout.whole(self.limits.bound("describing"))
            # The kept connection is for the first call, which may come meanwhile.
            response = self._get(url, timeout=limits, fresh=True)
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


def _login_elsewhere(asked: Target, response: Response) -> Optional[Target]:
    """Where a login has to be sent once more; None where it was answered.

    Raises:
        AuthenticationError: to another server, which is not to see the password.
        ProtocolError: it was redirected to what is no URL.
    """
    location = response.headers.get("location")
    if location is None or response.status not in REDIRECTS:
        return None
    there = resolve(asked, location)
    # 307 and 308 say so. Others do when all URLs have moved; else they lead on from a login that was taken,
    # or that the app does not want (gradio/routes.py 3.23 - 6.31, `login`).
    if response.status not in (307, 308) and (there.path != asked.path or there.url == asked.url):
        return None
    if not same_place(asked, there):
        raise AuthenticationError(
            f"The login of {asked.label} was redirected to {there.label}, another server, so the password "
            "was not sent there. If the app is there, make the client with that URL."
        )
    return there


def _check_login(asked: Target, response: Response) -> None:
    src = asked.label.rpartition("login")[0]
    if response.status in (400, 401, 403) and not wants_tls(response.status, response.body):
        raise AuthenticationError(f"Could not login to {src}. Invalid credentials.")
    if not 200 <= response.status < 300 and response.status not in REDIRECTS:
        raise status_error(response.status, response.body, asked.label, "logging in", response.headers)


def _place(response: Response, src: str) -> str:
    """The URL of the app whose config was asked for at `src`, as redirects corrected it."""
    url = response.url.partition("?")[0].rstrip("/")
    return url[: -len("config")] if url.endswith("/config") else src


def _no_config(src: str, url: str) -> UnsupportedAppError:
    src, url = parse_url(src).label, bare_url(url)
    onward = f" It redirects to {url}." if url != src else ""
    return UnsupportedAppError(
        f"Could not get Gradio config from: {src}.{onward} Check that the URL is that of a Gradio app."
    )
