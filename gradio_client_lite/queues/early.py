"""Messages that came before the answer to the join of their job."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Optional, Union

from ..wire.messages import StreamCut, text_bytes

#: How many messages are kept.
EARLY_LIMIT = 10_000

Kept = Union[str, StreamCut]


class _Waiting(NamedTuple):
    newest: int  # the join begun last when the first of them came
    messages: List[Kept]


class EarlyMessages:
    """Keeps them as the server sent them: decoded, some would take fifty times the memory.

    The owner's lock is held when a method is called.

    Args:
        limit: bytes that they may take together; None for no limit. A single one may take more.
    """

    def __init__(self, limit: Optional[int]) -> None:
        self._limit = limit
        self._waiting: Dict[str, _Waiting] = {}
        self._count = 0
        self._bytes = 0

    def has_room(self, text: str) -> bool:
        """Whether another message can be kept."""
        if not self._count:
            return True
        fits = self._limit is None or self._bytes + text_bytes(text) <= self._limit
        return fits and self._count < EARLY_LIMIT

    def keep(self, event_id: str, message: Kept, newest: int) -> None:
        """Keep a message.

        Args:
            event_id: whom it is for.
            message: as the server sent it, or the driver's word of a cut.
            newest: the number of the join that was begun last.
        """
        waiting = self._waiting.setdefault(event_id, _Waiting(newest, []))
        waiting.messages.append(message)
        self._count += 1
        self._bytes += _bytes_of(message)

    def take(self, event_id: str) -> List[Kept]:
        """Hand out what was kept for a job, in order."""
        waiting = self._waiting.pop(event_id, None)
        if waiting is None:
            return []
        self._count -= len(waiting.messages)
        self._bytes -= sum(map(_bytes_of, waiting.messages))
        return waiting.messages

    def strangers(self, oldest: Optional[int]) -> List[str]:
        """The ids that no join under way can get, as all of those were begun later.

        Args:
            oldest: the number of the join that was begun first; None when there are none.
        """
        return [
            event_id
            for event_id, waiting in self._waiting.items()
            if oldest is None or waiting.newest < oldest
        ]


def _bytes_of(message: Kept) -> int:
    """How many bytes keeping a message takes; a cut takes none of its own."""
    return text_bytes(message) if isinstance(message, str) else 0
