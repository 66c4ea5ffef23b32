"""The command typed: writes an app's API as a Python module, or tells whether it has changed since."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Optional

from ..app.console import write_line
from ..errors import ArgumentError, InvalidFile
from ..wire.texts import harmless
from .connecting import add_options, connect

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "app", metavar="APP", nargs="?", help="a URL, or a Space's name; with --check that of the module"
    )
    parser.add_argument(
        "--check",
        metavar="FILE",
        type=Path,
        help="tell what differs from this module; exit code 1 if anything does",
    )
    add_options(parser)
    parser.epilog = "example: %(prog)s http://127.0.0.1:7860 > my_app.py"


def run(options: argparse.Namespace) -> Optional[int]:
    from ..typed.difference import app_in, difference
    from ..typed.module import module_of

    name, old = str(options.check or ""), b""
    if name:
        try:
            old = options.check.read_bytes()
        except (OSError, ValueError) as error:  # such as a null character in the path
            raise InvalidFile(
                f"{name} cannot be read: {getattr(error, 'strerror', None) or error}."
            ) from error
        options.app = options.app or app_in(old, name)
    if options.app is None:
        raise ArgumentError("Name the app whose API is to be written: its URL, or the name of its Space.")
    with connect(options) as client:
        module = module_of(client)
    if not name:
        write_source(module)
        return None
    changes = difference(old, module, name, options.app)
    for line in changes:
        write_line(harmless(line))
    return 1 if changes else 0


def write_source(text: str) -> None:
    """Print source code as UTF-8, which Python reads it as, or else in ASCII."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    if encoding.replace("-", "").lower() != "utf8":
        text = text.encode("ascii", "backslashreplace").decode()
    write_line(text.rstrip("\n"))
