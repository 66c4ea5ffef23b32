"""Tests `direct.py`."""

from __future__ import annotations

import threading
from typing import Any, Type

import pytest

from gradio_client_lite.errors import (
    AppError,
    AuthenticationError,
    ClientClosed,
    ConnectionLost,
    GradioClientError,
    HTTPStatusError,
    ProtocolError,
    QueueError,
    ServerUnavailable,
    TooManyRequestsError,
    ValidationError,
)
from gradio_client_lite.queues.direct import DirectCalls
from gradio_client_lite.transport.headers import Headers
from gradio_client_lite.transport.http import Response, Timeout
from gradio_client_lite.wire.messages import Completed, ProcessStarts

from .calls import RecordingCall
from .conftest import ROUTES, base_headers
from .scripted import PATIENCE, ScriptedTransport, Sent, answer


@pytest.fixture
def direct(transport: ScriptedTransport) -> DirectCalls:
    scripted: Any = transport
    return DirectCalls(scripted, ROUTES, base_headers, Timeout(read=None))


def submit(direct: DirectCalls) -> RecordingCall:
    call = RecordingCall()
    direct.submit(call)
    return call


def test_answer_of_one_post_is_the_result(transport: ScriptedTransport, direct: DirectCalls) -> None:
    transport.on("predict", answer({"data": ["a"], "duration": 0.1}))
    call = submit(direct)
    assert call.result() == ["a"]
    assert call.messages == [ProcessStarts(None), Completed({"data": ["a"], "duration": 0.1}, True)]
    (sent,) = transport.requests
    assert (sent.method, sent.url, sent.body) == ("POST", "http://host/run/predict", b'{"data":[]}')
    assert sent.headers == {"x-base": "1", "x-call": "1", "content-type": "application/json"}


@pytest.mark.parametrize(
    ("status", "content", "kind"),
    [
        (500, {"error": "bad"}, AppError),
        (500, {"error": None}, AppError),
        (500, b"Internal Server Error", HTTPStatusError),
        (401, {"detail": "Not authenticated"}, AuthenticationError),
        (422, {}, ValidationError),
        (429, {}, TooManyRequestsError),
        (503, {}, ServerUnavailable),
        (503, {"detail": "Queue is full. Max size is 1."}, QueueError),
        (200, b"<html>", ProtocolError),
        (200, b"[" * 100_000, ProtocolError),
        (200, ["a"], ProtocolError),
        (200, {}, ProtocolError),
    ],
)
def test_answer_that_is_no_result_fails_the_job(
    transport: ScriptedTransport,
    direct: DirectCalls,
    status: int,
    content: Any,
    kind: Type[GradioClientError],
) -> None:
    transport.on("predict", answer(content, status))
    error = submit(direct).failure()
    assert type(error) is kind


def test_connection_that_breaks_fails_the_job(transport: ScriptedTransport, direct: DirectCalls) -> None:
    lost = ConnectionLost("reset")
    transport.on("predict", lost)
    assert submit(direct).failure() is lost


def test_call_that_ended_while_it_waited_is_not_sent(
    transport: ScriptedTransport, direct: DirectCalls
) -> None:
    call = RecordingCall()
    call.give_up()
    direct.submit(call)
    assert transport.requests == []


def test_interrupt_reaches_the_caller(transport: ScriptedTransport, direct: DirectCalls) -> None:
    def interrupt(sent: Sent) -> Any:
        raise KeyboardInterrupt

    transport.on("predict", interrupt)
    call = RecordingCall()
    with pytest.raises(KeyboardInterrupt):
        direct.submit(call)
    assert isinstance(call.failure(), KeyboardInterrupt)


def test_call_after_close_fails_and_sends_nothing(transport: ScriptedTransport, direct: DirectCalls) -> None:
    direct.close()
    assert isinstance(submit(direct).failure(), ClientClosed)
    assert transport.requests == []


def test_sign_in_page_of_a_proxy_fails_the_job(transport: ScriptedTransport, direct: DirectCalls) -> None:
    page = b"<html><form action='/login'><input type='password' name='password'></form></html>"
    response = Response(
        200, Headers([("content-type", "text/html")]), "http://host/login?next=/run/predict", page
    )
    transport.on("predict", response)
    assert isinstance(submit(direct).failure(), AuthenticationError)


def test_forgotten_call_is_no_business_of_close(transport: ScriptedTransport, direct: DirectCalls) -> None:
    call = RecordingCall()

    def forget(sent: Sent) -> Any:
        direct.forget(call)
        direct.close()
        return answer({"data": ["late"]})

    transport.on("predict", forget)
    direct.submit(call)
    assert call.result() == ["late"]


def test_close_fails_what_is_under_way(transport: ScriptedTransport, direct: DirectCalls) -> None:
    arrived, let_go = threading.Event(), threading.Event()

    def hold(sent: Sent) -> Any:
        arrived.set()
        assert let_go.wait(PATIENCE)
        return answer({"data": ["late"]})

    transport.on("predict", hold)
    call = RecordingCall()
    thread = threading.Thread(target=direct.submit, args=(call,))
    thread.start()
    assert arrived.wait(PATIENCE)
    direct.close()
    assert isinstance(call.failure(), ClientClosed)
    let_go.set()
    thread.join(PATIENCE)
