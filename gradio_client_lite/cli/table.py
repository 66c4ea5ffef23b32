"""Table: the rows of the input of the command map, and the arguments that they are.

    csv      the names of parameters in the first line, separated by , ; or tabs; in the others a text for
             each, read as on the command line (`values.convert`). An empty cell is an empty text, or else the
             parameter's default
    jsonl    an object of names, an array in the order of the parameters, or the one value that there is
    text     the first parameter alone, as on the command line

A row is known by its number, from 1, empty lines not counted. What it holds is only looked at when it is its
turn, so that an input may be longer than memory.
"""

from __future__ import annotations

import io
import json
import os
import sys
from itertools import chain
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, TextIO, Tuple

from ..errors import ArgumentError, InvalidFile, InvalidValue, shorten, shown
from ..wire.arguments import bind
from .values import adapt, convert

Parameter = Dict[str, Any]

_FORMATS = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".txt": "text"}
_DELIMITERS = ",;\t"
#: The most characters of a cell; `csv` takes no more than fit a C long.
_LARGEST_CELL = 0x7FFFFFFF
_MOST_SHOWN = 300  # characters of names in an error
_ANYTHING: Parameter = {"parameter_name": "value", "type": {}}


class Record(NamedTuple):
    """One row as it stands in the input.

    Args:
        number: from 1.
        inputs: what it holds, as JSON has it.
        problem: why it can be no call; "" where nothing is known against it.
    """

    number: int
    inputs: Any
    problem: str = ""


class Table:
    """The input.

    Args:
        path: a file; "-" is standard input.
        kind: its format; None is that of its name, and JSON Lines for standard input.
        keep: names that are no parameters, and are not sent.

    Attributes:
        parameters: of the endpoint, as its description has them; None where that does not tell. To be set
            before rows are read.

    Raises:
        ArgumentError: nothing says what format it has.
        InvalidFile: it cannot be read.
    """

    def __init__(self, path: str, kind: Optional[str] = None, keep: Sequence[str] = ()) -> None:
        known = "jsonl" if path == "-" else _FORMATS.get(os.path.splitext(path)[1].lower(), "")
        self._kind = kind or known
        if not self._kind:
            raise ArgumentError(f"What is in {path}? Say so by --format csv, jsonl or text.")
        self._path = path
        self._keep = frozenset(keep)
        self.parameters: Optional[List[Parameter]] = None
        if path != "-":
            self._opened().close()
        elif isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(encoding="utf-8-sig", newline="")

    def records(self) -> Iterator[Record]:
        """Read the rows.

        Raises:
            ArgumentError: the first line of a CSV file does not name the parameters.
            InvalidFile: it cannot be read on.
        """
        read = {"csv": self._of_csv, "jsonl": _of_jsonl, "text": _of_text}[self._kind]
        file = sys.stdin if self._path == "-" else self._opened()
        try:
            for number, (inputs, problem) in enumerate(read(file), 1):
                yield Record(number, inputs, problem)
        except UnicodeDecodeError as exc:
            raise InvalidFile(f"The input {self._path} is no text in UTF-8. Save it as such.") from exc
        finally:
            if file is not sys.stdin:
                file.close()

    def count(self) -> Optional[int]:
        """How many rows there are, read for that alone; None where they can be read only once."""
        return sum(1 for _ in self.records()) if os.path.isfile(self._path) else None

    def arguments(self, record: Record) -> Tuple[Any, ...]:
        """The arguments that a row is, in order.

        Raises:
            ArgumentError: one is missing, unknown or one too many.
            InvalidValue, InvalidFile: one is nothing that its parameter takes, or the row is none at all.
        """
        if record.problem:
            raise InvalidValue(f"Row {record.number} {record.problem}.")
        inputs, parameters = record.inputs, self.parameters or []
        args: List[Any] = []
        kwargs: Dict[str, Any] = {}
        if self._kind == "jsonl" and not isinstance(inputs, dict):
            values = inputs if isinstance(inputs, list) else [inputs]
            if self.parameters is not None and len(values) > len(parameters):
                raise ArgumentError(f"Row {record.number} has {len(values)} values, for {self._names()}.")
            known = parameters + [_ANYTHING] * (len(values) - len(parameters))
            args = [adapt(parameter, value) for parameter, value in zip(known, values)]
        elif self._kind == "text":
            args = [convert(parameters[0] if parameters else _ANYTHING, str(inputs))]
        else:
            named = {name: value for name, value in inputs.items() if name not in self._keep}
            if self._kind == "jsonl":
                kwargs = {name: adapt(self._known(name), value) for name, value in named.items()}
            elif self.parameters is None:
                args = [convert(_ANYTHING, text) for text in named.values()]
            else:
                kwargs = {
                    name: convert(self._known(name), text)
                    for name, text in named.items()
                    if text or not _is_left_out(self._known(name))
                }
        return tuple(bind(self.parameters, tuple(args), kwargs))

    def _known(self, name: str) -> Parameter:
        """The parameter of a name."""
        named = (each for each in self.parameters or () if each.get("parameter_name") == name)
        return next(named, _ANYTHING)

    def _names(self) -> str:
        names = ", ".join(str(parameter.get("parameter_name")) for parameter in self.parameters or ())
        return f"the parameters {shorten(names, _MOST_SHOWN)}" if names else "no parameters"

    def _opened(self) -> TextIO:
        try:
            return open(self._path, encoding="utf-8-sig", newline="")
        except (OSError, ValueError) as exc:  # a null character
            why = getattr(exc, "strerror", None) or exc
            raise InvalidFile(f"The input {self._path} cannot be read: {why}.") from exc

    # -- CSV

    def _of_csv(self, file: TextIO) -> Iterator[Tuple[Any, str]]:
        import csv

        csv.field_size_limit(_LARGEST_CELL)
        first = file.readline()
        if not first:
            return
        headers = {each: next(csv.reader([first], delimiter=each)) for each in _DELIMITERS}
        delimiter = max(headers, key=lambda each: (self._hits(headers[each]), len(headers[each])))
        reader = csv.reader(chain([first], file), delimiter=delimiter)
        try:
            header = [name.strip() for name in next(reader)]
            self._check(header)
            for cells in reader:
                if len(cells) == len(header):
                    yield dict(zip(header, cells)), ""
                elif cells:
                    yield cells, f"has {len(cells)} cells, and the first line {len(header)}"
        except csv.Error as exc:
            raise InvalidFile(f"Line {reader.line_num} of {self._path} is no CSV: {exc}.") from exc

    def _hits(self, header: List[str]) -> int:
        """How many names of parameters, and of what is kept, a line has."""
        return sum(self._known(name.strip()) is not _ANYTHING or name in self._keep for name in header)

    def _check(self, header: List[str]) -> None:
        """Raise ArgumentError for a first line that can be no call."""
        told = f"The first line of {self._path}"
        twice = sorted(name for name in set(header) if header.count(name) > 1)
        if twice:
            raise ArgumentError(f"{told} names {shown(twice)} more than once.")
        if self.parameters is None:
            return
        unknown = [name for name in header if name not in self._keep and self._known(name) is _ANYTHING]
        if unknown:
            raise ArgumentError(
                f"{told} must have {self._names()}, and names {shown(unknown)}. Leave that out of the calls "
                "with --keep NAME,NAME."
            )
        missing = [
            parameter.get("parameter_name")
            for parameter in self.parameters
            if not parameter.get("parameter_has_default") and parameter.get("parameter_name") not in header
        ]
        if missing:
            raise ArgumentError(f"{told} lacks {shown(missing)}, which has no default.")


def _of_jsonl(file: TextIO) -> Iterator[Tuple[Any, str]]:
    for line in file:
        text = line.strip()
        if text:
            try:
                yield json.loads(text), ""
            except (ValueError, RecursionError) as exc:
                yield text, f"is no JSON: {exc}"


def _of_text(file: TextIO) -> Iterator[Tuple[Any, str]]:
    for line in file:
        text = line.rstrip("\r\n")
        if text:
            yield text, ""


def _is_left_out(parameter: Parameter) -> bool:
    """Whether an empty cell means a parameter's default: where it has one, and takes no empty text."""
    if not parameter.get("parameter_has_default"):
        return False
    try:
        return bool(convert(parameter, "") != "")
    except (InvalidFile, InvalidValue):
        return True
