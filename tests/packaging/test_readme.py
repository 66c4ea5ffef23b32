"""What the README shows is true."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Iterator
from xml.etree import ElementTree

import pytest
from documents import ROOT, SHOWN_URL, Reader, blocks, sections

import gradio_client_lite

README = (ROOT / "README.md").read_text(encoding="utf-8")
PICTURE = (ROOT / "docs" / "call.svg").read_text(encoding="utf-8")
CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """Somebody who has the demo's app running."""
    reader = Reader("README.md", tmp_path)
    command = [sys.executable, "-m", gradio_client_lite.__name__, "demo", "--serve", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8") as demo:
        try:
            assert demo.stdout is not None
            said = demo.stdout.readline()
            reader.urls[SHOWN_URL] = next(word for word in said.split() if "//" in word).rstrip("/")
            yield reader
            reader.close()
        finally:
            demo.kill()


def test_what_a_newcomer_is_told_to_try_works(reader: Reader) -> None:
    serving, calling, mapping, *in_python = sections("README.md")["Try it"]
    assert serving.code == "gradio-client-lite demo --serve\n"  # as the fixture has done
    *_, work = reader.printed(calling).splitlines()
    assert work == "20 steps done"
    *_, last = reader.printed(mapping).splitlines()
    assert re.fullmatch(r'\{"row": \d+, .*"result": "Hello, Guest \d+!"\}', last)
    assert len((reader.folder / "greetings.jsonl").read_text().splitlines()) == 1000
    reader.follow(in_python)


def test_example_that_needs_no_network_runs(reader: Reader) -> None:
    (example,) = [block for block in blocks(README) if "serve(" in block.code]
    reader.follow([example])


def test_picture_shows_what_the_readme_tells_to_run() -> None:
    text = "".join(ElementTree.fromstring(PICTURE).itertext())
    shown = text.replace("\N{NO-BREAK SPACE}", " ").splitlines()
    commands = {line[2:] for line in shown if line.startswith("$ ")}
    assert commands
    assert commands <= set(README.splitlines())
    assert any("Working" in line and "%" in line for line in shown)


def test_picture_needs_nothing_from_elsewhere() -> None:
    text = PICTURE.replace('xmlns="http://www.w3.org/2000/svg"', "").replace(SHOWN_URL, "")
    text = text.replace("Generated with Rich https://www.textualize.io", "")
    assert "//" not in text


def test_sizes_are_those_of_the_vendor_notes() -> None:
    notes = (ROOT / "vendor_notes.md").read_text(encoding="utf-8")
    counts, sizes = (
        re.findall(rf"^\| {row} \| (.+) \| (.+) \|$", notes, re.MULTILINE)[0]
        for row in ("packages installed", "installed, with requirements")
    )
    ours, official = (f"{count}, {size}" for count, size in zip(counts, sizes))
    assert f"\n| packages installed, and their size | {ours} | | {official} | 1/" in README


def test_ci_takes_its_test_command_from_the_readme() -> None:
    (section,) = re.findall(r"^## Run the tests$.*?(?=^It )", README, re.MULTILINE | re.DOTALL)
    (command,) = re.findall(r"^python3 -m venv.*$", section, re.MULTILINE)
    assert command.endswith("tox")
    assert "/^## Run the tests/,/^It /" in CI


def test_every_example_is_in_their_index() -> None:
    index = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| \[(\w+)\]\(\1/README.md\)", index, re.MULTILINE) == sorted(
        path.parent.name for path in (ROOT / "examples").glob("*/README.md")
    )
