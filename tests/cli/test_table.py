"""Tests `table.py`."""

from __future__ import annotations

import csv
import io
import os
import threading
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest

from gradio_client_lite.cli.table import Record, Table
from gradio_client_lite.errors import ArgumentError, GradioClientError, InvalidFile, InvalidValue

Json = Dict[str, Any]


def parameter(name: str, kind: Any, *default: Any) -> Json:
    known = {"parameter_name": name, "type": kind, "parameter_has_default": bool(default)}
    return {**known, "parameter_default": default[0]} if default else known


TEXT = parameter("text", {"type": "string"})
COUNT = parameter("count", {"type": "integer"}, 3)
NOTE = parameter("note", {"type": "string"}, "none")


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., Table]:
    def table(name: str, content: Any, parameters: Optional[List[Json]] = None, kind: Any = None) -> Table:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        made = Table(str(path), kind)
        made.parameters = parameters
        return made

    return table


def calls(table: Table) -> List[Any]:
    """The arguments of the rows, or what is wrong with each."""
    return [call(table, record) for record in table.records()]


def call(table: Table, record: Record) -> Any:
    try:
        return table.arguments(record)
    except GradioClientError as exc:
        return type(exc)


# --- CSV


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_columns_are_parameters_by_name(table: Any, delimiter: str) -> None:
    lines = ("\ufeffcount| text", '1|"a, ""b""\nc"', "", "2|", "")
    made = table("rows.csv", "\r\n".join(lines).replace("|", delimiter), [TEXT, COUNT])
    assert [record.number for record in made.records()] == [1, 2]
    assert calls(made) == [('a, "b"\nc', 1), ("", 2)]


def test_an_empty_cell_is_an_empty_text_or_the_default(table: Any) -> None:
    made = table("rows.csv", "text,count,note\n,,\n", [TEXT, COUNT, NOTE])
    assert calls(made) == [("", 3, "")]


def test_a_column_that_is_not_there_has_its_default(table: Any) -> None:
    assert calls(table("rows.csv", "text\na\n", [TEXT, COUNT])) == [("a", 3)]


def test_an_empty_cell_where_there_is_neither(table: Any) -> None:
    made = table("rows.csv", 'n\n""\n', [parameter("n", {"type": "array"}, None)])
    assert calls(made) == [(None,)]


def test_rows_of_other_lengths_and_values_of_other_types(table: Any) -> None:
    made = table("rows.csv", "text,count\na,1,x\nb\nc,many\nd,4\n", [TEXT, COUNT])
    assert calls(made) == [InvalidValue, InvalidValue, InvalidValue, ("d", 4)]
    assert next(made.records()) == Record(1, ["a", "1", "x"], "has 3 cells, and the first line 2")


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("text,counts", "must have the parameters text, count, and names ['counts']. Leave that out"),
        ("count", "lacks ['text'], which has no default"),
        ("text,text", "names ['text'] more than once"),
    ],
)
def test_a_first_line_that_can_be_no_call(table: Any, header: str, part: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        list(table("rows.csv", header + "\n1,2\n", [TEXT, COUNT]).records())
    assert part in str(caught.value)


def test_an_endpoint_without_parameters_says_so(table: Any) -> None:
    with pytest.raises(ArgumentError, match="must have no parameters"):
        list(table("rows.csv", "a\n1\n", []).records())


def test_columns_go_in_order_where_nothing_is_known(table: Any) -> None:
    assert calls(table("rows.csv", "a;b\n1;x\n")) == [(1, "x")]


def test_what_is_no_csv(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = csv.field_size_limit
    monkeypatch.setattr("csv.field_size_limit", lambda _: limit(5))
    with pytest.raises(InvalidFile, match=r"Line 3 of .*rows.csv is no CSV: field larger"):
        list(table("rows.csv", "text\na\ntoo long\n", [TEXT]).records())
    limit(0x7FFFFFFF)


def test_a_large_cell(table: Any) -> None:
    large = "x" * 200_000
    assert calls(table("rows.csv", f"text\n{large}\n", [TEXT])) == [(large,)]


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
def test_an_empty_input(table: Any, name: str) -> None:
    made = table(name, "", [TEXT])
    assert calls(made) == []


# --- lines


def test_a_table_without_a_first_line(table: Any) -> None:
    assert calls(table("rows.csv", "\n\na\n", [])) == [InvalidValue]


def test_lines_of_json(table: Any) -> None:
    made = table("rows.jsonl", '{"count": 1, "text": "a"}\n\n["b", 2]\n"c"\n{"text": "d"}', [TEXT, COUNT])
    assert calls(made) == [("a", 1), ("b", 2), ("c", 3), ("d", 3)]


def test_lines_of_json_that_can_be_no_call(table: Any) -> None:
    made = table("rows.ndjson", '{"text"\n[1, 2, 3]\n{"texts": "a"}\n{}\n[\n', [TEXT, COUNT])
    assert calls(made) == [InvalidValue, ArgumentError, ArgumentError, ArgumentError, InvalidValue]
    assert next(made.records()).inputs == '{"text"'


def test_values_of_json_where_nothing_is_known(table: Any) -> None:
    made = table("rows.jsonl", '[1, "a"]\n2\n{"a": 1}\n')
    assert calls(made) == [(1, "a"), (2,), ArgumentError]


# --- files


def test_the_format_is_that_of_the_name_if_none_is_given(table: Any) -> None:
    assert calls(table("rows.TSV", "text\na\n", [TEXT])) == [("a",)]
    assert calls(table("rows", '"a"\n', [TEXT])) == [("a",)]
    assert calls(table("rows", "text\na\n", [TEXT], kind="csv")) == [("a",)]


@pytest.mark.parametrize(("path", "why"), [("missing.csv", "No such file"), ("a\0.csv", "null")])
def test_an_input_that_cannot_be_read(path: str, why: str) -> None:
    with pytest.raises(InvalidFile, match=f"cannot be read: .*{why}"):
        Table(path)


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl"])
def test_an_input_that_is_no_utf_8(table: Any, name: str) -> None:
    with pytest.raises(InvalidFile, match="is no text in UTF-8"):
        calls(table(name, b"text\n\xe4\n", [TEXT]))


def test_a_pipe_is_opened_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "rows.csv")
    made = Table(str(tmp_path / "rows.csv"))  # which must not make its writer think that the reader is gone
    made.parameters = [TEXT]
    writer = threading.Thread(target=(tmp_path / "rows.csv").write_text, args=("text\na\nb\n",))
    writer.start()
    assert made.trickles
    assert calls(made) == [("a",), ("b",)]
    writer.join()


def test_a_file_called_as_standard_input_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "-").write_text('"b"\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO('"a"\n'))
    made = Table("-")
    assert made.trickles  # so that nobody reads it to count the rows
    assert calls(made) == [("a",)]
    assert calls(Table("./-", "jsonl")) == [("b",)]


def test_no_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(InvalidFile, match="There is no standard input"):
        Table("-")


class Trickle:
    """The arrivals of a table that reads standard input, whose lines come one by one."""

    def __init__(self, writer: int) -> None:
        self._writer = writer
        self.woken = threading.Semaphore(0)
        self.arrivals = Table("-").arrivals(self.woken.release)

    def write(self, text: bytes) -> None:
        os.write(self._writer, text)

    def end(self) -> None:
        os.close(self._writer)

    def next(self) -> Any:
        assert self.woken.acquire(timeout=10)
        record = next(self.arrivals)
        return record and record.inputs


@pytest.fixture
def trickle(monkeypatch: pytest.MonkeyPatch) -> Iterator[Trickle]:
    reader, writer = os.pipe()
    with open(reader, encoding="ascii") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        yield Trickle(writer)


def test_rows_arrive_as_they_come(trickle: Trickle) -> None:
    assert next(trickle.arrivals) is None
    trickle.write(b"1\n")
    assert trickle.next() == 1
    assert next(trickle.arrivals) is None
    trickle.write(b"2\n3\n")
    assert [trickle.next(), trickle.next()] == [2, 3]
    trickle.end()
    with pytest.raises(StopIteration):
        trickle.next()


def test_an_error_of_what_trickles_is_told_in_its_turn(trickle: Trickle) -> None:
    assert next(trickle.arrivals) is None
    trickle.write(b"1\n")
    assert trickle.next() == 1
    trickle.write(b"\xe4\n")
    trickle.end()
    with pytest.raises(InvalidFile, match="is no text in UTF-8"):
        trickle.next()


def test_no_more_is_read_ahead_than_is_soon_needed(trickle: Trickle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradio_client_lite.cli.table._AHEAD", 2)
    assert next(trickle.arrivals) is None
    trickle.write(b"1\n2\n3\n4\n")
    trickle.end()
    assert trickle.woken.acquire(timeout=10)
    assert trickle.woken.acquire(timeout=10)
    assert not trickle.woken.acquire(timeout=0.2)
    assert [record.inputs for record in trickle.arrivals if record is not None] == [1, 2, 3, 4]


def test_a_file_is_read_as_its_rows_are_asked_for(table: Any) -> None:
    arrivals = table("rows.jsonl", "1\n2\n").arrivals(pytest.fail)
    assert [record.inputs for record in arrivals] == [1, 2]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO('"ä"\n'.encode()), encoding="ascii")
    monkeypatch.setattr("sys.stdin", stdin)
    made = Table("-")
    made.parameters = [TEXT]
    assert made.trickles
    assert calls(made) == [("ä",)]
    assert not stdin.closed


def test_standard_input_of_another_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("text\na\n"))
    made = Table("-", "csv")
    made.parameters = [TEXT]
    assert calls(made) == [("a",)]
