"""What scripts for the official client read of a job: `job.communicator.job.outputs`, `job.future` and so on.

There a Job wraps a Future, and shares a Communicator with the thread that runs it. Here it is the Future.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, List, Optional, TypeVar

from ..updates import StatusUpdate

if TYPE_CHECKING:
    _Job = TypeVar("_Job", bound="OfficialAttributes")


class OfficialAttributes:
    """The attributes of the official client's Job."""

    _owner: Any  # the client
    _communicator: Optional[Communicator] = None

    @property
    def future(self: _Job) -> _Job:
        """The job itself."""
        return self

    @property
    def communicator(self) -> Communicator:
        """What there is of the job so far, by the official client's names."""
        if self._communicator is None:
            self._communicator = Communicator(self)
        return self._communicator

    @property
    def space_id(self) -> Optional[str]:
        """The name of the Space that was called; None for other apps."""
        name: Optional[str] = self._owner.space_id
        return name

    @property
    def verbose(self) -> bool:
        """The client's `verbose`."""
        return bool(self._owner.verbose)


class Communicator:
    """A view of one job; `lock` is for code that holds it while it reads, nothing here needs it."""

    def __init__(self, job: Any) -> None:
        self._job = job
        self.lock = threading.Lock()

    @property
    def job(self) -> Communicator:
        """The same view, which the official client divides in two."""
        return self

    @property
    def latest_status(self) -> StatusUpdate:
        """What `job.status()` returns."""
        status: StatusUpdate = self._job.status()
        return status

    @property
    def outputs(self) -> List[Any]:
        """What `job.outputs()` returns."""
        return list(self._job.outputs())

    @property
    def event_id(self) -> Optional[str]:
        """The server's id of the call; None until there is one."""
        event_id: Optional[str] = self._job.event_id
        return event_id
