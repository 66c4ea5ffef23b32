"""What `verbose=True` shows on the console; never an error where there is none."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import Optional

from ..updates import StatusUpdate
from ..wire.texts import harmless

#: Above this estimate, in seconds, a user of a Space is told how to get around the queue.
_LONG_WAIT = 30
_HOT_SPACE = (
    "Due to heavy traffic on this app, the prediction will take approximately {eta} seconds. "
    "For faster predictions without waiting in queue, you may duplicate the space using: "
    "Client.duplicate({space})"
)


def write_line(text: str) -> None:
    """Write to standard output, if the process has one; what it cannot show is replaced.

    Raises:
        OSError: the disk is full, or nobody reads any more.
    """
    out = sys.stdout
    if out is None:  # pythonw
        return
    try:
        out.write(text + "\n")
    except UnicodeEncodeError:
        out.write(text.encode("ascii", "replace").decode("ascii") + "\n")
    with suppress(AttributeError):  # that of some plugin hosts can write alone
        out.flush()


def say(text: str) -> None:
    """The same for what is not worth a failure, and may hold words of a server: they move no cursor."""
    with suppress(AttributeError, OSError, ValueError):  # a broken pipe, closed, or no file at all
        write_line(harmless(text))


def say_long_wait(space_id: Optional[str], status: StatusUpdate) -> None:
    """Tell of a long queue, and of the way around it; None for apps that are no Spaces."""
    if space_id and status.eta and status.eta > _LONG_WAIT:
        say(_HOT_SPACE.format(eta=int(status.eta), space=space_id))
