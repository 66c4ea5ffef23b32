"""Lane: what one client of a batch has under way, and how much more it may have.

A server that refuses a call (`RetryLater`) has told how many it takes: those under way then. One more is
dared for each such number that goes well, as TCP does. After an error that may pass, the lane rests for as
long as the server asked, or for ever longer from a second on.
"""

from __future__ import annotations

from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Optional, Tuple

from ..errors import RetryLater
from ..updates import Status
from ..wire.filedata import is_marked
from ..wire.provenance import FileArgument, ResultFile, V3File

if TYPE_CHECKING:
    from ..jobs.job import Job

#: Seconds of the first rest that no server asked for, and the most that it is doubled to.
RESTS = [1.0, 60.0]
NEVER = float("inf")
_FILES = (FileArgument, ResultFile, V3File)


class Ended:
    """The calls that have ended; `tell` is called after each, on whatever thread."""

    def __init__(self) -> None:
        self.calls: SimpleQueue[Call] = SimpleQueue()
        self.tell: Optional[Callable[[], object]] = None

    def put(self, call: Call) -> None:
        """Add one."""
        self.calls.put(call)
        tell = self.tell
        if tell is not None:
            tell()


class Call:
    """One input on its way; `job` is the attempt under way, `due` when that has taken too long."""

    def __init__(self, number: int, inputs: Any, ended: Ended) -> None:
        self.number = number
        self.inputs = inputs
        self.attempts = 0
        self.job: Optional[Job] = None
        self.due = NEVER
        self._ended = ended

    def changed(self) -> None:
        """Tell of the end, if it has come."""
        job = self.job
        if job is not None and job.has_ended:
            self._ended.put(self)


class Lane:
    """One client's share of a batch; `running` has its calls in the order in which they were begun.

    Args:
        client: a Client.
        target: the api_name, fn_index and headers of all calls.
        room: for how many calls at first.
    """

    def __init__(self, client: Any, target: Tuple[Any, ...], room: int) -> None:
        self.running: Dict[Call, None] = {}
        self.rests_until = 0.0
        self.timeout: Optional[float] = client._calls.timeout
        self._client = client
        self._target = target
        self._room = float(room)
        self._failures = 0

    def open(self) -> bool:
        """Whether its client is not closed."""
        return not self._client._calls.live.closed

    def has_room(self, now: float) -> bool:
        """Whether it may begin a call."""
        return self.rests_until <= now and len(self.running) < int(self._room)

    def busy(self) -> int:
        """How many calls a new one would find before it, as far as the server tells."""
        newest = next(reversed(self.running), None)
        status = newest and newest.job and newest.job._status
        ahead = status.rank or 0 if status and status.code is Status.IN_QUEUE else -1
        return max(len(self.running), ahead + 1)

    def begin(self, call: Call, now: float) -> None:
        """Make an attempt. Raises as `Client.submit` does."""
        call.attempts += 1
        job: Job = self._client._prepare(*self._target, *arguments(call.inputs))
        call.job, call.due = job, NEVER if self.timeout is None else now + self.timeout
        # First, so that an interruption cancels it, and its end is heard of.
        self.running[call] = None
        job.watch(call.changed)
        self._client._calls.begin(job)

    def succeeded(self) -> None:
        """A call went well."""
        self._failures = 0
        self._room += 1 / self._room

    def failed(self, error: BaseException, now: float, longest: float, *, pause: bool) -> float:
        """Rest for `longest` seconds at most, unasked where `pause` is set; return how many it ought to."""
        if isinstance(error, RetryLater):
            self._room = max(1.0, min(self._room, len(self.running)))
        seconds: Optional[float] = getattr(error, "retry_after", None)
        if seconds is None:
            if self.rests_until > now or not pause:  # many fail for one reason
                return 0.0
            first, last = RESTS
            seconds = min(last, first * 2.0 ** min(self._failures, 30))
            self._failures += 1
        self.rests_until = max(self.rests_until, now + min(seconds, longest))
        return seconds


def arguments(inputs: Any) -> Tuple[Tuple[Any, ...], Mapping[str, Any]]:
    """Arguments in order, and by name: of a tuple, of a dict that is no file, or of the one argument."""
    if isinstance(inputs, tuple):
        return inputs, {}
    if isinstance(inputs, dict) and not (isinstance(inputs, _FILES) or is_marked(inputs)):
        return (), inputs
    return (inputs,), {}
