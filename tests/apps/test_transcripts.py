"""Every command on a pseudo-terminal, against a real Gradio 6.31: what people see, and what scripts get."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import List

import pytest
from cli.terminal import screen, shown

from gradio_client_lite import Client

from .pseudo_terminal import Session
from .servers import Server

pytestmark = [
    pytest.mark.servers("6.31.0"),
    pytest.mark.whole,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


def seen(session: Session) -> List[str]:
    """What stands on the terminal once the command has ended well."""
    code, _, _ = session.end()
    lines = screen(session.written())
    assert code == 0, lines
    return [line for line in lines if line]


# --- what is left on the terminal


def test_version() -> None:
    with Session("--version") as session:
        assert re.fullmatch(r"\d+\.\d+\.\d+\S*", *seen(session))


def test_info(server: Server) -> None:
    with Session("info", server.url, "/calculate") as session:
        assert any("/calculate" in line for line in seen(session))


def test_predict(server: Server) -> None:
    with Session("predict", server.url, "/echo", "a word") as session:
        assert seen(session) == ["a word"]


def test_predict_takes_values_by_name_and_prints_json(server: Server) -> None:
    words = ("num1=1e1", "operation=add", "num2=2", "--json")
    with Session("predict", server.url, "/calculate", *words) as session:
        assert [json.loads(line) for line in seen(session)] == [12]


def test_each_output_is_a_line_between_which_progress_goes(server: Server) -> None:
    with Session("predict", server.url, "/count", "4", "0.3", "--stream") as session:
        assert seen(session) == ["0", "1", "2", "3"]
        assert any(line.startswith("running") for line in shown(session.written()))


def test_an_error_is_one_line_once_the_progress_is_gone(server: Server) -> None:
    with Session("predict", server.url, "/fail_midway", "2", "--stream") as session:
        code, _, _ = session.end()
        lines = [line for line in screen(session.written()) if line]
    assert code == 5
    assert lines[:2] == ["part 0", "part 1"]
    assert lines[2].startswith("error: ")
    assert len(lines) == 3


def test_an_endpoint_that_is_not_there(server: Server) -> None:
    with Session("predict", server.url, "/ecko", "x", size=(300, 24)) as session:
        assert session.end()[0] == 2
        (line,) = session.written().splitlines()
        assert re.match("error: .*/ecko", line)


def test_rows(server: Server, tmp_path: Path) -> None:
    source, output = tmp_path / "rows.csv", tmp_path / "out.jsonl"
    source.write_text("text\n" + "".join(f"row {n}\n" for n in range(300)))
    with Session("map", server.url, "/echo", "--input", str(source), "--output", str(output)) as session:
        assert seen(session) == []
        assert any(re.match(r"\[#*-*\] \d+% \d+ of 300 rows", line) for line in shown(session.written()))
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert sorted(row["row"] for row in rows) == list(range(1, 301))
    assert all(row["result"] == row["inputs"]["text"] for row in rows)


def test_rows_on_the_terminal_itself(server: Server, tmp_path: Path) -> None:
    source = tmp_path / "rows.jsonl"
    source.write_text("[0.2]\n" * 6)
    with Session("map", server.url, "/slow", "--input", str(source), "--parallel", "2") as session:
        lines = seen(session)
        assert "rows" in session.written()
    assert sorted(json.loads(line)["row"] for line in lines) == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("words", [["typed"], ["snippet", "/echo"], ["snippet", "/echo", "--lang", "curl"]])
def test_code_to_copy(server: Server, words: List[str]) -> None:
    with Session(words[0], server.url, *words[1:], size=(300, 24)) as session:
        assert any("echo" in line for line in seen(session))


def test_the_demo_and_a_vendored_copy(tmp_path: Path) -> None:
    with Session("demo") as session:
        assert any("Hello, Ada!" in line for line in seen(session))
    with Session("vendor", str(tmp_path), "--name", "copied", size=(300, 24)) as session:
        assert "copied: " in seen(session)[0]


# --- progress


def test_progress_of_the_app_is_seen_and_gone_at_the_end(server: Server) -> None:
    with Session("predict", server.url, "/progress", "30") as session:
        assert seen(session) == ["done"]
        lines = shown(session.written())
    assert any(re.match(r"\[#+-*\] \d+% working \d+/30 steps", line) for line in lines)


def test_the_place_in_the_queue_is_seen(server: Server) -> None:
    with Client(server.url, verbose=False) as client:
        before = client.submit(60, api_name="/alone")
        next(before)
        with Session("predict", server.url, "/alone", "0.01") as session:
            session.wait_for("in queue, place 1")
            before.cancel()
            assert seen(session) == ["0"]


def test_bytes_of_a_large_file_are_seen(server: Server, tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    with open(large, "wb") as file:
        file.truncate(60_000_000)
    with Session("predict", server.url, "/file_size", str(large)) as session:
        assert seen(session) == ["60000000"]
        assert any("sending [" in line and "of 60.0 MB" in line for line in shown(session.written()))


def test_messages_of_the_app_stay(server: Server) -> None:
    with Session("predict", server.url, "/tell", "x") as session:
        assert seen(session) == ["info: for your information: é", "warning: be warned", "x"]


def test_a_result_alone_goes_into_a_pipe(server: Server) -> None:
    with Session("predict", server.url, "/progress", "30", piped=["stdout"]) as session:
        assert session.end()[:2] == (0, "done\n")
        assert any("working" in line for line in shown(session.written()))


@pytest.mark.parametrize("how", ["piped", "quiet"])
def test_nothing_is_shown_where_nobody_looks(server: Server, how: str) -> None:
    words = ["--quiet"] if how == "quiet" else []
    piped = ["stderr"] if how == "piped" else []
    with Session("predict", server.url, "/progress", "20", *words, piped=piped) as session:
        assert session.end() == (0, "", "")
        assert session.written() == "done\n"


def test_plain_lines_without_colours(server: Server) -> None:
    with Session("predict", server.url, "/progress", "130", NO_COLOR="1") as session:
        assert seen(session)[-1] == "done"
        assert "\r" not in session.written()
        assert "working" in session.written()


def test_a_window_made_smaller_has_shorter_lines(server: Server) -> None:
    with Session("predict", server.url, "/progress", "80") as session:
        session.wait_for("working")
        session.resize(20, 24)
        before = len(session.written())
        assert session.end()[0] == 0
        assert session.written().endswith("done\n")
        after = session.written()[before:].partition("\n")[0].split("\r")[2:]  # one may have been under way
    assert len(after) > 2
    assert max(map(len, after)) <= 19


# --- interrupts


def test_an_interrupt_cancels_the_job_at_the_server(server: Server) -> None:
    with Session("predict", server.url, "/alone", "60", piped=["stdout"]) as session:
        session.wait_for("running")
        session.press("\x03")
        assert session.end()[:2] == (130, "")
    with Client(server.url, verbose=False) as client:  # which can go on only then
        assert client.predict(0.01, api_name="/alone") == 0


def test_an_interrupt_of_rows_cancels_them_and_tells_how_to_go_on(server: Server, tmp_path: Path) -> None:
    source, output = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    source.write_text("0.01\n60\n60\n")
    # One at a time: calls that join at once may be taken in any order.
    words = ("--input", str(source), "--output", str(output), "--parallel", "1")
    with Session("map", server.url, "/alone", *words) as session:
        session.wait_for("1 of 3 rows")
        session.press("\x03")
        assert session.end()[0] == 130
        lines = [line for line in screen(session.written()) if line]
    assert lines[-1] == "Stopped: 1 row done. Go on with --resume; rows that failed are tried again."
    with Client(server.url, verbose=False) as client:
        assert client.predict(0.01, api_name="/alone") == 0
    assert len(output.read_text().splitlines()) == 1
