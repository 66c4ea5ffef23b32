"""What a queue driver and the jobs it carries expect of each other.

Which job an event id belongs to: each id belongs to one job, and to no other after it.
"""

from __future__ import annotations

import logging
import os
from typing import Callable, ContextManager, Dict, List, Mapping, Optional, Protocol, Tuple, Union

from ..errors import ClientClosed, ProtocolError
from ..limits import DEFAULT_LIMITS
from ..secrecy import Hidden
from ..transport.http import MaxBytes, Response, StreamingResponse, Timeout, Transport
from ..transport.url import parse_url
from ..wire.config import EndpointSpec
from ..wire.decoding import FEW_VALUES, read_json
from ..wire.messages import Message
from ..wire.refusal import refusal, sign_in_page
from ..wire.texts import utf8

_ANSWER = DEFAULT_LIMITS.bound("answer_bytes")

#: Characters of an event id; Gradio's have 32 (`uuid4().hex`, gradio/queueing.py 4.0 - 6.31).
LONGEST_ID = 256

_log = logging.getLogger(__name__)


class Call(Protocol):
    """One job, as a driver sees it.

    Its methods may be called on any thread; all but `request_body` return at once.
    """

    #: The server's id of the job; None until it has given one.
    event_id: Optional[str]
    #: The endpoint's number.
    fn_index: int
    #: What error texts call the endpoint.
    label: str
    #: Headers of this call alone, over those of the client.
    headers: Mapping[str, str]
    #: What the server keeps the job's State under, as in its body.
    session_hash: str

    def request_body(self) -> bytes:
        """The JSON to send; blocks while the files among the arguments are uploaded.

        Raises:
            CancelledError: the job has ended meanwhile, and is not to be sent.
        """
        ...

    def done(self) -> bool:
        """Whether it has ended."""
        ...

    def joined(self, event_id: str) -> None:
        """The server has taken the job under this id."""

    def feed(self, message: Message, text: Union[str, bytes] = "") -> bool:
        """A message of the server for this job, in order; return whether it wants no more.

        It has not always ended then: the files of its result may have to be fetched.

        Args:
            message: what the server said.
            text: the JSON it was read from. A job that keeps too much of what comes by and by, as texts and
                not as bytes, fails. "" for a word of the driver.
        """
        ...

    def fail(self, error: BaseException) -> None:
        """The job can no longer end well."""

    def told(self, taken: bool) -> None:
        """Whether the server needs to be told no more that the job is cancelled; False where it cannot be."""


class Driver(Protocol):
    """One way of running jobs."""

    def submit(self, call: Call) -> None:
        """Send the job to the server, blocking only for the requests that needs.

        It never raises: what goes wrong reaches `call.fail`.
        """

    def forget(self, call: Call) -> None:
        """The caller has no more interest in the job: it was cancelled."""

    def close(self) -> None:
        """End everything under way; jobs that have not finished fail with ClientClosed."""


class SessionDriver(Driver, Protocol):
    """A driver that runs the queued jobs of one session."""

    session_hash: str

    def hash_for(self, endpoint: EndpointSpec) -> str:
        """The session hash that the next job of `endpoint` should go under."""
        ...

    def alone(self, call: Call, later: Callable[[], None]) -> ContextManager[bool]:
        """Whether to stop a cancelled job by session and function would hit no other job.

        None joins while the block lasts, which may end on another thread. Where others are about, `later` is
        called when none is any more, unless the server has ended the job before; drivers whose jobs have
        sockets never call it.

        Args:
            call: not the driver's any more.
            later: returns at once.
        """
        ...


#: Gives the headers of a request from those of one call.
Headers = Callable[[Mapping[str, str]], Dict[str, str]]


def new_session_hash() -> str:
    """A session hash nobody else has; 128 random bits, as hexadecimal digits."""
    return Hidden(os.urandom(16).hex())


def post_json(
    transport: Transport,
    url: str,
    headers: Dict[str, str],
    body: bytes,
    doing: str,
    timeout: Optional[Timeout] = None,
    max_bytes: MaxBytes = _ANSWER,
) -> bytes:
    """POST JSON and return the body of the answer.

    Args:
        transport: the client's connections.
        url: where to.
        headers: of the request; its content type is added.
        body: the JSON.
        doing: what the request is for, as error texts say it.
        timeout: None for the transport's.
        max_bytes: the largest answer.

    Raises:
        GradioClientError: what an answer other than 2xx stands for, or what broke on the way.
    """
    headers = {**headers, "content-type": "application/json"}
    response = transport.request(
        "POST", url, headers=headers, body=body, timeout=timeout, max_bytes=max_bytes
    )
    if not 200 <= response.status < 300:
        raise refusal(response.status, response.body, url, doing, response.headers)
    check_signed_in(url, response, response.body)
    return response.body


def check_signed_in(url: str, response: Union[Response, StreamingResponse], body: bytes) -> None:
    """Look for what a browser would be shown: a proxy's session has ended, and it leads to its sign-in page.

    Args:
        url: what was requested.
        response: the answer.
        body: what is known of its content.

    Raises:
        AuthenticationError: it does.
    """
    if response.headers.get("content-type", "").startswith("text/html"):
        error = sign_in_page(parse_url(url).label, response.url, body)
        if error is not None:
            raise error


def parse_event_id(body: bytes, label: str) -> str:
    """The event id in the answer to a join.

    Raises:
        ProtocolError: there is none.
    """
    answer = read_json(body, f"The server's answer to the join of {label}", FEW_VALUES)
    event_id = answer.get("event_id") if isinstance(answer, dict) else None
    return check_event_id(event_id, label)


def check_event_id(event_id: object, label: str) -> str:
    """The event id that the server gave to a job.

    Raises:
        ProtocolError: it is none.
    """
    if (
        isinstance(event_id, str)
        and 0 < len(event_id) <= LONGEST_ID
        and (event_id.isascii() or utf8(event_id) is not None)
    ):
        return event_id
    raise ProtocolError(f"The server took the call of {label} without giving it an event id.")


def feed(call: Call, message: Message, text: Union[str, bytes] = "") -> bool:
    """Feed a job one message, as `Call.feed` does.

    Where that fails in a way nobody thought of, it ends this job alone: the thread serves others too.
    """
    try:
        return call.feed(message, text)
    except Exception as exc:
        error = ProtocolError(f"A message of the server for {call.label} could not be taken: {exc!r}.")
        error.__cause__ = exc
        fail(call, error)
        return True


def fail(call: Call, error: BaseException) -> None:
    """Let a job fail; what that raises concerns no other job."""
    try:
        call.fail(error)
    except Exception:
        _log.exception("%s could not be ended", call.label)


def closed_error(label: str, *, begun: bool = True) -> ClientClosed:
    """What a job fails with when its client is closed.

    Args:
        label: what texts call the job.
        begun: whether anything of it may have been sent.
    """
    if begun:
        return ClientClosed(f"The client was closed before {label} had finished.")
    return ClientClosed(f"The client is closed; {label} was not called. Make another client.")


#: How many ids of ended jobs are remembered.
_REMEMBERED = 10_000


class Claims:
    """The event ids of one session; the owner's lock is held when a method is called.

    Messages of jobs that have ended here may still come, as the server goes on with jobs that were cancelled.
    So ended ids are remembered: their messages are nobody's, and no later job is given one of them.

    Attributes:
        calls: the jobs that wait, by their ids.
    """

    def __init__(self) -> None:
        self.calls: Dict[str, Call] = {}
        self._ids: Dict[Call, str] = {}
        self._ended: Dict[str, None] = {}  # the one that was heard of longest ago first

    def claim(self, event_id: str, call: Call) -> Tuple[Call, ...]:
        """Let an id belong to a job that has none.

        Returns:
            The jobs that have to fail, because nobody can tell whose the messages under this id are: `call`,
            and the one that it belonged to before, if that has not ended. None of them has it any more.
        """
        other = self.calls.get(event_id)
        if other is None and event_id not in self._ended:
            self.calls[event_id] = call
            self._ids[call] = event_id
            return ()
        self.end(event_id)
        return (call,) if other is None else (call, other)

    def end(self, event_id: str) -> Optional[Call]:
        """Let nobody have an id from now on; return the job that had it."""
        self._ended[event_id] = None
        if len(self._ended) > _REMEMBERED:
            self._ended.pop(next(iter(self._ended)), None)
        call = self.calls.pop(event_id, None)
        if call is not None:
            self._ids.pop(call, None)
        return call

    def end_call(self, call: Call) -> None:
        """Let nobody have the id of a job from now on, if it has one."""
        event_id = self._ids.get(call)
        if event_id is not None:
            self.end(event_id)

    def has_ended(self, event_id: str) -> bool:
        """Whether messages under this id are nobody's."""
        if event_id not in self._ended:
            return False
        # The last to be forgotten, as more of them may come.
        self._ended[event_id] = self._ended.pop(event_id, None)
        return True


def ambiguous(labels: List[str]) -> ProtocolError:
    """What jobs fail with that cannot be told apart."""
    return ProtocolError(
        f"The server gave a call of {' and of '.join(labels)} the event id of another call, so its messages "
        "cannot be told from those of the other; report it to the app's author."
    )
