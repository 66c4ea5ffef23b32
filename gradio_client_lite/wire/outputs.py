"""The streamed values of one job, kept as they were received and materialised on demand.

A stream sends one full list of output values, then what changed. Keeping every value in full would need
memory that grows with the square of a growing text, so the log keeps what was received and rebuilds values
when asked.

Threads: one thread appends, any number read. Entries are only ever added to the end of a list, and the
checkpoint is one tuple that is replaced whole, so readers need no lock; a cursor belongs to one thread at a
time.
"""

from __future__ import annotations

from typing import Any, Iterator, List, NamedTuple, Optional, Tuple

from ..errors import ProtocolError
from .diff import Patch, check_edits


class _Entry(NamedTuple):
    items: List[Any]  # output values, or one edit list for each output
    diff: bool


class OutputLog:
    """Every output a job has streamed so far, in order.

    Each entry is a list with one value per output component.

    Example:
        >>> log = OutputLog()
        >>> log.append(["a"], diff=False)
        >>> log.append([[["append", [], "b"]]], diff=True)
        >>> log.values()
        [['a'], ['ab']]
    """

    def __init__(self) -> None:
        self._entries: List[_Entry] = []
        self._checkpoint: Tuple[int, List[Any]] = (-1, [])  # an entry's position and its values

    def append(self, values: Any, *, diff: bool) -> None:
        """Add what one message brought. The log keeps `values`; the caller must not change them afterwards.

        Args:
            values: one value per output component; with `diff`, one edit list per component, which applies to
                the component's previous value (None if it had none). Components left out stay as they were.
            diff: whether `values` are edit lists.

        Raises:
            ProtocolError: `values` has not that shape. Whether edits fit shows only when they are applied.
        """
        if not isinstance(values, list):
            raise ProtocolError(f"The server sent outputs as {type(values).__name__}; they must be a list.")
        if diff:
            for edits in values:
                check_edits(edits)
        self._entries.append(_Entry(values, diff))

    def __len__(self) -> int:
        return len(self._entries)

    def values(self, start: int = 0, stop: Optional[int] = None) -> List[List[Any]]:
        """The entries from `start` (not negative) up to `stop`; None means all received so far.

        The caller owns the result and may change it.

        Raises:
            ProtocolError: an edit in these entries, or in one they build on, does not apply.
        """
        cursor = self.cursor(start)
        count = (len(self) if stop is None else min(stop, len(self))) - start
        return [next(cursor) for _ in range(count)]

    def last(self) -> List[Any]:
        """The newest entry. Costs as much as what was received since the last call of it; the caller owns it.

        Raises:
            IndexError: nothing has been received yet.
            ProtocolError: an edit that leads to it does not apply.
        """
        position = len(self) - 1
        if position < 0:
            raise IndexError("the job has no output yet")
        state = self._state(position)
        self._checkpoint = (position, state)
        return copy_json(state)  # type: ignore[no-any-return]

    def cursor(self, start: int = 0) -> Cursor:
        """An iterator over the entries from `start` (not negative) on."""
        return Cursor(self, start)

    def _state(self, position: int) -> List[Any]:
        """The values of an entry, to be read only; [] for the one before the first.

        Starts from the nearest full entry, or the checkpoint, and applies all edits after it in one go.
        """
        done, state = self._checkpoint
        if done > position:
            done, state = -1, []
        first = position
        while first > done:
            items, diff = self._entries[first]
            if not diff:
                state = items
                break
            first -= 1
        return _apply_entries(state, self._entries[first + 1 : position + 1])


class Cursor(Iterator[List[Any]]):
    """Materialises the entries of a log one by one.

    `next` raises StopIteration when nothing more has been received yet; it may be called again later. It
    raises ProtocolError when an edit does not apply, and again each time after that. What it returns is the
    caller's own.
    """

    def __init__(self, log: OutputLog, start: int = 0) -> None:
        self._log = log
        self._position = start
        self._state: Optional[List[Any]] = None

    def __next__(self) -> List[Any]:
        if self._position >= len(self._log):
            raise StopIteration
        entry = self._log._entries[self._position]
        if not entry.diff:
            self._state = entry.items
        elif self._state is None:
            self._state = self._log._state(self._position)
        else:
            self._state = _apply_entries(self._state, [entry])
        self._position += 1
        return copy_json(self._state)  # type: ignore[no-any-return]


def _apply_entries(state: List[Any], entries: List[_Entry]) -> List[Any]:
    """Apply entries of edit lists to a list of output values, which is not changed."""
    result = list(state)
    patches: List[Optional[Patch]] = []
    for items, _ in entries:
        patches.extend([None] * (len(items) - len(patches)))
        for output, edits in enumerate(items):
            patch = patches[output]
            if patch is None:
                before = result[output] if output < len(result) else None
                patch = patches[output] = Patch(before)
            patch.apply_all(edits)
    result.extend([None] * (len(patches) - len(result)))
    for output, patch in enumerate(patches):
        if patch is not None:
            result[output] = patch.result()
    return result


def copy_json(value: Any) -> Any:
    """A copy of a JSON value with containers of its own; strings and numbers cannot change and are shared.

    Much faster than `copy.deepcopy`, and as deep as memory allows.
    """
    root = [value]
    todo: List[Any] = [root]
    while todo:
        container = todo.pop()
        pairs = enumerate(container) if isinstance(container, list) else container.items()
        for key, item in pairs:
            if isinstance(item, (list, dict)):
                copied = item.copy()
                container[key] = copied
                todo.append(copied)
    return root[0]
