"""The C program of `embed.c`, built for the Python that runs the tests, and what it reports."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Dict, List, NamedTuple

from apps.surroundings import plain_environ

PATIENCE = 120.0
_SOURCE = Path(__file__).with_name("embed.c")
_NAME = "python{}.{}".format(*sys.version_info)


class Held(NamedTuple):
    """What a program held before or after a life; see `embed.c`."""

    name: str
    code: int
    end: int
    threads: int
    descriptors: int
    bytes: int


class Done(NamedTuple):
    """How a program ended.

    Args:
        printed: by the Python code, on standard output.
        errors: all of standard error.
    """

    returncode: int
    held: List[Held]
    printed: str
    errors: str


class Program:
    """The program, compiled.

    Args:
        folder: for what is made.

    Raises:
        RuntimeError: there is no compiler, no header or no library; its text says what to install.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "embed"
        self._runs = 0
        command = [*_compiler(), "-Wall", "-o", str(self._path), str(_SOURCE), *_options()]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=PATIENCE, check=False)
        if done.returncode:
            raise RuntimeError(f"{shlex.join(command)}\n{done.stderr}")

    def run(self, kind: str, *lives: str) -> Done:
        """Run the code of each life in an interpreter of its own, one after the other."""
        files = [self._path.with_name(f"run{self._runs}-life{number}.py") for number in range(len(lives))]
        self._runs += 1
        for file, code in zip(files, lives):
            file.write_text(code, encoding="utf-8")
        done = subprocess.run(
            [self._path, kind, *files],
            capture_output=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
            env=self._environment(),
        )
        lines = done.stdout.splitlines(keepends=True)
        held = [line for line in lines if " descriptors=" in line]
        printed = "".join(line for line in lines if line not in held)
        return Done(done.returncode, [_read(line) for line in held], printed, done.stderr)

    def _environment(self) -> Dict[str, str]:
        return {
            **{name: value for name, value in plain_environ().items() if not name.startswith("PYTHON")},
            "PYTHONHOME": sys.base_prefix,
            "PYTHONMALLOC": "malloc",  # all memory is counted
            "PYTHONPYCACHEPREFIX": str(self._path.with_name("bytecode")),  # the first life compiles for all
        }


def _read(line: str) -> Held:
    name, *numbers = re.sub(r"\w+=", "", line).split()
    return Held(name, *map(int, numbers))


def _compiler() -> List[str]:
    """The compiler that this Python was made with, if it is here, or any other."""
    named = shlex.split(sysconfig.get_config_var("CC") or "")
    for command in (named, ["cc"], ["gcc"], ["clang"]):
        if command and shutil.which(command[0]):
            return command
    raise RuntimeError("The tests of embedding need a C compiler. Install gcc, with the headers of libc.")


def _options() -> List[str]:
    include = sysconfig.get_path("include")
    if not os.path.exists(os.path.join(include, "Python.h")):
        raise RuntimeError(f"{include} has no Python.h. Install the headers of this Python ({_NAME}-dev).")
    version = sysconfig.get_config_var("LDVERSION")
    found = [folder for folder in _folders() if list(Path(folder).glob(f"libpython{version}.*"))]
    if not found:
        raise RuntimeError(f"There is no libpython{version} for this Python. Install it ({_NAME}-dev).")
    places = [option for folder in found for option in (f"-L{folder}", f"-Wl,-rpath,{folder}")]
    words = [sysconfig.get_config_var(name) or "" for name in ("LIBS", "SYSLIBS", "LINKFORSHARED")]
    return [f"-I{include}", *places, f"-lpython{version}", *shlex.split(" ".join(words))]


def _folders() -> List[str]:
    """Where the library may be; builds that can be moved do not know where they are."""
    named = [sysconfig.get_config_var(name) or "" for name in ("LIBDIR", "LIBPL")]
    return [folder for folder in (*named, os.path.join(sys.base_prefix, "lib")) if folder]
