"""The command typed: writes an app's API as a Python module, or tells whether it has changed since."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Optional

from ..app.console import write_line
from ..errors import ArgumentError, InvalidFile

if TYPE_CHECKING:
    import argparse

    from ..client import Client


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from .connecting import add_options

    parser.description = "Write the API of an app as a Python module: a function with types for each endpoint."
    parser.epilog = (
        "example: %(prog)s http://127.0.0.1:7860 --output my_app.py. "
        "With --check, the exit code is 1 when the API is another than that of the module."
    )
    parser.add_argument(
        "app", metavar="APP", nargs="?", help="its URL, or the name of its Space; with --check that of the module"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--output", metavar="FILE", type=Path, help="write to this file, once all is known")
    what.add_argument("--check", metavar="FILE", type=Path, help="compare with this module")
    add_options(parser)


def run(options: argparse.Namespace) -> Optional[int]:
    from .connecting import connect

    if options.check is not None:
        return _check(options)
    if options.app is None:
        raise ArgumentError("Name the app whose API is to be written: its URL, or the name of its Space.")
    with connect(options) as client:
        module = _module(client)
    if options.output is None:
        write_source(module)
    else:
        options.output.write_text(module, encoding="utf-8")
    return None


def _check(options: argparse.Namespace) -> int:
    from ..typed.difference import app_in, difference
    from .connecting import connect

    try:
        old = options.check.read_bytes()
    except OSError as error:
        raise InvalidFile(f"{options.check} cannot be read: {error.strerror or error}.") from error
    name = str(options.check)
    options.app = options.app or app_in(old, name)
    with connect(options) as client:
        changes = difference(old, _module(client), name, client.src)
    for line in changes:
        write_line(line)
    return 1 if changes else 0


def _module(client: Client) -> str:
    from ..typed.module import module_of

    return module_of(client)


def write_source(text: str) -> None:
    """Print source code, which Python and shells read as UTF-8: where that is not written, in ASCII."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    if encoding.replace("-", "").lower() != "utf8":
        text = text.encode("ascii", "backslashreplace").decode()
    write_line(text.rstrip("\n"))
