"""Messages that came before the answer to the join of their job.

The large events of a stream, put off: reading one takes long, and smaller ones may have come behind it.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from typing import Collection, Deque, Dict, List, Optional, Tuple, Union
from typing import Counter as Counts

from ..wire.messages import StreamCut, text_bytes

#: How many event ids messages are kept for; Gradio has no more than the joins under way, and strangers' jobs.
_IDS = 10_000


class Spilled:
    """Stands for the messages of a job that were too many to keep."""


Kept = Union[str, StreamCut, Spilled]


class _Waiting:
    """What is kept for one event id.

    Attributes:
        newest: the join begun last when the first message came.
        messages: in order; None once they were spilled.
        bytes: what they take.
    """

    __slots__ = ("bytes", "messages", "newest")

    def __init__(self, newest: int) -> None:
        self.newest = newest
        self.messages: Optional[List[Kept]] = []
        self.bytes = 0


class EarlyMessages:
    """Keeps them as the server sent them: decoded, some would take fifty times the memory.

    The owner's lock is held when a method is called.

    Args:
        limit: bytes that they may take together; None for no limit. A single one may take more.
    """

    def __init__(self, limit: Optional[int]) -> None:
        self._limit = limit
        self._waiting: Dict[str, _Waiting] = {}
        self._bytes = 0

    def make_room(self, event_id: str, text: str, known: Collection[str]) -> bool:
        """Make room for another message, at the cost of the id that holds most.

        Most likely it is the flood of a stranger. If a join gets that id all the same, its job learns of it.

        Args:
            event_id: whom the message is for.
            text: the message.
            known: ids whose job is known, and is being told what was kept; they lose nothing.

        Returns:
            False when all that is kept is for those.
        """
        if event_id not in self._waiting and len(self._waiting) >= _IDS:
            return False
        while self._limit is not None and self._bytes and self._bytes + text_bytes(text) > self._limit:
            largest = max(
                (waiting for key, waiting in self._waiting.items() if key not in known),
                key=lambda waiting: waiting.bytes,
                default=None,
            )
            if largest is None or not largest.bytes:
                return False
            self._bytes -= largest.bytes
            largest.messages, largest.bytes = None, 0
        return True

    def keep(self, event_id: str, message: Kept, newest: int) -> None:
        """Keep a message, unless those before it were spilled.

        Args:
            event_id: whom it is for.
            message: as the server sent it, or the driver's word of a cut.
            newest: the number of the join that was begun last.
        """
        waiting = self._waiting.get(event_id)
        if waiting is None:
            waiting = self._waiting[event_id] = _Waiting(newest)
        if waiting.messages is not None:
            waiting.messages.append(message)
            size = text_bytes(message) if isinstance(message, str) else 0
            waiting.bytes += size
            self._bytes += size

    def take(self, event_id: str) -> List[Kept]:
        """Hand out what was kept for a job, in order."""
        waiting = self._waiting.pop(event_id, None)
        if waiting is None:
            return []
        self._bytes -= waiting.bytes
        return [Spilled()] if waiting.messages is None else waiting.messages

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
