"""The command vendor: copies this package into a program."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..app.console import write_line
from ..errors import MissingFeature, VendoringError

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="FOLDER", help="where the program keeps such copies")
    parser.add_argument("--name", metavar="NAME", help="what the copy is imported as; else as this package")
    parser.add_argument(
        "--without",
        metavar="FEATURE,FEATURE",
        type=lambda text: text.split(","),
        action="extend",
        default=[],
        help=f"leave out {_features()}",
    )
    for option, text in (
        ("--zip", "make a zip for sys.path instead of a folder"),
        ("--compile", "add bytecode for this release of Python to the zip"),
        ("--check", "only tell whether the copy is intact and current"),
        ("--force", "overwrite even what is no copy or was changed"),
    ):
        parser.add_argument(option, action="store_true", help=text)
    parser.epilog = "example: %(prog)s host_plugin/vendor --name gradio_lite"


def _features() -> str:
    """What can be left out, and what needs it."""
    try:
        from ..embed.vendoring.contents import FEATURES
    except MissingFeature:  # nothing can; `run` tells why
        return "features"
    return "; ".join(f"{feature} ({use})" for feature, (_, use) in FEATURES.items())


def run(options: argparse.Namespace) -> int:
    from ..embed.vendoring import check, vendor

    if options.check:
        try:
            copy = check(options.folder, name=options.name, zipped=options.zip)
        except VendoringError as exc:  # what was asked for, and no mistake of who has asked
            print(f"error: {exc}", file=sys.stderr)
            return 1
    else:
        copy = vendor(
            options.folder,
            name=options.name,
            without=options.without,
            zipped=options.zip,
            compile=options.compile,
            force=options.force,
        )
    parts = ", ".join(map(str, copy.components))
    state = "intact and current, " if options.check else ""
    without = f", without {', '.join(copy.without)}" if copy.without else ""
    write_line(f"{copy.path}: {state}{copy.files} files, {copy.size / 1000:.0f} KB{without}: {parts}")
    return 0
