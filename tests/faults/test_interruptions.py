"""An exception that comes where nobody raises one, such as Ctrl-C, ends what it meets and nothing else."""

from __future__ import annotations

import _weakrefset
import gc
import signal
import sys
import threading
from contextlib import suppress
from http.client import HTTPResponse
from pathlib import Path
from types import CodeType
from typing import Any, Callable, Iterator, List, Set

import pytest
from traps import Section, Traps, section, trapped

from gradio_client_lite import Client
from gradio_client_lite.app import app as app_module
from gradio_client_lite.files.downloads import JobFiles
from gradio_client_lite.jobs import calls as calls_module

from .badserver import PATIENCE, BadServer, config, event, info, reply, reset, streaming
from .test_calling import wait_until
from .test_finalisers import within
from .test_process import threads

Serve = Callable[..., BadServer]
Connect = Callable[..., Client]


def interrupt(*_: Any, **__: Any) -> Any:
    raise KeyboardInterrupt


@pytest.fixture
def lost(monkeypatch: pytest.MonkeyPatch) -> Iterator[List[Any]]:
    """Interrupts raise KeyboardInterrupt, however pytest was started; those that get lost."""
    found: List[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: found.append(unraisable.exc_value))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.collect()
    gc.disable()  # it would drop what other tests have left
    yield found
    gc.enable()
    signal.signal(signal.SIGINT, before)


CALLS = {
    "predict": lambda client: client.predict("a", api_name="/echo"),
    "result": lambda client: client.submit("a", api_name="/echo").result(),
    "map": lambda client: list(client.map(["a"] * 5, api_name="/echo")),
}


@pytest.mark.parametrize("call", CALLS)
def test_no_call_lets_python_drop_things_by_code_in_which_an_interrupt_is_lost(
    serve: Serve, connect: Connect, lost: List[Any], call: str
) -> None:
    # As a callback of a weak reference, or a finaliser, such code has nobody to raise anything to.
    nested = _weakrefset.WeakSet.__init__.__code__.co_consts
    finalising = {HTTPResponse.close.__code__, *(code for code in nested if isinstance(code, CodeType))}
    arrived: List[str] = []

    def watch(frame: Any, what: str, _: Any) -> None:
        of = frame.f_locals.get("selfref", lambda: None)()
        if what == "call" and frame.f_code in finalising and of is not threading._dangling:  # Python's own
            sys.setprofile(None)
            arrived.append(frame.f_back.f_code.co_name)
            signal.raise_signal(signal.SIGINT)

    client = connect(serve().url)
    CALLS[call](client)  # imports drop things too
    raised = 0
    for _ in range(5):
        sys.setprofile(watch)
        try:
            CALLS[call](client)
        except KeyboardInterrupt:
            raised += 1
        finally:
            sys.setprofile(None)
    assert not lost
    assert raised == len(arrived)


def test_description_is_fetched_again_after_an_interruption(serve: Serve, connect: Connect) -> None:
    server = serve(info=reset)
    client = connect(server.url)
    wait_until(lambda: "info" in server.routes() and not threads())  # in the background, in vain
    server.behave(info=reply(info()))

    def watch(frame: Any, what: str, _: Any) -> None:
        above = frame.f_back
        if (
            what == "call"
            and frame.f_code.co_filename == app_module.__file__
            and above.f_code.co_name == "get"
        ):
            sys.setprofile(None)
            raise KeyboardInterrupt

    def describe() -> None:
        sys.setprofile(watch)
        try:
            with pytest.raises(KeyboardInterrupt):
                client.view_api(print_info=False)
        finally:
            sys.setprofile(None)
        assert client.view_api(print_info=False, return_format="str")

    within(PATIENCE, describe)


class Interrupter(Traps):
    """Interrupts this thread behind each critical section, once: where a signal that came in it is raised."""

    def __init__(self) -> None:
        super().__init__(lambda: None)
        self.behind: Set[Section] = set()
        self._thread = threading.get_ident()

    def after(self) -> None:
        pass

    def left(self) -> None:
        if self.armed and threading.get_ident() == self._thread and section() not in self.behind:
            self.behind.add(section())
            self.armed = False
            raise KeyboardInterrupt


@pytest.mark.whole
# The collector closes the connections that are dropped.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.parametrize("call", CALLS)
def test_client_goes_on_after_an_interrupt_behind_every_critical_section(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    server = serve()
    interrupter = Interrupter()
    with trapped(interrupter, monkeypatch), Client(server.url, verbose=False) as client:
        session: Any = client._calls.sessions.current
        for _ in range(100):
            assert client.predict("b", api_name="/echo") == "b"
            wait_until(lambda: not session._reading)  # and the next stream is opened ahead
            interrupter.armed = True
            with suppress(KeyboardInterrupt):
                CALLS[call](client)
                break
            within(PATIENCE, lambda: client.predict("b", api_name="/echo"))
        interrupter.armed = False
    part = "queues/session.py" if call == "predict" else "workers.py"
    assert any(path.endswith(part) for path, _ in interrupter.behind)
    wait_until(lambda: threads() == [])


def test_client_whose_making_was_interrupted_leaves_no_thread(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(config=reply(config(connect_heartbeat=True)))
    monkeypatch.setattr(calls_module, "LiveJobs", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Client(server.url, verbose=False)
    wait_until(lambda: threads() == [])


def test_job_ends_with_what_comes_while_its_files_are_fetched(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = {"path": "/made.txt", "meta": {"_type": "gradio.FileData"}}
    made = event("process_completed", "e0", output={"data": [file]}, success=True)
    client = connect(serve(data=streaming(made)).url, download_files=tmp_path)
    monkeypatch.setattr(JobFiles, "fetch", interrupt)
    job = client.submit("a", api_name="/echo")
    assert isinstance(job.exception(PATIENCE), KeyboardInterrupt)
