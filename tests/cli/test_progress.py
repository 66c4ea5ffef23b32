"""Tests `progress.py`."""

from __future__ import annotations

import io
import os
import threading
import time
from typing import Any, Callable, Iterator

import pytest

from cli.terminal import Terminal, screen, shown
from gradio_client_lite.cli import progress as module
from gradio_client_lite.cli.progress import Progress
from gradio_client_lite.spaces.runtime import SpaceStatus
from gradio_client_lite.updates import (
    LogUpdate,
    OutputUpdate,
    ProgressUnit,
    ProgressUpdate,
    Status,
    StatusUpdate,
)


@pytest.fixture(autouse=True)
def _colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


class Clock:
    """A clock that goes on by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Gives the line that something makes, some seconds later."""

    def line(*steps: Callable[[Progress], object], after: float = 0.5, before: float = 0.0) -> str:
        clock, stream = Clock(), Terminal()
        with Progress(stream=stream, clock=clock) as progress:
            for step in steps[:-1]:
                step(progress)
                clock.now += before
            steps[-1](progress)
            clock.now += after
            deadline = time.monotonic() + 10
            while not stream.getvalue() and time.monotonic() < deadline:
                time.sleep(0.005)
        return shown(stream.getvalue())[0]

    return line


def status(code: Status, **fields: Any) -> Callable[[Progress], object]:
    return lambda progress: progress.update(StatusUpdate(code, **fields))


def trackers(*units: ProgressUnit) -> Callable[[Progress], object]:
    return lambda progress: progress.update(ProgressUpdate(Status.PROGRESS, progress_data=list(units)))


def unit(index: Any = None, length: Any = None, name: Any = None, share: Any = None, desc: Any = None) -> Any:
    return ProgressUnit(index, length, name, share, desc)


# --- what it says


def test_a_place_in_the_queue_and_the_time_left(line: Any) -> None:
    shows = status(Status.IN_QUEUE, rank=2, queue_size=7, eta=12.9)
    assert line(shows) == "in queue, place 3 of 7, about 12 s left"
    assert line(shows, after=5) == "in queue, place 3 of 7, about 7 s left"


def test_a_queue_that_says_little(line: Any) -> None:
    assert line(status(Status.IN_QUEUE)) == "in queue"
    assert line(status(Status.IN_QUEUE, rank=0)) == "in queue, place 1"


@pytest.mark.parametrize("eta", [-1.0, float("nan"), float("inf"), 1e300, 0.2, None])
def test_an_estimate_that_tells_nothing_is_left_out(line: Any, eta: Any) -> None:
    assert line(status(Status.PROCESSING, eta=eta)) == "running"


def test_how_long_it_takes(line: Any) -> None:
    assert line(status(Status.PROCESSING), after=75) == "running, 1 min 15 s"
    assert line(status(Status.JOINING_QUEUE), after=3) == "joining queue, 3 s"
    assert line(status(Status.PROCESSING), status(Status.ITERATING), before=7300) == "running, 2 h 1 min"


def test_progress_of_the_app(line: Any) -> None:
    assert line(trackers(unit(5, 20, "steps", None, "Loading"))) == (
        "[#####---------------] 25% Loading 5/20 steps"
    )
    assert line(trackers(unit(share=0.5))) == "[##########----------] 50%"
    assert line(trackers(unit(3, None, "files"))) == "3 files"
    assert line(trackers(unit(desc="Almost there"))) == "Almost there"


def test_trackers_within_each_other(line: Any) -> None:
    text = line(trackers(*(unit(desc=f"level {number}") for number in range(5))))
    assert text == "level 2 / level 3 / level 4"


@pytest.mark.parametrize("share", [-1, 7, True])
def test_a_share_that_cannot_be(line: Any, share: Any) -> None:
    assert line(trackers(unit(share=share))).startswith("[")


@pytest.mark.parametrize(
    "strange", [unit(), unit("a", [], {}, "b"), unit(float("nan"), 0, None, float("inf")), unit(10**400, 1)]
)
def test_progress_that_tells_nothing(line: Any, strange: Any) -> None:
    assert line(trackers(strange)) == "running"


def test_texts_of_any_kind_are_told(line: Any) -> None:
    assert (
        line(trackers(unit(1, 2, ["u"], None, {"a": 1}))) == '[##########----------] 50% {"a": 1} 1/2 ["u"]'
    )


def test_a_space_that_is_waited_for(line: Any) -> None:
    building = SpaceStatus("owner/name", "APP_STARTING", "https://x", "Please wait")
    assert line(lambda progress: progress.space(building), after=65) == (
        "Space owner/name: app starting, 1 min 5 s"
    )


def test_bytes_on_their_way(line: Any) -> None:
    assert line(lambda progress: progress.uploaded(1_500_000, 3_000_000)) == (
        "sending [##########----------] 50% of 3.0 MB"
    )
    assert line(lambda progress: progress.downloaded(20_300, None)) == "receiving 20.3 kB"


def test_bytes_stand_behind_the_job_while_they_are_on_their_way(line: Any) -> None:
    running = status(Status.PROCESSING)
    assert line(running, lambda progress: progress.uploaded(0, 1000)) == (
        "running, sending [--------------------] 0% of 1.0 kB"
    )
    done: Any = lambda progress: progress.uploaded(1000, 1000)  # noqa: E731
    assert line(lambda progress: progress.uploaded(0, 1000), running, done) == "running"


def test_rows_their_rate_and_the_time_left(line: Any) -> None:
    first: Any = lambda progress: progress.rows(100, 0, 1000)  # noqa: E731
    later: Any = lambda progress: progress.rows(297, 3, 1000)  # noqa: E731
    assert line(first) == "[##------------------] 10% 100 of 1,000 rows"
    assert line(first, later, before=20) == (
        "[######--------------] 30% 300 of 1,000 rows, 3 failed, 10.0/s, 1 min 9 s left"
    )


def test_rows_of_which_nobody_knows_how_many_there_are(line: Any) -> None:
    assert line(lambda progress: progress.rows(1500, 0, None)) == "1,500 rows"


def test_rows_stand_alone(line: Any) -> None:
    sending: Any = lambda progress: progress.uploaded(0, 1000)  # noqa: E731
    assert line(sending, lambda progress: progress.rows(1, 0, None)) == "1 rows"


# --- how it is written


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


class Shown:
    """A progress on a terminal."""

    def __init__(self, **options: Any) -> None:
        self.stream = Terminal()
        self.progress = Progress(stream=self.stream, **options)

    def written(self) -> str:
        return self.stream.getvalue()

    def wait_for(self, text: str) -> None:
        wait_for(lambda: text in self.written())


@pytest.fixture
def on() -> Iterator[Shown]:
    made = Shown()
    with made.progress:
        yield made


def test_a_line_is_drawn_at_most_ten_times_a_second(on: Shown) -> None:
    began = time.monotonic()
    for number in range(30):
        on.progress.rows(number, 0, None)
        time.sleep(0.02)
    on.wait_for("29 rows")
    assert 2 <= len(shown(on.written())) <= (time.monotonic() - began) * 10 + 1


def test_the_last_news_are_drawn_though_nothing_follows(on: Shown) -> None:
    on.progress.rows(1, 0, None)
    on.wait_for("1 rows")
    on.progress.rows(2, 0, None)
    on.wait_for("2 rows")


def test_times_go_on_while_nothing_happens(on: Shown) -> None:
    on.progress.update(StatusUpdate(Status.PROCESSING))
    on.wait_for("running, 1 s")


def test_a_shorter_line_leaves_nothing_of_the_one_before(on: Shown) -> None:
    on.progress.update(StatusUpdate(Status.IN_QUEUE, rank=1, queue_size=5))
    on.wait_for("in queue")
    on.progress.update(StatusUpdate(Status.PROCESSING))
    on.wait_for("running")
    assert screen(on.written()) == ["running"]


def test_nothing_is_left_at_the_end() -> None:
    made = Shown()
    with made.progress:
        made.progress.rows(1, 0, None)
        made.wait_for("1 rows")
    assert screen(made.written()) == [""]


@pytest.mark.parametrize("end", [StatusUpdate(Status.FINISHED), OutputUpdate("x", final=True)])
def test_nothing_is_left_of_a_job_that_has_ended(on: Shown, end: Any) -> None:
    on.progress.update(StatusUpdate(Status.PROCESSING))
    on.wait_for("running")
    on.progress.update(end)
    wait_for(lambda: screen(on.written()) == [""])
    on.progress.update(end)


def test_a_message_of_the_app_stays_above_the_line(on: Shown) -> None:
    on.progress.update(StatusUpdate(Status.PROCESSING))
    on.wait_for("running")
    on.progress.update(LogUpdate(Status.LOG, log=("low on memory", "warning")))
    on.wait_for("memory")
    wait_for(lambda: screen(on.written()) == ["warning: low on memory", "running"])


def test_a_pause_makes_way_until_the_next_update(on: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", Terminal())
    on.progress.update(StatusUpdate(Status.PROCESSING))
    on.wait_for("running")
    on.progress.pause()
    assert screen(on.written()) == [""]
    before = on.written()
    on.progress.uploaded(1, 2)
    on.progress.say("above")
    on.wait_for("above\n")
    time.sleep(0.25)
    assert on.written() == before + "above\n"
    on.progress.update(StatusUpdate(Status.PROCESSING))
    on.wait_for("sending")


def test_a_pause_is_not_needed_where_output_goes_elsewhere(on: Shown, monkeypatch: Any) -> None:
    monkeypatch.setattr("sys.stdout", None)
    on.progress.rows(1, 0, None)
    on.wait_for("1 rows")
    on.progress.pause()
    assert screen(on.written()) == ["1 rows"]


def test_what_a_server_says_moves_no_cursor(on: Shown) -> None:
    on.progress.update(LogUpdate(Status.LOG, log=("\x1b[2J\rgone\u202e\x07\nnext", "in\x9bfo")))
    on.wait_for("next")
    assert on.written().endswith("info: [2J gone next\n")


def test_a_long_line_is_cut_to_the_terminal(on: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((20, 10)))
    monkeypatch.setattr(on.stream, "fileno", lambda: 2)
    on.progress.update(ProgressUpdate(Status.PROGRESS, progress_data=[unit(desc="abcdefghij" * 3)]))
    on.wait_for("a")
    assert shown(on.written()) == ["abcdefghijabcdefghi"]


def test_a_window_made_smaller_has_no_spaces_beyond_its_end(on: Shown, monkeypatch: Any) -> None:
    size = [80, 20]
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((size[0], 10)))
    monkeypatch.setattr(on.stream, "fileno", lambda: 2)
    on.progress.update(ProgressUpdate(Status.PROGRESS, progress_data=[unit(desc="abcdefghij" * 3)]))
    on.wait_for("a")
    size[0] = 20
    before = len(on.written())
    on.progress.update(StatusUpdate(Status.PROCESSING))
    on.wait_for("running")
    assert on.written()[before:] == "\r" + " " * 19 + "\rrunning"


def test_wide_letters_are_counted_twice_and_marks_not(on: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((8, 10)))
    monkeypatch.setattr(on.stream, "fileno", lambda: 2)
    on.progress.update(ProgressUpdate(Status.PROGRESS, progress_data=[unit(desc="e\u0301東京東京")]))
    on.wait_for("e")
    assert shown(on.written()) == ["e\u0301東京東"]
    on.progress.update(StatusUpdate(Status.PROCESSING))
    on.wait_for("running")
    assert on.written().endswith("\rrunning")


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_plain_lines_where_that_is_asked_for(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    monkeypatch.setattr(module, "_PLAIN", 0.1)
    made = Shown()
    with made.progress as progress:
        progress.rows(1, 0, None)
        made.wait_for("1 rows\n")
        monkeypatch.setattr("sys.stdout", Terminal())
        progress.pause()
        progress.rows(2, 0, None)
        progress.say("said")
        made.wait_for("2 rows")
    assert "\r" not in made.written()
    assert [line.partition(",")[0] for line in made.written().splitlines()] == ["1 rows", "said", "2 rows"]


@pytest.mark.parametrize("how", ["quiet", "no terminal", "none at all", "closed"])
def test_nothing_is_shown_where_nobody_looks(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed(Terminal):
        def isatty(self) -> bool:
            raise ValueError("I/O operation on closed file")

    streams = {"quiet": Terminal(), "no terminal": io.StringIO(), "none at all": None, "closed": Closed()}
    stream: Any = streams[how]
    monkeypatch.setattr("sys.stderr", None)
    before = threading.active_count()
    with Progress(how == "quiet", stream) as progress:
        assert not progress.on
        assert threading.active_count() == before
        progress.rows(1, 0, None)
        progress.update(LogUpdate(Status.LOG, log=("text", "info")))
        progress.pause()
    assert stream is None or stream.getvalue() == ""


def test_what_is_said_is_written_where_no_line_is() -> None:
    stream = io.StringIO()
    with Progress(stream=stream) as progress:
        progress.say("one\x1b[0m\ntwo")
    assert stream.getvalue() == "one[0m two\n"
    with Progress(quiet=True, stream=stream) as progress:
        progress.say("three")
    assert "three" not in stream.getvalue()


def test_what_is_said_where_there_is_no_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    with Progress() as progress:
        progress.say("nobody hears it")


def test_a_terminal_that_takes_nothing_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped(Terminal):
        def write(self, text: str) -> int:
            stopped.set()
            go_on.wait(20)
            return len(text)

    stopped, go_on = threading.Event(), threading.Event()
    monkeypatch.setattr(module, "_PATIENCE", 0.1)
    monkeypatch.setattr("sys.stdout", Terminal())
    try:
        with Progress(stream=Stopped()) as progress:
            progress.rows(1, 0, None)
            assert stopped.wait(10)
            began = time.monotonic()
            for number in range(100):
                progress.rows(number, 0, None)
                progress.uploaded(number, 1000)
            progress.pause()
        assert time.monotonic() - began < 5
    finally:
        go_on.set()


@pytest.mark.parametrize("error", [OSError(5, "gone"), ValueError("closed")])
def test_a_terminal_that_is_gone_is_an_end_of_it(on: Shown, monkeypatch: Any, error: Exception) -> None:
    def write(text: str) -> int:
        raise error

    monkeypatch.setattr(on.stream, "write", write)
    on.progress.rows(1, 0, None)
    wait_for(lambda: not on.progress.on)
    on.progress.pause()
    on.progress.rows(2, 0, None)
