"""Difference: what has changed between two modules that were made of an app's API.

They are compared as Python reads them, and not run. Layout, docstrings and the order of endpoints do not
count, so a formatter may have gone over a module.
"""

from __future__ import annotations

import ast
import re
from typing import Dict, List, Union

from ..errors import ArgumentError

Source = Union[str, bytes]


def app_in(source: Source, name: str) -> str:
    """What a module says that a Client of its app is made with.

    Args:
        source: the module's.
        name: what an error calls it.

    Raises:
        ArgumentError: it is no such module.
    """
    for node in _parsed(source, name).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "APP":
            value = getattr(node.value, "value", None)
            if isinstance(value, str):
                return value
    raise ArgumentError(f"{name} does not say which app it is of; name the app, or write the module anew.")


def difference(old: Source, new: Source, old_name: str, new_name: str) -> List[str]:
    """The lines of a unified diff of what two modules define; none where they are the same.

    Raises:
        ArgumentError: one of them is not Python.
    """
    from difflib import unified_diff

    before, after = (_definitions(each, name) for each, name in ((old, old_name), (new, new_name)))
    return list(unified_diff(before, after, old_name, new_name, lineterm="", n=2))


def _parsed(source: Source, name: str) -> ast.Module:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ArgumentError(f"{name} is no module that `typed` has written: {error}.") from error


def _definitions(source: Source, name: str) -> List[str]:
    """The functions and TypedDicts of a module as lines, sorted by name; each parameter has a line."""
    found: Dict[str, str] = {}
    for node in _parsed(source, name).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            if ast.get_docstring(node) is not None:
                node.body = node.body[1:] or [ast.Pass()]
            found[node.name] = re.sub(r", (?=\w+: |\*, )|(?=\) -> )", ",\n    ", ast.unparse(node))
    return "\n".join(found[key] for key in sorted(found)).split("\n") if found else []
