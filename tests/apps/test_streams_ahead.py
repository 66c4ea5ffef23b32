"""Streams that are opened before there is a job, on every release with sessions: none is lost by it."""

from __future__ import annotations

import random
import socket
from contextlib import closing, contextmanager, suppress
from typing import Iterator, Tuple
from urllib.parse import urlsplit

import pytest
from faults.chaos.faults import Fault
from faults.chaos.proxy import FaultProxy

from gradio_client_lite import Client, Job
from gradio_client_lite.errors import ConnectionLost, StreamLost
from gradio_client_lite.queues import session as session_module
from gradio_client_lite.queues.stream import Times

from .servers import Server

_DEADLINE = 30.0  # seconds, for what takes a few
_CALLS = 12

#: Of each protocol, and those around changes of the queue; apps without State are served by some of them.
_ALL = pytest.mark.servers("4.16.0", "4.19.2", "4.21.0", "4.44.1", "5.0.2", "5.50.0", "6.31.0")
_STATELESS = pytest.mark.servers("4.16.0", "4.44.1", "6.31.0")
_EITHER = pytest.mark.parametrize("unanswered", [True, False], ids=["unanswered", "answered"])

Warm = Tuple[FaultProxy, Client]


@contextmanager
def _warm(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warm]:
    monkeypatch.setattr(session_module, "TIMES", Times(unnoticed=0.5))
    with FaultProxy(server.port) as proxy, Client(proxy.url, verbose=False, stream_grace=0.5) as client:
        assert client.predict(0, api_name="/slow") == 0
        assert proxy.carried["opening"].acquire(timeout=_DEADLINE)
        yield proxy, client


@pytest.fixture
def warm(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warm]:
    """A client whose session the server knows, and the proxy before it."""
    with _warm(server, monkeypatch) as found:
        yield found


@pytest.fixture
def stateless(file_server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warm]:
    """The same of an app without State, where another session begins after a cut."""
    with _warm(file_server, monkeypatch) as found:
        yield found


@_ALL
def test_stream_without_a_job_stays_open_and_brings_the_next_result(warm: Warm) -> None:
    proxy, client = warm
    for number in (0.01, 0.02):
        proxy.hold("join")
        job = client.submit(number, api_name="/slow")
        assert proxy.carried["opening"].acquire(timeout=_DEADLINE)
        assert not proxy.carried["opening"].acquire(timeout=0.3)  # the server does not end it
        proxy.let_go("join")
        assert job.result(_DEADLINE) == number
    assert not proxy.carried["opening"].acquire(blocking=False)


@pytest.mark.servers("4.44.1", "5.50.0", "6.31.0")  # before, a server may keep it
def test_session_that_the_server_has_forgotten_loses_no_call(warm: Warm) -> None:
    proxy, client = warm
    before = client.session_hash
    _forget(client)
    proxy.hold("join")
    job = client.submit(0.01, api_name="/slow")
    assert proxy.carried["opening"].acquire(timeout=_DEADLINE)
    proxy.let_go("join")
    assert job.result(_DEADLINE) == 0.01
    assert client.session_hash == before  # nothing was cut


def _forget(client: Client) -> None:
    """Have the server forget a client's session, as it does when it notices a cut."""
    place = urlsplit(client.src)
    prefix = client.config.get("api_prefix", "")
    request = f"GET {prefix}/queue/data?session_hash={client.session_hash} HTTP/1.1\r\nHost: host\r\n\r\n"
    for _ in range(100):
        with closing(socket.create_connection(("127.0.0.1", place.port or 0))) as stream:
            stream.settimeout(0.2)
            stream.sendall(request.encode())
            said = b""
            try:
                while b"unexpected_error" not in said:
                    piece = stream.recv(65536)
                    if not piece:
                        break
                    said += piece
            except socket.timeout:
                continue
            if b"unexpected_error" in said:
                return
    raise AssertionError("the server has not forgotten the session")


@_ALL
def test_stream_of_a_join_that_was_lost_brings_the_next_result(warm: Warm) -> None:
    proxy, client = warm
    proxy.faults = (Fault.parse("close-join-request-0-0-0-0-1000000"),)
    assert isinstance(client.submit(0, api_name="/slow").exception(_DEADLINE), ConnectionLost)
    proxy.calm()
    for number in (0.01, 0.02):
        assert client.predict(number, api_name="/slow") == number


@_ALL
@_EITHER
def test_stream_that_is_cut_before_its_job_has_joined(warm: Warm, unanswered: bool) -> None:
    proxy, client = warm
    proxy.hold("join")
    job = _cut(proxy, client, unanswered)
    proxy.tell_server()
    proxy.let_go("join")
    _check(job, 0.01)
    _check_later_call(client)


@_STATELESS
@_EITHER
def test_stream_that_is_cut_unnoticed_before_its_job_has_joined(stateless: Warm, unanswered: bool) -> None:
    proxy, client = stateless
    proxy.hold("join")
    job = _cut(proxy, client, unanswered)
    proxy.let_go("join")
    _check(job, 0.01)
    assert client.predict(0.02, api_name="/slow") == 0.02


@pytest.mark.servers("3.50.2", "4.0.2", "4.44.1", "5.50.0", "6.31.0")
def test_stream_that_is_cut_unanswered_costs_its_own_job_at_most(server: Server) -> None:
    with FaultProxy(server.port) as proxy, Client(proxy.url, verbose=False, stream_grace=0.5) as client:
        job = _cut(proxy, client, unanswered=True)
        proxy.tell_server()
        _check(job, 0.01)
        _check_later_call(client)


def _cut(proxy: FaultProxy, client: Client, unanswered: bool) -> Job:
    """A job whose stream was cut, without the server's notice, behind its request or soon after that."""
    if unanswered:
        proxy.hold("opening", "answer")
    job = client.submit(0.01, api_name="/slow")
    assert proxy.carried["opening"].acquire(timeout=_DEADLINE)
    assert proxy.cut(tell_server=False) == 1  # and not the connection of the join
    if unanswered:
        proxy.let_go("opening", "answer")
    return job


def _check_later_call(client: Client) -> None:
    for _ in range(3):  # maybe in the same session, whose jobs the server drops when it notices the cut
        with suppress(StreamLost):
            assert client.predict(0.02, api_name="/slow") == 0.02
            return
    raise AssertionError("no later call had a result")


@_STATELESS
def test_cuts_at_any_moment_end_each_call_in_its_own_result_or_as_lost(stateless: Warm) -> None:
    proxy, client = stateless
    chance = random.Random(client.config["version"])  # another on each release
    lost = 0
    for number in range(_CALLS):
        job = client.submit(number / 1000, api_name="/slow")
        if proxy.carried["opening"].acquire(timeout=chance.choice((0.0, 0.005, 0.02, 0.1))):
            proxy.cut(tell_server=False)
            if chance.random() < 0.8:
                proxy.tell_server()
        lost += _check(job, number / 1000)
    assert lost < _CALLS
    assert client.predict(1, api_name="/slow") == 1


def _check(job: Job, value: float) -> bool:
    """Whether the job was lost; if not, it has its own result."""
    error = job.exception(_DEADLINE)
    assert error is None or isinstance(error, (StreamLost, ConnectionLost))  # its join may have been cut
    assert error is not None or job.result() == value
    return error is not None
