"""The Hub's REST interface: one call at a time, each with a deadline.

A GET is asked again while the Hub is too busy: after as long as the Hub says, else after pauses that double,
a few times. A POST is sent once, since it may have been carried out although its answer was lost.

Credentials stay on the Hub's own origin: a redirect that leaves it is an error. The texts of the Hub are
shown without the token and without the secrets that were sent.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple, Union

from ..app.options import HttpOptions, user_agent
from ..errors import (
    ArgumentError,
    AuthenticationError,
    DeadlineExceeded,
    GradioClientError,
    HubOffline,
    ProtocolError,
    TooManyRedirects,
)
from ..secrecy import Hidden, HiddenBytes, Secrets, hide
from ..transport.http import Response, Timeout, Transport
from ..transport.redirect import REDIRECTS
from ..transport.sockets import Clock, Deadline
from ..transport.url import Target, parse_url
from ..wire.texts import sendable
from ..wire.urls import join_reference
from .refusal import Question, advised_wait, message_of, refusal
from .token import Given, hub_endpoint, is_true, token_for

logger = logging.getLogger(__name__)

#: Seconds that one request may take, if the deadline of the call leaves as much.
_REQUEST_TIME = 30.0
_MAX_REDIRECTS = 5
#: A POST must not become a GET, so it follows only the redirects that keep it one.
_KEEPING = frozenset({307, 308})
#: How often a GET is repeated whose answer does not say when, after how many seconds first, and at most.
_RETRIES, _FIRST_PAUSE, _LONGEST_PAUSE = 5, 0.5, 8.0

#: Secrets that a Space of the caller's was given: every `HubApi` made in this context keeps them out of
#: texts.
also_hidden: ContextVar[Tuple[str, ...]] = ContextVar("also_hidden", default=())


def wait_here(seconds: float) -> None:
    """Wait on this thread."""
    threading.Event().wait(seconds)


class HubAccess:
    """How a client reaches the Hub: like its app, but without what belongs to the app (headers, cookies,
    login).

    Args:
        options: of the client.
        ssl_verify: of the client.
        given: the token as the caller gave it.
    """

    #: Waits between two requests; a seam for tests.
    pause = staticmethod(wait_here)

    def __init__(self, options: HttpOptions, ssl_verify: Any, given: Given) -> None:
        self._options = options
        self._verify = ssl_verify if options.verify is None else options.verify
        self._given: Given = hide(given)

    def token(self, url: str) -> Optional[str]:
        """The token to send to a URL. Raises as `token_for` does."""
        # Whether servers have to prove that they are who their name says.
        verified = getattr(self._verify, "check_hostname", self._verify is not False)
        return token_for(url, self._given, verified=bool(verified))

    @contextmanager
    def open(self) -> Iterator[HubApi]:
        """Connect to the Hub for the length of a block; errors that leave it show no secret."""
        endpoint = hub_endpoint()
        token = self.token(endpoint)
        transport = Transport(
            base_url=endpoint,
            timeout=self._options.timeout,
            verify=self._verify,
            cert=self._options.cert,
            proxies=self._options.proxies,
            trust_env=self._options.trust_env,
        )
        try:
            api = HubApi(
                transport,
                endpoint=endpoint,
                token=token,
                user_agent=user_agent(),
                timeout=self._options.timeout,
                pause=self.pause,
            )
            with transport.secrets, api.secrets:
                yield api
        finally:
            transport.close()


class HubApi:
    """Calls the Hub.

    Args:
        transport: the connections; its cookies, if it has any, are not sent.
        endpoint: the Hub's URL.
        token: one that may go there; None sends none.
        user_agent: who is asking.
        timeout: of each request; a deadline that comes sooner wins.
        clock: monotonic seconds.
        pause: waits for so many seconds.

    Raises:
        ArgumentError: the endpoint is no URL.

    Example:
        >>> hub = "https://huggingface.co"
        >>> api = HubApi(Transport(base_url=hub), endpoint=hub, token=None, user_agent="me/1")
        >>> api.get("/api/spaces/owner/name", Deadline(60), "looking")["host"]     # doctest: +SKIP
        'https://owner-name.hf.space'
    """

    def __init__(
        self,
        transport: Transport,
        *,
        endpoint: str,
        token: Optional[str],
        user_agent: str,
        timeout: Timeout = Timeout(),  # noqa: B008 - never changed
        clock: Clock = time.monotonic,
        pause: Callable[[float], object] = wait_here,
    ) -> None:
        self.endpoint: str = hide(endpoint.rstrip("/"))
        #: The same for texts: without userinfo.
        self.shown = parse_url(self.endpoint).label.rstrip("/")
        self.transport = transport
        self.user_agent = user_agent
        self.clock = clock
        self.pause = pause
        #: What no text may show.
        self.secrets = Secrets(token, *also_hidden.get())
        self._token = hide(token)
        self._timeout = timeout

    @property
    def has_token(self) -> bool:
        """Whether a token is sent."""
        return self._token is not None

    def require_token(self, what: str) -> None:
        """Refuse to begin what takes a token when there is none.

        Args:
            what: as a sentence begins, such as "Duplicating a Space".

        Raises:
            AuthenticationError: there is none.
        """
        if self._token is None:
            raise AuthenticationError(
                f"{what} takes a token with the right to write: pass hf_token, or set HF_TOKEN. One saved on "
                "this machine is sent to Hugging Face's hosts over TLS only."
            )

    def hide(self, *secrets: Optional[str]) -> None:
        """Keep these out of every text from now on, should the Hub quote them."""
        self.secrets.add(*secrets)

    def space_page(self, space_id: str) -> str:
        """The URL of a Space's page."""
        return f"{self.shown}/spaces/{space_id}"

    def deadline(self, seconds: Optional[float]) -> Deadline:
        """A moment on this Hub's clock."""
        return Deadline(seconds, self.clock)

    def get(
        self, path: str, deadline: Deadline, doing: str, space_id: Optional[str] = None
    ) -> Dict[str, Any]:
        """Ask for a JSON object, again when the Hub is too busy, as long as the deadline allows.

        Args:
            path: below the endpoint, with its leading slash.
            deadline: of everything, the pauses included.
            doing: what it is for, as error texts say it.
            space_id: the Space it is about, if it is about one.

        Raises:
            HubOffline: HF_HUB_OFFLINE is set.
            SpaceNotFound, HubPermissionError, AuthenticationError: the Hub refused.
            HubUnavailable, TooManyRequestsError: it was still too busy at the end.
            ConnectionFailed, DeadlineExceeded: it cannot be reached.
            ProtocolError: the answer is no JSON object.
        """
        answer = self._get(path, deadline, doing, space_id).json()
        if not isinstance(answer, dict):
            raise ProtocolError(f"The Hub answered with no JSON object while {doing}. Check HF_ENDPOINT.")
        return answer

    def get_text(self, path: str, deadline: Deadline, doing: str, space_id: Optional[str] = None) -> str:
        """Ask for a text; otherwise like `get`."""
        return self._get(path, deadline, doing, space_id).text

    def post(
        self,
        path: str,
        payload: Union[Mapping[str, Any], List[Dict[str, Any]], None],
        deadline: Deadline,
        doing: str,
        space_id: Optional[str] = None,
    ) -> None:
        """Send JSON, once; of a list a line for each entry, as commits are sent; None sends nothing.

        Raises as `get` does.
        """
        payload = sendable(payload, f"What is sent while {doing}")
        body, fields = None, {}
        if isinstance(payload, list):
            body = HiddenBytes(b"".join(json.dumps(line).encode() + b"\n" for line in payload))
            fields["content-type"] = "application/x-ndjson"
        elif payload is not None:
            body = HiddenBytes(json.dumps(payload).encode())
            fields["content-type"] = "application/json"
        response = self._send("POST", path, body, fields, deadline, doing)
        if not 200 <= response.status < 300:
            raise self._refused(response, doing, space_id)

    def limits(self, deadline: Deadline, doing: str, longest: float = _REQUEST_TIME) -> Timeout:
        """The limits of one request.

        Raises:
            DeadlineExceeded: there is no time left for it.
        """
        try:
            total = deadline.left(longest)
        except socket.timeout:
            raise DeadlineExceeded(
                f"The deadline passed while {doing} at {self.shown}. Raise space_timeout, or try again."
            ) from None
        return Timeout(self._timeout.connect, self._timeout.read, total)

    def _get(self, path: str, deadline: Deadline, doing: str, space_id: Optional[str]) -> Response:
        retries = 0
        while True:
            response = self._send("GET", path, None, {}, deadline, doing)
            if 200 <= response.status < 300:
                return response
            wait = _wait(response, retries)
            if wait is None or not _allows(deadline, wait):
                raise self._refused(response, doing, space_id)
            logger.info("%s answered %d; asked again in %.1f seconds", self.shown, response.status, wait)
            retries += 1
            self.pause(wait)

    def _send(
        self,
        method: str,
        path: str,
        body: Optional[bytes],
        fields: Dict[str, str],
        deadline: Deadline,
        doing: str,
    ) -> Response:
        if is_true("HF_HUB_OFFLINE"):
            raise HubOffline(
                f"HF_HUB_OFFLINE is set, so {self.shown} was not asked while {doing}. Unset it, or pass the "
                "app's URL."
            )
        url = hide(self.endpoint + path)
        headers = {"user-agent": self.user_agent, **fields}
        if self._token is not None:
            headers["authorization"] = Hidden(f"Bearer {self._token}")
        for _ in range(_MAX_REDIRECTS + 1):
            response = self.transport.request(
                method,
                url,
                headers=headers,
                body=body,
                timeout=self.limits(deadline, doing),
                follow_redirects=False,
                credentials=False,
            )
            follows = REDIRECTS if method == "GET" else _KEEPING
            location = response.headers.get("location")
            if response.status not in follows or location is None:
                return response
            url = _same_origin(url, location)
        raise TooManyRedirects(f"{self.shown} redirected more than {_MAX_REDIRECTS} times while {doing}.")

    def _refused(self, response: Response, doing: str, space_id: Optional[str]) -> GradioClientError:
        url = self.secrets.blank(response.url.partition("?")[0])
        message = message_of(response.headers, response.body, self.secrets)
        question = Question(doing, url, space_id, self.has_token)
        return refusal(question, response.status, response.headers, message)


def _wait(response: Response, retries: int) -> Optional[float]:
    """The seconds after which to ask again; None when that is of no use."""
    if response.status != 429 and response.status < 500:
        return None
    advised = advised_wait(response.status, response.headers)
    if advised is not None:
        # An answer that says 0 for ever must not be asked without end.
        return max(advised, min(_FIRST_PAUSE * retries, _LONGEST_PAUSE))
    return min(_FIRST_PAUSE * 2.0**retries, _LONGEST_PAUSE) if retries < _RETRIES else None


def _allows(deadline: Deadline, seconds: float) -> bool:
    """Whether there is time for a pause and a request after it."""
    try:
        left = deadline.left()
    except socket.timeout:
        return False
    return left is None or seconds < left


def _same_origin(url: str, location: str) -> str:
    """The URL to which a redirect leads, which must be on the same origin.

    Raises:
        ProtocolError: it is elsewhere, or no URL.
    """
    here = parse_url(url)
    target: Optional[Target] = None
    with suppress(ArgumentError, ValueError):
        # From the URL without userinfo: a cache of the process keeps what is parsed.
        target = parse_url(join_reference(here.label, location.strip()))
    if target is None or target.origin != here.origin:
        raise ProtocolError(
            f"{here.label} redirects to another host; it was not followed, since the token is for this one "
            "alone. Check HF_ENDPOINT."
        )
    return target.url
