"""The command info: describes an app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..app.console import write_line

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", metavar="URL", help="the app, such as http://127.0.0.1:7860")


def run(options: argparse.Namespace) -> None:
    from ..client import Client

    with Client(options.url, verbose=False) as client:
        write_line(str(client.view_api(print_info=False, return_format="str")))
