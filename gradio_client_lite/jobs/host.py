"""JobHost: what the jobs of one endpoint need from their client, which it does not know."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Callable, FrozenSet, Set

from ..workers import call_after_fork
from .hints import takes_only_files

if TYPE_CHECKING:
    from ..app.app import App
    from ..app.endpoint import Endpoint
    from ..updates import StatusUpdate
    from .attachments import Attachments

#: Exact types of values that are no files and hold none.
_PLAIN: FrozenSet[type] = frozenset((str, int, float, bool, type(None)))


class LiveJobs:
    """The jobs of one client that have not ended.

    Attributes:
        closed: whether the client is; whatever ends a job from then on, it is told so.
        jobs: always the same set. Each operation on it is a single one, which needs no lock: of a job that
            comes while all are ended, either its sender or who ends them takes notice.
        untold: likewise, the cancelled ones that the server is being told of, or is once it has named them.
    """

    def __init__(self) -> None:
        self.closed = False
        self.jobs: Set[Any] = set()
        self.untold: Set[Any] = set()
        call_after_fork(self)

    def after_fork(self) -> None:
        """In a child: they go on in the parent, which tells the server."""
        self.jobs.clear()
        self.untold.clear()


class JobHost:
    """What the jobs of one endpoint need from their client.

    Args:
        app: of the client.
        endpoint: what they call.
        attachments: of the client.
        live: of the client.
        run_work: runs a function that makes requests, on a worker; RuntimeError if no thread can be had.
        run_callback: runs a function of the user's, on a thread that it may keep; RuntimeError likewise.
        on_status: called with each status that the user asks for.
        cancel: see `Cancelling.cancel`; called with the job, and whether to warn.
        end_stream: see `Cancelling.end_stream`.

    Attributes:
        label: what texts call the endpoint.
        direct: whether its jobs skip the queue, so that the server cannot be told of a cancellation.
        diffs: whether a generator's values after the first are sent as edits.
        files: where arguments and results may hold files.
        takes_only_files: see `hints.takes_only_files`.
        plain_types: exact types of values that are no files and hold none.
        read: makes local files of those in output values; see `Attachments.read`.
        shape: makes what the caller gets of output values.
        job_bytes: how much a job may keep of the server's messages.
        progress_updates: how many updates of progress it keeps; None for all.
        secrets: what texts must not show.
    """

    def __init__(
        self,
        app: App,
        endpoint: Endpoint,
        attachments: Attachments,
        live: LiveJobs,
        *,
        run_work: Callable[..., None],
        run_callback: Callable[..., None],
        on_status: Callable[[StatusUpdate], None],
        cancel: Callable[[Any, bool], None],
        end_stream: Callable[[Any], None],
    ) -> None:
        self.endpoint = endpoint
        self.live = live
        self.run_work = run_work
        self.run_callback = run_callback
        self.on_status = on_status
        self.cancel = cancel
        self.end_stream = end_stream
        self.fn_index = endpoint.fn_index
        self.label = endpoint.label
        self.direct = endpoint.fn_index in app.dialect.direct_calls
        self.diffs = app.dialect.diffs
        self.files = attachments.learn(endpoint.spec)
        self.takes_only_files = takes_only_files(endpoint)
        # Where the text of a result tells nothing of its files (3.x), a value of any type may be one.
        self.plain_types = frozenset() if self.files.word is None else _PLAIN
        self.read = partial(attachments.read, endpoint.spec)
        self.shape = endpoint.shape
        self.job_bytes = app.limits.bound("job_bytes")
        self.progress_updates = app.limits.progress_updates
        self.secrets = app.transport.secrets
