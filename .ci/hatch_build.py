"""Leaves comments and internal docstrings out of the wheel, which are half of its size.

Each line stays where it is, so that tracebacks and debuggers name the lines of the sources; docstrings of the
modules that users import stay as well. The sdist has the sources as they are.
"""

from __future__ import annotations

import io
import tempfile
import tokenize
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_PACKAGE = "gradio_client_lite"
#: Their docstrings are what `help` shows to users.
_PUBLIC = frozenset(
    f"{_PACKAGE}/{name}.py"
    for name in (
        "__init__",
        "app_view",
        "client",
        "compat",
        "errors",
        "files",
        "hub_client",
        "job",
        "limits",
        "testing/__init__",
        "testing/app",
        "testing/function",
        "updates",
    )
)
_LAYOUT = (tokenize.NL, tokenize.COMMENT, tokenize.DEDENT)

_Cut = Tuple[Tuple[int, int], Tuple[int, int], str]


class CustomBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Puts shortened modules in the place of the package's own."""

    def initialize(self, version: str, build_data: Dict[str, Any]) -> None:
        """Called before a wheel is built."""
        if version == "editable":
            return
        self._folder = tempfile.TemporaryDirectory()
        root = Path(self.root)
        for path in sorted((root / _PACKAGE).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            shortened = Path(self._folder.name, name)
            shortened.parent.mkdir(parents=True, exist_ok=True)
            source = path.read_text(encoding="utf-8")
            shortened.write_bytes(shorten(source, docstrings=name in _PUBLIC).encode())
            build_data["force_include"][str(shortened)] = name

    def finalize(self, version: str, build_data: Dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Called when it has been built."""
        if version != "editable":
            self._folder.cleanup()


def shorten(source: str, *, docstrings: bool) -> str:
    """The same program without comments, each statement on its line.

    Args:
        source: of a module.
        docstrings: whether to keep them.
    """
    written = source.split("\n")
    lines = list(written)
    for (first, left), (last, right), instead in reversed(list(_cuts(source, docstrings))):
        rest = lines[last - 1][right:]
        lines[first - 1 : last] = [""] * (last - first + 1)
        lines[last - 1] = rest.rstrip()
        lines[first - 1] = (written[first - 1][:left] + instead + lines[first - 1]).rstrip()
    return "\n".join(lines)


def _cuts(source: str, docstrings: bool) -> Iterator[_Cut]:
    """Where comments and docstrings begin and end, and what must take their place."""
    tokens = list(tokenize.generate_tokens(io.StringIO(source, newline="").readline))
    for index, token in enumerate(tokens):
        if token.type == tokenize.COMMENT:
            yield token.start, token.end, ""
        elif token.type == tokenize.STRING and not docstrings and tokens[index + 1].type == tokenize.NEWLINE:
            before = _significant(tokens[:index][::-1])
            if before in (None, tokenize.NEWLINE, tokenize.INDENT):
                alone = before == tokenize.INDENT and _ends_block(tokens[index + 2 :])
                yield token.start, token.end, "pass" if alone else ""


def _significant(tokens: List[tokenize.TokenInfo]) -> Any:
    """The type of the first token that is not layout alone."""
    return next((token.type for token in tokens if token.type not in _LAYOUT), None)


def _ends_block(tokens: List[tokenize.TokenInfo]) -> bool:
    """Whether the next statement, if there is one, belongs to an outer block."""
    rest = (token.type for token in tokens if token.type not in (tokenize.NL, tokenize.COMMENT))
    return next(rest, tokenize.DEDENT) == tokenize.DEDENT
