"""Deploying an app as a Discord bot: a Space of the user's own that runs the bot.

The Space goes through four states, and each step brings it to the next one::

    absent --create--> new, with the Hub's files alone --secrets--> the same, with them --commit--> a bot

One commit holds README, program and requirements, so no failure leaves a Space with a part of them, and the
secrets are there before the bot first starts. A step that fails leaves a Space that the next call knows
again: by its files, which are none but the Hub's, or by its tag. Any other Space of that name is somebody's,
and stays.

Source: the official client 1.12.0 against a recorder, for the requests and the names.
"""

from __future__ import annotations

import re
from base64 import b64encode
from secrets import token_hex
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from ...app.console import say
from ...errors import (
    ArgumentError,
    GradioClientError,
    HTTPStatusError,
    InvalidValue,
    SpaceNameTaken,
    SpaceNotFound,
    SpaceUnfinished,
    UnknownEndpointError,
)
from ...transport.sockets import Deadline
from ...wire.texts import sendable
from ..rest import HubAccess, HubApi
from ..runtime import SpaceInfo, check_repo_name, check_space_id, space_info, who_am_i
from ..token import clean
from .render import NAME_LENGTH, TAG, Command, render

#: https://discord.com/developers/docs/interactions/application-commands#application-command-object
_COMMAND = re.compile(rf"[a-z0-9_-]{{1,{NAME_LENGTH}}}\Z").match
_MOST_COMMANDS = 100
#: What the Hub puts into a new Space.
_NEW_SPACE = frozenset({".gitattributes", "README.md"})


class BotApp(NamedTuple):
    """The app that a bot answers with, as its client knows it: the URL, the Space if it is one, and so on."""

    src: str
    space_id: Optional[str]
    info: Mapping[str, Any]
    config: Mapping[str, Any]


class BotOptions(NamedTuple):
    """What the caller wants, as `Client.deploy_discord` says."""

    discord_token: Optional[str]
    api_names: Any
    to_id: Optional[str]
    hf_token: Optional[str]
    private: bool

    def __repr__(self) -> str:
        return f"<BotOptions {self.api_names} {self.to_id}>"  # never the tokens


def deploy_bot(access: HubAccess, app: BotApp, options: BotOptions, timeout: Optional[float]) -> str:
    """Make the Space of a bot, or bring the one there is up to date, and return its URL.

    All requests together may take `timeout` seconds. Raises as `Client.deploy_discord` does.
    """
    endpoints = app.info["named_endpoints"]
    chat = app.config.get("mode") == "chat_interface"
    commands = commands_of(options.api_names, chat, list(endpoints))
    for name, value in (("discord_bot_token", options.discord_token), ("hf_token", options.hf_token)):
        if value is not None and not isinstance(value, str):
            raise ArgumentError(f"{name} must be a text, or None.")
        sendable(value, name)
    wanted = _bot_name(options.to_id, app.space_id)
    with access.open() as api:
        api.require_token("Deploying a bot")
        api.secrets.add(options.discord_token, options.hf_token)
        deadline = api.deadline(timeout)
        hf_secret = None
        if app.space_id is not None and space_info(api, app.space_id, deadline).private:
            hf_secret = clean(options.hf_token or "")
            if hf_secret is None:
                raise InvalidValue(
                    f"Since {app.space_id} is private, you must explicitly pass in hf_token so that it can "
                    "be added as a secret in the discord bot space."
                )
        if "/" not in wanted:
            wanted = f"{who_am_i(api, deadline)[0]}/{wanted}"
        space = _BotSpace(api, check_space_id(wanted, "to_id"), deadline)
        files = render(
            app.space_id or app.src,
            commands,
            endpoints,
            private=hf_secret is not None,
            gradio_version=str(app.config.get("version")),
        )
        secrets = {"DISCORD_TOKEN": clean(options.discord_token or ""), "HF_TOKEN": hf_secret}
        space.deploy(files, secrets, options.private)
    say(f"See your discord bot here! {space.page}")
    return space.page


def commands_of(api_names: Any, chat: bool, known: Sequence[str]) -> List[Command]:
    """The functions to deploy, and their commands.

    Args:
        api_names: a name, a (name, command) pair, or a list of them, with or without the leading slash; None
            where the app is a `gr.ChatInterface`, as `chat` says.
        known: the public functions of the app.

    Raises:
        UnknownEndpointError: none was given, or the app has no such function.
        InvalidValue: an entry is no name, or a command is not what Discord allows.

    Example:
        >>> commands_of([("/predict", "ask"), "chat"], False, ["/predict", "/chat"])
        [('/predict', 'ask'), ('/chat', 'chat')]
    """
    if api_names is None or (isinstance(api_names, (list, tuple)) and not api_names):
        if not chat:
            raise UnknownEndpointError(
                "Name the functions to deploy with api_names; only a gr.ChatInterface needs none. This app "
                f"has {', '.join(known) or 'none'}."
            )
        # Gradio 6 calls the function of a ChatInterface by its own name.
        api_names = [(known[0], "chat")] if len(known) == 1 else ["chat"]
    entries = sendable(api_names, "api_names")
    if isinstance(entries, str) or (isinstance(entries, tuple) and _is_pair(entries)):
        entries = [entries]
    if not isinstance(entries, (list, tuple)):
        raise _no_name(entries)
    commands = [_command(entry) for entry in entries]
    for endpoint, _ in commands:
        if endpoint not in known:
            raise UnknownEndpointError(
                f"api_name {endpoint[1:]} not present in the app. It has {', '.join(known) or 'none'}."
            )
    names = [name for _, name in commands]
    if len(set(names)) < len(names) or len(names) > _MOST_COMMANDS:
        raise InvalidValue(
            f"api_names must give up to {_MOST_COMMANDS} commands, each another name: {names}."
        )
    return commands


def _command(entry: Any) -> Command:
    """A function and its command; where only the function is named, its name is made to fit Discord."""
    if isinstance(entry, str):
        endpoint = entry.lstrip("/")
        name = re.sub(r"[^a-z0-9_-]+", "-", endpoint.lower())[:NAME_LENGTH].strip("-")
    elif _is_pair(entry):
        endpoint, name = (part.lstrip("/") for part in entry)
    else:
        raise _no_name(entry)
    if not _COMMAND(name):
        raise InvalidValue(
            f"{name!r} is no Discord command: up to {NAME_LENGTH} lower-case letters, digits, '-' and '_'. "
            "Give the function another one with a (function, command) pair."
        )
    return "/" + endpoint, name


def _is_pair(entry: Any) -> bool:
    texts = isinstance(entry, (list, tuple)) and all(isinstance(part, str) for part in entry)
    return texts and len(entry) == 2


def _no_name(given: Any) -> InvalidValue:
    return InvalidValue(
        f"Each entry in api_names must be either a string or a tuple of strings. Received {given!r}."
    )


def _bot_name(to_id: Optional[str], source: Optional[str]) -> str:
    """The name of the bot's Space, with its owner or without; `source` is the app's Space."""
    if not to_id and source is None:
        return f"{TAG}-{token_hex(4)}"
    return check_repo_name(to_id or f"{str(source).split('/')[1]}-{TAG}", "to_id")


class _BotSpace:
    """The Space that is to run the bot."""

    def __init__(self, api: HubApi, space_id: str, deadline: Deadline) -> None:
        self.page = api.space_page(space_id)
        self._api = api
        self._id = space_id
        self._deadline = deadline

    def deploy(self, files: Mapping[str, str], secrets: Mapping[str, Optional[str]], private: bool) -> None:
        """Make the Space where there is none, and write its secrets and files.

        Raises:
            SpaceNameTaken: a Space of this name exists and is no bot.
            SpaceUnfinished: the Space was made, but then something failed; calling again goes on.
        """
        found = self._find()
        if found is None:
            self._create(private)
        elif "app.py" in found.files:  # the README of a bot that is there may have become the user's own
            files = {path: text for path, text in files.items() if path != "README.md"}
        try:
            for key, value in secrets.items():
                if value:
                    self._post(
                        "secrets", {"key": key, "value": value}, f"setting the secret {key} of {self._id}"
                    )
            self._post("commit/main", _commit(files), f"writing the files of {self._id}")
        except GradioClientError as exc:
            raise SpaceUnfinished(
                f"The bot's Space {self._id} exists ({self.page}), but: {exc} Call deploy_discord again with "
                f"to_id={self._id!r} to go on with it; nothing is made twice.",
                space_id=self._id,
                url=self.page,
            ) from exc

    def _find(self) -> Optional[SpaceInfo]:
        """The Space of this name if it is a bot's, or one that an earlier attempt has left; None for none."""
        try:
            found = space_info(self._api, self._id, self._deadline)
        except SpaceNotFound:
            return None
        if not _NEW_SPACE.issuperset(found.files) and TAG not in found.tags and TAG not in self._readme():
            raise SpaceNameTaken(
                f"The Space {self._id} exists and is no Discord bot. Choose another name with to_id, or "
                f"delete it at {self.page}."
            )
        return found

    def _readme(self) -> str:
        path = f"/spaces/{self._id}/resolve/main/README.md"
        try:
            return self._api.get_text(path, self._deadline, f"reading the README of {self._id}")
        except (HTTPStatusError, SpaceNotFound):
            return ""

    def _create(self, private: bool) -> None:
        owner, _, name = self._id.partition("/")
        payload = {"name": name, "organization": owner, "private": private, "type": "space", "sdk": "gradio"}
        try:
            self._api.post("/api/repos/create", payload, self._deadline, f"making the Space {self._id}")
        except SpaceNameTaken:
            # Made since it was looked for, or not to be seen with this token.
            if self._find() is None:
                raise

    def _post(self, route: str, payload: Any, doing: str) -> None:
        self._api.post(f"/api/spaces/{self._id}/{route}", payload, self._deadline, doing, self._id)


def _commit(files: Mapping[str, str]) -> List[Dict[str, Any]]:
    """The lines of a commit, as the Hub takes them."""
    lines = [{"key": "header", "value": {"summary": "Deploy Discord Bot", "description": ""}}]
    for path, text in files.items():
        content = b64encode(text.encode("utf-8", "replace")).decode("ascii")
        lines.append({"key": "file", "value": {"content": content, "path": path, "encoding": "base64"}})
    return lines
