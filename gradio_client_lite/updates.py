"""What a job reports while it runs: frozen, typed values that also read as mappings.

Field names and meanings follow the official client, so code written for its `StatusUpdate` and
`OutputUpdate` goes on working; `LogUpdate` and `ProgressUpdate` are kinds of `StatusUpdate`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from enum import Enum
from typing import Any, ClassVar, Dict, Iterator, List, Optional, Tuple, Union


class Status(Enum):
    """Where a job stands. Orderable: a later stage is greater.

    Example:
        >>> Status.IN_QUEUE < Status.PROCESSING
        True
    """

    STARTING = "STARTING"
    JOINING_QUEUE = "JOINING_QUEUE"
    QUEUE_FULL = "QUEUE_FULL"
    IN_QUEUE = "IN_QUEUE"
    SENDING_DATA = "SENDING_DATA"
    PROCESSING = "PROCESSING"
    PROGRESS = "PROGRESS"
    ITERATING = "ITERATING"
    FINISHED = "FINISHED"
    CANCELLED = "CANCELLED"
    LOG = "LOG"

    @staticmethod
    def ordering(status: Status) -> int:
        """The place of `status` among the stages, from 0. LOG is no stage and comes last."""
        return _ORDER[status]

    def __lt__(self, other: object) -> bool:
        return _ORDER[self] < _ORDER[other] if isinstance(other, Status) else NotImplemented

    def __le__(self, other: object) -> bool:
        return _ORDER[self] <= _ORDER[other] if isinstance(other, Status) else NotImplemented

    def __gt__(self, other: object) -> bool:
        return _ORDER[self] > _ORDER[other] if isinstance(other, Status) else NotImplemented

    def __ge__(self, other: object) -> bool:
        return _ORDER[self] >= _ORDER[other] if isinstance(other, Status) else NotImplemented


_ORDER: Dict[Status, int] = {status: place for place, status in enumerate(Status)}


@dataclass(frozen=True)
class ProgressUnit:
    """One bar of a `gr.Progress()` tracker.

    Args:
        index: how many steps are done; None when the app did not say.
        length: how many steps there are; None when unknown.
        unit: the name of a step, for example "steps".
        progress: the done share, 0 to 1; None when only `index` and `length` are given.
        desc: the text beside the bar.
    """

    index: Optional[float]
    length: Optional[float]
    unit: Optional[str]
    progress: Optional[float]
    desc: Optional[str]

    @classmethod
    def from_msg(cls, data: List[Dict[str, Any]]) -> List[ProgressUnit]:
        """The units of a `progress_data` list as the server sends it."""
        return [
            cls(*(unit.get(key) for key in ("index", "length", "unit", "progress", "desc")))
            for unit in data
            if isinstance(unit, dict)
        ]


@dataclass(frozen=True)
class StatusUpdate:
    """The state of a job at one moment; attributes and `update["code"]` give the same.

    Args:
        code: the stage.
        rank: how many jobs are ahead in the queue; None when the server has not said.
        queue_size: how long the queue is; None when unknown.
        eta: seconds until the result, as the server estimates; None when it cannot.
        success: True or False once the job has ended, else None (generators: True while they yield).
        time: when this was received, in local time without a zone.
        progress_data: the app's progress bars; None when it shows none.
        log: (text, level) of a message of the app's author; None otherwise.
    """

    code: Status
    rank: Optional[int] = None
    queue_size: Optional[int] = None
    eta: Optional[float] = None
    success: Optional[bool] = None
    time: Optional[datetime] = None
    progress_data: Optional[List[ProgressUnit]] = None
    log: Optional[Tuple[str, str]] = None
    type: str = "status"

    def __getitem__(self, key: str) -> Any:
        if key not in _STATUS_KEYS:
            raise KeyError(key)
        return getattr(self, key)

    def __iter__(self) -> Iterator[str]:
        return iter(_STATUS_KEYS)

    def __len__(self) -> int:
        return len(_STATUS_KEYS)

    def keys(self) -> Tuple[str, ...]:
        """The names that `update[name]` takes."""
        return _STATUS_KEYS


_STATUS_KEYS: Tuple[str, ...] = tuple(field.name for field in fields(StatusUpdate))


class ProgressUpdate(StatusUpdate):
    """A StatusUpdate that carries `progress_data`."""


@dataclass(frozen=True)
class LogUpdate(StatusUpdate):
    """A message that the app's function sent with `gr.Info`, `gr.Warning` or `gr.Success`.

    Args:
        title: the heading the app gave it; None when it gave none.
        duration: seconds a user interface should show it; None means until closed.
        visible: whether a user interface should show it.
    """

    title: Optional[str] = None
    duration: Optional[float] = None
    visible: bool = True

    @property
    def message(self) -> str:
        """The text."""
        return self.log[0] if self.log else ""

    @property
    def level(self) -> str:
        """ "info", "warning", "success" or whatever newer servers send."""
        return self.log[1] if self.log else ""


@dataclass(frozen=True)
class OutputUpdate:
    """One value of a job.

    Args:
        outputs: the value, shaped as `Job.result()` shapes it; for a final update of a failed job
            the server's error fields.
        success: whether the function succeeded.
        final: True on the last update of a job.
    """

    outputs: Any
    success: bool = True
    type: str = "output"
    final: bool = False

    _KEYS: ClassVar[Tuple[str, ...]] = ("outputs", "success", "type", "final")

    def __getitem__(self, key: str) -> Any:
        if key not in self._KEYS:
            raise KeyError(key)
        return getattr(self, key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._KEYS)

    def __len__(self) -> int:
        return len(self._KEYS)

    def keys(self) -> Tuple[str, ...]:
        """The names that `update[name]` takes."""
        return self._KEYS


Update = Union[StatusUpdate, OutputUpdate]
