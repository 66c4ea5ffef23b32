"""Finding the Python interpreters of this machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterator, Optional, Tuple

Release = Tuple[int, int]

_PROJECT = Path(__file__).parents[2] / "pyproject.toml"
#: What the package is for, as its classifiers say, oldest first.
SUPPORTED: Tuple[Release, ...] = tuple(
    (3, int(minor)) for minor in re.findall(r'Python :: 3\.(\d+)"', _PROJECT.read_text(encoding="utf-8"))
)

# What the old servers run on, best first. 3.13 works with the extras named in pins.py.
_USABLE: Tuple[Release, ...] = ((3, 11), (3, 10), (3, 12), (3, 13))

_PROBE = "import sys; print(*sys.version_info[:2], sys.executable)"


def find_interpreters() -> Dict[Release, str]:
    """The interpreters found by name on PATH or under pyenv, and the running one: release -> path."""
    found: Dict[Release, str] = {}
    for candidate in _candidates():
        release, path = _probe(candidate)
        if release is not None:
            found.setdefault(release, path)
    return found


def choose(preferred: Release, found: Dict[Release, str]) -> Tuple[Release, str]:
    """The preferred release if it is there, else the first usable one."""
    for release in (preferred, *_USABLE):
        if release in found:
            return release, found[release]
    raise RuntimeError(
        f"No Python from 3.10 to 3.13 was found to run Gradio with; there are {sorted(found)}. Install one."
    )


def _candidates() -> Iterator[str]:
    yield sys.executable
    for release in SUPPORTED:
        name = shutil.which("python{}.{}".format(*release))
        if name:
            yield name
    # pyenv's shims refuse the versions that are not active, so its folder is looked at as well.
    pyenv = shutil.which("pyenv")
    if pyenv:
        root = os.environ.get("PYENV_ROOT") or _output([pyenv, "root"])
        if root:
            yield from (
                str(path) for path in sorted(Path(root, "versions").glob("3.*/bin/python"), reverse=True)
            )


def _probe(command: str) -> Tuple[Optional[Release], str]:
    major, _, rest = (_output([command, "-I", "-c", _PROBE]) or "").partition(" ")
    minor, _, path = rest.partition(" ")
    if not path:
        return None, ""
    return (int(major), int(minor)), path


def _output(command: list[str]) -> Optional[str]:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
