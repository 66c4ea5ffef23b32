"""A silent server is asked beside the wait: it is waited for while it is busy, and left when it is not."""

from __future__ import annotations

import socket
import threading
from typing import Any, Callable, Iterator, List, Optional

import pytest

from gradio_client_lite.errors import (
    ClientClosed,
    ConnectFailed,
    ConnectionLost,
    ConnectTimeout,
    DeadlineExceeded,
    ProtocolError,
    ReadTimeout,
)
from gradio_client_lite.limits import Bound
from gradio_client_lite.threads import Threads
from gradio_client_lite.transport.http import Timeout, Transport
from gradio_client_lite.transport.liveness import Liveness, Probe, Sign, Watch
from gradio_client_lite.transport.url import parse_url

from .peers import CHUNKED, PATIENCE, Clock, Peer, answer, chunk

ORIGIN = ("http", "127.0.0.1", 80)
#: Seconds of silence, and the moment that a server gets which answers.
READ = 0.3
IDLE, MOMENT = 60.0, 5.0

ANSWERED, UNKNOWN, GONE = Sign.ANSWERED, Sign.UNKNOWN, Sign.GONE


class Told:
    """Stands for a Liveness whose probes come to what a test says; None is one that is under way."""

    moment = MOMENT

    def __init__(self, clock: Clock, *signs: Optional[Sign]) -> None:
        self._signs = list(signs)
        self.clock = clock
        self.asked = 0

    def probe(self) -> Probe:
        self.asked += 1
        probe = Probe(self.clock())
        probe.sign = self._signs.pop(0)
        return probe


@pytest.fixture
def clock() -> Clock:
    return Clock()


def waits(told: Any, count: int, beat: Optional[float] = 0.0) -> List[Optional[float]]:
    """What a watch says, asked again whenever the time it gave has passed."""
    watch, clock = Watch(told, IDLE, beat), told.clock
    given: List[Optional[float]] = []
    for _ in range(count):
        given.append(watch())
        clock.now += given[-1] or 0.0
    return given


def test_server_that_answers_twice_has_let_the_wait_go(clock: Clock) -> None:
    assert waits(Told(clock, ANSWERED, ANSWERED), 3) == [MOMENT, MOMENT, None]


def test_server_that_does_not_answer_is_waited_for_and_asked_now_and_then(clock: Clock) -> None:
    told = Told(clock, UNKNOWN, UNKNOWN, UNKNOWN)
    assert waits(told, 6) == [MOMENT, IDLE, MOMENT, IDLE, MOMENT, IDLE]
    assert told.asked == 3


def test_server_that_answers_late_is_asked_once(clock: Clock) -> None:
    told = Told(clock, None)
    assert waits(told, 4) == [MOMENT, IDLE, IDLE, IDLE]
    assert told.asked == 1


def test_server_that_was_blocked_again_is_waited_for(clock: Clock) -> None:
    assert None not in waits(Told(clock, *[ANSWERED, UNKNOWN] * 5), 12)


def test_refusal_ends_the_wait(clock: Clock) -> None:
    assert waits(Told(clock, GONE), 2) == [MOMENT, None]


def test_stream_may_be_silent_between_its_heartbeats(clock: Clock) -> None:
    given = waits(Told(clock, *[ANSWERED] * 5), 6, beat=IDLE + 4 * MOMENT)
    assert given == [MOMENT] * 5 + [None]


def test_stream_without_heartbeats_may_be_silent_for_ever(clock: Clock) -> None:
    assert waits(Told(clock, *[ANSWERED] * 3), 6, beat=None) == [MOMENT, IDLE] * 3


def asking(ask: Callable[[], int]) -> Sign:
    """What comes of a probe."""
    threads = Threads()
    probe = Liveness(ORIGIN, ask, threads).probe()
    threads.join(PATIENCE)
    assert probe.sign is not None
    return probe.sign


@pytest.mark.parametrize("status", [200, 302, 401, 404, 500, 502])
def test_any_status_is_an_answer(status: int) -> None:
    assert asking(lambda: status) is ANSWERED


@pytest.mark.parametrize("status", [429, 503, 504])
def test_what_proxies_say_of_an_app_that_does_not_answer_is_none(status: int) -> None:
    assert asking(lambda: status) is UNKNOWN


def failed(kind: Any, cause: Optional[BaseException] = None) -> Callable[[], int]:
    def ask() -> int:
        raise kind("failed") from cause

    return ask


@pytest.mark.parametrize(
    ("ask", "sign"),
    [
        (failed(ReadTimeout), UNKNOWN),
        (failed(ConnectTimeout), UNKNOWN),
        (failed(DeadlineExceeded), UNKNOWN),
        (failed(ClientClosed), UNKNOWN),
        (failed(ConnectFailed, socket.gaierror()), UNKNOWN),
        (failed(ConnectFailed, OSError(113, "no route")), UNKNOWN),
        (failed(ConnectFailed, ConnectionRefusedError()), GONE),
        (failed(ConnectFailed, ConnectionResetError()), GONE),
        (failed(ConnectionLost), ANSWERED),
        (failed(ProtocolError), ANSWERED),
        (failed(ValueError), UNKNOWN),
    ],
)
def test_what_came_of_asking(ask: Callable[[], int], sign: Sign, caplog: pytest.LogCaptureFixture) -> None:
    assert asking(ask) is sign


def test_all_waits_share_one_probe() -> None:
    go = threading.Event()
    count: List[int] = []

    def ask() -> int:
        count.append(1)
        assert go.wait(PATIENCE)
        return 200

    threads = Threads()
    liveness = Liveness(ORIGIN, ask, threads)
    probes = {id(liveness.probe()) for _ in range(20)}
    go.set()
    threads.join(PATIENCE)
    probes.add(id(liveness.probe()))  # it has been answered just now
    assert len(probes) == len(count) == 1


def test_system_without_threads_leaves_the_wait_going(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(self: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none)
    assert Liveness(ORIGIN, lambda: 200, Threads()).probe().sign is UNKNOWN


def test_interrupted_start_of_a_probe_leaves_waits_going(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(self: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    liveness = Liveness(ORIGIN, lambda: 200, Threads())
    with pytest.raises(KeyboardInterrupt):
        liveness.probe()
    assert liveness.probe().sign is UNKNOWN


def test_child_asks_anew() -> None:
    go = threading.Event()
    threads = Threads()
    liveness = Liveness(ORIGIN, lambda: 200 * go.wait(PATIENCE), threads)
    of_parent = liveness.probe()
    liveness.after_fork()
    of_child = liveness.probe()
    go.set()
    threads.join(PATIENCE)
    assert of_parent is not of_child


# --- over connections

Asked = Callable[..., Transport]


@pytest.fixture
def asked(connect_to: Any) -> Iterator[Asked]:
    """Make a transport whose server can be asked, and give what a function says."""
    threads = Threads()

    def make(url: str, ask: Callable[[], int], **options: Any) -> Transport:
        transport: Transport = connect_to(url, timeout=Timeout(read=READ, asks=True), **options)
        transport.liveness = Liveness(parse_url(url).origin, ask, threads, moment=0.05)
        return transport

    yield make
    threads.join(PATIENCE)


def silent(peer: Peer) -> None:
    peer.request()
    peer.closed()


class Signs:
    """Answers probes, and lets a server go on after some."""

    def __init__(self, *statuses: int) -> None:
        self._statuses = statuses
        self.asked = 0
        self.over = threading.Event()

    def __call__(self) -> int:
        status = self._statuses[min(self.asked, len(self._statuses) - 1)]
        self.asked += 1
        if self.asked == 2:
            self.over.set()
        return status


PIECES = {
    "the head": [b"", answer(b"done")],
    "within the head": [b"HTTP/1.1 200 OK\r\ncontent-le", b"ngth: 4\r\n\r\ndone"],
    "within a chunk's size": [CHUNKED + chunk(b"do") + b"0000", b"2\r\nne\r\n" + chunk(b"")],
    "within a chunk": [CHUNKED + b"4\r\ndo", b"ne\r\n" + chunk(b"")],
}


@pytest.mark.parametrize(
    ("where", "tls"), [*((where, False) for where in PIECES), ("within a chunk", True)], ids=str
)
def test_answer_of_a_busy_server_is_waited_for(
    serve: Any, asked: Asked, request: pytest.FixtureRequest, where: str, tls: bool
) -> None:
    signs, pieces = Signs(503), PIECES[where]

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(pieces[0])
        assert signs.over.wait(PATIENCE)
        peer.send(pieces[1])

    options: Any = {}
    if tls:
        options = {"verify": request.getfixturevalue("ca_file")}
        server = serve(script, wrap=request.getfixturevalue("wrap"))
    else:
        server = serve(script)
    transport = asked(server.url, signs, **options)
    assert transport.request("GET", server.url).body == b"done"
    assert signs.asked >= 2


def test_answer_of_a_server_that_answers_others_is_not(serve: Any, asked: Asked) -> None:
    signs = Signs(200)
    server = serve(silent)
    with pytest.raises(ReadTimeout):
        asked(server.url, signs).request("GET", server.url)
    assert signs.asked == 2


def test_deadline_holds_while_a_busy_server_is_waited_for(serve: Any, asked: Asked) -> None:
    server = serve(silent)
    transport = asked(server.url, Signs(503))
    with pytest.raises(DeadlineExceeded, match="joining"):
        transport.request("GET", server.url, timeout=transport.timeout.whole(Bound(0.5, "joining")))


def test_bytes_of_no_use_are_no_reason_to_ask(serve: Any, asked: Asked) -> None:
    done = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        while not done.wait(READ / 10):
            peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    signs = Signs(503)
    server = serve(script)
    with pytest.raises((ReadTimeout, ProtocolError)):
        asked(server.url, signs).request("GET", server.url)
    done.set()
    assert signs.asked == 0


@pytest.mark.parametrize("timeout", [Timeout(read=READ), Timeout(read=READ).whole(Bound(5.0, "x"))])
def test_timeout_of_the_callers_own_ends_the_wait(serve: Any, asked: Asked, timeout: Timeout) -> None:
    signs = Signs(503)
    server = serve(silent)
    with pytest.raises(ReadTimeout):
        asked(server.url, signs).request("GET", server.url, timeout=timeout)
    assert signs.asked == 0


def test_another_server_is_not_asked_for(serve: Any, asked: Asked) -> None:
    signs = Signs(503)
    app, other = serve(silent), serve(silent)
    with pytest.raises(ReadTimeout):
        asked(app.url, signs).request("GET", other.url)
    assert signs.asked == 0
