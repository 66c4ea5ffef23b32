"""Tests `embed/vendoring/contents.py`: zips with bytecode, `vendor --zip --compile`."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import zipfile
from hashlib import sha256
from pathlib import Path
from typing import Dict, List

import pytest

import gradio_client_lite
from gradio_client_lite.embed import vendoring
from gradio_client_lite.embed.vendoring.contents import MANIFEST
from gradio_client_lite.errors import ArgumentError, VendoringError
from gradio_client_lite.testing import serve

USE = """
import sys
sys.path.insert(0, sys.argv[1])
from client import Client
with Client(sys.argv[2], verbose=False) as client:
    assert client.predict("hello", api_name="/echo") == "hello"
print(*(module.__file__ for name, module in sys.modules.items() if name.startswith("client")))
"""


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return Path(vendoring.vendor(tmp_path, name="client", zipped=True, compile=True).path)


def files(archive: Path) -> Dict[str, bytes]:
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def loaded(archive: Path) -> List[str]:
    """The modules' files that a process takes from the zip to make a call."""
    with serve({"/echo": lambda text: text}) as app:
        command = [sys.executable, "-I", "-S", "-c", USE, str(archive), app.url]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split()


def test_each_module_has_bytecode_beside_its_source(archive: Path) -> None:
    names = set(files(archive))
    sources = {name for name in names if name.endswith(".py")}
    assert {f"{name}c" for name in sources} == {name for name in names if name.endswith(".pyc")}
    assert "client/_vendor/websocket/_core.pyc" in names


def test_bytecode_alone_is_not_compressed(archive: Path) -> None:
    """As zipimport reads each module's twice, for its name and for its code."""
    with zipfile.ZipFile(archive) as opened:
        how = {entry.filename: entry.compress_type for entry in opened.infolist()}
    assert {name for name, kind in how.items() if kind == zipfile.ZIP_STORED} == {
        name for name in how if name.endswith(".pyc")
    }


def test_bytecode_is_taken_instead_of_the_source(archive: Path) -> None:
    found = loaded(archive)
    assert len(found) > 20
    assert all(path.endswith(".pyc") for path in found)


def test_another_release_of_python_takes_the_source(archive: Path) -> None:
    magic = importlib.util.MAGIC_NUMBER
    others = {
        name: content.replace(magic, b"\0\0\r\n", 1) if name.endswith(".pyc") else content
        for name, content in files(archive).items()
    }
    archive.write_bytes(vendoring.zip_of(others))
    assert all(path.endswith(".py") for path in loaded(archive))


def test_a_traceback_shows_the_source(archive: Path) -> None:
    code = f"import sys; sys.path.insert(0, {str(archive)!r}); from client import Client; Client(1)"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    shown = r'File "client/client\.py", line \d+, in __init__\n'
    # Before 3.13, what prints the last traceback reads no zip.
    assert re.search(shown + (r"    \w+" if sys.version_info >= (3, 13) else ""), done.stderr), done.stderr


def test_the_same_command_makes_the_same_bytes(tmp_path: Path) -> None:
    for seed in ("1", "2"):
        command = [sys.executable, "-m", gradio_client_lite.__name__, "vendor", str(tmp_path / seed)]
        done = subprocess.run(
            [*command, "--zip", "--compile"],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
    first, second = (path.read_bytes() for path in tmp_path.glob("*/*.zip"))
    one, two = (files(path) for path in tmp_path.glob("*/*.zip"))
    for name in one:
        if name.endswith(".py"):
            assert one[name] == two[name], name
    # Before 3.11 bytecode holds sets in the order of their hashes, and notes which constants are shared.
    assert sys.version_info < (3, 11) or sha256(first).digest() == sha256(second).digest()


def test_check_knows_bytecode_by_its_digest(archive: Path) -> None:
    vendoring.check(archive.parent, name="client", zipped=True)
    changed = {**files(archive), "client/errors.pyc": b"changed"}
    archive.write_bytes(vendoring.zip_of(changed))
    with pytest.raises(VendoringError, match=r"changed: errors\.pyc"):
        vendoring.check(archive.parent, name="client", zipped=True)


def test_a_copy_of_a_compiled_copy_has_sources_alone(archive: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-S", "-m", "client", "vendor", str(tmp_path / "again"), "--zip"]
    environ = {**os.environ, "PYTHONPATH": str(archive)}
    done = subprocess.run(
        command, env=environ, capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    sources = {name for name in files(archive) if not name.endswith(".pyc")}
    again = files(tmp_path / "again" / "client.zip")
    assert again.keys() == sources
    assert {name: again[name] for name in sources if MANIFEST not in name} == {
        name: files(archive)[name] for name in sources if MANIFEST not in name
    }


def test_a_folder_takes_no_bytecode(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="--compile needs --zip"):
        vendoring.vendor(tmp_path, name="client", compile=True)
    assert not list(tmp_path.iterdir())
