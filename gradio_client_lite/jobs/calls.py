"""Calls: from an endpoint and its arguments to a Job and the driver that runs it."""

from __future__ import annotations

import logging
import time
import warnings
from contextlib import nullcontext
from functools import partial
from typing import (
    Any,
    Callable,
    ContextManager,
    Dict,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
)

from ..app.app import App
from ..app.endpoint import Endpoint
from ..errors import (
    AppError,
    ArgumentError,
    DeadlineExceeded,
    GradioClientError,
    HTTPStatusError,
    ValidationError,
    shorten,
)
from ..generations import plan_cancel
from ..queues.base import Driver, SessionDriver, post_json
from ..queues.direct import DirectCalls
from ..queues.sessions import Sessions
from ..threads import at_the_end, in_main_interpreter
from ..transport.http import Timeout
from ..updates import StatusUpdate
from ..wire.arguments import encode_body, join_body
from ..wire.dialect import CancelPlan
from ..wire.filedata import EndpointFiles, Outputs, Survey, find_files, holds_foreign
from ..wire.provenance import FileArgument, ResultFile, V3File
from ..workers import Workers
from .attachments import Attachments
from .future import JobHost, LiveJobs
from .job import Job

_log = logging.getLogger(__name__)

#: Seconds that telling a server of a cancellation may take: one request, and all from the cancellation on, as
#: many may wait for their turn.
_ONE_TELLING, _TELLING = 5.0, 10.0
#: Seconds that closing waits for the server to be told of cancellations; at the interpreter's end.
_TELLING_AT_CLOSE, _TELLING_AT_EXIT = 1.0, 0.3
#: No server numbers a function so.
_NO_FUNCTION = -1
#: Ends the texts of errors of calls with a file that `handle_file` did not make.
_HINT = (
    "(An argument is a dict that stands for a file and went to the server as it is. If that file is on this "
    "machine, pass what handle_file(path) returns.)"
)


class Calls(NamedTuple):
    """Makes the jobs of one client.

    Args:
        app: what is called.
        sessions: the session that queued calls belong to.
        direct: runs functions that skip the queue.
        workers: bound the requests made at the same time.
        callbacks: run the user's functions.
        attachments: the files among arguments and results.
        note: is told each status that the user asks for.
        oauth_token: what endpoints that declare a `gr.OAuthToken` get; None gives none.
        jobs: those that have not ended.
        tellers: tell the server of cancellations, whatever the workers are at.
    """

    app: App
    sessions: Sessions
    direct: DirectCalls
    workers: Workers
    callbacks: Workers
    attachments: Attachments
    note: Callable[[StatusUpdate], None]
    oauth_token: Optional[str]
    jobs: LiveJobs
    tellers: Workers

    def prepare(
        self,
        endpoint: Endpoint,
        headers: Mapping[str, str],
        args: Tuple[Any, ...],
        kwargs: Mapping[str, Any],
        owner: object,
    ) -> Tuple[Job, Driver, bool]:
        """The job of a call, not sent yet, the driver that will send it, and whether it can be sent at once.

        Where not, the arguments are bound when it is sent, for which the description has to be there by then.

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
        queue = self.sessions.current
        directly = endpoint.spec.fn_index in self.app.dialect.direct_calls
        session_hash = queue.session_hash
        described = self.app.description.ready() or not self._needs_description(endpoint, args, kwargs)
        body: Callable[[], bytes]
        if described:
            fields, content, found = self._bind(endpoint, session_hash, args, kwargs)
            # Last, as a call that is refused would take it out of use.
            session_hash = session_hash if directly else queue.hash_for(endpoint.spec)
            if session_hash != queue.session_hash:
                fields["session_hash"] = session_hash
                content = self._encoded(endpoint, fields, kwargs)
            if found.files:
                fields["data"], _ = _kept(fields["data"], {})
            body = partial(self._upload, endpoint, fields, headers) if found.files else lambda: content
            foreign = found.foreign
        else:
            # On 3.x, where jobs may have session hashes of their own, a description is always at hand.
            self._encoded(endpoint, {"data": [*args, *kwargs.values()]}, kwargs)
            args, kwargs = _kept(args, kwargs)
            body = partial(self._late_body, endpoint, session_hash, headers, args, kwargs)
            foreign = True
        host = self._host(endpoint, queue, owner)
        if foreign and holds_foreign((*args, *kwargs.values())):  # else it is the app's own default
            host = host._replace(explain=_with_hint)
        if directly:
            host = host._replace(forget=self._forget_direct)
        job = Job(
            host,
            fn_index=endpoint.fn_index,
            label=endpoint.label,
            diffs=self.app.dialect.diffs,
            headers=headers,
            session_hash=session_hash,
            body=body,
        )
        return job, self.direct if directly else queue, described

    def _needs_description(
        self, endpoint: Endpoint, args: Tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> bool:
        return self._may_give_token or not endpoint.is_complete(args, kwargs)

    def _bind(
        self, endpoint: Endpoint, session_hash: str, args: Tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Tuple[Dict[str, Any], bytes, Survey]:
        """The fields of a call's body, the same encoded, and what there is among the arguments."""
        values = endpoint.arguments(args, kwargs)
        fields = join_body(values, endpoint.fn_index, session_hash, self._oauth(endpoint))
        content = self._encoded(endpoint, fields, kwargs)
        found = self._files_of(endpoint).survey(values)
        if found.files:
            self.attachments.uploads().check(values, endpoint.spec)
        return fields, content, found

    def _files_of(self, endpoint: Endpoint) -> EndpointFiles:
        return self.attachments.known.get(endpoint.spec.fn_index) or self.attachments.learn(endpoint.spec)

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

    def _late_body(
        self,
        endpoint: Endpoint,
        session_hash: str,
        headers: Mapping[str, str],
        args: Tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> bytes:
        """The body of a call whose arguments are bound only now, its files sent."""
        fields, content, found = self._bind(endpoint, session_hash, args, kwargs)
        return self._upload(endpoint, fields, headers) if found.files else content

    def _upload(self, endpoint: Endpoint, fields: Dict[str, Any], headers: Mapping[str, str]) -> bytes:
        """The body of a call, its files sent."""
        data = self.attachments.uploads().upload(fields["data"], endpoint.spec, headers)
        return encode_body({**fields, "data": data}, endpoint.label)

    @property
    def _may_give_token(self) -> bool:
        """Whether functions that want an `oauth_token` get one; which do, the description says."""
        return bool(self.oauth_token) and not self.app.headers.confined

    def _oauth(self, endpoint: Endpoint) -> Dict[str, str]:
        if self.oauth_token and self._may_give_token and endpoint.takes_oauth_token:
            return {"oauth_token": self.oauth_token}
        return {}

    def _host(self, endpoint: Endpoint, queue: SessionDriver, owner: object) -> JobHost:
        read = partial(self.attachments.read, endpoint.spec, [])
        secrets = self.app.transport.secrets

        def new_shape() -> Callable[[Union[Outputs, List[Any]]], Any]:
            chunks: Dict[str, int] = {}

            def shape(outputs: Union[Outputs, List[Any]]) -> Any:
                with secrets:
                    return endpoint.shape(read(outputs, chunks))

            return shape

        def finish(outputs: Outputs) -> Any:
            return endpoint.shape(outputs.data if outputs.files is False else read(outputs))

        return JobHost(
            look=self._files_of(endpoint).look,
            new_shape=new_shape,
            finish=finish,
            run_work=self.workers.submit,
            run_callback=self.callbacks.submit,
            cancel=partial(self._cancel, endpoint, queue),
            forget=queue.forget,
            note=self.note,
            owner=owner,
            jobs=self.jobs,
            secrets=secrets,
            keeps=self.app.limits.bound("job_bytes"),
            end_stream=partial(self._end_stream, endpoint, queue),
        )

    def close(self) -> None:
        """End every job, connection and thread of the client. Idempotent.

        It waits a moment for the server to be told of jobs that were cancelled before, not for the threads.
        """
        self.jobs.closed = True
        # What is told first ends its jobs in its own way; the last look at the jobs finds what it has missed.
        ends = (
            self.sessions.close,
            self.direct.close,
            self._tell_the_last,
            self.app.transport.close,
            self.jobs.end,
            self.app.threads.close,
        )
        for end in ends:
            try:
                end()
            except Exception:  # noqa: PERF203 - the others have to be told too
                _log.exception("a part of the client could not be closed")

    def end(self) -> None:
        """Close, as the interpreter ends. The program's threads have ended then, but for its daemons.

        Not so in a sub-interpreter, where they are still to be waited for.
        """
        if in_main_interpreter():
            self.jobs.end(with_process=True)
        self.close()

    # -- cancelling

    def _cancel(self, endpoint: Endpoint, queue: SessionDriver, job: Job, warn: bool) -> None:
        """Tell the driver, and the server, that nobody waits for `job` any more."""
        queue.forget(job)
        plan = plan_cancel(self.app.spec, self.app.dialect, endpoint.spec)
        if job.event_id is not None:
            self._tell_soon(plan, queue, job, job.event_id)
        if warn and plan.warning:  # last, as it may be made an exception
            warnings.warn(shorten(self.app.transport.secrets.blank(plan.warning)), stacklevel=4)

    def _forget_direct(self, job: Job) -> None:
        """Let go of a direct call, of which a server cannot be told anything."""
        self.direct.forget(job)
        job.told(False)

    def _end_stream(self, endpoint: Endpoint, queue: SessionDriver, job: Job) -> None:
        """Have the server told that a job which has its value gets no more."""
        plan = plan_cancel(self.app.spec, self.app.dialect, endpoint.spec)
        # Where its run ends only by a cancellation, for want of a time limit, it needs to be alone.
        block = queue.exclusive(job, lambda: None) if plan.reruns else nullcontext(False)
        self._tell_within(block, plan, job, str(job.event_id))

    def _tell_soon(self, plan: CancelPlan, queue: SessionDriver, job: Job, event_id: str) -> None:
        again = partial(self._tell_soon, plan, queue, job, event_id)
        self._tell_within(queue.exclusive(job, again), plan, job, event_id)

    def _tell_within(self, block: ContextManager[bool], plan: CancelPlan, job: Job, event_id: str) -> None:
        """Have the server told, on another thread."""
        until = time.monotonic() + _TELLING
        # Entered here already: a job that is submitted next must not make this one wait for its end.
        alone = block.__enter__()
        self.jobs.telling.add(job)
        try:
            self.tellers.submit(self._tell, plan, job, event_id, block, alone, until)
        except BaseException as exc:
            self._told(job, block, False)
            if not isinstance(exc, RuntimeError):
                raise
            self._log_untold(job, exc)

    def _tell(
        self,
        plan: CancelPlan,
        job: Job,
        event_id: str,
        block: ContextManager[bool],
        alone: bool,
        until: float,
    ) -> None:
        taken: Optional[bool] = False
        try:
            if plan.route:
                taken = self._stop(plan, job, event_id, alone, until)
            else:
                taken = self._reset(plan, job, event_id, alone, until)
        finally:
            self._told(job, block, taken)

    def _told(self, job: Job, block: ContextManager[bool], taken: Optional[bool]) -> None:
        """Let those know who wait for it, and jobs that are to join; None is for what is told later."""
        block.__exit__(None, None, None)
        if taken is not None:
            job.told(taken)
        self.jobs.telling.discard(job)

    def _tell_the_last(self) -> None:
        """Wait for the server to be told, for as long as closing has time for that."""
        ends = time.monotonic() + (_TELLING_AT_EXIT if at_the_end() else _TELLING_AT_CLOSE)
        for job in list(self.jobs.telling):
            job.wait_told(max(0.0, ends - time.monotonic()))

    # Both return whether the server has taken all it was told; None where that is to be told later.

    def _stop(self, plan: CancelPlan, job: Job, event_id: str, alone: bool, until: float) -> Optional[bool]:
        # The server stops every running job that this session has of the function, and the others would
        # wait for ever (gradio/routes.py 4.31 – 6.31, `cancel_event`). Told of no function it may take a job
        # from its queue, but makes one that runs already start anew.
        taken = []
        if alone or (plan.unqueues and job.in_queue):
            fn_index = job.fn_index if alone else _NO_FUNCTION
            body = {"fn_index": fn_index, "session_hash": job.session_hash, "event_id": event_id}
            taken.append(self._post(job, self.app.routes.cancel, body, until))
        if plan.closes:
            taken.append(self._post(job, self.app.routes.end_of_stream(event_id), {}, until))
        return all(taken) if taken else None

    def _reset(self, plan: CancelPlan, job: Job, event_id: str, alone: bool, until: float) -> Optional[bool]:
        routes, session_hash = self.app.routes, job.session_hash
        taken = []
        if plan.fn_index is not None and alone:
            body = join_body([], plan.fn_index, session_hash, {})
            taken.append(self._post(job, routes.run, body, until))
        if plan.reset == "event":
            taken.append(self._post(job, routes.reset, {"event_id": event_id}, until))
        elif plan.reset == "function" and alone:
            body = {"fn_index": job.fn_index, "session_hash": session_hash}
            taken.append(self._post(job, routes.reset, body, until))
        return bool(taken) and all(taken)

    def _post(self, job: Job, url: str, body: Dict[str, Any], until: float) -> bool:
        try:
            left = min(_ONE_TELLING, until - time.monotonic())
            if left <= 0:
                raise DeadlineExceeded(f"it had not its turn within {_TELLING:g} seconds")
            limit = Timeout(connect=left, read=left, total=left)
            content, doing = encode_body(body, url), f"cancelling {job.label}"
            post_json(self.app.transport, url, self.app.headers({}), content, doing, limit)
        except GradioClientError as exc:
            self._log_untold(job, exc)
            return False
        return True

    def _log_untold(self, job: Job, error: BaseException) -> None:
        # The job is cancelled here all the same.
        why = self.app.transport.secrets.shown(error)
        _log.info("the server was not told to end %s: %s", job.label, why)


def _kept(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tuple[Tuple[Any, ...], Dict[str, Any]]:
    """Arguments to be bound or sent later, as they are now: who has made them may change them meanwhile."""
    values = [*args, *kwargs.values()]
    # Files know themselves what was given.
    copies, _ = find_files(values, lambda value, _: isinstance(value, (FileArgument, ResultFile, V3File)))
    return tuple(copies[: len(args)]), dict(zip(kwargs, copies[len(args) :]))


def _with_hint(error: BaseException) -> BaseException:
    """The same error with the hint, if it may be a refusal of the arguments; others may share it."""
    if not isinstance(error, (AppError, ValidationError, HTTPStatusError)):
        return error
    from copy import copy

    hinted = copy(error)
    hinted.args = (shorten(f"{error} {_HINT}", error.longest), *error.args[1:])
    hinted.__cause__, hinted.__context__ = error.__cause__, error.__context__
    hinted.__suppress_context__ = error.__suppress_context__
    return hinted.with_traceback(error.__traceback__)
