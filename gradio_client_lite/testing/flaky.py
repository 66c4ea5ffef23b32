"""The faults of an app, done to its requests and to the events of its streams.

`Flaky` stands between the sockets and the handlers. Each fault counts for itself how often it was met, so
that it strikes at the same places whatever the others do; of several that would strike, the first one does.
What ends a connection is raised as an error of it, which the server takes for a client that has left: a
stream that is cut ends its session, as on a real server.
"""

from __future__ import annotations

import json
import re
import threading
from contextlib import closing
from dataclasses import replace
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple
from urllib.parse import unquote, urlsplit

from ..errors import ArgumentError
from .description import API_PREFIX
from .faults import Fault
from .handlers import Pieces, ServerRequest, ServerResponse, encode
from .queue import NOT_FOUND, Queue

_STEPS = {
    "/config": "config",
    "/login": "login",
    f"{API_PREFIX}/info": "info",
    f"{API_PREFIX}/queue/join": "join",
    f"{API_PREFIX}/queue/data": "opening",
    f"{API_PREFIX}/cancel": "cancel",
}
_STEPS_ABOVE = {"run": "direct", "api": "direct", "heartbeat": "heartbeat"}
#: How each event begins (`Mailbox.send`).
_HEAD = re.compile(rb'data: \{"msg":"(\w+)","event_id":(?:"(\w+)")?')
_MOST_CALLS = 2000  # whose endpoints are known
_PIECES = 10  # of what is throttled
_LOOK_EVERY = 1.0  # seconds after which a stalled connection looks whether its client is there still


class Cut(ConnectionAbortedError):
    """The connection ends here."""


class Flaky:
    """Answers requests by `answer`, but for what the faults say.

    Args:
        answer: of the handlers.
        names: the API names of the functions, by number.
        wait_for_stop: waits that many seconds; True once the app stops.

    Attributes:
        faults: what goes wrong.
        struck: the faults that have struck, in order.
    """

    def __init__(
        self,
        answer: Callable[[ServerRequest], ServerResponse],
        queue: Queue,
        names: Mapping[int, str],
        wait_for_stop: Callable[[float], bool],
    ) -> None:
        self._answer = answer
        self._queue = queue
        self._names = names
        self._wait_for_stop = wait_for_stop
        self._lock = threading.Lock()  # guards all that changes; may be taken inside the queue's
        self.faults: Tuple[Fault, ...] = ()
        self.struck: List[Fault] = []
        self._met: List[int] = []
        self._endpoints: Dict[bytes, str] = {}  # by event id, of calls whose end no stream has taken
        queue.on_join = self._joined

    def set(self, faults: Sequence[Fault]) -> None:
        """Let these go wrong from now on, and count anew; ArgumentError if one cannot."""
        given = tuple(faults)
        for fault in given:
            if not isinstance(fault, Fault):
                raise ArgumentError(f"Faults are made by Fault(kind, step), not {fault!r}.")
            if fault.endpoint is not None and fault.endpoint not in self._names.values():
                raise ArgumentError(f"A fault is for {fault.endpoint!r}, which the app does not serve.")
        with self._lock:
            self.faults, self._met = given, [0] * len(given)

    def _joined(self, event_id: str, number: int) -> None:
        """A call has got its id, and may send events from now on."""
        with self._lock:
            self._endpoints[event_id.encode()] = self._names[number]
            if len(self._endpoints) > _MOST_CALLS:
                del self._endpoints[next(iter(self._endpoints))]

    def answer(self, request: ServerRequest) -> ServerResponse:
        """Answer a request, or raise `Cut`."""
        step = _step(request)
        fault = self._fault_at(step, self._endpoint(step, request)) if self.faults else None
        if fault is not None:
            self._before(fault, request)
            if fault.kind == "refuse":
                wait = [("Retry-After", str(fault.retry_after))] if fault.retry_after is not None else []
                headers = (("Content-Type", "application/json"), *wait)
                return ServerResponse(fault.status, encode({"detail": "a fault of the test"}), headers)
        response = self._answer(request)
        body = response.body
        if not isinstance(body, bytes):
            forgotten = fault is not None and fault.kind == "forget"
            told = _not_found() if forgotten else self._events(request, body)
            return replace(response, body=told) if step == "opening" else response
        if fault is None:
            return response
        if fault.kind == "lose":
            raise Cut(fault)
        return replace(response, body=self._bent(fault, body)) if fault.kind in _BENDS else response

    def _fault_at(self, step: str, endpoint: Optional[str], message: str = "") -> Optional[Fault]:
        """Count that a step is met; the fault that strikes, if one does."""
        found = None
        with self._lock:
            for place, fault in enumerate(self.faults):
                if (
                    fault.step == step
                    and fault.endpoint in (None, endpoint)
                    and fault.message in (None, message)
                ):
                    if found is None and fault.strikes(self._met[place]):
                        found = fault
                    self._met[place] += 1
            if found is not None:
                self.struck.append(found)
        return found

    def _endpoint(self, step: str, request: ServerRequest) -> Optional[str]:
        number = _body(request).get("fn_index")
        if step == "direct" and number is None:
            return "/" + unquote(urlsplit(request.target).path).rpartition("/")[2]
        return self._names.get(number) if isinstance(number, int) else None

    def _before(self, fault: Fault, request: ServerRequest) -> None:
        """What a fault does before a request is answered, or an event sent."""
        if fault.kind == "delay":
            self._wait_for_stop(fault.seconds)
        elif fault.kind == "stall":
            while not request.is_gone() and not self._wait_for_stop(_LOOK_EVERY):
                pass
        elif fault.kind == "forget":
            self._queue.drop(request.query("session_hash") or str(_body(request).get("session_hash")))
        if fault.kind in ("close", "stall"):
            raise Cut(fault)

    def _events(self, request: ServerRequest, pieces: Pieces) -> Pieces:
        """The events of a stream, as the faults have them come."""
        held = b""  # an event that comes after the next one
        with closing(pieces):
            for event in self._apart(pieces):
                fault = self._fault_of(event) if self.faults else None
                if fault is not None:
                    self._before(fault, request)
                    if fault.kind == "forget":
                        yield from _not_found()
                        return
                    if fault.kind == "swap":
                        held += event
                    if fault.kind in ("swap", "lose"):
                        continue
                    if fault.kind in _BENDS:
                        yield from self._bent(fault, event)
                        event = b""
                # Where the faults have ended, what comes next may be many events and the end of the stream.
                sent = event + held if self.faults else held + event
                if sent:
                    yield sent
                held = b""
        if held:
            yield held

    def _apart(self, pieces: Pieces) -> Pieces:
        """What is sent, one event at a time while there are faults."""
        for piece in pieces:
            if self.faults:
                yield from (text + b"\n\n" for text in piece.split(b"\n\n")[:-1])
            else:
                yield piece

    def _fault_of(self, event: bytes) -> Optional[Fault]:
        head = _HEAD.match(event)
        message, event_id = (head[1].decode(), head[2]) if head else ("", b"")
        with self._lock:
            endpoint = self._endpoints.get(event_id)
            if message == "process_completed":
                self._endpoints.pop(event_id, None)
        return self._fault_at("event", endpoint, message)

    def _bent(self, fault: Fault, content: bytes) -> Pieces:
        """An answer or an event as it is sent."""
        if fault.kind == "duplicate":
            yield content + content
        elif fault.kind == "truncate":
            yield content[: len(content) // 2]
            raise Cut(fault)
        else:
            size = len(content) // _PIECES + 1
            for start in range(0, len(content), size):
                self._wait_for_stop(fault.seconds / _PIECES)
                yield content[start : start + size]


_BENDS = frozenset(("duplicate", "truncate", "throttle"))


def _not_found() -> Pieces:
    """What a stream says of a session that there is not, even if a call has made it anew meanwhile."""
    yield b"data: %b\n\n" % encode(NOT_FOUND)


def _step(request: ServerRequest) -> str:
    """The step of a request; "" for one that is none."""
    path = unquote(urlsplit(request.target).path).rstrip("/")
    above = path.rpartition("/")[0].rpartition(f"{API_PREFIX}/")[2]
    return _STEPS.get(path) or _STEPS_ABOVE.get(above, "")


def _body(request: ServerRequest) -> Dict[str, Any]:
    """What the request says in JSON; empty where it says nothing."""
    try:
        body = json.loads(request.body)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
