"""What the README shows is true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import List

import pytest

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
CI = (Path(__file__).parents[2] / ".ci" / "run").read_text(encoding="utf-8")


def blocks(language: str) -> List[str]:
    """The code blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_example_that_needs_no_network_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = [block for block in blocks("python") if "serve(" in block]
    exec(compile(example, "README.md", "exec"), {})
    assert "Loaded as API" in capsys.readouterr().out


def test_ci_takes_its_test_command_from_the_readme() -> None:
    (section,) = re.findall(r"^## Run the tests$.*?(?=^It )", README, re.MULTILINE | re.DOTALL)
    (command,) = re.findall(r"^python3 -m venv.*$", section, re.MULTILINE)
    assert command.endswith("tox")
    assert "/^## Run the tests/,/^It /" in CI
