"""CallFuture: one call under way, as its driver sees it; the server's messages bring it to its one end.

::

    pending ──request_body──► sending ──joined──► joined ──feed──► running
       │                         │                   │                │
       └─────────────────────────┴─────────┬─────────┴────────────────┘
                                           ▼
                 ended: with a value, with an error, or cancelled

- pending: nothing was sent (`_begun` is False); if the client is closed now, the call was not made.
- sending: its files are uploaded, and then its body is sent (`_sent`).
- joined: the server has given it an id, by which it can be cancelled there. Direct calls never join.
- running: the server reports on it. Once it has said how the job ended (`Lifecycle.outcome`) nothing more is
  expected from there, but files of the result may still have to be fetched before the job itself has ended.
- ended: the first end counts, whoever comes with it: a message, the driver, `cancel`, the client's `close`.
  Only one thing may follow: a job that was cancelled while it was being sent may still join, and the server
  is told then, as before it had no name for the job.

The lock `_changed` guards all fields that change. Whoever brings news changes them, resolves the Future
(whose own lock is taken inside ours) and wakes those who wait; so nobody sees one half of an end. Only our
own code runs while it is held; it is reentrant, as the garbage collector may end a reader on a thread that
holds it. It is taken under a driver's lock at times; no driver's lock is ever taken under it.

`feed` and `fail` run on the driver's thread, mostly the reader of the event stream, which serves other jobs
too: listeners, which return at once, are called there, without the lock; files are fetched by a worker; the
user's callbacks run on a thread of their own, one after the other in the order in which they were added.
"""

from __future__ import annotations

import concurrent.futures
import logging
import threading
from collections import deque
from copy import copy
from datetime import datetime
from typing import TYPE_CHECKING, Any, Callable, Deque, Dict, List, Mapping, Optional, Tuple, Union

from ..errors import (
    AppError,
    ClientClosed,
    ConnectionFailed,
    EventTooLarge,
    GradioClientError,
    HTTPStatusError,
    StreamLost,
    ValidationError,
    shorten,
)
from ..queues.base import closed_error
from ..secrecy import field_secrets
from ..threads import InterpreterEnding, at_the_end
from ..updates import OutputUpdate, ProgressUpdate, Status, StatusUpdate
from ..wire.filedata import mentions
from ..wire.lifecycle import CancelledByServer, Failed, Lifecycle, NewOutput, Outcome
from ..wire.messages import LEAST_COST, Completed, Generating, cost_of

if TYPE_CHECKING:
    from ..files.downloads import JobFiles
    from ..queues.base import Driver
    from ..wire.filedata import Outputs
    from ..wire.messages import Message
    from .host import JobHost

    #: What happened to a job; a NewOutput stands for the next of the values received.
    Step = Union[StatusUpdate, NewOutput, OutputUpdate]

_log = logging.getLogger(__name__)

Callback = Callable[[concurrent.futures.Future[Any]], object]


class _Shown(type):
    """Leaves out of `dir`, and so of completion and `help`, what drivers, the client and executors call."""

    def __dir__(cls) -> List[str]:
        inner = vars(CallFuture).keys() - vars(concurrent.futures.Future).keys()
        inner |= {"set_result", "set_exception", "set_running_or_notify_cancel"}
        return [name for name in super().__dir__() if name not in inner]


class CallFuture(concurrent.futures.Future[Any], metaclass=_Shown):
    """What a Job is, apart from what its user sees.

    Args:
        host: what it needs from the client.
        driver: runs it.
        owner: what must stay alive for as long as the job does: the client.
        headers: of this call alone.
        session_hash: as in its body.
        body: the JSON to send, or what makes it when it is sent.
        bound: whether its arguments are bound; otherwise `body` does it, and needs the app's description.
        hint: gives what to say at the end of an error of the app's, "" for nothing; None for nothing ever.
    """

    _followed = True
    #: Where in `_steps` progress is.
    _progress: Optional[Deque[int]] = None
    #: The first output whose message mentions files; None for none yet.
    _files_from: Optional[int] = None

    def __init__(
        self,
        host: JobHost,
        driver: Driver,
        owner: object,
        *,
        headers: Mapping[str, str],
        session_hash: str,
        body: Union[bytes, Callable[[], bytes]],
        bound: bool = True,
        hint: Optional[Callable[[], str]] = None,
    ) -> None:
        super().__init__()
        self.event_id: Optional[str] = None
        self.fn_index = host.fn_index
        self.label = host.label
        self.driver = driver
        self.headers = headers
        self.session_hash = session_hash
        self.bound = bound
        self._hint = hint
        self._body = body
        self._host = host
        self._owner = owner
        self._lifecycle = Lifecycle(diffs=host.diffs, now=datetime.now())
        self._changed = threading.Condition(threading.RLock())
        self._status = self._lifecycle.status
        # In the order of arrival; only ever added to. None is where progress was dropped.
        self._steps: List[Optional[Step]] = []
        self._ended = False
        # Called after each change. Added and removed by single operations, without the lock.
        self._listeners: List[Callable[[], None]] = []
        self._begun = False
        self._sent = False
        # Which of `_tell` and `joined` has the server told that the job is cancelled.
        self._joined_at_end = False
        # Whether the server knows that the job is cancelled; None until that is known.
        self._told: Optional[bool] = None
        self._kept_bytes = 0
        self._final: List[Any] = []  # the result, if there is one
        self._error: Optional[BaseException] = None
        self._callbacks: List[Callback] = []
        self._fetched: List[JobFiles] = []  # see `Attachments.read`

    def add_done_callback(self, fn: Callback) -> None:
        """Have `fn(job)` called when the job ends, on a thread of the client's; at once if it has ended."""
        with self._changed:
            if not self._ended:
                self._callbacks.append(fn)
                return
        _call_back([fn], self)

    # -- for the driver

    def request_body(self) -> bytes:
        """The JSON to send; blocks while the files among the arguments are uploaded.

        Raises:
            CancelledError: it has ended meanwhile, and must not be sent.
        """
        self._begun = True
        body = self._body if isinstance(self._body, bytes) else self._body()
        with self._changed:
            if self._ended:
                raise concurrent.futures.CancelledError
            self._sent = True
        return body

    def joined(self, event_id: str) -> None:
        """Set the server's id; a job that was cancelled before it was known is cancelled there now."""
        with self._changed:
            self.event_id = event_id
            cancelled = self._status.code is Status.CANCELLED
        if cancelled:
            self._host.cancel(self, False)

    def feed(self, message: Message, text: Union[str, bytes] = "") -> bool:
        """Take one message of the server; return whether the job needs no more.

        Args:
            message: what the server said.
            text: what it was read from; see `Call.feed`.
        """
        try:
            with self._changed:
                if self._ended:
                    return True
                # Bytes are the one answer of a direct call.
                cost = cost_of(message, text) if text and isinstance(text, str) else 0
                self._kept_bytes += cost
                most = self._host.job_bytes
                if most.value is not None and self._kept_bytes > most.value:
                    raise EventTooLarge(
                        f"The messages of the server for {self.label} take more than {most.name}; make "
                        "the client with a larger one."
                    )
                if self._followed and self._files_from is None:
                    self._look_for_files(message, text)
                steps = self._lifecycle.feed(message, datetime.now())
                outcome = self._lifecycle.outcome
                if self._followed:
                    self._keep(steps)
                    shared = self._lifecycle.outputs.shared
                    if shared is not None and cost and steps and isinstance(steps[0], NewOutput):
                        # What it shares with the value before takes nothing.
                        self._kept_bytes -= int((cost - LEAST_COST) * max(1 - shared / len(text), 0))
                if steps and outcome is None and isinstance(steps[-1], StatusUpdate):
                    self._status = steps[-1]
                self._changed.notify_all()
                listeners = tuple(self._listeners)
        except GradioClientError as exc:
            self.fail(exc)
            return True
        for listener in listeners:
            listener()
        if outcome is None:
            return False
        if self._lifecycle.held:
            self._host.end_stream(self)
        self._conclude(outcome, text)
        return True

    def _look_for_files(self, message: Message, text: Union[str, bytes]) -> None:
        """Note whether a message may bring an output, and with it the job's first file."""
        word = self._host.files.word
        brings = isinstance(message, (Generating, Completed))
        if brings and (word is None or not text or mentions(text, word)):
            self._files_from = len(self._lifecycle.outputs)

    def _keep(self, steps: Tuple[Step, ...]) -> None:
        """Keep steps for readers, in little memory; the lock is held."""
        last = steps[-1] if steps else None
        most = self._host.progress_updates
        if most is not None and isinstance(last, ProgressUpdate):
            if self._progress is None:
                self._progress = deque()
            self._progress.append(len(self._steps))
            if len(self._progress) > most:
                self._steps[self._progress.popleft()] = None
        if len(steps) == 2 and isinstance(steps[0], NewOutput) and isinstance(last, StatusUpdate):
            self._steps.append(NewOutput(steps[0].place, steps[0].success, last.time))
        else:
            self._steps.extend(steps)

    def fail(self, error: BaseException) -> None:
        """End the job with `error`; without effect once it has ended.

        Once the client is closed that is the reason, whatever the error: at the interpreter's end a thread
        that is refused may be noticed before the client is closed.
        """
        if isinstance(error, ClientClosed):
            error = error if self._begun else closed_error(self.label, begun=False)
        elif self._host.live.closed or at_the_end():
            cause, error = error, closed_error(self.label, begun=self._begun)
            error.__cause__ = cause
        if self._hint is not None and isinstance(error, (AppError, ValidationError, HTTPStatusError)):
            error = _with_hint(error, self._hint())
        self._host.secrets.blank_error(error, (*field_secrets(self.headers), self.session_hash))
        if self._settle(Status.FINISHED, _failure(error), error):
            return
        if self._sent and self.event_id is None and self._told is None and self.cancelled():
            # It was cancelled as it joined, and will never have an id by which the server, which may run it,
            # could be told.
            _log.info("the server was not told to end %s: %s", self.label, error)
            self.told(False)

    # -- for the client

    def keep_result_only(self) -> None:
        """Keep no updates and no values but the result: nobody will ask for them."""
        self._followed = False
        self._lifecycle.outputs.forget()

    @property
    def has_ended(self) -> bool:
        """Whether it has, as far as can be known without a lock; see `done`."""
        return self._ended

    @property
    def in_queue(self) -> bool:
        """Whether the server had not begun to run it when it was last heard of."""
        return self._lifecycle.status.code < Status.PROCESSING

    def watch(self, listener: Callable[[], None]) -> None:
        """Have `listener()` called after each change, on the thread that brings it; it returns at once."""
        self._listeners.append(listener)

    def told(self, taken: bool) -> None:
        """Set whether the server knows that the job is cancelled, or has ended it; the first word counts."""
        with self._changed:
            if self._told is None:
                self._told = taken
                self._changed.notify_all()
            self._host.live.untold.discard(self)

    def wait_told(self, seconds: float) -> bool:
        """Wait for `told`; return whether the server knows by then that nobody waits for the job."""
        with self._changed:
            self._changed.wait_for(lambda: self._told is not None, seconds)
            return self._lifecycle.outcome is not None or bool(self._told)

    def abandon(self) -> None:
        """Cancel it because whoever waited for it is gone."""
        self._settle_cancelled()  # unless what interrupted its driver has ended it
        self._tell(warn=False)

    def after_fork(self) -> None:
        """In a child: end the copy of a job that goes on in the parent process, which alone hears of it."""
        error = StreamLost(
            f"The process was forked while {self.label} was under way. The job goes on in the parent "
            "process, which alone hears of it; submit it again if this process needs a result too.",
            () if self.event_id is None else (self.event_id,),
        )
        self._end_unheard(error)

    def end_with_process(self) -> None:
        """Fail without waking anybody, as the process ends.

        Who waits now is a daemon thread of the program, which would only print a traceback; who asks from now
        on, such as a function that was registered with `atexit`, is answered.
        """
        with self._changed:
            if not self._ended:
                self._end_unheard(closed_error(self.label, begun=self._begun))

    # -- ends

    def _conclude(self, outcome: Outcome, text: Union[str, bytes]) -> None:
        """End the job as the server has ended it; a worker does so where there may be files to fetch."""
        if isinstance(outcome, Failed):
            self.fail(outcome.error)
            return
        if isinstance(outcome, CancelledByServer):
            self.told(True)
            self._settle_cancelled()
            return
        data, word = outcome.data, self._host.files.word
        # Of most results their text alone tells that they hold no files, which costs next to nothing.
        if word is not None and text:
            plain = isinstance(text, str) and word not in text and "\\" not in text
            if plain or not mentions(text, word):
                self._succeed(data, None)
                return
        outputs = self._host.files.look(data, text)
        if outputs.files is False:
            self._succeed(outputs.data, None)
            return
        try:
            self._host.run_work(self._succeed, data, outputs)
        except RuntimeError as exc:
            self.fail(ConnectionFailed(f"No thread could be started to fetch the result: {exc}."))

    def _succeed(self, data: List[Any], outputs: Optional[Outputs]) -> None:
        """End the job with a result.

        Args:
            data: the output values.
            outputs: the same, if files of theirs may have to be fetched.
        """
        try:
            value = self._host.shape(data if outputs is None else self._host.read(self._fetched, outputs))
            self._settle(Status.FINISHED, OutputUpdate(value, success=True, final=True))
        except BaseException as exc:
            self.fail(exc)
            if not isinstance(exc, Exception):
                raise

    def _settle_cancelled(self) -> bool:
        return self._settle(Status.CANCELLED)

    def _settle(
        self, code: Status, last: Optional[OutputUpdate] = None, error: Optional[BaseException] = None
    ) -> bool:
        """End the job, unless it has ended; return whether this was its end.

        Args:
            code: its last status.
            last: its last update; None for none, as of a cancelled job.
            error: what `exception` returns.
        """
        with self._changed:
            if self._ended:
                return False
            self._end(code, last, error)
            callbacks, self._callbacks = self._callbacks, []
            listeners = tuple(self._listeners)
            self._changed.notify_all()
        for listener in listeners:
            listener()
        if callbacks:
            try:
                self._host.run_callback(_call_back, callbacks, self)
            except InterpreterEnding:
                _log.debug("the interpreter is ending, so %r calls nothing back", self)
            except RuntimeError:
                _log.exception("no thread could be started for the callbacks of %r", self)
        return True

    def _end(self, code: Status, last: Optional[OutputUpdate], error: Optional[BaseException]) -> None:
        """Put the end on record and resolve the Future; the lock is held. See `_settle`."""
        self._host.live.jobs.discard(self)
        self._joined_at_end = self.event_id is not None
        if code is Status.CANCELLED and self._sent and not (self._joined_at_end or self._host.direct):
            self._host.live.untold.add(self)  # closing the client waits until its join was answered
        success = last is not None and last.success
        self._status = StatusUpdate(code, rank=0, success=success, time=datetime.now())
        self._steps.append(self._status)
        if last is not None:
            self._steps.append(last)
            if success:
                self._final.append(last.outputs)
        self._error = error
        self._ended = True
        self._resolve()

    def _resolve(self) -> None:
        """Bring the Future to the end that is on record."""
        if self._status.code is Status.CANCELLED:
            super().cancel()
            self.set_running_or_notify_cancel()
        elif self._error is not None:
            self.set_exception(self._error)
        else:
            self.set_result(self._final[0])

    def _end_unheard(self, error: BaseException) -> None:
        """End it unless it has ended, and wake nobody: whoever waits stays on the locks that it had."""
        # Held before others can see it: a daemon thread may bring the job's end just now.
        changed = threading.Condition(threading.RLock())
        with changed:
            self._changed = changed
            super().__init__()
            self._callbacks.clear()
            if self._ended:
                self._resolve()
            else:
                self._end(Status.FINISHED, _failure(error), error)

    def _tell(self, *, warn: bool) -> None:
        """Let the server know that nobody waits for the job any more, unless it has ended there.

        Args:
            warn: whether to warn the caller where that ends other jobs, or where the server cannot be told.
        """
        if self._lifecycle.outcome is not None:
            self.told(True)
        elif self._joined_at_end:
            self._host.cancel(self, warn)
        else:  # if its join is under way, it is told once the id is known: see `joined`
            self.driver.forget(self)
            if self._host.direct or not self._sent:
                self.told(not self._sent)


def _call_back(callbacks: List[Callback], job: concurrent.futures.Future[Any]) -> None:
    # One after the other on one thread: that keeps their order.
    for callback in callbacks:
        try:
            callback(job)
        except Exception:  # noqa: PERF203 - the others are called all the same
            _log.exception("a callback of %r failed", job)


def _failure(error: BaseException) -> OutputUpdate:
    fields: Dict[str, Any] = {"error": str(error)}
    if isinstance(error, AppError):
        fields.update(title=error.title, duration=error.duration, visible=error.visible)
    return OutputUpdate(fields, success=False, final=True)


def _with_hint(
    error: Union[AppError, ValidationError, HTTPStatusError], hint: str
) -> Union[AppError, ValidationError, HTTPStatusError]:
    """A copy of the error, which others may share, with the hint; as it is where there is none."""
    if not hint:
        return error
    hinted = copy(error)
    hinted.args = (shorten(f"{error} {hint}", error.longest), *error.args[1:])
    hinted.__cause__, hinted.__context__ = error.__cause__, error.__context__
    hinted.__suppress_context__ = error.__suppress_context__
    return hinted.with_traceback(error.__traceback__)
