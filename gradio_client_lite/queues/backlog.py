"""The large events of a stream, put off: reading one takes long, and smaller ones may have come behind it."""

from __future__ import annotations

import re
from collections import Counter, deque
from typing import Counter as Counts
from typing import Deque, Optional, Tuple

from ..wire.messages import text_bytes

#: How every message begins that is a job's (gradio/queueing.py 4.16, server_messages.py 4.21 – 6.31). Of an
#: object that names the id again, which none does, the message itself goes to the job named last.
_HEAD = re.compile(r'\s*\{\s*"msg"\s*:\s*"[a-z_]+"\s*,\s*"event_id"\s*:\s*"([^"\\]{1,256})"')


def peek_event_id(text: str) -> Optional[str]:
    """The id in an event, told from its beginning; None where it does not begin with one."""
    found = _HEAD.match(text)
    return None if found is None else found.group(1)


class Backlog:
    """Keeps large events, and what follows one for the same job, in the order in which they came.

    Args:
        limit: bytes that they may take together; None for no limit. A single one may take more.
    """

    def __init__(self, limit: Optional[int]) -> None:
        self._limit = limit
        self._texts: Deque[Tuple[str, str]] = deque()
        self._ids: Counts[str] = Counter()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._texts)

    def __contains__(self, event_id: Optional[str]) -> bool:
        return event_id in self._ids

    @property
    def full(self) -> bool:
        """Whether there is more than may be kept; never so of a single one."""
        return self._limit is not None and self._bytes > self._limit and len(self._texts) > 1

    def add(self, event_id: str, text: str) -> None:
        """Keep an event."""
        self._texts.append((event_id, text))
        self._ids[event_id] += 1
        self._bytes += text_bytes(text)

    def take(self) -> str:
        """Hand out the one that came first."""
        event_id, text = self._texts.popleft()
        self._ids[event_id] -= 1
        if not self._ids[event_id]:
            del self._ids[event_id]
        self._bytes -= text_bytes(text)
        return text
