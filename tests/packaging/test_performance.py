"""The benchmark counts right, and the documents show what it has written."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any, Dict, List
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))  # where `pytest` runs against an installed package, the checkout is not there

from benchmarks import counting, documents, parts  # noqa: E402
from benchmarks.figures import (  # noqa: E402
    CLIENTS,
    COUNT,
    HEAD,
    LIMIT,
    MB,
    MS,
    OFFICIAL,
    OURS,
    Bar,
    Figure,
    ratio,
    table,
)

PERFORMANCE = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
FOUND = {"a": {LIMIT: [0.002, 0.004, 0.003], OFFICIAL: [0.09], OURS: [0.006, 0.0036]}}


def rows(document: str) -> List[List[str]]:
    """The cells of the table between the marks."""
    _, _, rest = document.partition("<!-- figures:")
    lines = rest.partition("<!-- end of figures -->")[0].splitlines()
    return [line[2:-2].split(" | ") for line in lines if line.startswith("| ")]


# --- arithmetic


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0 ms"), (0.00123, "1.23 ms"), (0.05, "50 ms"), (1.2345, "1,234 ms"), (0.0000456, "0.046 ms")],
)
def test_value_is_shown_with_the_digits_that_count(value: float, shown: str) -> None:
    assert MS.show(value) == shown


def test_number_without_unit_is_shown_alone() -> None:
    assert COUNT.show(10_000) == "10,000"


@pytest.mark.parametrize(
    ("ours", "other", "shown"),
    [
        (3, 2, "1.50"),
        (1, 8, "1/8"),
        (3, 10, "1/3.3"),
        (1, 2000, "1/2,000"),
        (0, 2, "–"),
        (2, 0, "–"),
        (30, 2, "15"),
    ],
)
def test_ratio_is_shown_so_that_it_can_be_compared(ours: float, other: float, shown: str) -> None:
    assert ratio({OURS: ours, LIMIT: other}, OURS, LIMIT) == shown


def test_ratio_to_what_was_not_measured_is_none() -> None:
    assert ratio({OURS: 1}, OURS, LIMIT) == "–"


@pytest.mark.parametrize(
    ("bar", "shown", "holds"),
    [
        (Bar(5), "≤ 5 ms", True),
        (Bar(4), "≤ 4 ms", False),
        (Bar(1.6, LIMIT), "≤ 1.6 × limit", True),
        (Bar(1.5, LIMIT), "≤ 1.5 × limit", False),
        (Bar(1 / 15, OFFICIAL), "≤ official / 15", True),
        (Bar(1 / 25, OFFICIAL), "≤ official / 25", False),
    ],
)
def test_bar_is_a_value_or_a_ratio(bar: Bar, shown: str, holds: bool) -> None:
    values = Figure("a", "", MS).values(FOUND)
    assert values == {LIMIT: 0.003, OFFICIAL: 0.09, OURS: pytest.approx(0.0048)}
    assert (bar.show(MS), bar.holds(values, MS)) == (shown, holds)


def test_bar_of_what_was_not_measured_neither_holds_nor_fails() -> None:
    assert Bar(1, OFFICIAL).holds({OURS: 1}, MS) is None
    assert Bar(1).holds({}, MS) is None


def test_least_counts_where_the_rest_is_the_machines() -> None:
    assert Figure("a", "", MS, least=True).values(FOUND)[OURS] == 0.0036


def test_row_says_all_of_a_figure() -> None:
    text = table([Figure("a", "a call", MS, Bar(4, LIMIT)), Figure("b", "no call", MB)], FOUND)
    assert text.splitlines() == [
        f"| {' | '.join(HEAD)} |",
        "|---|--:|--:|--:|--:|--:|---|---|",
        "| a call | 3 ms | 90 ms | 4.8 ms | 1.60 | 1/19 | ≤ 4 × limit | yes |",
        "| no call | – | – | – | – | – | | |",
    ]


def test_instructions_are_read_from_what_the_counter_says() -> None:
    assert counting.instructions_in("==1== \n==1== I   refs:      1,234,567\n") == 1234567


def test_system_calls_are_read_by_name() -> None:
    log = (
        "% time     seconds  usecs/call     calls    errors syscall\n"
        "------ ----------- ----------- --------- --------- ----------------\n"
        " 60.00    0.000600           6       100         3 futex\n"
        " 40.00    0.000400           4        90           sendto\n"
        "------ ----------- ----------- --------- --------- ----------------\n"
        "100.00    0.001000           5       190         3 total\n"
    )
    assert counting.system_calls_in(log) == {"futex": 100, "sendto": 90}


def test_measure_that_fails_loses_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    def measure(_: Any, client: str) -> Dict[str, List[float]]:
        if client == OFFICIAL:
            raise RuntimeError("broken")
        return {"a": [1.0]}

    found = parts.run([parts.Part("first", measure, [], rounds=2)], None)  # type: ignore[arg-type]
    assert found == {"a": {LIMIT: [1.0, 1.0], OURS: [1.0, 1.0]}}
    assert capsys.readouterr().err.count("first, official: NOT MEASURED: RuntimeError: broken\n") == 1


def test_figures_replace_what_stood_between_the_marks() -> None:
    document = documents.between(f"a\n{documents.START}old\n{documents.END}b\n", "new")
    assert document == f"a\n{documents.START}\nnew\n\n{documents.END}b\n"
    assert documents.between(document, "new") == document
    with pytest.raises(ValueError, match="no place"):
        documents.between("a", "new")


# --- what is written


def test_table_is_in_the_document() -> None:
    head, *shown = rows(PERFORMANCE)
    assert tuple(head) == HEAD
    names = [name for name, *_ in shown]
    assert len(names) == len(set(names)) > 30
    assert set(CLIENTS) <= set(head)


def test_each_bar_that_is_not_met_is_explained() -> None:
    missed = {row[0] for row in rows(PERFORMANCE)[1:] if row[-1] == "**no**"}
    _, _, rest = PERFORMANCE.partition("\n## Bars that are not met\n")
    explained = re.findall(r"^- \*\*(.+?)\*\*:", rest.partition("\n## ")[0], re.MULTILINE)
    assert missed <= set(explained)


def test_readme_shows_values_of_the_table() -> None:
    values = {tuple(row[1:4]) for row in rows(PERFORMANCE)}
    shown = [row for row in rows(README)[1:] if "packages installed" not in row[0]]
    assert [row[0] for row in shown] == list(documents.SHOWN.values())
    for _, ours, limit, official, _ in shown:
        assert (limit, official, ours) in values


@pytest.mark.parametrize("name", ["latency", "chat", "crowd"])
def test_chart_shows_all_clients_and_needs_nothing_from_elsewhere(name: str) -> None:
    chart = (ROOT / "docs" / f"{name}.svg").read_text(encoding="utf-8")
    texts = "".join(ElementTree.fromstring(chart).itertext())
    for shown in ("http.client", "official", "gradio_client_lite"):
        assert shown in texts
    assert not re.findall(r'(?:href|src)="(?!#)', chart)
    assert f"({name}.svg)" in PERFORMANCE
