"""The program: finds the command, runs it, and tells of an error in one line and by the exit code.

A command is a module beside this one, which is imported only when that command is run::

    add_arguments(parser)   what it takes
    run(options)            does it; may return an exit code, None is 0

Exit codes: 0; 1 another error, or `--check` found a difference; 2 usage; 3 connection; 4 authentication;
5 the app's error; 6 timeout; 130 interrupted.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Dict, List, Optional, Sequence, Tuple

from .._version import PACKAGE, __version__
from ..errors import (
    AppError,
    AuthenticationError,
    ConnectionFailed,
    DeadlineExceeded,
    GradioClientError,
    HTTPStatusError,
    RetryLater,
    UnsupportedAppError,
    UsageError,
    ValidationError,
)

if TYPE_CHECKING:
    import argparse

#: Where each command is, and what it is for.
COMMANDS: Dict[str, Tuple[str, str]] = {
    "demo": (".demo", "serve a small app and call it; needs no network"),
    "predict": (".predict", "call an endpoint of an app and print its result"),
    "map": (".rows", "call an endpoint with each row of a CSV or JSON Lines file"),
    "info": (".info", "describe the endpoints of an app"),
    "vendor": (".vendor", "copy this package into a program, or update the copy"),
}
# The first that an error is one of counts.
_CODES = (
    (6, (DeadlineExceeded,)),
    (4, (AuthenticationError,)),
    (2, (UsageError,)),
    (5, (AppError, ValidationError)),
    (3, (ConnectionFailed, RetryLater, HTTPStatusError, UnsupportedAppError)),
)


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run a command.

    Args:
        argv: the arguments without the program's name; None means those of the process.

    Returns:
        The exit code. Wrong options end the process with 2, as argparse does.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    options = _parse(words)
    try:
        code = import_module(COMMANDS[options.command][0], __package__).run(options)
    except KeyboardInterrupt:
        return 130
    except (GradioClientError, OSError) as error:
        text = " ".join(str(error).split()) or type(error).__name__
        print(f"error: {text}", file=sys.stderr)
        return exit_code(error)
    return int(code or 0)


def exit_code(error: BaseException) -> int:
    """The code by which a script can tell what went wrong."""
    for code, kinds in _CODES:
        if isinstance(error, kinds):
            return code
    return 1


def _parse(words: List[str]) -> argparse.Namespace:
    import argparse

    program = f"python -m {PACKAGE}"
    parser = argparse.ArgumentParser(prog=program, description="Call Gradio apps.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, dest="command")
    chosen = next((word for word in words if not word.startswith("-")), None)
    for name, (home, text) in COMMANDS.items():
        command = commands.add_parser(name, help=text)
        if name == chosen:
            import_module(home, __package__).add_arguments(command)
    return parser.parse_args(words)
