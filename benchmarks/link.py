"""A long way to a server on this machine, with TLS or without. Run as a script.

    python link.py PORT ROUND_TRIP [CERTIFICATE KEY]

It prints one line, READY and its port, and ends when its standard input closes. Each byte arrives half a
round trip late, and what a client sends first a whole one later than that: so long would connecting take. The
kernel of this machine answers it at once.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from contextlib import suppress
from typing import Optional

_PIECE = 1 << 16


class Link:
    """Carries connections to a port of this machine.

    Args:
        port: of the server, or of what ends TLS before it.
        round_trip: seconds; 0 carries at once.
        tls: ends TLS here; None passes on what comes.
    """

    def __init__(self, port: int, round_trip: float, tls: Optional[ssl.SSLContext] = None) -> None:
        self._port = port
        self._round_trip = round_trip
        self._tls = tls

    async def listen(self) -> int:
        """Begin to listen; the port."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        return int(server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected = asyncio.get_running_loop().time() + self._round_trip
        there, here = await asyncio.open_connection("127.0.0.1", self._port)
        with suppress(OSError):
            await asyncio.gather(self._carry(reader, here, connected), self._carry(there, writer, 0.0))

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, not_before: float
    ) -> None:
        loop = asyncio.get_running_loop()
        last = False
        while not last:
            try:
                data = await reader.read(_PIECE)
            except OSError:  # reset, or what asyncio makes of an unclean end of TLS
                data = b""
            last = not data
            due = max(loop.time(), not_before) + self._round_trip / 2
            loop.call_at(due, *((writer.close,) if last else (writer.write, data)))


async def _main(port: int, round_trip: float, *certificate: str) -> None:
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        port = await Link(port, 0.0, context).listen()
    print(f"READY {await Link(port, round_trip).listen()}", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), float(sys.argv[2]), *sys.argv[3:]))
