from __future__ import annotations

import copy
import gc
import json
import os
import pickle
import ssl
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Iterator

import pytest
from app_of import CONFIG
from transport.peers import PeerServer, always, answer

import gradio_client_lite
from gradio_client_lite import Client
from gradio_client_lite.errors import ArgumentError, ClientClosed, ConnectFailed, ConnectionFailed
from gradio_client_lite.testing import App, serve

ROOT = str(Path(gradio_client_lite.__file__).parent.parent)


def progress(sent: int, total: int) -> None:
    """A callback that a pickle can name."""


class Shouting(Client):
    """A subclass with the constructor of Client."""

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        return super().predict(*args, **kwargs).upper()


class Named(Client):
    """A subclass that has a method for each name, and something of its own to close."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kept = ["open"]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return partial(self.predict, api_name=f"/{name}")

    def __repr__(self) -> str:
        return f"<Named {self.kept}>"

    def close(self) -> None:
        self.kept.clear()
        super().close()


class Broken(Client):
    """A subclass with a mistake in a property."""

    @property
    def wrong(self) -> Any:
        return self.missing  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


@pytest.fixture
def app() -> Iterator[App]:
    with serve({"/echo": lambda text: text}, auth=("user", "secret")) as app:
        yield app


@pytest.fixture
def client(app: App) -> Iterator[Client]:
    with Client(app.url, verbose=False, auth=("user", "secret"), headers={"x-one": "1"}) as client:
        yield client


def again(client: Client) -> Client:
    """A copy out of a pickle."""
    copied: Client = pickle.loads(pickle.dumps(client))
    return copied


def test_a_copy_calls_the_app(client: Client) -> None:
    with again(client) as copied:
        assert isinstance(copied, Client)
        assert copied.predict("a", api_name="/echo") == "a"
        assert type(copied) is Client
        assert list(copied.submit("b", api_name="/echo")) == ["b"]


def test_a_copy_is_made_as_the_client_was(client: Client) -> None:
    with again(client) as copied:
        assert copied.headers == client.headers
        assert copied.src == client.src
        assert copied.verbose is False


def test_what_was_set_before_the_first_use_stays(client: Client) -> None:
    with again(client) as copied:
        copied.verbose = True
        assert copied.predict("a", api_name="/echo") == "a"
        assert copied.verbose is True


def test_a_copy_has_a_session_of_its_own(client: Client) -> None:
    with again(client) as copied:
        assert copied.session_hash != client.session_hash


def test_what_changed_after_it_was_made_is_not_in_the_pickle(client: Client) -> None:
    client.headers = {"x-two": "2"}
    client.cookies["c"] = "3"
    pickled = pickle.dumps(client)
    assert b"x-one" in pickled
    assert b"x-two" not in pickled
    assert client.session_hash.encode() not in pickled


def test_only_credentials_that_were_passed_travel(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("hf_saved")
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_environment")
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "token"))
    arguments: Any = {"verbose": False, "auth": ("user", "secret")}
    with Client(app.url, token="hf_passed", **arguments) as client:
        pickled = pickle.dumps(client)
    assert b"hf_passed" in pickled
    assert b"secret" in pickled
    with Client(app.url, **arguments) as client:
        pickled = pickle.dumps(client)
    assert b"hf_" not in pickled.replace(b"hf_token", b"")
    assert "secret" not in repr(pickle.loads(pickled))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_of_pickle_will_do(client: Client, protocol: int) -> None:
    with pickle.loads(pickle.dumps(client, protocol)) as copied:
        assert copied.predict("a", api_name="/echo") == "a"


def test_a_subclass_may_look_names_up_itself(app: App) -> None:
    with Named(app.url, verbose=False, auth=("user", "secret")) as client:
        copied: Any = again(client)
        assert copied.echo("a") == "a"
        assert type(copied) is Named
        assert repr(copied) == "<Named ['open']>"
        copied.close()
        assert copied.kept == []


def test_a_copy_of_a_subclass_is_shown_and_closed_without_a_request() -> None:
    with serve({"/echo": str}) as app, Named(app.url, verbose=False) as client:
        pickled = pickle.dumps(client)
    copied = pickle.loads(pickled)
    assert repr(copied) == f"<Named {app.url}, not connected yet>"
    assert pickle.dumps(copied) == pickled
    copied.close()
    with pytest.raises(ClientClosed):
        copied.predict("a", api_name="/echo")


def test_a_mistake_in_a_property_of_a_subclass_is_told(app: App) -> None:
    with Broken(app.url, verbose=False, auth=("user", "secret")) as client, again(client) as copied:
        for each in (client, copied):
            with pytest.raises(AttributeError, match=r"no attribute 'missing'"):
                _ = each.wrong  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


def test_unpickling_makes_no_request() -> None:
    with serve({"/echo": str}) as app:
        pickled = pickle.dumps(Client(app.url, verbose=False))
    copied = pickle.loads(pickled)
    assert isinstance(copied, Client)
    assert repr(copied) == f"<Client {app.url}, not connected yet>"
    assert not hasattr(copied, "__dask_graph__")
    with pytest.raises(ConnectFailed):
        copied.predict("a", api_name="/echo")


def test_a_copy_that_could_not_connect_tries_again_when_it_is_used_again() -> None:
    with serve({"/echo": str}) as app:
        pickled = pickle.dumps(Client(app.url, verbose=False))
        port = int(app.url.rsplit(":")[-1].strip("/"))
    copied = pickle.loads(pickled)
    with pytest.raises(ConnectFailed):
        copied.predict("a", api_name="/echo")
    with serve({"/echo": str}, port=port), copied:
        assert copied.predict("a", api_name="/echo") == "a"


def test_copies_made_alike_are_one_client(client: Client, app: App) -> None:
    first, second = again(client), again(client)
    with Client(app.url, verbose=False, auth=("user", "secret")) as other:
        third = again(other)
    try:
        assert first is second
        assert first is again(first), "before it has connected"
        first.predict("a", api_name="/echo")
        assert first is again(client)
        assert first is again(first)
        assert first is not third
    finally:
        first.close()
        third.close()


def test_copies_used_by_many_threads_connect_once() -> None:
    config = json.dumps({**CONFIG, "connect_heartbeat": False}).encode()
    with PeerServer(always(lambda _: answer(config))) as server, Client(server.url, verbose=False) as client:
        start = threading.Barrier(8)

        def use(copied: Client) -> str:
            start.wait()
            return copied.session_hash

        with ThreadPoolExecutor(8) as pool:
            hashes = set(pool.map(use, [again(client) for _ in range(8)]))
        again(client).close()
    assert len(hashes) == 1
    assert [request.path for request in server.requests].count("/config") == 2


def test_a_look_up_may_end_after_another_thread_has_connected(client: Client) -> None:
    with again(client) as copied:
        assert copied.predict("a", api_name="/echo") == "a"
        # What Python calls when it had found nothing before.
        assert type(copied).__getattr__(copied, "_app") is copied._app


def test_a_closed_copy_stays_closed_and_the_next_is_a_new_one(client: Client) -> None:
    unused = again(client)
    unused.close()
    with pytest.raises(ClientClosed):
        unused.predict("a", api_name="/echo")
    used = again(client)
    assert used is not unused
    used.predict("a", api_name="/echo")
    used.close()
    with pytest.raises(ClientClosed):
        used.predict("a", api_name="/echo")
    with again(client) as latest:
        assert latest is not used
        assert latest.predict("a", api_name="/echo") == "a"


def test_a_process_keeps_a_few_clients_only(app: App) -> None:
    arguments = {"verbose": False, "auth": ("user", "secret")}
    copies = []
    for number in range(1, 21):
        with Client(app.url, timeout=float(number), **arguments) as one:
            copies.append(again(one))
    assert again(copies[-1]) is copies[-1]
    with again(copies[0]) as renewed:
        assert renewed is not copies[0]
    for copied in copies:
        copied.close()


def test_a_subclass_stays_what_it_is(app: App) -> None:
    with Shouting(app.url, verbose=False, auth=("user", "secret")) as client, again(client) as copied:
        assert isinstance(copied, Shouting)
        assert copied.predict("a", api_name="/echo") == "A"
        assert type(copied) is Shouting


def test_what_a_subclass_makes_of_names_is_asked_of_a_connected_client_only(app: App) -> None:
    with Named(app.url, verbose=False, auth=("user", "secret")) as client, again(client) as copied:
        assert client.echo("a") == "a"
        assert copied.echo("a") == "a"
        # What Python calls when it had found nothing, as another thread had not connected the copy yet.
        assert type(copied).__getattr__(copied, "_app") is copied._app


def test_copy_and_deepcopy_connect_anew(client: Client) -> None:
    with copy.deepcopy(client) as copied:
        assert copied is not client
        assert copied.predict("a", api_name="/echo") == "a"
    assert client.predict("a", api_name="/echo") == "a"


def test_a_function_of_a_module_may_follow_uploads(app: App) -> None:
    arguments: Any = {"verbose": False, "auth": ("user", "secret"), "upload_progress": progress}
    with Client(app.url, **arguments) as client, again(client) as copied:
        assert copied.predict("a", api_name="/echo") == "a"


@pytest.mark.parametrize(
    ("arguments", "named", "advice"),
    [
        ({"ssl_verify": ssl.create_default_context()}, "its ssl_verify: ", "path of a CA file"),
        (
            {"httpx_kwargs": {"timeout": 5, "verify": ssl.create_default_context()}},
            "its httpx_kwargs['verify']: ",
            "path of a CA file",
        ),
        ({"upload_progress": lambda *_: None}, "its upload_progress: ", "top level of a module"),
        ({"download_progress": lambda *_: None}, "its download_progress: ", "top level of a module"),
    ],
)
def test_what_cannot_be_pickled_is_named(app: App, arguments: Any, named: str, advice: str) -> None:
    client = Client(app.url, verbose=False, auth=("user", "secret"), **arguments)
    with client, pytest.raises(ArgumentError) as caught:
        pickle.dumps(client)
    assert named in str(caught.value)
    assert advice in str(caught.value)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is not None


OTHER_PROCESS = """
import pickle, sys
sys.path.insert(0, sys.argv[1])
client = pickle.load(sys.stdin.buffer)
print(client.predict("a", api_name="/echo"))
"""


def test_a_pickle_works_in_another_process(client: Client) -> None:
    done = subprocess.run(
        [sys.executable, "-c", OTHER_PROCESS, ROOT],
        input=pickle.dumps(client),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.stdout, done.stderr) == (b"a\n", b"")


def test_what_no_client_has_is_an_attribute_error(client: Client) -> None:
    with again(client) as copied:
        for each in (client, copied):
            with pytest.raises(AttributeError, match="'Client' object has no attribute 'nothing'"):
                each.nothing  # type: ignore[attr-defined]  # noqa: B018


def test_an_interrupt_while_connecting_is_not_that_of_others(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = again(client)
    started, ended = threading.Event(), threading.Event()

    def interrupted(self: Client, **arguments: Any) -> None:
        started.set()
        ended.wait(10)
        raise KeyboardInterrupt

    monkeypatch.setattr(Client, "__init__", interrupted)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(lambda: copied.session_hash)
        started.wait(10)
        second = pool.submit(lambda: copied.session_hash)
        while not second.running():
            pass
        ended.set()
        assert isinstance(first.exception(), KeyboardInterrupt)
        assert isinstance(second.exception(), (KeyboardInterrupt, ConnectionFailed))
    monkeypatch.undo()
    assert copied.predict("a", api_name="/echo") == "a"
    copied.close()


def test_a_child_does_not_wait_for_a_thread_of_its_parent(client: Client) -> None:
    copied = again(client)
    connector: Any = vars(copied)["_connector"]
    connector._attempt = Future()
    connector.after_fork()
    with copied:
        assert copied.predict("a", api_name="/echo") == "a"


def test_a_copy_that_is_closed_while_it_connects_stays_closed(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = again(client)
    started, ended = threading.Event(), threading.Event()
    original = Client.__init__

    def slow(self: Client, **arguments: Any) -> None:
        started.set()
        ended.wait(10)
        original(self, **arguments)

    monkeypatch.setattr(Client, "__init__", slow)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(lambda: copied.predict("a", api_name="/echo"))
        started.wait(10)
        copied.close()
        ended.set()
        assert isinstance(call.exception(), ClientClosed)


def test_a_copy_nobody_keeps_leaves_no_connection(client: Client) -> None:
    copied = again(client)
    copied.predict("a", api_name="/echo")
    finalizer = copied._finalizer
    copied.close()
    with again(client) as latest:  # takes the place of the closed one
        del copied
        gc.collect()
        assert not finalizer.alive
        assert latest.predict("b", api_name="/echo") == "b"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_child_connects_for_itself(client: Client) -> None:
    from transport.test_fork import in_child

    copied = again(client)
    copied.predict("a", api_name="/echo")
    assert in_child(lambda: copied.predict("b", api_name="/echo")) == "b"
    assert in_child(lambda: again(client).predict("c", api_name="/echo")) == "c"
    copied.close()
