"""What scripts for the official client read of a job: `job.communicator`, `job.future` and so on.

There a Job wraps a Future, and shares a Communicator with the thread that runs the call. Here the job is the
Future, and these are views of it.
"""

from __future__ import annotations

import threading
from typing import Any, List, Optional, TypeVar

from ..updates import Status, StatusUpdate

_Job = TypeVar("_Job", bound="OfficialAttributes")


class OfficialAttributes:
    """The attributes of the official client's Job that are no methods of a Future."""

    _owner: Any  # the client
    _communicator: Optional[Communicator] = None

    @property
    def future(self: _Job) -> _Job:
        """The job, which is a Future itself."""
        return self

    @property
    def communicator(self) -> Communicator:
        """What there is of the job so far, as `communicator.job.outputs` and `latest_status`."""
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
        """Whether the client says on the console what happens."""
        return bool(self._owner.verbose)


class JobStatus:
    """The latest of a job: `job.status()` and `job.outputs()` by the official client's names for them."""

    def __init__(self, job: Any) -> None:
        self._job = job

    @property
    def latest_status(self) -> StatusUpdate:
        """The latest status."""
        status: StatusUpdate = self._job.status()
        return status

    @property
    def outputs(self) -> List[Any]:
        """The values received so far; waits for their files."""
        values: List[Any] = self._job.outputs()
        return values


class Communicator:
    """A view of one job.

    Attributes:
        job: its latest status and its outputs.
        lock: for code that holds it while it reads them; nothing here needs it.
    """

    def __init__(self, job: Any) -> None:
        self.job = JobStatus(job)
        self.lock = threading.Lock()

    @property
    def event_id(self) -> Optional[str]:
        """The server's id of the call; None until there is one."""
        event_id: Optional[str] = self.job._job.event_id
        return event_id

    @property
    def should_cancel(self) -> bool:
        """Whether the job was cancelled."""
        return self.job.latest_status.code is Status.CANCELLED
