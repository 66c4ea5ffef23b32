"""A proxy between a client and a real server, that cuts event streams and holds joins back."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import Iterator, List, Tuple

from .servers import Server

_PATIENCE = 60.0  # seconds


class DeafProxy:
    """Forwards TCP connections, and can cut event streams on the client's side alone.

    Attributes:
        joins: set while joins may pass; until then they wait.
        refuses: whether it hangs up on joins instead of passing them on.
        opened: released once for each request for a stream that has been passed on.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self._streams: List[Tuple[socket.socket, socket.socket]] = []
        self._cut: List[socket.socket] = []
        self._changing = threading.Lock()
        self.joins = threading.Event()
        self.joins.set()
        self.refuses = False
        self.opened = threading.Semaphore(0)
        self._spawn(self._listen)

    def cut_streams(self) -> None:
        """Hang up on the client; the server goes on sending and is listened to."""
        with self._changing:
            streams, self._streams = self._streams, []
        for client, server in streams:
            self._cut.append(server)
            _hang_up(client)

    def keep_from_server(self) -> None:
        """Tell the server nothing when the client hangs up on the streams there are."""
        self._cut += [server for _, server in self._streams]

    def tell_server(self) -> None:
        """Hang up on the server too."""
        for server in self._cut:
            _hang_up(server)

    def close(self) -> None:
        self.cut_streams()
        self.tell_server()
        self._listener.close()

    def _spawn(self, function: object, *args: object) -> None:
        threading.Thread(target=function, args=args, daemon=True).start()  # type: ignore[arg-type]

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            server = socket.create_connection(("127.0.0.1", self._port))
            self._spawn(self._up, client, server)
            self._spawn(self._down, client, server)

    def _up(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                stream = b"queue/data" in data
                with self._changing:
                    self._streams = [each for each in self._streams if each[0] is not client]  # has ended
                    if stream:
                        self._streams.append((client, server))
                if b"queue/join" in data:
                    assert self.joins.wait(_PATIENCE)
                    if self.refuses:
                        _hang_up(client)
                        return
                server.sendall(data)
                if stream:
                    self.opened.release()
        if server not in self._cut:
            with suppress(OSError):
                server.shutdown(socket.SHUT_WR)

    def _down(self, client: socket.socket, server: socket.socket) -> None:
        with server, client, suppress(OSError):
            while data := server.recv(65536):
                with suppress(OSError):
                    client.sendall(data)


def _hang_up(side: socket.socket) -> None:
    with suppress(OSError):  # it may have ended by itself
        side.shutdown(socket.SHUT_RDWR)


@contextmanager
def deaf_proxy(server: Server) -> Iterator[DeafProxy]:
    proxy = DeafProxy(int(server.url.rstrip("/").rpartition(":")[2]))
    try:
        yield proxy
    finally:
        proxy.close()
