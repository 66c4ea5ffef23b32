"""The garbage collector may end a client, or an iteration, on a thread that holds any lock of the package."""

from __future__ import annotations

import gc
import threading
import weakref
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest
from traps import Traps, little_to_collect, trapped

from gradio_client_lite import Client, testing
from gradio_client_lite import threads as threads_module

from .badserver import PATIENCE, BadServer, event, reply, streaming
from .test_calling import wait_until
from .test_process import WITH_HEARTBEAT, threads

Serve = Callable[..., BadServer]

#: More than there are critical sections.
VICTIMS = 100
#: Seconds. Some fifty critical sections collect, each for a fifth of a second on a slow machine; only a test
#: that fails waits this long.
LONG = 60.0


class Ring:
    """Something in a reference cycle, which nobody but the garbage collector lets go."""

    def __init__(self, held: Any) -> None:
        self.held = held
        self.itself = self


@pytest.fixture(autouse=True)
def only_what_the_test_makes_is_collected() -> Iterator[None]:
    with little_to_collect():
        yield


@pytest.fixture
def app() -> Iterator[testing.App]:
    let_go = threading.Event()

    def wait(text: str) -> Iterator[str]:
        yield text
        let_go.wait()  # however long this takes, an iteration is forgotten while its job goes on

    functions = {"/echo": lambda text: text, "/wait": wait}
    with testing.serve(functions, threads=1000, connect_heartbeat=True) as served:
        try:
            yield served
        finally:
            let_go.set()


class Victims:
    """What is dropped in the critical sections: clients, and iterations over jobs that go on."""

    def __init__(self, url: str) -> None:
        self._patient = Client(url, verbose=False)
        self.clients: List[weakref.ref[Client]] = []
        self._rings: List[Ring] = []
        for _ in range(VICTIMS):
            client = Client(url, verbose=False)
            updates = self._patient.stream_messages("a", api_name="/wait")
            next(updates)
            self.clients.append(weakref.ref(client))
            self._rings.append(Ring((client, Ring(updates))))

    def drop(self) -> None:
        self._rings.pop()

    def end(self) -> None:
        self._rings.clear()
        gc.collect()
        self._patient.close()


def within(limit: float, work: Callable[[], object]) -> None:
    """Do something, and fail when it takes too long: some thread waits for itself."""
    errors: List[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as exc:
            errors.append(exc)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(limit)
    assert not thread.is_alive(), "deadlock"
    if errors:
        raise errors[0]


def assert_that_garbage_is_collected() -> None:
    ring = weakref.ref(Ring(None))
    wait_until(lambda: gc.collect() >= 0 and ring() is None)


def test_finalisers_take_no_lock_in_any_critical_section_of_a_session(
    app: testing.App, monkeypatch: pytest.MonkeyPatch
) -> None:
    victims = Victims(app.url)
    traps = Traps(victims.drop)

    def use() -> None:
        client = Client(app.url, verbose=False, httpx_kwargs={"cookies": {"a": "1"}})
        assert client.predict("a", api_name="/echo") == "a"
        done = threading.Event()
        client.submit("a", api_name="/echo", result_callbacks=lambda _: done.set()).result(LONG)
        assert done.wait(LONG)
        job = client.submit("a", api_name="/wait")
        assert next(job) == "a"
        job.cancel()
        client.reset_session()
        assert client.predict("b", api_name="/echo") == "b"
        client.session_hash = "chosen"
        live = client.submit("a", api_name="/wait")
        next(live.updates())
        client.close()
        assert live.done()

    parts = {
        "queues/sessions.py",
        "queues/session.py",
        "transport/pool.py",
        "transport/headers.py",
        "workers.py",
    }
    parts |= {"threads.py", "jobs/future.py", "jobs/job.py"}
    with trapped(traps, monkeypatch):
        traps.armed = True
        for _ in range(5):  # a critical section is passed over while another thread collects
            if not parts <= traps.modules():
                within(2 * LONG, use)
    assert traps.taken == []
    assert parts <= traps.modules()
    dropped = victims.clients[-len(traps.visited) :]
    assert len(traps.visited) < VICTIMS
    wait_until(lambda: all(ref() is None for ref in dropped))
    victims.end()
    assert_that_garbage_is_collected()


def test_finalisers_take_no_lock_while_files_are_fetched(
    app: testing.App, serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    files = [{"path": f"/made{n}.txt", "meta": {"_type": "gradio.FileData"}} for n in range(3)]
    made = event("process_completed", "e0", output={"data": [files]}, success=True)
    routes = {"data": streaming(made), **{f"made{n}.txt": reply(b"%d" % n) for n in range(3)}}
    victims = Victims(app.url)
    traps = Traps(victims.drop)

    def use() -> None:
        # A server of its own, which has no job but e0.
        with Client(serve(**routes).url, verbose=False, download_files=tmp_path) as client:
            paths = client.submit("a", api_name="/echo").result(LONG)
            assert [Path(path).read_text() for path in paths] == ["0", "1", "2"]

    parts = {"files/downloads.py", "jobs/attachments.py"}
    with trapped(traps, monkeypatch):
        traps.armed = True
        for _ in range(5):  # a critical section is passed over while another thread collects
            if not parts <= traps.modules():
                within(2 * LONG, use)
    assert traps.taken == []
    assert parts <= traps.modules()
    victims.end()
    assert_that_garbage_is_collected()


def test_client_may_go_in_the_critical_sections_of_its_own_threads(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(config=WITH_HEARTBEAT)
    traps = Traps(lambda: None)
    with trapped(traps, monkeypatch):
        for _ in range(20):
            traps.visited.clear()
            client = Client(server.url, verbose=False)
            assert client.session_hash
            gone = weakref.ref(client)
            ring = Ring(client)
            client.itself = ring  # type: ignore[attr-defined]
            job = client.submit("a", api_name="/echo")
            del client, ring
            assert job.result(LONG) == "a"
            traps.armed = True
            del job
            within(LONG, lambda: wait_until(lambda: gc.collect() >= 0 and gone() is None))  # noqa: B023
            traps.armed = False
    wait_until(lambda: threads() == [])
    assert traps.taken == []
    assert_that_garbage_is_collected()


def test_finaliser_waits_for_no_lock_of_the_client(serve: Serve) -> None:
    client = Client(serve(config=WITH_HEARTBEAT).url, verbose=False)
    assert client.predict("a", api_name="/echo") == "a"
    sessions: Any = client._calls.sessions
    queue, pool = sessions.current, client._app.transport._pool
    gone = weakref.ref(client)

    def collect() -> None:
        nonlocal client
        with sessions._lock, queue._changed, pool._lock, threads_module._starting:
            del client
            gc.collect()

    within(PATIENCE, collect)
    assert gone() is None
    wait_until(lambda: threads() == [])
