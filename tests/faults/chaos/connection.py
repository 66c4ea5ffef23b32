"""One connection through the fault proxy: two flows of bytes, each of which faults may strike.

A flow carries units (see `framing`), asks the proxy for each whether a fault is due at it, and strikes in the
middle of it.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from typing import List, Optional, Protocol, Tuple

from .faults import Fault, Kind
from .framing import Framing, Unit
from .steps import step_of

_PIECES = 8  # that a unit is sent in, where it takes its time
_DRIBBLED = 300  # bytes that come one at a time; the rest of a large unit comes as a whole


class Over(Exception):
    """A fault has ended the connection."""


class Proxy(Protocol):
    """What a connection asks of the proxy; see `proxy.FaultProxy`."""

    def met(self, step: str) -> int: ...

    def passed(self, step: str) -> None: ...

    async def held(self, step: str, side: str) -> None: ...

    def due(
        self, step: str, side: str, number: int, unit: int, *, edits: bool = False
    ) -> Optional[Fault]: ...

    def ask(self, request: bytes) -> None: ...

    def refuse(self, seconds: float) -> None: ...

    def restart(self, seconds: float) -> None: ...


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with a TCP reset."""
    sock = writer.get_extra_info("socket")
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


_Ends = Tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Connection:
    """One client's connection and the server's that belongs to it.

    Attributes:
        step: that the request on it is at.
        number: how often that was met before.
        answered: whether its answer was carried; then it waits for the next one, and is at no step.
        deaf: whether the server is told nothing of what the client does, and its answers go nowhere.
    """

    def __init__(self, proxy: Proxy, client: _Ends, server: _Ends) -> None:
        self._proxy = proxy
        self._client_reader, self._client = client
        self._server_reader, self._server = server
        self.deaf = False
        self.step = ""
        self.number = 0
        self.answered = True

    async def run(self) -> None:
        """Carry bytes both ways until either end has closed, or a fault has ended it."""
        flows = [
            asyncio.ensure_future(_Flow(self, "request", self._client_reader, self._server).run()),
            asyncio.ensure_future(_Flow(self, "answer", self._server_reader, self._client).run()),
        ]
        try:
            await asyncio.wait(flows, return_when=asyncio.FIRST_COMPLETED)
            if self.deaf:
                await flows[1]
        finally:
            for writer in (self._client, self._server):
                writer.close()
            for flow in flows:
                flow.cancel()
            await asyncio.gather(*flows, return_exceptions=True)

    async def begin(self, side: str, unit: Unit) -> None:
        """A request has begun, or an answer; wait while it is held."""
        if side == "request":
            method, path = unit.head[0].split(" ")[:2]
            self.step = step_of(method, path)
            self.number = self._proxy.met(self.step)
            self.answered = False
        await self._proxy.held(self.step, side)

    def passed(self, unit: Unit) -> None:
        """A request was carried to the server; on 3.x, one to open a stream, or a message on it."""
        self._proxy.passed("join" if self.step == "opening" and unit.number > 0 else self.step)

    def due(self, side: str, unit: Unit) -> Optional[Fault]:
        """The fault that strikes at a unit, if any."""
        if side == "answer" and self.step == "opening" and unit.number > 0:
            number, edits = self._proxy.met("event"), b'"process_generating"' in unit.data
            for step in ("between", "middle"):
                fault = self._proxy.due(step, side, number, 0, edits=edits)
                if fault is not None:
                    return fault
            return None
        if self.step == "opening" and unit.number > 0:  # on 3.x, a message of the client's
            return self._proxy.due("join", side, self._proxy.met("join"), 1)
        return self._proxy.due(self.step, side, self.number, unit.number)

    def hang_up(self, tell_server: bool) -> None:
        """End the client's side, and the server's if it is to know."""
        self.deaf = not tell_server
        self._client.close()
        if tell_server:
            self._server.close()

    def ask_again(self, request: bytes) -> None:
        """Send a request to the server once more; nobody reads its answer."""
        self._proxy.ask(request)

    def strike(self, fault: Fault) -> None:
        """End what the fault ends.

        Raises:
            Over: that is the connection.
        """
        if fault.kind in (Kind.RESET, Kind.REFUSE):
            reset(self._client)
            reset(self._server)
        if fault.kind is Kind.REFUSE:
            self._proxy.refuse(fault.seconds)
        if fault.kind is Kind.RESTART:
            self._proxy.restart(fault.seconds)
        if fault.kind in (Kind.RESET, Kind.REFUSE, Kind.RESTART, Kind.CLOSE, Kind.TRUNCATE):
            raise Over


class _Flow:
    """One direction of a connection."""

    def __init__(
        self,
        connection: Connection,
        side: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._connection = connection
        self._side = side
        self._reader = reader
        self._writer = writer
        self._framing = Framing(answers=side == "answer")
        self._message: List[bytes] = []  # of which one is under way, as far as it was carried
        self._fault: Optional[Fault] = None  # that lasts until the message ends

    async def run(self) -> None:
        """Carry what comes until it ends."""
        with suppress(Over, OSError):
            while True:
                data = await self._reader.read(1 << 16)
                if not data:
                    return
                for unit in self._framing.feed(data):
                    if unit.number == 0:
                        await self._connection.begin(self._side, unit)
                    await self._carry(unit)

    async def _carry(self, unit: Unit) -> None:
        event = self._connection.step == "opening" and unit.number > 0  # a message of its own
        if event:
            self._message = []
        self._message.append(unit.data)
        fault = self._connection.due(self._side, unit)
        cut = 0
        if fault is not None:
            cut = len(unit.data) * fault.part // 100
            await self._send(unit.data[:cut])
            await self._strike(fault)
        ends = event or unit.last
        again = ends and self._fault is not None and self._fault.kind is Kind.DUPLICATE
        if self._side == "answer" and unit.last and not self._framing.frames:
            self._connection.answered = True  # before the client has it whole, and asks again
        await self._send(unit.data[cut:] + (self._again(event=event) if again else b""))
        if ends:
            self._message, self._fault = [], None
        if self._side == "request" and (ends or self._framing.frames):
            self._connection.passed(unit)

    def _again(self, *, event: bool) -> bytes:
        """What is carried behind a message, that it comes twice.

        A request is made once more as proxies do that try again, on a connection of its own.
        """
        message = b"".join(self._message)
        if event or self._side == "answer":
            return message
        self._connection.ask_again(message)
        return b""

    async def _strike(self, fault: Fault) -> None:
        if fault.kind is Kind.STALL:
            await self._swallow()
        elif fault.kind is Kind.HALF_CLOSE:
            self._writer.write_eof()
            await self._swallow()
        elif fault.kind is Kind.DEAF:
            self._connection.hang_up(tell_server=False)
        elif fault.kind is Kind.PAUSE:
            await asyncio.sleep(fault.seconds)
        elif fault.kind in (Kind.THROTTLE, Kind.DRIBBLE, Kind.DELAY, Kind.DUPLICATE):
            self._fault = fault
        else:
            await self._writer.drain()
            self._connection.strike(fault)

    async def _swallow(self) -> None:
        """Carry nothing more; the other direction ends the connection, or a client that hangs up."""
        if self._side == "request":
            while await self._reader.read(1 << 16):
                pass
        else:
            await asyncio.get_running_loop().create_future()

    async def _send(self, data: bytes) -> None:
        """Carry bytes at the pace of the fault that lasts."""
        fault = self._fault
        if not data:
            return
        if fault is None or fault.kind is Kind.DUPLICATE:
            await self._put(data)
        elif fault.kind is Kind.DELAY:
            await asyncio.sleep(fault.seconds / 4)
            await self._put(data)
        elif fault.kind is Kind.THROTTLE:
            size = -(-len(data) // _PIECES)
            for start in range(0, len(data), size):
                await asyncio.sleep(fault.seconds / _PIECES)
                await self._put(data[start : start + size])
        else:
            for place in range(min(len(data), _DRIBBLED)):
                await self._put(data[place : place + 1])
                await asyncio.sleep(0)
            await self._put(data[_DRIBBLED:])

    async def _put(self, data: bytes) -> None:
        if data and not self._writer.is_closing():
            self._writer.write(data)
            with suppress(ConnectionError):
                await self._writer.drain()
