"""The table of all that a hostile server is known to try, and of what has to come of it.

In the folder of the tests `python -m faults.hostile.table` measures every case and prints the table as
docs/reliability.md has it. With `--whole` it takes all changes of wrong fields, which takes an hour; words
choose the cases that have them in their names.
"""

from __future__ import annotations

import sys
from itertools import groupby
from typing import List, Tuple

from . import content, endless, files, places, streams, wrong
from .case import Case, is_error
from .measurement import Measurement, measure, resident

_FIXED = [
    *endless.CASES,
    *streams.CASES,
    *content.CASES,
    *places.CASES,
    *files.CASES,
]
CASES: List[Case] = [*_FIXED, *wrong.cases(messages=110, said=40)]

#: What is held by tests of their own, and is not said here again.
ELSEWHERE = [
    "tests/faults/test_scaling.py",
    "tests/faults/test_limit_texts.py",
    "tests/faults/test_file_theft.py",
    "tests/faults/test_quoted_secrets.py",
    "tests/files/test_file_urls.py::test_nor_does_a_segment",
    "tests/files/test_downloads.py::test_two_hundred_names_from_a_hostile_server",
    "tests/files/test_downloads.py::test_a_larger_file_is_an_error",
    "tests/transport/test_redirect.py::test_from_https_to_http_nothing_confidential_travels",
    "tests/transport/test_reach.py::test_what_was_judged_is_what_is_connected_to",
    "tests/wire/test_diff.py",
]

Row = Tuple[Case, Measurement, float]


def measured(cases: List[Case]) -> Tuple[List[Row], List[str]]:
    """Each case with what it took, and what is to be said of those that are not as they must be.

    The last number of a row is what the system counted, 0 where it was not asked.
    """
    of_the_system = resident(case for case in cases if case.dear)
    rows: List[Row] = []
    failures: List[str] = []
    for case in cases:
        system = of_the_system.get(case.name, 0.0)
        try:
            rows.append((case, measure(case), system))
            assert system < case.megabytes, f"{system} MB of the system"
        except AssertionError as exc:
            failures.append(f"{case.name}: {exc!r}"[:500])
    return rows, failures


def lines(rows: List[Row]) -> List[str]:
    """The table, in Markdown; cases that differ in the call alone share a line."""
    text = [
        "| the server | in answer to | ends with | s | limit | MB | of the system | limit |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for _, alike in groupby(rows, key=lambda row: (row[0].group, row[0].does, row[0].outcome)):
        same = list(alike)
        case = same[0][0]
        seconds = max(measurement.seconds for _, measurement, _ in same)
        most = max(measurement.megabytes for _, measurement, _ in same)
        system = max(row[2] for row in same)
        calls = ", ".join(row[0].call for row in same)
        apart = f"{system:.0f}" if any(row[0].dear for row in same) else ""
        limits = [max(row[0].seconds for row in same), max(row[0].megabytes for row in same)]
        end = case.outcome if is_error(case.ends) else f"right: {case.outcome}"
        text.append(
            f"| {case.group}: {case.does} | {calls} | {end} "
            f"| {seconds:.2f} | {limits[0]:.0f} | {most:.1f} | {apart} | {limits[1]:.0f} |"
        )
    return text


def _main(words: List[str]) -> None:
    whole = "--whole" in words
    cases = [*_FIXED, *wrong.cases(10**9, 10**9)] if whole else CASES
    wanted = [word for word in words if word != "--whole"]
    chosen = [case for case in cases if all(word in case.name for word in wanted)]
    rows, failures = measured(chosen)
    print("\n".join([*lines(rows), "", *failures]).encode("ascii", "backslashreplace").decode())
    slowest = max((measurement.seconds for _, measurement, _ in rows), default=0.0)
    print(
        f"{len(rows)} cases are as they must be, {len(failures)} are not; the slowest took {slowest:.1f} s."
    )
    sys.exit(bool(failures))


if __name__ == "__main__":
    _main(sys.argv[1:])
