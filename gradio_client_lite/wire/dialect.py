"""What a server release speaks, as a record that other modules read; `generations` fills it in.

No other module compares a version or a protocol: each difference between releases is one field of Dialect.
"""

from __future__ import annotations

import re
from functools import total_ordering
from typing import Any, FrozenSet, Optional, Tuple

from ..light import NamedTuple
from .texts import quoted

# Where each stage stands relative to the finished release (0), in the order of PEP 440.
_STAGES = {
    "dev": -4,
    "alpha": -3,
    "a": -3,
    "beta": -2,
    "b": -2,
    "preview": -1,
    "pre": -1,
    "rc": -1,
    "c": -1,
    "post": 1,
    "rev": 1,
    "r": 1,
}
# Characters of a version that are read; no release needs a third of them.
_LONGEST = 100
# Compiled when first needed: most releases are plain numbers, and start-up time counts.
_STAGE = r"[._-]?(" + "|".join(_STAGES) + r")[._-]?([0-9]{0,9})"
_VERSION = rf"v?([0-9]{{1,9}}(?:\.[0-9]{{1,9}})*)((?:{_STAGE})*)"


class Dialect(NamedTuple):
    """How one app is spoken to; the defaults are those of the newest releases.

    Args:
        queue: "session" (one event stream for all jobs of a session), "stream" (one for each job, 4.0 –
            4.8) or "socket" (a WebSocket for each job, 3.x).
        diffs: whether a generator's values after the first are sent as edits (4.17 on).
        greets: whether the client speaks first on a WebSocket, without being asked (before 3.2).
        heartbeat: whether the server drops a session whose heartbeat is not open.
        direct_route: where direct calls go; the body's fn_index, not this name, chooses the function.
        direct_calls: the fn_index of endpoints for which one direct POST gives all that the queue would.
        streams_ahead: whether a session's stream may be opened before there is a job (4.16 on).
        cancel_route: whether there is a `cancel` route (after 4.29.0).
        unqueues: whether that route takes a job that still waits out of the queue (6.14 on).
        ends_streams: whether the end of a stream of chunks ends its job, whatever its time limit (6.0 on).
        reset: how the `reset` route, used where there is no `cancel`, names a job: by its "event" id, or by
            "function" and session (3.x).
        describes: whether the app's `info` route describes its API; else its config does (3.x).
        marks_files: whether every file in a result carries the mark of a FileData (4.21 on).
        hands_on: whether the app fetches files that are elsewhere (6.20 on).
        live_streams: whether reading a stream consumes it (before 5.0).
        upload_route: whether there is an `upload` route (3.19 on).
        call_route: whether there is the `call` route, for calls by hand (4.21 on).
        file_route: what precedes the path of a file in its URL, "file=" or "file/" (before 3.2).
    """

    queue: str = "session"
    diffs: bool = True
    greets: bool = False
    heartbeat: bool = False
    direct_route: str = "run/predict"
    direct_calls: FrozenSet[int] = frozenset()
    streams_ahead: bool = True
    cancel_route: bool = True
    unqueues: bool = True
    ends_streams: bool = True
    reset: str = "event"
    describes: bool = True
    marks_files: bool = True
    hands_on: bool = True
    live_streams: bool = False
    upload_route: bool = True
    call_route: bool = True
    file_route: str = "file="


class CancelPlan(NamedTuple):
    """How the server is told that a job is cancelled.

    Args:
        route: whether the server has the `cancel` route.
        closes: whether the job is fed by a stream, and ends when the server is told that no more comes.
        reruns: whether it is run again before that.
        unqueues: whether that route takes a job that still waits out of the queue, and does nothing else
            when it is told of no function.
        fn_index: the function to call instead, because the app declares that it cancels this one.
        warning: what the caller has to be told; None when all is well.
        reset: how the `reset` route is told which job it is: by its "event" id, or by "function" and session,
            so that the session's next job does not go on where this one was left. None sends nothing: where
            jobs have sessions of their own, a reset would only start the cancelled one anew.
    """

    route: bool
    fn_index: Optional[int] = None
    warning: Optional[str] = None
    reset: Optional[str] = None
    unqueues: bool = False
    closes: bool = False
    reruns: bool = False


@total_ordering
class Version:
    """A version number; compare two with ``<``, ``==`` and so on.

    Gradio's own releases look like ``4.44.1`` or ``5.0.0b1``; nightly and hand-built ones add ``.dev3``,
    ``-beta.2`` or ``+local``. A config is data from the network, so parsing never fails: what is not a
    version at all counts as version 0, older than everything.

    Args:
        release: the numbers, without trailing zeros, so that 4.0 equals 4.0.0.
        stages: (stage, number) pairs of what follows the numbers, ended by (0, 0), the finished release.
        text: what was parsed; not compared.
    """

    __slots__ = ("release", "stages", "text")

    def __init__(
        self, release: Tuple[int, ...], stages: Tuple[Tuple[int, int], ...] = ((0, 0),), text: str = ""
    ) -> None:
        self.release = release
        self.stages = stages
        self.text = text

    def __eq__(self, other: object) -> bool:
        known = _version_of(other)
        if known is None:
            return NotImplemented
        return (self.release, self.stages) == (known.release, known.stages)

    def __lt__(self, other: object) -> bool:
        known = _version_of(other)
        if known is None:
            return NotImplemented
        return (self.release, self.stages) < (known.release, known.stages)

    def __hash__(self) -> int:
        return hash((self.release, self.stages))

    def __repr__(self) -> str:
        return f"<Version {self.text}>"

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, text: Any) -> Version:
        """Reads a version; None means 2.0, which is what Gradio servers that send none are taken for.

        Example:
            >>> Version.parse("5.0.0b1") < Version.parse("5.0.0") < Version.parse("5.0.1.dev1")
            True
        """
        if not isinstance(text, str):
            text = "2.0" if text is None else ""
        text = quoted(text.strip(), _LONGEST)  # 3.23 sends a line feed behind it
        numbers, stages = text.split("."), ""
        if not all(number.isdecimal() and number.isascii() and len(number) < 10 for number in numbers):
            found = re.match(_VERSION, text, re.IGNORECASE)
            if found is None:
                return cls((), text=text)
            numbers, stages = found[1].split("."), found[2]
        release = [int(number) for number in numbers]
        while release and release[-1] == 0:
            release.pop()
        parsed = [
            (_STAGES[name.lower()], int(number or 0))
            for name, number in (re.findall(_STAGE, stages, re.IGNORECASE) if stages else ())
        ]
        return cls(tuple(release), (*parsed, (0, 0)), text)


def _version_of(value: object) -> Optional[Version]:
    """A Version, also for one of the package `packaging`, which scripts compare with; else None."""
    if isinstance(value, Version):
        return value
    return Version.parse(str(value)) if isinstance(getattr(value, "release", None), tuple) else None
