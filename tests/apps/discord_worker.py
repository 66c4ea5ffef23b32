"""Runs in a Discord bot's environment: loads a deployed app.py and calls its commands as Discord would.

Its arguments are the app.py and a folder. Each line of input is a request, answered by a line of JSON::

    {"do": "commands"}             what Discord would be told of the commands
    {"do": "page"}                 the text of the Space's page, once it has been built
    {"do": "call", "command": name, "options": {…}, "files": {option: path}, "user": 1, "channel": 1,
     "filesize_limit": bytes, "change": {…}}
                                   what was sent: [{"content": …, "files": [{"name": …, "text": …}]}];
                                   `change` gives constants of the app.py other values meanwhile

Discord itself is a stand-in: an interaction that keeps what is sent to it. All else is real.
"""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import discord


def load(path):
    spec = importlib.util.spec_from_file_location("deployed", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Attachment(discord.Attachment):
    """A file that a user has attached."""

    __slots__ = ("path",)

    def __init__(self, path):
        self.path = Path(path)
        self.filename = self.path.name

    async def save(self, target):
        return Path(target).write_bytes(self.path.read_bytes())


class Interaction:
    """Takes what the bot sends, in order, with the rules of Discord."""

    def __init__(self, request):
        self.user = SimpleNamespace(id=request.get("user", 1))
        self.channel_id = request.get("channel", 1)
        self.filesize_limit = request.get("filesize_limit", 10_000_000)
        self.response = self.followup = self
        self.deferred = False
        self.sent = []

    async def defer(self, *, thinking):
        assert thinking
        self.deferred = True

    async def send(self, content="", *, files=()):
        assert self.deferred, "nothing can be sent before the interaction was answered"
        assert content or files, "a message must not be empty"
        assert len(content) <= 2000, "a message has at most 2000 characters"
        assert len(files) <= 10, "a message has at most 10 files"
        shown = [{"name": file.filename, "text": file.fp.read().decode("utf-8", "replace")} for file in files]
        self.sent.append({"content": content, "files": shown})
        for file in files:
            file.close()


async def call(module, bot, request):
    changes = request.get("change", {})
    kept = {name: getattr(module, name) for name in changes}
    vars(module).update(changes)
    try:
        return await called(bot, request)
    finally:
        vars(module).update(kept)


async def called(bot, request):
    command = bot.tree.get_command(request["command"])
    options = {**request.get("options", {})}
    options.update({name: Attachment(path) for name, path in request.get("files", {}).items()})
    inner = {parameter.display_name: parameter.name for parameter in command.parameters}
    interaction = Interaction(request)
    defaults = {
        name: parameter.default
        for name, parameter in list(inspect.signature(command.callback).parameters.items())[1:]
        if parameter.default is not parameter.empty
    }
    given = {inner[name]: value for name, value in options.items()}
    await command.callback(interaction, **{**defaults, **given})
    return interaction.sent


async def answer(module, bot, request):
    if request["do"] == "commands":
        return [command.to_dict(bot.tree) for command in bot.tree.get_commands()]
    if request["do"] == "page":
        page = module.Page()
        page.blocks().close()
        page.bot = SimpleNamespace(application_id=42)
        return page.text()
    return await call(module, bot, request)


async def work(path):
    out, sys.stdout = sys.stdout, sys.stderr  # what others print is no answer
    module = load(path)
    bot = module.Bot()
    loop = asyncio.get_running_loop()
    while True:
        line = await loop.run_in_executor(None, sys.stdin.readline)
        if not line:
            return
        requests = json.loads(line)
        answers = await asyncio.gather(*(answer(module, bot, request) for request in requests))
        print(json.dumps(answers), file=out, flush=True)


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1]))
