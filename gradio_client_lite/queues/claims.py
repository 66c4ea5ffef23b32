"""Which job an event id belongs to: each id belongs to one job, and to no other after it."""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

from ..errors import ProtocolError
from .base import Call

#: How many ids of ended jobs are remembered.
_REMEMBERED = 10_000


class Claims:
    """The event ids of one session; the owner's lock is held when a method is called.

    Messages of jobs that have ended here may still come, as the server goes on with jobs that were cancelled.
    So ended ids are remembered: their messages are nobody's, and no later job is given one of them.

    Attributes:
        calls: the jobs that wait, by their ids.
    """

    def __init__(self) -> None:
        self.calls: Dict[str, Call] = {}
        self._ids: Dict[Call, str] = {}
        self._ended: Dict[str, None] = {}  # the one that was heard of longest ago first

    def claim(self, event_id: str, call: Call) -> Tuple[Call, ...]:
        """Let an id belong to a job that has none.

        Returns:
            The jobs that have to fail, because nobody can tell whose the messages under this id are: `call`,
            and the one that it belonged to before, if that has not ended. None of them has it any more.
        """
        other = self.calls.get(event_id)
        if other is None and event_id not in self._ended:
            self.calls[event_id] = call
            self._ids[call] = event_id
            return ()
        self.end(event_id)
        return (call,) if other is None else (call, other)

    def end(self, event_id: str) -> Optional[Call]:
        """Let nobody have an id from now on; return the job that had it."""
        self._ended[event_id] = None
        if len(self._ended) > _REMEMBERED:
            self._ended.pop(next(iter(self._ended)), None)
        call = self.calls.pop(event_id, None)
        if call is not None:
            self._ids.pop(call, None)
        return call

    def end_call(self, call: Call) -> None:
        """Let nobody have the id of a job from now on, if it has one."""
        event_id = self._ids.get(call)
        if event_id is not None:
            self.end(event_id)

    def has_ended(self, event_id: str) -> bool:
        """Whether messages under this id are nobody's."""
        if event_id not in self._ended:
            return False
        # The last to be forgotten, as more of them may come.
        self._ended[event_id] = self._ended.pop(event_id, None)
        return True


def ambiguous(labels: List[str]) -> ProtocolError:
    """What jobs fail with that cannot be told apart."""
    return ProtocolError(
        f"The server gave a call of {' and of '.join(labels)} the event id of another call, so its messages "
        "cannot be told from those of the other; report it to the app's author."
    )
