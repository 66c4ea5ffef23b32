"""The files of a Space that runs a Discord bot of an app: its README, its requirements and its program.

The program is `bot/app.py`, which only a Space runs, as it needs discord.py and Gradio; here it gets the name
of the app and a description of each command. What the app says of a function decides which options its
command has; so whatever cannot be a command is found before anything is made.

Sources: the limits are those of Discord's documentation of application commands, as discord.py 2.6 checks
them; the descriptions of functions are those of Gradio 4.16 - 6.31.
"""

from __future__ import annotations

import json
import re
from itertools import chain, count
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from ..._version import PACKAGE
from ...errors import InvalidValue, MissingPackageError
from ...wire.texts import json_text, text_of

#: A function's api_name with its leading slash, and the slash command that calls it.
Command = Tuple[str, str]

#: The tag by which a Space is known to be such a bot.
TAG = "gradio-discord-bot"
#: Characters in the name of a command or an option, and in a description; and how many options a command has.
NAME_LENGTH = 32
_DESCRIPTION_LENGTH = 100
_MOST_OPTIONS = 25
#: A bot runs the Gradio whose client speaks to the app: the last of 5 for Gradio 4, else this one.
_GRADIO, _GRADIO_FOR_4 = "6.31.0", "5.50.0"
#: The kinds of options that follow from a JSON schema's type; KINDS in the program says what each one means.
_KINDS = {"string": "text", "number": "number", "integer": "integer", "boolean": "boolean"}
#: The names that Gradio gives to parameters which have none; their labels say more.
_UNNAMED = re.compile(r"(param|parameter)_\d+\Z")
#: Where the program says which app it is for.
_CONFIGURATION = 'APP = ""\nCOMMANDS: List[Command] = []\n'

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
- {tag}
---

A Discord bot that answers with the Gradio app {app}. Its page says how to invite it.

| command | the app's function |
|---|---|
{commands}

It needs the secret `DISCORD_TOKEN`, the bot's token{more}.
"""
_REQUIREMENTS = "discord.py>=2.4,<3\n"


def render(
    src: str,
    commands: Sequence[Command],
    endpoints: Mapping[str, Mapping[str, Any]],
    *,
    private: bool = False,
    gradio_version: str = _GRADIO,
) -> Dict[str, str]:
    """The files of the bot's Space: path -> text of README.md, app.py and requirements.txt.

    Args:
        src: the app: a Space's id, or a URL.
        commands: the functions and their commands.
        endpoints: the `named_endpoints` of the app's description.
        private: whether the app's Space is private, so that the bot needs a token for it.
        gradio_version: the app's; the bot gets the Gradio whose client speaks to it.

    Raises:
        InvalidValue: a function needs what no Discord command can give.
        MissingPackageError: a frozen program, or a copy without sources, has left the bot's program out.
    """
    described = [_describe(api_name, name, endpoints[api_name], src) for api_name, name in commands]
    readme = _README.format(
        tag=TAG,
        title=json.dumps(f"Discord bot of {src}"),
        gradio=_GRADIO_FOR_4 if gradio_version.startswith("4.") else _GRADIO,
        app=src,
        commands="\n".join(f"| `/{command['name']}` | `{command['api_name']}` |" for command in described),
        more=", and `HF_TOKEN`, a token that may read the app's Space" if private else "",
    )
    return {"README.md": readme, "app.py": _program(src, described), "requirements.txt": _REQUIREMENTS}


def _program(src: str, described: List[Dict[str, Any]]) -> str:
    """The bot's program for an app."""
    from importlib.resources import files
    from pprint import pformat

    try:
        text = (files(__name__.rpartition(".")[0]) / "bot" / "app.py").read_text(encoding="utf-8")
    except (OSError, TypeError, ValueError, NotImplementedError) as exc:
        raise MissingPackageError(
            f"The program of a Discord bot cannot be read ({exc}). A frozen program has to bring the sources "
            f"of this package along, as with PyInstaller's --collect-all {PACKAGE}."
        ) from exc
    before, _, after = text.partition(_CONFIGURATION)
    commands = pformat(described, width=100, sort_dicts=False)
    return f"{before}APP = {src!r}\nCOMMANDS: List[Command] = {commands}\n{after}"


def _describe(api_name: str, name: str, endpoint: Mapping[str, Any], src: str) -> Dict[str, Any]:
    """A command as the program has it."""
    options = list(_options(endpoint.get("parameters") or (), api_name))
    options.sort(key=lambda option: not option["required"])  # as Discord wants it
    if sum(option["required"] for option in options) > _MOST_OPTIONS:
        raise InvalidValue(
            f"{api_name} needs more arguments than the {_MOST_OPTIONS} that a Discord command can have."
        )
    return {
        "name": name,
        "api_name": api_name,
        "description": _short(f"Ask {src} ({api_name[1:]})"),
        "options": options[:_MOST_OPTIONS],
    }


def _options(parameters: Iterable[Mapping[str, Any]], api_name: str) -> Iterator[Dict[str, Any]]:
    """The options that give a function its arguments; an argument with a default need not have any."""
    taken: List[str] = []
    for parameter in parameters:
        name = str(parameter.get("parameter_name") or "")
        if not name:
            raise InvalidValue(f"The app does not say what the arguments of {api_name} are called.")
        label = text_of(parameter.get("label")) or ""
        shown = _as_name(label) if _UNNAMED.match(name) else _as_name(name)
        required = not parameter.get("parameter_has_default")
        choices = _choices(parameter)
        kind = _kind(parameter, bool(choices))
        if kind is None:
            if required:
                raise InvalidValue(
                    f"The argument {name} of {api_name} holds files in a way that no Discord option can give."
                )
            continue
        option = {
            "name": _unique(shown or _as_name(name) or "value", taken),
            "parameter": name,
            "kind": kind,
            "required": required or kind == "message",
            "description": _short(label) or _short(name) or "A value",
        }
        if choices and kind == "text":
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


def _kind(parameter: Mapping[str, Any], choices: bool) -> Optional[str]:
    """How a Discord option gives this argument; None if none can."""
    python_type = parameter.get("python_type")
    text = str(python_type.get("type") if isinstance(python_type, dict) else "").lower()
    schema = parameter.get("type")
    if str(parameter.get("component")).lower() == "multimodaltextbox":
        return "message"
    if "filepath" in text:
        return {"filepath": "file", "list[filepath]": "files"}.get(text)
    if choices:
        return "text"
    return _KINDS.get(str(schema.get("type") if isinstance(schema, dict) else ""), "json")


def _choices(parameter: Mapping[str, Any]) -> Dict[str, Any]:
    """The values of a choice, of whatever kind, by the text that stands for each."""
    schema = parameter.get("type")
    enum = schema.get("enum") if isinstance(schema, dict) else None
    choices: Dict[str, Any] = {}
    for value in enum if isinstance(enum, list) else ():
        text = json_text(value)
        plain = text if isinstance(value, (dict, list)) else str(value)
        names = chain([plain] if plain.strip() else [], [text], (f"{text} ({n})" for n in count(2)))
        for name in names:  # the first that is a name for Discord and stands for no other value
            known = choices.setdefault(name, value)
            if type(known) is type(value) and known == value:  # in JSON, 1, 1.0 and True are three values
                break
    return choices


def _as_name(text: str) -> str:
    """A text as the name of an option; "" if nothing of it is left."""
    return re.sub(r"[^a-z0-9_-]+", "_", text.lower()).strip("_")[:NAME_LENGTH]


def _unique(name: str, taken: List[str]) -> str:
    """The name, with a number if it is taken; then it is taken."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name[: NAME_LENGTH - 3]}_{number}"
    taken.append(free)
    return free


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _DESCRIPTION_LENGTH else text[: _DESCRIPTION_LENGTH - 1] + "…"
