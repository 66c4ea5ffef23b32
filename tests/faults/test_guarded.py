"""What a lock guards is touched under it alone, whatever the threads do: a lock that is left out is found."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Callable, Iterator, List, Tuple

import pytest

from gradio_client_lite import Client
from gradio_client_lite.errors import GradioClientError
from gradio_client_lite.queues.session import SessionQueue
from gradio_client_lite.transport.pool import Pool
from gradio_client_lite.workers import Workers

from .badserver import PATIENCE, BadServer, hang_up
from .test_calling import wait_until

_CALLERS, _CALLS = 6, 5
#: What changes a collection, or goes through it.
_STEPS = (
    *("__contains__", "__delitem__", "__getitem__", "__iter__", "__len__", "__setitem__"),
    *("add", "append", "clear", "discard", "extend", "get", "items", "pop", "popleft", "remove", "values"),
)
#: The fields that a lock guards, and where it is.
GUARDED: Tuple[Tuple[type, str, Tuple[str, ...]], ...] = (
    (Pool, "_lock", ("_idle", "_active")),
    (SessionQueue, "_changed", ("_joining", "_catching_up", "_claims.calls", "_claims._ended", "_early.ids")),
    (Workers, "_ready", ("_tasks",)),
)


def _checked(step: Callable[..., Any], check: Callable[[Any], None]) -> Callable[..., Any]:
    """A step of a collection, before which it is checked."""

    def checked(collection: Any, *args: Any) -> Any:
        check(collection)
        return step(collection, *args)

    return checked


class Watch:
    """Notes who touches what a lock guards without it."""

    def __init__(self) -> None:
        self.touched = 0
        self.found: List[str] = []

    def guard(self, owner: Any, lock: str, path: str) -> None:
        """Have a collection watched, which `path` names from its owner on."""
        *parts, field = path.split(".")
        holder = owner
        for part in parts:
            holder = getattr(holder, part)
        kind, name = type(getattr(holder, field)), f"{type(owner).__name__}.{path}"

        def check(collection: Any) -> None:
            self.touched += 1
            # One that was taken out under the lock is whose who took it.
            if getattr(holder, field) is collection and not getattr(owner, lock)._is_owned():
                self.found.append(f"{name} by {sys._getframe(2).f_code.co_name}")

        steps = {step: _checked(getattr(kind, step), check) for step in _STEPS if hasattr(kind, step)}
        setattr(holder, field, type(kind.__name__, (kind,), steps)())

    def watched(self, kind: Any, lock: str, paths: Tuple[str, ...]) -> Callable[..., None]:
        """What makes an object of this kind, and guards its fields."""
        make = kind.__init__

        def watched(made: Any, *args: Any, **kwargs: Any) -> None:
            make(made, *args, **kwargs)
            for path in paths:
                self.guard(made, lock, path)

        return watched


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watch]:
    """Watches all that are made from now on, while threads take turns as often as they can."""
    watch = Watch()
    for kind, lock, paths in GUARDED:
        monkeypatch.setattr(kind, "__init__", watch.watched(kind, lock, paths))
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield watch
    sys.setswitchinterval(interval)


def test_what_locks_guard_is_touched_under_them_alone(watch: Watch, serve: Callable[..., BadServer]) -> None:
    server = serve()
    server.behave(data=server.all_but("none"))
    with Client(server.url, verbose=False, stream_grace=0.2, max_workers=_CALLERS) as client:

        def use(caller: int) -> None:
            for number in range(_CALLS):
                text = f"{caller} {number}"
                assert client.predict(text, api_name="/direct") == text
                assert client.predict(text, api_name="/echo") == text
                job = client.submit(text, api_name="/echo")
                if number % 2:
                    if number % 4 == 1:
                        wait_until(lambda job=job: job.event_id is not None)
                    job.cancel(wait=PATIENCE)
                else:
                    assert job.result(PATIENCE) == text
                repr(client)

        with ThreadPoolExecutor(_CALLERS) as callers:
            for done in [callers.submit(use, caller) for caller in range(_CALLERS)]:
                done.result(PATIENCE)
        server.behave(data=hang_up)
        with suppress(GradioClientError):
            client.predict("cut", api_name="/echo")
    assert watch.touched > 1000
    assert sorted(set(watch.found)) == []


def test_what_is_touched_without_its_lock_is_found(watch: Watch) -> None:
    workers = Workers(1, "own", 0.0)
    with workers._ready:
        assert not list(workers._tasks)
    assert watch.found == []
    assert not list(workers._tasks)
    assert set(watch.found) == {"Workers._tasks by test_what_is_touched_without_its_lock_is_found"}
