"""Faults: how the embedded app is to misbehave, where, and when. `flaky.py` does it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from http import HTTPStatus
from typing import Any, Dict, FrozenSet, Iterable, Optional, Tuple

from ..errors import ArgumentError

_WHOLE = frozenset(("config", "info", "login", "join", "direct", "cancel"))
_REQUESTS = _WHOLE | {"opening", "heartbeat"}
_EVENT = frozenset(("event",))
#: The steps of a session that each kind of fault can strike.
STEPS: Dict[str, FrozenSet[str]] = {
    "refuse": _REQUESTS,
    "close": _REQUESTS | _EVENT,
    "truncate": _WHOLE | _EVENT,
    "lose": _WHOLE | _EVENT,
    "stall": _REQUESTS | _EVENT,
    "delay": _REQUESTS | _EVENT,
    "throttle": _WHOLE | _EVENT,
    "duplicate": _EVENT,
    "swap": _EVENT,
    "forget": _EVENT | {"join", "opening"},
}
_MESSAGES = frozenset(
    (
        "estimation",
        "process_starts",
        "progress",
        "log",
        "process_generating",
        "process_completed",
        "close_stream",
        "heartbeat",
        "unexpected_error",
    )
)
#: The steps at which an endpoint is known.
_OF_ENDPOINTS = frozenset(("join", "event", "direct", "cancel"))


@dataclass(frozen=True, repr=False)
class Fault:
    """One way of the embedded app to misbehave, for tests of what a program does then.

    The steps: "config", "info" and "login" while a client connects; "join", which sends a queued call;
    "opening", which asks for the stream of a session, and "event", each message on it; "direct", a call that
    needs no queue; "cancel"; "heartbeat".

    The kinds: "refuse" answers with a status, and the app has not taken the request. "close" ends the
    connection instead of an answer, or before an event. "truncate" does so in the middle. "lose" takes the
    request, and loses the answer or the event. "stall" says nothing any more, and the connection stays.
    "delay" waits first, "throttle" sends in ten pieces. Of events alone: "duplicate" sends one twice, "swap"
    after the one that follows. "forget" drops the session, with its calls, before it goes on.

    Args:
        kind: what happens.
        step: where.
        nth: which time that the step is met; 0 is the first since the faults were set.
        times: how often in a row; None means every time from then on.
        endpoint: the only endpoint it is for, with its slash; None means any. For "join", "event", "direct"
            and "cancel".
        message: the only message it is for, such as "process_completed"; None means any. For "event".
        seconds: how long "delay" and "throttle" take.
        status: what "refuse" answers.
        retry_after: seconds after which "refuse" says to ask again; None says nothing.
        chance: how likely it strikes, each time that it might.
        seed: the same seed gives the same chance, each time.

    Raises:
        ArgumentError: an argument is wrong, or there is no such fault at that step.

    Example:
        >>> from gradio_client_lite import Client
        >>> from gradio_client_lite.testing import Fault, serve
        >>> with serve({"/echo": str}, faults=[Fault("refuse", "join", retry_after=2)]) as app:
        ...     with Client(app.url, verbose=False) as client:
        ...         error = client.submit("a", api_name="/echo").exception()
        ...         error.retry_after, client.predict("a", api_name="/echo"), len(app.struck)
        (2.0, 'a', 1)
    """

    kind: str
    step: str
    nth: int = 0
    times: Optional[int] = 1
    endpoint: Optional[str] = None
    message: Optional[str] = None
    seconds: float = 1.0
    status: int = 503
    retry_after: Optional[int] = None
    chance: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        steps = STEPS.get(self.kind, frozenset())
        named = self.endpoint is None or self.step in _OF_ENDPOINTS
        told = self.message is None or (self.step == "event" and self.message in _MESSAGES)
        status = self.status in HTTPStatus.__members__.values() and self.status >= HTTPStatus.BAD_REQUEST
        waits = self.retry_after is None or _is_number(self.retry_after, 0)
        likely = _is_number(self.chance, 0, (int, float)) and 0 < self.chance <= 1
        for name, right, wanted in (
            ("kind", bool(steps), f"one of {_list(STEPS)}"),
            ("step", self.step in steps, f"one of {_list(steps)} for {self.kind!r}"),
            ("nth", _is_number(self.nth, 0), "a whole number from 0 on"),
            ("times", self.times is None or _is_number(self.times, 1), "1, more, or None"),
            ("endpoint", named, f"None, as the step {self.step!r} is no endpoint's"),
            ("message", told, f"None, or for the step 'event' one of {_list(_MESSAGES)}"),
            ("seconds", _is_number(self.seconds, 0, (int, float)), "a number, 0 or more"),
            ("status", status, "a status of HTTP from 400 on"),
            ("retry_after", waits, "whole seconds, 0 or more, or None"),
            ("chance", likely, "above 0, and 1 at most"),
        ):
            if not right:
                raise ArgumentError(f"The {name} of a fault must be {wanted}, not {getattr(self, name)!r}.")

    def __repr__(self) -> str:
        more = [field.name for field in fields(self)[2:] if getattr(self, field.name) != field.default]
        given = [repr(self.kind), repr(self.step), *(f"{name}={getattr(self, name)!r}" for name in more)]
        return f"{type(self).__name__}({', '.join(given)})"

    def strikes(self, met: int) -> bool:
        """Whether it strikes when what it is for was met `met` times before."""
        if met < self.nth or (self.times is not None and met >= self.nth + self.times):
            return False
        if self.chance == 1:
            return True
        from random import Random  # takes long to import

        return Random(f"{self.seed} {met}").random() < self.chance  # noqa: S311 - the same each time


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _is_number(value: Any, least: int, kinds: Tuple[type, ...] = (int,)) -> bool:
    """Whether it is one of these kinds, finite, and not below the least."""
    return type(value) in kinds and least <= value < float("inf")
