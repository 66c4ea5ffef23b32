"""The Pythons of this machine that a C program can be built with."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Tuple

from apps.interpreters import SUPPORTED, Release, find_interpreters

_PROBE = """
import json, os, sys, sysconfig
names = ("LIBDIR", "LIBPL", "LDVERSION", "LIBS", "SYSLIBS", "LINKFORSHARED")
found = {name: sysconfig.get_config_var(name) or "" for name in names}
print(json.dumps({**found, "include": sysconfig.get_path("include"), "home": sys.base_prefix}))
"""
_PROGRAM = Path(__file__).with_name("embed.c")


class Embeddable(NamedTuple):
    """A Python with headers and a library.

    Args:
        home: where it finds its own modules.
        options: of the compiler.
    """

    release: Release
    home: str
    options: List[str]

    def build(self, compiler: str, program: Path) -> None:
        """Compile the program that runs code in interpreters of this Python."""
        subprocess.run([compiler, "-o", str(program), str(_PROGRAM), *self.options], check=True, timeout=120)


@functools.cache
def find_compiler() -> str:
    """A C compiler; empty where there is none."""
    return shutil.which("gcc") or shutil.which("cc") or ""


@functools.cache
def find_embeddable() -> Tuple[Embeddable, ...]:
    """Every release that can be embedded here, oldest first."""
    if not find_compiler():
        return ()
    asked = ((release, _ask(python)) for release, python in sorted(find_interpreters().items()))
    return tuple(
        Embeddable(release, answer["home"], _options(answer))
        for release, answer in asked
        if release in SUPPORTED
        and os.path.exists(os.path.join(answer["include"], "Python.h"))
        and _libraries(answer)
    )


def _ask(python: str) -> Dict[str, Any]:
    done = subprocess.run(
        [python, "-I", "-c", _PROBE], capture_output=True, text=True, timeout=60, check=True
    )
    answer: Dict[str, Any] = json.loads(done.stdout)
    return answer


def _libraries(answer: Dict[str, Any]) -> List[str]:
    """The folders that hold the library."""
    name = f"libpython{answer['LDVERSION']}"
    folders = [answer[key] for key in ("LIBDIR", "LIBPL") if answer[key]]
    return [
        folder
        for folder in folders
        if any(os.path.exists(os.path.join(folder, name + ending)) for ending in (".so", ".a", ".dylib"))
    ]


def _options(answer: Dict[str, Any]) -> List[str]:
    places = [option for folder in _libraries(answer) for option in (f"-L{folder}", f"-Wl,-rpath,{folder}")]
    libraries = (
        f"-lpython{answer['LDVERSION']} {answer['LIBS']} {answer['SYSLIBS']} {answer['LINKFORSHARED']}"
    )
    return [f"-I{answer['include']}", *places, *libraries.split()]
