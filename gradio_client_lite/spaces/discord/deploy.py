"""Deploying an app as a Discord bot: a Space of the user's own that runs the bot.

One commit holds README, app and requirements, so no failure leaves a Space with a part of them, and the
secrets are there before the bot first starts.

Source: the official client 1.12.0 against a recorder, for the requests and the names.
"""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ...errors import (
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
from ..refusal import check_repo_name, check_space_id
from ..rest import HubApi
from ..runtime import SpaceInfo, space_info, who_am_i
from .render import render

#: The tag by which a Space is known to be such a bot.
TAG = "gradio-discord-bot"
#: https://discord.com/developers/docs/interactions/application-commands#application-command-object
_COMMAND = re.compile(r"[a-z0-9_-]{1,32}\Z").match
_MOST_COMMANDS = 100
#: What the Hub puts into a new Space.
_NEW_SPACE = frozenset({".gitattributes", "README.md"})

#: A function's api_name with its leading slash, and the slash command that calls it.
Command = Tuple[str, str]


class Bot(NamedTuple):
    """What to deploy.

    Args:
        src: the app, as the bot's client takes it: "owner/name" or a URL.
        commands: the functions.
        endpoints: what the app says of its functions, by name with the slash.
        gradio_version: the app's.
        discord_token: the bot's password at Discord; None leaves it to be set at the Space's page.
        private: whether the bot's Space is private.
    """

    src: str
    commands: Sequence[Command]
    endpoints: Mapping[str, Mapping[str, Any]]
    gradio_version: str
    discord_token: Optional[str]
    private: bool

    def __repr__(self) -> str:
        return f"<Bot {self.src} {self.commands}>"  # never the token


def commands_of(api_names: Any, chat: bool, known: Sequence[str]) -> List[Command]:
    """The functions to deploy, and their commands.

    Args:
        api_names: a name, a (name, command) pair, or a list of them, with or without the leading slash; None
            where the app is a `gr.ChatInterface`.
        chat: whether it is one.
        known: the public functions of the app.

    Raises:
        UnknownEndpointError: none was given, or the app has no such function.
        InvalidValue: what was given is no name, or a command is not what Discord allows.

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
    commands = [_command(entry) for entry in _entries(sendable(api_names, "api_names"))]
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


def deploy(api: HubApi, bot: Bot, space_id: str, hf_secret: Optional[str], deadline: Deadline) -> str:
    """Make the bot's Space, or bring the one there is up to date, and return its URL.

    Args:
        api: the Hub, with a token that may make Spaces.
        bot: what to deploy.
        space_id: the bot's Space.
        hf_secret: a token with which the bot reaches a private app; None when the app is public.
        deadline: of all requests together.

    Raises:
        SpaceNameTaken: a Space of this name exists and is no bot.
        SpaceUnfinished: the Space was made, but then something failed; calling again goes on.
        GradioClientError: see `HubApi.get`.
    """
    api.hide(bot.discord_token, hf_secret)
    files = render(
        bot.src,
        bot.commands,
        bot.endpoints,
        private=hf_secret is not None,
        gradio_version=bot.gradio_version,
    )
    there = _existing(api, space_id, deadline)
    if there is None:
        _create(api, space_id, bot.private, deadline)
    elif "app.py" in there.files:  # the README of a bot that is there may have become the user's own
        files = {path: text for path, text in files.items() if path != "README.md"}
    try:
        for key, value in (("DISCORD_TOKEN", bot.discord_token), ("HF_TOKEN", hf_secret)):
            if value:
                _set_secret(api, space_id, key, value, deadline)
        _commit(api, space_id, files, deadline)
    except GradioClientError as exc:
        page = api.space_page(space_id)
        raise SpaceUnfinished(
            f"The bot's Space {space_id} exists ({page}), but: {exc} Call deploy_discord again with "
            f"to_id={space_id!r} to go on with it; nothing is made twice.",
            space_id=space_id,
            url=page,
        ) from exc
    return api.space_page(space_id)


def bot_name(to_id: Optional[str], source: Optional[str], new: Callable[[], str]) -> str:
    """The name of the bot's Space, with its owner or without.

    Args:
        to_id: what the caller wants; None for a name made from the app's.
        source: the app's Space; None for a URL.
        new: gives an ending for the name where there is no Space to name it after.

    Raises:
        InvalidSpaceId: it cannot be the name of a Space.
    """
    if to_id:
        return check_repo_name(to_id, "to_id")
    if source is None:
        return f"{TAG}-{new()}"
    return check_repo_name(f"{source.split('/')[1]}-{TAG}", "to_id")


def own_space(api: HubApi, name: str, deadline: Deadline) -> str:
    """The whole name of a Space: with the token's account where no owner is named.

    Raises:
        InvalidSpaceId: it is too long.
    """
    owner, slash, _ = name.partition("/")
    return check_space_id(name if slash else f"{who_am_i(api, deadline)[0]}/{owner}", "to_id")


def _entries(api_names: Any) -> List[Any]:
    if isinstance(api_names, str) or _is_pair(api_names):
        return [api_names]
    if isinstance(api_names, (list, tuple)):
        return list(api_names)
    raise _wrong(api_names)


def _is_pair(entry: Any) -> bool:
    return isinstance(entry, tuple) and len(entry) == 2 and all(isinstance(part, str) for part in entry)


def _command(entry: Any) -> Command:
    if isinstance(entry, list):
        entry = tuple(entry)
    if not isinstance(entry, str) and not _is_pair(entry):
        raise _wrong(entry)
    endpoint, command = (entry, entry) if isinstance(entry, str) else entry
    name = command.lstrip("/")
    if isinstance(entry, str):  # made from the function's name, so it may be made to fit
        name = re.sub(r"[^a-z0-9_-]+", "-", name.lower())[:32].strip("-")
    if not _COMMAND(name):
        raise InvalidValue(
            f"{name!r} is no Discord command: up to 32 lower-case letters, digits, '-' and '_'. Give the "
            "function another one with a (function, command) pair."
        )
    return "/" + endpoint.lstrip("/"), name


def _wrong(given: Any) -> InvalidValue:
    return InvalidValue(
        f"Each entry in api_names must be either a string or a tuple of strings. Received {given!r}."
    )


def _existing(api: HubApi, space_id: str, deadline: Deadline) -> Optional[SpaceInfo]:
    """The Space of this name, if there is one that may become, or is, the bot's.

    One that has files of others must not be overwritten; one without was left by an earlier attempt.
    """
    try:
        found = space_info(api, space_id, deadline)
    except SpaceNotFound:
        return None
    if not _NEW_SPACE.issuperset(found.files) and not _is_bot(api, found, deadline):
        raise SpaceNameTaken(
            f"The Space {space_id} exists and is no Discord bot. Choose another name with to_id, or "
            f"delete it at {api.space_page(space_id)}."
        )
    return found


def _is_bot(api: HubApi, space: SpaceInfo, deadline: Deadline) -> bool:
    if TAG in space.tags:
        return True
    path = f"/spaces/{space.space_id}/resolve/main/README.md"
    try:
        readme = api.get_text(path, deadline, f"reading the README of {space.space_id}")
    except (HTTPStatusError, SpaceNotFound):
        return False
    return TAG in readme


def _create(api: HubApi, space_id: str, private: bool, deadline: Deadline) -> None:
    owner, _, name = space_id.partition("/")
    payload: Dict[str, Any] = {
        "name": name,
        "organization": owner,
        "private": private,
        "type": "space",
        "sdk": "gradio",
    }
    try:
        api.post("/api/repos/create", payload, deadline, f"making the Space {space_id}")
    except SpaceNameTaken:
        # Made since it was looked for, or not to be seen with this token.
        if _existing(api, space_id, deadline) is None:
            raise


def _set_secret(api: HubApi, space_id: str, key: str, value: str, deadline: Deadline) -> None:
    payload = {"key": key, "value": value}
    doing = f"setting the secret {key} of {space_id}"
    api.post(f"/api/spaces/{space_id}/secrets", payload, deadline, doing, space_id)


def _commit(api: HubApi, space_id: str, files: Mapping[str, str], deadline: Deadline) -> None:
    lines: List[Mapping[str, Any]] = [
        {"key": "header", "value": {"summary": "Deploy Discord Bot", "description": ""}}
    ]
    for path, text in files.items():
        content = b64encode(text.encode("utf-8", "replace")).decode("ascii")
        lines.append({"key": "file", "value": {"content": content, "path": path, "encoding": "base64"}})
    path = f"/api/spaces/{space_id}/commit/main"
    api.post(path, lines, deadline, f"writing the files of {space_id}", space_id)
