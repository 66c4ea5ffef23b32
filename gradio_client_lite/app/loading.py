"""Loading: what is asked at a URL before the app there is known: a login, its config, its page.

A config is looked for in three places. Each next one is asked only when the one before has no such route:

    <src>/config ─▶ config of the app above, if <src> is a page of it ─▶ the page at <src> (early Gradio 3)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Optional, Set, Tuple

from ..errors import (
    AuthenticationError,
    ConnectionLost,
    GradioClientError,
    ProtocolError,
    ResponseTooLarge,
    TooManyRedirects,
    UnsupportedAppError,
    shorten,
)
from ..light import pattern
from ..limits import Limits
from ..transport.http import Response, Timeout, Transport
from ..transport.reach import MAX_REDIRECTS, REDIRECTS
from ..transport.sockets import Deadline
from ..transport.url import Target, parse_url, resolve, same_place
from ..wire.config import has_page
from ..wire.decoding import read_first_json
from ..wire.refusal import login_wanted, sign_in_page, status_error, wants_tls
from ..wire.texts import page_in_words
from ..wire.urls import Routes, bare_url, page_of, with_scheme
from .headers import RequestHeaders

if TYPE_CHECKING:
    from .login import Credentials

_SECURE, _UNSECURE = "access-token", "access-token-unsecure"
#: What servers answer that have no such route.
NO_ROUTE = (404, 405)
#: What an app's `login_check` says (gradio/routes.py 5.0 - 6.31).
_GRADIO_401 = b"Not authenticated"
_PAGE_CONFIG = pattern(r"window\.gradio_config\s*=\s*(?=\{)")


class Loader:
    """Asks for an app's config, and logs in to it."""

    def __init__(self, transport: Transport, headers: RequestHeaders, limits: Limits) -> None:
        self._transport = transport
        self._headers = headers
        self._limits = limits
        self._login_cookies: Set[str] = set()

    def load(self, src: str, deadline: Deadline) -> Tuple[Dict[str, Any], str]:
        """The config of the app at `src`, and the URL of the app that it came from.

        Raises:
            GradioClientError: see `App.connect`.
        """
        url = Routes(src).config
        response = self.get(url, src, deadline=deadline)
        config = self._json_object(response)
        if config is not None:
            return config, _app_of(response, src)
        self._check(response, url, src)
        above = self.app_above(src, deadline)
        if above is None:
            return self._config_of_page(src, deadline), src
        there, config = above
        if config is None:
            raise login_wanted(there)
        return config, there

    def get(
        self,
        url: str,
        src: str,
        *,
        timeout: Optional[Timeout] = None,
        deadline: Optional[Deadline] = None,
        fresh: bool = False,
    ) -> Response:
        """Answer of a GET at `url`, of the app at `src`. Options are those of `Transport.request`."""
        headers = self._headers({})
        return self._ask("GET", url, src, headers=headers, timeout=timeout, deadline=deadline, fresh=fresh)

    def _ask(self, method: str, url: str, src: str, **options: Any) -> Response:
        try:
            size = self._limits.bound("answer_bytes")
            return self._transport.request(method, url, max_bytes=size, **options)
        except ConnectionLost as exc:
            # What uvicorn, gunicorn and Node do with a request in clear at their port for TLS; others say so.
            if url.startswith("http://") and isinstance(exc.__cause__, ConnectionResetError):
                hint = f"{exc} If it speaks TLS, use {with_scheme(src, 'https')}"
                exc.args = (shorten(hint),)
            raise

    def app_above(self, src: str, deadline: Deadline) -> Optional[Tuple[str, Optional[Dict[str, Any]]]]:
        """The app of which `src` is a page, if it is: its URL, and its config, None before a login.

        A page has no routes of its own, and its name is one part of a path (`Blocks.route`, gradio/blocks.py
        5.50 and 6.31).
        """
        page = page_of(src)
        if page is None:
            return None
        response = self.get(Routes(page[0]).config, src, deadline=deadline)
        if response.status == 401 and _GRADIO_401 in response.body:
            return page[0], None
        config = self._json_object(response)
        if config is None or not has_page(config, page[1]):
            return None
        return _app_of(response, page[0]), config

    def _check(self, response: Response, asked: str, src: str) -> None:
        """Raise what the answer to `asked` says, unless it may be a server without this route, or no app."""
        error: Optional[GradioClientError] = None
        if response.status < 500 and response.status != 429:  # such a page may be away, too
            error = sign_in_page(parse_url(asked).label, response.url, response.body)
        if error is None and response.status == 401:
            error = login_wanted(bare_url(src))
            if not same_place(parse_url(src), parse_url(response.url)):
                there = bare_url(response.url)
                onward = f"{error} They do not go to where it redirects; make the client for {there}."
                error.args = (shorten(onward),)
        if error is None and not 200 <= response.status < 300 and response.status not in NO_ROUTE:
            status, body, headers = response.status, response.body, response.headers
            error = status_error(status, body, response.url, "loading the app's config", headers)
            error.args = (shorten(f"{error}{self._transport.proxy_advice(response.url)}"),)
        if error is not None:
            raise error

    def _json_object(self, response: Response) -> Optional[Dict[str, Any]]:
        if not 200 <= response.status < 300:
            return None
        try:
            value = response.json(self._limits.answer_values, "answer_bytes")
        except ResponseTooLarge:
            raise
        except ProtocolError:
            return None
        return value if isinstance(value, dict) else None

    def _config_of_page(self, src: str, deadline: Deadline) -> Dict[str, Any]:
        """The config that old servers only write into their page."""
        response = self.get(src, src, deadline=deadline)
        self._check(response, src, src)
        if not 200 <= response.status < 300:
            advice = "Check that the URL is that of a Gradio app."
            if response.status == 404 and ".hf.space" in src:
                advice += " A private Space answers so when it gets no token that may see it; pass hf_token."
            raise UnsupportedAppError(
                f"Could not fetch config for {bare_url(src)}: it answered {response.status}."
                f"{page_in_words(response.body)} {advice}"
            )
        text = response.text
        found = _PAGE_CONFIG.search(text)
        if found is None:
            raise _no_config(src, response)
        try:
            config = read_first_json(
                text[found.end() :], "The config in the page", self._limits.answer_values, "answer_bytes"
            )
        except ResponseTooLarge:
            raise
        except ProtocolError as exc:
            raise _no_config(src, response) from exc
        if not isinstance(config, dict):
            raise _no_config(src, response)
        return config

    def is_there(self, src: str, deadline: Deadline) -> bool:
        """Whether there is anything at a URL.

        An app that wants a login shows that in place of each of its pages. Where nothing is shown there is no
        page of it, and the password is not for it.
        """
        # From one with a slash at its end a mounted app redirects to the wrong place (gradio/routes.py 6.31).
        return 200 <= self.get(src.rstrip("/"), src, deadline=deadline).status < 300

    def log_in(self, src: str, credentials: Credentials, deadline: Deadline) -> None:
        """Log in to the app at `src`; its cookies replace those of the login before. See `App.login`."""
        cookies = self._transport.cookies
        for name in self._login_cookies:
            cookies.pop(name, None)
        before = set(cookies)
        try:
            self._post_login(src, credentials, deadline)
        finally:
            self._login_cookies = set(cookies) - before

    def _post_login(self, src: str, credentials: Credentials, deadline: Deadline) -> None:
        target = parse_url(Routes(src).login)
        headers = self._headers({"content-type": "application/x-www-form-urlencoded"})
        for _ in range(MAX_REDIRECTS):
            response = self._ask(
                "POST",
                target.url,
                src,
                headers=headers,
                body=credentials.form(),
                follow_redirects=False,
                deadline=deadline,
            )
            onward = _login_elsewhere(target, response)
            if onward is None:
                _check_login(target, response)
                break
            target = onward
        else:
            raise TooManyRedirects(f"More than {MAX_REDIRECTS} redirects of the login to {target.label}.")
        # A login gives the same token twice, for TLS alone and for use without. Sockets of older 3.x servers
        # look at the first one only (gradio/routes.py 3.23, `ws_login_check`; mended by 3.35).
        cookies = self._transport.cookies
        if _UNSECURE in cookies and _SECURE not in cookies:
            cookies[_SECURE] = cookies[_UNSECURE]


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


def _app_of(response: Response, src: str) -> str:
    """The URL of the app whose config was asked for at `src`, as redirects corrected it."""
    url = response.url.partition("?")[0].rstrip("/")
    return url[: -len("config")] if url.endswith("/config") else src


def _no_config(src: str, response: Response) -> UnsupportedAppError:
    src, url = parse_url(src).label, bare_url(response.url)
    onward = f" It redirects to {url}." if url != src else ""
    return UnsupportedAppError(
        f"Could not get Gradio config from: {src}.{onward}{page_in_words(response.body)} Check that the URL "
        "is that of a Gradio app."
    )
