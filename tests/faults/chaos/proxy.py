"""A TCP proxy before a server that does what a schedule's faults say, and says which have struck.

It listens, counts which steps were met, and knows which fault is due; `connection` carries the bytes. All of
it runs on one thread, by an event loop.
"""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections import Counter
from contextlib import suppress
from typing import Any, Coroutine, Dict, List, Optional, Sequence, Set, Tuple
from typing import Counter as Counts

from .connection import Connection, reset
from .faults import Fault, Kind
from .steps import STEPS

_HOST = "127.0.0.1"
_MOMENT = 1.0  # seconds for the answer to a request that is made twice


class FaultProxy:
    """Carries connections to a server; use it in a `with` statement.

    Args:
        port: of the server, on 127.0.0.1.
        faults: those to strike with.
        other_port: of a server that takes its place at a restart, which knows nothing of its sessions.

    Attributes:
        url: where it listens, with a slash at the end.
        faults: those that strike; may be set at any time.
        struck: the faults that have struck, each as often as it has.
        carried: by step, released once for each request that was carried to the server.
    """

    def __init__(self, port: int, faults: Sequence[Fault] = (), other_port: Optional[int] = None) -> None:
        self._port: Optional[int] = port
        self._other_port = other_port
        self.faults = tuple(faults)
        self.carried = {step: threading.Semaphore(0) for step in (*STEPS, "")}
        self._held: Dict[Tuple[str, str], asyncio.Event] = {}
        self._met: Counts[str] = Counter()
        self._connections: Set[Connection] = set()
        self._tasks: Set[asyncio.Task[None]] = set()
        self._accepted: Set[socket.socket] = set()
        self._listener: Optional[socket.socket] = None
        self.struck: List[Fault] = []
        # Bound and never listening: it keeps the port while connections are refused.
        self._reserved = _bound(0)
        self._place = self._reserved.getsockname()[1]
        self.url = f"http://{_HOST}:{self._place}/"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)

    def __enter__(self) -> FaultProxy:
        self._thread.start()
        self._run(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._reserved.close()

    def calm(self) -> None:
        """Strike no more from now on: a server that was told nothing is told, and connections are accepted.

        What is stalled stays so.
        """
        self.faults = ()
        self.tell_server()
        while self._port is None or self._listener is None:
            time.sleep(0.01)

    def cut(self, step: str = "opening", tell_server: bool = True) -> int:
        """Hang up on the client at once, on each connection that is at this step.

        Args:
            tell_server: whether the server is hung up on too; if not it goes on sending, and is listened to.

        Returns:
            How many there were.
        """
        return self._run(self._cut(step, tell_server))

    def tell_server(self) -> None:
        """Hang up on the server too, where only the client was hung up on."""
        self._run(self._tell_server())

    def keep_from_server(self, step: str = "opening") -> None:
        """Tell the server nothing when the client hangs up on the connections that are at this step."""
        for connection in self._at(step):
            connection.deaf = True

    def open_for(self, seconds: float) -> List[str]:
        """The steps of connections that a client keeps open for so long; empty as soon as there are none."""
        until = time.monotonic() + seconds
        while True:
            found = [each.step for each in list(self._connections) if not each.deaf]
            if not found or time.monotonic() > until:
                return found
            time.sleep(0.01)

    def hold(self, step: str, side: str = "request") -> None:
        """Have requests of this step wait, or answers to them, until `let_go`."""
        self._run(self._hold(step, side))

    async def _hold(self, step: str, side: str) -> None:
        self._held[step, side] = asyncio.Event()

    def let_go(self, step: str, side: str = "request") -> None:
        """Carry those that wait, and those that come."""
        self._loop.call_soon_threadsafe(self._held.pop((step, side)).set)

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _cut(self, step: str, tell_server: bool) -> int:
        found = self._at(step)
        for connection in found:
            connection.hang_up(tell_server)
        return len(found)

    async def _tell_server(self) -> None:
        for connection in self._connections:
            if connection.deaf:
                connection.hang_up(tell_server=True)

    def _at(self, step: str) -> List[Connection]:
        found = [each for each in list(self._connections) if each.step == step]
        return [each for each in found if not (each.deaf or each.answered)]

    async def _listen(self) -> None:
        # Not by a server of asyncio, which leaves open what it has just accepted when it is closed.
        self._listener = listener = _bound(self._place)
        listener.listen(128)
        self._start(self._accept(listener))

    async def _close(self) -> None:
        self.faults = ()
        self._stop_listening()
        me = asyncio.current_task()
        while True:
            tasks = [task for task in asyncio.all_tasks() if task is not me]
            if not tasks:
                break
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for sock in self._accepted:  # whose task had not begun
            sock.close()
        await asyncio.sleep(0)  # what has been closed leaves the loop

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _stop_listening(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            self._loop.remove_reader(listener)
            listener.close()

    async def _accept(self, listener: socket.socket) -> None:
        while listener is self._listener:
            sock, _ = await self._loop.sock_accept(listener)
            self._accepted.add(sock)
            self._start(self._carry(sock))

    async def _carry(self, sock: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=sock)
        self._accepted.discard(sock)
        try:
            port = self._port
            if port is None:
                raise OSError
            upstream = await asyncio.open_connection(_HOST, port)
            if port != self._port:  # it has gone meanwhile
                reset(upstream[1])
                raise OSError
        except BaseException as exc:
            reset(writer)
            if isinstance(exc, OSError):
                return
            raise
        connection = Connection(self, (reader, writer), upstream)
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)

    # -- for connections

    async def held(self, step: str, side: str) -> None:
        """Wait while requests of a step are held, or answers to them."""
        event = self._held.get((step, side))
        if event is not None:
            await event.wait()

    def passed(self, step: str) -> None:
        """A request was carried to the server."""
        self.carried[step].release()

    def met(self, step: str) -> int:
        """Count that a step is met; how often it was before."""
        self._met[step] += 1
        return self._met[step] - 1

    def due(self, step: str, side: str, number: int, unit: int, *, edits: bool = False) -> Optional[Fault]:
        """The fault that strikes here, if any; an event that `edits` is never sent twice.

        A client cannot tell it from two that are alike. A network does not do that, and no proxy is known to.
        """
        place = step, side, unit
        for fault in self.faults:
            if (fault.step, fault.side, fault.unit) != place or (edits and fault.kind is Kind.DUPLICATE):
                continue
            if fault.nth <= number < fault.nth + fault.times:
                self.struck.append(fault)
                return fault
        return None

    def ask(self, request: bytes) -> None:
        """Send a request to the server, and read its answer for a moment."""
        self._start(self._ask(request))

    async def _ask(self, request: bytes) -> None:
        if self._port is None:
            return
        with suppress(OSError, asyncio.TimeoutError):
            reader, writer = await asyncio.open_connection(_HOST, self._port)
            try:
                writer.write(request)
                await asyncio.wait_for(reader.read(1 << 16), _MOMENT)
            finally:
                writer.close()

    def refuse(self, seconds: float) -> None:
        """Accept no connection for a while."""
        if self._listener is not None:
            self._stop_listening()
            self._start(self._listen_again(seconds))

    async def _listen_again(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._listen()

    def restart(self, seconds: float) -> None:
        """Let the server go, and have the other one in its place in a while."""
        before, self._port = self._port, None
        for connection in list(self._connections):
            connection.hang_up(tell_server=True)
        if before is not None:
            self._start(self._come_back(self._other_port or before, before, seconds))

    async def _come_back(self, port: int, before: int, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._port, self._other_port = port, before


def _bound(port: int) -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind((_HOST, port))
    sock.setblocking(False)
    return sock
