"""The files of a Space that runs a Discord bot of an app: which commands it has, and what to write there.

Sources: the limits are those of Discord's documentation of application commands (names of 1 to 32 lower-case
letters, digits, `-` and `_`; 25 options; descriptions of 100 characters), as discord.py 2.6 checks them.
"""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ..errors import InvalidCommand, UnknownEndpointError

_Info = Mapping[str, Any]
_Option = Dict[str, Any]

_NAME = re.compile(r"[a-z0-9_-]{1,32}\Z")
_LONGEST_NAME = 32
_LONGEST_DESCRIPTION = 100
_MOST_OPTIONS = 25
_MOST_COMMANDS = 100
_CHAT = "chat"
#: A bot runs the Gradio whose client speaks to the app: the last of 5 for Gradio 4, else this one.
_GRADIO, _GRADIO_FOR_4 = "6.31.0", "5.50.0"
_PLAIN_KINDS = {"string": "text", "number": "number", "integer": "integer", "boolean": "boolean"}
_UNNAMED = re.compile(r"(param|parameter)_\d+\Z")

_README = """\
---
title: {title}
emoji: 🤖
colorFrom: indigo
colorTo: gray
sdk: gradio
sdk_version: {gradio}
app_file: app.py
pinned: false
tags:
- gradio-discord-bot
---

A Discord bot that answers with the Gradio app {app}. Its page says how to invite it.

| command | the app's function |
|---|---|
{commands}

It needs the secret `DISCORD_TOKEN`, the bot's token{more}.
"""
_REQUIREMENTS = "discord.py>=2.4,<3\n"


class Command(NamedTuple):
    """A slash command and the function it calls.

    Args:
        api_name: the function's, without its slash.
        name: the command's, which users type after a slash.
    """

    api_name: str
    name: str


def plan_commands(api_names: Any, endpoints: Mapping[str, _Info], *, is_chat: bool, app: str) -> List[Command]:
    """Reads which functions a bot shall have, and under which names.

    Args:
        api_names: a function's name, a (function, command) pair, or a list of such; None means the chat of
            a ChatInterface, and else the only function.
        endpoints: the `named_endpoints` of the app's description.
        is_chat: whether the app is a ChatInterface.
        app: what errors call it.

    Raises:
        UnknownEndpointError: the app has no such function, or several and none was named.
        InvalidCommand: the names cannot be those of Discord commands.

    Example:
        >>> plan_commands([("predict", "ask")], {"/predict": {}}, is_chat=False, app="user/space")
        [Command(api_name='predict', name='ask')]
    """
    if not api_names:
        return [_only_command(endpoints, is_chat, app)]
    given = [api_names] if isinstance(api_names, (str, tuple)) else api_names
    if not isinstance(given, (list, set, frozenset)) or not all(map(_is_entry, given)):
        raise InvalidCommand(
            "Each entry in api_names must be either a string or a tuple of strings (function, command). "
            f"Received {api_names!r}"
        )
    commands = [_command(entry) for entry in given]
    for command in commands:
        if f"/{command.api_name}" not in endpoints:
            raise UnknownEndpointError(
                f"api_name {command.api_name} not present in {app}; it has {_listed(endpoints)}."
            )
    _check_names(commands)
    return commands


def _only_command(endpoints: Mapping[str, _Info], is_chat: bool, app: str) -> Command:
    if is_chat and f"/{_CHAT}" in endpoints:
        return Command(_CHAT, _CHAT)
    if len(endpoints) != 1:
        raise UnknownEndpointError(
            f"{app} has {_listed(endpoints)}: name those that shall be Discord commands in api_names."
        )
    api_name = next(iter(endpoints)).lstrip("/")
    return Command(api_name, _CHAT if is_chat else _as_name(api_name))


def _is_entry(entry: Any) -> bool:
    if isinstance(entry, (tuple, list)):
        return len(entry) == 2 and all(isinstance(part, str) and part for part in entry)
    return isinstance(entry, str) and bool(entry.strip("/"))


def _command(entry: Any) -> Command:
    if isinstance(entry, str):
        return Command(entry.lstrip("/"), _as_name(entry))
    api_name, name = entry
    return Command(api_name.lstrip("/"), name.lstrip("/"))


def _as_name(text: str) -> str:
    """A text as the name of a command or an option; "" if nothing of it is left."""
    return re.sub(r"[^a-z0-9_-]+", "_", text.lower()).strip("_")[:_LONGEST_NAME]


def _check_names(commands: Sequence[Command]) -> None:
    names = [command.name for command in commands]
    for name in names:
        if not _NAME.match(name):
            raise InvalidCommand(
                f"{name!r} cannot be the name of a Discord command: 1 to 32 lower-case letters, digits, "
                "hyphens and underscores. Pass a pair: (function, command)."
            )
        if names.count(name) > 1:
            raise InvalidCommand(
                f"Two functions would be the Discord command {name!r}. Pass pairs: (function, command)."
            )
    if len(names) > _MOST_COMMANDS:
        raise InvalidCommand(f"A Discord bot has at most {_MOST_COMMANDS} commands, not {len(names)}.")


def _listed(endpoints: Iterable[str]) -> str:
    return ", ".join(sorted(endpoints)) or "no named functions"


def render(
    src: str,
    commands: Sequence[Tuple[str, str]],
    endpoints: Mapping[str, _Info],
    *,
    private: bool = False,
    gradio_version: str = _GRADIO,
) -> Dict[str, str]:
    """The files of the bot's Space.

    Args:
        src: the app: a Space's id, or a URL.
        commands: what `plan_commands` returned.
        endpoints: the `named_endpoints` of the app's description.
        private: whether the app's Space is private, so that the bot needs a token for it.
        gradio_version: the app's; the bot gets the Gradio whose client speaks to it.

    Returns:
        path -> text: README.md, app.py and requirements.txt.

    Raises:
        InvalidCommand: a function needs what no Discord command can give.
    """
    from .discord_app import SOURCE  # only those who deploy a bot pay for its text

    described = [_describe(Command(*command), endpoints, src) for command in commands]
    app = SOURCE.replace("@app@", repr(src)).replace("@commands@", _as_python(described))
    readme = _README.format(
        title=json.dumps(f"Discord bot of {src}"),
        gradio=_GRADIO_FOR_4 if gradio_version.startswith("4.") else _GRADIO,
        app=src,
        commands="\n".join(f"| `/{command['name']}` | `{command['api_name']}` |" for command in described),
        more=", and `HF_TOKEN`, a token that may read the app's Space" if private else "",
    )
    return {"README.md": readme, "app.py": app, "requirements.txt": _REQUIREMENTS}


def _as_python(described: List[Dict[str, Any]]) -> str:
    from pprint import pformat

    return pformat(described, width=100, sort_dicts=False)


def _describe(command: Command, endpoints: Mapping[str, _Info], src: str) -> Dict[str, Any]:
    """A command as the bot's source has it."""
    endpoint = endpoints[f"/{command.api_name}"]
    options = list(_options(endpoint.get("parameters") or (), command.api_name))
    options.sort(key=lambda option: not option["required"])  # as Discord wants it
    if sum(option["required"] for option in options) > _MOST_OPTIONS:
        raise InvalidCommand(
            f"/{command.api_name} takes more than {_MOST_OPTIONS} arguments, as many as a Discord command has."
        )
    return {
        "name": command.name,
        "api_name": f"/{command.api_name}",
        "description": _short(f"Ask {src} ({command.api_name})"),
        "options": options[:_MOST_OPTIONS],
    }


def _options(parameters: Iterable[Mapping[str, Any]], api_name: str) -> Iterator[_Option]:
    taken: List[str] = []
    for parameter in parameters:
        name = str(parameter.get("parameter_name") or "")
        if not name:
            raise InvalidCommand(f"The app does not say what the arguments of /{api_name} are called.")
        shown = _as_name(str(parameter.get("label") or "")) if _UNNAMED.match(name) else _as_name(name)
        required = not parameter.get("parameter_has_default")
        kind = _kind(parameter)
        if kind is None:
            if required:
                raise InvalidCommand(
                    f"The argument {name} of /{api_name} holds files in a way that no Discord command can give."
                )
            continue
        option: _Option = {
            "name": _unique(shown or _as_name(name) or "value", taken),
            "parameter": name,
            "kind": kind,
            "required": required or kind == "message",
            "description": _short(str(parameter.get("label") or name)),
        }
        choices = _choices(parameter)
        if choices:
            option["choices"] = choices
        yield option
        if kind == "message":
            yield {
                **option,
                "name": _unique("file", taken),
                "kind": "message file",
                "required": False,
                "description": "A file to go with it",
            }


def _kind(parameter: Mapping[str, Any]) -> Optional[str]:
    """How a Discord option gives this argument; None if none can."""
    python_type = parameter.get("python_type")
    text = str(python_type.get("type") if isinstance(python_type, dict) else "").lower()
    schema = parameter.get("type")
    if str(parameter.get("component")).lower() == "multimodaltextbox":
        return "message"
    if text in ("filepath", "list[filepath]"):
        return "file" if text == "filepath" else "files"
    if "filepath" in text:
        return None
    if _choices(parameter):
        return "text"
    return _PLAIN_KINDS.get(str(schema.get("type") if isinstance(schema, dict) else ""), "json")


def _choices(parameter: Mapping[str, Any]) -> List[Any]:
    schema = parameter.get("type")
    enum = schema.get("enum") if isinstance(schema, dict) else None
    plain = (str, int, float)
    return list(enum) if isinstance(enum, list) and all(isinstance(item, plain) for item in enum) else []


def _unique(name: str, taken: List[str]) -> str:
    """The name, with a number if it is taken; then it is taken."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name[: _LONGEST_NAME - 3]}_{number}"
    taken.append(free)
    return free


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST_DESCRIPTION else text[: _LONGEST_DESCRIPTION - 1] + "…"
