"""What vendor_notes.md says of leaving things out, and of imports, is true."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Iterable, Iterator, List

import pytest

from gradio_client_lite.embed import vendoring
from gradio_client_lite.testing import serve

NOTES = (Path(__file__).parents[2] / "vendor_notes.md").read_text(encoding="utf-8")

USE = """
import importlib, pkgutil, sys
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import client as package
with package.Client(sys.argv[2], verbose=False) as client:
    assert client.predict("hello", api_name="/echo") == "hello"
    assert list(client.submit(3, api_name="/count")) == [0, 1, 2]
    assert "/echo" in str(client)
for module in pkgutil.walk_packages(package.__path__, "client."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""


def section(title: str) -> str:
    return re.split(r"^## ", NOTES.partition(f"## {title}\n")[2], flags=re.MULTILINE)[0]


def rows() -> List[List[str]]:
    """The paths of each row of the table of what may be left out."""
    cells = re.findall(r"^\| (`.*?) \|", section("What may be left out"), re.MULTILINE)
    return [re.findall(r"`([^`]+)`", cell) for cell in cells]


def use(folder: Path) -> None:
    def count(to: int) -> Iterator[int]:
        yield from range(to)

    with serve({"/echo": lambda text: text, "/count": count}) as app:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-W", "error", "-c", USE, str(folder), app.url],
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")


def copy_without(paths: Iterable[str], folder: Path) -> Path:
    """A folder with a copy called `client` that lacks these files and folders."""
    vendoring.vendor(folder, name="client")
    for path in paths:
        target = folder / "client" / path
        if target.is_dir():
            shutil.rmtree(target)
        else:
            target.unlink()
    return folder


def test_there_are_rows() -> None:
    assert len(rows()) >= 8


@pytest.mark.whole
@pytest.mark.parametrize("paths", rows(), ids=lambda paths: paths[0])
def test_what_may_be_left_out_may_be(paths: List[str], tmp_path: Path) -> None:
    use(copy_without(paths, tmp_path))


def test_all_of_it_may_be_left_out_at_once(tmp_path: Path) -> None:
    use(copy_without({path for row in rows() for path in row}, tmp_path))


def test_sizes_have_their_place() -> None:
    assert re.search(r"<!-- sizes: .* -->\n(.*\n)*<!-- end of sizes -->", section("Sizes"))
