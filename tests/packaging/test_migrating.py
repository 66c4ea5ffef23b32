"""What docs/migrating.md shows is true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest

import gradio_client_lite
from gradio_client_lite.testing import serve

TEXT = (Path(__file__).parents[2] / "docs" / "migrating.md").read_text(encoding="utf-8")


def fail(text: str) -> None:
    raise ValueError(f"no {text}")


FUNCTIONS: Dict[str, Any] = {
    "/echo": lambda text: text,
    "/fail": fail,
    "/chat": lambda: [{"role": "assistant", "content": [{"type": "text", "text": "What?"}]}],
    "/look": lambda history: history,
}


@pytest.fixture
def url() -> Iterator[str]:
    with serve(FUNCTIONS) as app:
        yield app.url.rstrip("/")


def test_blocks_run_one_after_the_other(url: str) -> None:
    space: Dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL):
        exec(compile(block.replace("http://127.0.0.1:7860", url), "migrating.md", "exec"), space)
    assert [message["role"] for message in space["history"]] == ["assistant", "user"]
    space["client"].close()


def test_changed_imports_work() -> None:
    lines = re.findall(r"^\| `[^`]*` \| `((?:from|import) [^`]*)` \|$", TEXT, re.MULTILINE)
    space: Dict[str, Any] = {}
    for line in lines:
        exec(line, space)
    assert space["gradio_client"] is gradio_client_lite
    assert {"Client", "Job", "AppError", "QueueError", "ParameterInfo"} <= space.keys()
