"""Tests `journal.py`."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from gradio_client_lite.cli.journal import Journal
from gradio_client_lite.cli.progress import Progress
from gradio_client_lite.errors import ArgumentError, FolderError, InvalidFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out.jsonl"


def opened(path: Any, *, resume: bool = True) -> Journal:
    return Journal(str(path), resume=resume, progress=Progress(quiet=True))


def line(row: int, inputs: Any, **outcome: Any) -> str:
    return json.dumps({"row": row, "inputs": inputs, **(outcome or {"result": "r"})}) + "\n"


def rows(path: Path) -> List[Dict[str, Any]]:
    return [json.loads(text) for text in path.read_text("utf-8").splitlines()]


def test_a_row_is_a_line(path: Path) -> None:
    with opened(path, resume=False) as journal:
        journal.write(1, {"a": "ä\n"}, {"result": [1, None]})
        journal.write(2, "x", {"error": {}})
        assert journal.kept == 0
        assert journal.lasts
    assert path.read_text("utf-8") == (
        '{"row": 1, "inputs": {"a": "ä\\n"}, "result": [1, null]}\n{"row": 2, "inputs": "x", "error": {}}\n'
    )


def test_half_of_a_surrogate_pair_is_escaped(path: Path) -> None:
    with opened(path) as journal:
        journal.write(1, "\ud83d", {"result": "ä"})
    assert path.read_bytes() == b'{"row": 1, "inputs": "\\ud83d", "result": "\\u00e4"}\n'
    with opened(path) as journal:
        assert journal.has(1, "\ud83d")


def test_rows_of_an_earlier_run_are_known(path: Path) -> None:
    path.write_text(line(3, {"n": 1.0, "m": "1"}))
    with opened(path) as journal:
        assert journal.kept == 1
        assert journal.has(3, {"n": 1.0, "m": "1"})
        assert not journal.has(1, {"n": 1.0, "m": "1"})
        with pytest.raises(InvalidFile, match=r"Row 3 of the input is not the one that .*out.jsonl has"):
            journal.has(3, {"n": 1.0, "m": "2"})
        journal.write(1, "x", {"result": 1})
    assert [row["row"] for row in rows(path)] == [3, 1]


@pytest.mark.parametrize(
    "torn",
    [
        '{"row": 2, "inputs": "b", "resu',
        '{"row": 2, "inputs": "b", "result": 1}',
        '{"row": 2, "inputs": "b", "error": {}}\n',
        '{"row": 2, "result": 1}\n',
        '{"row": true, "inputs": "b", "result": 1}\n',
        '{"row": 1, "inputs": "a", "result": "again"}\n',
        "\0\0\0\n",
        "[]\n",
        "[" * 100_000 + "\n",
        "\n",
    ],
    ids=lambda text: text[:30],
)
def test_lines_without_a_result_are_left_out(path: Path, torn: str) -> None:
    path.write_text(line(1, "a") + torn + ("" if not torn.endswith("\n") else line(3, "c")))
    path.chmod(0o640)
    with opened(path) as journal:
        assert not journal.has(2, "b")
        journal.write(2, "b", {"result": "new"})
    assert [(row["row"], row["result"]) for row in rows(path) if row["row"] < 3] == [(1, "r"), (2, "new")]
    assert path.stat().st_mode & 0o777 == 0o640
    assert os.listdir(path.parent) == ["out.jsonl"]


@pytest.mark.parametrize("start", ['{"ro', '{"row": 1, "inputs": "a"'])
def test_a_first_line_that_was_torn(path: Path, start: str) -> None:
    path.write_text(start)
    with opened(path) as journal:
        journal.write(1, "a", {"result": 1})
    assert [row["row"] for row in rows(path)] == [1]


@pytest.mark.parametrize("content", ["a,b\n1,2\n", '{"text": 1}\n', "\0\0"])
def test_a_file_of_something_else_stays_as_it_is(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(InvalidFile, match="was not written by this command"):
        opened(path)
    assert path.read_text() == content


def test_a_link_stays_one(path: Path, tmp_path: Path) -> None:
    (tmp_path / "there").write_text(line(1, "a") + "torn")
    path.symlink_to("there")
    opened(path).__exit__()
    assert path.is_symlink()
    assert path.read_text() == line(1, "a")


def test_a_file_that_is_there_is_not_begun_anew(path: Path) -> None:
    path.write_text(line(1, "a"))
    with pytest.raises(ArgumentError, match=r"exists. Go on with it by --resume"):
        opened(path, resume=False)
    path.write_text("")
    opened(path, resume=False).__exit__()


@pytest.mark.parametrize("torn", ["", "torn"])
def test_two_processes_cannot_write_at_the_same_time(path: Path, torn: str) -> None:
    path.write_text(line(1, "a") + torn)
    with opened(path), pytest.raises(ArgumentError, match="Another process is writing"):
        opened(path)
    opened(path).__exit__()


def test_a_file_that_was_replaced_while_it_was_opened_is_not_written_to(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    lock: Callable[[int, int], None] = fcntl.flock
    others: List[Journal] = []

    def late(number: int, how: int) -> None:
        if not others:
            monkeypatch.setattr("fcntl.flock", lock)
            others.append(opened(path))  # which leaves the torn line out, and so makes another file of it
        lock(number, how)

    path.write_text(line(1, "a") + "torn")
    monkeypatch.setattr("fcntl.flock", late)
    with pytest.raises(ArgumentError, match="Another process is writing"):
        opened(path)
    with others[0] as other:
        other.write(2, "b", {"result": 2})
    assert [row["row"] for row in rows(path)] == [1, 2]


def test_a_file_system_without_locks_is_written_to(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(number: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr("fcntl.flock", flock)
    with opened(path) as journal:
        journal.write(1, "a", {"result": 1})
    assert len(rows(path)) == 1


def test_a_system_without_locks_is_written_to(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fcntl", None)
    with opened(path) as journal:
        journal.write(1, "a", {"result": 1})
    assert len(rows(path)) == 1


def full(*_: Any) -> int:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_that_is_full_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(path) as journal:
        monkeypatch.setattr("os.write", full)
        with pytest.raises(FolderError, match=r"out.jsonl cannot be written: No space left on device. Mend"):
            journal.write(1, "a", {"result": 1})


def test_no_row_is_glued_to_one_that_the_disk_had_no_room_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write: Callable[[int, Any], int] = os.write
    steps = iter([lambda number, content: write(number, content[:9]), full])
    with opened(path) as journal:
        journal.write(1, "a", {"result": 1})
        with monkeypatch.context() as patched:
            patched.setattr("os.write", lambda *given: next(steps)(*given))
            with pytest.raises(FolderError, match="No space left"):
                journal.write(2, "b", {"result": 2})
        journal.write(3, "c", {"result": 3})
    assert [row["row"] for row in rows(path)] == [1, 3]


def test_a_disk_too_full_to_go_on_leaves_what_there_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(line(1, "a") + "torn")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(FolderError, match="No space left on device"):
        opened(path)
    assert path.read_text() == line(1, "a") + "torn"


def test_a_line_that_is_taken_in_parts_is_whole(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write: Callable[[int, Any], int] = os.write
    with opened(path) as journal:
        monkeypatch.setattr("os.write", lambda number, content: write(number, content[:5]))
        journal.write(1, "a", {"result": 1})
    assert rows(path) == [{"row": 1, "inputs": "a", "result": 1}]


@pytest.mark.parametrize("name", ["missing/out.jsonl", ""])
def test_a_place_where_no_file_can_be(tmp_path: Path, name: str) -> None:
    with pytest.raises(FolderError, match="cannot be written"):
        opened(tmp_path / name)


def test_a_pipe_is_written_to_until_nobody_reads(path: Path) -> None:
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with opened(path, resume=False) as journal:
        assert not journal.lasts
        journal.write(1, "a", {"result": 1})
        assert os.read(reader, 1000) == b'{"row": 1, "inputs": "a", "result": 1}\n'
        os.close(reader)
        with pytest.raises(FolderError, match="cannot be written: Broken pipe"):
            journal.write(2, "b", {"result": 2})
    assert path.is_fifo()


@pytest.mark.parametrize("name", ["-", "/dev/stdout"])
def test_standard_output(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with opened(name, resume=False) as journal:
        journal.write(1, "a", {"result": "\x9b"})
        assert not journal.lasts
        assert not journal.has(1, "a")
    assert capsys.readouterr().out == '{"row": 1, "inputs": "a", "result": "\x9b"}\n'
    with pytest.raises(ArgumentError, match="--resume needs a file"):
        opened(name)


def test_a_file_may_be_called_as_standard_output_is(tmp_path: Path) -> None:
    with opened(tmp_path / "-") as journal:
        journal.write(1, "a", {"result": 1})
    assert len(rows(tmp_path / "-")) == 1
