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
    path.write_text(f"APP = {app.url!r}\nclass A:\n    a: 'b\x1b[2J'\n", encoding="utf-8")
    assert cli.main(["typed", "--check", str(path)]) == 1
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ([], "Name the app"),
        (["--check", "missing.py"], "missing.py cannot be read: No such file"),
        (["--check", "other.py"], "other.py does not say which app"),
        (["--check", "broken.py"], "broken.py is no module"),
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
    Path("other.py").touch()
    Path("broken.py").write_text("def", encoding="utf-8")
    assert cli.main(["typed", *arguments]) == 2
    assert part in capsys.readouterr().err
