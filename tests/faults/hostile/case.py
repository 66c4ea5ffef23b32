"""A case: what a hostile server does, which call is made, and what has to come of it at which cost."""

from __future__ import annotations

import contextlib
import os
import sys
from functools import cache
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Tuple, TypeVar
from unittest import mock

from transport.nets import Net
from transport.peers import PeerServer

from gradio_client_lite import Client, handle_file
from gradio_client_lite.errors import shorten
from gradio_client_lite.transport.http import Transport

from ..badserver import BadServer, Behaviour, config, reply

Server = TypeVar("Server", bound=PeerServer)
Options = Mapping[str, Any]

#: Where sockets were connected to, and which names were looked up, while a case is watched. An audit hook
#: stays for good, so there is one for all.
_reached: List[Any] = []
_watching: List[bool] = []


def _hook(event: str, arguments: Tuple[Any, ...]) -> None:
    if _watching and event == "socket.connect":
        _reached.append(arguments[1][0])
    elif _watching and event == "socket.getaddrinfo":
        host = arguments[0]
        _reached.append(host.decode() if isinstance(host, bytes) else host)


@cache
def _add_hook() -> None:
    sys.addaudithook(_hook)


class Stage:
    """What a case needs around it; all of it ends with `stack`.

    Attributes:
        folder: for files.
        checks: what must hold after the call.
    """

    def __init__(self, stack: contextlib.ExitStack, folder: Path) -> None:
        self.stack = stack
        self.folder = folder
        self.checks: List[Callable[[], None]] = []
        bare = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        stack.enter_context(mock.patch.dict(os.environ, bare, clear=True))
        # However slow this machine is, no server is taken for one far away, of which more is asked at once.
        stack.enter_context(mock.patch("gradio_client_lite.app.app._SOON", 5.0))

    def start(self, server: Server) -> Server:
        self.stack.enter_context(server)
        return server

    def serve(self, **behaviours: Behaviour) -> BadServer:
        return self.start(BadServer(**behaviours))

    def net(self, **behaviours: Behaviour) -> Net:
        """Names and addresses beyond loopback, only pretended, for every client; app.test is public."""
        net = Net(self.stack)
        net.answer_at("app.test", "8.8.8.8", server=self.serve(**behaviours))
        ways = {"resolve": net.resolve, "connect": net.connect}
        self.stack.enter_context(mock.patch.dict(Transport.__init__.__kwdefaults__, ways))
        return net

    def client(self, url: str, **options: Any) -> Client:
        defaults = {"verbose": False, "download_files": False, "stream_grace": 0.2}
        return self.stack.enter_context(Client(url, **{**defaults, **options}))

    def then(self, check: Callable[[], None]) -> None:
        self.checks.append(check)

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Note what is connected to, whatever pretended networks say; it must be loopback."""
        _add_hook()
        _reached.clear()
        _watching.append(True)
        try:
            yield
        finally:
            _watching.clear()
        assert set(_reached) <= {"127.0.0.1", "::1"}, _reached


#: Prepares a case on a stage, and returns the call that is measured.
Act = Callable[[Stage], Callable[[], Any]]


class Case(NamedTuple):
    """One row of the table.

    Args:
        group: the heading that it stands under.
        does: what the server does.
        call: what is called.
        act: prepares it, and gives the call.
        ends: the class of the error that the call ends with, exactly; or the value that it returns.
        text: a pattern that the text of the error holds.
        seconds: within which it ends.
        megabytes: of memory that it takes at most, at one time.
        dear: whether what it takes beside Python's allocator is counted too, in a process of its own.
    """

    group: str
    does: str
    call: str
    act: Act
    ends: Any
    text: str = ""
    seconds: float = 10.0
    megabytes: float = 8.0
    dear: bool = False

    @property
    def name(self) -> str:
        return f"{self.group}: {self.does} ({self.call})"

    @property
    def outcome(self) -> str:
        return self.ends.__name__ if is_error(self.ends) else shorten(repr(self.ends), 40)


def is_error(ends: Any) -> bool:
    return isinstance(ends, type) and issubclass(ends, BaseException)


# --- the calls

FILE = {"path": "/tmp/a.bin", "meta": {"_type": "gradio.FileData"}}
V3 = config(version="3.50.2", protocol="ws", enable_queue=True, api_prefix="")
V4 = config(version="4.0.2", protocol="sse", api_prefix="")


def connecting(options: Mapping[str, Any] = {}, **behaviours: Behaviour) -> Act:
    """A client is made."""

    def act(stage: Stage) -> Callable[[], Any]:
        server = stage.serve(**behaviours)
        return lambda: stage.client(server.url, **options) and "connected"

    return act


def describing(options: Mapping[str, Any] = {}, **behaviours: Behaviour) -> Act:
    """The API is asked for; what comes of it are the names of endpoints."""

    def act(stage: Stage) -> Callable[[], Any]:
        client = stage.client(stage.serve(**behaviours).url, **options)
        return lambda: list(client.view_api(print_info=False, return_format="dict")["named_endpoints"])

    return act


def predicting(
    endpoint: str, options: Mapping[str, Any] = {}, argument: Any = "a", **behaviours: Behaviour
) -> Act:
    """An endpoint is called."""

    def act(stage: Stage) -> Callable[[], Any]:
        client = stage.client(stage.serve(**behaviours).url, **options)
        return lambda: client.predict(argument, api_name=endpoint)

    return act


def uploading(options: Mapping[str, Any] = {}, **behaviours: Behaviour) -> Act:
    return predicting("/echo", options, handle_file(b"content", name="a.txt"), **behaviours)


def downloading(options: Mapping[str, Any] = {}, file: Any = FILE, **behaviours: Behaviour) -> Act:
    """A result has a file, which is fetched; what comes of it is its content."""

    def act(stage: Stage) -> Callable[[], Any]:
        server = stage.serve(predict=reply({"data": [file]}), **behaviours)
        client = stage.client(server.url, **{"download_files": stage.folder, **options})
        return lambda: Path(client.predict("a", api_name="/direct")).read_bytes()

    return act


#: By the route on which a server is hostile: what is called then, and the limit of its time.
ROUTES: Dict[str, Tuple[Callable[[Behaviour, Options], Act], str]] = {
    "login": (lambda b, o: connecting({**o, "auth": ("user", "password")}, login=b), "connecting"),
    "config": (lambda b, o: connecting(o, config=b), "connecting"),
    "page": (lambda b, o: connecting(o, config=reply({}, "404 Not Found"), page=b), "connecting"),
    "info": (lambda b, o: describing(o, info=b), "describing"),
    "upload": (lambda b, o: uploading(o, upload=b), "uploading"),
    "join": (lambda b, o: predicting("/echo", o, join=b), "joining"),
    "stream": (lambda b, o: predicting("/echo", o, data=b), "joining"),
    "direct call": (lambda b, o: predicting("/direct", o, predict=b), "answering"),
    "file": (lambda b, o: downloading(o, **{"a.bin": b}), "downloading"),
    "join of 4.0": (lambda b, o: predicting("/echo", o, config=reply(V4), join=b), "joining"),
    "join of 3.50": (lambda b, o: predicting("/echo", o, config=reply(V3), join=b), "joining"),
}
