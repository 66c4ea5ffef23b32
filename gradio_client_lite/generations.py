"""Generations of servers: the one place that knows what differs between the releases of Gradio.

Every comparison of a protocol or a version in the package stands here. `dialect_of` turns what an app's
config says into a Dialect, whose fields the other modules read; the other functions choose the parts that a
release needs, and import what only old ones need when it is chosen.

To add a protocol, give it a row in `_PROTOCOLS`. To add a difference between releases, give Dialect a field,
set it in `dialect_of`, and read it where it matters.

Sources: gradio/routes.py, queueing.py and blocks.py of 3.1.0, 3.1.5, 3.2.0, 3.7.0, 3.9, 3.10.0, 3.23.0,
3.35.2, 3.50.2, 4.0.2, 4.8.0 and 4.16.0 – 6.31.0.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, FrozenSet, Mapping, Optional, Tuple

from .app.app import App
from .errors import UnsupportedAppError, shown
from .queues.base import new_session_hash
from .queues.session import SessionQueue
from .queues.sessions import MakeQueue, SessionHeartbeat, Sessions
from .wire.config import AppSpec, EndpointSpec
from .wire.dialect import CancelPlan, Dialect, Version
from .wire.filedata import (
    EndpointFiles,
    argument_files,
    file_outputs,
    file_word,
    holding_outputs,
    takes_files,
)

if TYPE_CHECKING:
    from .files.uploads import Home, Uploads
    from .wire.fileurls import Location
    from .wire.multipart import Progress
    from .workers import Workers

#: The protocol a config names, or "ws" where it names none: the queue driver, and whether values are sent as
#: edits.
_PROTOCOLS: Dict[str, Tuple[str, bool]] = {
    "ws": ("socket", False),  # 3.1.5 – 3.50
    "sse": ("stream", False),  # 4.0 – 4.8
    "sse_v1": ("session", False),  # 4.9 – 4.16
    "sse_v2": ("session", True),  # 4.17 – 4.20
    "sse_v2.1": ("session", True),  # 4.21
    "sse_v3": ("session", True),  # 4.22 on
}

#: Before it queues were polled; the direct route has always been there.
_SOCKETS = Version.parse("3.1.5")
#: Since then a server asks for session and function; before, a socket's first message was the client's. The
#: route of files was `file/…` until then.
_ASKS = Version.parse("3.2")
#: Since then direct calls go to `run/…`, which Colab needs; before it to `api/…` alone.
_RUN_ROUTE = Version.parse("3.9")
#: Since then files are uploaded; before it they came as base64 within the call.
_UPLOAD_ROUTE = Version.parse("3.19")
#: Since then, as tests show, a session's stream may be opened before there is a job; see queues/session.
_STREAMS_AHEAD = Version.parse("4.16.0")
_FILE_MARKS = Version.parse("4.21.0")
#: Since then a call takes two plain requests, without a session.
_CALL_ROUTE = Version.parse("4.21.0")
#: The `cancel` route came after this release (gradio/routes.py, `cancel_event`).
_LAST_WITHOUT_CANCEL = Version.parse("4.29.0")
#: Before it a stream of chunks could be read once only.
_STEADY_STREAMS = Version.parse("5.0.0")
#: From 4.0 until then the direct route spoils JSON outputs, without an error on 5.50.
_SOUND_JSON = Version.parse("6.0.0")
#: Before it the end of a stream only began another run, after which the time limit, if there was one, counted
#: as passed (gradio/queueing.py, `is_finished`).
_ENDS_STREAMS = Version.parse("6.0.0")
_UNQUEUES = Version.parse("6.14.0")
#: From here on an app fetches what is elsewhere; see wire/fileurls.
_HANDS_ON = Version.parse("6.20.0")

_CANNOT = (
    "Cancelling this job will not stop the server from running. "
    "To fix this, an event must be added to the upstream app that explicitly cancels this one or "
    "the upstream app must be running Gradio 4.29.0 and greater."
)


def dialect_of(app: AppSpec, src: str) -> Dialect:
    """How an app is spoken to; `src` is its URL, for the error text.

    Raises:
        UnsupportedAppError: its protocol is not known here.
    """
    if app.protocol not in _PROTOCOLS:
        raise UnsupportedAppError(
            f"The app at {src} runs Gradio {app.version} with the protocol {shown(app.protocol)}; this "
            f"client speaks {', '.join(_PROTOCOLS)}. Look for a newer release of the client."
        )
    queue, diffs = _PROTOCOLS[app.protocol]
    version, three = app.version, _is_3(app)
    return Dialect(
        queue=queue,
        diffs=diffs,
        greets=version < _ASKS,
        # Servers before `connect_heartbeat` came (4.42) keep State for as long as the heartbeat lasts, if
        # they have one.
        heartbeat=queue == "session"
        and (app.has_state if app.connect_heartbeat is None else app.connect_heartbeat),
        direct_route="api/predict" if three and version < _RUN_ROUTE else "run/predict",
        direct_calls=frozenset(
            fn_index for fn_index, endpoint in app.endpoints.items() if _runs_directly(app, endpoint)
        ),
        cancel_route=version > _LAST_WITHOUT_CANCEL,
        streams_ahead=version >= _STREAMS_AHEAD,
        unqueues=version >= _UNQUEUES,
        ends_streams=version >= _ENDS_STREAMS,
        reset="function" if three else "event",
        describes=not three,  # where these have an /info, it says less than their config
        marks_files=version >= _FILE_MARKS,
        hands_on=version >= _HANDS_ON,
        live_streams=version < _STEADY_STREAMS,
        upload_route=version >= _UPLOAD_ROUTE,
        call_route=version >= _CALL_ROUTE,
        file_route="file/" if version < _ASKS else "file=",
    )


def _is_3(app: AppSpec) -> bool:
    """Whether an app runs Gradio 3, whose values have forms of their own; see `legacy`."""
    return app.protocol == "ws"


def _runs_directly(app: AppSpec, endpoint: EndpointSpec) -> bool:
    """Whether one direct POST gives all that a trip through the queue would.

    It does for functions with `queue=False`, which every server also takes through its queue. What the direct
    route gets wrong goes there: of a generator it gives the first value alone; it refuses batched functions
    of several inputs (5.50, 6.31); and it may spoil JSON outputs. On 3.x apps without a queue there is no
    other way.
    """
    if _is_3(app) and (not app.enable_queue or app.version < _SOCKETS):
        return True
    if endpoint.queue is not False or endpoint.generator or endpoint.batch:
        return False
    sound = _is_3(app) or app.version >= _SOUND_JSON
    return sound or all(output.type != "json" for output in endpoint.outputs)


def plan_cancel(app: AppSpec, dialect: Dialect, endpoint: EndpointSpec) -> CancelPlan:
    """The best way to cancel a job of `endpoint`."""
    if dialect.cancel_route:
        reruns = endpoint.streamed and not dialect.ends_streams
        closes = endpoint.streamed and (endpoint.timed or not reruns)
        return CancelPlan(True, unqueues=dialect.unqueues, closes=closes, reruns=reruns)
    by_function = dialect.reset == "function"
    reset = dialect.reset if endpoint.has_state or not by_function else None
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


# -- the parts that a release needs


def derive_info(app: App) -> Dict[str, Any]:
    """The description of a connected app's API, made from its config."""
    if _is_3(app.spec):
        from .legacy.wire.info import derive_v3_info

        return derive_v3_info(app.config, app.routes, app.dialect.file_route)
    from .wire import info

    return info.derive_info(app.config)


def endpoint_files(app: App, spec: EndpointSpec, home: Optional[Callable[[], Any]]) -> EndpointFiles:
    """Where the arguments and results of an endpoint may hold files; for `home` see `EndpointFiles`."""
    if _is_3(app.spec):
        from .legacy.wire.values import V3Results, is_v3_file, reshapes_any, takes_v3_files

        results = V3Results(spec, app.routes, app.dialect.file_route)
        return EndpointFiles(
            argument_files(partial(takes_v3_files, spec)),
            is_v3_file,
            results.holders,
            reforms=partial(reshapes_any, spec=spec),
            decode=results.decode,
            src=app.src,
            home=home,
        )
    marks = app.dialect.marks_files
    return EndpointFiles(
        argument_files(partial(takes_files, spec)),
        file_outputs(spec, marks_files=marks),
        # The mark tells files in any output, declared or not; those that stay are looked for in the declared.
        _shown_outputs(spec) if home is None else holding_outputs(spec),
        file_word(spec, marks_files=marks),
        src=app.src,
        home=home,
    )


def _shown_outputs(spec: EndpointSpec) -> FrozenSet[int]:
    return frozenset(index for index, output in enumerate(spec.outputs) if not output.skip)


def make_uploads(app: App, progress: Optional[Progress], home: Home) -> Uploads:
    """What sends the files of calls; arguments are those of `Uploads`."""
    if _is_3(app.spec):
        from .legacy.uploads import V3Uploads

        return V3Uploads(app, progress=progress, home=home)
    from .files.uploads import Uploads

    return Uploads(app, progress=progress, home=home)


def locate(app: App, file: Mapping[str, Any]) -> Location:
    """Where a file of a connected app's results is."""
    dialect = app.dialect
    if _is_3(app.spec):
        from .legacy.wire.values import v3_location

        return v3_location(file, app.routes, dialect.file_route)
    from .wire.fileurls import location_of

    return location_of(file, app.routes, live_streams=dialect.live_streams, hands_on=dialect.hands_on)


def open_sessions(app: App, workers: Workers, grace: float, idle_timeout: float) -> Sessions:
    """The sessions of one client, which can go away while they live.

    Args:
        workers: of the client.
        grace: seconds that jobs get when their event stream was cut.
        idle_timeout: seconds of silence after which the app is asked for a sign of life.
    """

    def make_heartbeat(session_hash: str) -> SessionHeartbeat:
        return SessionHeartbeat(app.transport, app.routes, session_hash, app.headers, app.threads)

    heartbeat = make_heartbeat if app.dialect.heartbeat else None
    stateful = app.spec.has_state or heartbeat is not None
    return Sessions(_queue_maker(app, workers, grace, idle_timeout), heartbeat, stateful, new_session_hash())


def _queue_maker(app: App, workers: Workers, grace: float, idle_timeout: float) -> MakeQueue:
    """Makes the queue driver of a session hash."""
    if app.dialect.queue == "session":
        return lambda session_hash, on_cut: SessionQueue(
            app.transport,
            app.routes,
            session_hash,
            app.headers,
            grace=grace,
            idle_timeout=idle_timeout,
            on_cut=on_cut,
            opens_ahead=app.dialect.streams_ahead,
            limits=app.limits,
            threads=app.threads,
        )
    from .legacy.perjob import Shared

    shared = Shared(app.transport, app.routes, app.headers, workers, app.threads, idle_timeout, app.limits)
    if app.dialect.queue == "stream":
        from .legacy.stream import StreamQueue

        return lambda session_hash, _: StreamQueue(shared, session_hash)
    from .legacy.socket import SocketQueue

    return lambda session_hash, _: SocketQueue(shared, session_hash, greets=app.dialect.greets)
