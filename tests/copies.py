"""Copies of the package as other programs carry them, and running the smoke part with them."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, List, Tuple

import gradio_client_lite

PACKAGE = Path(gradio_client_lite.__file__).parent
NAME = PACKAGE.name
SMOKE = Path(__file__).parent / "packaging" / "smoke.py"
_TIMEOUT = 120.0  # seconds; PyPy starts slowly


def copy_into(folder: Path, *names: str) -> str:
    """Copy the package below `folder`, under the last name, in packages with the others; its dotted name."""
    parent = folder.joinpath(*names[:-1])
    parent.mkdir(parents=True, exist_ok=True)
    for depth in range(1, len(names)):
        folder.joinpath(*names[:depth], "__init__.py").touch()
    shutil.copytree(PACKAGE, parent / names[-1], ignore=shutil.ignore_patterns("__pycache__"))
    return ".".join(names)


def pack(folder: Path, archive: Path) -> Path:
    """Put what is in a folder into a zip file, and remove the folder."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for path in sorted(folder.rglob("*")):
            target.write(path, path.relative_to(folder))
    shutil.rmtree(folder)
    return archive


def smoke(
    command: List[str], *arguments: str, options: Tuple[str, ...] = (), **keywords: Any
) -> subprocess.CompletedProcess[str]:
    """Run the smoke part.

    Args:
        command: what starts it, up to its first argument.
        arguments: of `smoke.py`.
        options: more of them.
        keywords: of `subprocess.run`.

    Returns:
        The process, which said that all went well.
    """
    done = subprocess.run(
        [*command, *arguments, *options],
        capture_output=True,
        encoding="utf-8",
        timeout=_TIMEOUT,
        check=False,
        **keywords,
    )
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr
    return done


def script(*options: str, python: str = sys.executable) -> List[str]:
    """The command that runs the smoke part from its file."""
    return [python, *options, str(SMOKE)]
