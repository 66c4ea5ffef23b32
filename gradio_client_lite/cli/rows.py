"""The command map: calls an endpoint with each row of a table, and writes a line of JSON for each.

    Table: records ──► arguments ──► batch.mapping.Batch ──► Journal
                           └── a row that can be no call ─────┘

A row that fails is a line like the others, and the rest goes on. An app that wants a login, that cannot be
reached, or that fails for many rows on end, ends the command. Rows are written as they end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, Optional, Tuple

from ..errors import (
    ArgumentError,
    AuthenticationError,
    ConnectFailed,
    GradioClientError,
    HubError,
    UnsupportedAppError,
    UsageError,
)
from .connecting import CANCELLING, add_options, add_target, connect, find_function
from .journal import Journal
from .program import exit_code, tell, text_of
from .progress import Progress
from .table import Table

if TYPE_CHECKING:
    import argparse

    from ..batch.mapping import Batch
    from .table import Record

#: What is wrong with the app for all rows alike.
_OF_APP = (AuthenticationError, ConnectFailed, HubError, UnsupportedAppError)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_target(parser)
    add = parser.add_argument
    add(
        "--input",
        metavar="FILE",
        required=True,
        help="CSV whose first line names the parameters, or JSON Lines of objects, arrays or values; or -",
    )
    add("--format", choices=("csv", "jsonl"), help="else csv by the file's name, or jsonl")
    add("--output", metavar="FILE", default="-", help="JSON Lines, as rows end; else standard output")
    add(
        "--resume",
        action="store_true",
        help="go on with the output; rows that failed are tried again",
    )
    add("--parallel", metavar="N", type=int, default=8, help="calls at the same time; else 8")
    add("--retries", metavar="N", type=int, default=2, help="of a row whose error may pass; else 2")
    add_options(parser)
    parser.epilog = "example: %(prog)s http://127.0.0.1:7860 /greet --input rows.csv --output out.jsonl"
    parser.epilog += "\nThe first line of rows.csv is name, the others are names."


def run(options: argparse.Namespace) -> Optional[int]:
    from ..batch.mapping import Batch

    if options.parallel < 1 or options.retries < 0:
        raise ArgumentError("--parallel must be 1 or more, and --retries 0 or more.")
    table = Table(options.input, options.format)
    with (
        Progress(options.quiet) as progress,
        Journal(options.output, resume=options.resume, progress=progress) as journal,
        connect(options, progress) as client,
    ):
        function = find_function(client, options.endpoint)
        table.parameters = function.parameters
        rows = _Rows(table, journal, progress)
        batch = Batch(
            [client],
            rows.inputs(lambda: batch.wake()),
            **function.address,
            max_in_flight=options.parallel,
            ordered=False,
            retries=options.retries,
            on_error="return",
            rows=True,
        )
        try:
            rows.write(batch, 2 * options.parallel)
        except BaseException as exc:
            batch.close(CANCELLING)
            if isinstance(exc, (KeyboardInterrupt, GradioClientError)):
                progress.say(f"Stopped: {rows.told()}")
            raise
    if rows.first is None:
        return 0
    number, error = rows.first
    tell(f"error: row {number}: {text_of(error)} | {rows.told()}\n")
    return exit_code(error)


class _Rows:
    """The rows on their way from the table to the journal; `first` is the first that failed."""

    def __init__(self, table: Table, journal: Journal, progress: Progress) -> None:
        self._table = table
        self._journal = journal
        self._progress = progress
        self._under_way: Dict[int, Record] = {}
        self._total = sum(1 for _ in table.records()) if progress.on and not table.trickles else None
        self._done, self._failed = journal.kept, 0
        self.first: Optional[Tuple[int, BaseException]] = None

    def inputs(self, wake: Callable[[], object]) -> Iterator[Any]:
        """The arguments of the rows that are still to be done; the others are written on the way."""
        from ..batch.mapping import NOT_YET

        calls = 0
        self._show()
        for record in self._table.arrivals(wake):
            if record is None:
                yield NOT_YET
            elif not self._journal.has(record.number, record.inputs):
                try:
                    arguments = self._table.arguments(record)
                except UsageError as exc:
                    self._fail(record, exc, 0)
                    continue
                self._under_way[calls] = record
                calls += 1
                yield arguments

    def write(self, batch: Batch, patience: int) -> None:
        """Write what becomes of rows; raise the error where more than `patience` fail on end."""
        streak = 0
        for row in batch:
            record, error = self._under_way.pop(row.number), row.error
            if error is None:
                self._journal.write(record.number, record.inputs, {"result": row.result})
                self._done += 1
                self._show()
                streak = 0
                continue
            streak = streak + 1 if getattr(error, "retryable", False) else 0
            if isinstance(error, _OF_APP) or streak > patience:
                raise error
            self._fail(record, error, row.attempts)

    def told(self) -> str:
        """How many rows are done, how many failed, and how to go on."""
        failed = f", {self._failed:,} failed" if self._failed else ""
        go_on = " Go on with --resume; rows that failed are tried again." if self._journal.lasts else ""
        return f"{self._done:,} row{'' if self._done == 1 else 's'} done{failed}.{go_on}"

    def _fail(self, record: Record, error: BaseException, attempts: int) -> None:
        told = {
            "type": type(error).__name__,
            "message": str(error),
            "retryable": getattr(error, "retryable", False),
            "attempts": attempts,
        }
        self._journal.write(record.number, record.inputs, {"error": told})
        self.first = self.first or (record.number, error)
        self._failed += 1
        self._show()

    def _show(self) -> None:
        self._progress.rows(self._done, self._failed, self._total)
