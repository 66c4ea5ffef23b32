"""The command duplicate: makes a Space of one's own from another one."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from typing import TYPE_CHECKING

from .connecting import add_options, client_options, read_pairs
from .output import write
from .progress import Progress

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("app", metavar="SPACE", help="the Space to copy, owner/name")
    parser.add_argument("to", metavar="NAME", nargs="?", help="of the copy; else as the original")
    parser.add_argument("--public", action="store_true", help="let everybody use it")
    parser.add_argument("--hardware", metavar="NAME", help="such as t4-small, which may cost money")
    parser.add_argument("--secrets-file", metavar="FILE", help="the secrets of a new copy: NAME=VALUE lines")
    parser.add_argument(
        "--variable", metavar="NAME=VALUE", action="append", default=[], help="of a new copy; may be repeated"
    )
    parser.add_argument(
        "--sleep", metavar="MINUTES", type=float, default=5.0, help="without requests until it sleeps; else 5"
    )
    add_options(parser)
    parser.epilog = "example: %(prog)s owner/name my-copy"


def run(options: argparse.Namespace) -> None:
    from ..client import Client

    files = [] if options.secrets_file is None else [f"@{options.secrets_file}"]
    secrets = read_pairs("--secrets-file", files, "=")
    variables = read_pairs("--variable", options.variable, "=")
    with Progress(options.quiet) as progress:
        with redirect_stdout(sys.stderr):  # what it says goes beside the result
            client = Client.duplicate(
                options.app,
                options.to,
                private=not options.public,
                hardware=options.hardware,
                secrets=secrets or None,
                variables=variables or None,
                sleep_timeout=options.sleep,
                **client_options(options, progress),
            )
        client.close()
        progress.pause()
    write(client.space_id)
