"""The bundled wheel, built from this checkout and installed into empty environments."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Dict, Tuple

from .environments import tool_python
from .interpreters import SUPPORTED, Release, find_interpreters

_BUILDER = Path(__file__).parents[2] / ".ci" / "bundle.py"
_TIMEOUT = 180.0  # seconds; building fetches one small file


def build_wheel(folder: Path) -> Path:
    """Build it in an empty folder."""
    _run(tool_python("hatchling"), str(_BUILDER), str(folder))
    (wheel,) = folder.iterdir()
    return wheel


def install_everywhere(wheel: Path, folder: Path) -> Dict[Release, str]:
    """For each supported Python found here, the interpreter of an environment with this wheel alone."""
    found = {release: path for release, path in find_interpreters().items() if release in SUPPORTED}

    pip = tool_python("hatchling")

    def install(item: Tuple[Release, str]) -> Tuple[Release, str]:
        release, base = item
        environment = folder / "{}.{}".format(*release)
        _run(sys.executable, "-m", "uv", "venv", "--quiet", "--python", base, str(environment))
        python = str(environment / "bin" / "python")
        # No index, no proxy, no cache: all there is to install is in the file.
        options = ["--no-index", "--no-cache-dir", "--disable-pip-version-check", "--quiet"]
        _run(pip, "-m", "pip", "--isolated", "--python", python, "install", *options, str(wheel))
        return release, python

    with ThreadPoolExecutor(max_workers=2) as pool:
        return dict(pool.map(install, found.items()))


def run_in(python: str, code: str, *arguments: str) -> str:
    """What a program prints that can import nothing but the wheel; a warning is an error."""
    return _run(python, "-I", "-B", "-W", "error", "-c", code, *arguments)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=_TIMEOUT, check=False)
    assert done.returncode == 0, f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}"
    return done.stdout
