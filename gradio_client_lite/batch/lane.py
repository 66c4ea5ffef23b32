"""Lane: the calls of a batch that one client has under way, and how many more it may have.

A server tells how much it takes by refusing (`RetryLater`). The lane then holds no more calls than were
accepted, and dares one more for each such number of them that succeed: the rule by which TCP shares a line.
After an error that may pass it rests, for as long as the server asked or ever longer from a second on,
and its calls may go to other lanes meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, NamedTuple, Optional, Protocol, Tuple

from ..errors import RetryLater
from ..updates import Status
from ..wire.filedata import is_marked
from ..wire.provenance import FileArgument, ResultFile, V3File

if TYPE_CHECKING:
    from ..app.endpoint import Endpoint
    from ..jobs.calls import Calls
    from ..jobs.job import Job

#: Seconds of the first rest where the server has asked for none, and the most that they double to.
_RESTS = (1.0, 60.0)
NEVER = float("inf")
_FILES = (FileArgument, ResultFile, V3File)


class Caller(Protocol):
    """What a Client is to this room, which stands below it."""

    endpoints: Dict[int, Endpoint]
    _calls: Calls

    def _prepare(
        self,
        api_name: Optional[str],
        fn_index: Optional[int],
        headers: Optional[Mapping[str, str]],
        args: Tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Job: ...


class Target(NamedTuple):
    """What is called, with the arguments of `Client.predict`."""

    api_name: Optional[str]
    fn_index: Optional[int]
    headers: Optional[Mapping[str, str]]


class Call:
    """One input on its way to a row.

    Attributes:
        attempts: how often it was begun.
        job: of the attempt under way; None between attempts.
        due: when that has taken too long.
    """

    def __init__(self, number: int, inputs: Any, ended: Callable[[Call], None]) -> None:
        self.number = number
        self.inputs = inputs
        self.attempts = 0
        self.job: Optional[Job] = None
        self.due = NEVER
        self._ended = ended

    def __lt__(self, other: Call) -> bool:
        return self.number < other.number

    def changed(self) -> None:
        """Look whether the attempt has ended; on the thread that brings news of it."""
        job = self.job
        if job is not None and job.has_ended:
            self._ended(self)


class Lane:
    """One client's share of a batch.

    Args:
        client: makes the calls.
        most: how many it may have under way.

    Attributes:
        running: its calls, in the order in which they were begun.
        rests_until: when it may begin calls again.
        timeout: seconds that a call may take; None for as long as it takes.
    """

    def __init__(self, client: Caller, most: int) -> None:
        self.running: Dict[Call, None] = {}
        self.rests_until = 0.0
        self.timeout = client._calls.timeout
        self._client = client
        self._room = self._most = float(most)
        self._failures = 0

    @property
    def closed(self) -> bool:
        """Whether its client is."""
        return self._client._calls.live.closed

    def has_room(self, now: float) -> bool:
        """Whether it may begin a call."""
        return self.rests_until <= now and len(self.running) < int(self._room)

    def busy(self) -> int:
        """How many calls a new one would find before it, other people's among them where that is known."""
        newest = next(reversed(self.running), None)
        job = None if newest is None else newest.job
        status = None if job is None else job._status
        if status is None or status.code is not Status.IN_QUEUE:
            return len(self.running)
        return max(len(self.running), (status.rank or 0) + 1)

    def begin(self, call: Call, target: Target, now: float) -> None:
        """Make an attempt. Raises what `Client.submit` raises."""
        call.attempts += 1
        args, kwargs = arguments(call.inputs)
        job = self._client._prepare(*target, args, kwargs)
        call.job, call.due = job, NEVER if self.timeout is None else now + self.timeout
        # From here on an interruption cancels it, and its end is heard of.
        self.running[call] = None
        job.watch(call.changed)
        self._client._calls.begin(job)

    def succeeded(self) -> None:
        """A call has gone well."""
        self._failures = 0
        self._room = min(self._most, self._room + 1 / self._room)

    def failed(self, error: BaseException, now: float, *, pause: bool, longest: float) -> float:
        """A call has failed with an error that may pass, and is not under way any more.

        Args:
            error: its.
            now: the time.
            pause: whether to rest where the server has not asked for it.
            longest: seconds that it rests at most.

        Returns:
            The seconds that it should rest, which may be more than that.
        """
        if isinstance(error, RetryLater):
            self._room = max(1.0, min(self._room, len(self.running)))
        asked: Optional[float] = getattr(error, "retry_after", None)
        first, last = _RESTS
        if asked is None:
            if not pause:
                return 0.0
            if self.rests_until > now:  # one of many that failed for the same reason
                return self.rests_until - now
            asked = min(last, first * 2.0 ** min(self._failures, 30))
            self._failures += 1
        self.rests_until = max(self.rests_until, now + min(asked, longest))
        return asked


def arguments(inputs: Any) -> Tuple[Tuple[Any, ...], Mapping[str, Any]]:
    """Arguments by position, and by name, of an input: of a tuple, and of a dict that is no file.

    Example:
        >>> arguments("a"), arguments(("a", 1)), arguments({"text": "a"})
        ((('a',), {}), (('a', 1), {}), ((), {'text': 'a'}))
    """
    if isinstance(inputs, tuple):
        return inputs, {}
    if isinstance(inputs, dict) and not (isinstance(inputs, _FILES) or is_marked(inputs)):
        return (), inputs
    return (inputs,), {}
