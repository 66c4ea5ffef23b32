"""Documents as tests: runs the blocks of code they show, and compares what these print with what is shown.

A `text` block right below a `python` or `sh` block is what that one prints, where `...` stands for
anything; a block without one prints nothing.
"""

from __future__ import annotations

import doctest
import io
import os
import re
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

import gradio_client_lite

ROOT = Path(__file__).parents[2]
#: Where the documents have their app.
SHOWN_URL = "http://127.0.0.1:7860"
_BLOCK = re.compile(r"^```([a-z]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PATIENCE = 60.0  # seconds for one block of shell


class Block(NamedTuple):
    """A block of code.

    Args:
        language: "python" or "sh".
        code: the text.
        line: of the document, where it begins.
        printed: what the document says that it prints.
    """

    language: str
    code: str
    line: int
    printed: str


def sections(document: str) -> Dict[str, List[Block]]:
    """The blocks below each heading of the second level that has some."""
    text = (ROOT / document).read_text(encoding="utf-8")
    starts = [match.start() for match in re.finditer(r"^## ", text, re.MULTILINE)] + [len(text)]
    found = {}
    for start, end in zip(starts, starts[1:]):
        heading = text[start:end].partition("\n")[0][3:]
        found[heading] = blocks(text[:end], start)
    return {heading: there for heading, there in found.items() if there}


def blocks(text: str, start: int = 0) -> List[Block]:
    """The blocks of Python and shell from a place in the text on."""
    found: List[Block] = []
    end = -1
    for match in _BLOCK.finditer(text, start):
        language, code = match.groups()
        if language == "text" and not text[end : match.start()].strip():
            found[-1] = found[-1]._replace(printed=code)
        if language in ("python", "sh"):
            found.append(Block(language, code, text.count("\n", 0, match.start()) + 1, ""))
            end = match.end()
    return found


class Reader:
    """Somebody who tries what a document shows, block after block.

    Args:
        document: its path in the checkout.
        folder: where commands run, with the environment of now, and this package as the program.

    Attributes:
        folder: as given.
        names: what the Python blocks have defined.
        urls: what stands in a block's text for what the document has.
    """

    def __init__(self, document: str, folder: Path) -> None:
        self.names: Dict[str, Any] = {"__name__": document}
        self.urls: Dict[str, str] = {}
        self._document = ROOT / document
        self.folder = folder
        self._environ = dict(os.environ)
        self._install()

    def _install(self) -> None:
        """Make the commands `python` and `gradio-client-lite`, which run what is tested."""
        programs = self.folder / "bin"
        programs.mkdir()
        package = gradio_client_lite.__name__
        for name, words in (("python", ""), (package.replace("_", "-"), f"-m {package}")):
            program = programs / name
            program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
            program.chmod(0o755)
        self._environ["PATH"] = os.pathsep.join([str(programs), self._environ["PATH"]])
        self._environ["PYTHONPATH"] = str(Path(gradio_client_lite.__path__[0]).parent)

    def follow(self, shown: List[Block]) -> None:
        """Run blocks, and compare what each prints."""
        for block in shown:
            printed = self.printed(block)
            checker, options = doctest.OutputChecker(), doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            if not checker.check_output(block.printed, printed, options):
                example = doctest.Example(block.code, block.printed)
                difference = checker.output_difference(example, printed, options)
                raise AssertionError(f"{self._document.name}, line {block.line}:\n{difference}")

    def printed(self, block: Block) -> str:
        """Run a block; what it prints, with the URLs that the document has."""
        printed = self._run_python(block) if block.language == "python" else self._run_shell(block)
        for there, here in self.urls.items():
            printed = printed.replace(here, there)
        return printed

    def close(self) -> None:
        """Close what the Python blocks have left open: clients before their apps."""
        for value in reversed(list(self.names.values())):
            if isinstance(value, (gradio_client_lite.Client,)) or type(value).__name__ == "App":
                value.close()

    def _text(self, block: Block) -> str:
        code = block.code
        for there, here in self.urls.items():
            code = code.replace(there, here)
        return code

    def _run_python(self, block: Block) -> str:
        code = "\n" * block.line + self._text(block).replace("port=7860", "port=0")
        out = io.StringIO()
        with redirect_stdout(out):
            exec(compile(code, str(self._document), "exec"), self.names)
        app = self.names.get("app")
        if app is not None:
            self.urls[SHOWN_URL] = app.url.rstrip("/")
        return out.getvalue()

    def _run_shell(self, block: Block) -> str:
        done = subprocess.run(
            ["sh", "-ec", self._text(block)],
            cwd=self.folder,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=_PATIENCE,
            check=False,
        )
        assert done.returncode == 0, f"{self._document.name}, line {block.line}:\n{done.stdout}"
        return done.stdout
