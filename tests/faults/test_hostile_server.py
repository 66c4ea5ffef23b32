"""What a hostile server may try: each case of the table ends as it must, in time, and with bounded memory.

The table is in `hostile/`: what the server does, which call is made, the error or value that has to come of
it, and what that may cost. `hostile/table.py` prints it with what was measured.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict

import pytest

from .hostile.case import Case
from .hostile.measurement import measure, resident
from .hostile.table import CASES, ELSEWHERE

# What it holds is the same on every Python; it takes long.
pytestmark = pytest.mark.whole

ROOT = Path(__file__).parents[2]
DEAR = [case for case in CASES if case.dear]


def test_every_case_has_a_name_of_its_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case_ends_as_it_must_within_its_cost(case: Case) -> None:
    measure(case)


@pytest.fixture(scope="module")
def of_the_system() -> Dict[str, float]:
    return resident(DEAR)


@pytest.mark.parametrize("case", DEAR, ids=lambda case: case.name)
def test_dear_case_takes_no_more_of_the_system(case: Case, of_the_system: Dict[str, float]) -> None:
    """What zlib takes is not Python's own."""
    assert of_the_system[case.name] < case.megabytes


@pytest.mark.parametrize("reference", ELSEWHERE)
def test_what_is_held_elsewhere_is_there(reference: str) -> None:
    path, _, name = reference.partition("::")
    source = (ROOT / path).read_text(encoding="utf-8")
    assert re.search(rf"^def {name or 'test_'}", source, flags=re.MULTILINE)
