"""Making the virtual environments of the servers, the official clients and a few tools, once.

They are kept in `.servers/` at the root of the repository, or in the folder that the environment
variable GRADIO_TEST_ENVIRONMENTS names. Make all of them with::

    python -m tests.apps.environments

An environment's folder carries a hash of its pins, so a changed pin makes a new one. A file written
last marks a complete one; a lock lets several test runs make each only once.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Dict, Iterator, List

from .interpreters import Release, choose, find_interpreters
from .pins import (
    DISCORD_BOTS,
    HUB_LIBRARIES,
    OFFICIAL_CLIENTS,
    PYDANTIC,
    SERVERS,
    TOOLS,
    WEBSOCKET_CLIENTS,
    WITHOUT_WEBSOCKETS,
    Pins,
)

_INSTALL_TIMEOUT = 600.0  # seconds, for one environment on a slow network
_COMPLETE = "complete"


class EnvironmentFailed(Exception):
    """A virtual environment could not be made; carries what the installer said."""


def server_python(version: str) -> str:
    """The interpreter that has this Gradio release, made now if need be."""
    return ensure(SERVERS[version])


def official_client_python(version: str) -> str:
    """The interpreter that has this release of the official client, made now if need be."""
    return ensure({**OFFICIAL_CLIENTS, **WEBSOCKET_CLIENTS}[version])


def pydantic_pythons() -> Dict[Release, str]:
    """The interpreters that have pydantic, one for each Python release found; made now if need be."""
    return {release: ensure(pins) for release, pins in PYDANTIC.items() if release in _interpreters()}


def tool_python(name: str) -> str:
    """The interpreter that has this tool, a key of `pins.TOOLS`, made now if need be."""
    return ensure(TOOLS[name])


def ensure(pins: Pins) -> str:
    """The path of the environment's interpreter; makes the environment unless it is there.

    Raises:
        EnvironmentFailed: the installer failed, with its output.
    """
    release, base = choose(pins.python, _interpreters())
    folder = _root() / f"{pins.name}-{_key(pins, release)}"
    if not (folder / _COMPLETE).exists():
        with _locked(Path(f"{folder}.lock")):
            if not (folder / _COMPLETE).exists():
                _make(folder, base, pins, release)
    return str(_python_of(folder))


def install_into(folder: Path, python: str, *requirements: str) -> None:
    """Install packages, with what they require, into a plain folder.

    Args:
        folder: takes them.
        python: the interpreter they are for.
        requirements: as pip takes them; paths of wheels, too.
    """
    _uv("pip", "install", "--python", python, "--target", str(folder), *requirements)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock between processes; the kernel lets go of it if we die."""
    import fcntl  # Windows has none; the tests that need no environment run there all the same

    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(folder: Path, base: str, pins: Pins, release: Release) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # what an interrupted run has left
    _uv("venv", "--python", base, str(folder))
    requirements, overrides = pins.install_on(release)
    file = folder / "overrides.txt"
    file.write_text("\n".join(overrides))
    if requirements:
        _uv("pip", "install", "--python", str(_python_of(folder)), *requirements, "--override", str(file))
    (folder / _COMPLETE).touch()


def _uv(*arguments: str) -> None:
    environ = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_CONFIG": "1"}
    environ.setdefault("UV_HTTP_TIMEOUT", "180")
    for inherited in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME"):
        environ.pop(inherited, None)
    command = [*_uv_command(), *arguments]
    done = subprocess.run(
        command,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_INSTALL_TIMEOUT,
        check=False,
    )
    if done.returncode:
        raise EnvironmentFailed(f"{' '.join(command)} failed:\n{done.stdout}")


@cache
def _uv_command() -> List[str]:
    if (
        subprocess.run([sys.executable, "-m", "uv", "--version"], capture_output=True, check=False).returncode
        == 0
    ):
        return [sys.executable, "-m", "uv"]
    found = shutil.which("uv")
    if found is None:
        raise EnvironmentFailed("uv is needed to make the test servers' environments: pip install uv")
    return [found]


@cache
def _interpreters() -> Dict[Release, str]:
    return find_interpreters()


def _root() -> Path:
    named = os.environ.get("GRADIO_TEST_ENVIRONMENTS")
    root = Path(named) if named else Path(__file__).resolve().parents[2] / ".servers"
    root.mkdir(parents=True, exist_ok=True)
    (root / ".gitignore").write_text("*\n")  # so that git and the linters pass it by
    return root


def _key(pins: Pins, release: Release) -> str:
    requirements, overrides = pins.install_on(release)
    text = "\n".join([*requirements, *overrides, repr(release)])
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def _python_of(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def main() -> None:
    """Make every environment, a few at a time, and say how long each took."""

    def timed(pins: Pins) -> str:
        begun = time.monotonic()
        ensure(pins)
        return f"{pins.name}: {time.monotonic() - begun:.1f} s"

    tables = (SERVERS, OFFICIAL_CLIENTS, WEBSOCKET_CLIENTS, HUB_LIBRARIES, DISCORD_BOTS, TOOLS)
    every = [pins for table in tables for pins in table.values()]
    every += [pins for release, pins in PYDANTIC.items() if release in _interpreters()]
    with ThreadPoolExecutor(max_workers=4) as pool:
        for line in pool.map(timed, [*every, WITHOUT_WEBSOCKETS]):
            print(line)


if __name__ == "__main__":
    main()
