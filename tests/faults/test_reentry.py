"""A signal handler or a `__del__` of the program may use a client in the midst of what its thread does."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Callable, List

import pytest
from transport import sockets
from traps import Traps, trapped

from gradio_client_lite import Client
from gradio_client_lite import client as client_module
from gradio_client_lite.errors import GradioClientError

from .badserver import PATIENCE, BadServer, config, reply
from .test_calling import wait_until
from .test_finalisers import within
from .test_old_servers import old_config, socket_that
from .test_process import threads

# Seconds each, and the locks are the package's own.
pytestmark = pytest.mark.whole

Serve = Callable[..., BadServer]

COMPLETED = sockets.message("process_completed", output={"data": ["a"]}, success=True)


class Interrupter:
    """In each critical section that is passed, once: does something with a client, as a handler would."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act
        self.traps = Traps(self._spring)
        self.sprung = False

    def _spring(self) -> None:
        self.traps.armed = False
        self.sprung = True
        self._act()

    def arm(self) -> None:
        self.sprung = False
        self.traps.armed = True


def call(client: Client) -> None:
    with suppress(GradioClientError):
        client.predict("a", api_name="/echo")
    with suppress(GradioClientError):
        client.submit("a", api_name="/echo").result(PATIENCE)
    with suppress(GradioClientError):
        client.predict("a", api_name="/direct")


@pytest.mark.parametrize("old", [False, True])
def test_client_may_be_closed_in_every_critical_section(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, old: bool
) -> None:
    server = (
        serve(config=old_config(), join=socket_that(COMPLETED))
        if old
        else serve(config=reply(config(connect_heartbeat=True)))
    )
    clients: List[Client] = []
    interrupter = Interrupter(lambda: clients[-1].close())
    # What waits for the interrupted thread is not waited for any longer.
    monkeypatch.setattr(client_module, "_CLOSING", 0.05)
    with trapped(interrupter.traps, monkeypatch):
        for _ in range(100):
            clients.append(Client(server.url, verbose=False, httpx_kwargs={"cookies": {"a": "1"}}))
            interrupter.arm()
            within(PATIENCE, lambda: call(clients[-1]))
            clients[-1].close()
            if not interrupter.sprung:
                break
    assert not interrupter.sprung
    parts = {"transport/pool.py", "transport/headers.py", "queues/sessions.py"}
    assert parts | {"legacy/perjob.py" if old else "queues/session.py"} <= interrupter.traps.modules()
    wait_until(lambda: threads() == [])


def test_job_may_be_cancelled_in_every_critical_section(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    server.behave(data=server.all_but("waits"))
    jobs: List[Any] = []
    interrupter = Interrupter(lambda: jobs[-1].cancel())
    options: Any = {"verbose": False, "httpx_kwargs": {"cookies": {"a": "1"}}}
    with trapped(interrupter.traps, monkeypatch), Client(server.url, **options) as client:
        for _ in range(100):
            jobs.append(client.submit("waits", api_name="/echo"))
            wait_until(lambda: jobs[-1].event_id is not None)
            interrupter.arm()
            within(PATIENCE, lambda: call(client))
            if not interrupter.sprung:
                break
            assert jobs[-1].cancelled()
        interrupter.traps.armed = False
    assert not interrupter.sprung
    assert {"transport/pool.py", "transport/headers.py", "queues/session.py"} <= interrupter.traps.modules()
