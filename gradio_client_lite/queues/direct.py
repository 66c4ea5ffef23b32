"""Functions that skip the queue: one POST, whose answer is the result.

Source: gradio/routes.py, `predict` (`/run/{api_name}`); the body's fn_index chooses the function.
"""

from __future__ import annotations

from typing import Set

from ..errors import ProtocolError
from ..limits import DEFAULT_LIMITS, Limits
from ..transport.http import Timeout, Transport
from ..wire.decoding import read_json
from ..wire.messages import Completed, ProcessStarts
from ..wire.urls import Routes
from .base import Call, MakeHeaders, closed_error, fail, feed, post_json


class DirectCalls:
    """Runs jobs by direct POST, each on the thread of `submit`.

    Args:
        timeout: of the request, but for the first byte of the answer: until then the function runs.
    """

    def __init__(
        self,
        transport: Transport,
        routes: Routes,
        headers: MakeHeaders,
        timeout: Timeout,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self._transport = transport
        self._url = routes.run
        self._headers = headers
        self._timeout = timeout.running(limits.bound("answering"))
        self._max_bytes = limits.bound("result_bytes")
        self._max_values = limits.json_values
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
            headers, body, doing = self._headers(call.headers), call.request_body(), f"calling {call.label}"
            url, timeout, size = self._url, self._timeout, self._max_bytes
            answer = post_json(self._transport, url, headers, body, doing, timeout, size)
            output = read_json(answer, f"The answer of {call.label}", self._max_values, "json_values")
            if not isinstance(output, dict) or not output:
                raise ProtocolError(f"The answer of {call.label} is not a JSON object with its data.")
            feed(call, Completed(output, success=True), answer)
        except BaseException as exc:
            call.fail(exc)
            if not isinstance(exc, Exception):
                raise
        finally:
            self._calls.discard(call)

    def forget(self, call: Call) -> None:
        """Deliver nothing more to `call`; the answer, when it comes, is dropped."""
        self._calls.discard(call)

    def close(self) -> None:
        """Fail what is under way with ClientClosed."""
        self._closed = True
        for call in list(self._calls):
            fail(call, closed_error(call.label))
