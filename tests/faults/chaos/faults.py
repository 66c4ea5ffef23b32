"""One fault: what is done to the bytes of a connection, and when."""

from __future__ import annotations

from enum import Enum
from random import Random
from typing import NamedTuple

from .steps import WITHIN_STREAMS


class Kind(Enum):
    """What a proxy does to the bytes of a connection, or to the connection."""

    #: A TCP reset, to both ends.
    RESET = "reset"
    #: An orderly end of both ends, before anything of the message.
    CLOSE = "close"
    #: An orderly end of the one direction; the other stays open.
    HALF_CLOSE = "halfclose"
    #: An orderly end of the client's side alone, as behind proxies: the server goes on, and is listened to.
    DEAF = "deaf"
    #: Nothing more is carried that way, and the connection stays.
    STALL = "stall"
    #: The same, for a while.
    PAUSE = "pause"
    #: The rest of the message takes its time.
    THROTTLE = "throttle"
    #: An orderly end in the middle of a message.
    TRUNCATE = "truncate"
    #: One byte at a time, each a packet of its own.
    DRIBBLE = "dribble"
    #: The same message once more.
    DUPLICATE = "duplicate"
    #: Each piece of the message comes late.
    DELAY = "delay"
    #: A reset, and no connection is accepted for a while.
    REFUSE = "refuse"
    #: The server goes, with its sessions, and another one comes in a while.
    RESTART = "restart"


#: That only take time, and less than anybody's patience: nothing may fail by them.
HARMLESS = frozenset((Kind.PAUSE, Kind.THROTTLE, Kind.DRIBBLE, Kind.DELAY))


class Fault(NamedTuple):
    """A fault at one step.

    Args:
        kind: what is done.
        step: one of `steps.STEPS`.
        side: "request", or "answer".
        nth: which time that the step is met; 0 is the first.
        unit: 0 strikes at the head of the message, 1 at what follows it.
        part: how much of that is carried first, in percent.
        millis: how long it takes, where it takes a while.
        times: how often in a row.
    """

    kind: Kind
    step: str
    side: str
    nth: int
    unit: int
    part: int
    millis: int
    times: int

    @property
    def seconds(self) -> float:
        return self.millis / 1000

    def __str__(self) -> str:
        return "-".join(str(value.value if isinstance(value, Kind) else value) for value in self)

    @classmethod
    def parse(cls, text: str) -> Fault:
        """The fault of which this is the `str`."""
        kind, step, side, *numbers = text.split("-")
        return cls(Kind(kind), step, side, *(int(number) for number in numbers))


def draw(chance: Random, kind: Kind, step: str) -> Fault:
    """A fault of this kind at this step, the rest by chance."""
    within = step in WITHIN_STREAMS
    whole = kind in (Kind.CLOSE, Kind.DUPLICATE) or step == "between"
    return Fault(
        kind,
        step,
        side="answer" if within else chance.choice(("request", "answer")),
        nth=chance.choice((0, 1, 2, 4)) if within else chance.choice((0, 0, 0, 1)),
        unit=0 if within else chance.choice((0, 1)),
        part=0 if whole else chance.randint(1, 99),
        millis=chance.choice((50, 150, 400, 800)),
        times=chance.choice((1, 1, 1, 2, 4)),
    )
