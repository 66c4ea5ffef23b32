"""The embedded app: functions served as a Gradio app, for tests without a network.

A request comes to `server.py` (sockets, one thread for each connection), is answered by `handlers.py`, and a
queued call waits in `queue.py` until one of its threads runs it (`execution.py`). What goes wrong on purpose
(`faults.py`) does so between sockets and handlers, in `flaky.py`.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any, Callable, Mapping, Optional, Sequence, Tuple, Type, Union

from ..app.options import check_threads
from ..threads import Threads
from ..workers import call_after_fork
from .description import config
from .execution import Execution
from .faults import Fault
from .flaky import Flaky
from .functions import Function, number_functions
from .handlers import Handlers, Logins
from .queue import Queue
from .server import ANY_ADDRESS, Server


class App:
    """A running app. `serve` makes it; use it in a `with` block or call `close`.

    Example:
        >>> with serve({"/echo": lambda text: text}) as app:
        ...     app.url.startswith("http://127.0.0.1:")
        True
    """

    def __init__(
        self, server: Server, queue: Queue, flaky: Flaky, stopped: threading.Event, host: str, names: Any
    ) -> None:
        self._server = server
        self._queue = queue
        self._flaky = flaky
        self._stopped = stopped
        self._names = tuple(names)
        host = ANY_ADDRESS.get(host, host)
        self._url = f"http://{f'[{host}]' if ':' in host else host}:{server.port}/"
        self._threads = Threads()
        self._threads.close_at_the_end(self.close)
        call_after_fork(self)

    @property
    def url(self) -> str:
        """Where it is on this machine, with a slash at the end; what `Client` takes."""
        return self._url

    @property
    def faults(self) -> Sequence[Fault]:
        """What goes wrong from now on; setting it begins to count anew, `()` ends them all.

        Raises:
            ArgumentError: setting it to what is no fault, or one for an endpoint that the app has not.
        """
        return self._flaky.faults

    @faults.setter
    def faults(self, faults: Sequence[Fault]) -> None:
        self._flaky.set(faults)

    @property
    def struck(self) -> Tuple[Fault, ...]:
        """The faults that have struck so far, in order, so that a test can ask whether they did."""
        return tuple(self._flaky.struck)

    def close(self) -> None:
        """Stop serving, within a second. May be called twice.

        Open streams end with the message "Server stopped unexpectedly."; functions that still run are
        left to end on their threads.
        """
        if self._stopped.is_set():
            return
        self._queue.stop()
        self._stopped.set()
        self._server.close()
        self._threads.close()

    def after_fork(self) -> None:
        """In a child: count as closed, as the threads and the connections are the parent's."""
        self._stopped = threading.Event()
        self._stopped.set()
        self._threads.close()

    def __enter__(self) -> App:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self._stopped.is_set() else ", ".join(self._names)
        return f"<{type(self).__name__} {self._url} [{state}]>"


def serve(
    functions: Mapping[str, Union[Function, Callable[..., Any]]],
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    auth: Optional[Tuple[str, str]] = None,
    show_error: bool = True,
    threads: int = 40,
    heartbeat: float = 15.0,
    connect_heartbeat: bool = False,
    faults: Sequence[Fault] = (),
) -> App:
    """Serve functions as a Gradio app that speaks the wire of Gradio 6.31 (sse_v3, below /gradio_api).

    Parameter names, defaults, JSON types and the number of outputs come from the functions' signatures;
    generators stream what they yield. A function fails its call by raising: `AppError` carries title,
    duration and visibility. `info`, `warning` and `progress` reach the caller while it runs.

    Args:
        functions: what to serve, by API name with its slash. Wrap one in `Function` for options.
        host: the address to listen on.
        port: the port to listen on; 0 means any free one.
        auth: user name and password to log in with; None means no login.
        show_error: whether callers see the text of exceptions other than `AppError`.
        threads: how many queued functions may run at once.
        heartbeat: seconds between heartbeat messages.
        connect_heartbeat: whether clients are asked to keep a heartbeat connection open.
        faults: what goes wrong, and when; `App.faults` can be changed later.

    Raises:
        ArgumentError: a name, an option or a fault is wrong.
        CompatibilityError: this is a sub-interpreter that allows no threads.
        OSError: the address cannot be listened on.

    Example:
        >>> def count(to: int):
        ...     for number in range(to):
        ...         yield number
        >>> from gradio_client_lite import Client
        >>> with serve({"/echo": lambda text: text, "/count": count}) as app:
        ...     with Client(app.url, verbose=False) as client:
        ...         client.predict("a", api_name="/echo"), list(client.submit(3, api_name="/count"))
        ('a', [0, 1, 2])
    """
    check_threads()
    served = number_functions(functions)
    executions = {number: Execution(function, show_error=show_error) for number, function in served.items()}
    about = config(served.values(), show_error=show_error, connect_heartbeat=connect_heartbeat)
    queue = Queue(executions, threads=threads, heartbeat=heartbeat)
    stopped = threading.Event()
    handlers = Handlers(executions, queue, Logins(auth), about, heartbeat, stopped.wait)
    flaky = Flaky(handlers.answer, queue, dict(enumerate(functions)), stopped.wait)
    flaky.set(faults)
    server = Server(host, port, flaky.answer)
    return App(server, queue, flaky, stopped, host, functions)
