"""Table: the rows of the input of the command map, and the arguments that they are.

    csv      the names of parameters in the first line, separated by , ; or tabs; in the others their texts,
             read as on the command line. An empty cell is an empty text, or else the parameter's default
    jsonl    an object of names, an array in the order of the parameters, or the one value that there is

A row is known by its number, from 1, empty lines not counted. Few are held at a time.
"""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import nullcontext
from itertools import chain, repeat
from queue import Queue
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, TextIO, Tuple

from ..errors import ArgumentError, InvalidFile, InvalidValue, shorten, shown
from ..threads import Threads
from ..wire.arguments import bind
from .values import adapt, convert

Parameter = Dict[str, Any]

_MOST_SHOWN = 300  # characters of names in an error
_AHEAD = 100  # rows that are read before it is their turn
_ANYTHING: Parameter = {"parameter_name": "value", "type": {}}


class Record(NamedTuple):
    """A row; `problem` tells why it can be no call."""

    number: int
    inputs: Any
    problem: str = ""


class Table:
    """The input; `kind` is its format, else it is csv by its name, or jsonl.

    Attributes:
        parameters: of the endpoint, None where that is not known; to be set before rows are read.
        trickles: whether rows may have to be waited for, and can be read only once.
    """

    def __init__(self, path: str, kind: Optional[str] = None) -> None:
        self._kind = kind or ("csv" if path.lower().endswith((".csv", ".tsv")) else "jsonl")
        self._path = path
        self.parameters: Optional[List[Parameter]] = None
        self.trickles = path == "-" or (os.path.exists(path) and not os.path.isfile(path))
        if not self.trickles:  # else whoever writes to it would find that its reader has gone
            self._opened().close()
        elif path == "-" and sys.stdin is None:
            raise InvalidFile("There is no standard input to read.")
        elif path == "-" and isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(encoding="utf-8-sig", newline="")

    def records(self) -> Iterator[Record]:
        """Read the rows."""
        read = self._of_csv if self._kind == "csv" else _of_jsonl
        with nullcontext(sys.stdin) if self._path == "-" else self._opened() as file:
            try:
                for number, (inputs, problem) in enumerate(read(file), 1):
                    yield Record(number, inputs, problem)
            except UnicodeDecodeError as exc:
                raise InvalidFile(f"The input {self._path} is no text in UTF-8. Save it as such.") from exc

    def arrivals(self, wake: Callable[[], object]) -> Iterator[Optional[Record]]:
        """The rows, None while the next has not come; `wake` is called, on any thread, when it has."""
        if not self.trickles:
            yield from self.records()
            return
        come: Queue[Any] = Queue(_AHEAD)
        end = EOFError()

        def read() -> None:
            try:
                for record in self.records():
                    come.put(record)
                    wake()
                come.put(end)
            except Exception as exc:
                come.put(exc)
            wake()

        Threads().start("gradio-input", bool, read)  # nothing ends a read
        while True:
            one = None if come.empty() else come.get()
            if one is end:
                return
            if isinstance(one, Exception):
                raise one
            yield one

    def arguments(self, record: Record) -> Tuple[Any, ...]:
        """The arguments that a row is, in order; a UsageError tells why it is no call."""
        if record.problem:
            raise InvalidValue(f"Row {record.number} {record.problem}.")
        inputs, known = record.inputs, self.parameters
        if not isinstance(inputs, dict):
            values = inputs if isinstance(inputs, list) else [inputs]
            if known is not None and len(values) > len(known):
                raise ArgumentError(f"Row {record.number} has {len(values)} values, for {self._names()}.")
            declared = chain(known or (), repeat(_ANYTHING))
            return tuple(bind(known, tuple(map(adapt, declared, values)), {}))
        named: Dict[str, Any] = {}
        declared_as = self._known()
        for name, value in inputs.items():
            parameter = declared_as.get(name, _ANYTHING)
            if self._kind == "jsonl":
                named[name] = adapt(parameter, value)
            elif value or not _is_left_out(parameter):
                named[name] = convert(parameter, value)
        if known is None and self._kind == "csv":
            return tuple(named.values())
        return tuple(bind(known, (), named))

    def _known(self) -> Dict[str, Parameter]:
        """The parameters by name."""
        return {str(each.get("parameter_name")): each for each in self.parameters or ()}

    def _names(self) -> str:
        names = shorten(", ".join(self._known()), _MOST_SHOWN)
        return f"the parameters {names}" if names else "no parameters"

    def _opened(self) -> TextIO:
        try:
            return open(self._path, encoding="utf-8-sig", newline="")
        except (OSError, ValueError) as exc:  # a null character
            why = getattr(exc, "strerror", None) or exc
            raise InvalidFile(f"The input {self._path} cannot be read: {why}.") from exc

    def _of_csv(self, file: TextIO) -> Iterator[Tuple[Any, str]]:
        import csv

        csv.field_size_limit(0x7FFFFFFF)  # characters of a cell, at most
        first = file.readline()
        reader = csv.reader(chain([first], file), delimiter=max(",;\t", key=first.count))
        try:
            header = [name.strip() for name in next(reader)]
            if header:
                self._check(header)
            for cells in filter(None, reader):
                if len(cells) == len(header):
                    yield dict(zip(header, cells)), ""
                else:
                    yield cells, f"has {len(cells)} cells, and the first line {len(header)}"
        except csv.Error as exc:
            raise InvalidFile(f"Line {reader.line_num} of {self._path} is no CSV: {exc}.") from exc

    def _check(self, header: List[str]) -> None:
        """Raise ArgumentError for a first line that can be no call."""
        told, known = f"The first line of {self._path}", self._known()
        twice = sorted(name for name in set(header) if header.count(name) > 1)
        unknown = [name for name in header if name not in known and self.parameters is not None]
        missing = known.keys() - {
            *header,
            *(name for name in known if known[name].get("parameter_has_default")),
        }
        if twice:
            raise ArgumentError(f"{told} names {shown(twice)} more than once.")
        if unknown:
            raise ArgumentError(
                f"{told} must have {self._names()}, and names {shown(unknown)}. Leave that out."
            )
        if missing:
            raise ArgumentError(f"{told} lacks {shown(sorted(missing))}, which has no default.")


def _of_jsonl(file: TextIO) -> Iterator[Tuple[Any, str]]:
    for line in file:
        text = line.strip()
        if text:
            try:
                yield json.loads(text), ""
            except (ValueError, RecursionError) as exc:
                yield text, f"is no JSON: {exc}"


def _is_left_out(parameter: Parameter) -> bool:
    """Whether an empty cell means a parameter's default: where it has one, and takes no empty text."""
    if not parameter.get("parameter_has_default"):
        return False
    try:
        return bool(convert(parameter, "") != "")
    except (InvalidFile, InvalidValue):
        return True
