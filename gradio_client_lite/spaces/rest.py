"""The Hub's REST interface: one call at a time, each with a deadline.

A GET is asked again while the Hub is too busy: after as long as the Hub says, else after pauses that double,
a few times. A POST is sent once, since it may have been carried out although its answer was lost.

Credentials stay on the Hub's own origin: a redirect that leaves it is an error. The texts of the Hub are
shown without the token and without the secrets that were sent.

Source: huggingface_hub 0.34 - 2.4, `utils/_http.py`: the headers X-Error-Code, X-Error-Message, X-Request-Id,
Retry-After and RateLimit, and which of them count when.
"""

from __future__ import annotations

import json
import logging
import re
import socket
import threading
import time
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple, Union

from ..app.options import HttpOptions, user_agent
from ..errors import (
    ArgumentError,
    AuthenticationError,
    ClientClosed,
    DeadlineExceeded,
    GradioClientError,
    HTTPStatusError,
    HubOffline,
    HubPermissionError,
    HubUnavailable,
    ProtocolError,
    SpaceDisabled,
    SpaceGated,
    SpaceNameTaken,
    SpaceNotFound,
    TooManyRedirects,
    TooManyRequestsError,
    shorten,
)
from ..secrecy import Hidden, HiddenBytes, Secrets, hide
from ..threads import Threads
from ..transport.http import Response, Timeout, Transport
from ..transport.reach import REDIRECTS
from ..transport.sockets import Clock, Deadline
from ..transport.url import Target, parse_url
from ..wire.decoding import FEW_VALUES, read_json
from ..wire.refusal import LONGEST_WAIT, stated_wait
from ..wire.texts import sendable, text_of
from ..wire.urls import join_reference
from .token import Given, hub_endpoint, is_true, token_for

logger = logging.getLogger(__name__)

#: Seconds that one request may take, if the deadline of the call leaves as much.
_REQUEST_TIME = 30.0
_MAX_REDIRECTS = 5
#: A POST must not become a GET, so it follows only the redirects that keep it one.
_KEEPING = frozenset({307, 308})
#: How often a GET is repeated whose answer does not say when, after how many seconds first, and at most.
_RETRIES, _FIRST_PAUSE, _LONGEST_PAUSE = 5, 0.5, 8.0

#: Characters of the Hub's words that an error shows, and of the request's id.
_EXCERPT, _ID_LENGTH = 300, 80
_DISABLED = "Access to this resource is disabled."
_SETTINGS = "https://huggingface.co/settings/tokens"
_RATE_LIMIT = re.compile(r"(?:^|[;,\s])([rt])\s*=\s*([0-9]{1,9})(?![0-9])")
#: Where the saved token goes, for those who wonder why it was not sent.
_SAVED = "sent to Hugging Face's hosts over TLS only."

#: Secrets that a Space of the caller's was given: each `HubApi` made in this context hides them, too.
also_hidden: ContextVar[Tuple[str, ...]] = ContextVar("also_hidden", default=())


def wait_here(seconds: float) -> None:
    threading.Event().wait(seconds)


def _pause(threads: Threads, seconds: float) -> None:
    threads.pause(seconds)
    if threads.closed:
        raise ClientClosed("Waiting for the Hub was broken off.")


class HubAccess:
    """How a client reaches the Hub: as its app, but without the app's headers, cookies and login.

    Waiting between two requests ends with ClientClosed where `threads`, if given, are closed.
    """

    #: Waits between two requests; a seam for tests.
    pause = staticmethod(wait_here)

    def __init__(
        self, options: HttpOptions, ssl_verify: Any, given: Given, threads: Optional[Threads] = None
    ) -> None:
        self._options = options
        self._verify = ssl_verify if options.verify is None else options.verify
        self._given: Given = hide(given)
        self._threads = threads

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
                pause=self.pause if self._threads is None else partial(_pause, self._threads),
            )
            with transport.secrets, api.secrets:
                yield api
        finally:
            transport.close()


class HubApi:
    """Calls the Hub at `endpoint`.

    Args:
        token: one that may go there; None sends none.
        timeout: of each request; a deadline that comes sooner wins.

    Raises:
        ArgumentError: the endpoint is no URL.
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
        self.has_token = token is not None
        #: What no text may show.
        self.secrets = Secrets(token, *also_hidden.get())
        self._token = hide(token)
        self._timeout = timeout

    def require_token(self, what: str) -> None:
        """Raise AuthenticationError where there is no token; `what` takes one: "Duplicating a Space"."""
        if not self.has_token:
            raise AuthenticationError(
                f"{what} takes a token with the right to write: pass hf_token, or set HF_TOKEN. One saved on "
                f"this machine is {_SAVED}"
            )

    def space_page(self, space_id: str) -> str:
        """The URL of a Space's page."""
        return f"{self.shown}/spaces/{space_id}"

    def deadline(self, seconds: Optional[float]) -> Deadline:
        """A moment on this Hub's clock."""
        return Deadline(seconds, self.clock)

    def get(
        self, path: str, deadline: Deadline, doing: str, space_id: Optional[str] = None
    ) -> Dict[str, Any]:
        """Ask for a JSON object. Raises as `get_text` does, or ProtocolError where the answer is none."""
        answer = self._get(path, deadline, doing, space_id).json()
        if not isinstance(answer, dict):
            raise ProtocolError(f"The Hub answered with no JSON object while {doing}. Check HF_ENDPOINT.")
        return answer

    def get_text(self, path: str, deadline: Deadline, doing: str, space_id: Optional[str] = None) -> str:
        """Ask for a text, again when the Hub is too busy, as long as the deadline allows.

        Args:
            path: below the endpoint, with its leading slash.
            doing: what it is for, as error texts say it.
            space_id: the Space it is about, if it is about one.

        Raises:
            HubOffline: HF_HUB_OFFLINE is set.
            SpaceNotFound, HubPermissionError, AuthenticationError: the Hub refused.
            HubUnavailable, TooManyRequestsError: it was still too busy at the end.
            ConnectionFailed, DeadlineExceeded: it cannot be reached.
        """
        return self._get(path, deadline, doing, space_id).text

    def post(
        self,
        path: str,
        payload: Union[Mapping[str, Any], List[Dict[str, Any]], None],
        deadline: Deadline,
        doing: str,
        space_id: Optional[str] = None,
    ) -> None:
        """Send JSON, once; of a list a line for each entry, as for commits. Raises as `get_text` does."""
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
        """The limits of one request; raises DeadlineExceeded where no time is left for it."""
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
    """The URL to which a redirect leads; raises ProtocolError where that is on another origin, or no URL."""
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


# --- answers that are no success


class Question(NamedTuple):
    """What the Hub was asked: for what, as texts say it; the URL without query; the Space it is about."""

    doing: str
    url: str
    space_id: Optional[str] = None
    with_token: bool = False


def refusal(question: Question, status: int, headers: Mapping[str, str], message: str) -> GradioClientError:
    """The exception for an answer with a status that is not 2xx; `message` is that of `message_of`."""
    error = _refusal(question, status, headers, message)
    error.retry_after = advised_wait(status, headers)
    return error


def _refusal(question: Question, status: int, headers: Mapping[str, str], message: str) -> GradioClientError:
    said = f"The Hugging Face Hub answered {status} while {question.doing}: {message}"
    code = headers.get("x-error-code", "")
    if code == "GatedRepo":
        return SpaceGated(f"{said} Ask for access at its page, with the account of the token.")
    if code == "DisabledRepo" or headers.get("x-error-message") == _DISABLED:
        return SpaceDisabled(f"{said} The Hub has disabled it; write to its owner.")
    # Without a token the Hub does not tell a private Space from one that is not there.
    unseen = status == 404 or (status == 401 and not question.with_token)
    if code == "RepoNotFound" or (question.space_id is not None and not code and unseen):
        return _not_found(question, said)
    if status == 401 and question.with_token:
        return AuthenticationError(
            f"{said} The token is not valid; make a new one at {_SETTINGS}. If none was passed, it is the "
            "one saved on this machine, in HF_TOKEN or a file; hf_token=False sends none."
        )
    if status == 401:
        return AuthenticationError(
            f"{said} It needs a token: pass hf_token, or set HF_TOKEN; a saved one is {_SAVED}"
        )
    if status in (402, 403):
        return HubPermissionError(f"{said} Pass a token that may do this; its rights are set at {_SETTINGS}.")
    if status == 409:
        return SpaceNameTaken(f"{said} Choose another name with to_id.")
    if status == 429:
        wait = advised_wait(status, headers)
        seconds = "" if wait is None else f" and says to wait for {wait:.0f} seconds"
        return TooManyRequestsError(f"{said} It wants fewer requests{seconds}; a token may ask more.")
    if status >= 500:
        return HubUnavailable(f"{said} Try again later; https://status.huggingface.co shows its state.")
    return HTTPStatusError(said, status=status, url=question.url)


def _not_found(question: Question, said: str) -> SpaceNotFound:
    advice = (
        "The token that was sent cannot see it."
        if question.with_token
        else f"If it is a private Space, please provide an hf_token; one saved on this machine is {_SAVED}"
    )
    return SpaceNotFound(f"Could not find Space: {question.space_id or 'the Space'}. {advice} {said}")


def message_of(headers: Mapping[str, str], body: bytes, secrets: Secrets) -> str:
    """What an answer says went wrong: bounded, and without secrets, which the Hub may quote."""
    text = shown_text(headers.get("x-error-message") or _json_text(body) or "(no text)", secrets)
    request_id = shown_text(headers.get("x-request-id"), secrets, _ID_LENGTH)
    return f"{text} (request {request_id})" if request_id else text


def shown_text(text: Any, secrets: Secrets, limit: int = _EXCERPT) -> str:
    """A text of the Hub's, fit to be shown: without secrets, on one line, not much longer than `limit`."""
    return shorten(" ".join(secrets.blank(text_of(text) or "").split()), limit)


def advised_wait(status: int, headers: Mapping[str, str], now: Optional[float] = None) -> Optional[float]:
    """The seconds an answer asks to wait, at most a day; None when it does not say.

    Retry-After wins, in seconds or as a date. RateLimit comes with every answer, so its `t` counts only with
    a 429 and when `r` says that nothing is left. `now` is in seconds since the epoch; None is the clock's.
    """
    wait = stated_wait(headers, time.time() if now is None else now)
    if wait is not None or status != 429:
        return wait
    for policy in headers.get("ratelimit", "").split(","):
        limit = dict(_RATE_LIMIT.findall(policy))
        if limit.get("r") and int(limit["r"]) == 0 and "t" in limit:
            return min(float(limit["t"]), LONGEST_WAIT)
    return None


def _json_text(body: bytes) -> str:
    """The text in a JSON body: `error`, a string or a list of them, then the messages of `errors`."""
    try:
        content = read_json(body, "The answer", FEW_VALUES)
    except ProtocolError:
        return ""
    if not isinstance(content, dict):
        return ""
    error, errors = content.get("error"), content.get("errors")
    texts: List[Any] = error if isinstance(error, list) else [error]
    if isinstance(errors, list):
        texts = texts + [entry.get("message") for entry in errors if isinstance(entry, dict)]
    return "\n".join(text for text in texts if isinstance(text, str) and text)
