"""The program of a Discord bot, imported as a file, with stand-ins for the packages that only a Space has."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Dict, List, Optional

import pytest

import gradio_client_lite

PROGRAM = Path(gradio_client_lite.__file__).parent / "spaces" / "discord" / "bot" / "app.py"


class Attachment:
    """A file that a user has attached."""

    def __init__(self, filename: str, content: bytes = b"") -> None:
        self.filename = filename
        self.content = content

    async def save(self, path: Path) -> None:
        path.write_bytes(self.content)


class Interaction:
    """A command that a user gives; keeps what is sent in answer to it."""

    def __init__(self, user: int = 1, channel: int = 1, filesize_limit: Optional[int] = None) -> None:
        self.user = SimpleNamespace(id=user)
        self.channel_id = channel
        self.filesize_limit = filesize_limit
        self.response = self.followup = self
        self.deferred = False
        self.sent: List[Any] = []

    async def defer(self, *, thinking: bool) -> None:
        self.deferred = thinking

    async def send(self, content: str = "", *, files: Any = ()) -> None:
        assert content or files
        assert len(content) <= 2000
        self.sent.append((content, [Path(path).name for path in files]))


class Tree:
    """The commands of a bot."""

    def __init__(self, client: Any) -> None:
        self.commands: List[Any] = []
        self.synced = 0

    def add_command(self, command: Any) -> None:
        self.commands.append(command)

    async def sync(self) -> None:
        self.synced += 1


class DiscordClient:
    """What a bot is made of; `failure` is what running it raises."""

    failure: Optional[Exception] = None

    def __init__(self, **options: Any) -> None:
        self.options = options
        self.application_id: Optional[int] = None
        self.token: Optional[str] = None

    def run(self, token: str) -> None:
        self.token = token
        self.application_id = 42
        if self.failure is not None:
            raise self.failure


class Job:
    """A call that has ended, or never does."""

    def __init__(self, result: Any) -> None:
        self._result = result
        self.cancelled = False

    def result(self, timeout: float) -> Any:
        if isinstance(self._result, BaseException):
            raise self._result
        return self._result

    def cancel(self) -> None:
        self.cancelled = True


class Client:
    """A client of the app: fails with `failures` first, and then gives `results`, by the function's name."""

    made: List[Client] = []  # noqa: RUF012 - emptied for each test
    failures: List[Exception] = []  # noqa: RUF012
    results: Dict[str, Any] = {}  # noqa: RUF012
    endpoints: Dict[int, Any] = {}  # noqa: RUF012

    def __init__(self, src: str, *, token: Any = None, **options: Any) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.src, self.token, self.options = src, token, options
        self.calls: List[Any] = []
        self.closed = False
        self.made.append(self)

    def submit(self, api_name: str, **arguments: Any) -> Job:
        self.calls.append((api_name, arguments))
        result = self.results[api_name]
        self.job = Job(result(self, **arguments) if callable(result) else result)
        return self.job

    def close(self) -> None:
        self.closed = True


class OldClient(Client):
    """The same, where the token has its older name."""

    def __init__(self, src: str, *, hf_token: Any = None, **options: Any) -> None:
        super().__init__(src, token=hf_token, **options)


class Blocks:
    """The app that shows the page."""

    last: Blocks

    def __init__(self, title: str) -> None:
        self.title = title
        self.done: List[Any] = []
        Blocks.last = self

    def __enter__(self) -> Blocks:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def launch(self, prevent_thread_lock: bool) -> None:
        self.done.append(("launch", prevent_thread_lock))

    def block_thread(self) -> None:
        self.done.append("block")


def module(name: str, **names: Any) -> ModuleType:
    made = ModuleType(name)
    vars(made).update(names)
    return made


def load(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The program as a module of its own, without what an earlier test has left."""

    def named(kind: str) -> Any:
        def decorator(**texts: str) -> Any:
            def keep(function: Any) -> Any:
                vars(function)[kind] = texts
                return function

            return keep

        return decorator

    for value in (Client.made, Client.failures, Client.results, Client.endpoints):
        value.clear()  # type: ignore[attr-defined]
    monkeypatch.setattr(DiscordClient, "failure", None)
    commands = module(
        "discord.app_commands",
        Command=lambda **fields: SimpleNamespace(**fields),
        CommandTree=Tree,
        describe=named("descriptions"),
        rename=named("names"),
    )
    stand_ins = (
        commands,
        module(
            "discord",
            app_commands=commands,
            AllowedMentions=SimpleNamespace(none=lambda: "nobody"),
            Attachment=Attachment,
            Client=DiscordClient,
            File=str,
            Intents=SimpleNamespace(default=lambda: "default"),
            Interaction=Interaction,
            LoginFailure=type("LoginFailure", (Exception,), {}),
            Permissions=lambda **which: sorted(which),
            utils=SimpleNamespace(oauth_url=lambda number, **options: f"https://discord/{number}"),
        ),
        module("gradio", Blocks=Blocks, Markdown=lambda text: None),
        module("gradio_client", Client=Client, handle_file=lambda path: {"path": path}),
        module("gradio_client.exceptions", AppError=type("AppError", (Exception,), {})),
        module(
            "gradio_client.utils",
            QueueError=type("QueueError", (Exception,), {}),
            TooManyRequestsError=type("TooManyRequestsError", (Exception,), {}),
        ),
        module("huggingface_hub"),
    )
    for stand_in in stand_ins:
        monkeypatch.setitem(sys.modules, stand_in.__name__, stand_in)
    spec = importlib.util.spec_from_file_location("deployed_bot", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    program = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(program)
    return program
