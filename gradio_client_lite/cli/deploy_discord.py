"""The command deploy-discord: makes a Space that runs an app as a Discord bot."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any, List, Tuple, Union

from .connecting import add_options, connect, read_secret
from .output import write
from .progress import Progress

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("app", metavar="APP", help="a Space's name, owner/name, or the URL of an app")
    parser.add_argument("to", metavar="NAME", nargs="?", help="of the bot's Space; else made from the app's")
    parser.add_argument(
        "--endpoint",
        metavar="NAME[=COMMAND]",
        action="append",
        default=[],
        help="what the bot offers, and as which command; may be repeated; else the app's chat",
    )
    parser.add_argument(
        "--discord-token-file",
        metavar="FILE",
        help="the bot's token at Discord; without it the Space explains how to get one",
    )
    parser.add_argument("--private", action="store_true", help="make the bot's Space private")
    add_options(parser)
    parser.epilog = "example: %(prog)s owner/name --endpoint /greet=hello"


def run(options: argparse.Namespace) -> None:
    path = options.discord_token_file
    token = None if path is None else read_secret("--discord-token-file", path)
    names: List[Union[str, Tuple[str, str]]] = []
    for given in options.endpoint:
        name, equals, command = given.partition("=")
        names.append((name, command) if equals else name)
    with Progress(options.quiet) as progress:
        with connect(options, progress) as client, redirect_stdout(sys.stderr):
            own: Any = client.token  # as it was read from a file
            page = client.deploy_discord(token, names or None, options.to, own, private=options.private)
        progress.pause()
    write(page)
