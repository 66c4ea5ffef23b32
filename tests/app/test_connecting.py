"""Client.connect: a client that is made in the background, of apps that answer, refuse, hang or go away."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import os
import pickle
import subprocess
import sys
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Awaitable, Callable, Dict, Iterator, List

import pytest
from forking import fork
from transport.peers import PATIENCE, PeerServer

import gradio_client_lite
from gradio_client_lite import Client
from gradio_client_lite.app import connecting as app_connecting
from gradio_client_lite.app import options
from gradio_client_lite.app.connecting import Connecting
from gradio_client_lite.errors import (
    ArgumentError,
    ClientClosed,
    CompatibilityError,
    ConnectFailed,
    ConnectionFailed,
    InvalidSpaceId,
)
from gradio_client_lite.testing import App, serve
from gradio_client_lite.threads import Threads

TINY = 0.05
ROOT = str(Path(gradio_client_lite.__file__).parent.parent)


def run(coroutine: Awaitable[Any]) -> Any:
    async def bounded() -> Any:
        return await asyncio.wait_for(coroutine, PATIENCE)

    return asyncio.run(bounded())


def names_of_threads() -> List[str]:
    return [thread.name for thread in threading.enumerate()]


def until(condition: Callable[[], bool]) -> None:
    """Give another thread time to end."""
    ends = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    with serve({"/echo": lambda text: text}) as app:
        yield app


@pytest.fixture
def hung() -> Iterator[PeerServer]:
    """A server that never answers."""
    with PeerServer(lambda peer: peer.request() and peer.closed()) as server:
        yield server


def begin(url: str, **options: Any) -> Connecting[Client]:
    return Client.connect(url, verbose=False, **options)


# --- the result


def test_it_is_a_future_of_the_client(app: App) -> None:
    connecting = begin(app.url)
    assert concurrent.futures.wait([connecting], PATIENCE).done == {connecting}
    with connecting.result() as client:
        assert type(client) is Client
        assert client.predict("a", api_name="/echo") == "a"
    assert (connecting.done(), connecting.running(), connecting.cancel()) == (True, False, False)


def test_it_can_be_awaited(app: App) -> None:
    async def main() -> Any:
        client = await begin(app.url)
        async with client:
            return await client.submit("a", api_name="/echo")

    assert run(main()) == "a"


def test_async_with_it_closes_the_client(app: App) -> None:
    async def main() -> Client:
        async with begin(app.url) as client:
            assert await client.submit("a", api_name="/echo") == "a"
        return client

    with pytest.raises(ClientClosed):
        run(main()).predict("a", api_name="/echo")


def test_it_takes_what_the_constructor_takes(hung: PeerServer) -> None:
    stated = {"headers": {"x-one": "1"}, "timeout": 0.2, "token": "hf_secret"}
    error = begin(hung.url, **stated).exception(PATIENCE)
    assert "Client(timeout=0.2)" in str(error)
    assert hung.requests[0].headers["x-one"] == "1"
    assert "Bearer hf_secret" in hung.requests[0].headers.values()


def test_a_subclass_makes_its_own(app: App) -> None:
    class Shouting(Client):
        def __init__(self, *args: Any, mark: str, **options: Any) -> None:
            super().__init__(*args, **options)
            self.mark = mark

    with Shouting.connect(app.url, verbose=False, mark="!").result(PATIENCE) as client:
        assert (type(client), client.mark) == (Shouting, "!")


@pytest.mark.parametrize(
    ("src", "options", "kind"),
    [
        ("http://127.0.0.1:9/", {}, ConnectFailed),
        ("nothing", {}, InvalidSpaceId),
        ("http://127.0.0.1:9/", {"max_workers": 0}, ArgumentError),
        ("http://127.0.0.1:9/", {"verbos": False}, TypeError),
    ],
)
def test_what_the_constructor_raises_is_its_exception(
    src: str, options: Dict[str, Any], kind: type[Exception]
) -> None:
    connecting = Client.connect(src, **{"verbose": False, **options})
    assert isinstance(connecting.exception(PATIENCE), kind)
    with pytest.raises(kind):
        run(connecting)


def test_an_exit_on_its_thread_is_an_error_of_those_who_wait(app: App) -> None:
    class Leaving(Client):
        def __init__(self, *args: Any, **options: Any) -> None:
            raise SystemExit

    error = Leaving.connect(app.url).exception(PATIENCE)
    assert isinstance(error, ConnectionFailed)
    assert isinstance(error.__cause__, SystemExit)


def test_callbacks_are_called_with_it(app: App) -> None:
    called: concurrent.futures.Future[Any] = concurrent.futures.Future()
    connecting = begin(app.url)
    connecting.add_done_callback(called.set_result)
    assert called.result(PATIENCE) is connecting
    connecting.result().close()


def test_its_thread_ends_with_it(app: App) -> None:
    begin(app.url).result(PATIENCE).close()
    until(lambda: "gradio-connect" not in names_of_threads())


def test_a_client_that_nobody_keeps_is_collected(app: App) -> None:
    connecting = begin(app.url)
    kept = weakref.ref(connecting.result(PATIENCE))
    until(lambda: "gradio-connect" not in names_of_threads())
    del connecting
    gc.collect()
    assert kept() is None


def test_without_a_thread_it_fails(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(Threads, "start", refuse)
    error = begin(app.url).exception(PATIENCE)
    assert isinstance(error, ConnectionFailed)
    assert "can't start new thread" in str(error)


def test_in_an_interpreter_without_threads_it_fails(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "why_no_thread", lambda: "thread is not supported")
    assert isinstance(begin(app.url).exception(0), CompatibilityError)


def test_no_frame_shows_a_secret(hung: PeerServer) -> None:
    connecting = begin(hung.url, token="hf_secret", auth=("user", "pass-word"), timeout=0.1)
    trace, shown = connecting.exception(PATIENCE).__traceback__, ""  # type: ignore[union-attr]
    while trace is not None:
        shown += repr(trace.tb_frame.f_locals)
        trace = trace.tb_next
    assert "hf_secret" not in shown
    assert "pass-word" not in shown


# --- cancelling


def test_cancelling_breaks_off_what_is_under_way(hung: PeerServer) -> None:
    connecting = begin(hung.url)
    until(lambda: bool(hung.requests))
    called: List[Any] = []
    connecting.add_done_callback(called.append)
    assert connecting.cancel()
    assert (called, connecting.cancelled(), connecting.running()) == ([connecting], True, False)
    assert connecting.cancel()
    with pytest.raises(concurrent.futures.CancelledError):
        connecting.result(PATIENCE)
    assert concurrent.futures.wait([connecting], PATIENCE).done
    until(lambda: "gradio-connect" not in names_of_threads())


@pytest.mark.parametrize("how", ["cancel", "wait_for", *(["timeout"] if hasattr(asyncio, "timeout") else [])])
def test_cancelling_who_awaits_it_breaks_it_off(hung: PeerServer, how: str) -> None:
    connecting = begin(hung.url)

    async def wait() -> Any:
        return await connecting

    async def main() -> None:
        if how == "wait_for":
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(connecting, TINY)
            return
        if how == "timeout":
            with pytest.raises(asyncio.TimeoutError):
                async with asyncio.timeout(TINY):
                    await connecting
            return
        task = asyncio.ensure_future(wait())
        await asyncio.sleep(TINY)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())
    assert connecting.cancelled()
    until(lambda: "gradio-connect" not in names_of_threads())


def test_what_is_cancelled_before_it_began_sends_nothing(hung: PeerServer) -> None:
    made: List[Any] = []
    threads = Threads()
    threads.closed = True  # as `cancel` leaves it
    client = Client.__new__(Client)
    client._making = threads
    with pytest.raises(ClientClosed):
        client.__init__(hung.url, verbose=False)  # type: ignore[misc]
    assert not hung.requests
    gate = threading.Event()
    first = threading.Thread(target=gate.wait, args=(PATIENCE,))
    first.start()

    class Late(Connecting[Client]):
        def _connect(self, client: Any, make: Callable[[], object]) -> None:
            first.join(PATIENCE)
            super()._connect(client, make)

    late = Late(client, lambda: made.append(1), lambda: None, Threads())
    assert late.cancel()
    gate.set()
    until(lambda: "gradio-connect" not in names_of_threads())
    assert not made


def test_a_client_that_comes_too_late_is_closed() -> None:
    closed = threading.Event()
    making, cancelled = threading.Event(), threading.Event()

    class Made:
        close = staticmethod(closed.set)

    def make() -> None:
        making.set()
        assert cancelled.wait(PATIENCE)

    connecting: Connecting[Any] = Connecting(Made(), make, lambda: None, Threads())
    assert making.wait(PATIENCE)
    assert connecting.cancel()
    cancelled.set()
    assert closed.wait(PATIENCE)


# --- aclose, and async with an unpickled client


def test_aclose_does_not_hold_the_event_loop(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    closed_on = []
    monkeypatch.setattr(Client, "close", lambda self: closed_on.append(threading.get_ident()))

    async def main() -> None:
        await (await begin(app.url)).aclose()

    run(main())
    assert closed_on
    assert threading.get_ident() not in closed_on


def test_async_with_connects_a_client_that_came_out_of_a_pickle_on_another_thread(app: App) -> None:
    made_on: List[int] = []

    async def main() -> Any:
        async with again as copied:
            assert copied is again
            assert made_on
            return await copied.submit("a", api_name="/echo")

    with Client(app.url, verbose=False) as client:
        again = pickle.loads(pickle.dumps(client))
    connect = again._connector.connect

    def noted(copied: Client) -> None:
        made_on.append(threading.get_ident())
        connect(copied)

    again._connector.connect = noted
    assert run(main()) == "a"
    assert threading.get_ident() not in made_on


# --- forks, and the end of the interpreter


@pytest.mark.parametrize("end", ["after_fork", "_end_with_process"])
def test_what_ends_with_the_process_wakes_nobody(hung: PeerServer, end: str) -> None:
    connecting = begin(hung.url)
    called: List[Any] = []
    connecting.add_done_callback(called.append)
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(connecting.exception, 20 * TINY)
        time.sleep(TINY)
        getattr(connecting, end)()
        assert isinstance(connecting.exception(PATIENCE), ClientClosed)
        time.sleep(TINY)
        assert not waiting.done()
    getattr(connecting, end)()
    assert not called
    connecting._threads.close()
    until(lambda: "gradio-connect" not in names_of_threads())


def test_what_comes_as_the_interpreter_ends_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_connecting, "at_the_end", lambda: True)
    closed = threading.Event()

    class Made:
        close = staticmethod(closed.set)

    connecting: Connecting[Any] = Connecting(Made(), lambda: None, lambda: None, Threads())
    assert closed.wait(PATIENCE)
    assert not connecting.done()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_in_a_forks_child_it_fails(hung: PeerServer) -> None:
    connecting = begin(hung.url)
    until(lambda: bool(hung.requests))
    with connecting._condition:  # another thread may hold it
        child = fork()
        if child == 0:  # pragma: no cover - in the child
            error = connecting.exception(PATIENCE)
            os._exit(0 if isinstance(error, ClientClosed) and "forked" in str(error) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert connecting.running()
    connecting.cancel()


ENDING = """
import atexit, sys
from gradio_client_lite import Client
from gradio_client_lite.errors import ClientClosed
def ask():
    try: connecting.result(5)
    except ClientClosed as exc: print(exc)
atexit.register(ask)
connecting = Client.connect(sys.argv[1], verbose=False)
connecting.add_done_callback(lambda _: print("called back"))
"""


def test_the_end_of_the_interpreter_does_not_wait_for_it(hung: PeerServer) -> None:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", ENDING, hung.url],
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE * 3,
        check=True,
        env={**os.environ, "PYTHONPATH": ROOT},
    )
    assert time.monotonic() - began < PATIENCE
    assert done.stdout == "The client was not connected. The interpreter ended meanwhile.\n"
    assert done.stderr == ""
