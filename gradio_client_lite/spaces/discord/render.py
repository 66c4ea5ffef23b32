"""The files of a Space that runs a Discord bot of an app.

What the app says of a function decides which options its command has; so whatever cannot be a command is
found before anything is made.

Sources: the limits are those of Discord's documentation of application commands (25 options, names of 32
and descriptions of 100 characters), as discord.py 2.6 checks them; the descriptions of functions are those
of Gradio 4.16 - 6.31.
"""

from __future__ import annotations

import json
import re
from itertools import chain, count
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from ...errors import InvalidValue
from ...wire.texts import json_text, text_of

_Option = Dict[str, Any]

_LONGEST_NAME = 32
_LONGEST_DESCRIPTION = 100
_MOST_OPTIONS = 25
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


def render(
    src: str,
    commands: Sequence[Tuple[str, str]],
    endpoints: Mapping[str, Mapping[str, Any]],
    *,
    private: bool = False,
    gradio_version: str = _GRADIO,
) -> Dict[str, str]:
    """The files of the bot's Space.

    Args:
        src: the app: a Space's id, or a URL.
        commands: the functions' names, with their slash, and those of the commands that call them.
        endpoints: the `named_endpoints` of the app's description.
        private: whether the app's Space is private, so that the bot needs a token for it.
        gradio_version: the app's; the bot gets the Gradio whose client speaks to it.

    Returns:
        path -> text: README.md, app.py and requirements.txt.

    Raises:
        InvalidValue: a function needs what no Discord command can give.
    """
    from . import discord_app, discord_values  # only those who deploy a bot pay for its text

    described = [_describe(api_name, name, endpoints[api_name], src) for api_name, name in commands]
    values = {"app": repr(src), "commands": _as_python(described), "values": discord_values.SOURCE}
    app = re.sub("@(app|commands|values)@", lambda match: values[match[1]], discord_app.SOURCE)
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


def _describe(api_name: str, name: str, endpoint: Mapping[str, Any], src: str) -> Dict[str, Any]:
    """A command as the bot's source has it."""
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


def _as_name(text: str) -> str:
    """A text as the name of an option; "" if nothing of it is left."""
    return re.sub(r"[^a-z0-9_-]+", "_", text.lower()).strip("_")[:_LONGEST_NAME]


def _options(parameters: Iterable[Mapping[str, Any]], api_name: str) -> Iterator[_Option]:
    taken: List[str] = []
    for parameter in parameters:
        name = str(parameter.get("parameter_name") or "")
        if not name:
            raise InvalidValue(f"The app does not say what the arguments of {api_name} are called.")
        label = text_of(parameter.get("label")) or ""
        shown = _as_name(label) if _UNNAMED.match(name) else _as_name(name)
        required = not parameter.get("parameter_has_default")
        kind = _kind(parameter)
        if kind is None:
            if required:
                raise InvalidValue(
                    f"The argument {name} of {api_name} holds files in a way that no Discord option can give."
                )
            continue
        option: _Option = {
            "name": _unique(shown or _as_name(name) or "value", taken),
            "parameter": name,
            "kind": kind,
            "required": required or kind == "message",
            "description": _short(label) or _short(name) or "A value",
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


def _choices(parameter: Mapping[str, Any]) -> Dict[str, Any]:
    """The values of a choice, of whatever kind, by the text that stands for each."""
    schema = parameter.get("type")
    enum = schema.get("enum") if isinstance(schema, dict) else None
    choices: Dict[str, Any] = {}
    for value in enum if isinstance(enum, list) else ():
        text = json_text(value)
        plain = text if isinstance(value, (dict, list)) else str(value)
        names = chain([plain] if plain.strip() else [], [text], (f"{text} ({n})" for n in count(2)))
        for name in names:  # one that is a name for Discord, and of no other
            if _are_one(choices.setdefault(name, value), value):
                break
    return choices


def _are_one(one: Any, other: Any) -> bool:
    """Whether JSON values are the same; 1, 1.0 and True are not."""
    return type(one) is type(other) and bool(one == other)


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
