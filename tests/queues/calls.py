"""A call that notes what a driver does to it, and ways to have a driver run one."""

from __future__ import annotations

import threading
from typing import Any, Callable, Dict, List, Optional, Tuple

from gradio_client_lite.queues.session import SessionQueue
from gradio_client_lite.wire.messages import Completed, Malformed, Message, QueueFull

from .scripted import PATIENCE, HeldJoin, ScriptedTransport


def never() -> None:
    raise AssertionError("this must not be called")


class RecordingCall:
    """Ends, like a job, with the first completion or failure.

    Args:
        label: of the endpoint.
        fn_index: of the endpoint.
        fetches: whether files of its result would be fetched after the completion, so that it goes on.

    Attributes:
        messages: those fed, in order; a driver must feed none after the end.
        error: what it failed with.
    """

    def __init__(self, label: str = "/echo", fn_index: int = 0, *, fetches: bool = False) -> None:
        self.event_id: Optional[str] = None
        self.fn_index = fn_index
        self.label = label
        self._fetches = fetches
        self.headers: Dict[str, str] = {"x-call": "1"}
        self.session_hash = "session"
        self.messages: List[Message] = []
        self.error: Optional[BaseException] = None
        self.fed = threading.Semaphore(0)
        self._ended = threading.Event()

    def request_body(self) -> bytes:
        return b'{"data":[]}'

    def done(self) -> bool:
        return self._ended.is_set()

    def joined(self, event_id: str) -> None:
        self.event_id = event_id

    def feed(self, message: Message, text: Any = "") -> bool:
        self.messages.append(message)
        over = isinstance(message, (Completed, Malformed, QueueFull))
        if isinstance(message, Malformed):
            self.error = message.error
        if over and not self._fetches:
            self._ended.set()
        self.fed.release()
        return over or self.done()

    def fail(self, error: BaseException) -> None:
        if not self.done():
            self.error = error
            self._ended.set()

    def told(self, taken: bool) -> None:
        pass

    def give_up(self) -> None:
        """End it as a cancelled job ends."""
        self._ended.set()

    # -- for the test

    def wait_fed(self, count: int = 1) -> None:
        """Wait for so many more messages."""
        for _ in range(count):
            assert self.fed.acquire(timeout=PATIENCE)

    def result(self) -> List[Any]:
        """Wait for the data it completed with."""
        assert self._ended.wait(PATIENCE), "the call has not ended"
        assert self.error is None, self.error
        last = self.messages[-1]
        assert isinstance(last, Completed)
        return last.output["data"]  # type: ignore[no-any-return]

    def failure(self) -> BaseException:
        """Wait for what it failed with."""
        assert self._ended.wait(PATIENCE), "the call has not ended"
        assert self.error is not None, "the call has not failed"
        return self.error


def submit(queue: SessionQueue, label: str = "/echo", **options: Any) -> RecordingCall:
    """Have a queue run a new call."""
    call = RecordingCall(label, **options)
    queue.submit(call)
    return call


def in_thread(function: Callable[..., object], *args: Any) -> threading.Thread:
    """Call a function on a new thread."""
    thread = threading.Thread(target=function, args=args, daemon=True)
    thread.start()
    return thread


def join_held(
    transport: ScriptedTransport, session: SessionQueue, event_id: str, call: Optional[RecordingCall] = None
) -> Tuple[RecordingCall, HeldJoin, threading.Thread]:
    """A call whose join waits for its answer, that answer and the thread that waits."""
    held = HeldJoin(event_id)
    transport.on("join", held)
    call = call or RecordingCall()
    thread = in_thread(session.submit, call)
    assert held.arrived.wait(PATIENCE)
    return call, held, thread


def answer_join(held: HeldJoin, thread: threading.Thread) -> None:
    """Let a held join have its answer, and wait until its thread has dealt with it."""
    held.let_go.set()
    thread.join(PATIENCE)
