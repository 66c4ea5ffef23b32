"""Many sockets, one thread."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading
import time
from typing import Any, Iterator, List, Optional

import pytest
from forking import fork

from gradio_client_lite.legacy.multiplexer import Multiplexer, Next

PATIENCE = 10.0


class Pipe:
    """A channel that notes what it receives; b"!" makes it leave.

    Attributes:
        other: the far end.
        received: what was read, at most `size` bytes at a time.
    """

    def __init__(self, *, size: int = 100, deadline: float = float("inf")) -> None:
        self.sock, self.other = socket.socketpair()
        self.sock.setblocking(False)
        self.deadline = deadline
        self.received: List[bytes] = []
        self.threads = set()
        self.gone = threading.Event()
        self.expiries = 0
        self.error: Optional[Exception] = None
        self._size = size

    def fileno(self) -> int:
        return self.sock.fileno()

    def ready(self) -> Next:
        self.threads.add(threading.current_thread().name)
        try:
            data = self.sock.recv(self._size)
        except BlockingIOError:
            return Next.WAIT
        self.received.append(data)
        if data == b"?":
            raise ValueError("broken")
        return Next.LEAVE if b"!" in data or not data else Next.AGAIN

    def expired(self) -> Next:
        self.expiries += 1
        return Next.LEAVE

    def broke(self, error: Exception) -> None:
        self.error = error

    def left(self) -> None:
        self.gone.set()


@pytest.fixture
def multiplexer() -> Iterator[Multiplexer]:
    made = Multiplexer()
    yield made
    made.stop()
    for thread in threading.enumerate():
        if thread.name == "gradio-sockets":
            thread.join(PATIENCE)
            assert not thread.is_alive()


@pytest.fixture
def pipes() -> Iterator[List[Pipe]]:
    made: List[Pipe] = []
    yield made
    for pipe in made:
        pipe.sock.close()
        pipe.other.close()


def add(multiplexer: Multiplexer, pipes: List[Pipe], **options: float) -> Pipe:
    pipe = Pipe(**options)  # type: ignore[arg-type]
    pipes.append(pipe)
    multiplexer.add(pipe)
    return pipe


def test_one_thread_serves_all_channels(multiplexer: Multiplexer, pipes: List[Pipe]) -> None:
    before = threading.active_count()
    many = [add(multiplexer, pipes) for _ in range(200)]
    for number, pipe in enumerate(many):
        pipe.other.send(b"%d!" % number)
    for number, pipe in enumerate(many):
        assert pipe.gone.wait(PATIENCE)
        assert pipe.received == [b"%d!" % number]
        assert pipe.threads == {"gradio-sockets"}
    assert threading.active_count() <= before + 1


def test_what_arrived_before_is_read_at_once(multiplexer: Multiplexer, pipes: List[Pipe]) -> None:
    pipe = Pipe()
    pipes.append(pipe)
    pipe.other.send(b"early!")
    multiplexer.add(pipe)
    assert pipe.gone.wait(PATIENCE)
    assert pipe.received == [b"early!"]


def test_channel_with_more_is_visited_again(multiplexer: Multiplexer, pipes: List[Pipe]) -> None:
    pipe = add(multiplexer, pipes, size=1)
    pipe.other.send(b"abc!")
    assert pipe.gone.wait(PATIENCE)
    assert pipe.received == [b"a", b"b", b"c", b"!"]


def test_channel_that_never_stops_does_not_starve_the_others(
    multiplexer: Multiplexer, pipes: List[Pipe]
) -> None:
    class Greedy(Pipe):
        def ready(self) -> Next:
            return Next.LEAVE if self.gone.is_set() else Next.AGAIN

    greedy = Greedy()
    pipes.append(greedy)
    multiplexer.add(greedy)
    pipe = add(multiplexer, pipes)
    pipe.other.send(b"!")
    assert pipe.gone.wait(PATIENCE)
    greedy.gone.set()


class Slow(Pipe):
    """What it receives takes long to read, so it wants to be visited again for that."""

    def __init__(self, order: List[Pipe]) -> None:
        super().__init__()
        self._order = order
        self._late = False

    def ready(self) -> Next:
        if not self._late:
            self._late = True
            return Next.LATER
        self._order.append(self)
        return super().ready()


class Quick(Pipe):
    def __init__(self, order: List[Pipe]) -> None:
        super().__init__()
        self._order = order

    def ready(self) -> Next:
        self._order.append(self)
        return super().ready()


def test_channels_that_take_long_wait_for_the_others_and_come_one_by_one(
    multiplexer: Multiplexer, pipes: List[Pipe]
) -> None:
    order: List[Pipe] = []
    held = threading.Event()

    class Gate(Pipe):
        def ready(self) -> Next:
            held.wait(PATIENCE)
            return super().ready()

    class Waking(Slow):
        """Something arrives for another channel while it is read."""

        def ready(self) -> Next:
            if self._late and not any(isinstance(pipe, Slow) for pipe in order):
                quick[1].other.send(b"!")
            return super().ready()

    slow = [Waking(order) for _ in range(3)]
    quick = [Quick(order), Quick(order)]
    pipes += [*slow, *quick, Gate()]
    multiplexer.add(pipes[-1])
    for pipe in (*slow, quick[0], pipes[-1]):
        pipe.other.send(b"!")
    for pipe in (*slow, *quick):
        multiplexer.add(pipe)
    held.set()
    for pipe in pipes:
        assert pipe.gone.wait(PATIENCE)
    last_visits = [pipe for place, pipe in enumerate(order) if pipe not in order[place + 1 :]]
    assert last_visits[0] is quick[0]
    assert last_visits[2] is quick[1]
    assert set(last_visits) == {*slow, *quick}


def test_channels_that_never_stop_do_not_starve_those_that_take_long(
    pipes: List[Pipe],
) -> None:
    multiplexer = Multiplexer(longest_later=0.05)
    stop = threading.Event()

    class Greedy(Pipe):
        def ready(self) -> Next:
            return Next.LEAVE if stop.is_set() else Next.AGAIN

    slow = Slow([])
    pipes += [Greedy(), slow]
    for pipe in pipes:
        multiplexer.add(pipe)
    slow.other.send(b"!")
    try:
        assert slow.gone.wait(PATIENCE)
    finally:
        stop.set()
        multiplexer.stop()


def test_deadline_of_a_channel_that_waits_for_its_visit_does_not_pass(
    multiplexer: Multiplexer, pipes: List[Pipe]
) -> None:
    ends = threading.Event()

    class Greedy(Pipe):
        def ready(self) -> Next:
            return Next.LEAVE if time.monotonic() > slow.deadline + 0.1 else Next.AGAIN

        def left(self) -> None:
            ends.set()

    slow = Slow([])
    slow.deadline = time.monotonic() + 0.1
    slow.other.send(b"!")
    pipes += [slow, Greedy()]
    for pipe in pipes:
        multiplexer.add(pipe)
    assert slow.gone.wait(PATIENCE)
    assert ends.wait(PATIENCE)
    assert (slow.received, slow.expiries) == ([b"!"], 0)


def test_deadline_is_noticed_without_anything_arriving(multiplexer: Multiplexer, pipes: List[Pipe]) -> None:
    now = time.monotonic()
    late = add(multiplexer, pipes, deadline=now + 0.1)
    soon = add(multiplexer, pipes, deadline=now + 0.02)
    never = add(multiplexer, pipes)
    assert soon.gone.wait(PATIENCE)
    assert late.gone.wait(PATIENCE)
    assert (soon.expiries, late.expiries, never.expiries) == (1, 1, 0)
    never.other.send(b"!")
    assert never.gone.wait(PATIENCE)


def test_deadline_that_moved_away_does_not_pass(multiplexer: Multiplexer, pipes: List[Pipe]) -> None:
    class Lively(Pipe):
        def ready(self) -> Next:
            self.deadline = float("inf")
            return super().ready()

    lively = Lively(deadline=time.monotonic() + 0.05)
    pipes.append(lively)
    multiplexer.add(lively)
    later = add(multiplexer, pipes, deadline=time.monotonic() + 0.1)
    assert later.gone.wait(PATIENCE)
    assert not lively.expiries
    lively.other.send(b"!")
    assert lively.gone.wait(PATIENCE)


def test_channel_that_raises_is_told_and_let_go(multiplexer: Multiplexer, pipes: List[Pipe]) -> None:
    pipe, other = add(multiplexer, pipes), add(multiplexer, pipes)
    pipe.other.send(b"?")
    assert pipe.gone.wait(PATIENCE)
    assert isinstance(pipe.error, ValueError)
    other.other.send(b"!")
    assert other.gone.wait(PATIENCE)


def test_channel_closed_before_it_came_is_let_go(multiplexer: Multiplexer, pipes: List[Pipe]) -> None:
    pipe = Pipe()
    pipes.append(pipe)
    pipe.sock.close()
    multiplexer.add(pipe)
    assert pipe.gone.wait(PATIENCE)
    assert isinstance(pipe.error, OSError)


def test_channel_may_come_back_from_another_thread(multiplexer: Multiplexer, pipes: List[Pipe]) -> None:
    pipe = add(multiplexer, pipes)
    for _ in range(50):
        pipe.other.send(b"!")
        assert pipe.gone.wait(PATIENCE)
        pipe.gone.clear()
        multiplexer.add(pipe)
    pipe.other.send(b"!")
    assert pipe.gone.wait(PATIENCE)
    assert pipe.received == [b"!"] * 51


def test_thread_and_its_sockets_end_with_the_last_channel(
    multiplexer: Multiplexer, pipes: List[Pipe]
) -> None:
    numbers = os.listdir("/dev/fd") if os.path.isdir("/dev/fd") else []
    for _ in range(3):
        pipe = add(multiplexer, pipes)
        pipe.other.send(b"!")
        assert pipe.gone.wait(PATIENCE)
        pipe.sock.close()
        pipe.other.close()
    multiplexer.stop()
    for thread in threading.enumerate():
        if thread.name == "gradio-sockets":
            thread.join(PATIENCE)
    if numbers:
        assert len(os.listdir("/dev/fd")) == len(numbers)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_child_begins_without_channels(multiplexer: Multiplexer, pipes: List[Pipe]) -> None:
    pipe = add(multiplexer, pipes)
    pipe.other.send(b"a")
    pid = fork()
    if not pid:
        with contextlib.suppress(BaseException):
            mine: List[Pipe] = []
            child = add(multiplexer, mine)
            child.other.send(b"!")
            os._exit(0 if child.gone.wait(PATIENCE) else 1)
        os._exit(2)
    assert os.waitpid(pid, 0)[1] == 0
    pipe.other.send(b"!")
    assert pipe.gone.wait(PATIENCE)


def test_too_many_open_files_are_the_callers_to_know(
    multiplexer: Multiplexer, pipes: List[Pipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = Pipe()
    pipes.append(pipe)
    with monkeypatch.context() as patched:

        def fail() -> None:
            raise OSError(24, "Too many open files")

        patched.setattr(selectors, "DefaultSelector", fail)
        with pytest.raises(OSError, match="Too many"):
            multiplexer.add(pipe)
    pipe.other.send(b"!")
    multiplexer.add(pipe)
    assert pipe.gone.wait(PATIENCE)


def test_socket_over_the_limit_of_the_system_ends_its_channel_alone(
    multiplexer: Multiplexer, pipes: List[Pipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Small(selectors.SelectSelector):
        """As on Windows, where it is 512."""

        def select(self, timeout: Optional[float] = None) -> Any:
            if len(self.get_map()) > 4:
                raise ValueError("too many file descriptors in select()")
            return super().select(timeout)

    monkeypatch.setattr(selectors, "DefaultSelector", Small)
    fit = [add(multiplexer, pipes) for _ in range(3)]
    over = add(multiplexer, pipes)
    assert over.gone.wait(PATIENCE)
    assert isinstance(over.error, ValueError)
    for pipe in fit:
        pipe.other.send(b"!")
        assert pipe.gone.wait(PATIENCE)
        assert (pipe.received, pipe.error) == ([b"!"], None)


def test_deadline_in_many_years_can_be_waited_for(multiplexer: Multiplexer, pipes: List[Pipe]) -> None:
    pipe = add(multiplexer, pipes, deadline=time.monotonic() + 1e10)
    time.sleep(0.05)  # until it is waited for
    pipe.other.send(b"!")
    assert pipe.gone.wait(PATIENCE)
    assert (pipe.received, pipe.error) == ([b"!"], None)


def test_no_thread_is_the_callers_to_know(
    multiplexer: Multiplexer, pipes: List[Pipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = Pipe()
    pipes.append(pipe)

    def fail(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", fail)
        with pytest.raises(RuntimeError):
            multiplexer.add(pipe)
    pipe.other.send(b"!")
    multiplexer.add(pipe)
    assert pipe.gone.wait(PATIENCE)


def test_socket_that_cannot_be_waited_for_ends_its_channel_alone(
    multiplexer: Multiplexer, pipes: List[Pipe]
) -> None:
    class Twin(Pipe):
        def fileno(self) -> int:
            return first.fileno()

    first = add(multiplexer, pipes)
    twin = Twin()
    pipes.append(twin)
    multiplexer.add(twin)
    assert twin.gone.wait(PATIENCE)
    assert isinstance(twin.error, KeyError)
    first.other.send(b"!")
    assert first.gone.wait(PATIENCE)


class Clumsy(Pipe):
    """A channel one method of which raises."""

    def __init__(self, *bad: str) -> None:
        super().__init__()
        self.bad = bad
        self.told: List[str] = []
        self.over = threading.Event()

    def _try(self, name: str) -> None:
        self.told.append(name)
        if name in self.bad:
            raise ValueError(name)

    def fileno(self) -> int:
        self._try("fileno")
        return super().fileno()

    def broke(self, error: BaseException) -> None:
        self.error = error  # type: ignore[assignment]
        self.over.set()
        self._try("broke")

    def left(self) -> None:
        self._try("left")
        self.over.set()


@pytest.mark.parametrize("bad", ["fileno", "left", "broke fileno", "broke left", "broke left fileno"])
def test_channel_that_raises_where_none_should_concerns_no_other(
    multiplexer: Multiplexer, pipes: List[Pipe], bad: str
) -> None:
    other = add(multiplexer, pipes)
    clumsy = Clumsy(*bad.split())
    pipes.append(clumsy)
    multiplexer.add(clumsy)
    clumsy.other.send(b"!")
    assert clumsy.over.wait(PATIENCE)
    assert isinstance(clumsy.error, ValueError)
    other.other.send(b"!")
    assert other.gone.wait(PATIENCE)


def leave(self: object) -> None:
    raise SystemExit


def fail(self: object) -> None:
    raise ValueError("nobody thought of it")


@pytest.mark.parametrize("mistake", [fail, leave])
def test_thread_that_breaks_breaks_its_channels_and_the_next_one_starts_another(
    multiplexer: Multiplexer,
    pipes: List[Pipe],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    mistake: Any,
) -> None:
    waiting = add(multiplexer, pipes)
    with monkeypatch.context() as patched:
        patched.setattr("gradio_client_lite.legacy.multiplexer._Loop._silence", mistake)
        coming = add(multiplexer, pipes)  # wakes the thread
        for pipe in (waiting, coming):
            assert pipe.gone.wait(PATIENCE)
            assert pipe.error is not None
    again = add(multiplexer, pipes)
    again.other.send(b"!")
    assert again.gone.wait(PATIENCE)
    assert (again.received, again.error) == ([b"!"], None)
    assert "a background task failed" in caplog.text
