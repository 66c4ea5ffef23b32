"""The program: finds the command, runs it, and tells of an error in one line and by the exit code.

A command is a module beside this one, which is imported only when that command is run::

    add_arguments(parser)   what it takes; `parser.epilog` is an example that works with the app of `demo`
    run(options)            does it; may return an exit code, None is 0
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, nullcontext, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, NoReturn, Optional, Sequence, Tuple

from .._version import PACKAGE, __version__
from ..errors import (
    AppError,
    ArgumentError,
    AuthenticationError,
    ConnectionFailed,
    DeadlineExceeded,
    GradioClientError,
    HTTPStatusError,
    HubError,
    HubPermissionError,
    ProtocolError,
    RetryLater,
    SpaceUnfinished,
    UnsupportedAppError,
    UsageError,
    ValidationError,
)
from ..wire.texts import harmless, one_line

if TYPE_CHECKING:
    import argparse

#: Where each command is, and what it is for.
COMMANDS: Dict[str, Tuple[str, str]] = {
    "demo": (".demo", "serve a small app and call it; needs no network"),
    "info": (".info", "describe the endpoints of an app"),
    "predict": (".predict", "call an endpoint of an app and print its result"),
    "map": (".rows", "call an endpoint with each row of a CSV or JSON Lines file"),
    "typed": (".typed", "write the API of an app as a Python module, or tell what has changed in it"),
    "snippet": (".snippet", "write a call of an endpoint to copy, for Python, curl or JavaScript"),
    "duplicate": (".duplicate", "make a Space of one's own from another one"),
    "deploy-discord": (".deploy_discord", "make a Space that runs an app as a Discord bot"),
    "vendor": (".vendor", "copy this package into a program, or update the copy"),
    "completion": (".completion", "print what makes a shell complete these commands"),
}
# The exit codes of errors, of which docs/errors.md tells. The first that an error is one of counts.
_CODES = (
    (6, (DeadlineExceeded,)),
    (4, (AuthenticationError, HubPermissionError)),
    (2, (UsageError,)),
    (5, (AppError, ValidationError)),
    (3, (ConnectionFailed, RetryLater, HTTPStatusError, UnsupportedAppError, ProtocolError, HubError)),
)


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run a command and return the exit code; `--help` and `--version` end the process, as argparse does.

    Args:
        argv: the arguments without the program's name; None means those of the process.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    debug = False
    try:
        options = _parse(words)
        debug = getattr(options, "debug", False)
        with _logged() if debug else nullcontext():
            return int(import_module(COMMANDS[words[0]][0], __package__).run(options) or 0)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # nobody reads the output any more, as after `| head`
        _silence(sys.stdout)
        return 1
    except (GradioClientError, OSError) as error:
        if debug:
            import traceback

            tell(harmless(traceback.format_exc()))
        tell(f"error: {text_of(error)}\n")
        try:
            sys.stdout.flush()
        except (OSError, ValueError, AttributeError):  # what is left there would change the exit code
            _silence(sys.stdout)
        return exit_code(error)


def exit_code(error: BaseException) -> int:
    """The code by which a script can tell what went wrong."""
    if isinstance(error, SpaceUnfinished) and error.__cause__:
        error = error.__cause__
    return next((code for code, kinds in _CODES if isinstance(error, kinds)), 1)


def text_of(error: BaseException) -> str:
    """What an error says, in one line; its class where that is nothing."""
    return one_line(str(error)) or type(error).__name__


def tell(text: str) -> None:
    """Write to standard error, if there is one and somebody reads it."""
    try:
        sys.stderr.write(text)
    except (OSError, ValueError, AttributeError):
        _silence(sys.stderr)


def program_name() -> str:
    """What the program was called as."""
    name = os.path.basename(sys.argv[0] or "")
    return f"python -m {PACKAGE}" if name in ("", "-c", "-m", "__main__.py") else name


def make_parser(command: str) -> argparse.ArgumentParser:
    """What reads the arguments of a command."""
    home, text = COMMANDS[command]
    parser = _parser(f"{program_name()} {command}", f"{text[0].upper()}{text[1:]}.")
    import_module(home, __package__).add_arguments(parser)
    if ":7860 " in str(parser.epilog):
        parser.epilog = f"{parser.epilog}\nThe app of the example is served by: {program_name()} demo --serve"
    return parser


def _parser(program: str, description: str) -> argparse.ArgumentParser:
    import argparse

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            raise ArgumentError(f"{message}; {self.prog} --help tells what it takes.")

    return Parser(
        prog=program,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # a script's abbreviation would break as options are added
    )


def _parse(words: List[str]) -> argparse.Namespace:
    if words and words[0] in COMMANDS:
        # Values and options in any order.
        return make_parser(words[0]).parse_intermixed_args(words[1:])
    parser = _parser(program_name(), "Call Gradio apps.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, (_, text) in COMMANDS.items():
        commands.add_parser(name, help=text)
    if not words:
        parser.print_help(sys.stderr)
        parser.exit(2)
    parser.parse_args(words)
    return parser.error("the command must come first")


@contextmanager
def _logged() -> Iterator[None]:
    """Show the log of this package on standard error."""
    import logging

    class Harmless(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return harmless(super().format(record))

    logger, handler = logging.getLogger(PACKAGE), logging.StreamHandler()
    handler.setFormatter(Harmless("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def _silence(stream: Any) -> None:
    """Have what is left in a stream go nowhere, or Python complains of it at its end."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
