"""How an endpoint's jobs are run and cancelled: the one place that knows what each server release speaks.

Sources: gradio/routes.py, queueing.py and blocks.py of 3.1.0, 3.1.5, 3.2.0, 3.7.0, 3.9, 3.10.0, 3.23.0,
3.35.2, 3.50.2, 4.0.2, 4.8.0 and 4.16.0 – 6.31.0.
"""

from __future__ import annotations

from typing import Dict, NamedTuple, Optional, Tuple

from ..errors import UnsupportedAppError, shown
from .config import AppSpec, EndpointSpec
from .version import Version


class Dialect(NamedTuple):
    """What one protocol asks of a client.

    Args:
        driver: "session" (one event stream for all jobs), "stream" (one for each job) or "socket" (a
            WebSocket for each job).
        diffs: whether a generator's values after the first are sent as edits.
    """

    driver: str
    diffs: bool


#: The protocol a config names, or "ws" where it names none, and how it is spoken.
_DIALECTS: Dict[str, Dialect] = {
    "ws": Dialect("socket", diffs=False),  # 3.1.5 – 3.50
    "sse": Dialect("stream", diffs=False),  # 4.0 – 4.8
    "sse_v1": Dialect("session", diffs=False),  # 4.9 – 4.16
    "sse_v2": Dialect("session", diffs=True),  # 4.17 – 4.20
    "sse_v2.1": Dialect("session", diffs=True),  # 4.21
    "sse_v3": Dialect("session", diffs=True),  # 4.22 on
}

#: Before it queues were polled; the direct route has always been there.
_FIRST_WITH_SOCKETS = Version.parse("3.1.5")
#: Before it a socket's first message was the client's, and none was asked for.
_FIRST_WITHOUT_GREETING = Version.parse("3.2")
#: Before it direct calls had the name `api/…` alone; since then Colab needs the other.
_FIRST_WITH_RUN = Version.parse("3.9")
_SOUND_JSON = Version.parse("6.0.0")
#: The `cancel` route came after this release (gradio/routes.py, `cancel_event`).
_LAST_WITHOUT_ROUTE = Version.parse("4.29.0")
#: From here on the route takes a job that still waits out of the queue.
_UNQUEUES_SINCE = Version.parse("6.14.0")

#: Before it the end of a stream only began another run, after which the time limit, if there was one, counted
#: as passed (gradio/queueing.py, `is_finished`).
_ENDS_STREAMS_SINCE = Version.parse("6.0.0")

_CANNOT = (
    "Cancelling this job will not stop the server from running. "
    "To fix this, an event must be added to the upstream app that explicitly cancels this one or "
    "the upstream app must be running Gradio 4.29.0 and greater."
)


def dialect_of(app: AppSpec, src: str) -> Dialect:
    """How the app's queue is spoken to.

    Args:
        app: from its config.
        src: its URL, for the error text.

    Raises:
        UnsupportedAppError: its protocol is not known here.
    """
    found = _DIALECTS.get(app.protocol)
    if found is None:
        raise UnsupportedAppError(
            f"The app at {src} runs Gradio {app.version} with the protocol {shown(app.protocol)}; this "
            f"client speaks {', '.join(_DIALECTS)}. Look for a newer release of the client."
        )
    return found


def runs_directly(app: AppSpec, endpoint: EndpointSpec) -> bool:
    """Whether one direct POST gives all that a trip through the queue would.

    It is for functions with `queue=False`, which every server also takes through its queue. What the direct
    route gets wrong goes there: of a generator it gives the first value alone; it refuses batched functions
    of several inputs (5.50, 6.31); and from 4.0 until 6.0 it spoils JSON outputs, without an error on 5.50.
    On 3.x apps without a queue there is no other way.
    """
    if app.protocol == "ws" and (not app.enable_queue or app.version < _FIRST_WITH_SOCKETS):
        return True
    if endpoint.queue is not False or endpoint.generator or endpoint.batch:
        return False
    sound = app.protocol == "ws" or app.version >= _SOUND_JSON
    return sound or all(output.type != "json" for output in endpoint.outputs)


def direct_route(app: AppSpec) -> str:
    """Where direct calls go; the body's fn_index, not this name, chooses the function."""
    return "api/predict" if app.protocol == "ws" and app.version < _FIRST_WITH_RUN else "run/predict"


def server_waits(app: AppSpec) -> bool:
    """Whether the server of a WebSocket waits for the client's first word."""
    return app.version < _FIRST_WITHOUT_GREETING


def wants_heartbeat(app: AppSpec) -> bool:
    """Whether the server drops the session without a heartbeat.

    Servers before `connect_heartbeat` came keep State for as long as the heartbeat lasts, if they have one.
    """
    dialect = _DIALECTS.get(app.protocol)
    if dialect is None or dialect.driver != "session":
        return False
    return app.has_state if app.connect_heartbeat is None else app.connect_heartbeat


class CancelPlan(NamedTuple):
    """What to send.

    Args:
        route: whether the server has the `cancel` route.
        closes: whether the job is fed by a stream, and ends when the server is told that no more comes.
        reruns: whether it is run again before that.
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
    closes: bool = False
    reruns: bool = False


def plan_cancel(app: AppSpec, endpoint: EndpointSpec) -> CancelPlan:
    """The best way to cancel a job of `endpoint`."""
    if app.version > _LAST_WITHOUT_ROUTE:
        reruns = endpoint.streamed and app.version < _ENDS_STREAMS_SINCE
        closes = endpoint.streamed and (endpoint.timed or not reruns)
        return CancelPlan(True, unqueues=app.version >= _UNQUEUES_SINCE, closes=closes, reruns=reruns)
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
