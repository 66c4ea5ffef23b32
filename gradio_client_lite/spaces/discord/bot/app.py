"""A Discord bot that answers with a Gradio app; the page of this Space says how to invite it.

Secrets of the Space: DISCORD_TOKEN, the bot's token; HF_TOKEN, only if the app's Space is private.

A command is answered in five steps: Discord gets a sign of life, and then waits for 15 minutes; the options
become arguments, attachments files in a folder of this call; a worker thread calls the app, one call of a
conversation at a time; the result is taken apart into texts and files; these are sent as messages. Files are
sent only from the folder of the conversation, where the client saves what it downloads; and only users attach
files: neither a default of the app nor JSON may name one of this machine.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import shutil
import tempfile
import threading
import time
import traceback
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Literal, Optional, Sequence, Tuple, Union

import discord
import gradio as gr
import huggingface_hub
from discord import app_commands
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from gradio_client.utils import QueueError, TooManyRequestsError

#: An option of a command: name, parameter, kind (see KINDS), required, description; choices by their names.
Option = Dict[str, Any]
#: A function of the app as a slash command: name, api_name, description, options.
Command = Dict[str, Any]

# The app, "owner/name" or a URL, and its commands; both are filled in when the bot is deployed.
APP = ""
COMMANDS: List[Command] = []

ANSWER_TIME = 10 * 60  # seconds; Discord takes no reply after 15 minutes
WAKE_TIME, WAKE_PAUSE = 4 * 60, 5  # seconds that a sleeping Space is waited for, and between two looks
CONVERSATIONS = 100  # sessions of the app that are kept, the most recent ones

MENU_LENGTH, CHOICE_LENGTH = 25, 100  # choices, and characters of each, that Discord takes in a menu
MESSAGE_LENGTH, FILES = 2000, 10  # characters, and files, that Discord takes with one message
FILE_SIZE = 10 * 1024 * 1024  # bytes, where Discord does not say how large a file may be
MESSAGES = 10  # a longer reply than these can hold is sent as a text file
FENCE, FENCE_LENGTH = "```", 20  # opens and closes a code block; characters of it and its language
FILE_MARK = "gradio.FileData"  # of what the client takes for a file
MESSAGE_KEYS = {"role", "content", "metadata", "options", "text", "type", "file", "files", "alt_text"}

BUSY = (QueueError, TooManyRequestsError)
SLOW = (TookTooLong, asyncio.TimeoutError, TimeoutError)  # which are one from Python 3.11 on

workers = ThreadPoolExecutor(max_workers=40)


class Mistake(Exception):
    """The user gave an option a value that it cannot have; the text is for the user."""


# --- asking the app


class Conversation:
    """One session of the app, so that a chat remembers what was said; its calls run one after the other."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="conversation-"))
        self.lock = asyncio.Lock()
        self.client: Any = None

    def ask(self, api_name: str, arguments: Dict[str, Any]) -> Any:
        """The result of the app's function, which is waited for; files in it are paths below `folder`."""
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
            self.hang_up()  # the app may have been restarted; the next call connects again
            raise

    def hang_up(self) -> None:
        if self.client is not None:
            workers.submit(self.client.close)
        self.client = None


def connect(folder: Path) -> Any:
    """A client of the app; an app that is a Space and sleeps is woken by this, and waited for."""
    token = False if "://" in APP else os.environ.get("HF_TOKEN") or None  # no other host may have it
    access = {"token" if "token" in inspect.signature(Client).parameters else "hf_token": token}
    deadline = time.monotonic() + WAKE_TIME
    starting = False
    while True:
        try:
            return Client(APP, verbose=False, download_files=str(folder), **access)
        except Exception:
            # Once more when it starts, or did at the last look: it may have come up since it refused.
            was_starting, starting = starting, is_starting(token)
            if not (was_starting or starting) or time.monotonic() > deadline:
                raise
        threading.Event().wait(WAKE_PAUSE)


def is_starting(token: Union[str, bool, None]) -> bool:
    """Whether the app is a Space that will soon run."""
    if "://" in APP:
        return False
    stage = str(huggingface_hub.get_space_runtime(APP, token=token).stage)
    return stage in ("SLEEPING", "BUILDING", "APP_STARTING")


def refuse_files(client: Any, api_name: str, arguments: Iterable[str]) -> None:
    """Refuse a call whose defaults name files: the client would open them, and they are this machine's."""
    functions = [each for each in client.endpoints.values() if each.api_name == api_name]
    parameters = functions[0].parameters_info or [] if functions else []
    # The client gives an argument to the last parameter of its name.
    places = {parameter.get("parameter_name"): place for place, parameter in enumerate(parameters)}
    given = {places[name] for name in arguments if name in places}
    for place, parameter in enumerate(parameters):
        if place not in given and FILE_MARK in json.dumps(parameter.get("parameter_default")):
            raise Mistake(f"Please attach a file as `{parameter.get('parameter_name')}`, too.")


conversations: OrderedDict[Tuple[int, int], Conversation] = OrderedDict()


def conversation_of(interaction: Any) -> Conversation:
    """The session of this user in this channel."""
    key = (interaction.channel_id, interaction.user.id)
    if key not in conversations:
        conversations[key] = Conversation()
    conversations.move_to_end(key)
    for old in list(conversations)[:-CONVERSATIONS]:
        if not conversations[old].lock.locked():
            forgotten = conversations.pop(old)
            forgotten.hang_up()
            shutil.rmtree(forgotten.folder, ignore_errors=True)
    return conversations[key]


# --- arguments


async def arguments_of(command: Command, options: Dict[str, Any], folder: str) -> Dict[str, Any]:
    """The arguments of the app's function; attached files are saved into `folder`."""
    arguments: Dict[str, Any] = {}
    for option in command["options"]:
        value = options.get(option["name"])
        if value is None:
            continue
        if isinstance(value, discord.Attachment):
            path = Path(folder, Path(value.filename).name or "file")
            await value.save(path)
            value = handle_file(str(path))
        convert = KINDS[option["kind"]][1]
        argument = convert(option, value) if convert else value
        if option["kind"] in ("message", "message file"):  # two options that make one argument
            argument = {"text": "", "files": [], **arguments.get(option["parameter"], {}), **argument}
        arguments[option["parameter"]] = argument
    return arguments


def from_json(option: Option, text: str) -> Any:
    """The value that the user wrote as JSON."""
    name = option["name"]
    try:
        value = json.loads(text)
    except ValueError:
        raise Mistake(f'`{name}` must be JSON, for example `["a", "b"]` or `{{"a": 1}}`.') from None
    # The client would open what such a dict names, which is a file of this machine.
    if FILE_MARK in json.dumps(value):
        raise Mistake(f"`{name}` must not name a file.")
    return value


def chosen(option: Option, value: str) -> Any:
    """The app's own value of a choice, which need not be text; a text where there is no choice."""
    choices = option.get("choices")
    if choices and value not in choices:
        known = ", ".join(f"`{choice}`" for choice in choices)
        raise Mistake(f"`{option['name']}` must be one of {known}.")
    return choices[value] if choices else value


#: The kinds of options: the type by which discord.py asks for a value, and what makes an argument of it.
KINDS: Dict[str, Tuple[Any, Optional[Callable[[Option, Any], Any]]]] = {
    "text": (str, chosen),
    "json": (str, from_json),
    "number": (float, lambda _, value: int(value) if float(value).is_integer() else value),  # as in browsers
    "integer": (int, None),
    "boolean": (bool, None),
    "file": (discord.Attachment, None),
    "files": (discord.Attachment, lambda _, value: [value]),
    "message": (str, lambda _, value: {"text": value}),
    "message file": (discord.Attachment, lambda _, value: {"files": [value]}),
}


# --- messages


def read_result(result: Any, folder: Path) -> Tuple[str, List[str]]:
    """The text of a result, and the files in it that the app has sent."""
    values = result if isinstance(result, tuple) else (result,)
    pieces = [piece for value in values for piece in pieces_of(value, folder)]
    texts = [piece for piece in pieces if isinstance(piece, str) and piece.strip()]
    return "\n".join(texts), [str(piece) for piece in pieces if isinstance(piece, Path)]


def pieces_of(value: Any, folder: Path) -> Iterator[Union[str, Path]]:
    """A value's texts, and its files as paths; of a whole conversation, what was said last."""
    if isinstance(value, str):
        yield Path(value) if is_file(value, folder) else value
    elif isinstance(value, dict) and set(value) == {"label", "confidences"}:
        sure = [f"{each['label']}: {each['confidence']:.0%}" for each in value["confidences"] or ()]
        yield "\n".join(sure or [str(value["label"])])
    elif isinstance(value, dict) and value and set(value) <= MESSAGE_KEYS:
        for key in ("content", "text", "file", "files"):
            yield from pieces_of(value.get(key), folder)
    elif isinstance(value, dict) and {"component", "value"} <= set(value):  # shown within a chat
        yield from pieces_of(value["value"], folder)
    elif is_list_of("role", value):
        asked = max((i for i, each in enumerate(value) if each["role"] == "user"), default=-1)
        for each in value[asked + 1 :]:
            yield from pieces_of(each, folder)
    elif is_list_of("type", value) or holds_files(value, folder):
        for part in parts_of(value):
            yield from pieces_of(part, folder)
    elif value is not None:
        yield json.dumps(value, ensure_ascii=False, indent=1, default=str)


def is_list_of(key: str, value: Any) -> bool:
    dicts = value if isinstance(value, list) else []
    return bool(dicts) and all(isinstance(each, dict) and key in each for each in dicts)


def parts_of(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def holds_files(value: Any, folder: Path) -> bool:
    if isinstance(value, str):
        return is_file(value, folder)
    return any(holds_files(part, folder) for part in parts_of(value))


def is_file(text: str, folder: Path) -> bool:
    """Whether it is a file of this conversation's: no other file of this machine may be sent."""
    try:
        path = Path(text).resolve()
        return Path(folder).resolve() in path.parents and path.is_file()
    except (OSError, ValueError):  # too long for a path, or not one at all
        return False


def split(text: str, length: int = MESSAGE_LENGTH) -> Iterator[str]:
    """Cut a text into messages, at line ends or else blanks; code that is cut is closed and opened again."""
    opening = ""
    room = length - len("\n" + FENCE)
    while len(opening) + len(text) > length:
        end = room - len(opening)
        cut = text.rfind("\n", end // 2, end) + 1 or text.rfind(" ", end // 2, end) + 1 or end
        message, text = opening + text[:cut], text[cut:]
        opening = open_fence(message)
        yield f"{message.rstrip()}\n{FENCE}" if opening else message
    yield opening + text


def open_fence(message: str) -> str:
    """The line that opens a code block which the message does not close; "" if there is none."""
    fences = [line for line in message.splitlines() if line.count(FENCE) % 2]
    if len(fences) % 2 == 0:
        return ""
    return fences[-1][fences[-1].index(FENCE) :].strip()[:FENCE_LENGTH] + "\n"


async def send(interaction: Any, text: str, paths: Sequence[str], folder: str) -> None:
    """Send a reply in as many messages as it takes; a very long one is written to a file in `folder`."""
    limit = getattr(interaction, "filesize_limit", None) or FILE_SIZE
    too_large = [path for path in paths if os.path.getsize(path) > limit]
    files = [path for path in paths if path not in too_large]
    if too_large:
        names = ", ".join(Path(path).name for path in too_large)
        text = f"{text}\n(Too large for Discord: {names})".strip()
    messages = [message for message in split(text) if message.strip()]
    if len(messages) > MESSAGES:
        reply = Path(folder, "reply.txt")
        reply.write_text(text, encoding="utf-8")
        messages, files = ["The reply is long, so here it is as a file."], [str(reply), *files]
    if not messages and not files:
        messages = ["The app has answered with nothing."]
    for message in messages[:-1]:
        await interaction.followup.send(message)
    last = messages[-1] if messages else ""
    for start in range(0, len(files) or 1, FILES):  # the files come with the last of the text
        group = [discord.File(path) for path in files[start : start + FILES]]
        await interaction.followup.send(last, **({"files": group} if group else {}))
        last = ""


# --- answering


async def answer(interaction: Any, command: Command, options: Dict[str, Any]) -> None:
    """Call the app's function and reply with what comes of it."""
    await interaction.response.defer(thinking=True)
    conversation = conversation_of(interaction)
    in_thread = asyncio.get_running_loop().run_in_executor
    async with conversation.lock:
        with tempfile.TemporaryDirectory() as folder:
            try:
                arguments = await arguments_of(command, options, folder)
                result = await in_thread(workers, conversation.ask, command["api_name"], arguments)
                text, files = read_result(result, conversation.folder)
                await send(interaction, text, files, folder)
            except Exception as error:
                await send(interaction, apology(error), (), folder)
            finally:
                shutil.rmtree(conversation.folder, ignore_errors=True)
                conversation.folder.mkdir(exist_ok=True)


def apology(error: Exception) -> str:
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


def slash_command(command: Command) -> Any:
    """The Discord command that calls a function of the app."""
    options = {f"option_{i}": option for i, option in enumerate(command["options"])}

    async def callback(interaction: Any, **given: Any) -> None:
        await answer(interaction, command, {options[key]["name"]: value for key, value in given.items()})

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter("interaction", kind, annotation=discord.Interaction)]
    for key, option in options.items():
        type_ = KINDS[option["kind"]][0]
        choices = tuple(option.get("choices", ()))
        if 0 < len(choices) <= MENU_LENGTH and max(map(len, choices)) <= CHOICE_LENGTH:
            type_ = Literal[choices]
        default = inspect.Parameter.empty if option["required"] else None
        annotation = type_ if option["required"] else Optional[type_]
        parameters.append(inspect.Parameter(key, kind, default=default, annotation=annotation))
    function: Any = callback
    function.__signature__ = inspect.Signature(parameters)
    if options:
        app_commands.rename(**{key: option["name"] for key, option in options.items()})(function)
        app_commands.describe(**{key: option["description"] for key, option in options.items()})(function)
    return app_commands.Command(name=command["name"], description=command["description"], callback=function)


class Bot(discord.Client):
    def __init__(self) -> None:
        # Slash commands need no privileged intent; nothing an app says may notify anyone.
        super().__init__(intents=discord.Intents.default(), allowed_mentions=discord.AllowedMentions.none())
        self.tree = app_commands.CommandTree(self)
        for command in COMMANDS:
            self.tree.add_command(slash_command(command))

    async def setup_hook(self) -> None:
        await self.tree.sync()  # once, after the login


# --- the page, without which the Space would not count as running

STARTING = "This bot is starting. Please look again in a moment."
SETUP = """\
### This bot has no token yet

1. Make an application at <https://discord.com/developers/applications>.
2. On its page "Bot", reset the token and copy it.
3. Add it here under Settings, "Variables and secrets", as the secret `DISCORD_TOKEN`.

No privileged intent is needed. The Space restarts by itself and then shows how to invite the bot."""
REFUSED = "### Discord refuses this bot's token\n\nPut the right one into the secret `DISCORD_TOKEN`."
INVITATION = "### [Add this bot to your server]({url})\n\nThen use its commands in any channel of it."


class Page:
    """What visitors of the Space read."""

    def __init__(self, problem: str = STARTING) -> None:
        self.bot: Any = None
        self.problem = problem

    def text(self) -> str:
        """The page as Markdown, made anew for each visitor."""
        state = self.problem
        if self.bot is not None and self.bot.application_id is not None:
            permissions = discord.Permissions(send_messages=True, attach_files=True, view_channel=True)
            scopes = ("bot", "applications.commands")
            url = discord.utils.oauth_url(self.bot.application_id, permissions=permissions, scopes=scopes)
            state = INVITATION.format(url=url)
        commands = "\n".join(f"- `/{command['name']}` - {command['description']}" for command in COMMANDS)
        return f"# Discord bot of {APP}\n\n{state}\n\n## Commands\n\n{commands}"

    def blocks(self) -> Any:
        with gr.Blocks(title=f"Discord bot of {APP}") as blocks:
            gr.Markdown(self.text)
        return blocks


def main() -> None:
    """Show the page, and run the bot beside it if there is a token for it."""
    token = os.environ.get("DISCORD_TOKEN", "").strip()
    page = Page(STARTING if token else SETUP)
    blocks = page.blocks()
    blocks.launch(prevent_thread_lock=bool(token))
    if not token:
        return
    page.bot = Bot()
    try:
        page.bot.run(token)
    except discord.LoginFailure:
        page.problem = REFUSED
        blocks.block_thread()


if __name__ == "__main__":
    main()
