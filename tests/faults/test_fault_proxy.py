"""The fault proxy: each kind of fault does to a connection what it says, at the step that it names."""

from __future__ import annotations

import errno
import socket
import time
from contextlib import ExitStack
from typing import Callable, Iterator, List
from urllib.parse import urlsplit

import pytest
from transport.peers import PATIENCE, Peer, PeerServer, answer

from .badserver import STREAM_HEAD, chunk, event
from .chaos.faults import Fault, Kind
from .chaos.framing import Framing
from .chaos.proxy import FaultProxy
from .chaos.steps import STEPS, step_of, steps_of

BODY = b"the body " * 20
ANSWER = answer(BODY)
HALF = "answer-0-1-50-200-1"  # in the middle of the first answer's body


class Link:
    """A proxy before a server that says who it is, and the server that takes its place at a restart."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self.servers = [stack.enter_context(PeerServer(self._script(number))) for number in range(2)]

    def _script(self, number: int) -> Callable[[Peer], None]:
        def script(peer: Peer) -> None:
            while peer.request() is not None:
                peer.send(answer(BODY, x_server=str(number)))

        return script

    def proxy(self, *faults: str) -> FaultProxy:
        ports = [urlsplit(server.url).port for server in self.servers]
        drawn = [Fault.parse(fault) for fault in faults]
        return self._stack.enter_context(FaultProxy(ports[0] or 0, drawn, ports[1]))

    def ask(self, proxy: FaultProxy, path: str = "/config") -> socket.socket:
        """Send a request over a connection of its own."""
        place = urlsplit(proxy.url)
        sock = self._stack.enter_context(socket.create_connection(("127.0.0.1", place.port or 0)))
        sock.settimeout(PATIENCE)
        sock.sendall(f"GET {path} HTTP/1.1\r\nhost: here\r\n\r\n".encode())
        return sock


@pytest.fixture
def link() -> Iterator[Link]:
    with ExitStack() as stack:
        yield Link(stack)


def read(sock: socket.socket, size: int = 1 << 16) -> bytes:
    """What comes until so much has, or the end."""
    data = b""
    while len(data) < size:
        piece = sock.recv(size - len(data))
        if not piece:
            break
        data += piece
    return data


def whole(server: int = 0) -> bytes:
    return answer(BODY, x_server=str(server))


def test_without_faults_all_is_carried(link: Link) -> None:
    proxy = link.proxy()
    sock = link.ask(proxy)
    assert read(sock, len(whole())) == whole()
    sock.sendall(b"GET /info HTTP/1.1\r\nhost: here\r\n\r\n")
    assert read(sock, len(whole())) == whole()
    assert proxy.struck == []
    assert proxy.carried["info"].acquire(timeout=PATIENCE)


def test_fault_strikes_at_its_step_alone_and_as_often_as_it_says(link: Link) -> None:
    proxy = link.proxy("close-info-request-1-0-0-0-2")
    said = [read(link.ask(proxy, path), len(whole())) for path in ("/config", *["/info"] * 4)]
    assert [bool(each) for each in said] == [True, True, False, False, True]
    assert [fault.kind for fault in proxy.struck] == [Kind.CLOSE] * 2


def test_reset(link: Link) -> None:
    sock = link.ask(link.proxy("reset-config-" + HALF))
    with pytest.raises(ConnectionResetError):
        read(sock)


@pytest.mark.parametrize("kind", ["truncate", "close", "halfclose"])
def test_orderly_end_in_the_middle(link: Link, kind: str) -> None:
    said = read(link.ask(link.proxy(f"{kind}-config-{HALF}")))
    assert said == whole()[: -len(BODY) // 2]


def test_deaf_end_is_one_for_the_client_alone(link: Link) -> None:
    proxy = link.proxy("deaf-config-request-0-0-50-0-1")
    assert read(link.ask(proxy)) == b""
    until = time.monotonic() + PATIENCE
    while not link.servers[0].requests and time.monotonic() < until:
        time.sleep(0.01)
    assert [request.path for request in link.servers[0].requests] == ["/config"]


def test_stall_keeps_the_connection(link: Link) -> None:
    sock = link.ask(link.proxy("stall-config-" + HALF))
    assert len(read(sock, len(whole()) - len(BODY) // 2)) < len(whole())
    sock.settimeout(0.3)
    with pytest.raises(socket.timeout):
        sock.recv(1)


@pytest.mark.parametrize("kind", ["pause", "delay", "throttle"])
def test_slow_ones_carry_all_in_the_end(link: Link, kind: str) -> None:
    begun = time.monotonic()
    assert read(link.ask(link.proxy(f"{kind}-config-{HALF}")), len(whole())) == whole()
    assert time.monotonic() - begun >= 0.05


def test_dribble_carries_all_in_the_end(link: Link) -> None:
    proxy = link.proxy("dribble-config-" + HALF)
    assert read(link.ask(proxy), len(whole())) == whole()
    assert proxy.struck


def test_duplicate_answer_follows_the_answer(link: Link) -> None:
    sock = link.ask(link.proxy("duplicate-config-answer-0-0-0-0-1"))
    assert read(sock, 2 * len(whole())) == 2 * whole()


def test_duplicate_request_comes_twice_and_is_answered_once(link: Link) -> None:
    sock = link.ask(link.proxy("duplicate-config-request-0-0-0-0-1"))
    assert read(sock, len(whole())) == whole()
    until = time.monotonic() + PATIENCE
    while len(link.servers[0].requests) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    assert [request.path for request in link.servers[0].requests] == ["/config"] * 2


def test_refuse_refuses_for_a_while(link: Link) -> None:
    proxy = link.proxy("refuse-config-request-0-0-50-300-1")
    with pytest.raises(ConnectionResetError):
        read(link.ask(proxy))
    with pytest.raises(ConnectionRefusedError) as caught:
        link.ask(proxy)
    assert caught.value.errno == errno.ECONNREFUSED
    proxy.calm()
    assert read(link.ask(proxy), len(whole())) == whole()


def test_restart_puts_the_other_server_in_its_place(link: Link) -> None:
    proxy = link.proxy("restart-config-request-1-0-50-100-1")
    before = link.ask(proxy)
    assert read(before, len(whole())) == whole()
    assert not read(link.ask(proxy))
    assert not read(before)  # all connections have ended
    proxy.calm()
    assert read(link.ask(proxy), len(whole(1))) == whole(1)


def test_connections_that_are_left_open_are_found(link: Link) -> None:
    proxy = link.proxy()
    sock = link.ask(proxy)
    assert read(sock, len(whole())) == whole()
    assert proxy.open_for(0.1) == ["config"]
    sock.close()
    assert proxy.open_for(PATIENCE) == []


def test_held_requests_wait(link: Link) -> None:
    proxy = link.proxy()
    proxy.hold("config")
    sock = link.ask(proxy)
    assert not proxy.carried["config"].acquire(timeout=0.2)
    proxy.let_go("config")
    assert read(sock, len(whole())) == whole()


def test_held_answers_wait_at_the_server(link: Link) -> None:
    proxy = link.proxy()
    proxy.hold("config", "answer")
    sock = link.ask(proxy)
    assert proxy.carried["config"].acquire(timeout=PATIENCE)
    assert proxy.cut("config", tell_server=False) == 1  # before the head
    proxy.let_go("config", "answer")
    assert read(sock) == b""


@pytest.mark.parametrize("cut", [FaultProxy.cut, FaultProxy.keep_from_server])
def test_connection_that_waits_for_its_next_request_is_at_no_step(
    link: Link, cut: Callable[..., object]
) -> None:
    proxy = link.proxy()
    sock = link.ask(proxy)
    assert read(sock, len(whole())) == whole()
    cut(proxy, "config")
    sock.sendall(b"GET /info HTTP/1.1\r\nhost: here\r\n\r\n")
    assert read(sock, len(whole())) == whole()
    assert proxy.open_for(0.1) == ["info"]  # and the server will be told when the client hangs up


def test_cut_hangs_up_on_the_client_alone(link: Link) -> None:
    proxy = link.proxy("stall-config-" + HALF)
    sock = link.ask(proxy)
    assert sock.recv(1)
    assert proxy.cut("config", tell_server=False) == 1
    read(sock)
    assert not sock.recv(1)


# --- what a connection is taken apart into


def units(data: bytes, size: int, answers: bool = True) -> List[bytes]:
    framing = Framing(answers)
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    return [unit.data for piece in pieces for unit in framing.feed(piece)]


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_chunks_are_units(size: int) -> None:
    events = [chunk(event("heartbeat")), chunk(event("estimation")), chunk(b"")]
    assert units(STREAM_HEAD + b"".join(events), size) == [STREAM_HEAD, *events]


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_messages_in_a_row_are_told_apart(size: int) -> None:
    framing = Framing(answers=True)
    data = (ANSWER + answer(b"")) * 2
    found = [unit for start in range(0, len(data), size) for unit in framing.feed(data[start : start + size])]
    assert b"".join(unit.data for unit in found) == data
    assert sum(unit.number == 0 for unit in found) == sum(unit.last for unit in found) == 4


@pytest.mark.parametrize("size", [1, 3, 10_000])
def test_frames_are_units_after_an_upgrade(size: int) -> None:
    head = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n"
    frames = [b"\x81\x05hello", b"\x81\x7e\x01\x00" + b"x" * 256, b"\x89\x00"]
    assert units(head + b"".join(frames), size) == [head, *frames]


# --- steps


@pytest.mark.parametrize(
    ("method", "path", "step"),
    [
        ("GET", "/config", "config"),
        ("GET", "/gradio_api/info?all_endpoints=true", "info"),
        ("POST", "/gradio_api/upload", "upload"),
        ("POST", "/gradio_api/queue/join", "join"),
        ("GET", "/gradio_api/queue/data?session_hash=a", "opening"),
        ("GET", "/queue/join?fn_index=0", "opening"),
        ("POST", "/queue/data", "join"),
        ("GET", "/gradio_api/heartbeat/abc", "heartbeat"),
        ("GET", "/gradio_api/file=/tmp/config", "download"),
        ("POST", "/gradio_api/run/predict", "direct"),
        ("POST", "/reset", "cancel"),
        ("GET", "/gradio_api/app_id", ""),
    ],
)
def test_requests_have_steps(method: str, path: str, step: str) -> None:
    assert step_of(method, path) == step


def test_the_newest_release_has_all_steps() -> None:
    assert steps_of("6.31.0") == STEPS
    assert "info" not in steps_of("3.50.2")
