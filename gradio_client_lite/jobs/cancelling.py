"""Telling the server that nobody waits for a job any more.

A job that is cancelled has ended here at once. What follows only frees the server, so it happens on a thread
of its own, has a deadline, and is logged where it fails. What is sent depends on the release (`CancelPlan`):

====================  =======================================================  ===============================
server                what is sent                                             when
====================  =======================================================  ===============================
after 4.29            `cancel`, with function, session and event               the session's only job of it
6.14 on               `cancel`, with session and event alone                   others run, and this one waits
5.0 on, streamed job  the end of the stream that feeds the job                 always
4.29 and before       a call of the function which the app made to cancel it   the session's only job of it
4.x till then         `reset`, with the event                                  always
3.x, with State       `reset`, with function and session                       the session's only job of it
====================  =======================================================  ===============================

Why the only one: these servers stop every job that the session runs of the function, and whoever waits for
the others would wait for ever (gradio/routes.py 4.31 - 6.31, `cancel_event`). So the session's driver is
asked first (`SessionDriver.exclusive`). Is it the only one, the driver holds back jobs that would join while
the server is told. Are there others, the driver calls back once there are none left, and the job is told
then, unless the server has ended it by itself before. A job has an id by the time it is told of: one that is
cancelled earlier comes here when its join is answered (`CallFuture.joined`).

The hold on joins begins on the thread that cancels, so that a job which is submitted next cannot get in
between, and ends on the thread that tells, whatever happens there.
"""

from __future__ import annotations

import logging
import time
import warnings
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, ContextManager, Dict, List, Optional, Set, cast

from ..errors import DeadlineExceeded, GradioClientError, shorten
from ..generations import plan_cancel
from ..queues.base import post_json
from ..threads import at_the_end
from ..transport.http import Timeout
from ..wire.arguments import encode_body, join_body
from ..wire.dialect import CancelPlan

if TYPE_CHECKING:
    from ..app.app import App
    from ..queues.base import SessionDriver
    from ..wire.config import EndpointSpec
    from ..workers import Workers
    from .job import Job

_log = logging.getLogger(__name__)

#: A function number that no server uses: `cancel` then takes the event out of the queue and stops no
#: function.
_NO_FUNCTION = -1


class Cancelling:
    """Tells the server of one client's cancelled jobs.

    Args:
        app: the app.
        tellers: threads for these requests alone, however busy the client's workers are.
        untold: see `LiveJobs`.

    Attributes:
        one_request: seconds that one request may take.
        in_all: seconds from the cancellation on, as many may wait for a thread.
        at_close: seconds that closing the client waits for the server to be told.
        at_exit: the same, at the interpreter's end.
    """

    def __init__(self, app: App, tellers: Workers, untold: Set[Job]) -> None:
        self.app = app
        self.tellers = tellers
        self.untold = untold
        self.one_request, self.in_all = 5.0, 10.0
        self.at_close, self.at_exit = 1.0, 0.3

    def cancel(self, endpoint: EndpointSpec, job: Job, warn: bool) -> None:
        """Take a job from its driver and have the server told, without waiting for it.

        Args:
            endpoint: what was called.
            job: has ended here.
            warn: whether to warn the caller where that ends other jobs, or where the server cannot be told.
        """
        plan = plan_cancel(self.app.spec, self.app.dialect, endpoint)
        job.driver.forget(job)
        if job.event_id is not None:
            self._tell_when_alone(plan, job)
        if warn and plan.warning:  # last, as it may be made an exception
            # At the caller of `Job.cancel`.
            warnings.warn(shorten(self.app.transport.secrets.blank(plan.warning)), stacklevel=4)

    def end_stream(self, endpoint: EndpointSpec, job: Job) -> None:
        """Have the server told that no more comes on the stream that feeds a job, which has its value."""
        plan = plan_cancel(self.app.spec, self.app.dialect, endpoint)
        # The function has to be stopped only where the server would run it again; and now or never.
        hold = _driver_of(job).exclusive(job, _never_mind) if plan.reruns else nullcontext(False)
        _Telling(self, plan, job, hold).begin()

    def _tell_when_alone(self, plan: CancelPlan, job: Job) -> None:
        """Have the server told; once more later, if now others of the function are in the session."""

        def later() -> None:  # this attempt may still be under way then
            self._tell_when_alone(plan, job)

        _Telling(self, plan, job, _driver_of(job).exclusive(job, later)).begin()

    def wait(self) -> None:
        """Wait until the server has been told of all jobs, for as long as closing has time for that."""
        ends = time.monotonic() + (self.at_exit if at_the_end() else self.at_close)
        for job in list(self.untold):
            job.wait_told(max(0.0, ends - time.monotonic()))

    def log_untold(self, job: Job, error: BaseException) -> None:
        """Log that the server could not be told, which changes nothing for the caller."""
        why = self.app.transport.secrets.shown(error)
        _log.info("the server was not told to end %s: %s", job.label, why)


class _Telling:
    """One attempt at telling the server of a job.

    Args:
        cancelling: of the client.
        plan: what to send.
        job: has an event id.
        hold: tells whether it is the session's only job of its function, and then holds back joins.
    """

    def __init__(
        self, cancelling: Cancelling, plan: CancelPlan, job: Job, hold: ContextManager[bool]
    ) -> None:
        self._cancelling = cancelling
        self._plan = plan
        self._job = job
        self._hold = hold
        self._alone = False
        self._deadline = time.monotonic() + cancelling.in_all

    def begin(self) -> None:
        """Hold joins back, and have a thread tell the server."""
        cancelling, job = self._cancelling, self._job
        self._alone = self._hold.__enter__()
        cancelling.untold.add(job)
        try:
            cancelling.tellers.submit(self._run)
        except BaseException as exc:
            self._end(False)
            if not isinstance(exc, RuntimeError):
                raise
            cancelling.log_untold(job, exc)

    def _run(self) -> None:
        """Tell the server; on a thread of `tellers`."""
        taken: Optional[bool] = False
        try:
            taken = self._stop() if self._plan.route else self._reset()
        finally:
            self._end(taken)

    def _end(self, taken: Optional[bool]) -> None:
        """Let jobs join again, and `Job.cancel` return; None where the server is told later."""
        self._hold.__exit__(None, None, None)
        if taken is not None:
            self._job.told(taken)
        self._cancelling.untold.discard(self._job)

    def _stop(self) -> Optional[bool]:
        """Use the `cancel` route; return whether the server has taken all, or None where it is told later."""
        job, plan, routes = self._job, self._plan, self._cancelling.app.routes
        taken: List[bool] = []
        # Told of no function, it would make a job that runs already start anew; so only one that waits.
        if self._alone or (plan.unqueues and job.in_queue):
            fn_index = job.fn_index if self._alone else _NO_FUNCTION
            body = {"fn_index": fn_index, "session_hash": job.session_hash, "event_id": job.event_id}
            taken.append(self._post(routes.cancel, body))
        if plan.closes:
            taken.append(self._post(routes.end_of_stream(str(job.event_id)), {}))
        return all(taken) if taken else None

    def _reset(self) -> bool:
        """Do what servers without that route understand; return whether the server has taken all."""
        job, plan, routes = self._job, self._plan, self._cancelling.app.routes
        taken: List[bool] = []
        if plan.fn_index is not None and self._alone:
            taken.append(self._post(routes.run, join_body([], plan.fn_index, job.session_hash, {})))
        if plan.reset == "event":
            taken.append(self._post(routes.reset, {"event_id": job.event_id}))
        elif plan.reset == "function" and self._alone:
            body = {"fn_index": job.fn_index, "session_hash": job.session_hash}
            taken.append(self._post(routes.reset, body))
        return bool(taken) and all(taken)

    def _post(self, url: str, body: Dict[str, Any]) -> bool:
        """Send one request; return whether the server has taken it."""
        cancelling, job = self._cancelling, self._job
        app = cancelling.app
        try:
            left = min(cancelling.one_request, self._deadline - time.monotonic())
            if left <= 0:
                raise DeadlineExceeded(f"it had not its turn within {cancelling.in_all:g} seconds")
            limit = Timeout(connect=left, read=left, total=left)
            content, doing = encode_body(body, url), f"cancelling {job.label}"
            post_json(app.transport, url, app.headers({}), content, doing, limit)
        except GradioClientError as exc:
            cancelling.log_untold(job, exc)
            return False
        return True


def _driver_of(job: Job) -> SessionDriver:
    return cast("SessionDriver", job.driver)  # only its jobs have ids


def _never_mind() -> None:
    pass
