"""Runs the scripts in tests/apps/moving one after another and writes what each has printed, as JSON.

Arguments: "official", "changed" (their imports are those of the package that the fourth argument names) or
"installed" (it takes the official name); the app's URL; the folder of the scripts; that name.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import re
import sys
import threading
import traceback
from pathlib import Path

_PATIENCE = 30.0  # seconds for a script, on a busy machine
#: The official client now and then loses a job: see `oracle.py`. Then the script is run again.
_ATTEMPTS = {"official": 5}


def main(how: str, url: str, folder: str, package: str = "") -> None:
    if how == "installed":
        importlib.import_module(f"{package}.compat").install()
    said = {}
    for path in sorted(Path(folder).glob("*.py")):
        source = path.read_text(encoding="utf-8")
        if how == "changed":
            source = with_changed_imports(source, package)
        text = ""
        for _ in range(_ATTEMPTS.get(how, 1)):
            text = printed_by(source, path, url)
            if "failed:" not in text:
                break
        said[path.stem] = text.replace(url[4:], "://app/")
    print(json.dumps(said), flush=True)
    os._exit(0)  # threads of jobs that were lost would be waited for


def printed_by(source: str, path: Path, url: str) -> str:
    """What a script prints; where it fails, or does not end, that is said in the last line."""
    ended = threading.Event()

    def run() -> None:
        try:
            exec(compile(source, str(path), "exec"), {"__name__": "__main__"})
        except BaseException as error:
            traceback.print_exc()
            print("failed:", repr(error))
        ended.set()

    sys.argv = [str(path), url]
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        threading.Thread(target=run, daemon=True).start()
        if not ended.wait(_PATIENCE):
            print("failed: it does not end")
    return printed.getvalue()


def with_changed_imports(source: str, package: str) -> str:
    """The script with nothing but its imports changed."""
    source = re.sub(
        r"^import gradio_client$", f"import {package} as gradio_client", source, flags=re.MULTILINE
    )
    return re.sub(r"^from gradio_client\b", f"from {package}", source, flags=re.MULTILINE)


if __name__ == "__main__":
    main(*sys.argv[1:])
