"""How a job of a given endpoint is cancelled on a given server."""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple

from .config import AppSpec, EndpointSpec
from .version import Version

#: The `cancel` route came after this release (gradio/routes.py, `cancel_event`).
_LAST_WITHOUT_ROUTE = Version.parse("4.29.0")
#: From here on the route takes a job that still waits out of the queue.
_UNQUEUES_SINCE = Version.parse("6.14.0")

_CANNOT = (
    "Cancelling this job will not stop the server from running. "
    "To fix this, an event must be added to the upstream app that explicitly cancels this one or "
    "the upstream app must be running Gradio 4.29.0 and greater."
)


class CancelPlan(NamedTuple):
    """What to send.

    Args:
        route: whether the server has the `cancel` route.
        unqueues: whether that route takes a job that still waits out of the queue, and does nothing else
            when it is told of no function.
        fn_index: the function to call instead, because the app declares that it cancels this one.
        warning: what the caller has to be told; None when all is well.
        reset: what names the job to the `reset` route: "event", its id; "function", with the session, so that
            the session's next job does not go on where this one was left. None sends none: where jobs have
            sessions of their own it would only start the cancelled one anew.
    """

    route: bool
    fn_index: Optional[int] = None
    warning: Optional[str] = None
    reset: Optional[str] = None
    unqueues: bool = False


def plan_cancel(app: AppSpec, endpoint: EndpointSpec) -> CancelPlan:
    """The best way to cancel a job of `endpoint`."""
    if app.version > _LAST_WITHOUT_ROUTE:
        return CancelPlan(route=True, unqueues=app.version >= _UNQUEUES_SINCE)
    reset = "event" if app.protocol != "ws" else "function" if endpoint.has_state else None
    candidates = [other for other in app.endpoints.values() if endpoint.fn_index in other.cancels]
    if not candidates:
        return CancelPlan(route=False, warning=_CANNOT, reset=reset)
    chosen = min(candidates, key=lambda other: len(other.cancels))
    return CancelPlan(False, chosen.fn_index, _also_cancelled(app, endpoint, chosen.cancels), reset)


def _also_cancelled(app: AppSpec, endpoint: EndpointSpec, cancels: Tuple[int, ...]) -> Optional[str]:
    others = [
        str(app.endpoints[index].api_name or f"fn_index {index}")
        for index in cancels
        if index != endpoint.fn_index and index in app.endpoints
    ]
    if not others:
        return None
    return f"Cancelled this job will also cancel any jobs for {', '.join(others)} that are currently running."
