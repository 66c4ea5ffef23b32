"""CallFuture: one call under way, as its driver sees it; the server's messages bring it to its one end."""

from __future__ import annotations

import concurrent.futures
import logging
from datetime import datetime
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Set, Union

from ..errors import AppError, ClientClosed, ConnectionFailed, EventTooLarge, GradioClientError, StreamLost
from ..limits import DEFAULT_LIMITS, Bound
from ..queues.base import closed_error
from ..secrecy import Secrets, field_secrets
from ..threads import InterpreterEnding, at_the_end
from ..updates import OutputUpdate, Status, StatusUpdate
from ..wire.lifecycle import CancelledByServer, Failed, Lifecycle, Outcome
from ..wire.messages import cost_of
from ..workers import call_after_fork
from .feed import Record, new_condition

if TYPE_CHECKING:
    from ..wire.filedata import Outputs
    from ..wire.messages import Message

_log = logging.getLogger(__name__)

_KEEPS = DEFAULT_LIMITS.bound("job_bytes")

Callback = Callable[["concurrent.futures.Future[Any]"], object]


def _unchanged(error: BaseException) -> BaseException:
    return error


def _ignored(_: Any) -> None:
    pass


class LiveJobs:
    """The jobs of one client that have not ended, whoever else knows of them.

    Its operations are single ones of a set, which need no lock: of a job that comes while `end` is under way,
    one of both takes notice.

    Attributes:
        closed: whether the client is closed; whatever ends a job from then on, it is told so.
    """

    def __init__(self) -> None:
        self.closed = False
        self.after_fork()
        call_after_fork(self)

    def after_fork(self) -> None:
        """In a child: they go on in the parent."""
        self._jobs: Set[CallFuture] = set()
        #: Cancelled ones that the server is being told of.
        self.telling: Set[CallFuture] = set()

    def add(self, job: CallFuture) -> None:
        """Note a job that is sent next; it fails with ClientClosed where that is too late."""
        self._jobs.add(job)
        if self.closed:
            job.fail(closed_error(job.label, begun=False))

    def discard(self, job: CallFuture) -> None:
        """Know of an end."""
        self._jobs.discard(job)

    def end(self, *, with_process: bool = False) -> None:
        """Let all of them fail with ClientClosed.

        Args:
            with_process: whether that is so because the process ends; see `end_with_process`.
        """
        self.closed = True
        for job in list(self._jobs):
            try:
                if with_process:
                    job.end_with_process()
                else:
                    job.fail(closed_error(job.label))
            except Exception:  # noqa: PERF203 - the others have to end too
                _log.exception("%r could not be ended", job)


class JobHost(NamedTuple):
    """What a job needs from the client that made it.

    Args:
        look: looks for files in a list of output values, given the text it comes from; see
            `EndpointFiles.look`.
        new_shape: makes a function that turns output values, looked at or not, into what the caller gets,
            given all of a job in order; it may download files.
        finish: does the same for the values of the result, once they were looked at.
        run_work: runs a function that makes requests, on a worker.
        run_callback: runs a function of the user's, on a thread that may be kept.
        cancel: has the server told that the job is cancelled, without waiting for it, and warns the caller if
            that is True.
        forget: tells the driver that nobody waits for a job the server has given no id yet.
        note: is told each status that is asked for, to tell the user of long queues.
        owner: what must stay alive for as long as the job does: the client.
        jobs: which have not ended.
        explain: gives the error that the caller sees for the one that ended the job.
        end_stream: tells the server that no more comes on the stream of a job that has its value; returns
            at once.
        keeps: what the job may keep of the messages of the server, in bytes.
        secrets: what texts must not show.
    """

    look: Callable[..., Outputs]
    new_shape: Callable[[], Callable[[Union[Outputs, List[Any]]], Any]]
    finish: Callable[[Outputs], Any]
    run_work: Callable[..., None]
    run_callback: Callable[..., None]
    cancel: Callable[[Any, bool], None]
    forget: Callable[[Any], None]
    note: Callable[[StatusUpdate], None]
    owner: object
    jobs: LiveJobs
    explain: Callable[[BaseException], BaseException] = _unchanged
    secrets: Secrets = Secrets()
    keeps: Bound = _KEEPS
    end_stream: Callable[[Any], None] = _ignored


class CallFuture(concurrent.futures.Future[Any]):
    """What a Job is, apart from what its user sees."""

    def __init__(
        self,
        host: JobHost,
        *,
        fn_index: int,
        label: str,
        diffs: bool,
        headers: Mapping[str, str],
        session_hash: str,
        body: Callable[[], bytes],
    ) -> None:
        super().__init__()
        self.event_id: Optional[str] = None
        self.fn_index = fn_index
        self.label = label
        self.headers = headers
        self.session_hash = session_hash
        self._body = body
        self._host = host
        self._lifecycle = Lifecycle(diffs=diffs, now=datetime.now())
        self._status = self._lifecycle.status
        # Its lock guards the fields below too; only our own code runs while it is held.
        self._record = Record(self._lifecycle.outputs)
        self._kept = 0
        self._begun = False
        self._sent = False
        self._joined_at_end = False
        self._told: Optional[bool] = None
        self._final: List[Any] = []
        self._error: Optional[BaseException] = None
        self._callbacks: List[Callback] = []
        self._final_taken = False
        self._values = self._lifecycle.outputs.cursor()
        self._shape = host.new_shape()

    def add_done_callback(self, fn: Callback) -> None:
        """Have `fn(job)` called when the job ends, on a thread of the client's; at once if it has ended."""
        with self._record.changed:
            if not self._record.ended:
                self._callbacks.append(fn)
                return
        _call_back(fn, self)

    # -- for the queue driver

    def request_body(self) -> bytes:
        """The JSON to send; blocks while the files among the arguments are uploaded.

        Raises:
            CancelledError: it has ended meanwhile, and is not to be sent.
        """
        self._begun = True
        body = self._body()
        with self._record.changed:
            if self._record.ended:
                raise concurrent.futures.CancelledError
            self._sent = True
        return body

    def told(self, taken: bool) -> None:
        """The server has been told that the job is cancelled, or could not be.

        Args:
            taken: whether it has taken that, or need not be told any more.
        """
        with self._record.changed:
            if self._told is None:
                self._told = taken
                self._record.changed.notify_all()

    def wait_told(self, seconds: float) -> bool:
        """Wait until the server has been told that the job is cancelled; return whether it has by then."""
        with self._record.changed:
            self._record.changed.wait_for(lambda: self._told is not None, seconds)
            return self._lifecycle.outcome is not None or bool(self._told)

    @property
    def in_queue(self) -> bool:
        """Whether the server had not begun to run it, as far as it has said; a cancelled job's last news."""
        return self._lifecycle.status.code < Status.PROCESSING

    @property
    def has_ended(self) -> bool:
        """Whether it has, as far as can be known without a lock; see `done`."""
        return self._record.ended

    def joined(self, event_id: str) -> None:
        """The server's id is known; a job that was cancelled meanwhile is cancelled there too."""
        with self._record.changed:
            self.event_id = event_id
            cancelled = self._status.code is Status.CANCELLED
        if cancelled:
            self._host.cancel(self, False)

    def feed(self, message: Message, text: Union[str, bytes] = "") -> bool:
        """Take one message of the server; return whether it was the last that the job needs.

        Args:
            message: what the server said.
            text: what it was read from; see `Call.feed`.
        """
        record = self._record
        try:
            with record.changed:
                if record.ended:
                    return True
                self._count(message, text)
                steps = self._lifecycle.feed(message, datetime.now())
                outcome = self._lifecycle.outcome
                record.steps.extend(steps)
                if steps and outcome is None:
                    status = steps[-1]
                    if isinstance(status, StatusUpdate):
                        self._status = status
                record.changed.notify_all()
                listeners = tuple(record.listeners)
        except GradioClientError as exc:
            self.fail(exc)
            return True
        for listener in listeners:
            listener()
        if outcome is not None:
            if self._lifecycle.held:
                self._host.end_stream(self)
            self._conclude(outcome, text)
        return outcome is not None

    def _count(self, message: Message, text: Union[str, bytes]) -> None:
        """Bear a message, or raise EventTooLarge where there has been too much of it all."""
        if isinstance(text, str) and text:
            self._kept += cost_of(message, text)
        most = self._host.keeps
        if most.value is not None and self._kept > most.value:
            raise EventTooLarge(
                f"The messages of the server for {self.label} take more than {most.name}; make the client "
                "with a larger one."
            )

    def fail(self, error: BaseException) -> None:
        """End the job with `error`; without effect once it has ended.

        Once the client is closed that is the reason, whatever came of it; so it is as the interpreter ends,
        when a thread that is refused may be noticed before the client is told.
        """
        if isinstance(error, ClientClosed):
            error = error if self._begun else closed_error(self.label, begun=False)
        elif self._host.jobs.closed or at_the_end():
            cause, error = error, closed_error(self.label, begun=self._begun)
            error.__cause__ = cause
        error = self._host.explain(error)
        self._host.secrets.blank_error(error, (*field_secrets(self.headers), self.session_hash))
        if self._settle(_final_status(Status.FINISHED, False), _failure(error), error):
            return
        if self._sent and self.event_id is None and self._told is None and self.cancelled():
            # Cancelled as it joined: without an id the server, which may run it, cannot be told.
            _log.info("the server was not told to end %s: %s", self.label, error)
            self.told(False)

    # -- for the client

    def abandon(self) -> None:
        """Cancel it because its only waiter is gone."""
        self._settle_cancelled()  # unless what interrupted its driver has ended it
        self._tell(False)

    def after_fork(self) -> None:
        """In a child: end the copy of a job that goes on in the parent process, which alone is told of it."""
        error = StreamLost(
            f"The process was forked while {self.label} was under way. The job goes on in the parent "
            "process, which alone hears of it; submit it again if this process needs a result too.",
            () if self.event_id is None else (self.event_id,),
        )
        self._end_unheard(error)

    def end_with_process(self) -> None:
        """Fail without waking anybody.

        Who waits now is a daemon thread of the program, which would only print a traceback; who asks from now
        on, such as a function that was registered with `atexit`, is answered.
        """
        with self._record.changed:
            if not self._record.ended:
                self._end_unheard(closed_error(self.label, begun=self._begun))

    def _end_unheard(self, error: BaseException) -> None:
        """End it unless it has ended, and leave those who wait where they are: on the locks it had."""
        self._record.changed = new_condition()
        super().__init__()
        self._callbacks.clear()
        if self._record.ended:
            self._resolve()
        else:
            self._end(_final_status(Status.FINISHED, False), _failure(error), error)

    # -- ends

    def _conclude(self, outcome: Outcome, text: Union[str, bytes]) -> None:
        if isinstance(outcome, Failed):
            self.fail(outcome.error)
            return
        if isinstance(outcome, CancelledByServer):
            self.told(True)
            self._settle_cancelled()
            return
        outputs = self._host.look(outcome.data, text)
        if outputs.files is False:
            self._succeed(outputs)
            return
        try:
            self._host.run_work(self._succeed, outputs)
        except RuntimeError as exc:
            self.fail(ConnectionFailed(f"No thread could be started to fetch the result: {exc}."))

    def _succeed(self, outputs: Outputs) -> None:
        try:
            value = self._host.finish(outputs)
            self._settle(_final_status(Status.FINISHED, True), OutputUpdate(value, success=True, final=True))
        except BaseException as exc:
            self.fail(exc)
            if not isinstance(exc, Exception):
                raise

    def _settle_cancelled(self) -> bool:
        return self._settle(_final_status(Status.CANCELLED, False))

    def _settle(
        self,
        status: StatusUpdate,
        last: Optional[OutputUpdate] = None,
        error: Optional[BaseException] = None,
    ) -> bool:
        """End the job, unless it has ended; return whether this was its end."""
        record = self._record
        with record.changed:
            if record.ended:
                return False
            self._end(status, last, error)
            callbacks, self._callbacks = self._callbacks, []
            listeners = tuple(record.listeners)
            record.changed.notify_all()
        for listener in listeners:
            listener()
        if callbacks:
            try:
                self._host.run_callback(_call_back_all, callbacks, self)
            except InterpreterEnding:
                _log.debug("the interpreter is ending, so %r calls nothing back", self)
            except RuntimeError:
                _log.exception("no thread could be started for the callbacks of %r", self)
        return True

    def _end(
        self, status: StatusUpdate, last: Optional[OutputUpdate], error: Optional[BaseException]
    ) -> None:
        self._host.jobs.discard(self)
        self._joined_at_end = self.event_id is not None
        self._status = status
        self._record.steps.append(status)
        if last is not None:
            self._record.steps.append(last)
            if last.success:
                self._final.append(last.outputs)
        self._error = error
        self._record.ended = True
        # While the lock is held, so that who sees the end here sees it in the Future too.
        self._resolve()

    def _resolve(self) -> None:
        if self._status.code is Status.CANCELLED:
            super().cancel()
            self.set_running_or_notify_cancel()
        elif self._error is not None:
            self.set_exception(self._error)
        else:
            self.set_result(self._final[0])

    def _tell(self, warn: bool) -> None:
        """Let the server know that nobody waits for the job any more, unless it has ended there."""
        if self._lifecycle.outcome is not None:
            self.told(True)
        elif self._joined_at_end:
            self._host.cancel(self, warn)
        else:  # a join that is still under way learns of it in `joined`
            if not self._sent:
                self.told(True)
            self._host.forget(self)


def _call_back(callback: Callback, job: concurrent.futures.Future[Any]) -> None:
    try:
        callback(job)
    except Exception:
        _log.exception("a callback of %r failed", job)


def _call_back_all(callbacks: List[Callback], job: concurrent.futures.Future[Any]) -> None:
    # One after the other on one thread: that is what keeps their order.
    for callback in callbacks:
        _call_back(callback, job)


def _final_status(code: Status, success: bool) -> StatusUpdate:
    return StatusUpdate(code, rank=0, success=success, time=datetime.now())


def _failure(error: BaseException) -> OutputUpdate:
    fields: Dict[str, Any] = {"error": str(error)}
    if isinstance(error, AppError):
        fields.update(title=error.title, duration=error.duration, visible=error.visible)
    return OutputUpdate(fields, success=False, final=True)
