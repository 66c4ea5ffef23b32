"""The command completion: prints what makes a shell complete the commands, their options and file names.

It is read from the commands themselves; nothing is asked of an app while somebody types.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from .._version import PACKAGE
from ..app.console import write_line

if TYPE_CHECKING:
    import argparse

#: By shell: its script, and the part of that for each command.
_SHELLS = {
    "bash": (
        """\
_{function}() {{
  local offered=()
  case ${{COMP_WORDS[1]}} in
{commands}
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then offered=({names}); elif [[ $2 != -* ]]; then offered=(); fi
  COMPREPLY=($(compgen -W "${{offered[*]}}" -- "$2"))
}}
complete -o default -F _{function} {program}""",
        "    {command}) offered=({options}) ;;",
    ),
    "zsh": (
        """\
_{function}() {{
  if (( CURRENT == 2 )); then
    compadd -- {names}
  elif [[ $PREFIX == -* ]]; then
    case $words[2] in
{commands}
    esac
  else
    compset -P '*[=@]'
    _files
  fi
}}
compdef _{function} {program}""",
        "      {command}) compadd -- {options} ;;",
    ),
    "fish": (
        "complete -c {program} -n __fish_use_subcommand -f -a '{names}'\n{commands}",
        "complete -c {program} -n '__fish_seen_subcommand_from {command}' -a '{options}'",
    ),
}


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
    script, part = _SHELLS[options.shell]
    commands = []
    for command in COMMANDS:
        actions = make_parser(command)._actions  # there is no other way to ask
        long = " ".join(action.option_strings[-1] for action in actions if action.option_strings)
        commands.append(part.format(program=program, command=command, options=long))
    write_line(
        script.format(
            function="".join(letter if letter.isalnum() else "_" for letter in program),
            program=program,
            names=" ".join(COMMANDS),
            commands="\n".join(commands),
        )
    )
