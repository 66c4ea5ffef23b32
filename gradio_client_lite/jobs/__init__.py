"""Jobs: from a call to its `Job`, which is a `concurrent.futures.Future`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .job import Job

__all__ = ["Job"]


def __getattr__(name: str) -> Any:
    # Bound when first used, so that the modules beside it may be imported alone.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import job

    return job.Job
