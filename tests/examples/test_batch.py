"""examples/batch works, over two copies of the embedded app."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import gradio_client_lite
from gradio_client_lite.testing import AppError, serve

SCRIPT = Path(__file__).parents[2] / "examples" / "batch" / "classify.py"
PACKAGE = Path(gradio_client_lite.__file__).parent.parent


def classify(text: str, language: str) -> str:
    if text == "text 7":
        raise AppError("no class for it")
    return f"{language}: {len(text)}"


def test_each_row_has_its_line(tmp_path: Path) -> None:
    source, target = tmp_path / "rows.csv", tmp_path / "results.jsonl"
    source.write_text("text,language\n" + "".join(f'"text {n}",en\n' for n in range(50)))
    with serve({"/classify": classify}) as one, serve({"/classify": classify}) as two:
        done = subprocess.run(
            [sys.executable, str(SCRIPT), str(source), str(target), "/classify", one.url, two.url],
            env={**os.environ, "PYTHONPATH": str(PACKAGE)},
            capture_output=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr.split(b"\r")[-1].rstrip() == b"50 rows, 1 failed"
    lines = sorted(map(json.loads, target.read_text().splitlines()), key=lambda line: line["number"])
    assert [line["text"] for line in lines] == [f"text {n}" for n in range(50)]
    assert lines[6] == {"number": 6, "text": "text 6", "language": "en", "result": "en: 6"}
    assert lines[7] == {"number": 7, "text": "text 7", "language": "en", "error": "no class for it"}
