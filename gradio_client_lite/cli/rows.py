"""The command map: calls an endpoint with each row of a table, and writes a line of JSON for each.

    Table: records ──► arguments ──► batch.mapping.run ──► Journal
                           └── a row that can be no call ─────┘

A row that fails is a line like the others, and the rest goes on. What tells of the app rather than of the row
ends the command: an app that wants a login or cannot be reached, or that fails for so many rows, one after
another, that it must be broken. Rows are written as they end, so that as few as can be are lost with the
process; their numbers tell the order.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Dict, Iterable, Iterator, Optional, Tuple

from ..errors import (
    ArgumentError,
    AuthenticationError,
    ConnectFailed,
    GradioClientError,
    HubError,
    UnsupportedAppError,
    UsageError,
)
from ..wire.texts import one_line
from .connecting import add_options, connect, find_function
from .journal import Journal
from .program import exit_code
from .progress import Progress
from .table import Table

if TYPE_CHECKING:
    import argparse

    from ..batch.mapping import Row
    from .table import Record

#: Seconds that a command which was interrupted waits for the server to have been told.
_CANCELLING = 2.0
_GO_ON = " Go on with --resume; rows that failed are tried again."
#: What is wrong with the app for all rows alike.
_OF_APP = (AuthenticationError, ConnectFailed, HubError, UnsupportedAppError)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("app", metavar="APP", help="its URL, or the name of a Space")
    parser.add_argument("endpoint", metavar="ENDPOINT", help="such as /predict")
    parser.add_argument(
        "--input",
        metavar="FILE",
        required=True,
        help="CSV with the names of parameters in its first line; JSON Lines, each an object of names, an "
        "array or a value; or .txt, each line a value. - is standard input",
    )
    parser.add_argument(
        "--format", choices=("csv", "jsonl", "text"), help="else that of the file's name; jsonl for -"
    )
    parser.add_argument(
        "--keep",
        metavar="NAME,NAME",
        type=lambda text: text.split(","),
        default=[],
        help="columns, or names, that are not sent and stay in the output",
    )
    parser.add_argument(
        "--output", metavar="FILE", default="-", help="JSON Lines, as rows end; else standard output"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with the output of an earlier run; rows that failed are tried again",
    )
    parser.add_argument("--parallel", metavar="N", type=int, default=8, help="calls at the same time; else 8")
    parser.add_argument(
        "--retries", metavar="N", type=int, default=2, help="of a row whose error may pass; else 2"
    )
    parser.add_argument("--files", metavar="DIR", help="where files of results go; else a temporary folder")
    add_options(parser)
    parser.epilog = "example: %(prog)s http://127.0.0.1:7860 /greet --input rows.csv --output out.jsonl"
    parser.epilog += "\nThe first line of rows.csv is name, the others are names."


def run(options: argparse.Namespace) -> Optional[int]:
    from ..batch.mapping import Batch

    if options.parallel < 1 or options.retries < 0:
        raise ArgumentError("--parallel must be 1 or more, and --retries 0 or more.")
    more = {} if options.files is None else {"download_files": options.files}
    table = Table(options.input, options.format, options.keep)
    with Progress(options.quiet) as progress, ExitStack() as stack:
        journal = Journal(options.output, resume=options.resume, progress=progress)
        stack.enter_context(journal)
        client = stack.enter_context(connect(options, progress, **more))
        function = find_function(client, options.endpoint)
        table.parameters = function.parameters
        batch = _Batch(table, journal, progress, 2 * options.parallel)
        rows = Batch(
            [client],
            batch.inputs(),
            **function.address,
            max_in_flight=options.parallel,
            ordered=False,
            retries=options.retries,
            on_error="return",
            rows=True,
        )
        try:
            batch.write(rows)
        except BaseException as exc:
            rows.close(_CANCELLING)
            if isinstance(exc, (KeyboardInterrupt, GradioClientError)):
                progress.say(f"Stopped: {batch.told()}")
            raise
    return batch.code()


class _Batch:
    """One run of the command.

    Args:
        table: gives the rows.
        journal: takes what became of them.
        progress: is told of each.
        patience: how many rows may fail, one after another, with errors that may pass.
    """

    def __init__(self, table: Table, journal: Journal, progress: Progress, patience: int) -> None:
        self._table = table
        self._journal = journal
        self._progress = progress
        self._patience = patience
        self._under_way: Dict[int, Record] = {}
        self._total = table.count() if progress.on else None
        self._done, self._failed, self._streak = journal.kept, 0, 0
        self._first: Optional[Tuple[int, BaseException]] = None  # of the rows that failed

    def inputs(self) -> Iterator[Tuple[Any, ...]]:
        """The arguments of the rows that are still to be done; the others are written on the way."""
        calls = 0
        self._show()
        for record in self._table.records():
            if self._journal.has(record.number, record.inputs):
                continue
            try:
                arguments = self._table.arguments(record)
            except UsageError as exc:
                self._fail(record, exc, 0)
                continue
            self._under_way[calls] = record
            calls += 1
            yield arguments

    def write(self, rows: Iterable[Row]) -> None:
        """Write what becomes of rows.

        Raises:
            GradioClientError: the app fails for all of them; they are not written.
            FolderError: the output cannot be written.
        """
        for row in rows:
            record, error = self._under_way.pop(row.number), row.error
            if error is None:
                self._journal.write(record.number, record.inputs, {"result": row.result})
                self._done, self._streak = self._done + 1, 0
                self._show()
                continue
            self._streak = self._streak + 1 if getattr(error, "retryable", False) else 0
            if isinstance(error, _OF_APP) or self._streak > self._patience:
                raise error
            self._fail(record, error, row.attempts)

    def code(self) -> int:
        """The exit code; tells of rows that failed."""
        if self._first is None:
            return 0
        number, error = self._first
        told = one_line(str(error)) or type(error).__name__
        print(f"error: row {number}: {told} | {self.told()}", file=sys.stderr)
        return exit_code(error)

    def told(self) -> str:
        """How many rows are done, how many failed, and how to go on."""
        failed = f", {self._failed:,} failed" if self._failed else ""
        rows = f"{self._done:,} row{'' if self._done == 1 else 's'} done"
        return f"{rows}{failed}." + (_GO_ON if self._journal.lasts else "")

    def _fail(self, record: Record, error: BaseException, attempts: int) -> None:
        told = {
            "type": type(error).__name__,
            "message": str(error),
            "retryable": getattr(error, "retryable", False),
            "attempts": attempts,
        }
        self._journal.write(record.number, record.inputs, {"error": told})
        self._first = self._first or (record.number, error)
        self._failed += 1
        self._show()

    def _show(self) -> None:
        self._progress.rows(self._done, self._failed, self._total)
