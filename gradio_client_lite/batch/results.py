"""Results: what `Client.map` gives, a generator that event loops can iterate too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, AsyncIterator, Generator, Optional

from ..errors import ArgumentError, shown

if TYPE_CHECKING:
    from .mapping import Batch, Row


class Results(Generator[Any, None, None]):
    """The results of a batch, by `for` or by `async for`; closing it, or forgetting it, cancels the rest.

    Args:
        batch: not begun yet.
        on_error: see `Client.map`.
        rows: whether to give each `Row` whole.

    Raises:
        ArgumentError: `on_error` is something else.
    """

    def __init__(self, batch: Batch, on_error: str, *, rows: bool) -> None:
        if on_error not in ("raise", "return"):
            raise ArgumentError(f"on_error must be 'raise' or 'return'; it is {shown(on_error)}.")
        self._raises = on_error == "raise"
        self._whole = rows
        self._batch = batch
        self._given: Optional[Generator[Any, None, None]] = None

    def send(self, value: None) -> Any:
        """The next result."""
        return self._generator().send(value)

    def throw(self, kind: Any, value: Any = None, trace: Any = None, /) -> Any:
        """End it with an exception."""
        error = kind if value is None else value
        if trace is not None:
            error = error.with_traceback(trace)
        return self._generator().throw(error)

    def _generator(self) -> Generator[Any, None, None]:
        if self._given is None:
            self._given = self._give(self._batch.rows())
        return self._given

    def _give(self, rows: Generator[Row, None, None]) -> Generator[Any, None, None]:
        try:
            for row in rows:
                yield self._of(row)
        finally:
            rows.close()

    async def __aiter__(self) -> AsyncIterator[Any]:
        rows = self._batch.arows()
        try:
            async for row in rows:
                yield self._of(row)
        finally:
            await rows.aclose()

    def _of(self, row: Row) -> Any:
        """What is given of a row."""
        if row.error is not None and self._raises:
            raise row.error
        return row if self._whole else row.result if row.error is None else row.error
