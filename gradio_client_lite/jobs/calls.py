"""Calls: from an endpoint and its arguments to a Job that is sent.

`prepare` makes the job: it binds the arguments and writes the body, so that whatever is wrong with them is
raised by the call, before anything is sent. Where the app's description is needed for that and not there yet,
the job is made all the same, and bound as it is sent. `run` then sends it on the caller's thread and waits;
`begin` has a worker send it. Either way the job is among the live ones before it is sent, so that `close`
finds it.
"""

from __future__ import annotations

import logging
from copy import copy
from functools import partial
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Union,
)

from ..errors import ArgumentError, ConnectionFailed, DeadlineExceeded, GradioClientError
from ..generations import open_sessions
from ..queues.base import closed_error, parse_event_id, post_json
from ..queues.direct import DirectCalls
from ..threads import in_main_interpreter
from ..wire.arguments import encode_body, join_body
from ..wire.filedata import find_files, holds_foreign
from ..wire.provenance import FileArgument, ResultFile, V3File
from ..workers import Workers, call_after_fork
from .cancelling import Cancelling
from .hints import hint, text_keys
from .host import JobHost, LiveJobs
from .job import Job

if TYPE_CHECKING:
    from ..app.app import App
    from ..app.connect import Settings
    from ..app.endpoint import Endpoint
    from ..updates import StatusUpdate
    from .attachments import Attachments

_log = logging.getLogger(__name__)


class Calls:
    """Makes the jobs of one client, sends them, and ends what is open when the client is closed.

    Nothing here knows the client, which may be collected while this lives; a job keeps it alive.

    Args:
        app: connected to.
        attachments: moves the files among arguments and results.
        settings: the client's arguments.
        on_status: called with each status that the user asks for.
    """

    def __init__(
        self,
        app: App,
        attachments: Attachments,
        settings: Settings,
        on_status: Callable[[StatusUpdate], None],
    ) -> None:
        threads, most = app.threads, settings.max_workers
        self.app = app
        self.attachments = attachments
        self.workers = Workers(most, "gradio-worker", threads=threads)
        self.sessions = open_sessions(app, self.workers, settings.stream_grace, settings.stream_idle_timeout)
        app.transport.secrets.ask(self.sessions.secrets)
        self._callbacks = Workers(None, "gradio-callback", threads=threads)
        self._on_status = on_status
        self.live = LiveJobs()
        self.cancelling = Cancelling(app, Workers(most, "gradio-cancel", threads=threads), self.live.untold)
        timeout = settings.http.timeout
        self._direct = DirectCalls(app.transport, app.routes, app.headers, timeout, app.limits)
        self.timeout = settings.timeout
        # Redirected to another host, an app is given nothing that may be secret.
        self._oauth_token = None if app.headers.confined else settings.oauth_token or None
        # Made when an endpoint is first called; two threads may make one twice, both alike.
        self._hosts: Dict[Endpoint, JobHost] = {}

    # -- making a job

    def prepare(
        self,
        endpoint: Endpoint,
        headers: Mapping[str, str],
        args: Tuple[Any, ...],
        kwargs: Mapping[str, Any],
        owner: object,
    ) -> Job:
        """The job of a call, not sent yet.

        Args:
            endpoint: what is called.
            headers: of this call alone.
            args: positional arguments.
            kwargs: arguments by parameter name.
            owner: what must stay alive for as long as the job does.

        Raises:
            ArgumentError: the arguments do not fit the endpoint or cannot be sent.
            InvalidFile: a file among them is missing, cannot be read or is too large.
        """
        host = self._hosts.get(endpoint)
        if host is None:
            host = self._hosts[endpoint] = self._make_host(endpoint)
        queue = self.sessions.current
        session_hash = queue.session_hash
        body: Union[bytes, Callable[[], bytes]]
        bound = endpoint.is_complete(args, kwargs) and self._oauth_token is None
        if bound or self.app.description.ready():
            bound = True
            fields, body, files, foreign = self._bind(host, session_hash, args, kwargs)
            if not host.direct:
                # Last, as on 3.x a call that is refused now would have used a hash up.
                session_hash = queue.hash_for(endpoint.spec)
                if session_hash != fields["session_hash"]:
                    fields["session_hash"] = session_hash
                    body = self._encoded(endpoint, fields, kwargs)
            if files:
                fields["data"], _ = _kept(fields["data"], {})
                body = partial(self._upload, endpoint, fields, headers)
        else:
            # On 3.x, where jobs may have session hashes of their own, a description is always at hand.
            self._encoded(endpoint, {"data": [*args, *kwargs.values()]}, kwargs)
            args, kwargs = _kept(args, kwargs)
            body = partial(self._bind_late, host, session_hash, headers, args, kwargs)
            foreign = True
        # What is marked as a file and not the caller's is a default of the app's own.
        foreign = foreign and holds_foreign((*args, *kwargs.values()))
        texts = text_keys(args, kwargs) if host.takes_only_files else ()
        return Job(
            host,
            self._direct if host.direct else queue,
            owner,
            headers=headers,
            session_hash=session_hash,
            body=body,
            bound=bound,
            hint=partial(hint, endpoint, texts, foreign=foreign) if foreign or texts else None,
        )

    def _bind(
        self,
        host: JobHost,
        session_hash: str,
        args: Tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Tuple[Dict[str, Any], bytes, bool, bool]:
        """Bind the arguments, and check the files among them.

        Returns:
            The fields of the body, the same encoded, whether files have to be sent before, and whether there
            may be files that `handle_file` did not make.
        """
        endpoint = host.endpoint
        values = endpoint.arguments(args, kwargs)
        extra: Dict[str, Any] = {}
        if self._oauth_token is not None and endpoint.takes_oauth_token:
            extra["oauth_token"] = self._oauth_token
        fields = join_body(values, endpoint.fn_index, session_hash, extra)
        content = self._encoded(endpoint, fields, kwargs)
        if host.plain_types.issuperset(map(type, values)):
            return fields, content, False, False
        found = host.files.survey(values)
        if found.files:
            self.attachments.uploads().check(values, endpoint.spec)
        return fields, content, found.files, found.foreign

    def _encoded(self, endpoint: Endpoint, fields: Dict[str, Any], kwargs: Mapping[str, Any]) -> bytes:
        """The body of a call, its files not sent yet. Raises as `encode_body` does."""
        try:
            return encode_body(fields, endpoint.label)
        except ArgumentError:
            pass  # it may be for the name of a file here, which goes into no body as it is
        values = fields["data"]
        fields = {**fields, "data": self.attachments.uploads().unnamed(values, endpoint.spec)}
        described = self.app.description.ready()
        name_of = partial(endpoint.argument_name, values=values, kwargs=kwargs, described=described)
        return encode_body(fields, endpoint.label, name_of)

    def _bind_late(
        self,
        host: JobHost,
        session_hash: str,
        headers: Mapping[str, str],
        args: Tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> bytes:
        """The body of a call whose arguments are bound only now, its files sent."""
        fields, content, files, _ = self._bind(host, session_hash, args, kwargs)
        return self._upload(host.endpoint, fields, headers) if files else content

    def _upload(self, endpoint: Endpoint, fields: Dict[str, Any], headers: Mapping[str, str]) -> bytes:
        """The body of a call, its files sent."""
        data = self.attachments.uploads().upload(fields["data"], endpoint.spec, headers)
        return encode_body({**fields, "data": data}, endpoint.label)

    def _make_host(self, endpoint: Endpoint) -> JobHost:
        return JobHost(
            self.app,
            endpoint,
            self.attachments,
            self.live,
            run_work=self.workers.submit,
            run_callback=self._callbacks.submit,
            on_status=self._on_status,
            cancel=partial(self.cancelling.cancel, endpoint.spec),
            end_stream=partial(self.cancelling.end_stream, endpoint.spec),
        )

    # -- sending it

    def run(self, job: Job) -> Any:
        """Send a job and wait for its result.

        It is sent on this thread, unless a timeout bounds that too, and the answer of a direct call, for
        which the sending thread waits.
        """
        job.keep_result_only()
        try:
            if self.timeout is None and job.bound:
                self._add(job)
                job.driver.submit(job)
            else:
                self._send(job)
            if self.timeout is None:
                return job.result()
            return self._result_in_time(job, self.timeout)
        except GradioClientError:
            raise
        except BaseException:
            # Such as KeyboardInterrupt; telling the server of it must not hold it up.
            job.abandon()
            raise

    def _result_in_time(self, job: Job, timeout: float) -> Any:
        from concurrent.futures import TimeoutError as WaitTimeout

        try:
            return job.result(timeout)
        except (WaitTimeout, TimeoutError) as exc:
            if job.done():
                return job.result()
            # Telling the server may take a while, which the caller has not got.
            job.abandon()
            raise DeadlineExceeded(
                f"{job.label} gave no result within {timeout} seconds; it was cancelled. "
                "Make the client with a larger timeout, or use submit()."
            ) from exc

    def begin(self, job: Job) -> Job:
        """Have a worker send a job that the caller keeps."""
        call_after_fork(job)  # a child that is forked meanwhile has a copy of it
        self._send(job)
        return job

    def _add(self, job: Job) -> None:
        """Put a job among the live ones before it is sent; where the client is closed it fails."""
        self.live.jobs.add(job)
        if self.live.closed:
            job.fail(closed_error(job.label, begun=False))

    def _send(self, job: Job) -> None:
        """Have a worker send a job, once it can be bound; what keeps it from that ends the job."""
        try:
            self._add(job)
            if job.done():  # the client is closed
                return
            if job.bound:
                self._hand_to_worker(job, None)
            else:
                self.app.describe(partial(self._hand_to_worker, job))
        except BaseException:
            job.abandon()
            raise

    def _hand_to_worker(self, job: Job, error: Optional[BaseException]) -> None:
        """Have a worker send a job, unless the description that it needs cannot be had."""
        if error is not None:
            # Others may have it too, and each gets a traceback of its own when it is raised.
            own = copy(error)
            own.__cause__ = error.__cause__ or error
            job.fail(own)
            return
        try:
            self.workers.submit(job.driver.submit, job)
        except RuntimeError as exc:
            failure = ConnectionFailed(f"No thread could be started to call {job.label}: {exc}.")
            failure.__cause__ = exc
            job.fail(failure)

    def join(self, body: Dict[str, Any], headers: Mapping[str, str]) -> str:
        """Join the queue with a body made by the caller; return the event id. See `Client.send_data`."""
        app = self.app
        timeout = app.transport.timeout.whole(app.limits.bound("joining"))
        most = app.limits.bound("answer_bytes")
        fields, content = app.headers(headers), encode_body(body, "send_data")
        with app.transport.secrets:
            doing = "joining the queue"
            answer = post_json(app.transport, app.routes.join, fields, content, doing, timeout, most)
            return parse_event_id(answer, "send_data")

    # -- the end

    def close(self) -> None:
        """End every job, connection and thread of the client. Idempotent.

        It waits a moment for the server to be told of jobs that were cancelled before, not for the threads.
        """
        self.live.closed = True
        # The drivers end their jobs in their own way; the last look at the jobs finds what they have missed.
        ends = (
            self.sessions.close,
            self._direct.close,
            self.cancelling.wait,
            self.app.transport.close,
            self._end_jobs,
            self.app.threads.close,
        )
        for end in ends:
            try:
                end()
            except Exception:  # noqa: PERF203 - the others have to be called too
                _log.exception("a part of the client could not be closed")

    def end(self) -> None:
        """Close, as the interpreter ends.

        The program's threads have ended by then, but for its daemons, which must not be woken. Not so in a
        sub-interpreter, which waits for its threads only later.
        """
        if in_main_interpreter():
            self._end_jobs(with_process=True)
        self.close()

    def _end_jobs(self, *, with_process: bool = False) -> None:
        """Fail all live jobs with ClientClosed.

        Args:
            with_process: whether the process ends; see `CallFuture.end_with_process`.
        """
        self.live.closed = True
        for job in list(self.live.jobs):
            try:
                if with_process:
                    job.end_with_process()
                else:
                    job.fail(closed_error(job.label))
            except Exception:  # noqa: PERF203 - the others have to end too
                _log.exception("%r could not be ended", job)


def _kept(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tuple[Tuple[Any, ...], Dict[str, Any]]:
    """Arguments to be bound or sent later, as they are now: who has made them may change them meanwhile."""
    values = [*args, *kwargs.values()]
    # Files know themselves what was given.
    copies: List[Any]
    copies, _ = find_files(values, lambda value, _: isinstance(value, (FileArgument, ResultFile, V3File)))
    return tuple(copies[: len(args)]), dict(zip(kwargs, copies[len(args) :]))
