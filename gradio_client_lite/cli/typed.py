"""The command typed: writes an app's API as a Python module, or tells whether it has changed since.

Modules are compared as Python reads them, and not run. Layout, docstrings and the order of endpoints do not
count, so a formatter may have gone over one.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List, Optional

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
    from ..typed.module import module_of

    known = None if options.check is None else _read(options.check)
    if known is not None and options.app is None:
        options.app = _app_in(known, str(options.check))
    if options.app is None:
        raise ArgumentError("Name the app whose API is to be written: its URL, or the name of its Space.")
    with connect(options) as client:
        module = module_of(client)
    if known is None:
        write_source(module)
        return None
    changes = difference(known, ast.parse(module), str(options.check), options.app)
    for line in changes:
        write_line(harmless(line))
    return 1 if changes else 0


def _read(path: Path) -> ast.Module:
    """A module that the command has written; raises InvalidFile, ArgumentError."""
    try:
        return ast.parse(path.read_bytes())
    except OSError as error:
        raise InvalidFile(f"{path} cannot be read: {error.strerror or error}.") from error
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ArgumentError(f"{path} is no module that `typed` has written: {error}.") from error


def _app_in(module: ast.Module, name: str) -> str:
    """What a module says that a Client of its app is made with; raises ArgumentError."""
    for node in module.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "APP":
            value = getattr(node.value, "value", None)
            if isinstance(value, str):
                return value
    raise ArgumentError(f"{name} does not say which app it is of; name the app, or write the module anew.")


def difference(old: ast.Module, new: ast.Module, old_name: str, new_name: str) -> List[str]:
    """The lines of a unified diff of those functions that differ."""
    from difflib import unified_diff

    both = _functions(old), _functions(new)
    changed = sorted(name for name in {*both[0], *both[1]} if both[0].get(name) != both[1].get(name))
    before, after = ([line for name in changed for line in each.get(name, ())] for each in both)
    return list(unified_diff(before, after, old_name, new_name, lineterm="", n=99))


def _functions(module: ast.Module) -> Dict[str, List[str]]:
    """The functions of a module as lines, by name; each parameter has a line."""
    found: Dict[str, List[str]] = {}
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            if ast.get_docstring(node) is not None:
                node.body = node.body[1:] or [ast.Pass()]
            text = re.sub(r", (?=\w+: |\*, )|(?=\) -> )", ",\n    ", ast.unparse(node))
            found[node.name] = text.split("\n")
    return found


def write_source(text: str) -> None:
    """Print source code as UTF-8, which Python reads it as, or else in ASCII."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    if encoding.replace("-", "").lower() != "utf8":
        text = text.encode("ascii", "backslashreplace").decode()
    write_line(text.rstrip("\n"))
