"""Calls: from an endpoint and its arguments to a Job and the driver that runs it."""

from __future__ import annotations

import logging
import sys
import warnings
from contextlib import nullcontext
from functools import partial
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

from .app import App
from .attachments import Attachments
from .endpoint import Endpoint
from .errors import AppError, GradioClientError, HTTPStatusError, ValidationError, shorten
from .future import JobHost, LiveJobs
from .job import Job
from .queues.base import Driver, SessionDriver
from .queues.direct import DirectCalls
from .sessions import Sessions
from .threads import in_main_interpreter
from .transport.http import Timeout
from .updates import StatusUpdate
from .wire.arguments import encode_body, join_body
from .wire.drivers import CancelPlan, plan_cancel, runs_directly
from .wire.filedata import holds_foreign
from .workers import Workers

_log = logging.getLogger(__name__)

#: Telling a server of a cancellation never holds the caller for longer, in seconds.
_CANCEL_TIMEOUT = Timeout(connect=5.0, read=5.0, total=5.0)
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

    def prepare(
        self,
        endpoint: Endpoint,
        headers: Mapping[str, str],
        args: Tuple[Any, ...],
        kwargs: Mapping[str, Any],
        owner: object,
    ) -> Tuple[Job, Driver]:
        """The job of a call, not sent yet, and the driver that will send it.

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
        directly = runs_directly(self.app.spec, endpoint.spec)
        values = endpoint.arguments(args, kwargs)
        fields = join_body(values, endpoint.fn_index, queue.session_hash, self._oauth(endpoint))
        body = encode_body(fields, endpoint.label)
        files, foreign = self.attachments.check(values, endpoint.spec)
        # Last, as a call that is refused would take it out of use.
        session_hash = queue.session_hash if directly else queue.hash_for(endpoint.spec)
        if session_hash != queue.session_hash:
            fields["session_hash"] = session_hash
            body = encode_body(fields, endpoint.label)
        host = self._host(endpoint, queue, owner)
        if foreign and holds_foreign((*args, *kwargs.values())):  # else it is the app's own default
            host = host._replace(explain=_with_hint)
        job = Job(
            host,
            fn_index=endpoint.fn_index,
            label=endpoint.label,
            diffs=self.app.dialect.diffs,
            headers=headers,
            session_hash=session_hash,
            body=partial(self._upload, endpoint, fields, headers) if files else lambda: body,
        )
        return job, self.direct if directly else queue

    def _upload(self, endpoint: Endpoint, fields: Dict[str, Any], headers: Mapping[str, str]) -> bytes:
        """The body of a call, its files sent."""
        data = self.attachments.upload(fields["data"], endpoint.spec, headers)
        return encode_body({**fields, "data": data}, endpoint.label)

    def _oauth(self, endpoint: Endpoint) -> Dict[str, str]:
        if self.oauth_token and endpoint.takes_oauth_token and not self.app.headers.confined:
            return {"oauth_token": self.oauth_token}
        return {}

    def _host(self, endpoint: Endpoint, queue: SessionDriver, owner: object) -> JobHost:
        files = self.attachments.of_job(endpoint.spec)

        secrets = self.app.transport.secrets

        def new_shape() -> Callable[[List[Any]], Any]:
            fetch = files.reading()

            def shape(data: List[Any]) -> Any:
                with secrets:
                    return endpoint.shape(fetch(data))

            return shape

        return JobHost(
            new_shape=new_shape,
            finish=lambda data: endpoint.shape(files.fetch(data)),
            blocks=files.wanted,
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
        """End every job, connection and thread of the client, without waiting for the threads. Idempotent."""
        self.jobs.closed = True
        # What is told first ends its jobs in its own way; the last look at the jobs finds what it has missed.
        ends = (
            self.sessions.close,
            self.direct.close,
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
        self.direct.forget(job)
        plan = plan_cancel(self.app.spec, endpoint.spec)
        if job.event_id is not None:
            tell = partial(self._tell, plan, queue, job, job.event_id)
            if _in_event_loop():
                self.workers.submit(tell)
            else:
                tell()
        if warn and plan.warning:  # last, as it may be made an exception
            warnings.warn(shorten(self.app.transport.secrets.blank(plan.warning)), stacklevel=4)

    def _tell(self, plan: CancelPlan, queue: SessionDriver, job: Job, event_id: str) -> None:
        again = partial(self.workers.submit, self._tell, plan, queue, job, event_id)
        with queue.alone(job, again) as alone:
            if plan.route:
                self._stop(plan, job, event_id, alone)
            else:
                self._reset(plan, job, event_id, alone)

    def _stop(self, plan: CancelPlan, job: Job, event_id: str, alone: bool) -> None:
        # The server stops every running job that this session has of the function, and the others would
        # wait for ever (gradio/routes.py 4.31 – 6.31, `cancel_event`). Told of no function it may take a job
        # from its queue, but makes one that runs already start anew.
        if alone or (plan.unqueues and job.in_queue):
            fn_index = job.fn_index if alone else _NO_FUNCTION
            body = {"fn_index": fn_index, "session_hash": job.session_hash, "event_id": event_id}
            self._post_quietly(self.app.routes.cancel, body)

        if plan.closes:
            self._post_quietly(self.app.routes.end_of_stream(event_id), {})

    def _end_stream(self, endpoint: Endpoint, queue: SessionDriver, job: Job) -> None:
        """Have a worker tell the server that a job which has its value gets no more."""
        plan = plan_cancel(self.app.spec, endpoint.spec)
        # Entered here already, as the caller may go on with a job of the same function. It would wait for the
        # end of this one's run, which for want of a time limit only a cancellation ends there.
        block = queue.alone(job, lambda: None) if plan.reruns else nullcontext(False)
        alone = block.__enter__()

        def tell() -> None:
            try:
                self._stop(plan, job, str(job.event_id), alone)
            finally:
                block.__exit__(None, None, None)

        try:
            self.workers.submit(tell)
        except RuntimeError as exc:
            block.__exit__(None, None, None)
            _log.info("the server was not told that the stream of %r is over: %s", job, exc)

    def _reset(self, plan: CancelPlan, job: Job, event_id: str, alone: bool) -> None:
        routes, session_hash = self.app.routes, job.session_hash
        if plan.fn_index is not None and alone:
            self._post_quietly(routes.run, join_body([], plan.fn_index, session_hash, {}))
        if plan.reset == "event":
            self._post_quietly(routes.reset, {"event_id": event_id})
        elif plan.reset == "function" and alone:
            self._post_quietly(routes.reset, {"fn_index": job.fn_index, "session_hash": session_hash})

    def _post_quietly(self, url: str, body: Dict[str, Any]) -> None:
        headers = self.app.headers({"content-type": "application/json"})
        content = encode_body(body, url)
        try:
            self.app.transport.request("POST", url, headers=headers, body=content, timeout=_CANCEL_TIMEOUT)
        except GradioClientError as exc:
            # The job is cancelled here all the same, and cancel() promises no more than to try.
            told = self.app.transport.secrets.shown(exc)
            _log.warning("the server was not told of a cancellation: %s", told)


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


def _in_event_loop() -> bool:
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return False
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
