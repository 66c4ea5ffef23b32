"""The smoke part on another interpreter and in a program that brings its own, files through a real server."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest
from copies import NAME, PACKAGE, SMOKE, script, smoke

from .environments import tool_python
from .servers import Server

HERE = ("--path", str(PACKAGE.parent))


@pytest.mark.servers("6.31.0")
def test_on_this_interpreter(file_server: Server, tmp_path: Path) -> None:
    smoke(script(), NAME, file_server.url, str(tmp_path), options=HERE)


@pytest.fixture
def pypy() -> str:
    """PyPy, found by name."""
    for name in ("pypy3", "pypy3.11", "pypy3.10", "pypy3.9"):
        found = shutil.which(name)
        if found:
            return found
    pytest.skip("PyPy is not installed; Debian has it in the package pypy3")


@pytest.mark.whole
@pytest.mark.servers("6.31.0")
def test_on_pypy(pypy: str, file_server: Server, tmp_path: Path) -> None:
    smoke(script("-W", "error", python=pypy), NAME, file_server.url, str(tmp_path), options=HERE)


PROGRAM = f"""
import {NAME}, {NAME}.errors, {NAME}.testing  # as a program would, so that the builder sees them

import smoke

smoke.main()
"""


@pytest.fixture
def program(tmp_path: Path) -> Iterator[str]:
    """One file that holds the smoke part, the package and an interpreter."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "program.py").write_text(PROGRAM, encoding="utf-8")
    (source / "smoke.py").write_bytes(SMOKE.read_bytes())
    folders = ("--distpath", str(tmp_path), "--workpath", str(tmp_path / "work"), "--specpath", str(tmp_path))
    options = ("--onefile", "--log-level", "WARN", *folders)
    done = subprocess.run(
        [tool_python("pyinstaller"), "-m", "PyInstaller", *options, str(source / "program.py")],
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        encoding="utf-8",
        timeout=200,
        check=False,
    )
    built = tmp_path / ("program.exe" if sys.platform == "win32" else "program")
    assert built.is_file(), done.stderr
    yield str(built)
    built.unlink()


@pytest.mark.whole
@pytest.mark.servers("6.31.0")
def test_in_a_program_of_one_file(program: str, file_server: Server, tmp_path: Path) -> None:
    smoke([program], NAME, file_server.url, str(tmp_path), cwd=tmp_path)
