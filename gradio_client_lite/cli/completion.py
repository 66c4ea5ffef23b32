"""The command completion: prints what makes a shell complete the commands, their options and file names.

It is read from the commands themselves; nothing is asked of an app while somebody types.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Callable, Dict, Iterable, Tuple

from .._version import PACKAGE
from ..app.console import write_line

if TYPE_CHECKING:
    import argparse

#: By command: what it is for, and its long options with what they are for.
_Commands = Dict[str, Tuple[str, Dict[str, str]]]

_BASH = """\
_{function}() {{
  local offered=''
  case ${{COMP_WORDS[1]}} in
{cases}
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then offered={names}; elif [[ $2 != -* ]]; then offered=''; fi
  COMPREPLY=($(compgen -W "$offered" -- "$2"))
}}
complete -o default -F _{function} {program}"""
_ZSH = """\
_{function}() {{
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
compdef _{function} {program}"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", metavar="SHELL", choices=sorted(_SHELLS), help=", ".join(sorted(_SHELLS)))
    parser.description = (
        'For the start-up file of bash or zsh: eval "$(%(prog)s bash)", with its own name; '
        "for that of fish: %(prog)s fish | source."
    )
    parser.epilog = "example: %(prog)s bash"


def run(options: argparse.Namespace) -> None:
    from .program import COMMANDS, make_parser

    called = os.path.basename(sys.argv[0])
    program = PACKAGE.rpartition(".")[2].replace("_", "-") if called.endswith(".py") else called
    commands: _Commands = {}
    for command, (_, text) in COMMANDS.items():
        actions = make_parser(command)._actions  # there is no other way to ask
        long = {action.option_strings[-1]: action.help or "" for action in actions if action.option_strings}
        commands[command] = text, long
    write_line(_SHELLS[options.shell](program, commands))


def _bash(program: str, commands: _Commands) -> str:
    cases = "\n".join(
        f"    {command}) offered={_quoted(' '.join(options))} ;;"
        for command, (_, options) in commands.items()
    )
    return _filled(_BASH, program, cases, _quoted(" ".join(commands)))


def _zsh(program: str, commands: _Commands) -> str:
    cases = "\n".join(
        f"      {each}) offered=({_described(options.items())}) ;;" for each, (_, options) in commands.items()
    )
    names = _described((command, text) for command, (text, _) in commands.items())
    return _filled(_ZSH, program, cases, names)


def _fish(program: str, commands: _Commands) -> str:
    lines = []
    for command, (text, options) in commands.items():
        line = f"complete -c {program} -n"
        lines.append(f"{line} __fish_use_subcommand -f -a {command} -d {_quoted(text)}")
        line += f" '__fish_seen_subcommand_from {command}' -l "
        lines += [f"{line}{name[2:]} -d {_quoted(about)}" for name, about in options.items()]
    return "\n".join(lines)


def _filled(script: str, program: str, cases: str, names: str) -> str:
    function = "".join(letter if letter.isalnum() else "_" for letter in program)
    return script.format(function=function, cases=cases, names=names, program=program)


def _described(entries: Iterable[Tuple[str, str]]) -> str:
    return " ".join(_quoted(f"{name}:{text}") for name, text in entries)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


_SHELLS: Dict[str, Callable[[str, _Commands], str]] = {"bash": _bash, "fish": _fish, "zsh": _zsh}
