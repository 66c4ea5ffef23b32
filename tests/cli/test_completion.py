"""Tests `completion.py`, with those of the shells that are installed; bash is wherever these tests run."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from typing import Dict, List

import pytest

from gradio_client_lite.cli.program import COMMANDS

from .conftest import Run

#: How a shell is asked for what it would offer: with the script, and the words so far, the last one begun.
ASKED: Dict[str, str] = {
    "bash": """
        eval "$1"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        _lite lite "${COMP_WORDS[COMP_CWORD]}" ""
        printf '%s\\n' "${COMPREPLY[@]}"
        complete -p lite > /dev/null
    """,
    "zsh": """
        compdef() { : }; compset() { : }; _files() { : }; compadd() { print -l -- ${@:2} }
        eval "$1"; shift
        words=("$@"); CURRENT=$#; PREFIX=$words[-1]
        _lite
    """,
    "fish": """
        eval $argv[1] || exit 1
        complete -C "$argv[2..-1]"
    """,
}
FLAGS = {"bash": ["--norc", "-c"], "zsh": ["-f", "-c"], "fish": ["-N", "-c"]}
SHELLS = [shell for shell in ASKED if shutil.which(shell)]


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def offered(shell: str, script: str, *words: str) -> List[str]:
    """The words that a shell offers."""
    name = [] if shell == "fish" else ["shell"]
    done = subprocess.run(
        [shell, *FLAGS[shell], ASKED[shell], *name, script, *words],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [line for line in done.stdout.splitlines() if line and line.startswith(words[-1])]


@pytest.fixture
def script(shell: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "argv", ["/bin/lite"])
    return run("completion", shell).out


def test_commands_are_offered(shell: str, script: str) -> None:
    assert sorted(offered(shell, script, "lite", "")) == sorted(COMMANDS)
    assert offered(shell, script, "lite", "pre") == ["predict"]


def test_options_of_the_command_are_offered(shell: str, script: str) -> None:
    assert offered(shell, script, "lite", "predict", "http://host", "--str") == ["--stream"]
    assert set(offered(shell, script, "lite", "demo", "--")) == {"--help", "--json", "--serve"}


@pytest.mark.parametrize("name", sorted(ASKED))
def test_each_script_knows_all_commands_and_long_options(
    run: Run, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/__main__.py"])
    out = run("completion", name).out
    assert [command for command in COMMANDS if command not in out] == []
    assert "--token-file" in out
    assert "gradio-client-lite" in out
    assert shlex.split(out)  # its quotes are in pairs


def test_another_shell_is_refused(run: Run) -> None:
    ran = run("completion", "tcsh")
    assert ran.code == 2
    assert "tcsh" in ran.err
