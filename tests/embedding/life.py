"""What a program does with the package in one life of an interpreter.

`test_interpreters.py` has the program of `embed.c` call one of these functions, and end the interpreter then.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, Callable, List, Optional

from gradio_client_lite import Client, testing
from gradio_client_lite.errors import ClientClosed, CompatibilityError
from gradio_client_lite.threads import in_main_interpreter

PATIENCE = 30.0
#: What is in use as the interpreter ends.
kept: List[Any] = []


class Servers:
    """Where the servers are that the test runs.

    Args:
        modern: functions /echo, /count and /wait, which hangs, of the embedded app.
        old: /echo of a Gradio 3.50 over WebSockets; it hangs where it is given "wait".
        secure: speaks TLS; its /direct gives a file.
        authority: who vouches for that, a file.
        folder: for downloads.
    """

    def __init__(self, modern: str, old: str, secure: str, authority: str, folder: str) -> None:
        self.modern = modern
        self.old = old
        self.secure = secure
        self.authority = authority
        self.folder = folder

    def connect(self) -> Client:
        return Client(self.modern, verbose=False)


def use(servers: Servers) -> None:
    """Use all of the package that has threads or sockets, and close it."""
    called = threading.Event()
    with servers.connect() as client:
        assert client.predict("a", api_name="/echo") == "a"
        assert list(client.submit(3, api_name="/count")) == [0, 1, 2]
        job = client.submit("b", api_name="/echo", result_callbacks=lambda result: called.set())
        assert job.result(PATIENCE) == "b"
        assert list(client.map(["c", "d"], api_name="/echo")) == ["c", "d"]
        assert client.submit("e", api_name="/wait").cancel()
        assert called.wait(PATIENCE)
    with Client(servers.old, verbose=False) as client:
        job = client.submit("f", api_name="/echo")
        assert (list(job), job.result(PATIENCE)) == (["partial"], "f")
    options = {"ssl_verify": servers.authority, "download_files": servers.folder}
    with Client(servers.secure, verbose=False, **options) as client:
        assert Path(client.predict("g", api_name="/direct")).read_text() == "made"
    with testing.serve({"/echo": lambda text: text}) as app, Client(app.url, verbose=False) as client:
        assert client.predict("h", api_name="/echo") == "h"
    assert Client.connect(servers.modern, verbose=False).result(PATIENCE).close() is None


def _begin(client: Client) -> List[Any]:
    """Jobs that are at work, and others that are on their way."""
    jobs = [client.submit("a", api_name="/wait") for _ in range(5)]
    for job in jobs[:2]:
        next(job.updates(PATIENCE))
    return jobs


def close_when_idle(servers: Servers) -> None:
    client = servers.connect()
    client.predict("a", api_name="/echo")
    client.close()
    kept.append(client)


def close_with_live_jobs(servers: Servers) -> None:
    client = servers.connect()
    jobs = _begin(client)
    client.close()
    assert all(isinstance(job.exception(0), ClientClosed) for job in jobs)


def leave_idle(servers: Servers) -> None:
    client = servers.connect()
    client.predict("a", api_name="/echo")
    kept.append(client)


def leave_live_jobs(servers: Servers) -> None:
    client = servers.connect()
    kept.extend((client, _begin(client)))


def leave_live_jobs_to_a_thread(servers: Servers) -> None:
    """A thread of the program waits for a job, which ends with the client; a daemon where there are any."""
    leave_live_jobs(servers)
    waiting = threading.Event()

    def wait(job: Any) -> None:
        waiting.set()
        job.exception(PATIENCE)

    threading.Thread(target=wait, args=(kept[-1][0],), daemon=in_main_interpreter()).start()
    assert waiting.wait(PATIENCE)


def leave_live_sockets(servers: Servers) -> None:
    client = Client(servers.old, verbose=False)
    job = client.submit("wait", api_name="/echo")
    assert next(job) == "partial"
    kept.extend((client, job))


def leave_an_app(servers: Servers) -> None:
    """An app of the interpreter's own, with a client at it."""
    app = testing.serve({"/echo": lambda text: text}, connect_heartbeat=True)
    client = Client(app.url, verbose=False)
    assert client.predict("a", api_name="/echo") == "a"
    kept.extend((app, client))


def forget(servers: Servers) -> None:
    """Nobody has the client any more, and nobody has closed it."""
    servers.connect().predict("a", api_name="/echo")


def leave_a_callback(servers: Servers) -> None:
    """A callback runs on for longer than the client itself waits."""
    begun = threading.Event()

    def call_back(result: str) -> None:
        begun.set()
        time.sleep(2.5)
        print("over", flush=True)

    client = servers.connect()
    client.submit("a", api_name="/echo", result_callbacks=call_back).result(PATIENCE)
    assert begun.wait(PATIENCE)
    kept.append(client)


def be_refused(servers: Servers) -> None:
    """Nothing works without threads, and all says so."""
    for attempt in (servers.connect, Client.connect(servers.modern).result, lambda: testing.serve({})):
        print(_error_of(attempt))


def _error_of(attempt: Callable[[], object]) -> Optional[CompatibilityError]:
    try:
        attempt()
    except CompatibilityError as error:
        return error
    return None
