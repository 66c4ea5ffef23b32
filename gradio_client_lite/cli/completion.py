"""The command completion: prints what makes a shell complete the commands, their options and file names.

What is completed is read from the commands themselves; nothing is asked of an app while somebody types.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Callable, Dict, Iterable, List, NamedTuple, Tuple

from .._version import PACKAGE
from ..app.console import write_line

if TYPE_CHECKING:
    import argparse


class _Option(NamedTuple):
    """A long option; `takes` is whether a value follows, which is one of `choices` where there are any."""

    name: str
    text: str
    takes: bool
    choices: Tuple[str, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", metavar="SHELL", choices=sorted(_SHELLS), help=", ".join(sorted(_SHELLS)))
    parser.description = (
        "Print a script for the start-up file of a shell: in bash and zsh "
        'eval "$(%(prog)s bash)" with the name of either, in fish %(prog)s fish | source.'
    )
    parser.epilog = "example: %(prog)s bash"


def run(options: argparse.Namespace) -> None:
    from .program import COMMANDS, make_parser

    called = os.path.basename(sys.argv[0])
    name = PACKAGE.rpartition(".")[2].replace("_", "-") if called.endswith(".py") else called
    commands = {command: (text, _options_of(make_parser(command))) for command, (_, text) in COMMANDS.items()}
    write_line(_SHELLS[options.shell](name, commands))


def _options_of(parser: argparse.ArgumentParser) -> List[_Option]:
    return [
        _Option(
            next(name for name in action.option_strings if name.startswith("--")),
            (action.help or "").partition(";")[0],
            action.nargs != 0,
            tuple(map(str, action.choices or ())),
        )
        for action in parser._actions  # there is no other way to ask
        if action.option_strings
    ]


_Commands = Dict[str, Tuple[str, List[_Option]]]


def _bash(name: str, commands: _Commands) -> str:
    cases = "\n".join(
        f"    {command}) offered='{' '.join(option.name for option in options)}' ;;"
        for command, (_, options) in commands.items()
    )
    return f"""\
_{_identifier(name)}() {{
  local offered=''
  case ${{COMP_WORDS[1]}} in
{cases}
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then offered='{" ".join(commands)}'; elif [[ $2 != -* ]]; then offered=''; fi
  COMPREPLY=($(compgen -W "$offered" -- "$2"))
}}
complete -o default -F _{_identifier(name)} {name}"""


def _zsh(name: str, commands: _Commands) -> str:
    cases = "\n".join(
        f"      {command}) offered=({_described((option.name, option.text) for option in options)}) ;;"
        for command, (_, options) in commands.items()
    )
    names = _described((command, text) for command, (text, _) in commands.items())
    return f"""\
_{_identifier(name)}() {{
  local -a offered
  if (( CURRENT == 2 )); then
    offered=({names})
    _describe command offered
  elif [[ $PREFIX == -* ]]; then
    case $words[2] in
{cases}
    esac
    _describe option offered
  else
    compset -P '*[=@]'
    _files
  fi
}}
compdef _{_identifier(name)} {name}"""


def _fish(name: str, commands: _Commands) -> str:
    lines = []
    for command, (text, options) in commands.items():
        lines.append(f"complete -c {name} -n __fish_use_subcommand -f -a {command} -d {_quoted(text)}")
        for option in options:
            line = f"complete -c {name} -n '__fish_seen_subcommand_from {command}' -l {option.name[2:]}"
            line += " -r" if option.takes else ""
            line += f" -f -a '{' '.join(option.choices)}'" if option.choices else ""
            lines.append(f"{line} -d {_quoted(option.text)}")
    return "\n".join(lines)


def _described(entries: Iterable[Tuple[str, str]]) -> str:
    return " ".join(_quoted(f"{name}:{text}") for name, text in entries)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _identifier(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name)


_SHELLS: Dict[str, Callable[[str, _Commands], str]] = {"bash": _bash, "fish": _fish, "zsh": _zsh}
