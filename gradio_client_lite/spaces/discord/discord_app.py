"""The source of a deployed bot's app.py, as text: it needs discord.py and Gradio, which the Space has.

`discord_bot.render` puts the app, the commands and `discord_values` in the places marked with @.
"""

from __future__ import annotations

SOURCE = '''\
"""A Discord bot that answers with a Gradio app; the page of this Space says how to invite it.

Secrets of the Space: DISCORD_TOKEN, the bot's token; HF_TOKEN, only if the app's Space is private.
"""

import asyncio
import inspect
import json
import os
import shutil
import tempfile
import time
import traceback
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from pathlib import Path
from typing import Literal, Optional

import discord
import gradio as gr
import huggingface_hub
from discord import app_commands
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from gradio_client.utils import QueueError, TooManyRequestsError

APP = @app@
COMMANDS = @commands@

ANSWER_TIME = 10 * 60  # seconds; Discord takes no reply after 15 minutes
WAKE_TIME, WAKE_PAUSE = 4 * 60, 5  # seconds that a sleeping Space is waited for, and between two looks
CONVERSATIONS = 100  # sessions of the app that are kept, the most recent ones

FILE_MARK = "gradio.FileData"  # of what the client takes for a file

BUSY = (QueueError, TooManyRequestsError)
SLOW = (TookTooLong, TimeoutError)

workers = ThreadPoolExecutor(max_workers=40)


class Mistake(Exception):
    """The user gave an option a value that it cannot have; the text is for the user."""


# --- asking the app


class Conversation:
    """One session of the app, so that a chat remembers what was said; its calls run one after the other."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="conversation-"))
        self.lock = asyncio.Lock()
        self.client = None

    async def ask(self, api_name, arguments):
        """The result of the app's function; files in it are paths below `folder`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(workers, self._ask, api_name, arguments)

    def _ask(self, api_name, arguments):
        try:
            if self.client is None:
                self.client = connect(self.folder)
            refuse_files(self.client, api_name, arguments)
            job = self.client.submit(api_name=api_name, **arguments)
            try:
                return job.result(timeout=ANSWER_TIME)
            except TookTooLong:
                job.cancel()
                raise
        except (*BUSY, *SLOW, AppError, Mistake):
            raise
        except Exception:
            self.hang_up()  # the app may have been restarted; the next call finds it anew
            raise

    def hang_up(self):
        """Give up the session."""
        client, self.client = self.client, None
        if client is not None:
            workers.submit(client.close)

    def forget(self):
        """Give up the session and its files."""
        self.hang_up()
        shutil.rmtree(self.folder, ignore_errors=True)


def connect(folder):
    """A client of the app; an app that is a Space and sleeps is woken by this, and waited for."""
    token = False if "://" in APP else os.environ.get("HF_TOKEN") or None  # no other host may have it
    access = {"token" if "token" in inspect.signature(Client).parameters else "hf_token": token}
    deadline = time.monotonic() + WAKE_TIME
    comes = False
    while True:
        try:
            return Client(APP, verbose=False, download_files=str(folder), **access)
        except Exception:
            came, comes = comes, is_coming(token)
            if not (came or comes) or time.monotonic() > deadline:
                raise
        time.sleep(WAKE_PAUSE)


def is_coming(token):
    """Whether the app is a Space that will soon run."""
    if "://" in APP:
        return False
    stage = str(huggingface_hub.get_space_runtime(APP, token=token).stage)
    return stage in ("SLEEPING", "BUILDING", "APP_STARTING")


def refuse_files(client, api_name, arguments):
    """Only users name files: the client would open what a default names, which is a file of this machine."""
    functions = [each for each in client.endpoints.values() if each.api_name == api_name]
    parameters = functions[0].parameters_info or [] if functions else []
    places = {parameter.get("parameter_name"): place for place, parameter in enumerate(parameters)}
    given = {places[name] for name in arguments if name in places}
    for place, parameter in enumerate(parameters):
        if place not in given and FILE_MARK in json.dumps(parameter.get("parameter_default")):
            raise Mistake(f"Please attach a file as `{parameter.get('parameter_name')}`, too.")


conversations = OrderedDict()


def conversation_of(interaction):
    """The session of this user in this channel."""
    key = (interaction.channel_id, interaction.user.id)
    if key not in conversations:
        conversations[key] = Conversation()
    conversations.move_to_end(key)
    for old in list(conversations)[:-CONVERSATIONS]:
        if not conversations[old].lock.locked():
            conversations.pop(old).forget()
    return conversations[key]


@values@# --- answering


async def answer(interaction, command, options):
    """Call the app's function and reply with what comes of it."""
    await interaction.response.defer(thinking=True)
    conversation = conversation_of(interaction)
    async with conversation.lock:
        with tempfile.TemporaryDirectory() as folder:
            try:
                arguments = await arguments_of(command, options, folder)
                result = await conversation.ask(command["api_name"], arguments)
                text, files = read_result(result, conversation.folder)
                await send(interaction, text, files, folder)
            except Exception as error:
                await send(interaction, apology(error), folder=folder)
            finally:
                shutil.rmtree(conversation.folder, ignore_errors=True)
                conversation.folder.mkdir(exist_ok=True)


def apology(error):
    """What the user is told; what else there is to know goes to the log."""
    if isinstance(error, Mistake):
        return str(error)
    if isinstance(error, AppError):
        return f"The app could not do that: {error}"
    if isinstance(error, BUSY):
        return "The app is very busy just now. Please try again in a while."
    if isinstance(error, SLOW):
        return "The app took too long, so I have stopped waiting. Please try again later."
    traceback.print_exception(type(error), error, error.__traceback__)
    return "Sorry, something went wrong while I asked the app. Please try again later."


# --- the bot

TYPES = {
    "file": discord.Attachment,
    "files": discord.Attachment,
    "message file": discord.Attachment,
    "number": float,
    "integer": int,
    "boolean": bool,
}


def slash_command(command):
    """The Discord command that calls a function of the app."""
    internal = {f"option_{i}": option for i, option in enumerate(command["options"])}

    async def callback(interaction, **given):
        await answer(interaction, command, {internal[key]["name"]: value for key, value in given.items()})

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter("interaction", kind, annotation=discord.Interaction)]
    for key, option in internal.items():
        type_ = TYPES.get(option["kind"], str)
        choices = tuple(option.get("choices", ()))
        if 0 < len(choices) <= 25 and max(map(len, choices)) <= 100:
            type_ = Literal[choices]
        default = inspect.Parameter.empty if option["required"] else None
        annotation = type_ if option["required"] else Optional[type_]
        parameters.append(inspect.Parameter(key, kind, default=default, annotation=annotation))
    callback.__signature__ = inspect.Signature(parameters)
    if internal:
        app_commands.rename(**{key: option["name"] for key, option in internal.items()})(callback)
        app_commands.describe(**{key: option["description"] for key, option in internal.items()})(callback)
    return app_commands.Command(
        name=command["name"], description=command["description"], callback=callback
    )


class Bot(discord.Client):
    def __init__(self):
        # Slash commands need no privileged intent; nothing an app says may notify anyone.
        super().__init__(
            intents=discord.Intents.default(), allowed_mentions=discord.AllowedMentions.none()
        )
        self.tree = app_commands.CommandTree(self)
        for command in COMMANDS:
            self.tree.add_command(slash_command(command))

    async def setup_hook(self):
        await self.tree.sync()


# --- the page, without which the Space would not count as running


class Page:
    """What visitors of the Space read."""

    def __init__(self):
        self.bot = None
        self.problem = "This bot is starting. Please look again in a moment."

    def text(self):
        commands = "\\n".join(f"- `/{command['name']}` - {command['description']}" for command in COMMANDS)
        return f"# Discord bot of {APP}\\n\\n{self._state()}\\n\\n## Commands\\n\\n{commands}"

    def _state(self):
        if self.bot is None or self.bot.application_id is None:
            return self.problem
        permissions = discord.Permissions(send_messages=True, attach_files=True, view_channel=True)
        scopes = ("bot", "applications.commands")
        url = discord.utils.oauth_url(self.bot.application_id, permissions=permissions, scopes=scopes)
        return f"### [Add this bot to your server]({url})\\n\\nThen use its commands in any channel of it."

    def blocks(self):
        with gr.Blocks(title=f"Discord bot of {APP}") as blocks:
            gr.Markdown(self.text)
        return blocks


NO_TOKEN = """\\
### This bot has no token yet

1. Make an application at <https://discord.com/developers/applications>.
2. On its page "Bot", reset the token and copy it.
3. Add it here under Settings, "Variables and secrets", as the secret `DISCORD_TOKEN`.

No privileged intent is needed. The Space restarts by itself and then shows how to invite the bot."""
BAD_TOKEN = "### Discord refuses this bot's token\\n\\nPut the right one into the secret `DISCORD_TOKEN`."


def main():
    page = Page()
    token = os.environ.get("DISCORD_TOKEN", "").strip()
    if not token:
        page.problem = NO_TOKEN
        page.blocks().launch()
        return
    blocks = page.blocks()
    blocks.launch(prevent_thread_lock=True)
    page.bot = Bot()
    try:
        page.bot.run(token)
    except discord.LoginFailure:
        page.problem = BAD_TOKEN
        blocks.block_thread()


if __name__ == "__main__":
    main()
'''
