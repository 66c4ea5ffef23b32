"""Every command that the documents show is run, as it is written, in a copy of this checkout."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Iterator, List, Optional

import pytest

from gradio_client_lite.testing import serve

pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[2]
NAMES = ("README.md", "vendor_notes.md", "docs/*.md", "examples/*/README.md")
DOCUMENTS = sorted(path for name in NAMES for path in ROOT.glob(name))
#: Whose commands `tests/packaging/test_guide.py` runs.
GUIDE = "docs/guide.md"
#: What `.ci/run` takes from the README and runs itself.
WHOLE_SUITE = "python3 -m venv .venv && .venv/bin/pip install -q tox && .venv/bin/tox"
#: Where the documents have their app.
APP = "http://127.0.0.1:7860"
_PATIENCE = 200.0  # seconds for one command, which may fetch packages


def commands(document: str) -> List[str]:
    """The lines of a document's shell blocks."""
    text = (ROOT / document).read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line != WHOLE_SUITE]


class Reader:
    """Somebody with a clone and an environment that has nothing but pip.

    Attributes:
        clone: the folder.
    """

    def __init__(self, folder: Path) -> None:
        self.clone = folder / "clone"
        ignored = shutil.ignore_patterns(".*", "__pycache__", "dist", "wheels", "samples")
        shutil.copytree(ROOT, self.clone, ignore=ignored)
        shutil.copytree(ROOT / ".ci", self.clone / ".ci", ignore=ignored)
        environment = folder / "environment"
        command = [sys.executable, "-m", "uv", "venv", "--quiet", "--seed", "--python", sys.executable]
        subprocess.run([*command, str(environment)], check=True, timeout=_PATIENCE)
        path = os.pathsep.join([str(environment / "bin"), os.environ["PATH"]])
        # The tox that may run this must not tell the reader's where to work: each would wait for the other.
        theirs = {name: value for name, value in os.environ.items() if not name.startswith("TOX")}
        self._environ = {**theirs, "PATH": path}

    def follow(self, document: str, app: str = APP) -> None:
        """Run all the commands of a document where it is; one that serves an app goes on beside the rest."""
        with ExitStack() as stack:
            for command in commands(document):
                if command.endswith(" --serve"):
                    app = stack.enter_context(self.serving(command))
                else:
                    self.run(command.replace(APP, app), (self.clone / document).parent)

    @contextmanager
    def serving(self, command: str) -> Iterator[str]:
        """The URL of the app that a command serves, at a port that is free."""
        words = [*shlex.split(command), "0"]
        words[0] = shutil.which(words[0], path=self._environ["PATH"]) or words[0]
        with subprocess.Popen(words, env=self._environ, stdout=subprocess.PIPE, encoding="utf-8") as process:
            try:
                assert process.stdout is not None
                said = process.stdout.readline()
                yield next(word for word in said.split() if "//" in word).rstrip("/")
            finally:
                process.kill()

    def run(self, command: str, folder: Optional[Path] = None) -> str:
        """Run one command in a shell that ends with the first failure; what it printed."""
        done = subprocess.run(
            ["sh", "-ec", command],
            cwd=folder or self.clone,
            env=self._environ,
            capture_output=True,
            encoding="utf-8",
            timeout=_PATIENCE,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """One for all documents, who reads the README first."""
    return Reader(tmp_path_factory.mktemp("reader"))


def test_documents_with_commands_are_those_tested_below() -> None:
    shown = [path.relative_to(ROOT).as_posix() for path in DOCUMENTS]
    assert [name for name in shown if commands(name) and name != GUIDE] == [
        "README.md",
        "examples/batch/README.md",
        "examples/chat/README.md",
        "examples/dask/README.md",
        "examples/lambda/README.md",
        "vendor_notes.md",
    ]


def test_readme_and_vendor_notes(reader: Reader) -> None:
    reader.follow("README.md")
    reader.follow("vendor_notes.md")
    listed = json.loads(reader.run("pip list --format json"))
    assert len((reader.clone / "greetings.jsonl").read_text().splitlines()) == 1000
    installed = {entry["name"].replace("-", "_"): entry["version"] for entry in listed}
    assert installed["gradio_client_lite"].endswith("+bundled")  # the last of the ways to install it
    assert (reader.clone / "host_plugin" / "vendor" / "gradio_lite" / "client.py").is_file()


def test_lambda_example(reader: Reader) -> None:
    reader.follow("examples/lambda/README.md")
    made = {path.name for path in (reader.clone / "examples" / "lambda").glob("*.zip")}
    assert made == {"function.zip", "layer.zip"}


def test_batch_example(reader: Reader) -> None:
    folder = reader.clone / "examples" / "batch"
    (folder / "rows.csv").write_text("text\na\nb\n")
    with serve({"/predict": lambda text: text + "!"}) as app:
        reader.follow("examples/batch/README.md", app.url.rstrip("/"))
    results = [json.loads(line) for line in (folder / "results.jsonl").read_text().splitlines()]
    assert sorted(line["result"] for line in results) == ["a!", "b!"]


def test_chat_example(reader: Reader) -> None:
    reader.run("pip install --quiet .")
    with serve({"/chat": lambda message: f"I heard: {message}"}) as app:
        reader.follow("examples/chat/README.md", app.url.rstrip("/"))


def test_dask_example(reader: Reader) -> None:
    folder = reader.clone / "examples" / "dask"
    (folder / "inputs.jsonl").write_text('"a"\n"b"\n')
    with serve({"/predict": lambda text: text + "!"}) as app:
        reader.follow("examples/dask/README.md", app.url.rstrip("/"))
    assert (folder / "results.jsonl").read_text() == '"a!"\n"b!"\n'
