"""Functions that skip the queue: one POST, whose answer is the result.

Source: gradio/routes.py, `predict` (`/run/{api_name}`); the body's fn_index chooses the function.
"""

from __future__ import annotations

from typing import Any, Dict, Set

from ..errors import ProtocolError
from ..limits import DEFAULT_LIMITS, Limits
from ..transport.http import Timeout, Transport
from ..wire.decoding import read_json
from ..wire.messages import Completed, ProcessStarts
from ..wire.urls import Routes
from .base import Call, Headers, closed_error, fail, feed, post_json


class DirectCalls:
    """Runs jobs by direct POST.

    Args:
        transport: the client's connections.
        routes: the app's URLs.
        headers: gives the headers of a request.
        timeout: of the request, but for the first byte of the answer: until then the function runs.
        limits: of the answer.
    """

    def __init__(
        self,
        transport: Transport,
        routes: Routes,
        headers: Headers,
        timeout: Timeout,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._transport = transport
        self._routes = routes
        self._headers = headers
        self._timeout = timeout.running(limits.bound("answering"))
        self._limits = limits
        # Changed by single operations only, which need no lock. A call that slips in beside `close` is
        # ended by the transport, which is closed next.
        self._calls: Set[Call] = set()
        self._closed = False

    def submit(self, call: Call) -> None:
        """Make the call and deliver its result; what goes wrong reaches `call.fail`."""
        if call.done():
            return
        if self._closed:
            call.fail(closed_error(call.label))
            return
        self._calls.add(call)
        try:
            feed(call, ProcessStarts(eta=None))
            body = self._post(call)
            feed(call, Completed(self._read(body, call.label), success=True), body)
        except BaseException as exc:
            call.fail(exc)
            if not isinstance(exc, Exception):
                raise
        finally:
            self.forget(call)

    def forget(self, call: Call) -> None:
        """Deliver nothing more to `call`; the answer, when it comes, is dropped."""
        self._calls.discard(call)

    def close(self) -> None:
        """Fail what is under way with ClientClosed."""
        self._closed = True
        for call in list(self._calls):
            fail(call, closed_error(call.label))

    def _post(self, call: Call) -> bytes:
        url = self._routes.run
        headers = self._headers(call.headers)
        size = self._limits.bound("result_bytes")
        body = call.request_body()
        return post_json(self._transport, url, headers, body, f"calling {call.label}", self._timeout, size)

    def _read(self, body: bytes, label: str) -> Dict[str, Any]:
        answer = read_json(body, f"The answer of {label}", self._limits.json_values, "json_values")
        if not isinstance(answer, dict) or not answer:
            raise ProtocolError(f"The answer of {label} is not a JSON object with its data.")
        return answer
