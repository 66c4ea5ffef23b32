"""What `verbose=True` shows on the console; never an error where there is none."""

from __future__ import annotations

import sys
from typing import Optional

from .updates import StatusUpdate

#: Above this estimate, in seconds, a user of a Space is told how to get around the queue.
_LONG_WAIT = 30
_HOT_SPACE = (
    "Due to heavy traffic on this app, the prediction will take approximately {eta} seconds. "
    "For faster predictions without waiting in queue, you may duplicate the space using: "
    "Client.duplicate({space})"
)


def say(text: str) -> None:
    """Write a line to standard output, if the process has one that can take it."""
    out = sys.stdout
    try:
        try:
            out.write(text + "\n")
        except UnicodeEncodeError:
            out.write(text.encode("ascii", "replace").decode("ascii") + "\n")
        out.flush()
    except (AttributeError, OSError, ValueError):
        # None (pythonw), closed, a broken pipe, a host's object that is no whole file: not worth a failure.
        return


def say_long_wait(space_id: Optional[str], status: StatusUpdate) -> None:
    """Tell of a long queue, and of the way around it; None for apps that are no Spaces."""
    if space_id and status.eta and status.eta > _LONG_WAIT:
        say(_HOT_SPACE.format(eta=int(status.eta), space=space_id))
