"""Tests the command `typed.py`."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Iterator

import pytest

from gradio_client_lite import cli
from gradio_client_lite.testing import App, serve


def greet(name: str, mood: str = "größt") -> str:
    return f"{name} {mood}"


@pytest.fixture
def app() -> Iterator[App]:
    with serve({"/greet": greet}) as app:
        yield app


def test_the_module_is_printed(app: App, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["typed", app.url]) == 0
    text, err = capsys.readouterr()
    compile(text, "my_app.py", "exec")
    assert "\ndef greet(\n" in text
    assert "'größt'" in text
    assert text.endswith("    return _result\n")
    assert err == ""


def test_where_output_is_not_utf_8_the_module_is_ascii(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.TextIOWrapper(io.BytesIO(), encoding="cp1252", newline="\n")
    monkeypatch.setattr(sys, "stdout", out)
    assert cli.main(["typed", app.url]) == 0
    content = out.buffer.getvalue()  # type: ignore[attr-defined]
    assert b"'gr\\xf6\\xdft'" in content


def test_an_app_is_as_its_module_says_until_it_changes(
    app: App, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "my_app.py"
    cli.main(["typed", app.url])
    path.write_text(capsys.readouterr().out, encoding="utf-8")
    assert cli.main(["typed", "--check", str(path)]) == 0
    assert capsys.readouterr() == ("", "")
    with serve({"/greet": lambda name: name, "/wave": lambda: "o/"}) as changed:
        assert cli.main(["typed", changed.url, "--check", str(path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [f"--- {path}", f"+++ {changed.url}"]
    assert "-    mood: str='größt'," in lines
    assert "+def wave(client: Client," in lines


def test_a_difference_moves_no_cursor(app: App, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "my\x1b[2Japp.py"
    path.write_text(f"APP = {app.url!r}\ndef a():\n    return 'b\x1b[2J'\n", encoding="utf-8")
    assert cli.main(["typed", "--check", str(path)]) == 1
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "does not say which app"),
        (b"APP = 3", "does not say which app"),
        (b"APP = f()", "does not say which app"),
        (b"other = 'x'", "does not say which app"),
        (b"def", "is no module that `typed` has written"),
        (b"\xff", "is no module"),
        (b"\0", "is no module"),
        (b"(" * 10_000, "is no module"),
        ("größe = 1".encode("utf-16"), "is no module"),
    ],
)
def test_what_typed_has_not_written_is_told_with_code_2(
    content: bytes, part: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "my_app.py"
    path.write_bytes(content)
    assert cli.main(["typed", "--check", str(path)]) == 2
    assert f"my_app.py {part}" in capsys.readouterr().err


def test_a_module_that_is_checked_is_not_run(
    app: App, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "my_app.py"
    path.write_text(f"import os\nAPP = {app.url!r}\nos.abort()\n", encoding="utf-8")
    assert cli.main(["typed", "--check", str(path)]) == 1
    assert "+def greet(client: Client," in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "Name the app"),
        (["--check", "missing.py"], "missing.py cannot be read: No such file"),
    ],
)
def test_a_mistake_is_told_with_code_2(
    arguments: list[str],
    part: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["typed", *arguments]) == 2
    assert part in capsys.readouterr().err
