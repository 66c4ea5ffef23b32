"""The source of a deployed bot's app.py, as text: it needs discord.py and Gradio, which the Space has.

`discord_bot.render` puts the app and the commands in the places marked with @.
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

MESSAGE_LENGTH = 2000  # characters that Discord takes in one message
MESSAGES = 10  # a longer reply than these can hold is sent as a text file
FILES = 10  # files that Discord takes with one message
FILE_SIZE = 10 * 1024 * 1024  # bytes, where Discord does not say how large a file may be
ANSWER_TIME = 10 * 60  # seconds; Discord takes no reply after 15 minutes
WAKE_TIME, WAKE_PAUSE = 4 * 60, 5  # seconds that a sleeping Space is waited for, and between two looks
MESSAGE_KEYS = {"role", "content", "metadata", "options", "text", "type", "file", "files", "alt_text"}
CONVERSATIONS = 100  # sessions of the app that are kept, the most recent ones

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
            job = self.client.submit(api_name=api_name, **arguments)
            try:
                return job.result(timeout=ANSWER_TIME)
            except TookTooLong:
                job.cancel()
                raise
        except (*BUSY, *SLOW, AppError):
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
    token = os.environ.get("HF_TOKEN") or None
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


async def arguments_of(command, options, folder):
    """The arguments of the app's function; attached files are saved into `folder`."""
    arguments = {}
    for option in command["options"]:
        value = options.get(option["name"])
        if value is None:
            continue
        kind, parameter = option["kind"], option["parameter"]
        if isinstance(value, discord.Attachment):
            path = Path(folder, Path(value.filename).name or "file")
            await value.save(path)
            value = handle_file(str(path))
        if kind == "message":
            arguments.setdefault(parameter, {"text": "", "files": []})["text"] = value
        elif kind == "message file":
            arguments.setdefault(parameter, {"text": "", "files": []})["files"] = [value]
        elif kind == "files":
            arguments[parameter] = [value]
        elif kind == "json":
            arguments[parameter] = from_json(option["name"], value)
        elif kind == "number" and float(value).is_integer():  # as a browser sends it
            arguments[parameter] = int(value)
        elif "choices" in option:
            arguments[parameter] = chosen(option, value)
        else:
            arguments[parameter] = value
    return arguments


def from_json(name, text):
    try:
        return json.loads(text)
    except ValueError:
        raise Mistake(f'`{name}` must be JSON, for example `["a", "b"]` or `{{"a": 1}}`.') from None


def chosen(option, value):
    """The app's own value of a choice, which need not be text."""
    for choice in option["choices"]:
        if str(choice) == value:
            return choice
    known = ", ".join(f"`{choice}`" for choice in option["choices"])
    raise Mistake(f"`{option['name']}` must be one of {known}.")


# --- replying


def read_result(result, folder):
    """The text of a result, and the files in it that the app has sent."""
    texts, files = [], []
    for value in result if isinstance(result, tuple) else (result,):
        take_apart(value, folder, texts, files)
    return "\\n".join(text for text in texts if text.strip()), files


def take_apart(value, folder, texts, files):
    if isinstance(value, str):
        if is_file(value, folder):
            files.append(value)
        else:
            texts.append(value)
    elif isinstance(value, dict) and set(value) == {"label", "confidences"}:
        sure = [f"{each['label']}: {each['confidence']:.0%}" for each in value["confidences"] or ()]
        texts.append("\\n".join(sure or [str(value["label"])]))
    elif isinstance(value, dict) and value and set(value) <= MESSAGE_KEYS:
        for key in ("content", "text", "file", "files"):
            take_apart(value.get(key), folder, texts, files)
    elif isinstance(value, dict) and {"component", "value"} <= set(value):  # shown within a chat
        take_apart(value["value"], folder, texts, files)
    elif isinstance(value, list) and value and all(isinstance(x, dict) and "role" in x for x in value):
        asked = max((i for i, each in enumerate(value) if each["role"] == "user"), default=-1)
        for each in value[asked + 1 :]:  # of a whole conversation, what was said last
            take_apart(each, folder, texts, files)
    elif isinstance(value, (dict, list)) and is_chat_or_files(value, folder):
        for part in value.values() if isinstance(value, dict) else value:
            take_apart(part, folder, texts, files)
    elif value is not None:
        texts.append(json.dumps(value, ensure_ascii=False, indent=1, default=str))


def is_chat_or_files(value, folder):
    parts = value if isinstance(value, list) else ()
    is_chat = bool(parts) and all(isinstance(part, dict) and "type" in part for part in parts)
    return is_chat or holds_files(value, folder)


def holds_files(value, folder):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return any(holds_files(part, folder) for part in value)
    return isinstance(value, str) and is_file(value, folder)


def is_file(text, folder):
    """Whether it is a file of this conversation's: no other file of this machine may be sent."""
    try:
        path = Path(text).resolve()
        return Path(folder).resolve() in path.parents and path.is_file()
    except (OSError, ValueError):  # too long for a path, or not one at all
        return False


def split(text, length=MESSAGE_LENGTH):
    """Messages that Discord takes; a code block that is cut is closed and opened again."""
    opened = ""
    room = length - len("\\n```")
    while len(opened) + len(text) > length:
        end = room - len(opened)
        cut = text.rfind("\\n", end // 2, end) + 1 or text.rfind(" ", end // 2, end) + 1 or end
        message, text = opened + text[:cut], text[cut:]
        opened = fence(message)
        yield message.rstrip() + "\\n```" if opened else message
    yield opened + text


def fence(message):
    """The line that opens a code block which the message does not close; "" if there is none."""
    marks = [line for line in message.splitlines() if line.count("```") % 2]
    return marks[-1][marks[-1].index("```") :].strip()[:20] + "\\n" if len(marks) % 2 else ""


async def send(interaction, text, paths=(), folder=None):
    limit = getattr(interaction, "filesize_limit", None) or FILE_SIZE
    too_large = [path for path in paths if os.path.getsize(path) > limit]
    files = [path for path in paths if path not in too_large]
    if too_large:
        names = ", ".join(Path(path).name for path in too_large)
        text = f"{text}\\n(Too large for Discord: {names})".strip()
    messages = [message for message in split(text) if message.strip()]
    if len(messages) > MESSAGES:
        reply = Path(folder, "reply.txt")
        reply.write_text(text, encoding="utf-8")
        messages, files = ["The reply is long, so here it is as a file."], [str(reply), *files]
    groups = [files[i : i + FILES] for i in range(0, len(files), FILES)]
    last, groups = (messages.pop() if messages else ""), groups or [[]]
    if not last and not files:
        last = "The app has answered with nothing."
    for message in messages:
        await interaction.followup.send(message)
    for group in groups:  # the files come with the last of the text
        attached = {"files": [discord.File(path) for path in group]} if group else {}
        await interaction.followup.send(last, **attached)
        last = ""


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
        if 0 < len(option.get("choices", ())) <= 25:
            type_ = Literal[tuple(str(choice) for choice in option["choices"])]
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
