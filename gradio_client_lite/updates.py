"""What a job reports while it runs: frozen, typed values that also read as mappings.

Field names and meanings follow the official client, so code written for its `StatusUpdate` and
`OutputUpdate` goes on working; `LogUpdate` and `ProgressUpdate` are kinds of `StatusUpdate`.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum
from functools import total_ordering
from typing import TYPE_CHECKING, Any, ClassVar, Dict, Iterator, List, Optional, Tuple, Union

if TYPE_CHECKING:
    from typing import Literal


@total_ordering
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

    @staticmethod
    def msg_to_status(msg: str) -> Status:
        """The stage a message of the server's queue stands for; KeyError for one that stands for none.

        Example:
            >>> Status.msg_to_status("process_completed")
            <Status.FINISHED: 'FINISHED'>
        """
        return Status[_STAGES[msg]]

    def __lt__(self, other: object) -> bool:
        return _ORDER[self] < _ORDER[other] if isinstance(other, Status) else NotImplemented


_ORDER: Dict[Status, int] = {status: place for place, status in enumerate(Status)}
_STAGES = {
    "send_hash": "JOINING_QUEUE",
    "queue_full": "QUEUE_FULL",
    "estimation": "IN_QUEUE",
    "send_data": "SENDING_DATA",
    "process_starts": "PROCESSING",
    "process_generating": "ITERATING",
    "process_completed": "FINISHED",
    "progress": "PROGRESS",
    "log": "LOG",
    "Server stopped unexpectedly.": "FINISHED",
}


class _Record:
    """A frozen value: it compares, hashes, prints and pickles by its fields.

    Written out rather than made by `dataclasses`, which would take longer to import and run than all else
    that happens before a program's first call.
    """

    _FIELDS: ClassVar[Tuple[str, ...]]

    def _values(self) -> Tuple[Any, ...]:
        return tuple(self.__dict__[name] for name in self._FIELDS)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} cannot be changed; {name!r} stays as it is")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} cannot be changed; {name!r} stays")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in zip(self._FIELDS, self._values()))
        return f"{type(self).__name__}({fields})"

    def __reduce__(self) -> Tuple[Any, ...]:
        return type(self), self._values()


class _Mapping(_Record):
    """A record that reads as a mapping of its fields, too."""

    _KEYS: ClassVar[Tuple[str, ...]]

    def __getitem__(self, key: str) -> Any:
        if key not in self._KEYS:
            raise KeyError(key)
        return self.__dict__[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._KEYS)

    def __len__(self) -> int:
        return len(self._KEYS)

    def keys(self) -> Tuple[str, ...]:
        """The names that `update[name]` takes."""
        return self._KEYS


class ProgressUnit(_Record):
    """One bar of a `gr.Progress()` tracker.

    Args:
        index: how many steps are done; None when the app did not say.
        length: how many steps there are; None when unknown.
        unit: the name of a step, for example "steps".
        progress: the done share, 0 to 1; None when only `index` and `length` are given.
        desc: the text beside the bar.
    """

    _FIELDS = ("index", "length", "unit", "progress", "desc")

    index: Optional[float]
    length: Optional[float]
    unit: Optional[str]
    progress: Optional[float]
    desc: Optional[str]

    def __init__(
        self,
        index: Optional[float],
        length: Optional[float],
        unit: Optional[str],
        progress: Optional[float],
        desc: Optional[str],
    ) -> None:
        self.__dict__.update(index=index, length=length, unit=unit, progress=progress, desc=desc)

    @classmethod
    def from_msg(cls, data: List[Dict[str, Any]]) -> List[ProgressUnit]:
        """The units of a `progress_data` list as the server sends it."""
        return [cls(*map(unit.get, cls._FIELDS)) for unit in data if isinstance(unit, dict)]


class StatusUpdate(_Mapping):
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
        type: always "status".
    """

    _KEYS = ("code", "rank", "queue_size", "eta", "success", "time", "progress_data", "log", "type")
    _FIELDS: ClassVar[Tuple[str, ...]] = _KEYS

    code: Status
    rank: Optional[int]
    queue_size: Optional[int]
    eta: Optional[float]
    success: Optional[bool]
    time: Optional[datetime]
    progress_data: Optional[List[ProgressUnit]]
    log: Optional[Tuple[str, str]]
    type: Literal["status"]

    def __init__(
        self,
        code: Status,
        rank: Optional[int] = None,
        queue_size: Optional[int] = None,
        eta: Optional[float] = None,
        success: Optional[bool] = None,
        time: Optional[datetime] = None,
        progress_data: Optional[List[ProgressUnit]] = None,
        log: Optional[Tuple[str, str]] = None,
        type: Literal["status"] = "status",  # noqa: A002 - the official name
    ) -> None:
        self.__dict__.update(
            code=code,
            rank=rank,
            queue_size=queue_size,
            eta=eta,
            success=success,
            time=time,
            progress_data=progress_data,
            log=log,
            type=type,
        )


class ProgressUpdate(StatusUpdate):
    """A StatusUpdate that carries `progress_data`."""


class LogUpdate(StatusUpdate):
    """A message that the app's function sent with `gr.Info`, `gr.Warning` or `gr.Success`.

    Args:
        code: always Status.LOG; this and the next ones are those of a StatusUpdate.
        title: the heading the app gave it; None when it gave none.
        duration: seconds a user interface should show it; None means until closed.
        visible: whether a user interface should show it.
    """

    _FIELDS: ClassVar[Tuple[str, ...]] = (*StatusUpdate._KEYS, "title", "duration", "visible")

    title: Optional[str]
    duration: Optional[float]
    visible: bool

    def __init__(
        self,
        code: Status,
        rank: Optional[int] = None,
        queue_size: Optional[int] = None,
        eta: Optional[float] = None,
        success: Optional[bool] = None,
        time: Optional[datetime] = None,
        progress_data: Optional[List[ProgressUnit]] = None,
        log: Optional[Tuple[str, str]] = None,
        type: Literal["status"] = "status",  # noqa: A002 - the official name
        title: Optional[str] = None,
        duration: Optional[float] = None,
        visible: bool = True,
    ) -> None:
        super().__init__(code, rank, queue_size, eta, success, time, progress_data, log, type)
        self.__dict__.update(title=title, duration=duration, visible=visible)

    @property
    def message(self) -> str:
        """The text."""
        return self.log[0] if self.log else ""

    @property
    def level(self) -> str:
        """ "info", "warning", "success" or whatever newer servers send."""
        return self.log[1] if self.log else ""


class OutputUpdate(_Mapping):
    """One value of a job.

    Args:
        outputs: the value, shaped as `Job.result()` shapes it; for a final update of a failed job
            the server's error fields.
        success: whether the function succeeded.
        type: always "output".
        final: True on the last update of a job.
    """

    _KEYS = ("outputs", "success", "type", "final")
    _FIELDS: ClassVar[Tuple[str, ...]] = _KEYS

    outputs: Any
    success: bool
    type: Literal["output"]
    final: bool

    def __init__(
        self,
        outputs: Any,
        success: bool = True,
        type: Literal["output"] = "output",  # noqa: A002 - the official name
        final: bool = False,
    ) -> None:
        self.__dict__.update(outputs=outputs, success=success, type=type, final=final)


Update = Union[StatusUpdate, OutputUpdate]
