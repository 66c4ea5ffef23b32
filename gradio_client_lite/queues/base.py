"""What queue drivers and jobs expect of each other, and what drivers share.

`Call` is a job as drivers see it, `SessionDriver` what runs the queued jobs of a session, `Claims` the rule
that an event id belongs to one job, and to no other after it.
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
    """One job. Any thread may call its methods; all but `request_body` return at once."""

    #: The server's id of the job; None until the server has given one.
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
        """The JSON to send, once the files among the arguments were uploaded.

        Raises:
            CancelledError: the job has ended meanwhile and must not be sent.
        """
        ...

    def done(self) -> bool:
        """Whether it has ended."""
        ...

    def joined(self, event_id: str) -> None:
        """The server has taken the job under this id."""

    def feed(self, message: Message, text: Union[str, bytes] = "") -> bool:
        """Take the server's next message; return whether the job needs no more (it may still download files).

        Args:
            text: the JSON it was decoded from, "" where the driver made it. A text counts for what a job may
                keep, bytes do not.
        """
        ...

    def fail(self, error: BaseException) -> None:
        """End the job with an error; without effect once it has ended."""

    def told(self, taken: bool) -> None:
        """Nothing more is sent to cancel the job; `taken` is False if the server may not know of it."""


class Driver(Protocol):
    """One way of running jobs."""

    def submit(self, call: Call) -> None:
        """Send the job; errors reach `call.fail`, and interrupts are raised too."""

    def forget(self, call: Call) -> None:
        """Deliver nothing more to a job, which was cancelled."""

    def close(self) -> None:
        """End everything under way; jobs that have not finished fail with ClientClosed."""


class SessionDriver(Driver, Protocol):
    """A driver that runs the queued jobs of one session."""

    session_hash: str

    def hash_for(self, endpoint: EndpointSpec) -> str:
        """The session hash that the next job of `endpoint` should go under."""
        ...

    def exclusive(self, call: Call, later: Callable[[], None]) -> ContextManager[bool]:
        """A block to cancel a forgotten job in by session and function, which ends all jobs of the function.

        It gives True if the session has no other job of the function, and holds joins back while it lasts.
        Else it gives False, and `later` is called when there is no other, unless the server has ended the
        job by then; never by a driver whose jobs have sockets. `later` returns at once. Another thread may
        end the block.
        """
        ...


#: Makes the headers of a request from those of one call.
MakeHeaders = Callable[[Mapping[str, str]], Dict[str, str]]


def new_session_hash() -> str:
    """A session hash that nobody else has: 128 random bits, as hexadecimal digits."""
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
        doing: what the request is for, as error texts say it.
        timeout: None for the transport's.

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
    """Raise AuthenticationError for the sign-in page of a proxy whose login has run out.

    Args:
        body: as much of the answer's as is known.
    """
    if response.headers.get("content-type", "").startswith("text/html"):
        error = sign_in_page(parse_url(url).label, response.url, body)
        if error is not None:
            raise error


def parse_event_id(body: bytes, label: str) -> str:
    """The event id in the answer to a join; raises ProtocolError where there is none."""
    answer = read_json(body, f"The server's answer to the join of {label}", FEW_VALUES)
    event_id = answer.get("event_id") if isinstance(answer, dict) else None
    return check_event_id(event_id, label)


def check_event_id(event_id: object, label: str) -> str:
    """Return an event id that the server gave; raises ProtocolError where it cannot be one."""
    if (
        isinstance(event_id, str)
        and 0 < len(event_id) <= LONGEST_ID
        and (event_id.isascii() or utf8(event_id) is not None)
    ):
        return event_id
    raise ProtocolError(f"The server took the call of {label} without giving it an event id.")


def feed(call: Call, message: Message, text: Union[str, bytes] = "") -> bool:
    """`Call.feed`, but a mistake of ours ends this job alone: the thread that feeds it serves others too."""
    try:
        return call.feed(message, text)
    except Exception as exc:
        error = ProtocolError(f"A message of the server for {call.label} could not be taken: {exc!r}.")
        error.__cause__ = exc
        fail(call, error)
        return True


def fail(call: Call, error: BaseException) -> None:
    """`Call.fail`, but a mistake of ours is logged and keeps no other job from its end."""
    try:
        call.fail(error)
    except Exception:
        _log.exception("%s could not be ended", call.label)


def closed_error(label: str, *, begun: bool = True) -> ClientClosed:
    """What a job fails with when its client is closed; `begun` if any of it may have been sent."""
    if begun:
        return ClientClosed(f"The client was closed before {label} had finished.")
    return ClientClosed(f"The client is closed; {label} was not called. Make another client.")


class Claims:
    """Which job each event id of a session belongs to; the owner's lock is held when a method is called.

    The server may go on with a job that has ended here, as it does with one that was cancelled. So ended ids
    are remembered: their messages are dropped, and no later job gets one of them.

    Args:
        remembered: how many ended ids.

    Attributes:
        calls: the jobs that have not ended, by their ids.
    """

    def __init__(self, remembered: int = 10_000) -> None:
        self.calls: Dict[str, Call] = {}
        self._ids: Dict[Call, str] = {}
        self._ended: Dict[str, None] = {}  # the one that was heard of longest ago comes first
        self._remembered = remembered

    def claim(self, event_id: str, call: Call) -> Tuple[Call, ...]:
        """Give an id to a job that has none.

        Returns:
            The jobs that have to fail, as nobody can tell whose the messages are: none where the id is new,
            else `call` and the job that had the id, if that has not ended. Neither has the id any more.
        """
        other = self.calls.get(event_id)
        if other is None and event_id not in self._ended:
            self.calls[event_id] = call
            self._ids[call] = event_id
            return ()
        self.end(event_id)
        return (call,) if other is None else (call, other)

    def end(self, event_id: str) -> Optional[Call]:
        """Take an id from its job, for good; return the job, if there was one."""
        self._ended[event_id] = None
        if len(self._ended) > self._remembered:
            self._ended.pop(next(iter(self._ended)), None)
        call = self.calls.pop(event_id, None)
        if call is not None:
            self._ids.pop(call, None)
        return call

    def end_call(self, call: Call) -> None:
        """Take its id from a job, if it has one."""
        event_id = self._ids.get(call)
        if event_id is not None:
            self.end(event_id)

    def has_ended(self, event_id: str) -> bool:
        """Whether the id belonged to a job that has ended; its messages are to be dropped."""
        if event_id not in self._ended:
            return False
        self._ended[event_id] = self._ended.pop(event_id, None)  # the last to be forgotten: more may come
        return True


def ambiguous(labels: List[str]) -> ProtocolError:
    """What jobs fail with that were given one event id."""
    return ProtocolError(
        f"The server gave a call of {' and of '.join(labels)} the event id of another call, so its messages "
        "cannot be told from those of the other; report it to the app's author."
    )
