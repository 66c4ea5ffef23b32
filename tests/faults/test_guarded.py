"""What a lock guards is touched under it alone, whatever the threads do: a lock that is left out is found."""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Callable, Dict, Iterator, NoReturn, Tuple
from unittest.mock import Mock

import pytest
from guard_watch import Guarded, GuardWatch, watched, watched_global
from queues.calls import submit
from queues.scripted import Joins, ScriptedStream, ScriptedTransport

from gradio_client_lite import Client, threads
from gradio_client_lite.errors import GradioClientError, StreamLost
from gradio_client_lite.jobs.future import CallFuture
from gradio_client_lite.legacy.multiplexer import Multiplexer
from gradio_client_lite.legacy.perjob import PerJobQueue
from gradio_client_lite.legacy.socket import SocketQueue
from gradio_client_lite.queues.session import SessionQueue
from gradio_client_lite.queues.sessions import Sessions
from gradio_client_lite.transport.pool import Pool
from gradio_client_lite.wire.messages import Envelope, UnexpectedError
from gradio_client_lite.wire.urls import Routes
from gradio_client_lite.workers import Workers

from .badserver import PATIENCE, BadServer, hang_up
from .test_calling import wait_until
from .test_old_servers import old_config
from .test_stress import echo_by_socket

_CALLERS, _CALLS = 6, 5
_CLAIMS = {"_claims": "calls _ids _ended"}
_SESSION = {
    "": "_joining _newest_join _catching_up _reading _known _opened_ahead _asked_at "
    "_dropped_at _unknown_at _closed",
    **_CLAIMS,
    "_early": "ids _bytes",
    # All but `failed`, which is for the log alone.
    "_graces": "_alarms _cut_at _doomed _doubtful active cut_by dropped_by suspects unheard",
    "_cancels": "running deferred",
}
_JOB = (
    "event_id _status _steps _progress _files_from _ended _sent _joined_at_end _told _kept_bytes _final "
    "_error _callbacks _iteration _final_taken"
)
#: Which lock guards what. `threads._starting`, which guards the threads that run, is no object's.
GUARDED: Tuple[Guarded, ...] = (
    (Pool, "_lock", {"": "_idle _active closed"}),
    (SessionQueue, "_changed", _SESSION),
    (Workers, "_ready", {"": "_tasks _count _waiting _idle"}),
    (PerJobQueue, "_lock", {"": "_channels _closed", **_CLAIMS}),
    (SocketQueue, "_lock", {"": "_free"}),
    (Multiplexer, "_lock", {"": "_coming _waker"}),
    (Sessions, "_lock", {"": "_current _chosen _closed _queues _hashes _heartbeat _unstarted"}),
    (CallFuture, "_changed", {"": _JOB}),
)
_OVER = "of an ended job, whose fields do not change any more"
_AGAIN = "see `DeferredCancels`: who has ended a job looks; `run_due` and `server_ended` look again"
#: What is read without the lock on purpose.
READ_FREELY: Dict[str, Tuple[str, str]] = {
    "Job.event_id": ("", "set once: who comes too early finds none, as before"),
    "Job._status": ("status cancel busy __repr__", "one reference, to what never changes"),
    "Job._ended": ("has_ended _awaited", "as far as can be known without a lock; its end looks again"),
    "Job._files_from": ("_take", "the values that are taken were there before, and with them their files"),
    "Job._sent": ("fail _tell", _OVER),
    "Job._joined_at_end": ("_tell", _OVER),
    "Job._told": ("fail", "at worst a line too many for the log: `told` looks again"),
    "Pool.closed": ("send _fail", "it stays so; `add` looks again before a closed pool has a connection"),
    "DeferredCancels.deferred": ("forget _end_join deliver _fail", _AGAIN),
    "Graces.unheard": ("deliver", "a job that it misses is counted from the next heartbeat on"),
    "Workers._count": ("threads", "a report of one number"),
    "Workers._idle": ("_work", "0 from `stop` on: at worst a connection is renewed in vain"),
    "Sessions._hashes": ("secrets", "copied in one step, as an error may pass under any lock"),
}


@pytest.fixture
def watch() -> Iterator[GuardWatch]:
    """Watches, while threads take turns as often as they can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    with watched(GUARDED, READ_FREELY) as watch, watched_global(watch, threads, "_starting", "_running"):
        yield watch
    sys.setswitchinterval(interval)


def use(client: Client, caller: int) -> None:
    """Do with a client what its users do."""
    for number in range(_CALLS):
        text = f"{caller} {number}"
        assert client.predict(text, api_name="/direct") == text
        assert client.predict(text, api_name="/echo") == text
        job = client.submit(text, api_name="/echo")
        job.add_done_callback(repr)
        if number % 2:
            if number % 4 == 1:
                wait_until(lambda job=job: job.event_id is not None)
            job.cancel(wait=PATIENCE)
        else:
            assert [*job] == [job.result(PATIENCE)] == job.outputs() == [text]
            assert len([*job.updates(PATIENCE)]) == len(asyncio.run(all_of(job))) > 1
            assert job.logs() == []
        repr(client)


async def all_of(job: Any) -> Any:
    return [update async for update in job]


def use_at_once(client: Client) -> None:
    with ThreadPoolExecutor(_CALLERS) as callers:
        for done in [callers.submit(use, client, caller) for caller in range(_CALLERS)]:
            done.result(PATIENCE)
    client.reset_session()
    del client._calls.sessions.current  # as in the child of a fork, where it is looked for with the first use
    assert client.session_hash
    client._app.transport._pool.counts()


def assert_nothing_is_found(watch: GuardWatch, touched: int) -> None:
    assert watch.touched > touched
    assert sorted(set(watch.found)) == []


def test_what_locks_guard_is_touched_under_them_alone(
    watch: GuardWatch, serve: Callable[..., BadServer]
) -> None:
    server = serve()
    server.behave(data=server.all_but("none"))
    with Client(server.url, verbose=False, stream_grace=0.2, max_workers=_CALLERS) as client:
        use_at_once(client)
        job = client.submit("none", api_name="/echo")
        wait_until(lambda: job.event_id is not None)  # nobody has the lock after that, which is made anew
        job.end_with_process()
        server.behave(data=hang_up)
        with suppress(GradioClientError):
            client.predict("cut", api_name="/echo")
    assert_nothing_is_found(watch, 5_000)


# It runs what cannot be cancelled any more.
@pytest.mark.filterwarnings("ignore:Cancelling this job will not stop the server")
def test_so_it_is_with_an_old_server(watch: GuardWatch, serve: Callable[..., BadServer]) -> None:
    with Client(serve(config=old_config(), join=echo_by_socket).url, verbose=False) as client:
        use_at_once(client)
        job: Any = client.submit("late", api_name="/echo")
        assert job.result(PATIENCE) == "late"
        job.driver.claim(job, "of nobody")
    assert_nothing_is_found(watch, 5_000)


def test_so_it_is_where_a_stream_breaks(watch: GuardWatch) -> None:
    transport: Any = ScriptedTransport()
    transport.on("join", Joins())
    owner = threads.Threads()
    queue = SessionQueue(transport, Routes("http://host/"), "session", dict, grace=0.01, threads=owner)
    cut, next_one = ScriptedStream(), ScriptedStream()
    transport.offer(cut, next_one)
    call = submit(queue)
    cut.cut()
    assert isinstance(call.failure(), StreamLost)
    queue.is_unknown()
    queue._beat()
    queue._cancels.server_ended("e9")
    queue.deliver(Envelope(None, UnexpectedError("Session not found.", True)), "")
    queue._reader.run = fail  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        queue._read()
    queue.close()
    owner.close()
    owner.join(PATIENCE)
    assert_nothing_is_found(watch, 50)


def test_so_it_is_where_threads_break(watch: GuardWatch) -> None:
    workers = Workers(1, "own", 0.0)
    workers._owner.start = fail  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        workers.submit(print)
    workers._replace(workers._ready)
    with workers._ready:
        workers._tasks.append((print, ()))
    with pytest.raises(RuntimeError):
        workers._replace(workers._ready)
    owner = threads.Threads()
    multiplexer = Multiplexer(owner)
    multiplexer._admit = fail  # type: ignore[method-assign]
    multiplexer.add(Mock())
    owner.close()
    owner.join(PATIENCE)
    assert_nothing_is_found(watch, 10)


def fail(*_: object, **__: object) -> NoReturn:
    raise RuntimeError("it breaks")


def test_what_is_touched_without_its_lock_is_found(watch: GuardWatch) -> None:
    workers = Workers(1, "own", 0.0)
    with workers._ready:
        tasks = workers._tasks
        workers._count += 1
        assert not list(tasks)
    pool = Pool()
    with pool._lock:
        idle = pool._idle
    assert watch.found == []
    workers._count += 1
    idle.clear()
    by = f"by {test_what_is_touched_without_its_lock_is_found.__name__}"
    assert watch.found == [
        f"Workers._count read {by}",
        f"Workers._count written {by}",
        f"Pool._idle used {by}",
    ]
