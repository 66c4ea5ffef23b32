"""The table of a run: of each kind of fault, what came of it."""

from __future__ import annotations

from collections import defaultdict
from typing import Dict, Iterable, List, Set, Tuple

import pytest

from .faults import Kind
from .invariants import Verdict
from .trial import Report
from .workload import Late

TABLE: pytest.StashKey[Table] = pytest.StashKey()
_COLUMNS = ("schedules", "struck", *(verdict.value for verdict in Verdict), "other", "leaked")


class Table:
    """Counts reports, by release and kind of the first fault."""

    def __init__(self) -> None:
        self._rows: Dict[Tuple[str, str], Dict[str, int]] = defaultdict(lambda: dict.fromkeys(_COLUMNS, 0))
        self._seeds: Set[int] = set()
        self._longest = 0.0
        self._again = self._late = 0

    def add(self, reports: Iterable[Report], leaked: int = 0) -> None:
        """Count what came of schedules that ran beside each other, and what they left."""
        for report in reports:
            self._seeds.add(report.schedule.seed)
            for name in (
                report.schedule.release,
                *[fault.kind.value for fault in report.schedule.faults[:1]],
            ):
                row = self._rows["fault" if name in _KINDS else "release", name]
                row["schedules"] += 1
                row["struck"] += len(report.struck)
                row["other"] += len(report.wrong)
                row["leaked"] += leaked
                for outcome in report.outcomes:
                    row[report.verdict(outcome).value] += 1
            failed = [outcome for outcome in report.outcomes if outcome.error is not None]
            late = [outcome for outcome in failed if isinstance(outcome.error, Late)]
            self._late += len(late)
            self._longest = max([self._longest, *(each.seconds for each in failed if each not in late)])
            self._again += report.attempts > 1
            leaked = 0

    def lines(self) -> List[str]:
        """The table as lines of text."""
        header = "".join(f"{name:>13}" for name in _COLUMNS)
        lines = []
        for group in ("release", "fault"):
            lines.append(f"{group:<11}{header}")
            for (kind, name), row in sorted(self._rows.items()):
                if kind == group:
                    lines.append(f"{name:<11}" + "".join(f"{row[column]:>13}" for column in _COLUMNS))
            lines.append("")
        if self._seeds:
            lines.append(f"seeds {min(self._seeds)} to {max(self._seeds)}")
        lines.append(f"longest time to an error: {self._longest:.1f} s")
        lines.append(f"{self._late} calls were given up by their caller, where a stall cannot be told")
        lines.append(f"the next call took more than one attempt in {self._again} schedules")
        return lines


_KINDS = frozenset(kind.value for kind in Kind)
